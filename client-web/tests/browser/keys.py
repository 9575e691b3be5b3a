"""The basic tour by keyboard alone: no pointer, and wherever the focus is, one sees it."""

from report import expect
from webdriver import CONTROL, DOWN, ENTER, F6, RIGHT, SHIFT, TAB, UP

# More stops than any view has.
MOST_STOPS = 60

# What has the focus, or what stands for it: a switch that is drawn by its label is not seen itself.
FOCUSED = """
    const active = document.activeElement;
    return active.classList.contains('sr') ? active.closest('label') ?? active.nextElementSibling : active;
"""
SEEN = f"""
    const shown = (() => {{ {FOCUSED} }})();
    const style = getComputedStyle(shown), box = shown.getBoundingClientRect();
    // Where one writes a message, the cursor shows it.
    const ring = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1 || shown.matches('.composer__text');
    const inside = box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
    return [ring || style.boxShadow !== 'none', inside, shown.outerHTML.slice(0, 160)];
"""


class Keys:
    """Goes through a page by keys."""

    def __init__(self, browser):
        self.browser = browser

    def type(self, text):
        """Types where the focus is."""
        for letter in text:
            self.browser.press(letter)

    def is_on(self, selector, text):
        script = "const [s, t] = arguments, e = document.activeElement; return e.matches(s) && e.textContent.includes(t);"
        return self.browser.script(script, selector, text)

    def check(self):
        """That one sees where the focus is."""
        self.browser.settle()
        has_ring, is_inside, what = self.browser.script(SEEN)
        expect(has_ring, f"no ring around {what}")
        expect(is_inside, f"out of sight: {what}")

    def to(self, selector, text="", keys=(TAB,)):
        """Goes on by a key until the focus is on something; it waits for what is not there yet."""
        self.browser.find(selector, text or None)
        stops = []
        for _ in range(MOST_STOPS):
            if self.is_on(selector, text):
                return
            self.browser.press(*keys)
            # Above everything else is the whole page, between its last stop and its first one.
            if not self.is_on("body", ""):
                self.check()
            stops.append(self.browser.script("return document.activeElement.outerHTML.slice(0, 60)"))
        expect(False, f"no key leads to {selector} {text!r}, only to {stops}")

    def do(self, selector, text="", keys=(TAB,)):
        self.to(selector, text, keys)
        self.browser.press(ENTER)


def tour(report, browser, page, shots):
    """Somebody new, from the address to signing out."""
    keys = Keys(browser)
    with report.part("by keys alone") as steps:
        with steps.step("somebody registers, and their machine computes what the server asks for", needed=True):
            browser.open(page)
            browser.find("form #name")
            keys.do(".door__note a")
            browser.find(".field__hint")
            keys.to("#name")
            keys.type("ines")
            keys.to("#password")
            keys.type("ines has three old bricks")
            browser.press(ENTER)
            browser.find(".app .list .list__head")
        with steps.step("and makes a room", needed=True):
            keys.do(".list__head .new")
            browser.find(".dialog .segments")
            keys.to(".dialog .segments input")
            browser.press(RIGHT)
            browser.find("#room-name")
            keys.to("#room-name")
            keys.type("Kiln")
            browser.press(ENTER)
            browser.find(".head__title", "Kiln")
        with steps.step("a dialog keeps the focus inside, and gives it back"):
            keys.do(".list__head .new")
            browser.find(".dialog")
            keys.to(".dialog__head button")
            keys.to(".dialog__head button", keys=(SHIFT, TAB))
            for _ in range(12):
                browser.press(TAB)
                keys.check()
                expect(browser.script("return !!document.activeElement.closest('.dialog')"), "the focus left the dialog")
            keys.do(".dialog__head button")
            browser.gone(".dialog")
            browser.until(lambda: keys.is_on(".list__head .new", ""), "the focus where it was")
        with steps.step("and writes", needed=True):
            keys.to("#room-composer", keys=(F6,))
            keys.type("Reading is within two degrees.")
            browser.press(ENTER)
            browser.find(".msg:not(.msg--sending) .msg__text", "Reading is within two degrees.")
        with steps.step("and reacts"):
            keys.to(".timeline", keys=(F6,))
            browser.press(UP)
            browser.until(lambda: keys.is_on("li.msg", "Reading is within"), "the newest message")
            keys.check()
            browser.press(ENTER)
            browser.until(lambda: keys.is_on(".msgmenu button", ""), "the menu")
            keys.to(".msgmenu__reactions button", "🔥", keys=(DOWN,))
            browser.press(ENTER)
            browser.find(".reaction[aria-pressed=true]", "🔥")
            browser.until(lambda: keys.is_on("li.msg", "Reading is within"), "the focus on the message again")
        with steps.step("and answers and edits"):
            browser.press("r")
            browser.find(".composer__about")
            browser.until(lambda: keys.is_on("#room-composer", ""), "the composer")
            keys.type("So we go ahed.")
            browser.press(ENTER)
            browser.find(".msg:not(.msg--sending) .msg__text", "So we go ahed.")
            browser.press(UP)
            browser.find(".composer__about")
            browser.press(CONTROL, "a")
            keys.type("So we go ahead.")
            browser.press(ENTER)
            browser.find(".msg__text", "So we go ahead.")
        with steps.step("and changes a setting"):
            browser.press(CONTROL, ",")
            keys.do(".snav a", "Notifications")
            browser.find("#undisturbed")
            keys.to("#undisturbed")
            browser.press(" ")
            browser.find("#undisturbed:checked")
            shots.take(browser, "settings-by-keys")
        with steps.step("and signs out"):
            keys.do(".snav button", "Sign out")
            browser.find("form #name")
            browser.find(".door__note a")
