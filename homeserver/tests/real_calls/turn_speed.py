"""How fast messages go through a Hearth, beside coturn's own server: a measurement, which fails for no number."""

from turn_servers import Exchange

CLIENTS = 20
MESSAGES = 5000
LENGTH = 1000


class Speed:
    def __init__(self, server, credentials, echo):
        worked = server.processor_seconds()
        options = ["-c", "-m", CLIENTS, "-n", MESSAGES, "-l", LENGTH, "-z", 1]
        exchange = Exchange(server.turn_port, credentials, *options, "-e", "127.0.0.1", "-r", echo.port)
        # Each one that comes back went through the relay twice.
        self.packets = exchange.sent + exchange.received
        self.lost = exchange.sent - exchange.received
        self.a_second = self.packets / exchange.seconds
        self.processor_us = (server.processor_seconds() - worked) * 1e6 / max(self.packets, 1)

    def __str__(self):
        return f"{self.a_second:,.0f} packets/s, {self.processor_us:.1f} µs of a processor each, {self.lost} lost"


def compare(hearth, hearth_credentials, coturn, echo, rounds=3):
    """Takes turns, so that what else the machine does meets both."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(Speed(hearth, hearth_credentials, echo))
        theirs.append(Speed(coturn, coturn.credentials, echo))
    ours, theirs = (min(speeds, key=lambda speed: speed.processor_us) for speeds in (ours, theirs))
    print(f"Hearth: {ours}\ncoturn: {theirs}")
    print(f"Hearth to coturn: {ours.a_second / theirs.a_second:.2f} of the packets a second, ", end="")
    print(f"{theirs.processor_us / ours.processor_us:.2f} of the packets for the same work")
