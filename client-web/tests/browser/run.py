#!/usr/bin/env python3
"""Two people on two Hearths that federate, each in a browser: they register, meet in an encrypted room and write.

Prints `ok STEP` or `FAILED STEP` for each step; exits non-zero if any failed.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
TESTS = Path(__file__).resolve().parents[3] / "homeserver/tests"
# Servers that federate are started as the tests of federation start them.
sys.path += [str(TESTS / "real_peers"), str(TESTS / "real_clients")]

import synapse_environment
from person import Person
from report import Report, expect
from servers import Network, free_ports
from webdriver import Browser, Driver

PHONE = (390, 844)
DESKTOP = (1440, 900)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, required=True, help="a server with its client")
    parser.add_argument("--shots", metavar="FOLDER", type=Path, help="where pictures of all views are put")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for the whole run (900)")
    return parser.parse_args()


def main():
    asked = arguments()
    environment = synapse_environment.prepare()
    folder = Path(tempfile.mkdtemp(prefix="hearth-browsers-"))
    report = Report(time.monotonic() + asked.timeout)
    network = Network(folder, environment.python, asked.hearth.resolve(), "info")
    driver = None
    try:
        servers = network.start(["hearth", "hearth"])
        driver = Driver(free_ports(1)[0], open(folder / "chromedriver.log", "w"))
        tour(report, driver, servers, folder, Shots(asked.shots))
    finally:
        if driver:
            driver.stop()
        network.stop()
    print(f"{report.passed} passed, {report.failed} failed")
    if report.failed:
        print(f"logs and profiles are in {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


class Shots:
    """Pictures of views: on a desktop and a phone, light and dark."""

    def __init__(self, folder):
        self.folder = folder
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def take(self, browser, name):
        if not self.folder:
            return
        for device, size in [("desktop", DESKTOP), ("phone", PHONE)]:
            browser.set_size(*size)
            for theme in ["light", "dark"]:
                browser.set_dark(theme == "dark")
                # Colours fade over.
                time.sleep(0.3)
                browser.shot(self.folder / f"{name}.{device}.{theme}.png")
        browser.set_size(*DESKTOP)
        browser.set_dark(False)


def tour(report, driver, servers, folder, shots):
    browsers = [Browser(driver, folder / f"profile-{number}") for number in range(2)]
    mira, jonas = (Person(*each) for each in zip(["mira", "jonas"], browsers, servers))
    with report.part("two people") as steps:
        with steps.step("the address shows the way in", needed=True):
            mira.browser.open(servers[0].url)
            mira.browser.find("form #name")
            shots.take(mira.browser, "sign-in")
            mira.browser.open(f"{servers[0].url}/#/register")
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
        with steps.step("the other is invited over federation and joins", needed=True):
            mira.invite(jonas.user)
            jonas.browser.find(".list .room--invite", "Kiln")
            shots.take(jonas.browser, "invitation")
            jonas.accept_invitation("Kiln")
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
        with steps.step("the console has no complaint"):
            for person in [mira, jonas]:
                complaints = person.browser.complaints()
                expect(not complaints, f"{person.name}: {complaints[:5]}")
    for browser in browsers:
        browser.quit()


if __name__ == "__main__":
    sys.exit(main())
