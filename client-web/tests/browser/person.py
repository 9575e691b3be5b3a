"""A person in front of a browser, who uses the client as people do."""

from webdriver import ENTER


class Person:
    """One account in one browser."""

    def __init__(self, name, browser, server):
        self.name = name
        self.browser = browser
        self.server = server
        self.user = f"@{name}:{server.server_name}"
        self.password = f"{name} has three old bricks"

    def register(self):
        browser = self.browser
        browser.open(f"{self.server.url}/#/register")
        browser.type("#name", self.name)
        browser.type("#password", self.password)
        browser.click("button[type=submit]")
        browser.find(".app .list .list__head")

    def sign_in(self):
        browser = self.browser
        browser.open(f"{self.server.url}/")
        browser.type("#name", self.name)
        browser.type("#password", self.password)
        browser.click("button[type=submit]")
        browser.find(".app .list .list__head")

    def make_room(self, name):
        browser = self.browser
        browser.click(".list__head button")
        browser.click(".dialog .segments label:nth-child(2)")
        browser.type("#room-name", name)
        browser.click(".dialog form .btn--primary")
        browser.find(".head__title", name)

    def open_room(self, name):
        self.browser.click(".list .room", name)
        self.browser.find(".head__title", name)

    def invite(self, user):
        browser = self.browser
        if not browser.has(".panel"):
            browser.click(".btn--members")
        browser.click(".panel button.btn--wide")
        browser.type("#invite", user)
        browser.click(".panel button[type=submit]")
        browser.gone("#invite")
        browser.click(".panel__head button")

    def accept_invitation(self, room):
        browser = self.browser
        browser.click(".list .room--invite", room)
        browser.click(".view .btn--primary")
        browser.find("#room-composer")

    def say(self, text, shown=None):
        self.browser.type("#room-composer", text + ENTER)
        self.browser.find(".msg .msg__text", shown or text)

    def reads(self, text):
        """Waits until a message is there."""
        self.browser.find(".msg .msg__text", text)

    def is_sent(self, text):
        """Waits until a message is on the server."""
        self.browser.find(".msg:not(.msg--sending):not(.msg--failed) .msg__text", text)
