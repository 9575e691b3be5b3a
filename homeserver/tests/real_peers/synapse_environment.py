"""Installs Synapse outside the repository, once, and finds it again afterwards."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from environment import cached, install_python, python_of

REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"


@dataclass
class SynapseEnvironment:
    """The Python that has Synapse. `lock` keeps another run from replacing it meanwhile."""

    python: Path
    lock: object

    def enter(self):
        """Begins this script anew in that Python, unless it runs there already."""
        if Path(sys.executable) != self.python:
            os.execv(self.python, [self.python, *sys.argv])


def prepare():
    """The environment for the pinned versions: the cached one, or one installed now."""
    folder, lock = cached("real-peers", [REQUIREMENTS], lambda folder: install_python(folder, REQUIREMENTS))
    return SynapseEnvironment(python_of(folder), lock)
