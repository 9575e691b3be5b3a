"""LiveKit's clients, and a Hearth that carries their calls."""

import json
import secrets
import subprocess
from pathlib import Path

from browser_scenario import BrowserScenario
from element_call_scenario import ElementCallScenario
from environment import cached, install, python_of
from report import Problem
from servers import Server, free_ports
from web_scenario import WebScenario

HERE = Path(__file__).resolve().parent
PINS = [HERE / name for name in ["requirements.txt", "package.json", "package-lock.json"]]


class Hearth(Server):
    """A Hearth that carries calls."""

    def __init__(self, folder, binary):
        self.calls_port, *ports = free_ports(3)
        super().__init__("calls", folder, ports)
        self.binary = binary
        self.secret = secrets.token_hex()

    def command(self):
        return [self.binary, "serve"]

    def environment(self):
        inherited = {key: value for key, value in super().environment().items() if not key.startswith("HEARTH_")}
        return inherited | {
            "HEARTH_SERVER_NAME": self.server_name,
            "HEARTH_DATA": str(self.folder / "data"),
            "HEARTH_LISTEN": f"127.0.0.1:{self.client_port}",
            "HEARTH_LISTEN_FEDERATION": f"127.0.0.1:{self.federation_port}",
            "HEARTH_LISTEN_METRICS": "",
            "HEARTH_LISTEN_CALLS": f"127.0.0.1:{self.calls_port}",
            "HEARTH_CALLS_SECRET": self.secret,
            "NO_COLOR": "1",
        }


def clients():
    """The folder with the clients, and the lock on it."""
    return cached("real-calls", PINS, lambda folder: install(folder, HERE))


def run(report, folder, options, clients, part):
    """Starts a server, and lets one kind of clients call each other through it."""
    folder.mkdir()
    server = Hearth(folder / "calls", options.hearth)
    try:
        server.start()
        part(report, clients, server, folder)
        server.stop()
    finally:
        server.kill()


def native(report, clients, server, folder):
    """The native client: each line that it prints is a step."""
    python, log = python_of(clients), folder / "native.log"
    with report.part("native client") as steps:
        command = [python, "-B", HERE / "native_scenario.py", server.url, server.secret]
        with open(log, "w") as errors:
            run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
        try:
            for line in run.stdout:
                told = json.loads(line)
                failed = told.pop("failed", None)
                numbers = " ".join(f"{key}={value}" for key, value in told.items() if key != "passed")
                with steps.step(f"{told.get('passed', 'the next step')} {numbers}".strip()):
                    if failed:
                        raise Problem(failed)
            with steps.step("it ends in good order"):
                if run.wait(30) != 0:
                    raise Problem(f"exit {run.returncode}: {Path(log).read_text()[-600:]}")
        finally:
            run.kill()


def browsers(report, clients, server, folder):
    """The client of browsers: first as it is, then with everything encrypted."""
    for passphrase in ("", "a secret"):
        with report.part(f"browsers, {'encrypted' if passphrase else 'plain'}") as steps:
            own = folder / ("encrypted" if passphrase else "plain")
            own.mkdir()
            scenario = BrowserScenario(steps, server, own, clients / "node_modules", passphrase)
            try:
                scenario.run()
            finally:
                scenario.stop()


def element_call(report, folder, options, clients):
    """Element Call, with servers of its own."""
    folder.mkdir()
    with report.part("Element Call") as steps:
        people = ["alice", "bob", "carol", "dave"][: options.people]
        scenario = ElementCallScenario(steps, folder, options.hearth, clients, people)
        try:
            scenario.run()
        finally:
            scenario.stop()


def web(report, folder, options, clients):
    """The client of this repository, with servers of its own."""
    folder.mkdir()
    with report.part("the web client") as steps:
        scenario = WebScenario(steps, folder, options.hearth, clients, options.shots)
        try:
            scenario.run()
        finally:
            scenario.stop()
