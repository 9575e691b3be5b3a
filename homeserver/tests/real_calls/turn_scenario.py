"""What coturn's own clients can do through a Hearth, and what they cannot."""

import subprocess

from report import expect
from turn_servers import Exchange

# Each way to a relay, and the options of coturn's client for it.
WAYS = {
    "over UDP": [],
    "over UDP, by Send indications": ["-s"],
    "over UDP, channel data padded": ["-D"],
    "over TCP": ["-t"],
    "over TCP, by Send indications": ["-t", "-s"],
    "over TLS": ["-S", "-t"],
    "without a port for RTCP": ["-c"],
    "with more requests than are needed": ["-G"],
}
FORBIDDEN = ["10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1", "224.0.0.1", "0.0.0.0"]


class TurnScenario:
    def __init__(self, steps, open_server, closed_server, echo):
        self.steps = steps
        self.open_server = open_server
        self.closed_server = closed_server
        self.echo = echo

    def run(self):
        with self.steps.needed("users are told where the server is, and get credentials"):
            told = {server: server.credentials() for server in (self.open_server, self.closed_server)}
            port, tls = self.open_server.turn_port, self.open_server.tls_port
            expected = [f"turn:127.0.0.1:{port}?transport={way}" for way in ("udp", "tcp")]
            expected.append(f"turns:localhost:{tls}?transport=tcp")
            expect(told[self.open_server]["uris"] == expected, told[self.open_server]["uris"])
            self.credentials = {server: (all["username"], all["password"]) for server, all in told.items()}
        with self.steps.step("a STUN client learns its address"):
            command = ["turnutils_stunclient", "-p", str(self.open_server.turn_port), "127.0.0.1"]
            text = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
            expect("reflexive addr: 127.0.0.1" in text, text)
        for name, options in WAYS.items():
            with self.steps.step(f"messages come back from a peer {name}"):
                self.exchanged(self.open_server, 40, "-e", "127.0.0.1", "-r", self.echo.port, *options)
        with self.steps.step("two relays reach each other"):
            self.exchanged(self.open_server, 40, "-y")
        with self.steps.step("two relays reach each other where nothing else may be reached"):
            self.exchanged(self.closed_server, 40, "-y")
        with self.steps.step("a wrong password gets no relay"):
            user, _ = self.credentials[self.open_server]
            options = ["-n", 5, "-e", "127.0.0.1", "-r", self.echo.port]
            exchange = Exchange(self.open_server.turn_port, (user, "guess"), *options)
            expect(exchange.received == 0 and exchange.code != 0, exchange.tail())
        for peer in FORBIDDEN:
            with self.steps.step(f"nothing is relayed to {peer}"):
                exchange = self.exchange(self.closed_server, 5, "-e", peer)
                expect(exchange.received == 0 and "403" in exchange.text, exchange.tail())
        with self.steps.step("nothing is relayed to what else listens on the machine"):
            exchange = self.exchange(self.closed_server, 5, "-c", "-e", "127.0.0.1", "-r", self.echo.port)
            expect(exchange.received == 0, exchange.tail())

    def exchange(self, server, messages, *options):
        port = server.tls_port if "-S" in options else server.turn_port
        return Exchange(port, self.credentials[server], "-n", messages, *options)

    def exchanged(self, server, messages, *options):
        exchange = self.exchange(server, messages, *options)
        expect(exchange.sent > 0 and exchange.received == exchange.sent, exchange.tail())
