#!/usr/bin/env python3
"""What a sync costs an account in few and in many rooms, and what clients that wait take: of Hearth, beside Synapse.

Prints a table for each server; exits non-zero if one failed.
"""

import argparse
import itertools
import json
import resource
import secrets
import shutil
import signal
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
# What installs programs is shared with the test with real clients.
sys.path.append(str(Path(__file__).resolve().parent.parent / "real_clients"))

import synapse_environment
from client import Client, quoted
from connection import Connection
from servers import Network

KINDS = ["hearth", "synapse"]
SLIDING = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"
LAZY = quoted(json.dumps({"room": {"state": {"lazy_load_members": True}}}))
# As Element X asks for its list of rooms.
ROOM_LIST = {
    "ranges": [[0, 19]],
    "timeline_limit": 1,
    "filters": {"not_room_types": ["m.space"]},
    "required_state": [
        ["m.room.name", ""],
        ["m.room.encryption", ""],
        ["m.room.avatar", ""],
        ["m.room.create", ""],
        ["m.room.member", "$LAZY"],
        ["m.room.member", "$ME"],
        ["m.space.child", "*"],
    ],
}
EXTENSIONS = {name: {"enabled": True} for name in ["account_data", "receipts", "typing"]}
# So many connections make rooms at once.
MAKERS = 4
# For so long clients wait that are counted.
IDLE_TIMEOUT_MS = 600_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, required=True, help="a release build")
    parser.add_argument(
        "--servers", type=lambda text: text.split(","), default=KINDS, metavar="KIND,…", help=",".join(KINDS)
    )
    parser.add_argument(
        "--rooms",
        type=lambda text: sorted(map(int, text.split(","))),
        default=[20, 2_000, 10_000],
        metavar="N,…",
        help="in how many rooms the account is (20,2000,10000)",
    )
    for name, default, meaning in [
        ("--rounds", 10, "how often each is measured; the median is told"),
        ("--idle", 10_000, "clients that wait in a sync; 0 for none"),
    ]:
        parser.add_argument(name, type=int, default=default, metavar="N", help=f"{meaning} ({default})")
    parsed = parser.parse_args()
    if not set(parsed.servers) <= set(KINDS):
        parser.error("--servers: of hearth and synapse")
    parsed.hearth = parsed.hearth.resolve()
    return parsed


def new_client(server, name):
    client = Client(server, name)
    # Its sync would be measured too.
    client.end()
    return client


class Account:
    """A user whose rooms become more, and a client of theirs."""

    def __init__(self, server):
        self.user = new_client(server, "account")
        self.connection = Connection(server, self.user.token)
        self.rooms = []
        self.numbers = itertools.count(1)

    def grow(self, count):
        """Makes rooms until there are so many."""

        def make(share):
            connection = Connection(self.user.server, self.user.token)
            return [connection.call("POST", "createRoom", {"preset": "private_chat"})["room_id"] for _ in share]

        missing = range(count - len(self.rooms))
        with ThreadPoolExecutor(MAKERS) as pool:
            for made in pool.map(make, [missing[maker::MAKERS] for maker in range(MAKERS)]):
                self.rooms += made

    def say(self):
        """Something in one of the rooms, in each in turn."""
        number = next(self.numbers)
        room = self.rooms[number * 7 % len(self.rooms)]
        body = {"msgtype": "m.text", "body": str(number)}
        self.connection.call("PUT", f"rooms/{quoted(room)}/send/m.room.message/m{number}", body)

    def sync(self, since=None):
        since = f"&since={quoted(since)}" if since else ""
        return self.connection.call("GET", f"sync?timeout=0&filter={LAZY}{since}")["next_batch"]

    def slide(self, connection, pos=None):
        body = {"conn_id": connection, "lists": {"rooms": ROOM_LIST}, "extensions": EXTENSIONS}
        query = f"?timeout=0&pos={quoted(pos)}" if pos else "?timeout=0"
        return self.connection.call("POST", SLIDING + query, body)["pos"]

    def measure(self, rounds):
        """In milliseconds: a first sync, one new message in it, and both by sliding sync."""
        times = {name: [] for name in ["first", "message", "first_window", "message_in_window"]}
        # What is measured first is not what finds nothing in memory.
        since, pos = self.sync(), self.slide("warm")
        for number in range(rounds):
            _, time_taken = timed(self.sync)
            times["first"].append(time_taken)
            self.say()
            since, time_taken = timed(self.sync, since)
            times["message"].append(time_taken)
            _, time_taken = timed(self.slide, f"new{number % 4}")
            times["first_window"].append(time_taken)
            # What was said for the other client.
            pos = self.slide("warm", pos)
            self.say()
            pos, time_taken = timed(self.slide, "warm", pos)
            times["message_in_window"].append(time_taken)
            since = self.sync(since)
        return {name: statistics.median(each) for name, each in times.items()}


def timed(action, *values):
    begun = time.perf_counter()
    result = action(*values)
    return result, (time.perf_counter() - begun) * 1000


class Idle:
    """Clients of as many users that wait for something to happen. The server is started again before they come."""

    def __init__(self, server, count):
        def register(share):
            connection = Connection(server, None)
            auth = {"auth": {"type": "m.login.dummy"}, "password": secrets.token_urlsafe(16)}
            made = [connection.call("POST", "register", auth | {"username": f"idle{n}"}) for n in share]
            return [each["access_token"] for each in made]

        with ThreadPoolExecutor(MAKERS) as pool:
            shares = [range(maker, count, MAKERS) for maker in range(MAKERS)]
            tokens = [token for made in pool.map(register, shares) for token in made]
        # What they took to be made is not what they take.
        server.stop()
        server.start()
        self.before = memory_mib(server.process)
        self.connections = []
        for token in tokens:
            connection = Connection(server, token)
            since = connection.call("GET", "sync?timeout=0")["next_batch"]
            connection.begin("GET", f"sync?timeout={IDLE_TIMEOUT_MS}&since={quoted(since)}")
            self.connections.append(connection)

    def waiting(self):
        """How many still wait: they were told nothing."""
        return sum(connection.is_waiting() for connection in self.connections)


def memory_mib(process):
    """What a process takes that is in memory."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def measure(options, kind, synapse):
    folder = Path(tempfile.mkdtemp(prefix="account-speed-"))
    network = Network(folder, synapse.python, options.hearth, "warn")
    try:
        [server] = network.start([kind])
        print(f"{kind}\n  {'rooms':>7}{'first':>14}{'message':>13}{'first window':>16}{'message in it':>16}")
        account = Account(server)
        for rooms in options.rooms:
            account.grow(rooms)
            times = account.measure(options.rounds)
            row = f"{times['first']:>11.1f} ms{times['message']:>10.2f} ms"
            row += f"{times['first_window']:>13.2f} ms{times['message_in_window']:>13.2f} ms"
            print(f"  {rooms:>7}{row}", flush=True)
        if options.idle:
            idle = Idle(server, options.idle)
            time.sleep(5)
            waiting, after = idle.waiting(), memory_mib(server.process)
            print(f"  {waiting} clients wait: {after:.0f} MiB in memory, {idle.before:.0f} without them", flush=True)
    finally:
        network.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    options = arguments()
    # So that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    synapse = synapse_environment.prepare()
    # Each client that waits is an open file of both.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    failed = False
    for kind in options.servers:
        try:
            measure(options, kind, synapse)
        except Exception as error:
            print(f"  FAILED: {error}", flush=True)
            failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
