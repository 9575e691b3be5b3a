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

import synapse_environment
from admin_scenario import AdminScenario
from bridge import Heisenbridge
from bridge_scenario import BridgeScenario
from environment import InstallError, cached, install_python, python_of
from irc import IrcServer
from report import Report
from servers import Network, free_ports

REQUIREMENTS = HERE / "requirements.txt"
SYNADM_REQUIREMENTS = HERE / "requirements-synadm.txt"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, help="the server that is tested")
    parser.add_argument(
        "--servers", default="synapse,hearth", metavar="KIND,…", help="which homeservers (synapse,hearth)"
    )
    parser.add_argument(
        "--programs",
        default="heisenbridge",
        metavar="NAME,…",
        help="which programs (heisenbridge,synadm)",
    )
    parser.add_argument("--log", default="info", metavar="FILTER", help="what Hearth logs (info)")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for the whole run (900)")
    parser.add_argument("--keep", action="store_true", help="keep the folders after a success too")
    parsed = parser.parse_args()
    if parsed.hearth:
        parsed.hearth = parsed.hearth.resolve()
    return parsed


def run_bridge(kind, network, report, folder, python):
    with report.part(f"heisenbridge and {kind}") as steps:
        irc_port, bridge_port = free_ports(2)
        irc = IrcServer(folder, irc_port)
        bridge = Heisenbridge(folder, bridge_port, python)
        try:
            with steps.needed("the servers start"):
                irc.start()
                server = network.make(kind, kind, tuple(free_ports(2)))
                network.servers.append(server)
                server.use_services([bridge.registration])
                server.start()
            BridgeScenario(steps, server, irc, bridge).run()
            with steps.step("all stop in good order"):
                bridge.stop()
                server.stop()
        finally:
            bridge.stop()
            irc.stop()


def run_synadm(kind, network, report, folder, python):
    with report.part(f"synadm and {kind}") as steps:
        server = network.make(kind, f"{kind}-administered", tuple(free_ports(2)))
        network.servers.append(server)
        with steps.needed("the server starts"):
            server.start()
        AdminScenario(steps, server, folder, python).run()
        with steps.step("it stops in good order"):
            server.stop()


def main():
    options = arguments()
    # So that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        synapse = synapse_environment.prepare()
        services, lock = cached(
            "real-services", [REQUIREMENTS], lambda folder: install_python(folder, REQUIREMENTS)
        )
        if "synadm" in options.programs:
            # What it needs is not what the bridge needs.
            synadm, synadm_lock = cached(
                "synadm", [SYNADM_REQUIREMENTS], lambda folder: install_python(folder, SYNADM_REQUIREMENTS)
            )
    except InstallError as error:
        print(f"FAILED install: {error}\n0 passed, 1 failed")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="real-services-"))
    report = Report(time.monotonic() + options.timeout)
    network = Network(folder, synapse.python, options.hearth, options.log)
    try:
        for kind in options.servers.split(","):
            own = folder / f"{kind}-services"
            own.mkdir()
            if "heisenbridge" in options.programs:
                run_bridge(kind, network, report, own, python_of(services))
            if "synadm" in options.programs:
                run_synadm(kind, network, report, own, python_of(synadm))
    finally:
        network.stop()
    return report.end(folder, options.keep)


if __name__ == "__main__":
    sys.exit(main())
