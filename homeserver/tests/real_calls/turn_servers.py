"""Servers of TURN on loopback: Hearths, and coturn's own; and coturn's clients."""

import json
import os
import re
import socket
import subprocess
import time
import urllib.request

from servers import end

START_TIMEOUT_S = 60
CLIENT_TIMEOUT_S = 60
PASSWORD = "correct horse battery"


class Started:
    """A process that is stopped when the test ends."""

    def __init__(self, folder, name, command, environment=None):
        self.log_path = folder / f"{name}.log"
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_until(self, what, is_so):
        until = time.monotonic() + START_TIMEOUT_S
        while not is_so():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"not so: {what}; see {self.log_path}")
            time.sleep(0.05)

    def processor_seconds(self):
        """How long processors have worked for it."""
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        end(self.process)


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


class Hearth(Started):
    """A Hearth with a TURN server, and a user of it."""

    def __init__(self, folder, name, binary, ports, settings):
        self.client_port, self.turn_port, self.tls_port = ports
        (folder / name).mkdir()
        # What the shell has set must not change what is tested.
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HEARTH_")}
        settings = {
            "HEARTH_SERVER_NAME": "localhost",
            "HEARTH_DATA": str(folder / name / "data"),
            "HEARTH_LISTEN": f"127.0.0.1:{self.client_port}",
            "HEARTH_LISTEN_METRICS": "",
            "HEARTH_LISTEN_TURN": f"127.0.0.1:{self.turn_port}",
            "HEARTH_LISTEN_TURN_TLS": f"127.0.0.1:{self.tls_port}",
            "HEARTH_PUBLIC_ADDRESS": "127.0.0.1",
            "HEARTH_REGISTRATION": "open",
            "HEARTH_TURN_USER_MBIT": "10000",
            "NO_COLOR": "1",
        } | settings
        super().__init__(folder, name, [binary, "serve"], inherited | settings)

    def wait(self):
        self.wait_until("Hearth serves", lambda: is_open(self.client_port) and is_open(self.tls_port))

    def credentials(self):
        """What a new user is told."""
        account = {"username": "alice", "password": PASSWORD, "auth": {"type": "m.login.dummy"}}
        registered = self.ask("POST", "register", account)
        return self.ask("GET", "voip/turnServer", token=registered["access_token"])

    def ask(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.client_port}/_matrix/client/v3/{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers=headers,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


class Coturn(Started):
    """coturn's server, with a user of fixed name."""

    credentials = ("alice", "secret")

    def __init__(self, folder, port):
        self.turn_port = port
        command = ["turnserver", "-n", "--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1"]
        command += ["--listening-port", port, "--lt-cred-mech", "--user", "alice:secret"]
        command += ["--realm", "localhost", "--allow-loopback-peers", "--no-tls", "--no-dtls", "--no-cli"]
        command += ["--pidfile", folder / "coturn.pid", "--log-file", "stdout"]
        super().__init__(folder, "coturn", command)

    def wait(self):
        self.wait_until("coturn serves", lambda: is_open(self.turn_port))


class Echo(Started):
    """coturn's peer, which sends back what comes."""

    def __init__(self, folder, port):
        self.port = port
        super().__init__(folder, "peer", ["turnutils_peer", "-L", "127.0.0.1", "-p", port])


class Exchange:
    """What coturn's client says of an exchange of messages through a relay."""

    def __init__(self, port, credentials, *options):
        user, password = credentials
        command = ["turnutils_uclient", "-p", port, "-u", user, "-w", password, *options, "127.0.0.1"]
        begun = time.monotonic()
        try:
            ended = subprocess.run(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=CLIENT_TIMEOUT_S,
            )
            self.code, self.text = ended.returncode, ended.stdout
        except subprocess.TimeoutExpired as error:
            self.code, self.text = None, (error.stdout or b"").decode(errors="replace")
        self.seconds = time.monotonic() - begun
        counts = re.findall(r"tot_send_msgs=(\d+), tot_recv_msgs=(\d+)", self.text)
        self.sent, self.received = map(int, counts[-1]) if counts else (0, 0)

    def tail(self):
        return " / ".join(self.text.strip().splitlines()[-4:])
