"""The files and links of a room, what is linked to, strangers who invite, and what is heard."""

from client import Client
from report import expect

# A page that nobody looks at, and a count of the sounds that it plays.
HIDE = """
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => 'hidden' });
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    window.sounds = 0;
    const play = HTMLMediaElement.prototype.play;
    HTMLMediaElement.prototype.play = function () { window.sounds += 1; return play.call(this); };
"""


def tour(report, mira, jonas, shots, folder):
    browser = mira.browser
    with report.part("files of a room") as steps:
        with steps.step("the latest of an encrypted room stand beside it"):
            document = folder / "wiring.txt"
            document.write_text("Three wires, one of them green.")
            mira.open()
            mira.open_room("Kiln")
            mira.send_file(document, "Read this first")
            mira.is_sent("Read this first")
            mira.say("Where it came from: https://kiln.example/wiring")
            mira.is_sent("Where it came from")
            browser.click(".head__tools > .btn:last-child")
            browser.find(".panel .mediagrid img.pic")
            browser.find(".panel .row", "wiring.txt")
            shots.take(browser, "about-files")
        with steps.step("all pictures, files and links have a list each"):
            browser.click(".panel__section h3 button")
            browser.find(".panel [role=tab][aria-selected=true]", "Pictures")
            browser.find(".panel .mediagrid img.pic")
            shots.take(browser, "files-media")
            browser.click(".panel [role=tab]", "Files")
            browser.find(".panel .row", "wiring.txt")
            shots.take(browser, "files")
            browser.click(".panel [role=tab]", "Links")
            browser.find(".panel .row a", "https://kiln.example/wiring")
            shots.take(browser, "files-links")
        with steps.step("a file leads to its message"):
            browser.click(".panel [role=tab]", "Files")
            browser.click(".panel .row", "wiring.txt")
            browser.find(".msg__jump .file", "wiring.txt")
        with steps.step("in a room that the server can read it is asked for them"):
            mira.open()
            mira.jump("repair", "Repair workshop")
            mira.send_file(document, "For the workshop")
            mira.is_sent("For the workshop")
            browser.click(".head__tools > .btn:last-child")
            browser.find(".panel .row", "wiring.txt")
            browser.click(".panel__head button")
    with report.part("links") as steps:
        with steps.step("previews are off in an encrypted room, until somebody wants them there"):
            mira.open()
            mira.open_room("Kiln")
            browser.click(".head__tools > .btn:last-child")
            browser.find("#previews:not(:checked)")
            browser.click("#previews")
            browser.reload()
            browser.find(".head__title", "Kiln")
            browser.click(".head__tools > .btn:last-child")
            browser.find("#previews:checked")
            browser.click("#previews")
            browser.find("#previews:not(:checked)")
            browser.click(".panel__head button")
    with report.part("sounds and strangers") as steps:
        with steps.step("quiet hours are kept"):
            mira.open("settings/notifications")
            browser.click("#quiet-hours")
            browser.find("#quiet-from")
            shots.take(browser, "quiet-hours")
            browser.reload()
            browser.find("#quiet-hours:checked")
            browser.click("#quiet-hours")
            browser.gone("#quiet-from")
        with steps.step("the picture of a stranger's invitation is not shown, and it is heard", needed=True):
            stranger = Client(mira.server, "otto")
            mira.open()
            browser.find(".list .room", "Kiln")
            browser.script(HIDE)
            picture = "mxc://" + stranger.upload((folder / "glaze.png").read_bytes(), "image/png")
            avatar = {"type": "m.room.avatar", "state_key": "", "content": {"url": picture}}
            stranger.create_room(preset="private_chat", name="Ring", initial_state=[avatar], invite=[mira.user])
            stranger.end()
            browser.find(".list .room--invite", "Ring")
            browser.until(lambda: browser.script("return window.sounds") > 0, "a sound")
            mira.browser.reload()
            browser.click(".list .room--invite", "Ring")
            browser.find(".view .empty", "You share no room with them.")
            expect(not browser.has(".room--invite img, .view .empty img"), "its picture is shown")
            shots.take(browser, "stranger")
            browser.click(".view .btn-row .btn:not(.btn--primary)")
            browser.gone(".list .room--invite", "Ring")
