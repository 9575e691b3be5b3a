"""A Matrix client on matrix-nio that does what the driver tells it.

    python nio_client.py URL STORE_FOLDER

One JSON object a line on standard input, {"id", "verb", "args"}; one a line on
standard output, {"id", "ok", "result" or "error"}. `js_client.mjs` speaks the
same verbs. Logs go to standard error.
"""

import asyncio
import base64
import io
import json
import logging
import os
import sys

from nio import (
    AsyncClient,
    AsyncClientConfig,
    DeleteDevicesAuthResponse,
    DeleteDevicesResponse,
    ErrorResponse,
    Event,
    EphemeralEvent,
    InviteMemberEvent,
    MegolmEvent,
    ReceiptEvent,
    RedactedEvent,
    RedactionEvent,
    Response,
    SyncError,
    SyncResponse,
    TypingNoticeEvent,
)
from nio.api import MessageDirection, RelationshipType
from nio.crypto import decrypt_attachment
from nio.responses import RegisterInteractiveResponse

from nio_key_backup import CommandError, KeyBackup

SYNC_TIMEOUT_MS = 30_000


def succeeded(response):
    """The response itself, or a CommandError that names the server's error."""
    if isinstance(response, ErrorResponse) or not isinstance(response, Response):
        raise CommandError(f"{type(response).__name__}: {response}")
    return response


class CountingClient(AsyncClient):
    """Counts the syncs without a token: one a session, however often the server restarts."""

    full_syncs = 0

    async def sync(self, timeout=0, sync_filter=None, since=None, full_state=None, set_presence=None):
        if not (since or self.next_batch):
            self.full_syncs += 1
        return await super().sync(timeout, sync_filter, since, full_state, set_presence)


class NioClient:
    def __init__(self, url, store_path):
        self.url = url
        self.store_path = store_path
        self.client = None
        self.sync_task = None
        self.sync_error = None
        self.password = None
        # Everything the sync brought, for wait_for: events by (room id, event id).
        self.events = {}
        self.redactions = set()
        self.receipts = set()
        self.typing = {}
        self.delivered_twice = []
        self.changed = asyncio.Event()
        self.key_backup = None

    # --- account -----------------------------------------------------------

    async def register(self, username, password):
        """Registers through user-interactive authentication, then logs that first session out."""
        client = AsyncClient(self.url)
        try:
            # nio turns an empty auth into the dummy stage; without a type it only asks for the flows.
            challenge = await client.register_interactive(
                username, password, auth_dict={"initial_device_display_name": "nio"}
            )
            if not isinstance(challenge, RegisterInteractiveResponse):
                raise CommandError(f"/register without auth did not offer flows: {challenge}")
            if challenge.stages != ["m.login.dummy"]:
                raise CommandError(f"expected the flow m.login.dummy, got {challenge.stages}")
            registered = succeeded(
                await client.register(username, password, session_token=challenge.session)
            )
            succeeded(await client.logout())
            return {"user_id": registered.user_id}
        finally:
            await client.close()

    async def login(self, username, password, device_name):
        """Logs in, uploads keys and syncs until stopped; returns after the first sync."""
        os.makedirs(self.store_path, exist_ok=True)
        config = AsyncClientConfig(max_timeout_retry_wait_time=1, request_timeout=30)
        self.client = CountingClient(
            self.url, username, store_path=self.store_path, config=config
        )
        self.password = password
        succeeded(await self.client.login(password, device_name=device_name))
        who = succeeded(await self.client.whoami())
        if (who.user_id, who.device_id) != (self.client.user_id, self.client.device_id):
            raise CommandError(f"whoami says {who.user_id} {who.device_id}")
        self.client.add_event_callback(self.on_event, Event)
        self.client.add_event_callback(self.on_invite, InviteMemberEvent)
        self.client.add_ephemeral_callback(self.on_ephemeral, EphemeralEvent)
        self.client.add_response_callback(self.on_response)
        self.sync_task = asyncio.ensure_future(self.client.sync_forever(SYNC_TIMEOUT_MS))
        await self.until(lambda: self.client.next_batch or None)
        return {"user_id": self.client.user_id, "device_id": self.client.device_id}

    async def sync_position(self):
        return {
            "access_token": self.client.access_token,
            "next_batch": self.client.next_batch,
            "full_syncs": self.client.full_syncs,
            "delivered_twice": self.delivered_twice,
        }

    async def reconnect(self):
        """The server is back: nio finds out by itself within a second."""

    async def logout(self):
        token = self.client.access_token
        self.sync_task.cancel()
        succeeded(await self.client.logout())
        self.client.access_token = token
        who = await self.client.whoami()
        if getattr(who, "status_code", None) != "M_UNKNOWN_TOKEN":
            raise CommandError(f"the token still works after logout: {who}")

    async def delete_device(self, device_id):
        """Deletes another device of the user; the server must ask for the password."""
        challenge = await self.client.delete_devices([device_id])
        if not isinstance(challenge, DeleteDevicesAuthResponse):
            raise CommandError(f"delete_devices asked for no password: {challenge}")
        auth = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": self.client.user_id},
            "password": self.password,
            "session": challenge.session,
        }
        done = await self.client.delete_devices([device_id], auth)
        if not isinstance(done, DeleteDevicesResponse):
            raise CommandError(f"delete_devices failed: {done}")

    # --- rooms -------------------------------------------------------------

    async def create_room(self, name, encrypted):
        encryption = {
            "type": "m.room.encryption",
            "state_key": "",
            "content": {"algorithm": "m.megolm.v1.aes-sha2"},
        }
        created = succeeded(
            await self.client.room_create(
                name=name, initial_state=[encryption] if encrypted else []
            )
        )
        await self.until(lambda: self.client.rooms.get(created.room_id))
        return {"room_id": created.room_id}

    async def invite(self, room_id, user_id):
        succeeded(await self.client.room_invite(room_id, user_id))

    async def join(self, room_id):
        succeeded(await self.client.join(room_id))
        await self.until(lambda: self.client.rooms.get(room_id))

    # --- messages ----------------------------------------------------------

    async def send(self, room_id, body, mentions=()):
        content = {"msgtype": "m.text", "body": body}
        if mentions:
            content["m.mentions"] = {"user_ids": list(mentions)}
        return await self.send_event(room_id, "m.room.message", content)

    async def edit(self, room_id, event_id, body):
        content = {
            "msgtype": "m.text",
            "body": f"* {body}",
            "m.new_content": {"msgtype": "m.text", "body": body},
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        return await self.send_event(room_id, "m.room.message", content)

    async def react(self, room_id, event_id, key):
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        return await self.send_event(room_id, "m.reaction", {"m.relates_to": relation})

    async def reply_thread(self, room_id, root_id, body):
        content = {
            "msgtype": "m.text",
            "body": body,
            "m.relates_to": {
                "rel_type": "m.thread",
                "event_id": root_id,
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": root_id},
            },
        }
        return await self.send_event(room_id, "m.room.message", content)

    async def redact(self, room_id, event_id, reason):
        done = succeeded(await self.client.room_redact(room_id, event_id, reason))
        return {"event_id": done.event_id}

    async def send_event(self, room_id, event_type, content):
        if self.client.should_query_keys:
            succeeded(await self.client.keys_query())
        sent = succeeded(
            await self.client.room_send(
                room_id, event_type, content, ignore_unverified_devices=True
            )
        )
        return {"event_id": sent.event_id}

    async def typing_notice(self, room_id, typing):
        succeeded(await self.client.room_typing(room_id, typing, 30_000))

    async def read(self, room_id, event_id):
        """Moves both the read receipt and the fully-read marker."""
        succeeded(await self.client.update_receipt_marker(room_id, event_id))
        succeeded(await self.client.room_read_markers(room_id, event_id, event_id))

    async def relations(self, room_id, event_id, rel_type):
        children = self.client.room_get_event_relations(
            room_id, event_id, RelationshipType(rel_type)
        )
        return {"events": [self.described(event) async for event in children]}

    async def threads(self, room_id):
        roots = [event async for event in self.client.room_get_threads(room_id)]
        return {
            "roots": [
                {
                    "event_id": root.event_id,
                    "count": root.source["unsigned"]["m.relations"]["m.thread"]["count"],
                }
                for root in roots
            ]
        }

    async def history(self, room_id):
        """All events of the room by /messages, oldest last, as far as this device can decrypt them."""
        found, start = [], None
        while True:
            page = succeeded(
                await self.client.room_messages(
                    room_id, start, direction=MessageDirection.back, limit=20
                )
            )
            found += [self.described(event) for event in page.chunk]
            if page.end is None or not page.chunk:
                return {"events": found}
            start = page.end

    def described(self, event):
        if isinstance(event, MegolmEvent):
            try:
                event = self.client.decrypt_event(event)
            except Exception as error:
                return {"event_id": event.event_id, "failure": str(error)}
        content = event.source.get("content", {})
        return {
            "event_id": event.event_id,
            "sender": event.sender,
            "type": event.source["type"],
            "body": content.get("body"),
            "encrypted": event.decrypted,
            "relates_to": content.get("m.relates_to"),
        }

    # --- media -------------------------------------------------------------

    async def upload(self, room_id, name, content_type, data, encrypted):
        """Uploads a file and sends it to the room."""
        data = base64.b64decode(data)
        uploaded, keys = await self.client.upload(
            io.BytesIO(data), content_type, name, encrypted, filesize=len(data)
        )
        uri = succeeded(uploaded).content_uri
        content = {
            "msgtype": "m.file",
            "body": name,
            "info": {"mimetype": content_type, "size": len(data)},
        }
        if encrypted:
            content["file"] = {"url": uri, **keys}
        else:
            content["url"] = uri
        sent = await self.send_event(room_id, "m.room.message", content)
        return {"mxc": uri, **sent}

    async def download(self, room_id, event_id):
        """The file an event carries, decrypted when it is encrypted."""
        content = self.events[room_id, event_id].source["content"]
        file = content.get("file")
        answer = succeeded(await self.client.download(file["url"] if file else content["url"]))
        data = answer.body
        if file:
            data = decrypt_attachment(data, file["key"]["k"], file["hashes"]["sha256"], file["iv"])
        return {
            "data": base64.b64encode(data).decode(),
            "content_type": answer.content_type,
            "filename": answer.filename,
        }

    async def thumbnail(self, mxc, width, height):
        server_name, media_id = mxc.removeprefix("mxc://").split("/")
        answer = succeeded(await self.client.thumbnail(server_name, media_id, width, height))
        return {
            "data": base64.b64encode(answer.body).decode(),
            "content_type": answer.content_type,
        }

    # --- key backup --------------------------------------------------------

    async def backup(self):
        self.key_backup = KeyBackup(self.client)
        return {"recovery_key": await self.key_backup.create()}

    async def backup_complete(self):
        return {"count": await self.key_backup.upload()}

    async def restore(self, recovery_key):
        return {"imported": await KeyBackup(self.client).restore(recovery_key)}

    # --- what the sync brings ------------------------------------------------

    async def on_event(self, room, event):
        key = (room.room_id, event.event_id)
        if key in self.events:
            self.delivered_twice.append(event.event_id)
        self.events[key] = event
        if isinstance(event, RedactionEvent):
            self.redactions.add((room.room_id, event.redacts))
        elif isinstance(event, RedactedEvent):
            self.redactions.add(key)

    async def on_invite(self, room, event):
        """Nothing to keep: nio's own list of invited rooms is what wait_for asks."""

    async def on_ephemeral(self, room, event):
        if isinstance(event, TypingNoticeEvent):
            self.typing[room.room_id] = set(event.users)
        elif isinstance(event, ReceiptEvent):
            self.receipts |= {(room.room_id, r.user_id, r.event_id) for r in event.receipts}

    async def on_response(self, response):
        """Runs after each response, when nio has handled all of it."""
        if isinstance(response, SyncError):
            self.sync_error = response
        elif isinstance(response, SyncResponse):
            self.sync_error = None
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, seen):
        """Waits until `seen` returns something other than None; the driver's deadline bounds it."""
        while (result := seen()) is None:
            waiting = asyncio.ensure_future(self.changed.wait())
            try:
                await asyncio.wait({waiting, self.sync_task}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
            if self.sync_task.done():
                raise CommandError(f"the sync loop ended: {self.sync_task.exception()!r}")
            if self.sync_error and self.sync_error.status_code == "M_UNKNOWN_TOKEN":
                raise CommandError(f"sync: {self.sync_error}")
        return result

    async def wait_for(self, what, timeout, **args):
        seen = getattr(self, f"seen_{what}")
        try:
            return await asyncio.wait_for(self.until(lambda: seen(**args)), timeout)
        except (TimeoutError, asyncio.TimeoutError):
            known = self.events.get((args.get("room_id"), args.get("event_id")))
            problem = f"no {what} {args} within {timeout} s"
            if isinstance(known, MegolmEvent):
                problem += "; the event came, but its room key did not"
            elif known:
                problem += f"; the event is {known.source}"
            if self.sync_error:
                problem += f"; last sync: {self.sync_error}"
            raise CommandError(problem) from None

    def seen_message(self, room_id, event_id, body):
        event = self.events.get((room_id, event_id))
        if event is None or event.source.get("content", {}).get("body") != body:
            return None
        return self.described(event)

    def seen_edit(self, room_id, event_id, body):
        return self.child(room_id, event_id, "m.replace", lambda c: c["m.new_content"]["body"] == body)

    def seen_reaction(self, room_id, event_id, key):
        return self.child(room_id, event_id, "m.annotation", lambda c: c["m.relates_to"]["key"] == key)

    def seen_thread_reply(self, room_id, root_id, body):
        return self.child(room_id, root_id, "m.thread", lambda c: c["body"] == body)

    def child(self, room_id, parent_id, rel_type, matches):
        for (of_room, _), event in self.events.items():
            content = event.source.get("content", {})
            relation = content.get("m.relates_to", {})
            found = (of_room, relation.get("rel_type"), relation.get("event_id"))
            if found == (room_id, rel_type, parent_id) and not isinstance(event, MegolmEvent):
                if matches(content):
                    return self.described(event)
        return None

    def seen_redaction(self, room_id, event_id):
        return True if (room_id, event_id) in self.redactions else None

    def seen_typing(self, room_id, user_id, typing):
        return True if (user_id in self.typing.get(room_id, ())) == typing else None

    def seen_receipt(self, room_id, user_id, event_id):
        return True if (room_id, user_id, event_id) in self.receipts else None

    def seen_invite(self, room_id):
        return True if room_id in self.client.invited_rooms else None

    def seen_member(self, room_id, user_id):
        room = self.client.rooms.get(room_id)
        member = room and room.users.get(user_id)
        return True if member and not member.invited else None

    def seen_device(self, user_id, device_id, verified=False):
        """nio knows nothing of cross-signing, so it never sees a device as verified."""
        device = self.client.device_store[user_id].get(device_id)
        return True if device and not device.deleted and not verified else None

    def seen_device_gone(self, user_id, device_id):
        device = self.client.device_store[user_id].get(device_id)
        return True if device is None or device.deleted else None

    def seen_unread(self, room_id, notifications, highlights):
        room = self.client.rooms[room_id]
        counts = (room.unread_notifications, room.unread_highlights)
        return True if counts == (notifications, highlights) else None


async def obey(commands, line):
    command = json.loads(line)
    answer = {"id": command["id"]}
    try:
        verb = getattr(commands, command["verb"])
        answer |= {"ok": True, "result": await verb(**command["args"])}
    except Exception as error:
        if not isinstance(error, CommandError):
            logging.exception("%s failed", command["verb"])
        answer |= {"ok": False, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)


async def main(url, store_path):
    commands = NioClient(url, store_path)
    loop = asyncio.get_running_loop()
    # A command may wait for what a later one causes, so each is a task of its own.
    tasks = set()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        task = asyncio.ensure_future(obey(commands, line))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    if commands.sync_task:
        commands.sync_task.cancel()
    if commands.client:
        await commands.client.close()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    asyncio.run(main(*sys.argv[1:]))
