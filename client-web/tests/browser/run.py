#!/usr/bin/env python3
"""Two people on two servers that federate, each in a browser: they register, meet in an encrypted room and write.

Prints `ok STEP` or `FAILED STEP` for each step; exits non-zero if any failed.
"""

import argparse
import shutil
import struct
import sys
import tempfile
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[3] / "homeserver/tests"
# Servers that federate are started as the tests of federation start them.
sys.path += [str(TESTS / "real_peers"), str(TESTS / "real_clients")]

import administration
import daily
import files
import hostile
import keys
import rooms
import synapse_environment
from firefox import Firefox
from person import Person
from report import Report, expect
from servers import Network, free_ports
from views import Views
from webdriver import ESCAPE, Browser, Driver


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, required=True, help="a server with its client")
    parser.add_argument("--shots", metavar="FOLDER", type=Path, help="where pictures of all views are put")
    parser.add_argument(
        "--server",
        choices=["hearth", "synapse"],
        default="hearth",
        help="the server of the first of them (hearth); the other's is a Hearth, from which both get the client",
    )
    parser.add_argument(
        "--browsers",
        choices=["chromium", "firefox", "both"],
        default="chromium",
        help="what they use (chromium); with both, the second of them alone is in Firefox",
    )
    parser.add_argument("--geckodriver", metavar="FILE", type=Path, help="what drives Firefox")
    parser.add_argument("--basic", action="store_true", help="of the two people the first parts alone, and not how views look")
    parser.add_argument("--admin", action="store_true", help="the admin page alone, or with --basic beside them")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for the whole run (1800)")
    return parser.parse_args()


def main():
    asked = arguments()
    environment = synapse_environment.prepare()
    views = Views(asked.shots, is_asked=not asked.basic)
    folder = Path(tempfile.mkdtemp(prefix="hearth-browsers-"))
    report = Report(time.monotonic() + asked.timeout)
    network = Network(folder, environment.python, asked.hearth.resolve(), "info")
    browsers = browsers_of(asked, folder)
    try:
        *servers, administered = network.start([asked.server, "hearth", "hearth", "hearth"])
        tours = []
        if asked.basic or not asked.admin:
            ask_for_work(servers[2])
            tours.append(lambda: tour(report, browsers, servers, folder, views, asked.basic))
        if asked.admin or not asked.basic:
            kiln = picture(folder / "kiln.png")
            tours.append(lambda: administration.tour(report, browsers, administered, kiln, views))
        with ThreadPoolExecutor() as threads:
            for _ in threads.map(lambda each: each(), tours):
                pass
        with report.part("views") as steps:
            with steps.step("axe-core finds nothing on any view in any theme"):
                faults = views.faults
                expect(not faults, "\n  ".join([f"{len(faults)} faults", *faults[:40]]))
    finally:
        browsers.stop()
        network.stop()
    print(f"{report.passed} passed, {report.failed} failed")
    if report.failed:
        print(f"logs and profiles are in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def ask_for_work(server):
    """From now on it asks whoever registers for a proof of work."""
    server.stop()
    server.use_settings(HEARTH_CAPTCHA="proof-of-work")
    server.start()


def browsers_of(asked, folder):
    match asked.browsers:
        case "chromium":
            return Chromiums(folder)
        case "firefox":
            return Firefoxes(folder, asked.geckodriver)
        case "both":
            return Both(Chromiums(folder), Firefoxes(folder, asked.geckodriver))


class Chromiums:
    """Chromiums, which have one driver."""

    def __init__(self, folder):
        self.folder = folder
        self.driver = Driver(free_ports(1)[0], open(folder / "chromedriver.log", "w"))

    def begin(self, name, language="en"):
        return Browser(self.driver, self.folder / name, language=language)

    def stop(self):
        self.driver.stop()


class Firefoxes:
    """Firefoxes, which have a driver each."""

    def __init__(self, folder, geckodriver):
        self.folder = folder
        self.geckodriver = geckodriver
        self.begun = []

    def begin(self, name, language="en"):
        log = self.folder / f"{name}.log"
        self.begun.append(Firefox(free_ports(1)[0], log, self.geckodriver, language))
        return self.begun[-1]

    def stop(self):
        for browser in self.begun:
            browser.driver.stop()


class Both:
    """Chromiums, but for one person's."""

    def __init__(self, chromiums, firefoxes):
        self.chromiums = chromiums
        self.firefoxes = firefoxes

    def begin(self, name, language="en"):
        kind = self.firefoxes if name == "jonas" else self.chromiums
        return kind.begin(name, language)

    def stop(self):
        self.chromiums.stop()
        self.firefoxes.stop()


def tour(report, browsers, servers, folder, shots, is_basic):
    pages = [servers[0].url if servers[0].kind == "hearth" else servers[1].url, servers[1].url]
    own = [browsers.begin(name) for name in ("mira", "jonas")]
    mira, jonas = (Person(*each) for each in zip(["mira", "jonas"], own, servers, pages))
    with report.part("two people") as steps:
        with steps.step("the address shows the way in", needed=True):
            mira.open()
            mira.browser.find("form #name")
            shots.take(mira.browser, "sign-in")
            mira.open("register")
            mira.browser.find(".field__hint")
            shots.take(mira.browser, "register")
        with steps.step("both register", needed=True):
            mira.register()
            jonas.register()
            shots.take(mira.browser, "empty")
        with steps.step("one makes an encrypted room and writes", needed=True):
            mira.make_room("Kiln")
            mira.browser.find(".head__title .i[aria-label=Encrypted]")
            mira.say("The glaze tests came out last night.")
            mira.is_sent("The glaze tests came out last night.")
        with steps.step("that took five clicks from the address on"):
            # And one more where another server is named than that of the page.
            most = 5 if mira.page == mira.server.url else 6
            expect(mira.browser.clicks <= most, f"it took {mira.browser.clicks}")
        with steps.step("the other is invited over federation and joins", needed=True):
            mira.invite(jonas.user)
            jonas.browser.find(".list .room--invite", "Kiln")
            shots.take(jonas.browser, "invitation")
            jonas.accept_invitation("Kiln")
        with steps.step("who is invited reads what was said before"):
            jonas.reads("The glaze tests came out last night.")
        with steps.step("each reads what the other writes", needed=True):
            jonas.say("Cable is in. Reading is within 2° of the cones.")
            mira.reads("Reading is within 2° of the cones.")
            mira.say("Yes, and the **long gloves**. I am there from six.", "I am there from six.")
            jonas.reads("I am there from six.")
            expect(jonas.browser.has(".msg__text strong", "long gloves"), "Markdown is not formatted")
            shots.take(mira.browser, "room")
        with steps.step("after a reload all is there, and goes on"):
            mira.browser.reload()
            mira.browser.find(".head__title", "Kiln")
            mira.reads("Reading is within 2° of the cones.")
            mira.reads("I am there from six.")
            mira.say("Still here.")
            jonas.reads("Still here.")
    with report.part("messages") as steps:
        with steps.step("a reaction shows on the other side"):
            mira.react("Reading is within 2°", "🔥")
            jonas.browser.find(".reaction", "🔥")
        with steps.step("an answer quotes what it answers"):
            mira.reply("Reading is within 2°", "Then we can go ahed.")
            jonas.browser.find(".quote", "Reading is within 2°")
        with steps.step("an edit replaces the text"):
            mira.is_sent("Then we can go ahed.")
            mira.edit_last("Then we can go ahead.")
            jonas.reads("Then we can go ahead.")
            jonas.browser.find(".msg__note", "edited")
        with steps.step("an edited message shows what it was"):
            jonas.browser.click(".msg__note", "edited")
            jonas.browser.find(".versions li", "Then we can go ahed.")
            shots.take(jonas.browser, "versions")
            jonas.browser.press(ESCAPE)
            jonas.browser.gone(".versions")
        with steps.step("a thread has its own composer"):
            jonas.begin_thread("I am there from six.", "I can bring soup.")
            mira.browser.click(".threadline")
            mira.browser.find(".panel .msg__text", "I can bring soup.")
            shots.take(mira.browser, "thread")
            mira.browser.click(".panel__head button")
        with steps.step("the threads of a room are listed"):
            mira.browser.click(".head__tools button[aria-label=Threads]")
            mira.browser.find(".panel .hit .around", "I can bring soup.")
            shots.take(mira.browser, "threads")
            mira.browser.click(".panel .hit", "I am there from six.")
            mira.browser.find(".panel .msg__text", "I can bring soup.")
            mira.browser.click(".panel__head button")
        with steps.step("a picture is shown on the other side"):
            mira.send_file(picture(folder / "glaze.png"), "Celadon ran a little")
            jonas.browser.find(".media img")
            jonas.browser.find(".shot figcaption", "Celadon ran a little")
            shots.take(jonas.browser, "picture")
        with steps.step("what is deleted is gone on both sides"):
            mira.say("Wrong room.")
            mira.is_sent("Wrong room.")
            jonas.reads("Wrong room.")
            mira.delete("Wrong room.")
            jonas.browser.gone(".msg__text", "Wrong room.")
        with steps.step("who is in the room is listed"):
            mira.browser.click(".btn--members")
            mira.browser.find(".panel .row", jonas.user)
            shots.take(mira.browser, "members")
            mira.browser.click(".panel__head button")
    with report.part("encryption") as steps:
        with steps.step("a recovery key opens the history on a new session", needed=True):
            key = mira.make_recovery_key()
            shots.take(mira.browser, "recovery-key")
            again = Person(mira.name, browsers.begin("again", "de"), mira.server, mira.page, mira.password)
            again.sign_in()
            again.enter_recovery_key(key)
            again.browser.find(".page h2 .i use[href='#i-shield-check']")
            shots.take(again.browser, "encryption-german")
            again.open()
            again.open_room("Kiln")
            again.reads("The glaze tests came out last night.")
            again.reads("Reading is within 2° of the cones.")
            shots.take(again.browser, "room-german")
        with steps.step("both sessions are listed as verified"):
            mira.open("settings/sessions")
            mira.browser.until(lambda: len(mira.browser.find_all(".session .state--ok")) == 2, "two verified sessions")
            shots.take(mira.browser, "sessions")
        with steps.step("another session is verified by comparing pictures"):
            third = Person(mira.name, browsers.begin("third"), mira.server, mira.page, mira.password)
            third.sign_in()
            third.ask_to_verify()
            mira.browser.click(".dialog__foot .btn--primary", "Go on")
            shown = [person.pictures() for person in (mira, third)]
            expect(shown[0] == shown[1] and len(shown[0]) == 7, f"they show {shown}")
            shots.take(mira.browser, "verify")
            for person in (mira, third):
                person.browser.click(".dialog__foot .btn--primary")
            for person in (mira, third):
                person.browser.find(".dialog h2", "Verified")
            for person in (mira, third):
                person.browser.click(".dialog__foot .btn--primary")
            third.browser.find(".page h2 .i use[href='#i-shield-check']")
        with steps.step("a session that is ended elsewhere says so"):
            mira.end_other_sessions(2)
            for person in (again, third):
                person.browser.find(".empty .i use[href='#i-log-out']")
            shots.take(third.browser, "signed-out")
        with steps.step("their consoles have no complaint"):
            for person in (again, third):
                leave(person.browser)
    if not is_basic:
        daily.tour(report, mira, jonas, shots)
        rooms.tour(report, mira, jonas, shots)
        files.tour(report, mira, jonas, shots, folder)
        hostile.tour(report, mira, shots)
    with_keys = browsers.begin("ines")
    keys.tour(report, with_keys, servers[2].url, shots)
    with report.part("all") as steps:
        with steps.step("the consoles have no complaint"):
            for browser in (mira.browser, jonas.browser, with_keys):
                leave(browser)


def leave(browser):
    """Closes a browser, and says what its page complained of."""
    complaints = browser.complaints()
    browser.quit()
    expect(not complaints, f"{complaints[:5]}")


def picture(path):
    """A small picture, as a file."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width, height = 320, 200
    rows = (b"\0" + bytes(c for x in range(width) for c in (200 - y // 2, 90 + x // 4, 60)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(rows))
    data = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


if __name__ == "__main__":
    sys.exit(main())
