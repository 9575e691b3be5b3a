#!/usr/bin/env python3
"""Makes real clients chat through a homeserver, with restarts of it in between.

Prints `ok STEP` for each step and `N passed, 0 failed` at the end; exits non-zero at the first failure.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True

import environment
from client_process import ClientProcess
from scenario import Scenario, StepFailed
from sdk_scenario import SdkScenario

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", help="the client API, such as http://127.0.0.1:8008")
    parser.add_argument(
        "--restart-command",
        metavar="CMD",
        help="a shell command that stops the server, starts it again on the same data and returns",
    )
    parser.add_argument(
        "--sdk-client", metavar="FILE", help="the client on matrix-sdk, built: see sdk_client/"
    )
    parser.add_argument("--timeout", type=float, default=600, help="seconds for all of it (600)")
    parser.add_argument("--install-only", action="store_true", help="only install the clients")
    parsed = parser.parse_args()
    if not parsed.install_only and not (parsed.url and parsed.restart_command and parsed.sdk_client):
        parser.error("--url, --restart-command and --sdk-client are required")
    return parsed


class Clients:
    """Starts clients in a scratch folder: stores, logs, and the modules where Node looks for them."""

    def __init__(self, installed, sdk_client, url, scratch, deadline):
        self.installed = installed
        self.sdk_client = Path(sdk_client).resolve()
        self.url = url
        self.scratch = scratch
        self.deadline = deadline
        self.started = []
        for module in HERE.glob("*.mjs"):
            shutil.copy(module, scratch)
        (scratch / "node_modules").symlink_to(installed.node_modules)

    def start_nio(self, name):
        command = [self.installed.python, "-B", HERE / "nio_client.py", self.url, self.scratch / name]
        return self.start(name, command)

    def start_js(self, name):
        return self.start(name, [self.installed.node, self.scratch / "js_client.mjs", self.url])

    def start_sdk(self, name):
        return self.start(name, [self.sdk_client, self.url])

    def start(self, name, command):
        log = self.scratch / f"{name}.log"
        client = ClientProcess(name, command, log, self.deadline, self.scratch)
        self.started.append(client)
        return client

    def stop(self):
        for client in self.started:
            client.stop()


def follow_by_sliding_sync(clients, restart_command):
    """js-sdk follows its rooms by sliding sync instead of /sync. Gives the number of steps."""
    log = clients.scratch / "js_sliding.log"
    command = [clients.installed.node, clients.scratch / "js_sliding.mjs", clients.url, restart_command]
    with open(log, "w") as errors:
        run = subprocess.Popen(command, cwd=clients.scratch, stdout=subprocess.PIPE, stderr=errors, text=True)
        steps = 0
        for line in run.stdout:
            print(line, end="", flush=True)
            steps += 1
    if run.wait() != 0:
        raise StepFailed(f"sliding sync, after {steps} steps:\n{log.read_text()[-4000:]}")
    return steps


def main():
    options = arguments()
    try:
        installed = environment.prepare()
    except environment.InstallError as error:
        print(f"FAILED install the clients: {error}\n0 passed, 1 failed")
        return 1
    if options.install_only:
        return 0
    scratch = Path(tempfile.mkdtemp(prefix="real-clients-"))
    url = options.url.rstrip("/")
    deadline = time.monotonic() + options.timeout
    clients = Clients(installed, options.sdk_client, url, scratch, deadline)
    scenario = Scenario(clients, url, options.restart_command)
    with_sdk = SdkScenario(clients, url, options.restart_command)
    try:
        scenario.run()
        scenario.passed += follow_by_sliding_sync(clients, options.restart_command)
        with_sdk.run()
    except StepFailed as failure:
        print(f"FAILED {failure}")
        for client in clients.started:
            print(f"--- the end of {client.log_path}\n{client.log_tail()}", end="")
        print(f"{scenario.passed + with_sdk.passed} passed, 1 failed")
        return 1
    finally:
        clients.stop()
    shutil.rmtree(scratch, ignore_errors=True)
    print(f"{scenario.passed + with_sdk.passed} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
