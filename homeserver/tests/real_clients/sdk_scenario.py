"""What matrix-sdk and matrix-sdk-ui, the code of Element X, do together with the two other clients."""

from client_process import ClientError
from scenario import Scenario, expect

# As many rooms as the list shows at first, and some more.
PAGE = 5
ROOMS = 7


class SdkScenario(Scenario):
    """All three know each other by the same verbs; sdk follows its rooms by sliding sync."""

    def __init__(self, clients, url, restart_command):
        super().__init__(clients, url, restart_command)
        self.names["sdk"] = self.names["nio"].replace("nio", "sdk")
        self.names = {name: f"{of}_b" for name, of in self.names.items()}
        self.passwords["sdk"] = self.passwords["nio"] + "s"

    def run(self):
        self.arrive()
        self.room_list()
        self.encrypted_chat()
        self.counts()
        self.invites()
        self.notifications()
        with self.step("the server restarts under all three"):
            self.restart_server()
        self.after_the_restart()
        self.leave()

    def arrive(self):
        starts = {"nio": self.clients.start_nio, "js": self.clients.start_js, "sdk": self.clients.start_sdk}
        self.people = {name: start(f"{name}_b") for name, start in starts.items()}
        for name, client in self.people.items():
            account = {"username": self.names[name], "password": self.passwords[name]}
            with self.step(f"{name} registers and logs in, beside the others"):
                self.user_ids[name] = client.call("register", **account)["user_id"]
                session = client.call("login", **account, device_name=f"{name} three")
                self.device_ids[name] = session["device_id"]

    def room_list(self):
        nio, sdk = self.people["nio"], self.people["sdk"]
        with self.step("sdk sees its rooms come, a page of them"):
            self.rooms["all"] = []
            for number in range(ROOMS):
                room_id = nio.call("create_room", name=f"room {number}", encrypted=False)["room_id"]
                self.rooms["all"].append(room_id)
                nio.call("invite", room_id=room_id, user_id=self.user_ids["sdk"])
                sdk.wait_for("invite", room_id=room_id)
                sdk.call("join", room_id=room_id)
                nio.wait_for("member", room_id=room_id, user_id=self.user_ids["sdk"])
            sdk.wait_for("window", shown=PAGE, count=ROOMS)
        with self.step("sdk shows more of them"):
            sdk.call("more_rooms")
            sdk.wait_for("window", shown=ROOMS, count=ROOMS)
        with self.step("sdk's list begins with the room in which something happened last"):
            busy = self.rooms["all"][2]
            event_id = nio.call("send", room_id=busy, body="look here")["event_id"]
            sdk.wait_for("message", room_id=busy, event_id=event_id, body="look here")
            sdk.wait_for("first", room_id=busy)

    def encrypted_chat(self):
        room_id = None
        for author in self.people:
            with self.step(f"{author} creates an encrypted room, and the two others join"):
                host = self.people[author]
                room_id = host.call("create_room", name=f"{author}'s", encrypted=True)["room_id"]
                self.rooms[author] = room_id
                for guest in self.people:
                    if guest != author:
                        self.bring_one(author, guest, room_id)
                self.know_devices()
            with self.step(f"what each of the three writes in {author}'s room, all read"):
                for writer in self.people:
                    self.say(writer, room_id, f"{writer} in the room of {author}")
        with self.step("sdk's redaction is seen by all, and nio's by sdk"):
            for writer in ("sdk", "nio"):
                doomed = self.say(writer, room_id, f"regretted by {writer}")
                self.people[writer].call("redact", room_id=room_id, event_id=doomed, reason="no")
                for client in self.people.values():
                    client.wait_for("redaction", room_id=room_id, event_id=doomed)
        with self.step("a thread of all three"):
            root = self.say("js", room_id, "the beginning of a thread")
            for writer, client in self.people.items():
                client.call("reply_thread", room_id=room_id, root_id=root, body=f"{writer} in the thread")
            for writer in self.people:
                for client in self.people.values():
                    body = f"{writer} in the thread"
                    seen = client.wait_for("thread_reply", room_id=room_id, root_id=root, body=body)
                    expect(seen["encrypted"], f"{seen} came in plain text")
            self.people["sdk"].wait_for("thread_summary", room_id=room_id, root_id=root, replies=3)

    def bring_one(self, host, guest, room_id):
        """Invites a person, who joins; both see it."""
        self.people[host].call("invite", room_id=room_id, user_id=self.user_ids[guest])
        self.people[guest].wait_for("invite", room_id=room_id)
        self.people[guest].call("join", room_id=room_id)
        for name in (host, guest):
            self.people[name].wait_for("member", room_id=room_id, user_id=self.user_ids[guest])

    def know_devices(self):
        """Keys are shared with the devices that one knows."""
        for one, client in self.people.items():
            for other in self.people:
                if other != one:
                    client.wait_for("device", user_id=self.user_ids[other], device_id=self.device_ids[other])

    def counts(self):
        """In a room without encryption all three show the server's counts."""
        host, room_id = "nio", self.rooms["all"][0]
        with self.step("js joins a room without encryption, in which sdk is"):
            self.bring_one(host, "js", room_id)
            self.rooms["plain"] = room_id
        for author in self.people:
            readers = [name for name in self.people if name != author]
            with self.step(f"unread counts of both others go up when {author} writes"):
                mentioned = [self.user_ids[name] for name in readers]
                self.read_all(author, readers, room_id)
                self.people[author].call("send", room_id=room_id, body=f"{author}: no name")
                for reader in readers:
                    self.people[reader].wait_for("unread", room_id=room_id, notifications=1, highlights=0)
                body = f"{author}: you"
                last = self.people[author].call("send", room_id=room_id, body=body, mentions=mentioned)
                for reader in readers:
                    self.people[reader].wait_for("unread", room_id=room_id, notifications=2, highlights=1)
            with self.step(f"and down when they read what {author} wrote"):
                self.read(readers, room_id, last["event_id"], body)

    def read_all(self, author, readers, room_id):
        """One writes something that the others read: then nothing is unread."""
        body = f"read this, from {author}"
        sent = self.people[author].call("send", room_id=room_id, body=body)
        self.read(readers, room_id, sent["event_id"], body)

    def read(self, readers, room_id, event_id, body):
        for reader in readers:
            client, event = self.people[reader], {"room_id": room_id, "event_id": event_id}
            client.wait_for("message", **event, body=body)
            client.call("read", **event)
            client.wait_for("unread", room_id=room_id, notifications=0, highlights=0)

    def invites(self):
        js, sdk = self.people["js"], self.people["sdk"]
        with self.step("sdk refuses an invite, and it goes from its list"):
            room_id = js.call("create_room", name="not wanted", encrypted=False)["room_id"]
            js.call("invite", room_id=room_id, user_id=self.user_ids["sdk"])
            sdk.wait_for("invite", room_id=room_id)
            sdk.call("leave", room_id=room_id)
            sdk.wait_for("gone", room_id=room_id)
        with self.step("sdk invites nio and js, who accept"):
            room_id = sdk.call("create_room", name="of sdk", encrypted=False)["room_id"]
            for guest in ("nio", "js"):
                self.bring_one("sdk", guest, room_id)

    def notifications(self):
        """As a phone does that was woken: each event is fetched by itself."""
        sdk = self.people["sdk"]
        for author, room_id in [("js", self.rooms["plain"]), ("nio", self.rooms["sdk"])]:
            with self.step(f"sdk's notification client fetches one event of {author}"):
                body = f"a notification of {author}"
                mentions = [self.user_ids["sdk"]]
                sent = self.people[author].call("send", room_id=room_id, body=body, mentions=mentions)
                shown = sdk.call("notification", room_id=room_id, event_id=sent["event_id"])
                expect(shown["status"] == "event", f"{shown}")
                expect((shown["body"], shown["sender"]) == (body, self.user_ids[author]), f"{shown}")
                expect(shown["has_mention"], f"{shown}")
                expect(not shown["is_invite"], f"{shown}")

    def after_the_restart(self):
        with self.step("all three go on after the restart"):
            for client in self.people.values():
                client.call("reconnect")
            for author in self.people:
                self.say(author, self.rooms["sdk"], f"{author} after the restart of all")
        with self.step("a room that is made afterwards comes to sdk"):
            room_id = self.people["js"].call("create_room", name="late", encrypted=True)["room_id"]
            self.bring_one("js", "sdk", room_id)
        with self.step("sdk's counts go on after the restart"):
            room_id = self.rooms["plain"]
            self.read_all("nio", ["sdk"], room_id)
            self.people["nio"].call("send", room_id=room_id, body="after it", mentions=[self.user_ids["sdk"]])
            self.people["sdk"].wait_for("unread", room_id=room_id, notifications=1, highlights=1)
