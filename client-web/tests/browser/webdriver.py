"""A browser that does what it is told ("WebDriver", W3C): as much of it as the tours need."""

import base64
import json
import subprocess
import time
import urllib.error
import urllib.request

# Long enough for a machine that compiles something beside it.
PATIENCE_S = 120
GLANCE_S = 0.1

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
ENTER, ESCAPE, TAB, F6 = "\ue007", "\ue00c", "\ue004", "\ue036"
UP, DOWN, RIGHT = "\ue013", "\ue015", "\ue014"
CONTROL, SHIFT = "\ue009", "\ue008"

# The last element that fits and has a text in it, or something inside of it.
LAST_INSIDE = """
    const [selector, text, inner] = arguments;
    const found = [...document.querySelectorAll(selector)].filter((e) => e.textContent.includes(text));
    return found.length ? (inner === null ? found.at(-1) : found.at(-1).querySelector(inner)) : null;
"""

# Why the browser cannot do something to an element now, and can when the page is drawn.
PASSING = ["stale element", "click intercepted", "not interactable", "out of bounds"]


class BrowserError(Exception):
    """That the browser did not do it, or did not show it."""

    def is_passing(self):
        return any(reason in str(self) for reason in PASSING)


class Driver:
    """The program that drives browsers of one kind."""

    def __init__(self, port, log, command=("chromedriver",)):
        self.url = f"http://127.0.0.1:{port}"
        command = [*command, f"--port={port}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + PATIENCE_S
        while not self.is_ready():
            if time.monotonic() > until:
                raise BrowserError(f"{command[0]} does not answer")
            time.sleep(GLANCE_S)

    def is_ready(self):
        try:
            return ask(f"{self.url}/status", "GET")["ready"]
        except OSError:
            return False

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Browser:
    """A Chromium with a profile of its own: what it stores, no other has."""

    # A page can be made no narrower, in pixels.
    narrowest = 0

    def __init__(self, driver, folder, size=(1440, 900), language="en", arguments=()):
        options = [
            # A microphone that hums, and nobody who is asked.
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            f"--user-data-dir={folder}",
            f"--window-size={size[0]},{size[1]}",
            f"--lang={language}",
            "--hide-scrollbars",
            *arguments,
        ]
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": {"args": options, "prefs": {"intl.accept_languages": language}},
            "goog:loggingPrefs": {"browser": "ALL"},
        }
        self.begin(driver, wanted)
        self.set_dark(False)
        self.set_size(*size)

    def begin(self, driver, wanted):
        answer = ask(f"{driver.url}/session", "POST", {"capabilities": {"alwaysMatch": wanted}})
        self.url = f"{driver.url}/session/{answer['sessionId']}"
        # A script waits for a page that has much to do as long as all else does.
        self.ask("POST", "/timeouts", {"script": PATIENCE_S * 1000})
        # What a person would have had to do so far.
        self.clicks = 0

    def quit(self):
        self.ask("DELETE", "")

    def ask(self, method, path, body=None):
        return ask(self.url + path, method, {} if body is None and method == "POST" else body)

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def reload(self):
        self.ask("POST", "/refresh")

    def set_size(self, width, height):
        """The size of the page, not of the window."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", size)

    def set_dark(self, dark):
        feature = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", {"features": [feature]})

    def devtools(self, command, parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open_tab(self, url):
        """Another tab of the same browser, which is the one that is used from now on; gives both handles."""
        before = self.ask("GET", "/window")
        handle = self.ask("POST", "/window/new", {"type": "tab"})["handle"]
        self.switch(handle)
        self.open(url)
        return before, handle

    def switch(self, handle):
        self.ask("POST", "/window", {"handle": handle})

    def close_tab(self, next_one):
        self.ask("DELETE", "/window")
        self.switch(next_one)

    def press(self, *keys):
        """Presses keys together, wherever the focus is."""
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": down + up}]})

    def script(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def script_async(self, script, *arguments):
        """One that calls its last argument with what it gives."""
        return self.ask("POST", "/execute/async", {"script": script, "args": arguments})

    def find_all(self, selector):
        found = self.ask("POST", "/elements", {"using": "css selector", "value": selector})
        return [element[ELEMENT] for element in found]

    def find(self, selector, text=None):
        """The first element that fits and has that text in it; waits until there is one."""
        script = """
            const [selector, text] = arguments;
            for (const element of document.querySelectorAll(selector)) {
              if (text === null || element.textContent.includes(text)) return element;
            }
            return null;
        """
        what = selector if text is None else f"{selector} with {text!r}"
        return self.until(lambda: self.script(script, selector, text), what)[ELEMENT]

    def has(self, selector, text=None):
        script = """
            const [selector, text] = arguments;
            return [...document.querySelectorAll(selector)].some((e) => text === null || e.textContent.includes(text));
        """
        return self.script(script, selector, text)

    def gone(self, selector, text=None):
        self.until(lambda: not self.has(selector, text), f"no {selector} any more")

    def until(self, condition, what):
        """Waits until something holds, and gives what it gave."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                outcome = condition()
            except BrowserError as error:
                # What was found is drawn anew meanwhile, or something still lies above it.
                if not error.is_passing():
                    raise
                outcome = None
            if outcome:
                return outcome
            if time.monotonic() > until:
                raise BrowserError(f"waited in vain for {what}; the page ends with: {self.text()[-900:]!r}")
            time.sleep(GLANCE_S)

    def do(self, element, action, body=None):
        """Does something to an element that a function finds, once it is there and lets it be done."""

        def attempt():
            found = element()
            if found:
                self.ask("POST", f"/element/{found}/{action}", body)
            return found

        self.until(attempt, f"an element for a {action}")

    def click(self, selector, text=None):
        self.do(lambda: self.find(selector, text), "click")
        self.clicks += 1

    def click_in(self, selector, text, inner):
        """Clicks something inside of the last element that fits and has that text in it."""

        def find():
            element = self.until(lambda: self.script(LAST_INSIDE, selector, text, inner), f"{inner} in {selector}")
            return element[ELEMENT]

        self.do(find, "click")
        self.clicks += 1

    def type(self, selector, text):
        self.do(lambda: self.find(selector), "value", {"text": text})

    def click_under_pointer(self, selector, text, inner):
        """As `click_in`, of what shows only while the pointer is on the element, which may move meanwhile."""

        def attempt():
            around = self.script(LAST_INSIDE, selector, text, None)
            found = self.script(LAST_INSIDE, selector, text, inner)
            if found:
                # Where it was found may be out of sight.
                self.script("arguments[0].scrollIntoView({ block: 'nearest' })", around)
                move = {"type": "pointerMove", "duration": 0, "origin": around, "x": 0, "y": 0}
                pointer = {"type": "pointer", "id": "mouse", "actions": [move]}
                self.ask("POST", "/actions", {"actions": [pointer]})
                self.ask("POST", f"/element/{found[ELEMENT]}/click")
            return found

        self.until(attempt, f"{inner} in {selector} with {text!r}")
        self.clicks += 1

    def settle(self):
        """Waits until nothing moves and no colour fades, but for what turns without end."""
        script = """
            const ends = (animation) => animation.effect?.getComputedTiming().endTime !== Infinity;
            return !document.getAnimations().some((animation) => animation.playState === 'running' && ends(animation));
        """
        self.until(lambda: self.script(script), "a page that stands still")

    def text(self):
        return self.script("return document.body.innerText")

    def shot(self, path):
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def complaints(self):
        """What the page's console had to say: errors, but for answers of the server that say no."""
        entries = self.ask("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] == "SEVERE" and not is_wanted(entry)]


def is_wanted(entry):
    """Whether the test brought an error about itself: a server that was stopped, that says no, or that there is not."""
    message = entry["message"]
    # It was asked for something of a server that does not answer it.
    is_of_another = "the server responded with a status of 502" in message
    fails = "the server responded with a status of 5" in message and not is_of_another
    return entry["source"] == "network" and not fails


def ask(url, method, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=180) as answer:
            return json.load(answer)["value"]
    except urllib.error.HTTPError as error:
        value = json.load(error)["value"]
        raise BrowserError(f"{value['error']}: {value['message'].splitlines()[0]}") from None
