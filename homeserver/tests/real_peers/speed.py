#!/usr/bin/env python3
"""How fast messages get from one server to another, and how many: for each pair of Hearth and Synapse.

Prints a table with one line for each pair; exits non-zero if messages did not arrive.
"""

import argparse
import json
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
# What installs programs is shared with the test with real clients.
sys.path.append(str(Path(__file__).resolve().parent.parent / "real_clients"))

import synapse_environment
from client import Client, quoted
from connection import Connection
from report import expect
from servers import Network

KINDS = ["hearth", "synapse"]
# When nothing came for so long, the rest does not come.
ARRIVAL_TIMEOUT_S = 15
SYNC_TIMEOUT_MS = 5_000
# As many as both servers give at once.
PAGE = 100
SYNC_FILTER = json.dumps({"room": {"timeline": {"limit": PAGE}}})


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hearth", metavar="BINARY", type=Path, required=True, help="a release build")
    every = [(one, other) for one in KINDS for other in KINDS]
    parser.add_argument(
        "--pairs",
        type=lambda text: [tuple(pair.split("-")) for pair in text.split(",")],
        default=every,
        metavar="FROM-TO,…",
        help=f"which servers ({','.join('-'.join(pair) for pair in every)})",
    )
    for name, default, meaning in [
        ("--senders", 16, "connections that send at once, each when its last message is acknowledged"),
        ("--seconds", 10, "how long they do, and how long the delay is measured"),
        ("--rate", 20, "messages a second while the delay is measured"),
    ]:
        parser.add_argument(name, type=int, default=default, metavar="N", help=f"{meaning} ({default})")
    parsed = parser.parse_args()
    if not set(parsed.pairs) <= set(every):
        parser.error("--pairs: of hearth and synapse")
    parsed.hearth = parsed.hearth.resolve()
    return parsed


class Receiver:
    """The other side's client: notes when each message is in its sync."""

    def __init__(self, client, room):
        self.room = room
        self.connection = Connection(client.server, client.token)
        self.changed = threading.Condition()
        # Number of the message -> when it came.
        self.arrived = {}
        self.problem = None
        self.since = self.sync(0)["next_batch"]
        threading.Thread(target=self.receive, daemon=True).start()

    def sync(self, timeout, since=""):
        query = f"sync?set_presence=offline&filter={quoted(SYNC_FILTER)}&timeout={timeout}{since}"
        return self.connection.call("GET", query)

    def receive(self):
        try:
            while True:
                answer = self.sync(SYNC_TIMEOUT_MS, f"&since={quoted(self.since)}")
                self.since = answer["next_batch"]
                timeline = answer.get("rooms", {}).get("join", {}).get(self.room, {}).get("timeline")
                if timeline:
                    self.take(timeline)
        except Exception as error:
            # The server stops, or fails; whoever waits is told which.
            with self.changed:
                self.problem = error
                self.changed.notify_all()

    def take(self, timeline):
        self.note(timeline["events"])
        start = timeline["prev_batch"] if timeline.get("limited") else None
        # What the sync left out, back to what came before.
        while start:
            path = f"rooms/{quoted(self.room)}/messages?dir=b&limit={PAGE}&from={quoted(start)}"
            page = self.connection.call("GET", path)
            start = page.get("end") if self.note(page["chunk"]) else None

    def note(self, events):
        """Whether all of them are messages that were not there before."""
        now = time.monotonic()
        numbers = [event["content"].get("number") for event in events]
        with self.changed:
            new = [number for number in numbers if number is not None and number not in self.arrived]
            self.arrived.update(dict.fromkeys(new, now))
            self.changed.notify_all()
        return len(new) == len(numbers)

    def wait(self, numbers):
        """Waits until these messages are there, or no more come: how many are missing, and when the last came."""
        with self.changed:
            while missing := sum(number not in self.arrived for number in numbers):
                if self.problem:
                    raise self.problem
                if not self.changed.wait(ARRIVAL_TIMEOUT_S):
                    break
            came = [self.arrived[number] for number in numbers if number in self.arrived]
            return missing, max(came, default=0)


class Pair:
    """Two servers with a room, in which a user of the first sends and one of the second receives."""

    def __init__(self, servers):
        sender, receiver = [Client(server, "speed") for server in servers]
        self.room = sender.create_room(preset="public_chat")
        receiver.join(self.room, [sender.server.server_name])
        # Their syncs would be measured too.
        sender.end()
        receiver.end()
        self.sender = sender
        self.receiver = Receiver(receiver, self.room)
        self.numbers = 0
        self.lock = threading.Lock()

    def number(self):
        with self.lock:
            self.numbers += 1
            return self.numbers

    def send(self, connection, number):
        path = f"rooms/{quoted(self.room)}/send/m.room.message/speed{number}"
        body = {"msgtype": "m.text", "body": f"message {number}", "number": number}
        connection.call("PUT", path, body)

    def connect(self):
        return Connection(self.sender.server, self.sender.token)

    def delays(self, rate, seconds):
        """Of each message in milliseconds, the least first; the servers have met by one before."""
        connection = self.connect()
        first = self.number()
        self.send(connection, first)
        self.receiver.wait([first])
        sent = {}
        begun = time.monotonic()
        for n in range(rate * seconds):
            time.sleep(max(0, begun + n / rate - time.monotonic()))
            number = self.number()
            sent[number] = time.monotonic()
            self.send(connection, number)
        missing, _ = self.receiver.wait(sent)
        expect(not missing, f"{missing} of {len(sent)} messages did not arrive")
        return sorted((self.receiver.arrived[number] - at) * 1000 for number, at in sent.items())

    def throughput(self, senders, seconds):
        """Messages a second, as they are acknowledged and as they arrive; and how many are missing."""
        sent, problems = [], []
        begun = time.monotonic()

        def send_on():
            try:
                connection = self.connect()
                while time.monotonic() < begun + seconds:
                    number = self.number()
                    self.send(connection, number)
                    sent.append(number)
            except Exception as error:
                problems.append(error)

        threads = [threading.Thread(target=send_on) for _ in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        acknowledged = time.monotonic()
        if problems:
            raise problems[0]
        missing, last = self.receiver.wait(sent)
        return len(sent) / (acknowledged - begun), (len(sent) - missing) / (last - begun), missing


def measure(options, kinds, synapse):
    folder = Path(tempfile.mkdtemp(prefix="peer-speed-"))
    try:
        network = Network(folder, synapse.python, options.hearth, "info")
        try:
            pair = Pair(network.start(kinds))
            delays = pair.delays(options.rate, options.seconds)
            acknowledged, arrived, missing = pair.throughput(options.senders, options.seconds)
        finally:
            network.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    p50, p99 = [delays[len(delays) * percent // 100] for percent in (50, 99)]
    row = f"{acknowledged:>10.0f}/s{arrived:>8.0f}/s{missing:>9}{p50:>11.1f} ms{p99:>8.1f} ms"
    return row, missing > 0


def main():
    options = arguments()
    # So that the servers are stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    synapse = synapse_environment.prepare()
    head = f"{'from':10}{'to':10}{'sent':>12}{'arrived':>10}{'missing':>9}{'delay p50':>14}{'p99':>11}"
    print(head, flush=True)
    failed = False
    for kinds in options.pairs:
        try:
            row, is_incomplete = measure(options, kinds, synapse)
        except Exception as error:
            row, is_incomplete = f"  FAILED: {error}", True
        failed |= is_incomplete
        print(f"{kinds[0]:10}{kinds[1]:10}{row}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
