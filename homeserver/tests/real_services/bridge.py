"""heisenbridge: an IRC bridge that keeps all that it knows in the account data of its bot."""

import os
import subprocess
import time

from report import Problem
from servers import end

START_TIMEOUT_S = 60
# What it says when it is done with starting. It answers before, and fails at what it is told then.
RUNS = "bridge is now running"


class Heisenbridge:
    """One bridge, with the registration that it wrote itself."""

    def __init__(self, folder, port, python):
        self.folder, self.port, self.python = folder, port, python
        self.registration = folder / "heisenbridge.yaml"
        self.log_path = folder / "heisenbridge.log"
        self.process = None
        made = subprocess.run(
            [*self.program(), "-p", str(port), "--generate"], capture_output=True, text=True, cwd=folder
        )
        if made.returncode != 0:
            raise Problem(f"heisenbridge writes no registration: {made.stderr[-500:]}")
        text = self.registration.read_text()
        self.registration.write_text(text.replace("http://127.0.0.1:9898", f"http://127.0.0.1:{port}"))

    def program(self):
        return [self.python, "-m", "heisenbridge", "-v", "-c", str(self.registration)]

    def start(self, homeserver, owner):
        starts = self.starts()
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [*self.program(), "-l", "127.0.0.1", "-p", str(self.port), "-o", owner, homeserver],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        until = time.monotonic() + START_TIMEOUT_S
        while self.starts() == starts:
            if self.process.poll() is not None or time.monotonic() > until:
                raise Problem(f"heisenbridge does not start:\n{self.log_path.read_text()[-1500:]}")
            time.sleep(0.1)

    def starts(self):
        """How often it was done with starting."""
        return self.log_path.read_text().count(RUNS) if self.log_path.exists() else 0

    def stop(self):
        end(self.process)
