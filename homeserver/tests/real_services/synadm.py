"""synadm: the command line for Synapse's admin API."""

import json
import subprocess

from report import Problem

TIMEOUT_S = 60


class Synadm:
    """The command line of one administrator of one server."""

    def __init__(self, folder, python, server, admin):
        self.folder, self.python, self.server = folder, python, server
        self.config = folder / "synadm.yaml"
        # JSON is YAML too.
        self.config.write_text(
            json.dumps(
                {
                    "user": admin.id,
                    "token": admin.token,
                    "protocol": "http",
                    "base_url": server.url,
                    "admin_path": "/_synapse/admin",
                    "matrix_path": "/_matrix",
                    "format": "json",
                    "timeout": 30,
                    "server_discovery": "well-known",
                    "homeserver": server.server_name,
                    "ssl_verify": True,
                }
            )
        )

    def run(self, *words):
        """Runs a command, and gives what it printed."""
        command = [self.python, "-c", "from synadm.cli import root; root()", "--batch", "-o", "json"]
        done = subprocess.run(
            [*map(str, command), "-c", str(self.config), *map(str, words)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=TIMEOUT_S,
        )
        if done.returncode != 0 or "Traceback" in done.stderr:
            said = f"{done.stdout[-500:]} {done.stderr[-1500:]}"
            raise Problem(f"synadm {' '.join(map(str, words))} ends with {done.returncode}: {said}")
        return done.stdout

    def ask(self, *words):
        """Runs a command, and gives the last of the answers that it printed."""
        text = self.run(*words)
        decoder, answers, at = json.JSONDecoder(), [], 0
        while at < len(text):
            try:
                answer, at = decoder.raw_decode(text, at)
                if isinstance(answer, (dict, list)):
                    answers.append(answer)
            except ValueError:
                at += 1
        if not answers:
            raise Problem(f"synadm {' '.join(map(str, words))} printed no answer: {text[-500:]}")
        return answers[-1]
