"""Rooms and what can be done in them: finding, joining, spaces, settings, people, polls, pins, search."""

from report import expect
from webdriver import CONTROL, ENTER, ESCAPE


def tour(report, mira, jonas, shots):
    with report.part("rooms") as steps:
        with steps.step("a public room has an address and stands in the directory"):
            mira.make_room("Repair café", public=True)
            mira.say("Bring the broken thing.")
            mira.is_sent("Bring the broken thing.")
            mira.browser.click(".head__tools > .btn:last-child")
            mira.browser.click(".panel .quick a")
            mira.browser.type("#alias", "repair" + ENTER)
            mira.browser.find(".session b", f"#repair:{mira.server.server_name}")
            shots.take(mira.browser, "room-settings")
        with steps.step("somebody of another server finds it there, looks at it and joins"):
            jonas.open("explore")
            jonas.browser.type("#explore-server", mira.server.server_name + ENTER)
            jonas.browser.find(".dir li", "Repair café")
            shots.take(jonas.browser, "explore")
            jonas.browser.click_in(".dir li", "Repair café", "a.btn")
            jonas.browser.find(".center__in h2", "Repair café")
            shots.take(jonas.browser, "outside")
            jonas.browser.click(".center__in .btn--primary")
            jonas.browser.find("#room-composer")
            jonas.reads("Bring the broken thing.")
        with steps.step("one jumps between rooms by keys"):
            mira.open()
            mira.browser.find(".list .room", "Kiln")
            mira.browser.press(CONTROL, "k")
            mira.browser.type("#jump", "re")
            shots.take(mira.browser, "switcher")
            mira.browser.press(ESCAPE)
            mira.browser.gone(".switcher")
            mira.jump("repair", "Repair café")
        with steps.step("a room is a favourite, and its name changes for all"):
            mira.browser.click_under_pointer(".room__item", "Repair café", ".room__more")
            mira.browser.find(".room__menu")
            shots.take(mira.browser, "room-menu")
            mira.browser.click(".room__menu .menu__item", "Add to favourites")
            mira.browser.find("section[aria-label=Favourites] .room", "Repair café")
            mira.browser.click(".head__tools > .btn:last-child")
            shots.take(mira.browser, "about")
            mira.browser.click(".panel .quick a")
            mira.browser.find("#settings-name")
            mira.browser.script("document.getElementById('settings-name').select()")
            mira.browser.type("#settings-name", "Repair workshop" + ENTER)
            jonas.browser.find(".head__title", "Repair workshop")
        with steps.step("a space has rooms"):
            mira.open()
            mira.make_space("Makers")
            mira.browser.click(".page .btn--primary")
            mira.browser.click_in(".dialog .dir li", "Repair workshop", "button")
            mira.browser.until(lambda: not mira.browser.has(".dialog .dir li", "Repair workshop"), "that it is in the space")
            mira.browser.click(".dialog__head button")
            mira.browser.find(".block .dir li", "Repair workshop")
            mira.browser.find(".rail__item[title^=Makers]")
            mira.browser.until(lambda: not mira.browser.has(".list .room", "Kiln"), "only the rooms of the space")
            shots.take(mira.browser, "space")
    with report.part("in a room") as steps:
        with steps.step("a poll is asked, voted in and ended"):
            mira.open()
            mira.jump("repair", "Repair workshop")
            mira.ask_poll("Soup or bread?", ["Soup", "Bread"])
            jonas.browser.find(".poll h3", "Soup or bread?")
            jonas.vote("Bread")
            mira.browser.find(".poll .option .num", "1")
            mira.browser.find(".poll footer", "1 vote")
            shots.take(mira.browser, "poll")
            mira.browser.click(".poll footer button")
            jonas.browser.find(".poll footer", "Ended")
        with steps.step("a message is pinned, and the pin leads to it"):
            mira.choose("Bring the broken thing.", "Pin")
            jonas.browser.find(".pinbar", "Bring the broken thing.")
            shots.take(jonas.browser, "pinned")
            jonas.browser.click(".pinbar > button")
            jonas.browser.find(".msg__jump .msg__text", "Bring the broken thing.")
            jonas.browser.click(".jumps .btn")
            jonas.browser.gone(".jumps")
        with steps.step("a message is forwarded"):
            mira.choose("Bring the broken thing.", "Forward")
            mira.browser.click(".dialog .row", "Weather")
            mira.jump("weather", "Weather")
            mira.reads("Bring the broken thing.")
            mira.jump("repair", "Repair workshop")
        with steps.step("any emoji is found by its name"):
            mira.browser.click_under_pointer("li.msg", "Bring the broken thing.", ".msg__actions button")
            mira.browser.type("#emoji-find", "amphora")
            shots.take(mira.browser, "emoji")
            mira.browser.type("#emoji-find", ENTER)
            jonas.browser.find(".reaction", "🏺")
        with steps.step("code has colours, and what is hidden shows when one asks"):
            mira.browser.type("#room-composer", "it was ||the cat|| and `code`" + ENTER)
            jonas.browser.click(".spoiler--shut")
            jonas.browser.find(".spoiler", "the cat")
        with steps.step("hostile text is text"):
            hostile = "<img src=x onerror='window.hostile=1'> [here](javascript:window.hostile=1) <b onclick='window.hostile=1'>bold</b>"
            mira.browser.type("#room-composer", hostile + ENTER)
            jonas.browser.find(".msg__text", "here")
            script = """
                for (const e of document.querySelectorAll('.msg__text *')) e.click();
                return [window.hostile ?? null, document.querySelectorAll('.msg__text img, .msg__text a[href^=javascript]').length];
            """
            for person in (mira, jonas):
                expect(person.browser.script(script) == [None, 0], "something of it ran, or could")
        with steps.step("a voice message is recorded and comes with its wave"):
            mira.browser.click(".composer__row button[aria-label='Voice message']")
            mira.browser.until(lambda: not mira.browser.has(".recording .num", "0:00"), "a second of recording")
            shots.take(mira.browser, "recording")
            mira.browser.click(".recording .send")
            jonas.browser.find(".voice .wave rect")
            shots.take(jonas.browser, "voice")
        with steps.step("messages are searched where the server can read them"):
            mira.open("search/broken")
            mira.browser.find(".hit", "Bring the broken thing.")
            shots.take(mira.browser, "search")
            mira.browser.click(".hit")
            mira.browser.find(".msg__jump .msg__text", "Bring the broken thing.")
        with steps.step("a person is turned out, and comes back when they are let in"):
            mira.open()
            mira.jump("repair", "Repair workshop")
            mira.browser.click(".btn--members")
            mira.browser.click(".panel .row", jonas.user)
            mira.browser.find(".card h2", "jonas")
            shots.take(mira.browser, "person")
            mira.browser.click(".card .menu__item", "Remove from the room")
            mira.browser.type("#why", "Rude")
            mira.browser.click(".dialog .btn--danger")
            mira.browser.gone(".dialog")
            mira.browser.press(ESCAPE)
            mira.browser.until(lambda: not mira.browser.has(".panel .row", jonas.user), "only one member")
            expect(not mira.browser.has(".card"), "the card is still there")
