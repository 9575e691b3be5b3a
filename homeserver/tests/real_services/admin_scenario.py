"""An administrator does with synadm what administrators do."""

import json
import time

from client import Client, Refused, expect_refused, until
from report import expect
from synadm import Synadm


class AdminScenario:
    def __init__(self, steps, server, folder, python):
        self.steps, self.server, self.folder, self.python = steps, server, folder, python

    def run(self):
        step = self.steps.step
        with self.steps.needed("somebody is made an administrator"):
            self.root = Client(self.server, "root")
            self.server.make_admin(self.root.id)
            self.alice, self.bob = Client(self.server, "alice"), Client(self.server, "bob")
            self.synadm = Synadm(self.folder, self.python, self.server, self.root)
            self.ask = self.synadm.ask
            self.room = self.alice.create_room(preset="public_chat", name="Tavern")
            self.bob.join(self.room)
        with step("1 the version is told"):
            expect(self.ask("version").get("server_version"), "no version")
        with step("2 accounts are listed and searched"):
            names = [user["name"] for user in self.ask("user", "list", "-l", "100")["users"]]
            expect({self.root.id, self.alice.id, self.bob.id} <= set(names), f"{names}")
            found = self.ask("user", "list", "-n", self.alice.id.split(":")[0][1:])
            expect([user["name"] for user in found["users"]] == [self.alice.id], f"{found}")
        with step("3 an account is made, with a password and a name"):
            self.ask("user", "modify", "carol", "-P", "very secret", "-n", "Carol")
            details = self.ask("user", "details", "carol")
            expect(details["displayname"] == "Carol", f"{details}")
            self.log_in("carol", "very secret")
        with step("4 a password is set"):
            self.synadm.run("user", "password", "carol", "-p", "another one")
            expect_refused(lambda: self.log_in("carol", "very secret"))
            self.log_in("carol", "another one")
        with step("5 an account is locked and opened again"):
            self.ask("user", "modify", self.bob.id, "--lock")
            expect_refused(lambda: self.bob.call("GET", "/client/v3/account/whoami"), "M_USER_LOCKED")
            self.ask("user", "modify", self.bob.id, "--unlock")
            until("bob is back", lambda: self.bob.call("GET", "/client/v3/account/whoami"))
        with step("6 an account is suspended and is so no more"):
            self.synadm.run("user", "suspend", self.bob.id)
            expect_refused(lambda: self.bob.send(self.room, "hello"), "M_USER_SUSPENDED")
            self.synadm.run("user", "suspend", "--unsuspend", self.bob.id)
            self.bob.send(self.room, "hello")
        with step("7 nobody hears who is shadow-banned"):
            self.synadm.run("user", "shadow-ban", self.bob.id)
            until("bob's words go nowhere", lambda: self.is_not_heard("spam"))
            self.synadm.run("user", "shadow-ban", "-u", self.bob.id)
        with step("8 a user's rooms and sessions are told"):
            joined = self.ask("user", "membership", self.bob.id)
            expect(self.room in json.dumps(joined), f"{joined}")
            expect(self.ask("user", "whois", self.bob.id)["user_id"] == self.bob.id, "another user")
        with step("9 an administrator acts as a user"):
            token = self.ask("user", "login", self.bob.id, "--expire-never")["access_token"]
            expect(token and token != self.bob.token, "no token of its own")
        with step("10 old devices are pruned"):
            old = self.alice.second_device()
            old.call("GET", "/client/v3/account/whoami")
            prune = ("user", "prune-devices", "-d", "0", "-s", "0", "-i", old.device)
            listed = self.ask(*prune, "--list-only", self.alice.id)
            expect([device["device_id"] for device in listed] == [old.device], f"{listed}")
            old.call("GET", "/client/v3/account/whoami")
            self.ask(*prune, self.alice.id)
            expect_refused(lambda: old.call("GET", "/client/v3/account/whoami"), "M_UNKNOWN_TOKEN")
        with step("11 rooms are listed, found and described"):
            found = self.ask("room", "list", "-n", "tavern")
            expect([room["room_id"] for room in found["rooms"]] == [self.room], f"{found}")
            expect(self.ask("room", "details", self.room)["joined_local_members"] == 2, "not two members")
            members = self.ask("room", "members", self.room)
            expect(set(members["members"]) == {self.alice.id, self.bob.id}, f"{members}")
            state = self.ask("room", "state", self.room)["state"]
            expect(any(event["type"] == "m.room.name" for event in state), "no name")
        with step("12 a user is brought into a room, and given power"):
            self.ask("room", "join", self.room, self.root.id)
            self.ask("room", "make-admin", self.room, "-u", self.root.id)
            levels = self.root.call("GET", f"/client/v3/rooms/{self.room}/state/m.room.power_levels/")
            expect(levels["users"].get(self.root.id) == 100, f"{levels}")
        with step("13 a room is blocked, and opened again"):
            blocked = self.alice.create_room(preset="public_chat")
            self.ask("room", "block", blocked, "--block")
            expect(self.ask("room", "block-status", blocked)["block"] is True, "not blocked")
            expect_refused(lambda: self.bob.join(blocked), "M_FORBIDDEN", "M_UNKNOWN")
            self.ask("room", "block", blocked, "--unblock")
            self.bob.join(blocked)
        with step("14 what a user sent is redacted"):
            self.bob.send(self.room, "a rude word")
            begun = self.ask("user", "redact", self.bob.id, "-r", self.room, "--reason", "rude")
            status = ("user", "redact-status", begun["redact_id"])
            until("it is done", lambda: self.ask(*status)["status"] == "complete")
            expect(not self.said("a rude word"), "it can still be read")
        with step("15 history is purged"):
            self.alice.send(self.room, "long ago")
            last = self.alice.send(self.room, "today")
            begun = self.ask("history", "purge", self.room, "-i", last, "--delete-local")
            status = ("history", "purge-status", begun["purge_id"])
            until("it is done", lambda: self.ask(*status)["status"] == "complete")
            expect(not self.said("long ago") and self.said("today"), "another history")
        with step("16 media are listed, quarantined, set free and protected"):
            media = self.upload(self.bob, b"a picture")
            listed = self.ask("media", "list", "-u", self.bob.id)
            expect([item["media_id"] for item in listed["media"]] == [media], f"{listed}")
            self.ask("media", "quarantine", "-i", media, "-s", self.server.server_name)
            expect_refused(lambda: self.download(self.bob, media), "M_NOT_FOUND")
            self.ask("media", "unquarantine", "-i", media, "-s", self.server.server_name)
            expect(self.download(self.bob, media) == b"a picture", "other bytes")
            self.ask("media", "protect", media)
        with step("17 media are deleted, one and by age"):
            one = self.upload(self.alice, b"one")
            expect(self.ask("media", "delete", "-i", one)["deleted_media"] == [one], "another one")
            expect_refused(lambda: self.download(self.alice, one), "M_NOT_FOUND")
            two = self.upload(self.alice, b"two")
            old = self.ask("media", "delete", "--before-ts", int(time.time() * 1000))
            expect(two in old["deleted_media"], f"{old}")
            expect(self.ask("media", "purge", "-d", "30")["deleted"] == 0, "copies were deleted")
        with step("18 registration tokens are made, changed and deleted"):
            token = self.ask("regtok", "new", "-n", "welcome", "-u", "3")
            expect(token["uses_allowed"] == 3, f"{token}")
            self.ask("regtok", "update", "welcome", "-u", "5")
            expect(self.ask("regtok", "details", "welcome")["uses_allowed"] == 5, "not changed")
            tokens = self.ask("regtok", "list")["registration_tokens"]
            expect([token["token"] for token in tokens] == ["welcome"], f"{tokens}")
            self.synadm.run("regtok", "delete", "welcome")
            expect(self.ask("regtok", "list")["registration_tokens"] == [], "it is still there")
        with step("19 a room is deleted, and its people are brought elsewhere"):
            begun = self.ask("room", "delete", self.room, "-u", self.root.id, "-b", "-m", "It is gone.")
            status = ("room", "delete-status", "-d", begun["delete_id"])
            done = until("it is done", lambda: self.completed(self.ask(*status)))
            shut = done["shutdown_room"]
            expect({self.alice.id, self.bob.id} <= set(shut["kicked_users"]), f"{shut}")
            expect(self.bob.joined(shut["new_room_id"]) >= {self.bob.id}, "bob is not in the new room")
            expect_refused(lambda: self.bob.join(self.room), "M_FORBIDDEN", "M_UNKNOWN")
        with step("20 an account is ended"):
            self.ask("user", "deactivate", "-e", self.bob.id)
            expect_refused(lambda: self.bob.call("GET", "/client/v3/account/whoami"), "M_UNKNOWN_TOKEN")
            expect(self.ask("user", "details", self.bob.id)["deactivated"], "it is not ended")

    def log_in(self, name, password):
        identifier = {"type": "m.id.user", "user": name}
        body = {"type": "m.login.password", "identifier": identifier, "password": password}
        return self.root.call("POST", "/client/v3/login", body)

    def said(self, text):
        """What is left in the room that says a text."""
        return [
            event
            for event in self.alice.history(self.room)
            if event.get("content", {}).get("body") == text
        ]

    def is_not_heard(self, text):
        try:
            self.bob.send(self.room, text)
        except Refused:
            return False
        return not self.said(text)

    def completed(self, status):
        return status if status["status"] == "complete" else None

    def upload(self, client, data):
        answer = client.raw("POST", "/media/v3/upload", data, "text/plain")
        return json.loads(answer)["content_uri"].rsplit("/", 1)[1]

    def download(self, client, media):
        return client.raw("GET", f"/client/v1/media/download/{self.server.server_name}/{media}")
