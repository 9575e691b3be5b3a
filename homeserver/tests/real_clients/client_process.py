"""One client in a process of its own, commanded by JSON lines."""

import itertools
import json
import queue
import subprocess
import threading
import time

COMMAND_TIMEOUT_S = 40
WAIT_TIMEOUT_S = 20


class ClientError(Exception):
    """What a client reported, or that it did not answer."""


class ClientProcess:
    """`call` runs a verb and returns its result; every call has a deadline."""

    def __init__(self, name, command, log_path, deadline, cwd):
        self.name = name
        self.log_path = log_path
        self.deadline = deadline
        self.ids = itertools.count(1)
        self.answers = queue.Queue()
        with open(log_path, "w") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        threading.Thread(target=self.read_answers, daemon=True).start()

    def read_answers(self):
        for line in self.process.stdout:
            self.answers.put(line)
        self.answers.put(None)

    def call(self, verb, *, allowed=COMMAND_TIMEOUT_S, **args):
        number = next(self.ids)
        until = min(time.monotonic() + allowed, self.deadline)
        try:
            self.process.stdin.write(json.dumps({"id": number, "verb": verb, "args": args}) + "\n")
            self.process.stdin.flush()
        except OSError:
            raise self.gone(verb) from None
        while True:
            try:
                line = self.answers.get(timeout=max(0, until - time.monotonic()))
            except queue.Empty:
                raise ClientError(f"{self.name}: {verb} took longer than its deadline") from None
            if line is None:
                raise self.gone(verb)
            answer = json.loads(line)
            # The answer to a command that was given up may still come.
            if answer["id"] != number:
                continue
            if not answer["ok"]:
                raise ClientError(f"{self.name}: {verb}: {answer['error']}")
            return answer["result"]

    def wait_for(self, what, **args):
        """Waits until the client has seen `what`; returns what it knows of it."""
        # The client gives up first, as it can say what it did see.
        allowed = WAIT_TIMEOUT_S + 5
        return self.call("wait_for", allowed=allowed, what=what, timeout=WAIT_TIMEOUT_S, **args)

    def gone(self, verb):
        return ClientError(f"{self.name}: the client ended during {verb}")

    def log_tail(self, lines=15):
        """The end of the log: a failure already has its message, so a log that is gone is no second one."""
        try:
            with open(self.log_path, errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError as error:
            return f"{error}\n"

    def stop(self):
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
                self.process.wait(5)
            except (OSError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
