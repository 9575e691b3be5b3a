"""What happens every day: a tab too many, a server that is away, what one has not read, what one has not sent."""

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
