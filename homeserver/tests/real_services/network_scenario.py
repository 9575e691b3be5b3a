"""People look for channels and people of another network, through a bridge on matrix-appservice-bridge."""

import secrets

from client import Client, expect_refused, quoted, until
from report import expect

# A Synapse waits ever longer before it tries a service again.
SLOW_S = 90
# A room of the first is upgraded to the second.
VERSIONS = ("10", "11")


class NetworkScenario:
    def __init__(self, steps, server, bridge):
        self.steps, self.server, self.bridge = steps, server, bridge

    def run(self):
        with self.steps.needed("the bridge starts"):
            self.bot = self.bridge.start()
            self.alice = Client(self.server, "alice")
        self.looked_up()
        self.third_parties()
        self.directory()
        with self.steps.step("the bridge and its people follow an upgrade of a room"):
            self.upgrade()
        with self.steps.step("the bridge is away"):
            self.bridge.stop()
            self.alice.send(self.tea, text := self.text())
            self.bridge.start()
            until("it hears what was said", lambda: self.bridge.heard(text) == [self.alice.id], SLOW_S)
        self.alice.end()

    def looked_up(self):
        step, alice, bridge = self.steps.step, self.alice, self.bridge
        with self.steps.needed("a room is made when its alias is looked up"):
            found = alice.call("GET", f"/client/v3/directory/room/{quoted(self.alias('tea'))}")
            self.tea = alice.join(self.alias("tea"))
            expect(found["room_id"] == self.tea, f"{found} is not {self.tea}")
        with step("a room that is not over there is not here"):
            path = f"/client/v3/directory/room/{quoted(self.alias('nothing'))}"
            expect_refused(lambda: alice.call("GET", path), "M_NOT_FOUND")
            expect_refused(lambda: alice.join(self.alias("nothing")), "M_NOT_FOUND")
        with step("somebody is made when they are invited"):
            room = alice.create_room(invite=[self.ghost("carol")])
            expect(alice.state_of(room, "m.room.member", self.ghost("carol"))["membership"] == "invite", "no invite")
            path = f"/client/v3/profile/{quoted(self.ghost('carol'))}"
            named = lambda: alice.call("GET", path).get("displayname") == "carol"
            until("they have their name", named, SLOW_S)
        with step("they talk both ways"):
            said = self.text()
            event = bridge.call("say", who="carol", room=self.tea, text=said)
            expect(alice.wait_event(self.tea, event)["content"]["body"] == said, "another text")
            alice.send(self.tea, text := self.text())
            until("it is heard", lambda: bridge.heard(text) == [alice.id], SLOW_S)
            expect(not bridge.heard(said), "it came back")

    def third_parties(self):
        with self.steps.needed("the network is known, with its people and places"):
            found = lambda path, **fields: self.alice.call("GET", f"/client/v3/thirdparty/{path}", **fields)
            protocol = found("protocols")["net"]
            instance = protocol["instances"][0]
            expect(instance["network_id"] == "home" and instance.get("instance_id"), f"{protocol}")
            expect(found("protocol/net")["location_fields"] == ["channel"], "other fields")
            expect(found("location/net", channel="tea")[0]["alias"] == self.alias("tea"), "another place")
            expect(found("user/net", name="carol")[0]["userid"] == self.ghost("carol"), "another user")
            # Synapse asks nobody what an alias or a user is elsewhere.
            if self.server.kind != "synapse":
                place, person = found("location", alias=self.alias("tea")), found("user", userid=self.ghost("carol"))
                expect(place[0]["fields"] == {"channel": "tea"}, "another channel")
                expect(person[0]["fields"] == {"name": "carol"}, "another name")
            self.instance = instance["instance_id"]

    def directory(self):
        with self.steps.step("a room is published for the network, and not for all"):
            self.bridge.call("publish", room=self.tea)
            of_network = {"third_party_instance_id": self.instance}
            until("it is there", lambda: self.tea in self.published(of_network))
            expect(self.tea in self.published({"include_all_networks": True}), "it is of no network")
            expect(self.tea not in self.published({}), "all see it")

    def upgrade(self):
        alice, ghost = self.alice, self.ghost("carol")
        old = alice.create_room(preset="public_chat", invite=[self.bot], room_version=VERSIONS[0])
        until("the bot is there", lambda: self.bot in alice.joined(old), SLOW_S)
        self.bridge.call("say", who="carol", room=old, text="hello")
        new = alice.in_room("POST", old, "upgrade", {"new_version": VERSIONS[1]})["replacement_room"]
        until("all went to the new room", lambda: {self.bot, ghost} <= alice.joined(new), SLOW_S)

    def published(self, of):
        rooms = self.alice.call("POST", "/client/v3/publicRooms", of)["chunk"]
        return [room["room_id"] for room in rooms]

    def alias(self, channel):
        return f"#net_{channel}:{self.server.server_name}"

    def ghost(self, name):
        return f"@net_{name}:{self.server.server_name}"

    def text(self):
        return f"text {secrets.token_hex(4)}"
