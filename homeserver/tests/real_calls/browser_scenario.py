"""LiveKit's JavaScript client in Chromium, with devices that are not there: three people in a call."""

import array
import functools
import http.server
import math
import shutil
import sys
import threading
import time
import wave
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What drives a browser is shared with the tests of the web client.
sys.path.append(str(HERE.parents[2] / "client-web/tests/browser"))

from report import expect
from servers import free_ports
from tokens import token
from webdriver import Browser, Driver

DEVICES = [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
PATIENCE_S = 60


def record_speech(path):
    """Something that sounds like speech, for a microphone: what browsers have themselves are beeps, of one packet each."""
    rate, seconds = 16_000, 4

    def sample(number):
        at = number / rate
        voice = sum(math.sin(2 * math.pi * 140 * harmonic * at) / harmonic for harmonic in range(1, 12))
        syllables = max(0, math.sin(2 * math.pi * 4 * at)) if at < 3 else 0
        return int(9000 * voice * syllables)

    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array.array("h", (sample(number) for number in range(rate * seconds))).tobytes())


class Pages:
    """Serves the page and the client to the browsers."""

    def __init__(self, folder, node_modules):
        for name in ["page.html", "page.js"]:
            shutil.copy(HERE / name, folder)
        for name in ["livekit-client.umd.js", "livekit-client.e2ee.worker.js"]:
            shutil.copy(node_modules / "livekit-client/dist" / name, folder)
        handler = functools.partial(Quiet, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/page.html"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class Person:
    """A participant in a browser of its own."""

    def __init__(self, name, driver, folder, page):
        self.name = name
        microphone = f"--use-file-for-fake-audio-capture={folder / 'speech.wav'}"
        self.browser = Browser(driver, folder / name, (900, 700), arguments=[*DEVICES, microphone])
        self.browser.open(page)

    def call(self, function, *arguments):
        return self.browser.script(f"return window.call.{function}(...arguments)", *arguments)

    def received(self, what):
        return self.call("received").get(what, {})


def until(condition, what, seconds=PATIENCE_S):
    end = time.monotonic() + seconds
    while True:
        outcome = condition()
        if outcome:
            return outcome
        if time.monotonic() > end:
            expect(False, f"{what() if callable(what) else what} after {seconds} s")
        time.sleep(0.2)


class BrowserScenario:
    def __init__(self, steps, server, folder, node_modules, passphrase):
        self.steps = steps
        self.server = server
        self.folder = folder
        self.passphrase = passphrase
        self.room = f"browsers, {'encrypted' if passphrase else 'plain'}"
        self.pages = Pages(folder, node_modules)
        record_speech(folder / "speech.wav")
        self.driver = Driver(free_ports(1)[0], open(folder / "chromedriver.log", "w"))
        self.people = []

    def stop(self):
        for person in self.people:
            try:
                person.browser.quit()
            except Exception:
                # One that was killed.
                pass
        self.driver.stop()
        self.pages.stop()

    def come(self, name):
        person = Person(name, self.driver, self.folder, self.pages.url)
        self.people.append(person)
        person.call("join", self.server.url, token(self.server.secret, self.room, name), self.passphrase)
        return person

    def sees_and_hears(self, person, other):
        """Both go on: more frames, more energy."""
        before = [person.received(f"{other.name} {source}") for source in ("camera", "microphone")]

        def more():
            camera, microphone = (person.received(f"{other.name} {source}") for source in ("camera", "microphone"))
            frames = camera.get("framesDecoded", 0) - before[0].get("framesDecoded", 0)
            energy = microphone.get("totalAudioEnergy", 0) - before[1].get("totalAudioEnergy", 0)
            return frames > 10 and energy > 0

        until(more, lambda: f"{person.name} receives {person.call('received')} of {other.name}")

    def run(self):
        step = self.steps.step
        with self.steps.needed("three join and see each other"):
            alice, bob, carol = (self.come(name) for name in ("alice", "bob", "carol"))
            until(lambda: alice.call("state")["others"] == ["bob", "carol"], "alice does not see both")
        with self.steps.needed("each sees and hears the two others"):
            for person in (alice, bob, carol):
                person.call("publish")
            for person in (alice, bob, carol):
                for other in (alice, bob, carol):
                    if person is not other:
                        self.sees_and_hears(person, other)
        with step("a small picture is received small, a large one large"):
            for width, height in [(240, 180), (1280, 720)]:
                bob.call("show", "alice", width)
                height_of = lambda: bob.received("alice camera").get("frameHeight")
                until(lambda: height_of() == height, lambda: f"{width} wide, it is {height_of()} high, not {height}")
        with step("no larger picture is sent than anybody shows"):
            for person in (bob, carol):
                person.call("show", "alice", 240)
            until(lambda: alice.call("sent") == [180], lambda: f"alice sends {alice.call('sent')}")
            bob.call("show", "alice", 640)
            until(lambda: 360 in alice.call("sent"), lambda: f"alice sends {alice.call('sent')}")
        with step("it is told who speaks and who is muted"):
            until(lambda: "alice speaks" in bob.call("state")["events"], "bob is not told that alice speaks")
            alice.call("mute", "microphone", True)
            until(lambda: "alice muted microphone" in bob.call("state")["events"], "bob is not told of muting")
            alice.call("mute", "microphone", False)
        with step("data comes to all, and to whom it is for"):
            alice.call("say", "to all", [])
            alice.call("say", "to carol", ["carol"])
            until(lambda: carol.call("state")["data"] == ["alice: to all", "alice: to carol"], "carol does not get both")
            until(lambda: bob.call("state")["data"], "bob does not get what is for all")
            expect(bob.call("state")["data"] == ["alice: to all"], f"bob gets {bob.call('state')['data']}")
        with step("a client whose signals break goes on"):
            bob.call("simulate", "signal-reconnect")
            until(lambda: "Reconnected" in bob.call("state")["events"], lambda: f"it says {bob.call('state')}")
            self.sees_and_hears(bob, alice)
            self.sees_and_hears(alice, bob)
        with step("a client comes anew when it is told to"):
            count = bob.call("state")["events"].count("Reconnected")
            bob.call("simulate", "full-reconnect")
            until(lambda: bob.call("state")["events"].count("Reconnected") > count, lambda: f"it says {bob.call('state')}")
            self.sees_and_hears(bob, alice)
            self.sees_and_hears(alice, bob)
        with step("who leaves is gone at once"):
            carol.call("leave")
            until(lambda: "carol left" in alice.call("state")["events"], "carol stays", 3)
        with step("a browser that is killed is gone soon"):
            bob.browser.quit()
            until(lambda: "bob left" in alice.call("state")["events"], "bob stays", 25)
