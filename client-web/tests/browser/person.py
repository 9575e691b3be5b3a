"""A person in front of a browser, who uses the client as people do."""

from webdriver import CONTROL, ELEMENT, ENTER, UP


class Person:
    """One account in one browser."""

    def __init__(self, name, browser, server, page, password=None):
        self.name = name
        self.browser = browser
        self.server = server
        # Where the client comes from: its own server, or another one.
        self.page = page
        self.user = f"@{name}:{server.server_name}"
        self.password = password or f"{name} has three old bricks"

    def open(self, place=""):
        self.browser.open(f"{self.page}/#/{place}")

    def choose_server(self):
        if self.page != self.server.url:
            self.browser.click(".door__server button")
            self.browser.find("#server")
            self.browser.script("document.getElementById('server').select()")
            self.browser.type("#server", self.server.url + ENTER)
            self.browser.find(".door__server b", self.server.url)

    def register(self):
        browser = self.browser
        browser.open(self.page)
        browser.click(".door__note a")
        browser.find(".field__hint")
        self.choose_server()
        browser.type("#name", self.name)
        browser.type("#password", self.password)
        browser.click("button[type=submit]")
        browser.find(".app .list .list__head")

    def sign_in(self):
        browser = self.browser
        browser.open(self.page)
        browser.find(".door__note a")
        self.choose_server()
        browser.type("#name", self.name)
        browser.type("#password", self.password)
        browser.click("button[type=submit]")
        browser.find(".app .list .list__head")

    def make_room(self, name, public=False):
        self.make("2", name, public)
        self.browser.find(".head__title", name)

    def make_space(self, name):
        self.make("3", name, False)
        self.browser.find(".cover h1", name)

    def make(self, nth, name, public):
        browser = self.browser
        browser.click(".list__head button:last-child")
        browser.click(f".dialog .segments label:nth-child({nth})")
        browser.type("#room-name", name)
        if public:
            browser.click(".dialog .switch")
        browser.click(".dialog form .btn--primary")
        browser.gone(".dialog")

    def open_room(self, name):
        self.browser.click(".list .room", name)
        self.browser.find(".head__title", name)

    def invite(self, user):
        browser = self.browser
        if not browser.has(".panel"):
            browser.click(".btn--members")
        browser.click(".panel button.btn--wide", "Invite")
        browser.type("#invite", user)
        browser.click(".panel button[type=submit]")
        browser.gone("#invite")
        browser.click(".panel__head button")

    def accept_invitation(self, room):
        browser = self.browser
        browser.click(".list .room--invite", room)
        browser.click(".view .btn--primary", "Join")
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

    def menu_of(self, text):
        """Opens the menu of a message."""
        self.browser.click_under_pointer("li.msg", text, ".msg__actions button:last-child")

    def react(self, text, reaction):
        self.menu_of(text)
        self.browser.click(".msgmenu__reactions button", reaction)

    def reply(self, text, answer):
        self.choose(text, "Reply")
        self.browser.find(".composer__about")
        self.say(answer)

    def begin_thread(self, text, answer):
        self.menu_of(text)
        self.browser.click(".msgmenu .menu__item", "Reply in a thread")
        self.browser.type("#thread-composer", answer + ENTER)
        self.browser.find(".panel .msg__text", answer)

    def edit_last(self, text):
        """With the key that edits one's last message."""
        self.browser.type("#room-composer", UP)
        self.browser.find(".composer__about")
        self.browser.script("document.getElementById('room-composer').select()")
        self.say(text)

    def delete(self, text):
        self.menu_of(text)
        self.browser.click(".msgmenu .menu__item--danger")

    def send_file(self, path, caption):
        """Puts a file into the tray, and sends it from there."""
        self.browser.type("#room-attach", str(path))
        self.browser.type(".tray input", caption)
        self.browser.click(".composer .send")
        self.browser.gone(".tray")

    def choose(self, text, action):
        """An action of the menu of a message."""
        self.menu_of(text)
        self.browser.click(".msgmenu .menu__item", action)

    def jump(self, typed, name):
        """To a room by the switcher, with the keys alone."""
        self.browser.press(CONTROL, "k")
        self.browser.type("#jump", typed)
        self.browser.find(".switcher .is-hover", name)
        self.browser.type("#jump", ENTER)
        self.browser.find(".head__title", name)

    def vote(self, answer):
        self.browser.click(".poll .option", answer)

    def ask_poll(self, question, answers):
        browser = self.browser
        browser.click(".composer__row button")
        browser.click(".attachmenu .menu__item", "Poll")
        browser.type("#poll-question", question)
        for number, answer in enumerate(answers):
            browser.type(f"#poll-answer-{number}", answer)
        browser.click(".dialog__foot .btn--primary")
        browser.find(".poll h3", question)

    def make_recovery_key(self):
        browser = self.browser
        self.open("settings/encryption")
        browser.click(".page .btn--primary")
        return browser.script("return arguments[0].innerText", {ELEMENT: browser.find("#recovery-key")}).split()

    def enter_recovery_key(self, key):
        browser = self.browser
        self.open("settings/encryption")
        browser.type("#recovery", " ".join(key))
        browser.click(".page form .btn--primary")

    def ask_to_verify(self):
        """Asks one's other sessions to verify this one."""
        self.open("settings/encryption")
        self.browser.click(".page .btn-row .btn", "Verify with another session")

    def end_other_sessions(self, count):
        browser = self.browser
        self.open("settings/sessions")
        for left in reversed(range(count)):
            browser.click(".session > .btn")
            browser.type("#remove-password", self.password)
            browser.click(".dialog form .btn--primary")
            browser.gone(".dialog")
            browser.until(lambda: len(browser.find_all(".session > .btn")) == left, f"{left} other sessions")

    def pictures(self):
        """The words of the seven pictures that are compared."""
        self.browser.find(".emojis li")
        return self.browser.script("return [...document.querySelectorAll('.emojis li')].map((e) => e.innerText)")
