"""The bridge on matrix-appservice-bridge and the bot on matrix-bot-sdk, from outside: their packages and processes."""

import shutil
import subprocess
from pathlib import Path

from client_process import ClientProcess
from environment import cached, install_node, install_python, node_of, python_of
from report import Problem

HERE = Path(__file__).resolve().parent
PINS = [HERE / name for name in ["requirements-network.txt", "package.json", "package-lock.json"]]
# A registry has no native file of the SDK's encryption: without it all else works.
CRYPTO = "node_modules/@matrix-org/matrix-sdk-crypto-nodejs/index.js"
START_TIMEOUT_S = 60


def prepare():
    """The folder with Node and the packages, and the lock on it."""
    return cached("network", PINS, install)


def install(folder):
    install_python(folder, PINS[0])
    install_node(folder, HERE)
    (folder / CRYPTO).write_text("module.exports = {};\n")


class NodePrograms:
    """The programs of this folder, in one of their own: Node looks for packages beside them."""

    def __init__(self, folder, installed, deadline):
        self.folder, self.deadline = folder, deadline
        self.node = node_of(python_of(installed))
        for program in HERE.glob("*.mjs"):
            shutil.copy(program, folder)
        (folder / "node_modules").symlink_to(installed / "node_modules")

    def command(self, program, *words):
        return [str(word) for word in (self.node, self.folder / program, *words)]

    def start(self, name, program, *words):
        log = self.folder / f"{name}.log"
        return ClientProcess(name, self.command(program, *words), log, self.deadline, self.folder)


class NetworkBridge:
    """One bridge with the registration that it wrote itself."""

    def __init__(self, programs, port, server):
        self.programs, self.server = programs, server
        self.registration = programs.folder / "network.yaml"
        self.process = None
        command = programs.command("network_bridge.mjs", "register", f"http://127.0.0.1:{port}", self.registration)
        made = subprocess.run(command, capture_output=True, text=True, cwd=programs.folder)
        if made.returncode != 0:
            raise Problem(f"no registration is written: {made.stderr[-500:]}")

    def start(self):
        words = ["run", self.server.url, self.server.server_name, self.registration]
        self.process = self.programs.start("bridge", "network_bridge.mjs", *words)
        return self.call("bot", allowed=START_TIMEOUT_S)

    def call(self, verb, **arguments):
        return self.process.call(verb, **arguments)

    def heard(self, text):
        """Who said a text on Matrix, as often as the other network heard it."""
        return [said["sender"] for said in self.call("heard") if said["text"] == text]

    def stop(self):
        if self.process:
            self.process.stop()


class SdkBot:
    """One bot, which keeps its place in the sync in a file."""

    def __init__(self, programs, server):
        self.programs, self.server = programs, server
        self.process = self.token = None

    def start(self, name, password):
        """Logs in, or goes on with the token of the first time."""
        self.process = self.programs.start("bot", "sdk_bot.mjs", self.server.url, self.programs.folder)
        account = {"token": self.token} if self.token else {"name": name, "password": password}
        self.token = self.process.call("start", allowed=START_TIMEOUT_S, **account)["token"]

    def stop(self):
        if self.process:
            self.process.stop()
