"""The bridge on mautrix, from outside: its settings, its registrations, its process."""

import json
import secrets
import subprocess
from pathlib import Path

from client_process import ClientProcess
from report import Problem

PROGRAM = Path(__file__).resolve().parent / "puppet_bridge.py"
BOT = "puppeteer"
# A bridge waits that long for its homeserver, which may have just begun.
START_TIMEOUT_S = 90


class Puppeteer:
    """One bridge with the registration that mautrix wrote, and that of a service which may act as everybody."""

    def __init__(self, folder, port, python, server, deadline):
        self.folder, self.python, self.deadline = folder, python, deadline
        self.config = folder / "puppeteer.json"
        self.registration = folder / "puppeteer.yaml"
        self.double_registration = folder / "double-puppets.yaml"
        self.process = None
        token = secrets.token_hex()
        self.config.write_text(json.dumps(settings(folder, port, server, token)))
        self.double_registration.write_text(json.dumps(double_puppets(server, token)))
        made = subprocess.run([*self.command(), "-g", "-r", self.registration], capture_output=True, text=True, cwd=folder)
        if made.returncode != 0:
            raise Problem(f"mautrix writes no registration: {made.stderr[-500:]}")
        # What administrators add by hand, for encryption.
        with open(self.registration, "a") as registration:
            registration.write("org.matrix.msc3202: true\n")

    def command(self):
        # Its settings stay as they were written.
        return [self.python, "-B", PROGRAM, "-c", self.config]

    def start(self):
        log = self.folder / "puppeteer.log"
        self.process = ClientProcess("the bridge", [*self.command(), "-n"], log, self.deadline, self.folder)
        return self.call("device", allowed=START_TIMEOUT_S)

    def call(self, verb, **arguments):
        return self.process.call(verb, **arguments)

    def heard(self, text):
        """Who said a text on Matrix, as often as the other network heard it."""
        return [said["sender"] for said in self.call("all_heard") if said["text"] == text]

    def read(self, user, event_id):
        return any((read["user"], read["event_id"]) == (user, event_id) for read in self.call("all_reads"))

    def stop(self):
        if self.process:
            self.process.stop()


def settings(folder, port, server, double_puppet_token):
    trust = dict.fromkeys(["receive", "send", "share"], "unverified")
    return {
        "homeserver": {
            "address": server.url,
            "domain": server.server_name,
            "verify_ssl": True,
            "http_retry_count": 4,
            "connection_limit": 100,
            "software": "standard",
        },
        "appservice": {
            "id": BOT,
            "address": f"http://127.0.0.1:{port}",
            "hostname": "127.0.0.1",
            "port": port,
            "max_body_size": 8,
            "database": f"sqlite:{folder}/puppeteer.db",
            "database_opts": {},
            "bot_username": BOT,
            "bot_displayname": "Puppeteer",
            "ephemeral_events": True,
        },
        "bridge": {
            "username_template": "puppet_{userid}",
            "command_prefix": "!puppet",
            "double_puppet_token": double_puppet_token,
            "encryption": {
                "allow": True,
                "default": True,
                # What is not encrypted is not taken: whatever is heard was.
                "require": True,
                "appservice": True,
                "msc4190": False,
                "verification_levels": trust,
                "allow_key_sharing": True,
            },
        },
        "logging": {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
            "loggers": {"aiosqlite": {"level": "INFO"}, "mau.db": {"level": "INFO"}},
            "root": {"level": "DEBUG", "handlers": ["console"]},
        },
    }


def double_puppets(server, token):
    """A service that is never pushed to, as the bridge's documentation asks for."""
    return {
        "id": "double-puppets",
        "url": None,
        "as_token": token,
        "hs_token": secrets.token_hex(),
        "sender_localpart": secrets.token_hex(),
        "rate_limited": False,
        "namespaces": {"users": [{"regex": f"@.*:{server.server_name}", "exclusive": False}]},
    }
