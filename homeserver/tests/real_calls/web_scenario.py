"""The web client of this repository in Chromium, with devices that are not there: two people of two servers call each other."""

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# How the client is used, and looked at, is shared with its own tests.
sys.path.append(str(HERE.parents[2] / "client-web/tests/browser"))

import element_call_scenario as element_call
from browser_scenario import until
from environment import python_of
from person import Person
from report import Problem, expect
from servers import Hearth, free_ports
from views import Views
from webdriver import CONTROL, ENTER, Browser, Driver

PATIENCE_S = 240
GONE_S = 60
# A screen to share, sounds without a click, and few pictures a second: each browser encodes and decodes all of them here.
ARGUMENTS = [
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream=fps=10",
    "--auto-accept-this-tab-capture",
    "--auto-select-desktop-capture-source=Entire screen",
]
VIDEO, VOICE, LEAVE = ("button[aria-label='{}']".format(label) for label in ("Video call", "Voice call", "Leave"))


class Caller(Person):
    """Somebody who calls by the client."""

    def begins(self, kind=VIDEO):
        self.browser.click(f".head__tools {kind}")
        self.joins()

    def joins(self):
        """From the lobby on."""
        self.browser.find(".lobby")
        self.browser.until(lambda: self.browser.has(".lobby [aria-label=Mute]"), "a microphone")
        self.browser.click(".lobby .btn--primary")
        self.browser.find(".call .call__stage")

    def comes(self):
        self.browser.click(".callbar .btn")
        self.joins()

    def leaves(self):
        self.browser.click(f".call {LEAVE}")
        self.browser.gone(".call")

    def writes_to(self, user):
        self.browser.click(".list__head button:last-child")
        self.browser.type("#address", user + ENTER)
        self.browser.gone(".dialog")
        self.browser.find("#room-composer")

    def bans(self, user):
        """As a bot of theirs would do it."""
        script = """
            const [user, done] = arguments;
            const { server, token } = JSON.parse(localStorage.getItem('hearth-sessions'))[0];
            const room = location.hash.split('/')[2];
            const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
            const ban = { method: 'POST', headers, body: JSON.stringify({ user_id: user }) };
            fetch(new URL(`/_matrix/client/v3/rooms/${room}/ban`, server), ban).then((answer) => done(answer.status));
        """
        expect(self.browser.script_async(script, user) == 200, "it was refused")

    def received(self):
        script = "const done = arguments[0]; window.hearthCall.received().then(done)"
        return self.browser.script_async(script)

    def gets(self, other, source):
        """What came so far of another person from a source: pictures decoded, and energy heard."""
        found = [each for name, each in self.received().items() if name.startswith(other.user) and name.endswith(source)]
        return found[0] if found else {"frames": 0, "energy": 0}

    def sees(self, other, source="camera"):
        self.more(other, source, "frames", 5)

    def hears(self, other):
        self.more(other, "microphone", "energy", 0)

    def more(self, other, source, what, least):
        before = self.gets(other, source)[what]

        def trouble():
            return f"{self.name} gets {self.received()} of {other.name}; the page says {self.browser.text()[:500]!r}"

        until(lambda: self.gets(other, source)[what] > before + least, trouble, PATIENCE_S)

    def encrypted(self):
        """How many streams are encrypted or decrypted on their way."""
        return self.browser.script("return window.encrypted ?? 0")


class WebScenario:
    def __init__(self, steps, folder, binary, clients, shots):
        self.steps, self.folder = steps, folder
        script = HERE.parent / "real_peers/certificates.py"
        made = subprocess.run([python_of(clients), "-B", script, folder], capture_output=True, text=True)
        if made.returncode != 0:
            raise Problem(f"no certificates: {made.stderr[-1000:]}")
        self.views = Views(shots, is_asked=shots is not None)
        self.servers = [Hearth(name, folder / name, free_ports(2), folder, binary, "info") for name in ["one", "two"]]
        pages = folder / "pages"
        pages.mkdir()
        self.pages = element_call.Pages(pages, clients / "node_modules")
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
        for server in self.servers:
            server.kill()

    def come(self, name, server):
        browser = Browser(self.driver, self.folder / name, arguments=ARGUMENTS)
        watch = (HERE / "element_call_watch.js").read_text()
        browser.devtools("Page.addScriptToEvaluateOnNewDocument", {"source": watch})
        person = Caller(name, browser, server, server.url)
        self.people.append(person)
        person.register()
        return person

    def run(self):
        step, needed, take = self.steps.step, self.steps.needed, self.views.take
        with needed("two servers start, with nothing set for calls"):
            for server in self.servers:
                server.begin()
            for server in self.servers:
                server.wait()
        with needed("people of both are in an encrypted room"):
            mira, jonas = (self.come(name, server) for name, server in zip(["mira", "jonas"], self.servers))
            mira.make_room("Kiln")
            mira.invite(jonas.user)
            jonas.accept_invitation("Kiln")
            mira.say("Shall we?")
            jonas.reads("Shall we?")
        with needed("one calls, and the other sees that there is a call"):
            mira.browser.click(f".head__tools {VIDEO}")
            mira.browser.find(".lobby video")
            take(mira.browser, "call-lobby")
            mira.joins()
            jonas.browser.find(".callbar")
            take(jonas.browser, "call-bar")
        with needed("the other comes, and each sees and hears the other"):
            jonas.comes()
            began = time.monotonic()
            until(lambda: jonas.gets(mira, "camera")["frames"] > 0, "no picture", PATIENCE_S)
            print(f"the first picture came {time.monotonic() - began:.1f} s after the stage", flush=True)
            for one, other in [(mira, jonas), (jonas, mira)]:
                one.sees(other)
                one.hears(other)
            take(mira.browser, "call-one")
        with step("what they send is encrypted"):
            for person in (mira, jonas):
                # Own picture and sound, and those of the other.
                expect(person.encrypted() >= 4, f"{person.encrypted()} streams are")
        with step("who is muted is shown as muted"):
            jonas.browser.click(".call__bar [aria-label=Mute]")
            mira.browser.find(".tilev .i[aria-label=Muted]")
            jonas.browser.press(CONTROL, "d")
            mira.browser.gone(".tilev .i[aria-label=Muted]")
        with step("a hand and a reaction show on the other side"):
            jonas.browser.click(".call__bar [aria-label='Raise the hand']")
            mira.browser.find(".tilev .hand")
            jonas.browser.click(".call__bar [aria-label='Take the hand down']")
            mira.browser.gone(".tilev .hand")
            jonas.browser.click(".call__bar [aria-label=React]")
            jonas.browser.click(".call__reactions button", "👏")
            mira.browser.find(".tilev__emoji", "👏")
        with step("a screen is shared"):
            jonas.browser.click(".call__bar [aria-label='Share the screen']")
            mira.browser.find(".share video")
            mira.sees(jonas, "screen_share")
            take(mira.browser, "call-share")
            jonas.browser.click(".call__bar [aria-label='Stop sharing']")
            mira.browser.gone(".share")
        with step("the call goes on while one reads"):
            mira.browser.click(".call__head button")
            mira.browser.find(".pip video")
            mira.say("You are hard to hear.")
            mira.sees(jonas)
            take(mira.browser, "call-pip")
            mira.browser.click(".pip [aria-label='Back to the call']")
            mira.browser.find(".call .call__stage")
        with step("who leaves is gone for the other, and may come back"):
            jonas.leaves()
            mira.browser.find(".call .captions")
            jonas.comes()
            for one, other in [(mira, jonas), (jonas, mira)]:
                one.sees(other)
                one.hears(other)
        with step("whoever reloads the page comes back"):
            jonas.browser.reload()
            jonas.browser.find(".callbar")
            jonas.comes()
            for one, other in [(mira, jonas), (jonas, mira)]:
                one.sees(other)
                one.hears(other)
        with step(f"the call goes on when somebody's network was away for {element_call.AWAY_S} s"):
            with element_call.without_network(self.folder / jonas.name):
                time.sleep(element_call.AWAY_S)
            for one, other in [(mira, jonas), (jonas, mira)]:
                one.sees(other)
                one.hears(other)
        with step("a third comes, and each sees and hears the two others"):
            freya = self.come("freya", self.servers[0])
            mira.browser.click(".call__head button")
            mira.invite(freya.user)
            mira.browser.click(".pip [aria-label='Back to the call']")
            freya.accept_invitation("Kiln")
            freya.comes()
            people = [mira, jonas, freya]
            for one in people:
                for other in people:
                    if one is not other:
                        one.sees(other)
                        one.hears(other)
            take(mira.browser, "call-grid")
        with step("who is banned is out of the call"):
            mira.bans(freya.user)
            freya.browser.gone(".call")
            mira.browser.gone(".call__grid")
            mira.sees(jonas)
        with step("in a chat with one person it rings, and who is called says no or yes"):
            jonas.leaves()
            mira.leaves()
            mira.writes_to(jonas.user)
            jonas.accept_invitation("mira")
            mira.begins(VOICE)
            jonas.browser.find(".incoming", "mira")
            take(jonas.browser, "call-incoming")
            jonas.browser.click(".incoming button", "Decline")
            jonas.browser.gone(".incoming")
            mira.browser.find(".call__trouble", "jonas")
            mira.leaves()
            mira.begins()
            jonas.browser.click(".incoming button", "Answer")
            for one, other in [(mira, jonas), (jonas, mira)]:
                one.sees(other)
                one.hears(other)
        with step("one whose browser is killed is gone for the other"):
            self.people.remove(jonas)
            jonas.browser.quit()
            until(lambda: mira.browser.has(".call .captions"), "jonas stays", GONE_S)
            mira.leaves()
        with step("Element Call and the client see and hear each other"):
            mira.open()
            mira.make_room("Open house", public=True)
            room = mira.browser.script("return decodeURIComponent(location.hash)").split("/")[2]
            carol = element_call.Person(self.servers[1], "carol")
            carol.join(room, self.servers[0])
            carol.open(self.driver, self.folder, self.pages.url, room, encrypted=False)
            self.people.append(carol)
            mira.comes()
            mira.sees(carol)
            mira.hears(carol)
            carol.sees_and_hears(1, room)
            mira.leaves()
        with step("the console has no complaint"):
            complaints = mira.browser.complaints()
            expect(not complaints, f"{complaints[:5]}")
        with step("axe-core finds nothing on any of the views"):
            expect(not self.views.faults, "\n  ".join(self.views.faults[:20]))
