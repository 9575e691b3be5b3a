"""An IRC server of Debian's on loopback, and people who are on it."""

import shutil
import socket
import subprocess
import threading
import time

from report import Problem

START_TIMEOUT_S = 20
WAIT_TIMEOUT_S = 30
MESSAGE_OF_THE_DAY = "the kettle is on"


class IrcServer:
    """ngircd, with its limits out of the way."""

    def __init__(self, folder, port):
        self.port = port
        self.process = None
        self.log_path = folder / "ngircd.log"
        self.config = folder / "ngircd.conf"
        self.config.write_text(
            f"""
[Global]
Name = irc.example.org
Info = test
Listen = 127.0.0.1
Ports = {port}
MotdPhrase = {MESSAGE_OF_THE_DAY}
[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
MaxNickLength = 24
[Options]
DNS = no
Ident = no
PAM = no
"""
        )

    def start(self):
        # Debian has it where only administrators look.
        program = shutil.which("ngircd") or "/usr/sbin/ngircd"
        with open(self.log_path, "a") as log:
            self.process = subprocess.Popen(
                [program, "-n", "-f", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if time.monotonic() > until or self.process.poll() is not None:
                    raise Problem(f"ngircd does not answer:\n{self.log_path.read_text()[-500:]}") from None
                time.sleep(0.05)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(20)


class IrcPerson:
    """Somebody on the IRC server, in one channel."""

    def __init__(self, port, nick, channel):
        self.port, self.nick, self.channel = port, nick, channel
        self.changed = threading.Condition()
        self.said = []
        self.present = set()
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), timeout=None)
        self.present = set()
        threading.Thread(target=self.listen, args=[self.socket.makefile("r", errors="replace")], daemon=True).start()
        self.command(f"NICK {self.nick}", f"USER {self.nick} 0 * :{self.nick}")
        self.wait("the server", lambda: self.nick in self.present or "" in self.present)
        self.command(f"JOIN {self.channel}")
        self.wait("the channel", lambda: self.nick in self.present)

    def command(self, *lines):
        self.socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def say(self, text):
        self.command(f"PRIVMSG {self.channel} :{text}")

    def rename(self, nick):
        self.nick = nick
        self.command(f"NICK {nick}")

    def leave(self):
        self.command("QUIT :bye")

    def listen(self, lines):
        for line in lines:
            words = line.rstrip("\r\n").split(" ")
            if words[0] == "PING":
                self.command("PONG " + words[1])
                continue
            who, kind = words[0].lstrip(":").split("!")[0], words[1] if len(words) > 1 else ""
            rest = line.rstrip("\r\n").partition(" :")[2]
            with self.changed:
                match kind:
                    case "001":
                        self.present.add("")
                    case "353":
                        self.present.update(name.lstrip("@+") for name in rest.split())
                    case "JOIN":
                        self.present.add(who)
                    case "PART" | "QUIT":
                        self.present.discard(who)
                    case "NICK":
                        self.present.discard(who)
                        self.present.add(words[2].lstrip(":"))
                    case "PRIVMSG":
                        self.said.append((who, rest))
                self.changed.notify_all()

    def wait(self, what, test, timeout=WAIT_TIMEOUT_S):
        with self.changed:
            if not self.changed.wait_for(test, timeout):
                raise Problem(f"{self.nick} on IRC sees no {what}: {sorted(self.present)}, {self.said[-5:]}")

    def wait_said(self, text):
        self.wait(f"`{text}`", lambda: any(said == text for _, said in self.said))

    def count(self, text):
        with self.changed:
            return sum(said == text for _, said in self.said)
