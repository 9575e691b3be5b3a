#!/usr/bin/env python3
"""Lets real application services serve real people: first through Synapse, then through Hearth.

Prints `ok STEP` or `FAILED STEP` for each step and `N passed, M failed` at the end; exits non-zero if any failed.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
# What installs programs, runs servers and speaks to them is shared with the other tests of real programs.
sys.path += [str(HERE.parent / "real_clients"), str(HERE.parent / "real_peers")]

import network
import synapse_environment
from admin_scenario import AdminScenario
from bot_scenario import BotScenario
from bridge import Heisenbridge
from bridge_scenario import BridgeScenario
from environment import InstallError, cached, install_python, python_of
from irc import IrcServer
from network import NetworkBridge, NodePrograms, SdkBot
from network_scenario import NetworkScenario
from nio_bot import NioBot
from puppeting import Puppeteer
from puppeting_scenario import PuppetingScenario
from report import Report
from servers import Network, free_ports


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, help="the server that is tested")
    parser.add_argument(
        "--servers", default="synapse,hearth", metavar="KIND,…", help="which homeservers (synapse,hearth)"
    )
    parser.add_argument(
        "--programs", default=",".join(PROGRAMS), metavar="NAME,…", help=f"which programs ({','.join(PROGRAMS)})"
    )
    parser.add_argument("--log", default="info", metavar="FILTER", help="what Hearth logs (info)")
    parser.add_argument("--timeout", type=float, default=1800, help="seconds for the whole run (1800)")
    parser.add_argument("--keep", action="store_true", help="keep the folders after a success too")
    parsed = parser.parse_args()
    if parsed.hearth:
        parsed.hearth = parsed.hearth.resolve()
    return parsed


def run_bridge(steps, run, installed):
    irc_port, bridge_port = free_ports(2)
    irc = IrcServer(run.folder, irc_port)
    bridge = Heisenbridge(run.folder, bridge_port, python_of(installed))
    try:
        with steps.needed("the servers start"):
            irc.start()
            server = run.server([bridge.registration])
        BridgeScenario(steps, server, irc, bridge).run()
        with steps.step("all stop in good order"):
            bridge.stop()
            server.stop()
    finally:
        bridge.stop()
        irc.stop()


def run_puppets(steps, run, installed):
    server = run.make_server()
    with steps.needed("the server starts"):
        bridge = Puppeteer(run.folder, *free_ports(1), python_of(installed), server, run.deadline)
        server.use_services([bridge.registration, bridge.double_registration])
        server.start()
    try:
        PuppetingScenario(steps, server, bridge, run.folder, run.deadline).run()
    finally:
        bridge.stop()
    with steps.step("it stops in good order"):
        server.stop()


def run_network(steps, run, installed):
    programs = NodePrograms(run.folder, installed, run.deadline)
    server = run.make_server()
    with steps.needed("the server starts"):
        bridge = NetworkBridge(programs, *free_ports(1), server)
        server.use_services([bridge.registration])
        server.start()
    bot = SdkBot(programs, server)
    try:
        NetworkScenario(steps, server, bridge).run()
        BotScenario(steps, server, bot).run()
    finally:
        bridge.stop()
        bot.stop()
    with steps.step("it stops in good order"):
        server.stop()


def run_nio_bot(steps, run, installed):
    with steps.needed("the server starts"):
        server = run.server([])
    bot = NioBot(run.folder, python_of(installed), server)
    try:
        BotScenario(steps, server, bot).run()
    finally:
        bot.stop()
    with steps.step("it stops in good order"):
        server.stop()


def run_synadm(steps, run, installed):
    with steps.needed("the server starts"):
        server = run.server([])
    AdminScenario(steps, server, run.folder, python_of(installed)).run()
    with steps.step("it stops in good order"):
        server.stop()


PROGRAMS = {
    "heisenbridge": run_bridge,
    "mautrix": run_puppets,
    "network": run_network,
    "nio-bot": run_nio_bot,
    "synadm": run_synadm,
}


class Run:
    """One program with one homeserver, in a folder of its own."""

    def __init__(self, kind, program, servers, folder, deadline):
        self.kind, self.servers, self.deadline = kind, servers, deadline
        self.name = f"{program}-{kind}"
        self.folder = folder / self.name
        self.folder.mkdir()

    def make_server(self):
        server = self.servers.make(self.kind, f"{self.name}-server", tuple(free_ports(2)))
        self.servers.servers.append(server)
        return server

    def server(self, registrations):
        """A homeserver that runs, with these application services."""
        server = self.make_server()
        server.use_services(registrations)
        server.start()
        return server


def install(program):
    """The folder with a program, and the lock on it: what one needs is not what another needs."""
    if program == "network":
        return network.prepare()
    requirements = HERE / f"requirements-{program}.txt"
    return cached(program, [requirements], lambda folder: install_python(folder, requirements))


def main():
    options = arguments()
    # So that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        synapse = synapse_environment.prepare()
        installed = {program: install(program) for program in options.programs.split(",")}
    except InstallError as error:
        print(f"FAILED install: {error}\n0 passed, 1 failed")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="real-services-"))
    report = Report(time.monotonic() + options.timeout)
    servers = Network(folder, synapse.python, options.hearth, options.log)
    try:
        for kind in options.servers.split(","):
            for program, (packages, _) in installed.items():
                with report.part(f"{program} and {kind}") as steps:
                    PROGRAMS[program](steps, Run(kind, program, servers, folder, report.deadline), packages)
    finally:
        servers.stop()
    return report.end(folder, options.keep)


if __name__ == "__main__":
    sys.exit(main())
