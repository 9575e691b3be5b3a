"""Element Call, as clients embed it, in Chromium: people of two servers in a call, with nothing set up for it."""

import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from browser_scenario import Quiet, until
from environment import python_of
from report import Problem, expect
from servers import Hearth, free_ports
from webdriver import Browser, Driver

HERE = Path(__file__).resolve().parent
# Four of them on a machine that does more besides take a while to begin.
PATIENCE_S = 240
# How long one is awaited who was killed: the SFU gives it up after 15 s, its leave follows.
GONE_S = 60
AWAY_S = 10
# Who gets nothing in that time gets nothing.
QUIET_S = 3
MEMBER = "org.matrix.msc3401.call.member"


class Pages:
    """Serves Element Call, and the client around it, to the browsers."""

    def __init__(self, folder, node_modules):
        for name in ["element_call.html", "element_call.js"]:
            shutil.copy(HERE / name, folder)
        (folder / "call").symlink_to(node_modules / "@element-hq/element-call-embedded/dist")
        handler = functools.partial(Quiet, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/element_call.html"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()


class Person:
    """Somebody with an account, and later with a browser."""

    def __init__(self, server, name):
        self.server, self.name, self.browser = server, name, None
        auth = {"type": "m.login.dummy"}
        made = self.ask("POST", "v3/register", {"username": name, "password": "a password of theirs", "auth": auth})
        self.user, self.device, self.token = made["user_id"], made["device_id"], made["access_token"]

    def ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.server.url}/_matrix/client/{path}", data=data, method=method)
        if path != "v3/register":
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def make_room(self):
        # Everybody may say that they are in the call.
        levels = {"events": {MEMBER: 0}}
        # Of encrypted rooms, calls are encrypted too.
        encryption = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        room = {"preset": "public_chat", "power_level_content_override": levels, "initial_state": [encryption]}
        return self.ask("POST", "v3/createRoom", room)["room_id"]

    def join(self, room, via):
        query = urllib.parse.urlencode({"via": via.server_name})
        self.ask("POST", f"v3/join/{urllib.parse.quote(room)}?{query}", {})

    def open(self, driver, folder, page, room, encrypted=True):
        self.profile = folder / self.name
        # Few pictures a second: four browsers encode and decode all of them, in each size, on this machine.
        arguments = ["--autoplay-policy=no-user-gesture-required", "--use-fake-device-for-media-stream=fps=5"]
        self.browser = Browser(driver, self.profile, (900, 700), arguments=arguments)
        watch = (HERE / "element_call_watch.js").read_text()
        self.browser.devtools("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
        self.browser.open(page)
        session = {"url": self.server.url, "user": self.user, "device": self.device, "token": self.token, "room": room}
        self.call("open", session | {"encrypted": encrypted})

    def call(self, function, *arguments):
        return self.browser.script(f"return window.host.{function}(...arguments)", *arguments)

    def coming(self, before):
        """Of how many people pictures are decoded, and of how many sound is heard, since that was received."""
        grown = {"video": 0, "audio": 0}
        for track, now in self.call("received").items():
            then = before.get(track, {"frames": 0, "energy": 0})
            grown[now["kind"]] += now["frames"] > then["frames"] or now["energy"] > then["energy"]
        return grown

    def members(self, room):
        """Who is in the call, by the state of the room."""
        state = self.ask("GET", f"v3/rooms/{urllib.parse.quote(room)}/state")
        return {event["sender"] for event in state if event["type"] == MEMBER and event["content"]}

    def sees_and_hears(self, others, room):
        before = self.call("received")

        def all_of_them():
            coming = self.coming(before)
            return coming["video"] == others and coming["audio"] == others

        def trouble():
            state = self.call("state")
            shown = state["text"].replace("\n", " ")[:300]
            told = f"{self.members(room)} are in the call, shown is {shown!r}, the last were {state['log'][-10:]}"
            return f"{self.name} gets {self.coming(before)} of {others}; {told}"

        until(all_of_them, trouble, PATIENCE_S)

    def gets_nothing_of_others_than(self, others):
        """For a while: sound and pictures come many times a second."""

        def is_so():
            before = self.call("received")
            time.sleep(QUIET_S)
            return max(self.coming(before).values()) <= others

        until(is_so, lambda: f"{self.name} gets {self.call('received')}", GONE_S)


@contextmanager
def without_network(profile):
    """The process of a browser for all that goes over the network stands still."""
    process = network_process(profile)
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def network_process(profile):
    """The process of the browser with that profile which has its network."""
    commands, parents = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            commands[int(folder.name)] = (folder / "cmdline").read_bytes().decode(errors="replace")
            # The name of the program, which may have anything in it, ends with the last bracket.
            parents[int(folder.name)] = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            # It ended meanwhile.
            continue

    def is_of_profile(process):
        while process in commands:
            if f"--user-data-dir={profile}\0" in commands[process] and "--type=" not in commands[process]:
                return True
            process = parents.get(process)
        return False

    found = [each for each, command in commands.items() if "network.mojom.NetworkService" in command and is_of_profile(each)]
    expect(len(found) == 1, f"the processes {found} have the network of {profile}")
    return found[0]


class ElementCallScenario:
    def __init__(self, steps, folder, binary, clients, people):
        self.steps, self.folder = steps, folder
        self.names = people
        script = HERE.parent / "real_peers/certificates.py"
        made = subprocess.run([python_of(clients), "-B", script, folder], capture_output=True, text=True)
        if made.returncode != 0:
            raise Problem(f"no certificates: {made.stderr[-1000:]}")
        self.servers = [Hearth(name, folder / name, free_ports(2), folder, binary, "info") for name in ["one", "two"]]
        self.pages = Pages(folder, clients / "node_modules")
        self.driver = Driver(free_ports(1)[0], open(folder / "chromedriver.log", "w"))
        self.people = []

    def stop(self):
        for person in self.people:
            try:
                person.browser.quit()
            except Exception:
                # One that has none, or was killed.
                pass
        self.driver.stop()
        self.pages.stop()
        for server in self.servers:
            server.kill()

    def run(self):
        step = self.steps.step
        with self.steps.needed("two servers start, with nothing set for calls"):
            for server in self.servers:
                server.begin()
            for server in self.servers:
                server.wait()
        with self.steps.needed("people of both are in a room"):
            for number, name in enumerate(self.names):
                self.people.append(Person(self.servers[number % 2], name))
            alice, *others = self.people
            room = alice.make_room()
            for person in others:
                person.join(room, alice.server)
        with self.steps.needed(f"{len(self.people)} call, and each sees and hears all others"):
            for person in self.people:
                person.open(self.driver, self.folder, self.pages.url, room)
            for person in self.people:
                person.sees_and_hears(len(others), room)
        with step("what they send is encrypted"):
            for person in self.people:
                # Own picture and sound, and those of each other.
                expect(person.call("encrypted") >= 2 * len(self.people), f"{person.call('encrypted')} streams are")
        with step(f"the call goes on when a server was away for {AWAY_S} s"):
            with self.servers[1].standing_still():
                time.sleep(AWAY_S)
            for person in self.people:
                person.sees_and_hears(len(others), room)
        with step(f"the call goes on when somebody's network was away for {AWAY_S} s"):
            with without_network(alice.profile):
                time.sleep(AWAY_S)
            for person in self.people:
                person.sees_and_hears(len(others), room)
        if len(self.people) > 2:
            with step("one whose browser is killed is gone for the others"):
                killed = self.people.pop()
                killed.browser.quit()
                until(lambda: killed.user not in alice.members(room), f"{killed.user} stays in the call", GONE_S)
        with step("who is banned sees and hears no more, and is seen and heard no more"):
            banned = self.people.pop()
            ban = {"user_id": banned.user}
            alice.ask("POST", f"v3/rooms/{urllib.parse.quote(room)}/ban", ban)
            banned.gets_nothing_of_others_than(0)
            for person in self.people:
                person.gets_nothing_of_others_than(len(self.people) - 1)
