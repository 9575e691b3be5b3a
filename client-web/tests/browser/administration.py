"""The admin page: an administrator signs in and does by clicks what one is for."""

import json
import urllib.error
import urllib.parse
import urllib.request

from report import expect
from webdriver import ELEMENT

PASSWORD = "an old iron stove"


def tour(report, browsers, server, picture, shots):
    with report.part("administration") as steps:
        with steps.step("a server with people, rooms, files, an administrator and a report", needed=True):
            people = prepare(server, picture)
        browser = browsers.begin("root")
        page = f"{server.url}/_hearth/admin/"
        with steps.step("who is no administrator is told so, and signed out", needed=True):
            browser.open(page)
            browser.find("form #name")
            shots.take(browser, "admin-door")
            sign_in(browser, "wim")
            browser.find(".door h1", "Not for this account")
            shots.take(browser, "admin-not-for-you")
            browser.until(lambda: not people["wim"].sessions(), "the end of the page's session")
            browser.click(".door .btn--primary")
        with steps.step("an administrator sees how it stands with the server", needed=True):
            sign_in(browser, "root")
            browser.find(".admin h1", "Overview")
            browser.find(".legend li", "Messages and state")
            browser.find(".lagbar a", "Kiln")
            browser.click(".segments label", "Hour")
            browser.find(".plot .line")
            shots.take(browser, "admin-overview")
        with steps.step("1: an account is made"):
            go(browser, "users")
            browser.find(".table .cellname", people["wim"].user)
            shots.take(browser, "admin-users")
            browser.click(".admin__head .btn--primary")
            browser.type("#new-name", "petra")
            browser.type("#new-password", PASSWORD)
            browser.click(".dialog .btn--primary")
            browser.gone(".dialog")
            browser.find(".table .cellname", "petra")
            expect(Account(server, "petra").can_sign_in(), "the account cannot be used")
        with steps.step("2: an account is found, and made an administrator's"):
            browser.type(".admin__find input", "petr")
            browser.until(lambda: len(browser.find_all("tbody tr")) == 1, "one account")
            browser.click("tbody .dots button")
            shots.take(browser, "admin-user-menu")
            browser.click(".menu__item", "Make admin")
            browser.click(".dialog .btn--primary", "Make admin")
            browser.find("tbody .tag--ember")
        with steps.step("3: sessions of an account are seen, and one is ended"):
            go(browser, f"users/{people['wim'].user}")
            browser.find(".entries li", "kitchen")
            shots.take(browser, "admin-user")
            browser.click_in(".entries li", "kitchen", "button")
            browser.gone(".entries li", "kitchen")
            expect(not people["wim"].is_signed_in(), "the session goes on")
        with steps.step("4: a password is set"):
            browser.click(".action", "Set a password")
            browser.type("#new-password", "another stove")
            browser.click(".dialog .btn--primary")
            browser.gone(".dialog")
            expect(Account(server, "wim", "another stove").can_sign_in(), "the password is not the new one")
        with steps.step("5: an account is ended, once its name was typed"):
            go(browser, f"users/@petra:{server.server_name}")
            browser.click(".action", "End the account")
            browser.find(".dialog #confirm")
            shots.take(browser, "admin-confirm")
            button = {ELEMENT: browser.find(".dialog .btn--danger")}
            expect(browser.script("return arguments[0].disabled", button), "it does not wait for the name")
            browser.type("#confirm", f"@petra:{server.server_name}")
            browser.click(".dialog .btn--danger")
            browser.gone(".dialog")
            browser.find(".admin__head .tag", "Ended")
        with steps.step("6: a report is read although what it is about is gone, and its author is suspended"):
            go(browser, "reports")
            browser.find(".case .split", "2 reports")
            browser.click(".case", "wim in Kiln")
            browser.find(".evidence .msg__text", "Earn 400 a day")
            shots.take(browser, "admin-report")
            browser.click(".inbox__foot .btn--danger")
            browser.click(".dialog .btn--primary", "Suspend")
            browser.gone(".dialog")
            expect(len(browser.find_all(".log li")) == 2, "not all reports are told")
            browser.click(".inbox__foot .btn--quiet", "Put all 2 away")
            browser.find(".inbox__list .empty", "No reports")
            go(browser, f"users/{people['wim'].user}")
            browser.find(".admin__head .tag", "Suspended")
        with steps.step("7: a room is blocked, and deleted"):
            go(browser, "rooms")
            browser.find(".table .cellname", "Kiln")
            shots.take(browser, "admin-rooms")
            browser.click(".table .cellname", "Kiln")
            browser.find(".entries li", people["wim"].user)
            shots.take(browser, "admin-room")
            browser.click(".action", "Block")
            browser.click(".dialog .btn--primary", "Block")
            browser.find(".admin__head .tag", "Blocked")
            browser.click(".action", "Delete")
            browser.type("#confirm", "Kiln")
            browser.click(".dialog .btn--danger")
            browser.find(".admin h1", "Rooms")
            # Its name stays known, with nobody in it.
            browser.find("tbody td.end", "0")
        with steps.step("8: a picture is seen, quarantined and deleted"):
            go(browser, "media")
            shots.take(browser, "admin-media")
            browser.click(".table .cellname", people["wim"].user)
            browser.find(".mediawall img")
            shots.take(browser, "admin-media-of")
            browser.click(".mediawall .dots button")
            browser.click(".menu__item", "Quarantine")
            browser.find(".mediawall .veiled")
            browser.click(".mediawall .dots button")
            browser.click(".menu__item", "Delete")
            browser.type("#confirm", "ugly.png")
            browser.click(".dialog .btn--danger")
            browser.find(".empty", "No media")
        with steps.step("9: a code for an invitation is made, and deleted"):
            go(browser, "tokens")
            browser.find(".empty", "No codes")
            shots.take(browser, "admin-tokens-empty")
            browser.click(".admin__head .btn--primary")
            browser.click(".dialog .btn--primary")
            browser.gone(".dialog")
            browser.find("tbody code")
            shots.take(browser, "admin-tokens")
            code = browser.script("return document.querySelector('tbody code').textContent")
            browser.click("tbody .btn--danger-plain")
            browser.type("#confirm", code)
            browser.click(".dialog .btn--danger")
            browser.find(".empty", "No codes")
        with steps.step("10: a server is asked why it does not answer"):
            go(browser, "federation/127.0.0.1:1")
            browser.find(".trace .bad", "No answer came")
            shots.take(browser, "admin-federation")
        with steps.step("11: whoever waits is let in"):
            browser.find(".snav .badge")
            go(browser, "users")
            browser.click(".chip", "Waiting")
            browser.find("tbody .tag", "Waits to be let in")
            browser.until(lambda: len(browser.find_all("tbody tr")) == 1, "one account")
            shots.take(browser, "admin-waiting")
            browser.click("tbody .dots button")
            browser.click(".menu__item", "Let in")
            browser.click(".dialog .btn--primary", "Let in")
            browser.find(".empty", "Nobody found")
            browser.gone(".snav .badge")
            expect(Account(server, "wanda").can_sign_in(), "the account cannot be used")
        with steps.step("12: several accounts are locked at once, and ended once their number was typed"):
            browser.click(".chip", "Everyone")
            for name in ["ines", "wanda"]:
                browser.click_in("tbody tr", f"@{name}:", ".t-pick input")
            browser.find(".toolbar b", "2 chosen")
            shots.take(browser, "admin-chosen")
            browser.click(".toolbar .btn", "Lock")
            browser.find(".dialog p", "This is for 2 accounts")
            browser.click(".dialog .btn--primary", "Lock")
            browser.until(lambda: len(browser.find_all("tbody .tag--danger")) >= 2, "both are locked")
            expect(not people["ines"].is_signed_in(), "it is not locked")
            for name in ["ines", "wanda"]:
                browser.click_in("tbody tr", f"@{name}:", ".t-pick input")
            browser.click(".toolbar .btn", "End the account")
            browser.type("#confirm", "2")
            browser.click(".dialog .btn--danger")
            browser.gone(".dialog")
            browser.gone("tbody tr", "@wanda:")
        with steps.step("13: names are banned, and the ban is lifted"):
            go(browser, "bans")
            browser.find(".empty", "No bans")
            browser.click(".admin__head .btn--primary")
            browser.type("#glob", "@spam*:*")
            browser.type("#why", "Offers of money")
            shots.take(browser, "admin-new-ban")
            browser.click(".dialog .btn--danger")
            browser.find("tbody code", "@spam*:*")
            shots.take(browser, "admin-bans")
            expect(is_refused(Account(server, "spammer").register), "it can be made all the same")
            browser.click("tbody .btn", "Lift")
            browser.click(".dialog .btn--primary", "Lift")
            browser.find(".empty", "No bans")
            Account(server, "spammer").register()
        with steps.step("bridges, settings and the record are shown"):
            go(browser, "bridges")
            browser.find(".empty", "No bridges")
            shots.take(browser, "admin-bridges")
            go(browser, "settings")
            browser.find(".table--settings td", "server_name")
            shots.take(browser, "admin-settings")
            go(browser, "record")
            browser.find(".table code", f"/_synapse/admin/v1/deactivate/@petra:{server.server_name}")
            shots.take(browser, "admin-record")
        with steps.step("on a phone one goes from part to part by the menu"):
            browser.set_size(390, 844)
            browser.click(".admin__bar button")
            browser.find(".admin[data-view=menu] .snav")
            browser.click(".snav a", "Rooms")
            browser.find(".admin[data-view=page] h1", "Rooms")
            browser.set_size(1440, 900)
        with steps.step("a reload goes on, and signing out ends the session"):
            browser.reload()
            browser.find(".admin h1", "Rooms")
            browser.click(".snav__foot button")
            browser.find("form #name")
            browser.reload()
            browser.find("form #name")
            browser.until(lambda: not people["root"].sessions(), "the end of the page's session")
        with steps.step("it speaks German"):
            german = browsers.begin("root-german", "de")
            german.open(page)
            german.find(".door h1", "Verwaltung")
            sign_in(german, "root")
            german.find(".admin h1", "Überblick")
            shots.take(german, "admin-overview-german")
        with steps.step("the console has no complaint"):
            for each in (browser, german):
                complaints = each.complaints()
                each.quit()
                expect(not complaints, f"{complaints[:5]}")
        with steps.step("whoever registers computes for a moment and accepts the terms, where that is asked"):
            terms = server.folder / "terms.json"
            rules = {"version": "1", "en": {"name": "House rules", "url": f"{server.url}/rules"}}
            terms.write_text(json.dumps({"policies": {"rules": rules}}))
            server.stop()
            server.use_settings(HEARTH_CAPTCHA="proof-of-work:12", HEARTH_TERMS=str(terms))
            server.start()
            newcomer = browsers.begin("nora")
            newcomer.open(f"{server.url}/#/register")
            newcomer.type("#name", "nora")
            newcomer.type("#password", PASSWORD)
            newcomer.click("button[type=submit]")
            newcomer.find(".check a", "House rules")
            shots.take(newcomer, "register-terms")
            newcomer.click("#terms")
            newcomer.click("button[type=submit]")
            newcomer.find(".app .list .list__head")
            newcomer.quit()


def go(browser, place):
    browser.script("location.hash = arguments[0]", f"#/{place}")


def is_refused(ask):
    try:
        ask()
    except urllib.error.HTTPError as error:
        return error.code == 403
    return False


def sign_in(browser, name):
    browser.type("#name", name)
    browser.type("#password", PASSWORD)
    browser.click("button[type=submit]")


class Account:
    """Somebody on a server, by its API."""

    def __init__(self, server, name, password=PASSWORD):
        self.server = server
        self.name = name
        self.password = password
        self.user = f"@{name}:{server.server_name}"
        self.token = None

    def ask(self, method, path, body=None, kind="application/json", api="_matrix"):
        data = json.dumps(body).encode() if kind == "application/json" and body is not None else body
        request = urllib.request.Request(f"{self.server.url}/{api}/{path}", data=data, method=method)
        request.add_header("Content-Type", kind)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def register(self):
        body = {
            "username": self.name,
            "password": self.password,
            "auth": {"type": "m.login.dummy"},
            "initial_device_display_name": "kitchen",
        }
        self.token = self.ask("POST", "client/v3/register", body)["access_token"]
        return self

    def can_sign_in(self):
        body = {"type": "m.login.password", "identifier": {"type": "m.id.user", "user": self.name}, "password": self.password}
        return "access_token" in self.ask("POST", "client/v3/login", body)

    def sessions(self):
        """How many there are beside the first one."""
        return len(self.ask("GET", "client/v3/devices")["devices"]) - 1

    def is_signed_in(self):
        try:
            self.ask("GET", "client/v3/account/whoami")
        except urllib.error.HTTPError:
            return False
        return True


def prepare(server, picture):
    people = {name: Account(server, name).register() for name in ["root", "wim", "ines"]}
    server.make_admin(people["root"].user)
    wim, ines = people["wim"], people["ines"]
    invited = {"name": "Kiln", "topic": "Glazes and firings", "invite": [ines.user]}
    room = urllib.parse.quote(wim.ask("POST", "client/v3/createRoom", invited)["room_id"])
    ines.ask("POST", f"client/v3/join/{room}", {})
    send = f"client/v3/rooms/{room}/send/m.room.message"
    text = "Earn 400 a day from home, no skills, write to me before midnight"
    event = urllib.parse.quote(wim.ask("PUT", f"{send}/1", {"msgtype": "m.text", "body": text})["event_id"])
    ines.ask("POST", f"client/v3/rooms/{room}/report/{event}", {"reason": "Spam, twice in a minute"})
    ines.ask("POST", f"client/v3/rooms/{room}/report/{event}", {"reason": "It goes on"})
    wanda = urllib.parse.quote(f"@wanda:{server.server_name}")
    people["root"].ask("PUT", f"v2/users/{wanda}", {"password": PASSWORD, "approved": False}, api="_synapse/admin")
    wim.ask("PUT", f"client/v3/rooms/{room}/redact/{event}/2", {})
    with open(picture, "rb") as file:
        wim.ask("POST", "media/v3/upload?filename=ugly.png", file.read(), kind="image/png")
    return people
