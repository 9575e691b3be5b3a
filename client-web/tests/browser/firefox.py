"""Firefox, which is told the same in the same way, but for a few things."""

from pathlib import Path

from webdriver import Browser, Driver


class Firefox(Browser):
    """A Firefox with a profile of its own. Its driver drives one alone."""

    # Windows are no narrower.
    narrowest = 500

    def __init__(self, port, log, geckodriver, language="en"):
        self.log = Path(log)
        self.driver = Driver(port, open(log, "w"), (geckodriver,))
        preferences = {
            "intl.accept_languages": language,
            # A microphone that hums, and nobody who is asked.
            "media.navigator.streams.fake": True,
            "media.navigator.permission.disabled": True,
            "permissions.default.microphone": 1,
            # What the page's console says goes into the log.
            "devtools.console.stdout.content": True,
        }
        options = {"args": ["-headless"], "prefs": preferences, "binary": "/usr/bin/firefox-esr"}
        self.begin(self.driver, {"browserName": "firefox", "moz:firefoxOptions": options})
        self.set_size(1440, 900)

    def quit(self):
        super().quit()
        self.driver.stop()

    def set_size(self, width, height):
        around = self.script("return [outerWidth - innerWidth, outerHeight - innerHeight]")
        self.ask("POST", "/window/rect", {"width": width + around[0], "height": height + around[1]})

    def complaints(self):
        # The browser's own parts say more than the page does.
        lines = self.log.read_text(errors="replace").splitlines()
        return [line for line in lines if line.startswith("console.error:") and "127.0.0.1" in line]
