"""matrix-nio on each server, with end-to-end encryption, in one room."""

import secrets

import environment
from client_process import ClientProcess
from report import expect

CLIENT = environment.HERE / "nio_client.py"


class EncryptedScenario:
    """The commands of the clients are those of the test with real clients."""

    def __init__(self, steps, servers, folder, deadline):
        self.steps = steps
        self.servers = servers
        self.folder = folder
        self.deadline = deadline
        self.clients = {}
        self.users = {}
        self.devices = {}
        self.room = None

    def run(self):
        try:
            self.begin()
            self.talk()
        finally:
            for client in self.clients.values():
                client.stop()

    def begin(self):
        with self.steps.needed("the clients are there"):
            installed = environment.prepare()
        for server in self.servers:
            with self.steps.needed(f"nio logs in at {server.name}"):
                store = self.folder / f"nio-{server.name}"
                command = [installed.python, "-B", CLIENT, server.url, store]
                log = self.folder / f"nio-{server.name}.log"
                client = ClientProcess(f"nio at {server.name}", command, log, self.deadline, self.folder)
                self.clients[server.name] = client
                account = {"username": f"nio_{secrets.token_hex(3)}", "password": secrets.token_urlsafe()}
                client.call("register", **account)
                session = client.call("login", **account, device_name="nio")
                self.users[server.name] = session["user_id"]
                self.devices[server.name] = session["device_id"]
        host, *guests = self.clients
        with self.steps.needed(f"an encrypted room at {host}"):
            created = self.clients[host].call("create_room", name="secrets", encrypted=True)
            self.room = created["room_id"]
        for guest in guests:
            with self.steps.needed(f"nio at {guest} is invited and joins"):
                self.clients[host].call("invite", room_id=self.room, user_id=self.users[guest])
                self.clients[guest].wait_for("invite", room_id=self.room)
                self.clients[guest].call("join", room_id=self.room)
        for name, client in self.clients.items():
            with self.steps.step(f"nio at {name} knows all devices"):
                for other, user in self.users.items():
                    client.wait_for("member", room_id=self.room, user_id=user)
                    if other != name:
                        client.wait_for("device", user_id=user, device_id=self.devices[other])

    def talk(self):
        for author, client in self.clients.items():
            with self.steps.step(f"what nio at {author} writes is decrypted everywhere"):
                for n in range(3):
                    body = f"secret {n} of {author}"
                    event_id = client.call("send", room_id=self.room, body=body)["event_id"]
                    for reader in self.clients.values():
                        seen = reader.wait_for("message", room_id=self.room, event_id=event_id, body=body)
                        expect(seen["encrypted"], f"{event_id} was not encrypted")
