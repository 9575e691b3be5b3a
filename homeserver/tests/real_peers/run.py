#!/usr/bin/env python3
"""Lets Hearth and Synapse federate: people of all servers in rooms, and a server that is away.

Prints `ok STEP` or `FAILED STEP` for each step and `N passed, M failed` at the end; exits non-zero if any
failed.
"""

import argparse
import signal
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
# What installs and commands programs is shared with the test with real clients.
sys.path.append(str(Path(__file__).resolve().parent.parent / "real_clients"))

import synapse_environment
from away_scenario import AwayScenario
from client import Client
from encrypted_scenario import EncryptedScenario
from environment import InstallError
from report import Report
from room_scenario import RoomScenario, people_orders
from servers import Network

PARTS = ["rooms", "versions", "pairs", "encrypted", "away"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, help="the server that is tested")
    parser.add_argument(
        "--servers",
        type=words,
        default=["hearth", "hearth", "synapse"],
        metavar="KIND,…",
        help="which servers take part, at least two (hearth,hearth,synapse)",
    )
    parser.add_argument(
        "--parts", type=words, default=PARTS, metavar="PART,…", help=f"only these of {','.join(PARTS)}"
    )
    parser.add_argument(
        "--room-versions",
        type=words,
        default=["10", "11", "12"],
        metavar="N,…",
        help="the versions of the rooms that all servers share (10,11,12)",
    )
    parser.add_argument(
        "--short-versions",
        type=words,
        default=[str(n) for n in range(1, 10)],
        metavar="N,…",
        help="the versions of rooms between the first and the last server (1 to 9)",
    )
    for name, default, meaning in [
        ("--away-rooms", 10, "rooms shared with a server that is away"),
        ("--away-events", 200, "events in them while it is away"),
        ("--away-kills", 2, "SIGKILLs meanwhile"),
        ("--jobs", 2, "how many scenarios run at the same time"),
    ]:
        parser.add_argument(name, type=int, default=default, metavar="N", help=f"{meaning} ({default})")
    parser.add_argument("--log", default="info", metavar="FILTER", help="what Hearth logs (info)")
    parser.add_argument("--timeout", type=float, default=900, help="seconds for the whole run (900)")
    parser.add_argument("--keep", action="store_true", help="keep the servers' folders after a success too")
    parser.add_argument("--install-only", action="store_true", help="only install Synapse")
    parsed = parser.parse_args()
    if "hearth" in parsed.servers and not (parsed.hearth or parsed.install_only):
        parser.error("--hearth is required")
    if parsed.hearth:
        parsed.hearth = parsed.hearth.resolve()
    if len(parsed.servers) < 2 or not set(parsed.servers) <= {"hearth", "synapse"}:
        parser.error("--servers: two or more of hearth and synapse")
    if not set(parsed.parts) <= set(PARTS):
        parser.error(f"--parts: some of {','.join(PARTS)}")
    return parsed


def words(text):
    return [word for word in text.split(",") if word]


class Run:
    """Which scenario runs with whom."""

    def __init__(self, options, report, servers, folder):
        self.options = options
        self.report = report
        self.servers = servers
        self.folder = folder

    def run(self):
        # The away scenario stops servers, so it has them alone.
        together = {
            "rooms": [(self.rooms, version) for version in self.options.room_versions],
            "versions": [(self.short_rooms, self.options.short_versions)],
            "pairs": [(self.pairs, pair) for pair in permutations(self.servers, 2)],
            "encrypted": [(self.encrypted, self.servers)],
        }
        with ThreadPoolExecutor(self.options.jobs) as pool:
            begun = []
            for part in self.options.parts:
                begun += [pool.submit(task, argument) for task, argument in together.get(part, [])]
            try:
                for each in begun:
                    each.result()
            except BaseException:
                # Interrupted: what is under way ends with its next step.
                self.report.deadline = 0
                raise
        if "away" in self.options.parts:
            self.away()

    def people(self, servers, name):
        return [Client(server, name) for server in servers]

    def rooms(self, version):
        with self.report.part(f"version {version}"):
            people = self.people(self.servers, f"v{version}")
            for order in people_orders(people):
                with self.report.part(f"version {version} made at {order[0].server.name}") as steps:
                    RoomScenario(steps, version, order).run()
            self.part_ways(people)

    def short_rooms(self, versions):
        with self.report.part("versions"):
            people = self.people([self.servers[0], self.servers[-1]], "short")
            for version in versions:
                for order in people_orders(people):
                    with self.report.part(f"version {version} made at {order[0].server.name}") as steps:
                        RoomScenario(steps, version, order).run_short()
            self.part_ways(people)

    def pairs(self, pair):
        # It signs, with what only the environment of Synapse has.
        from pair_scenario import PairScenario

        name = f"{pair[1].name} asks {pair[0].name}"
        with self.report.part(name) as steps:
            people = self.people(pair, "pair")
            PairScenario(steps, *people).run()
            self.part_ways(people)

    def encrypted(self, servers):
        with self.report.part("encrypted") as steps:
            EncryptedScenario(steps, servers, self.folder, self.report.deadline).run()

    def away(self):
        options = self.options
        first, second, last = self.servers[0], self.servers[1], self.servers[-1]
        sizes = options.away_rooms, options.away_events, options.away_kills
        turns = [([first, second, last], sizes)]
        if last not in (first, second):
            # A short one with the last server, in both directions: from there more is missed than is asked for at once.
            turns += [([first, last, second], (2, 20, 0)), ([last, first, second], (2, 300, 0))]
        for (writer, absent, witness), sizes in turns:
            with self.report.part(f"{absent.name} away from {writer.name}") as steps:
                servers = [writer, absent] if witness is absent else [writer, absent, witness]
                people = self.people(servers, "away")
                AwayScenario(steps, people, *sizes).run()
                self.part_ways(people)

    def part_ways(self, people):
        for person in people:
            person.end()


def main():
    options = arguments()
    # So that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        synapse = synapse_environment.prepare()
    except InstallError as error:
        print(f"FAILED install Synapse: {error}\n0 passed, 1 failed")
        return 1
    if options.install_only:
        return 0
    synapse.enter()
    folder = Path(tempfile.mkdtemp(prefix="real-peers-"))
    report = Report(time.monotonic() + options.timeout)
    network = Network(folder, synapse.python, options.hearth, options.log)
    try:
        with report.part("servers") as steps:
            with steps.needed(f"{', '.join(options.servers)} start"):
                servers = network.start(options.servers)
            Run(options, report, servers, folder).run()
        with report.part("servers") as steps:
            for server in network.servers:
                with steps.step(f"{server.name} stops in good order"):
                    server.stop()
    finally:
        network.stop()
    if report.failed:
        for server in network.servers:
            print(f"--- the end of {server.log_path}\n{server.log_tail()}", end="")
    return report.end(folder, options.keep)


if __name__ == "__main__":
    sys.exit(main())
