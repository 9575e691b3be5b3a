"""The bot on nio-bot, from outside: its process."""

import subprocess
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent / "echo_bot.py"
STOP_TIMEOUT_S = 20


class NioBot:
    """One bot, which keeps its place in the sync in a folder."""

    def __init__(self, folder, python, server):
        self.folder, self.python, self.server = folder, python, server
        self.process = None

    def start(self, name, password):
        user = f"@{name}:{self.server.server_name}"
        command = [self.python, "-B", PROGRAM, self.server.url, user, self.folder / "store"]
        with open(self.folder / "bot.log", "a") as log:
            self.process = subprocess.Popen(
                list(map(str, command)), cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=log, text=True
            )
        self.process.stdin.write(f"{password}\n")
        self.process.stdin.flush()

    def stop(self):
        """It ends when it is told nothing more."""
        if self.process and self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
