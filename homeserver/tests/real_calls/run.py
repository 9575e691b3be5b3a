#!/usr/bin/env python3
"""Lets real programs call through Hearths: LiveKit's clients and Element Call by the SFU, coturn's by the TURN server.

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
# How steps are told, and ports found, is shared with the other tests of real programs.
sys.path += [str(HERE.parent / "real_clients"), str(HERE.parent / "real_peers")]

import call_parts
import turn_speed
from report import Report
from servers import free_ports
from turn_scenario import TurnScenario
from turn_servers import Coturn, Echo, Hearth


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, required=True, help="the server that is tested")
    parser.add_argument("--speed", action="store_true", help="measure it beside coturn's server as well")
    parser.add_argument("--parts", default=",".join(PARTS), metavar="PART,…", help="which (all)")
    parser.add_argument("--people", type=int, default=4, help="how many call by Element Call (4)")
    parser.add_argument("--shots", metavar="FOLDER", type=Path, help="where pictures of the web client's calls are put")
    parser.add_argument("--timeout", type=float, default=1500, help="seconds for the whole run (1500)")
    parser.add_argument("--keep", action="store_true", help="keep the folders after a success too")
    parsed = parser.parse_args()
    parsed.hearth = parsed.hearth.resolve()
    return parsed


def run_turn(report, folder, options):
    with report.part("turn") as steps:
        started = []
        try:
            with steps.needed("the servers start"):
                ports = free_ports(8)
                # One may relay to loopback, so that there is somebody to relay to; the other is as it is outside.
                everywhere = {"HEARTH_ALLOW_PRIVATE_NETWORKS": "on"}
                open_server = Hearth(folder, "open", options.hearth, ports[:3], everywhere)
                started.append(open_server)
                closed_server = Hearth(folder, "closed", options.hearth, ports[3:6], {})
                started.append(closed_server)
                echo = Echo(folder, ports[6])
                started.append(echo)
                for server in (open_server, closed_server):
                    server.wait()
            scenario = TurnScenario(steps, open_server, closed_server, echo)
            scenario.run()
            if options.speed:
                with steps.step("its speed beside coturn's server"):
                    coturn = Coturn(folder, ports[7])
                    started.append(coturn)
                    coturn.wait()
                    turn_speed.compare(open_server, scenario.credentials[open_server], coturn, echo)
        finally:
            for each in started:
                each.stop()


def run_calls(part):
    def run(report, folder, options):
        with report.part(f"{part.__name__} calls") as steps:
            with steps.needed("clients are installed"):
                clients, lock = call_parts.clients()
            call_parts.run(report, folder / part.__name__, options, clients, part)

    return run


def run_element_call(report, folder, options):
    with report.part("Element Call") as steps:
        with steps.needed("clients are installed"):
            clients, lock = call_parts.clients()
        call_parts.element_call(report, folder / "element_call", options, clients)


def run_web(report, folder, options):
    with report.part("the web client") as steps:
        with steps.needed("clients are installed"):
            clients, lock = call_parts.clients()
        call_parts.web(report, folder / "web", options, clients)


PARTS = {
    "native": run_calls(call_parts.native),
    "browsers": run_calls(call_parts.browsers),
    "element-call": run_element_call,
    "web": run_web,
    "turn": run_turn,
}


def main():
    options = arguments()
    # So that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = Path(tempfile.mkdtemp(prefix="real-calls-"))
    report = Report(time.monotonic() + options.timeout)
    for part in options.parts.split(","):
        PARTS[part](report, folder, options)
    return report.end(folder, options.keep)


if __name__ == "__main__":
    sys.exit(main())
