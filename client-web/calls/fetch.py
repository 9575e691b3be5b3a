#!/usr/bin/env python3
"""Puts what the client loads when somebody calls into a folder: LiveKit's client, which is installed once, outside of here."""

import shutil
import sys
from pathlib import Path

# Nothing is written beside the sources.
sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
# Packages are installed and kept as the tests do it.
sys.path.append(str(HERE.parents[1] / "homeserver/tests/real_clients"))

from environment import InstallError, cached, install

PINS = [HERE / name for name in ["requirements.txt", "package.json", "package-lock.json"]]
FILES = ["livekit-client.umd.js", "livekit-client.e2ee.worker.js"]


def main(out):
    try:
        folder, lock = cached("web-calls", PINS, lambda folder: install(folder, HERE))
    except InstallError as error:
        return f"LiveKit's client cannot be installed: {error}"
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copy(folder / "node_modules/livekit-client/dist" / name, out)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
