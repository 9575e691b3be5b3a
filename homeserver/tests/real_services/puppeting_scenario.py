"""People on Matrix talk in an encrypted room with people elsewhere, through a bridge on mautrix."""

import secrets

import environment
from client import Client, until
from client_process import ClientProcess
from report import expect

NIO_CLIENT = environment.HERE / "nio_client.py"
CHANNEL = "tea"
# A Synapse waits ever longer before it tries a service again.
SLOW_S = 90
# More keys than a device has at the server at once.
MANY_KEYS = 120


class Person:
    """Somebody on Matrix, each of whose devices is a matrix-nio that encrypts."""

    def __init__(self, server, name, folder, python, deadline):
        self.server, self.folder, self.python, self.deadline = server, folder, python, deadline
        self.name = name
        self.account = {"username": f"{name}_{secrets.token_hex(3)}", "password": secrets.token_urlsafe()}
        self.devices = []
        self.first_device_id = self.add_device()

    def add_device(self):
        name = f"{self.name}{len(self.devices) + 1}"
        command = [self.python, "-B", NIO_CLIENT, self.server.url, self.folder / name]
        log = self.folder / f"{name}.log"
        device = ClientProcess(f"{name} at {self.server.name}", command, log, self.deadline, self.folder)
        if not self.devices:
            device.call("register", **self.account)
        self.devices.append(device)
        session = device.call("login", **self.account, device_name=name)
        self.id = session["user_id"]
        return session["device_id"]

    def end(self):
        for device in self.devices:
            device.stop()


class PuppetingScenario:
    def __init__(self, steps, server, bridge, folder, deadline):
        self.steps, self.server, self.bridge = steps, server, bridge
        self.folder, self.deadline = folder, deadline
        self.people = []
        self.told = []

    def run(self):
        try:
            self.begin()
            self.steps_of_keys()
            self.steps_of_puppets()
            self.steps_of_restarts()
        finally:
            for person in self.people:
                person.end()

    def begin(self):
        steps, bridge = self.steps, self.bridge
        with steps.needed("the bridge starts, and its bot has a device"):
            self.bot = bridge.start()
        with steps.needed("two people are there"):
            python = environment.prepare().python
            for name in ["alice", "bob"]:
                self.people.append(Person(self.server, name, self.folder, python, self.deadline))
            self.alice, self.bob = self.people
        with steps.needed("a channel becomes an encrypted room"):
            invited = [person.id for person in self.people]
            self.room = bridge.call("open", channel=CHANNEL, invite=invited)["room_id"]
            for person in self.people:
                device = person.devices[0]
                device.wait_for("invite", room_id=self.room)
                device.call("join", room_id=self.room)
            # Whose keys are not there yet cannot be spoken to.
            for person, other in [(self.alice, self.bob), (self.bob, self.alice)]:
                person.devices[0].wait_for("device", user_id=other.id, device_id=other.first_device_id)
        self.hear("what a ghost says is decrypted", "carol", self.ghost("carol"))
        with steps.needed("people know the device that speaks for all ghosts"):
            for person in self.people:
                person.devices[0].wait_for("device", **self.bot)
        self.talk("they talk both ways")

    def steps_of_keys(self):
        steps, bridge = self.steps, self.bridge
        with steps.step("who has read is told"):
            device, event_id = self.alice.devices[0], self.say("carol")
            device.call("read", room_id=self.room, event_id=event_id)
            until("it is told", lambda: bridge.read(self.alice.id, event_id), SLOW_S)
        with steps.step("the bridge is told of a new device"):
            device_id = self.alice.add_device()
            until("the bridge knows it", lambda: device_id in bridge.call("devices_of", user=self.alice.id), SLOW_S)
        self.hear("the new device is given the keys", "carol", self.ghost("carol"))
        with steps.step("the bridge is told when its keys run out, and makes more"):
            claimer, keys = Client(self.server, "claimer"), set()
            until("there are enough keys", lambda: self.claim(claimer, keys) >= MANY_KEYS, SLOW_S)
            claimer.end()

    def steps_of_puppets(self):
        steps, bridge = self.steps, self.bridge
        with steps.needed("somebody over there is somebody here"):
            bridge.call("become", who="bob", user=self.bob.id)
        self.hear("they speak as themselves", "bob", self.bob.id)
        with steps.step("what they said over there does not come back there"):
            said = self.told[-1]
            marker = self.write(self.alice.devices[0])
            until("the marker is heard", lambda: bridge.heard(marker), SLOW_S)
            expect(not bridge.heard(said), f"{said} came back")
        with steps.step("what they write here is heard there"):
            text = self.write(self.bob.devices[0])
            until("it is heard", lambda: bridge.heard(text) == [self.bob.id], SLOW_S)

    def steps_of_restarts(self):
        steps, bridge = self.steps, self.bridge
        with steps.step("the bridge is away while a new device speaks"):
            bridge.stop()
            # It speaks for the first time, with a key that the bridge is sent now.
            text = self.write(self.alice.devices[1])
            expect(bridge.start() == self.bot, "it has another device")
            # Synapse keeps what is said for a service that is away, and loses what is sent to its devices.
            if self.server.kind != "synapse":
                until("it is heard", lambda: bridge.heard(text) == [self.alice.id], SLOW_S)
        self.talk("they talk after the bridge was away")
        self.hear("who spoke as themselves still does", "bob", self.bob.id)
        with steps.step("the homeserver is away"):
            self.server.stop()
            self.server.start()
        self.talk("they talk after the homeserver was away")
        with steps.step("nothing was heard twice"):
            for text in self.told:
                expect(len(bridge.heard(text)) <= 1, f"{text} was heard {bridge.heard(text)}")

    # --- what each does --------------------------------------------------------

    def ghost(self, name):
        return f"@puppet_{name}:{self.server.server_name}"

    def text(self):
        self.told.append(f"text {len(self.told) + 1}.")
        return self.told[-1]

    def say(self, who):
        """Somebody says something over there; the event that it is here."""
        return self.bridge.call("say", channel=CHANNEL, who=who, text=self.text())["event_id"]

    def write(self, device):
        """Somebody writes something here."""
        device.call("send", room_id=self.room, body=(text := self.text()))
        return text

    def hear(self, name, who, sender):
        """What somebody says over there, all devices here decrypt."""
        with self.steps.step(name):
            event_id = self.say(who)
            for person in self.people:
                for device in person.devices:
                    seen = device.wait_for("message", room_id=self.room, event_id=event_id, body=self.told[-1])
                    expect(seen["encrypted"], "it is not encrypted")
                    expect(seen["sender"] == sender, f"it is said by {seen['sender']}")

    def talk(self, name):
        self.hear(f"{name}: to Matrix", "carol", self.ghost("carol"))
        with self.steps.step(f"{name}: from Matrix"):
            text = self.write(self.alice.devices[0])
            until("it is heard", lambda: self.bridge.heard(text) == [self.alice.id], SLOW_S)

    def claim(self, claimer, keys):
        """Uses up keys of the bridge's device; how many there were in all."""
        wanted = {self.bot["user_id"]: {self.bot["device_id"]: "signed_curve25519"}}
        for _ in range(10):
            answer = claimer.call("POST", "/client/v3/keys/claim", {"one_time_keys": wanted})
            for devices in answer["one_time_keys"].values():
                keys.update(key for by_id in devices.values() for key in by_id)
        # A Synapse tells how many are left with what it has to tell anyway.
        self.say("carol")
        return len(keys)
