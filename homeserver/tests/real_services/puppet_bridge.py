"""A bridge on mautrix to a network that is nothing but the lines this process reads and writes.

    python puppet_bridge.py -c config.json [-g -r registration.yaml]

One JSON object a line on standard input, {"id", "verb", "args"}; one a line on standard output, {"id", "ok", "result" or
"error"}, as the clients of `real_clients` speak. What is a channel over there is an encrypted room here; who speaks
there is a ghost here, or a person of this server whom the bridge may speak for. Logs go to standard error.
"""

import asyncio
import json
import logging
import sys

from mautrix import bridge as br
from mautrix.types import EncryptionAlgorithm, MessageType, RoomEncryptionStateEventContent, TextMessageEventContent
from mautrix.util.async_db import UpgradeTable

GHOST_PREFIX = "puppet_"
tables = UpgradeTable()


@tables.register(description="All there is")
async def make_tables(connection):
    # mautrix itself looks for encrypted rooms in a table of that name.
    await connection.execute("CREATE TABLE portal (channel TEXT PRIMARY KEY, mxid TEXT NOT NULL, encrypted BOOLEAN NOT NULL)")
    await connection.execute("CREATE TABLE puppet (name TEXT PRIMARY KEY, is_registered BOOLEAN NOT NULL, custom_mxid TEXT)")


class Config(br.BaseBridgeConfig):
    """The file has all that is needed: nothing is filled in from an example."""

    def load_base(self):
        return self

    def do_update(self, helper):
        pass


class User(br.BaseUser):
    """Somebody on Matrix. Everybody may use the bridge."""

    is_whitelisted = True
    is_admin = False

    def __init__(self, mxid):
        self.mxid = mxid
        super().__init__()

    async def is_logged_in(self):
        return True

    async def get_puppet(self):
        return None

    async def get_portal_with(self, puppet, create=True):
        return None


class Puppet(br.BasePuppet):
    """Somebody on the other network: a ghost, or the account here of a person who is there too."""

    def __init__(self, bridge, name, is_registered=False, custom_mxid=None):
        self.bridge = bridge
        self.name = name
        self.is_registered = is_registered
        self.custom_mxid = custom_mxid
        # What mautrix calls the token of a service that may act as everybody.
        self.access_token = "appservice-config" if custom_mxid else None
        self.default_mxid = bridge.ghost_id(name)
        self.default_mxid_intent = self.az.intent.user(self.default_mxid)
        self.intent = self._fresh_intent()

    @classmethod
    async def get_by_mxid(cls, mxid):
        return await cls.bridge.get_puppet(mxid)

    @classmethod
    async def get_by_custom_mxid(cls, mxid):
        return await cls.bridge.get_double_puppet(mxid)

    async def save(self):
        await self.bridge.db.execute(
            "INSERT OR REPLACE INTO puppet (name, is_registered, custom_mxid) VALUES ($1, $2, $3)",
            self.name,
            self.is_registered,
            self.custom_mxid,
        )


class Portal(br.BasePortal):
    """A channel, and the room that it is here."""

    is_direct = False

    def __init__(self, bridge, channel, mxid, encrypted):
        super().__init__()
        self.bridge, self.az, self.matrix = bridge, bridge.az, bridge.matrix
        self.main_intent = bridge.az.intent
        self.channel = self.bridge_info_state_key = channel
        self.mxid, self.encrypted = mxid, encrypted

    bridge_info_state_key = None
    bridge_info = None

    async def get_dm_puppet(self):
        return None

    async def save(self):
        await self.bridge.db.execute(
            "INSERT OR REPLACE INTO portal (channel, mxid, encrypted) VALUES ($1, $2, $3)",
            self.channel,
            self.mxid,
            self.encrypted,
        )

    async def delete(self):
        await self.bridge.db.execute("DELETE FROM portal WHERE channel=$1", self.channel)

    async def handle_matrix_message(self, sender, message, event_id):
        self.bridge.heard.append({"channel": self.channel, "sender": sender.mxid, "text": message.body})


class MatrixHandler(br.BaseMatrixHandler):
    def __init__(self, bridge):
        # By these mautrix tells ghosts from people, to whom alone keys are given.
        self.user_id_prefix = f"@{GHOST_PREFIX}"
        self.user_id_suffix = f":{bridge.config['homeserver.domain']}"
        super().__init__(bridge=bridge)

    async def handle_read_receipt(self, user, portal, event_id, data):
        self.bridge.reads.append({"channel": portal.channel, "user": user.mxid, "event_id": event_id})


class PuppetBridge(br.Bridge):
    module = "puppet_bridge"
    name = "puppet_bridge"
    command = "puppet_bridge"
    description = "A bridge to nowhere"
    version = "1"
    config_class = Config
    matrix_class = MatrixHandler
    upgrade_table = tables

    def prepare_bridge(self):
        super().prepare_bridge()
        # What was said and read on Matrix, as the other network hears of it.
        self.heard, self.reads = [], []
        self.users, self.puppets, self.portals = {}, {}, {}
        Puppet.bridge, Puppet.az, Puppet.mx, Puppet.loop = self, self.az, self.matrix, self.loop
        token = self.config["bridge.double_puppet_token"]
        Puppet.login_shared_secret_map = {self.config["homeserver.domain"]: f"as_token:{token}".encode()}
        User.bridge, User.az, User.loop = self, self.az, self.loop

    async def start(self):
        await super().start()
        for row in await self.db.fetch("SELECT name, is_registered, custom_mxid FROM puppet"):
            puppet = self.puppets[row["name"]] = Puppet(self, *row)
            await puppet.try_start()
            if puppet.custom_mxid:
                Puppet.by_custom_mxid[puppet.custom_mxid] = puppet
        for row in await self.db.fetch("SELECT channel, mxid, encrypted FROM portal"):
            self.portals[row["channel"]] = Portal(self, *row)
        self.obeying = asyncio.create_task(self.obey())

    # --- what mautrix asks ---------------------------------------------------

    def ghost_id(self, name):
        return f"@{GHOST_PREFIX}{name}:{self.config['homeserver.domain']}"

    def is_bridge_ghost(self, user_id):
        return user_id.startswith(f"@{GHOST_PREFIX}")

    async def get_user(self, user_id, create=True):
        if self.is_bridge_ghost(user_id) or user_id == self.az.bot_mxid:
            return None
        if user_id not in self.users:
            self.users[user_id] = User(user_id)
        return self.users[user_id]

    async def get_puppet(self, user_id, create=False):
        if not self.is_bridge_ghost(user_id):
            return None
        name = user_id.removeprefix(f"@{GHOST_PREFIX}").partition(":")[0]
        return self.puppet(name) if create else self.puppets.get(name)

    async def get_double_puppet(self, user_id):
        return Puppet.by_custom_mxid.get(user_id)

    async def get_portal(self, room_id):
        return next((portal for portal in self.portals.values() if portal.mxid == room_id), None)

    async def count_logged_in_users(self):
        return len(self.users)

    def puppet(self, name):
        if name not in self.puppets:
            self.puppets[name] = Puppet(self, name)
        return self.puppets[name]

    # --- what the other network does -----------------------------------------

    async def device(self):
        """The device whose keys all ghosts use."""
        return {"user_id": self.az.bot_mxid, "device_id": self.matrix.e2ee.client.device_id}

    async def open(self, channel, invite):
        """A channel comes to be, and people on Matrix are invited."""
        encryption = RoomEncryptionStateEventContent(EncryptionAlgorithm.MEGOLM_V1)
        state = {"type": "m.room.encryption", "state_key": "", "content": encryption.serialize()}
        mxid = await self.az.intent.create_room(name=channel, invitees=invite, initial_state=[state])
        # It would come by a transaction too, but perhaps later than somebody speaks.
        await self.az.state_store.set_encryption_info(mxid, encryption)
        portal = self.portals[channel] = Portal(self, channel, mxid, True)
        await portal.save()
        return {"room_id": mxid}

    async def say(self, channel, who, text):
        puppet, portal = self.puppet(who), self.portals[channel]
        if not puppet.is_real_user:
            await puppet.intent.set_displayname(who.title())
        content = TextMessageEventContent(msgtype=MessageType.TEXT, body=text)
        return {"event_id": await portal._send_message(puppet.intent, content)}

    async def become(self, who, user):
        """Somebody over there proves to be a person of this server, as whom they speak from now on."""
        await self.puppet(who).switch_mxid("auto", user)

    async def devices_of(self, user):
        """The devices of somebody on Matrix that the next message is encrypted for."""
        crypto = self.matrix.e2ee.crypto
        # It is held until the session that a new device does not have is given up.
        async with crypto._fetch_keys_lock:
            return list(await crypto.crypto_store.get_devices(user) or {})

    async def all_heard(self):
        return self.heard

    async def all_reads(self):
        return self.reads

    # --- lines ---------------------------------------------------------------

    async def obey(self):
        tasks = set()
        while line := await self.loop.run_in_executor(None, sys.stdin.readline):
            # A command may wait for what a later one causes, so each is a task of its own.
            task = asyncio.create_task(self.answer(json.loads(line)))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        self.manual_stop()

    async def answer(self, command):
        answer = {"id": command["id"]}
        try:
            answer |= {"ok": True, "result": await getattr(self, command["verb"])(**command["args"])}
        except Exception as error:
            logging.exception("%s failed", command["verb"])
            answer |= {"ok": False, "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


PuppetBridge().run()
