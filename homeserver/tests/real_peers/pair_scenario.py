"""What a person of one server asks of another server, beside the events of one room."""

import base64
import json
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from client import expect_refused, quoted, until
from report import expect
from scenario import png

# Valid points of the curve (the public keys of RFC 8032, section 7.1, tests 1 and 2).
MASTER_KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo"
DEVICE_SECRET = Ed25519PrivateKey.from_private_bytes(b"d" * 32)


def unpadded(raw):
    return base64.b64encode(raw).decode().rstrip("=")


DEVICE_KEY = unpadded(DEVICE_SECRET.public_key().public_bytes_raw())
TO_DEVICE = "org.hearth.test"
ONE_TIME = "signed_curve25519"


def initial_state(kind, content):
    return {"type": kind, "state_key": "", "content": content}


class PairScenario:
    """`host` is of the server that is asked, `guest` of the one that asks."""

    def __init__(self, steps, host, guest):
        self.steps = steps
        self.host = host
        self.guest = guest
        self.via = [host.server.server_name]
        self.room = None
        self.word = f"word{secrets.token_hex(4)}"
        self.alias = f"#{self.word}:{host.server.server_name}"

    def run(self):
        self.directory()
        self.profile_and_presence()
        self.to_device()
        self.keys()
        self.media()
        self.leave()
        self.knock()
        self.invite_rejected()
        self.restricted()

    # --- rooms that are found --------------------------------------------------

    def directory(self):
        with self.steps.needed("a public room with an alias"):
            self.room = self.host.create_room(
                preset="public_chat", visibility="public", room_alias_name=self.word, name=self.word
            )
        with self.steps.step("alias"):
            found = self.guest.call("GET", f"/client/v3/directory/room/{quoted(self.alias)}")
            expect(found["room_id"] == self.room, f"it is {found}")
            expect(self.via[0] in found["servers"], f"the host's server is not in {found['servers']}")
        with self.steps.step("an alias that nobody has"):
            path = f"/client/v3/directory/room/{quoted('#none' + self.alias[1:])}"
            expect_refused(lambda: self.guest.call("GET", path), "M_NOT_FOUND")
        with self.steps.step("public rooms, searched"):
            def found():
                body = {"limit": 50, "filter": {"generic_search_term": self.word}}
                page = self.guest.call("POST", "/client/v3/publicRooms", body, server=self.via[0])
                return any(room["room_id"] == self.room for room in page["chunk"])

            until("the room is in the list", found)
        with self.steps.step("public rooms, listed"):
            page = self.guest.call("GET", "/client/v3/publicRooms", server=self.via[0], limit=100)
            expect(any(room["room_id"] == self.room for room in page["chunk"]), "the room is not in the list")
        with self.steps.needed("join by alias"):
            expect(self.guest.join(self.alias) == self.room, "another room was joined")
            self.host.wait_event(self.room, self.guest.send(self.room, "found it"))

    def leave(self):
        with self.steps.step("leave"):
            self.guest.leave(self.room)
            until("left", lambda: self.guest.id not in self.host.joined(self.room))

    # --- people ----------------------------------------------------------------

    def profile_and_presence(self):
        name = f"Name {self.word}"
        with self.steps.step("profile"):
            avatar = f"mxc://{self.via[0]}/{self.word}"
            self.host.set_profile("displayname", name)
            self.host.set_profile("avatar_url", avatar)

            def profile():
                # Whoever shares a room may have kept what it was before.
                found = self.guest.profile(self.host)
                return (found.get("displayname"), found.get("avatar_url")) == (name, avatar)

            until("the new profile", profile)
        with self.steps.step("the new name is in the room"):
            def name_in_room():
                return self.guest.state_of(self.room, "m.room.member", self.host.id).get("displayname")

            until("the new name", lambda: name_in_room() == name)
        with self.steps.step("profile of nobody"):
            path = f"/client/v3/profile/{quoted(f'@nobody_{self.word}:{self.via[0]}')}"
            expect_refused(lambda: self.guest.call("GET", path), "M_NOT_FOUND")
        with self.steps.step("presence"):
            status = f"status {self.word}"
            path = f"/client/v3/presence/{quoted(self.host.id)}/status"
            self.host.call("PUT", path, {"presence": "online", "status_msg": status})
            self.guest.wait(
                "presence",
                lambda view: view.presence.get(self.host.id, {}).get("status_msg") == status,
            )

    def to_device(self):
        with self.steps.step("to-device messages, in order, each once"):
            sent = [{"n": n, "word": self.word} for n in range(3)]
            for content in sent:
                self.host.send_to_device(TO_DEVICE, self.guest, content)

            def came(view):
                of_host = [each for each in view.to_device if each["sender"] == self.host.id]
                return [each["content"] for each in of_host if each["content"].get("word") == self.word]

            self.guest.wait("to-device messages", lambda view: len(came(view)) >= len(sent))
            # One that came twice would come with the next message.
            self.host.wait_event(self.room, self.guest.send(self.room, "got them"))
            self.guest.wait_event(self.room, self.host.send(self.room, "good"))
            expect(came(self.guest.view) == sent, f"what came: {came(self.guest.view)}")

    # --- keys --------------------------------------------------------------------

    def keys(self):
        user, device = self.host.id, self.host.device
        with self.steps.step("new device keys are announced"):
            self.wait_announced(lambda: self.upload_keys(self.host))
        with self.steps.step("device keys"):
            found = self.query()
            expect(device in found["device_keys"].get(user, {}), f"the answer is {found}")
            keys = found["device_keys"][user][device]["keys"]
            expect(keys[f"ed25519:{device}"] == DEVICE_KEY, f"the keys are {keys}")
        with self.steps.step("a new signing key is announced"):
            master = {"user_id": user, "usage": ["master"], "keys": {f"ed25519:{MASTER_KEY}": MASTER_KEY}}
            path = "/client/v3/keys/device_signing/upload"
            self.wait_announced(lambda: self.host.with_password("POST", path, {"master_key": master}))
        with self.steps.step("signing keys"):
            found = self.query()
            keys = found.get("master_keys", {}).get(user, {}).get("keys", {})
            expect(keys.get(f"ed25519:{MASTER_KEY}") == MASTER_KEY, f"the answer is {found}")
        with self.steps.step("one-time keys, each given once"):
            claimed = [self.claim() for _ in range(2)]
            expect(all(claimed) and claimed[0] != claimed[1], f"claimed: {claimed}")
            expect(not self.claim(), "a third came out of two")
        with self.steps.step("a second device is announced"):
            second = self.host.second_device()
            self.wait_announced(lambda: self.upload_keys(second))
            devices = set(self.query()["device_keys"][user])
            expect(devices == {device, second.device}, f"the devices are {devices}")
        with self.steps.step("that it is gone is announced"):
            self.wait_announced(lambda: second.call("POST", "/client/v3/logout", {}))
            until("one device", lambda: set(self.query()["device_keys"][user]) == {device})

    def wait_announced(self, change):
        before = self.guest.view.changed_devices.count(self.host.id)
        change()
        self.guest.wait(
            f"device_lists.changed with {self.host.id}",
            lambda view: view.changed_devices.count(self.host.id) > before,
        )

    def query(self):
        return self.guest.call("POST", "/client/v3/keys/query", {"device_keys": {self.host.id: []}})

    def claim(self):
        wanted = {self.host.id: {self.host.device: ONE_TIME}}
        answer = self.guest.call("POST", "/client/v3/keys/claim", {"one_time_keys": wanted})
        return answer["one_time_keys"].get(self.host.id, {}).get(self.host.device)

    def upload_keys(self, client):
        user, device = client.id, client.device
        signature = {user: {f"ed25519:{device}": "b" * 86}}
        device_keys = {
            "user_id": user,
            "device_id": device,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": {f"ed25519:{device}": DEVICE_KEY, f"curve25519:{device}": "c" * 43},
        }
        canonical = json.dumps(device_keys, sort_keys=True, separators=(",", ":")).encode()
        own = unpadded(DEVICE_SECRET.sign(canonical))
        device_keys["signatures"] = {user: {f"ed25519:{device}": own}}
        one_time_keys = {
            f"{ONE_TIME}:AAAA{letter}": {"key": letter * 43, "signatures": signature} for letter in "xy"
        }
        body = {"device_keys": device_keys, "one_time_keys": one_time_keys}
        client.call("POST", "/client/v3/keys/upload", body)

    # --- media -------------------------------------------------------------------

    def media(self):
        with self.steps.step("media"):
            data = secrets.token_bytes(300_000)
            media = self.host.upload(data, "application/octet-stream")
            got = self.guest.download(media)
            expect(got == data, f"{len(got)} other bytes came")
        with self.steps.step("thumbnail"):
            media = self.host.upload(png(200, 100), "image/png")
            got = self.guest.thumbnail(media, 32, 32)
            expect(got[:4] == b"\x89PNG" or got[:2] == b"\xff\xd8", f"no picture: {got[:20]}")
        with self.steps.step("media that is not there"):
            media = f"{self.via[0]}/{self.word}"
            expect_refused(lambda: self.guest.download(media), "M_NOT_FOUND")

    # --- ways into a room ----------------------------------------------------------

    def knock(self):
        with self.steps.needed("a room to knock at"):
            rules = initial_state("m.room.join_rules", {"join_rule": "knock"})
            room = self.host.create_room(room_version="11", name="door", initial_state=[rules])
        with self.steps.step("knock"):
            self.knock_at(room)
            names = [each["content"].get("name") for each in self.guest.view.stripped[room]]
            expect("door" in names, f"the knock tells no name: {self.guest.view.stripped[room]}")
        # Synapse tells nobody that its user withdraws, or that it refuses, and does not listen to a refusal.
        kinds = (self.host.server.kind, self.guest.server.kind)
        if kinds[1] == "hearth":
            with self.steps.step("knock withdrawn"):
                self.guest.leave(room)
                until("withdrawn", lambda: self.host.membership(room, self.guest) == "leave")
                self.guest.wait_membership(room, "leave")
        if kinds == ("hearth", "hearth"):
            with self.steps.step("knock refused"):
                self.knock_at(room)
                self.host.remove("kick", room, self.guest)
                self.guest.wait_membership(room, "leave")
        with self.steps.step("knock answered with an invite"):
            self.knock_at(room)
            self.host.invite(room, self.guest)
            self.guest.wait_membership(room, "invite")
            self.guest.join(room)
            self.guest.wait_event(room, self.host.send(room, "come in"))
        with self.steps.step("no knock where only invites count"):
            closed = self.host.create_room(room_version="11", preset="private_chat")
            expect_refused(lambda: self.guest.knock(closed, self.via))

    def knock_at(self, room):
        self.guest.knock(room, self.via)
        self.guest.wait_membership(room, "knock")
        until("the knock", lambda: self.host.membership(room, self.guest) == "knock")

    def invite_rejected(self):
        with self.steps.step("an invite rejected"):
            room = self.host.create_room(preset="private_chat")
            self.host.invite(room, self.guest)
            self.guest.wait_membership(room, "invite")
            self.guest.leave(room)
            until("rejected", lambda: self.host.membership(room, self.guest) == "leave")

    def restricted(self):
        with self.steps.needed("a space with a restricted room"):
            space = self.host.create_room(preset="public_chat", creation_content={"type": "m.space"})
            allow = [{"type": "m.room_membership", "room_id": space}]
            rules = initial_state("m.room.join_rules", {"join_rule": "restricted", "allow": allow})
            room = self.host.create_room(room_version="11", name="inside", initial_state=[rules])
            self.host.set_state(space, "m.space.child", {"via": self.via}, room)
        with self.steps.step("who is not in the space is refused"):
            expect_refused(lambda: self.guest.join(room, self.via))
        with self.steps.needed("who is in the space joins"):
            self.guest.join(space, self.via)
            # The members of the space are told to the server by the join: there is nothing to wait for.
            self.guest.join(room, self.via)
            member = self.host.in_room("GET", room, f"state/m.room.member/{quoted(self.guest.id)}")
            authoriser = member.get("join_authorised_via_users_server")
            expect(authoriser == self.host.id, f"the member event is {member}")
            self.guest.wait_event(room, self.host.send(room, "inside"))
        with self.steps.step("hierarchy of the space"):
            path = f"/client/v1/rooms/{quoted(space)}/hierarchy"
            rooms = [each["room_id"] for each in self.guest.call("GET", path)["rooms"]]
            expect(rooms == [space, room], f"the rooms are {rooms}")
        with self.steps.step("hierarchy with a room that the asking server is not in"):
            far = self.host.create_room(preset="public_chat", name="far")
            event_id = self.host.set_state(space, "m.space.child", {"via": self.via}, far)
            self.guest.wait_event(space, event_id)

            def is_listed():
                rooms = self.guest.call("GET", path)["rooms"]
                return any(each["room_id"] == far and each.get("name") == "far" for each in rooms)

            until("the far room", is_listed)
