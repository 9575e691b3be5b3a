"""Looks at a view as it is: pictures of it on each device and in each theme, and what axe-core finds wrong with it."""

import json
import shutil
from pathlib import Path

from environment import cached, checked, install_python, node_of, python_of

HERE = Path(__file__).resolve().parent
PINS = [HERE / name for name in ["requirements.txt", "package.json", "package-lock.json"]]

PHONE = (390, 844)
DESKTOP = (1440, 900)
THEMES = ["light", "dark", "contrast-light", "contrast-dark"]

# What the guidelines ask for (WCAG 2.2, A and AA).
GUIDELINES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Colours are all that differs between themes.
COLOURS = {"runOnly": ["color-contrast"]}


def axe():
    """axe-core as a script, and the lock on the folder where it is installed, once, outside the repository."""
    folder, lock = cached("real-browsers", PINS, install)
    return (folder / "node_modules/axe-core/axe.min.js").read_text(), lock


def install(folder):
    install_python(folder, HERE / "requirements.txt")
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(HERE / name, folder / name)
    node = node_of(python_of(folder))
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    checked([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)


class Views:
    """Takes pictures where a folder is given, and keeps what is wrong with each view."""

    def __init__(self, folder, is_asked=True):
        self.folder = folder
        # Whether anybody asks how they look.
        self.is_asked = is_asked
        self.script, self.lock = axe()
        self.faults = []
        if folder:
            folder.mkdir(parents=True, exist_ok=True)

    def take(self, browser, name):
        if not self.is_asked:
            return
        for device, size in [("desktop", DESKTOP), ("phone", PHONE)]:
            if size[0] < browser.narrowest:
                continue
            browser.set_size(*size)
            # Other themes are the same but for their colours: they are looked at where pictures are asked for.
            themes = THEMES[:1] if not self.folder else THEMES if device == "desktop" else THEMES[:2]
            for theme in themes:
                browser.script("document.documentElement.dataset.theme = arguments[0]", theme)
                browser.settle()
                if self.folder and not theme.startswith("contrast"):
                    browser.shot(self.folder / f"{name}.{device}.{theme}.png")
                self.check(browser, f"{name}, {device}, {theme}", GUIDELINES if theme == "light" else COLOURS)
            browser.script("delete document.documentElement.dataset.theme")
            for direction in ("rtl", "ltr"):
                browser.script("document.documentElement.dir = arguments[0]", direction)
                self.check_width(browser, f"{name}, {device}, {direction}")
                if self.folder and direction == "rtl":
                    browser.shot(self.folder / f"{name}.{device}.rtl.png")
        browser.set_size(*DESKTOP)
        browser.settle()

    def check_width(self, browser, what):
        """Nothing stands out of the page at its side."""
        wide = browser.script("return document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.faults.append(f"{what}: wider than the page by {wide}")

    def check(self, browser, what, options):
        if not browser.script("return typeof axe !== 'undefined'"):
            browser.script(self.script)
        script = """
            const [options, done] = arguments;
            axe.run(document, JSON.parse(options)).then((found) => done(found.violations.map((fault) =>
              `${fault.id}: ${fault.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`)));
        """
        for fault in browser.script_async(script, json.dumps(options)):
            self.faults.append(f"{what}: {fault}")
