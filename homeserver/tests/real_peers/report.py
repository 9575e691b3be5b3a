"""Says of each step whether it passed, and goes on after one that failed."""

import shutil
import threading
import time
from contextlib import contextmanager


class PartEnded(Exception):
    """A step failed that all later ones of its part need."""


class Problem(Exception):
    """What was expected, and what came instead."""


def expect(condition, problem):
    if not condition:
        raise Problem(problem)


class Report:
    """Counts steps; several threads may report at once."""

    def __init__(self, deadline):
        self.deadline = deadline
        self.lock = threading.Lock()
        self.passed = 0
        self.failed = 0

    def tell(self, passed, line):
        with self.lock:
            if passed:
                self.passed += 1
            else:
                self.failed += 1
            print(line, flush=True)

    def end(self, folder, keep):
        """Says what came of the run, and where its folder is if that stays. The exit code."""
        if self.failed or keep:
            print(f"the servers' data and logs are in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed else 0

    @contextmanager
    def part(self, name):
        """Steps that stand together, and end together when one fails that the others need."""
        try:
            yield Steps(self, name)
        except PartEnded:
            pass
        except Exception as error:
            self.tell(False, f"FAILED {name}: {described(error)}")


class Steps:
    """The steps of one part, which is named before each."""

    def __init__(self, report, part):
        self.report = report
        self.part = part

    @contextmanager
    def step(self, name, needed=False):
        """One step; when it is `needed` and fails, the rest of the part is left out."""
        begun = time.monotonic()
        full_name = f"{self.part}: {name}"
        try:
            if begun > self.report.deadline:
                raise Problem("the time for the whole run is over")
            yield
        except PartEnded:
            raise
        except Exception as error:
            end = " (the rest of this part is left out)" if needed else ""
            self.report.tell(False, f"FAILED {full_name}: {described(error)}{end}")
            if needed:
                raise PartEnded from None
        else:
            self.report.tell(True, f"ok {full_name} ({time.monotonic() - begun:.2f} s)")

    def needed(self, name):
        return self.step(name, needed=True)


def described(error):
    if isinstance(error, Problem):
        return str(error)
    return f"{type(error).__name__}: {error}"
