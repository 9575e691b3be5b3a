"""Two people on Matrix and two on IRC talk through heisenbridge, while each of the three servers restarts."""

import secrets

from client import Client, until
from irc import MESSAGE_OF_THE_DAY, IrcPerson
from report import expect

CHANNEL = "#tea"
NETWORK = "test"
# A restart of the bridge connects to IRC anew, and that of the IRC server is waited for by the bridge.
SLOW_S = 90


class Guest:
    """Somebody on Matrix, with the room in which they command the bridge and that of the channel."""

    def __init__(self, server, name, bot):
        self.client = Client(server, name)
        self.bot = bot
        self.nick = f"{name}m"
        self.control = self.network = self.channel = None

    def command(self, room, text):
        self.client.send(room, text)

    def said(self, room, needle):
        """What was said in a room that holds a text."""
        return [
            event
            for event in self.client.history(room)
            if needle in str(event.get("content", {}).get("body", "")) and event["type"] == "m.room.message"
        ]

    def wait_said(self, room, needle, timeout=30):
        return until(f"{self.client.id} hears `{needle}`", lambda: self.said(room, needle), timeout)

    def invited(self, name):
        """Joins the room of that name to which the bot invites."""

        def find():
            rooms = self.client.call("GET", "/client/v3/sync", filter='{"room":{"timeline":{"limit":1}}}')["rooms"]
            for room, content in rooms.get("invite", {}).items():
                names = [
                    event["content"].get("name")
                    for event in content["invite_state"]["events"]
                    if event["type"] == "m.room.name"
                ]
                if name in names:
                    return room
            return None

        room = until(f"{self.client.id} is invited to {name}", find, SLOW_S)
        self.client.join(room)
        return room

    def name_of(self, user):
        """What who is on IRC is called in the channel, once that is not what the bridge calls their account."""
        member = self.client.state_of(self.channel, "m.room.member", user)
        name = member.get("displayname")
        return name if member["membership"] == "join" and name and not name.startswith("irc_") else None

    def ghosts(self, room):
        return {user for user in self.client.joined(room) if user.startswith("@irc_")}


class BridgeScenario:
    def __init__(self, steps, server, irc, bridge):
        self.steps, self.server, self.irc, self.bridge = steps, server, irc, bridge
        self.counter = 0

    def run(self):
        steps = self.steps
        bot = f"@heisenbridge:{self.server.server_name}"
        with steps.needed("the bridge starts, and its bot is there"):
            self.alice = Guest(self.server, "alice", bot)
            self.bob = Guest(self.server, "bob", bot)
            self.bridge.start(self.server.url, self.alice.client.id)
        with steps.needed("two people command the bot"):
            for guest in self.guests:
                guest.control = guest.client.create_room(is_direct=True, invite=[bot], preset="trusted_private_chat")
                until("the bot joins", lambda guest=guest: bot in guest.client.joined(guest.control), SLOW_S)
                if guest is self.alice:
                    guest.command(guest.control, f"ADDNETWORK {NETWORK}")
                    guest.command(guest.control, f"ADDSERVER {NETWORK} 127.0.0.1 {self.irc.port}")
                    guest.command(guest.control, f"ADDMASK {self.bob.client.id}")
                    guest.wait_said(guest.control, "Mask added")
        with steps.needed("they connect to IRC and are in a channel"):
            self.carol = IrcPerson(self.irc.port, "carol", CHANNEL)
            self.dave = IrcPerson(self.irc.port, "dave", CHANNEL)
            for guest in self.guests:
                guest.command(guest.control, f"OPEN {NETWORK}")
                guest.network = guest.invited(NETWORK)
                guest.command(guest.network, f"NICK {guest.nick}")
                guest.command(guest.network, "CONNECT")
                guest.wait_said(guest.network, MESSAGE_OF_THE_DAY, SLOW_S)
                guest.command(guest.network, f"JOIN {CHANNEL}")
                guest.channel = guest.invited(f"{CHANNEL} ({NETWORK})")
                self.carol.wait(f"{guest.nick}", lambda guest=guest: guest.nick in self.carol.present)
        self.talk("they talk both ways")
        with steps.step("who is on IRC has a name and a place on Matrix"):
            for guest in self.guests:
                for nick in ["carol", "dave"]:
                    user = f"@irc_{NETWORK}_{nick}:{self.server.server_name}"
                    # The bridge names whom it brought in soon afterwards.
                    until(f"{nick} has a name", lambda guest=guest, user=user: guest.name_of(user), SLOW_S)
                    expect(guest.name_of(user) == nick, f"{nick} is called {guest.name_of(user)}")
        with steps.step("names follow"):
            self.dave.rename("david")
            new = f"@irc_{NETWORK}_david:{self.server.server_name}"
            for guest in self.guests:
                until("the new name is there", lambda guest=guest: new in guest.ghosts(guest.channel), SLOW_S)
        self.talk("they talk under the new name")
        with steps.step("the bridge is away"):
            self.bridge.stop()
            # What is said meanwhile comes to it before it is on IRC again, where it does not repeat it.
            self.alice.client.send(self.alice.channel, self.text())
            self.bridge.start(self.server.url, self.alice.client.id)
            self.back_on_irc()
        self.talk("they talk after the bridge was away")
        with steps.step("the homeserver is away"):
            self.alice.client.send(self.alice.channel, last := self.text())
            self.server.stop()
            self.server.start()
            # Synapse notes a message as given to the bridge before it writes the transaction down, so that one sent
            # just before it ends may be lost; what follows shows there that the two talk again.
            if self.server.kind != "synapse":
                self.carol.wait_said(last)
        self.talk("they talk after the homeserver was away")
        with steps.step("the IRC server is away"):
            self.irc.stop()
            self.irc.start()
            self.carol.connect()
            self.dave.connect()
            self.back_on_irc()
        self.talk("they talk after the IRC server was away")
        with steps.step("leaves follow, both ways"):
            self.dave.leave()
            gone = f"@irc_{NETWORK}_david:{self.server.server_name}"
            until("david is gone", lambda: gone not in self.alice.ghosts(self.alice.channel), SLOW_S)
            self.bob.client.leave(self.bob.channel)
            self.carol.wait("bob leaving", lambda: self.bob.nick not in self.carol.present)
        with steps.step("nothing was said twice"):
            for text in self.told:
                expect(self.carol.count(text) <= 1, f"carol heard `{text}` {self.carol.count(text)} times")
                heard = self.alice.said(self.alice.channel, text)
                expect(len(heard) <= 1, f"alice sees `{text}` {len(heard)} times")
        for guest in self.guests:
            guest.client.end()

    @property
    def guests(self):
        return [self.alice, self.bob]

    @property
    def told(self):
        return [f"{self.prefix}{number}." for number in range(1, self.counter + 1)]

    prefix = f"t{secrets.token_hex(2)}n"

    def text(self):
        self.counter += 1
        return f"{self.prefix}{self.counter}."

    def back_on_irc(self):
        for guest in self.guests:
            self.carol.wait(f"{guest.nick} again", lambda guest=guest: guest.nick in self.carol.present, SLOW_S)

    def talk(self, name):
        """Each says something, and each hears it."""
        with self.steps.step(name):
            for guest, other in [(self.alice, self.bob), (self.bob, self.alice)]:
                guest.client.send(guest.channel, text := self.text())
                for person in [self.carol, self.dave]:
                    person.wait_said(text)
                other.wait_said(other.channel, text)
            for person in [self.carol, self.dave]:
                person.say(text := self.text())
                for guest in self.guests:
                    guest.wait_said(guest.channel, text)
