"""Homeservers on loopback that federate with each other: any number of Hearths and Synapses."""

import json
import os
import secrets
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 20


class ServerError(Exception):
    """That a server did not start or stop."""


def free_ports(count):
    """Ports of loopback on which nothing listens."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def end(process):
    """Ends a process, in good order if it does."""
    if process and process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Server:
    """One homeserver with a folder of its own. Clients reach it by plain HTTP, other servers by TLS."""

    def __init__(self, name, folder, ports):
        self.name = name
        self.folder = folder
        self.client_port, self.federation_port = ports
        # With a port in it, the name is the address: nothing has to be looked up.
        self.server_name = f"localhost:{self.federation_port}"
        self.url = f"http://127.0.0.1:{self.client_port}"
        self.log_path = folder / "server.log"
        self.process = None
        self.registrations = []
        folder.mkdir()

    def start(self):
        self.begin()
        self.wait()

    def begin(self):
        """Starts it, and does not wait until it answers."""
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self.command()],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait(self):
        """Waits until it answers."""
        until = time.monotonic() + START_TIMEOUT_S
        while not self.is_serving():
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self.process.returncode}")
            if time.monotonic() > until:
                raise ServerError(f"{self.name} does not answer after {START_TIMEOUT_S} s")
            time.sleep(0.05)

    def is_serving(self):
        try:
            urllib.request.urlopen(f"{self.url}/_matrix/client/versions", timeout=5).close()
            socket.create_connection(("127.0.0.1", self.federation_port), timeout=5).close()
        except (OSError, urllib.error.HTTPError):
            return False
        return True

    def use_services(self, registrations):
        """From its next start on it has these application services."""
        self.registrations = registrations

    def make_admin(self, user):
        """Lets a user administer the server."""
        raise NotImplementedError

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """Lets it end in good order."""
        if self.is_running():
            self.process.terminate()
            try:
                self.process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise ServerError(f"{self.name} did not stop within {STOP_TIMEOUT_S} s") from None

    def kill(self):
        """SIGKILL: nothing is said to it, nothing is flushed."""
        if self.is_running():
            self.process.kill()
            self.process.wait()

    @contextmanager
    def standing_still(self):
        """It does nothing for a while, as if it could not be reached."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def log_tail(self, lines=20):
        try:
            with open(self.log_path, errors="replace") as log:
                return "".join(log.readlines()[-lines:])
        except OSError as error:
            return f"{error}\n"

    def environment(self):
        return os.environ.copy()


class Hearth(Server):
    """A Hearth of the binary that is tested, with the settings by which it federates on loopback."""

    kind = "hearth"

    def __init__(self, name, folder, ports, certificates, binary, log_filter):
        super().__init__(name, folder, ports)
        self.certificates = certificates
        self.binary = binary
        self.log_filter = log_filter
        self.settings = {}

    def command(self):
        return [self.binary, "serve"]

    def use_settings(self, **settings):
        """From its next start on it has these too, by the names of their variables."""
        self.settings |= settings

    def make_admin(self, user):
        command = [self.binary, "admin", "users", "promote", user]
        made = subprocess.run(command, env=self.environment(), cwd=self.folder, capture_output=True, text=True)
        if made.returncode != 0:
            raise ServerError(f"{user} cannot be made an administrator: {made.stderr[-1000:]}")

    def environment(self):
        # What the shell has set must not change what is tested.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")}
        return inherited | {
            "HEARTH_SERVER_NAME": self.server_name,
            "HEARTH_DATA": str(self.folder / "data"),
            "HEARTH_LISTEN": f"127.0.0.1:{self.client_port}",
            "HEARTH_LISTEN_FEDERATION": f"127.0.0.1:{self.federation_port}",
            "HEARTH_TLS_CERT": str(self.certificates / "tls.pem"),
            "HEARTH_TLS_KEY": str(self.certificates / "tls.key"),
            "HEARTH_TRUSTED_CA": str(self.certificates / "ca.pem"),
            "HEARTH_ALLOW_PRIVATE_NETWORKS": "on",
            "HEARTH_REGISTRATION": "open",
            "HEARTH_RATE_LIMITS": "off",
            "HEARTH_APPSERVICES": ",".join(map(str, self.registrations)),
            "HEARTH_LOG": self.log_filter,
            "NO_COLOR": "1",
            **self.settings,
        }


class Synapse(Server):
    """A Synapse, with its limits off and loopback allowed."""

    kind = "synapse"

    def __init__(self, name, folder, ports, certificates, python):
        super().__init__(name, folder, ports)
        self.python = python
        self.config = folder / "homeserver.yaml"
        log_config = folder / "log.yaml"
        log_config.write_text(json.dumps(self.log_settings()))
        # JSON is YAML too.
        self.config.write_text(json.dumps(self.settings(certificates, log_config), indent=1))
        command = [*self.command(), "--generate-keys"]
        made = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        if made.returncode != 0:
            raise ServerError(f"{name} cannot make its keys: {made.stderr[-1000:]}")

    def use_services(self, registrations):
        super().use_services(registrations)
        settings = json.loads(self.config.read_text())
        settings["app_service_config_files"] = [str(file) for file in registrations]
        self.config.write_text(json.dumps(settings, indent=1))

    def command(self):
        return [self.python, "-m", "synapse.app.homeserver", "-c", self.config]

    def make_admin(self, user):
        # It remembers who is one as long as it runs.
        self.stop()
        with sqlite3.connect(self.folder / "homeserver.db", timeout=30) as database:
            database.execute("UPDATE users SET admin = 1 WHERE name = ?", (user,))
        self.start()

    def log_settings(self):
        line = "%(asctime)s %(levelname)s %(name)s %(request)s %(message)s"
        return {
            "version": 1,
            "formatters": {"line": {"format": line}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "INFO", "handlers": ["console"]},
            "disable_existing_loggers": False,
        }

    def settings(self, certificates, log_config):
        resources = [{"names": ["client", "federation"]}]
        listener = {"type": "http", "bind_addresses": ["127.0.0.1"], "resources": resources}
        return {
            "server_name": self.server_name,
            "pid_file": str(self.folder / "pid"),
            "signing_key_path": str(self.folder / "signing.key"),
            "log_config": str(log_config),
            "report_stats": False,
            "database": {"name": "sqlite3", "args": {"database": str(self.folder / "homeserver.db")}},
            "media_store_path": str(self.folder / "media"),
            "listeners": [
                listener | {"port": self.client_port, "tls": False},
                listener | {"port": self.federation_port, "tls": True},
            ],
            "tls_certificate_path": str(certificates / "tls.pem"),
            "tls_private_key_path": str(certificates / "tls.key"),
            "federation_custom_ca_list": [str(certificates / "ca.pem")],
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            # Loopback and private addresses are refused otherwise.
            "ip_range_blacklist": [],
            "federation_ip_range_blacklist": [],
            "enable_registration": True,
            "enable_registration_without_verification": True,
            "registration_shared_secret": secrets.token_hex(),
            "macaroon_secret_key": secrets.token_hex(),
            "form_secret": secrets.token_hex(),
            "bcrypt_rounds": 4,
            "allow_public_rooms_over_federation": True,
            "room_list_publication_rules": [{"action": "allow"}],
            # Its ten minutes of back-off are longer than this test.
            "federation": {
                "destination_min_retry_interval": "1s",
                "destination_retry_multiplier": 1,
                "destination_max_retry_interval": "2s",
            },
            "federation_rr_transactions_per_room_per_second": 1000,
            "caches": {"sync_response_cache_duration": 0},
            # What application services that encrypt are told of.
            "experimental_features": {
                "msc2409_to_device_messages_enabled": True,
                "msc3202_device_masquerading": True,
                "msc3202_transaction_extensions": True,
            },
        } | unlimited()


def unlimited():
    """Synapse's limits of rate, out of the way."""
    free = {"per_second": 100_000, "burst_count": 100_000}
    plain = [
        "rc_message",
        "rc_registration",
        "rc_registration_token_validity",
        "rc_admin_redaction",
        "rc_joins_per_room",
        "rc_3pid_validation",
        "rc_third_party_invite",
        "rc_media_create",
        "rc_room_creation",
        "rc_key_requests",
    ]
    return {name: free for name in plain} | {
        "rc_login": {"address": free, "account": free, "failed_attempts": free},
        "rc_joins": {"local": free, "remote": free},
        "rc_invites": {"per_room": free, "per_user": free, "per_issuer": free},
        "rc_presence": {"per_user": free},
        "rc_federation": {
            "window_size": 1000,
            "sleep_limit": 100_000,
            "sleep_delay": 1,
            "reject_limit": 100_000,
            "concurrent": 100,
        },
    }


class Network:
    """Servers that trust one certificate authority."""

    def __init__(self, folder, synapse_python, hearth_binary, log_filter):
        self.folder = folder
        self.synapse_python = synapse_python
        self.hearth_binary = hearth_binary
        self.log_filter = log_filter
        self.servers = []
        script = Path(__file__).resolve().parent / "certificates.py"
        made = subprocess.run([synapse_python, "-B", script, folder], capture_output=True, text=True)
        if made.returncode != 0:
            raise ServerError(f"no certificates: {made.stderr[-1000:]}")

    def start(self, kinds):
        """Starts a server of each of these kinds, all at the same time."""
        ports = free_ports(2 * len(kinds))
        for number, kind in enumerate(kinds, 1):
            name = f"{kind}{number}"
            self.servers.append(self.make(kind, name, (ports.pop(), ports.pop())))
        for server in self.servers:
            server.begin()
        for server in self.servers:
            server.wait()
        return self.servers

    def make(self, kind, name, ports):
        folder = self.folder / name
        if kind == "hearth":
            return Hearth(name, folder, ports, self.folder, self.hearth_binary, self.log_filter)
        return Synapse(name, folder, ports, self.folder, self.synapse_python)

    def stop(self):
        for server in self.servers:
            server.kill()
