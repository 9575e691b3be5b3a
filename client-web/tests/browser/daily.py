"""What happens every day: a tab too many, a server that is away, what one has not read, what one has not sent."""

from person import Person
from report import expect


def tour(report, mira, jonas, shots):
    with report.part("every day") as steps:
        with steps.step("a second tab says so, and takes over when it is asked to"):
            mira.open()
            mira.open_room("Kiln")
            first, second = mira.browser.open_tab(f"{mira.page}/#/")
            mira.browser.find(".empty h1", "open in another tab")
            shots.take(mira.browser, "elsewhere")
            mira.browser.click(".empty .btn--primary")
            mira.browser.find(".list .room", "Kiln")
            mira.browser.switch(first)
            mira.browser.find(".empty h1", "open in another tab")
            mira.browser.switch(second)
            mira.browser.close_tab(first)
            mira.browser.find(".list .room", "Kiln")
        with steps.step("what is being written is there after a reload, and in the list"):
            mira.open_room("Kiln")
            mira.browser.type("#room-composer", "Half a thought")
            mira.make_room("Weather")
            mira.browser.find(".room", "Half a thought")
            mira.browser.reload()
            mira.open_room("Kiln")
            mira.browser.until(
                lambda: mira.browser.script("return document.getElementById('room-composer').value") == "Half a thought",
                "the draft",
            )
            mira.browser.script("document.getElementById('room-composer').select()")
            mira.say("A whole one")
            mira.is_sent("A whole one")
        with steps.step("what one has not read is counted, and stands below a line"):
            mira.open_room("Weather")
            jonas.open()
            jonas.open_room("Kiln")
            jonas.say("Did you see the kiln?")
            jonas.is_sent("Did you see the kiln?")
            mira.browser.find(".room--unread", "Kiln")
            mira.browser.until(lambda: mira.browser.script("return document.title").startswith("("), "a count in the title")
            mira.open_room("Kiln")
            mira.browser.find(".newline")
            expect(below(mira.browser), "the line of what is new stands below the message")
            shots.take(mira.browser, "unread")
            mira.browser.until(lambda: not mira.browser.has(".room--unread", "Kiln"), "read")
        with steps.step("one goes to a day"):
            mira.open_room("Kiln")
            mira.browser.click(".head__tools > .btn:last-child")
            mira.browser.find("#day")
            script = """
                const day = document.getElementById('day');
                const now = new Date();
                day.value = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, '0')).join('-');
                day.dispatchEvent(new Event('change', { bubbles: true }));
            """
            mira.browser.script(script)
            # Not at the end of the room, but where the day begins.
            mira.browser.find(".jumps")
            mira.reads("The glaze tests came out last night.")
            mira.browser.click(".jumps .btn")
            mira.browser.gone(".jumps")
        with steps.step("nothing disturbs whoever does not want it"):
            mira.open("settings/notifications")
            shots.take(mira.browser, "notifications")
            mira.browser.click("#undisturbed")
            mira.browser.reload()
            mira.browser.find("#undisturbed:checked")
            mira.browser.click("#undisturbed")
            mira.browser.find("#undisturbed:not(:checked)")
        with steps.step("another account is added, and one goes back to the first"):
            mira.open("settings/profile")
            shots.take(mira.browser, "profile")
            mira.browser.click(".block .btn", "Add an account")
            ruth = Person("ruth", mira.browser, mira.server, mira.page)
            ruth.register()
            ruth.open("settings/profile")
            mira.browser.find(".session small", mira.user)
            shots.take(mira.browser, "accounts")
            mira.browser.click(".session > .btn")
            mira.open_room("Kiln")
        with steps.step("while the server is away one goes on writing, and it is sent afterwards"):
            mira.server.stop()
            mira.browser.find(".banner--warning", "does not answer")
            mira.say("Written offline")
            shots.take(mira.browser, "offline")
            mira.server.start()
            mira.is_sent("Written offline")
            mira.browser.gone(".banner--warning")
            jonas.reads("Written offline")


def below(browser):
    """Whether the message that came stands below the line."""
    script = """
        const line = document.querySelector('.newline');
        const all = [...document.querySelectorAll('.msg .msg__text')];
        const message = all.find((e) => e.textContent.includes('Did you see the kiln?'));
        return line && message ? line.getBoundingClientRect().top < message.getBoundingClientRect().top : false;
    """
    return browser.until(lambda: browser.script(script), "the line above the message")
