"""What the two clients do to each other, step by step."""

import base64
import hashlib
import secrets
import struct
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zlib
from contextlib import contextmanager

from client_process import ClientError

RESTART_TIMEOUT_S = 120


class StepFailed(Exception):
    """The first step that failed, and why."""


def expect(condition, problem):
    if not condition:
        raise ClientError(problem)


def png(width, height):
    """A picture with one colour a row."""
    rows = b"".join(b"\0" + bytes([y % 256, 80, 160]) * width for y in range(height))

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


class Scenario:
    def __init__(self, clients, url, restart_command):
        self.clients = clients
        self.url = url
        self.restart_command = restart_command
        self.passed = 0
        suffix = secrets.token_hex(4)
        self.names = {"nio": f"nio_{suffix}", "js": f"js_{suffix}"}
        self.passwords = {name: secrets.token_urlsafe(16) for name in self.names}
        self.people = {}
        self.user_ids = {}
        self.device_ids = {}
        self.rooms = {}
        # Bodies that must come back from the key backup: (room id, event id) -> body.
        self.history = {}
        self.files = {}
        self.recovery_keys = {}

    @contextmanager
    def step(self, name):
        try:
            yield
        except ClientError as error:
            raise StepFailed(f"{name}: {error}") from error
        except Exception as error:
            raise StepFailed(f"{name}: {type(error).__name__}: {error}") from error
        self.passed += 1
        print(f"ok {name}", flush=True)

    def run(self):
        with self.step("the server answers"):
            status = self.status("/_matrix/client/versions")
            expect(status is not None, f"nobody listens at {self.url}")
            expect(status == 200, f"/_matrix/client/versions: {status}")
        self.accounts()
        self.encrypted_rooms()
        for author, reader in self.both_ways():
            self.messages(author, reader)
        self.presence_of_readers()
        self.unread_counts()
        for author, reader in self.both_ways():
            self.media(author, reader)
        with self.step("js replaces its cross-signing keys, with the password"):
            self.people["js"].call("replace_cross_signing")
        self.restart()
        for author, reader in self.both_ways():
            self.aggregations(author, reader)
        self.media_after_restart()
        for name in self.names:
            self.second_device(name)
        self.leave()

    def both_ways(self):
        return [("nio", "js"), ("js", "nio")]

    # --- before the restart ------------------------------------------------

    def accounts(self):
        self.people = {"nio": self.clients.start_nio("nio"), "js": self.clients.start_js("js")}
        for name, client in self.people.items():
            account = {"username": self.names[name], "password": self.passwords[name]}
            with self.step(f"{name} registers"):
                self.user_ids[name] = client.call("register", **account)["user_id"]
            with self.step(f"{name} logs in and syncs"):
                session = client.call("login", **account, device_name=f"{name} one")
                self.device_ids[name] = session["device_id"]
                expect(session["user_id"] == self.user_ids[name], f"logged in as {session}")
            with self.step(f"{name} sets up a key backup"):
                self.recovery_keys[name] = client.call("backup")["recovery_key"]

    def encrypted_rooms(self):
        for author, reader in self.both_ways():
            host, guest = self.people[author], self.people[reader]
            with self.step(f"{author} creates an encrypted room"):
                room_id = host.call("create_room", name=f"{author}'s room", encrypted=True)["room_id"]
                self.rooms[author] = room_id
            with self.step(f"{author} invites {reader}, who joins"):
                self.bring(author, reader, room_id)
            with self.step(f"{author} and {reader} know each other's devices"):
                for one, other in self.both_ways():
                    self.people[one].wait_for(
                        "device", user_id=self.user_ids[other], device_id=self.device_ids[other]
                    )

    def bring(self, author, reader, room_id):
        host, guest = self.people[author], self.people[reader]
        host.call("invite", room_id=room_id, user_id=self.user_ids[reader])
        guest.wait_for("invite", room_id=room_id)
        guest.call("join", room_id=room_id)
        for client in (host, guest):
            for user_id in self.user_ids.values():
                client.wait_for("member", room_id=room_id, user_id=user_id)

    def say(self, author, room_id, body):
        """Sends a message and sees that everybody, its author included, reads it decrypted."""
        event_id = self.people[author].call("send", room_id=room_id, body=body)["event_id"]
        for client in self.people.values():
            self.reads(client, author, room_id, event_id, body)
        self.history[room_id, event_id] = body
        return event_id

    def reads(self, client, author, room_id, event_id, body):
        seen = client.wait_for("message", room_id=room_id, event_id=event_id, body=body)
        expect(seen["encrypted"], f"{event_id} came in plain text")
        expect(seen["sender"] == self.user_ids[author], f"{event_id} is from {seen['sender']}")

    def messages(self, author, reader):
        room_id, writer, other = self.rooms[author], self.people[author], self.people[reader]
        with self.step(f"{author} and {reader} exchange encrypted messages in {author}'s room"):
            target = self.say(author, room_id, f"first from {author}")
            self.say(reader, room_id, f"answer from {reader}")
            self.say(author, room_id, f"second from {author}")
        with self.step(f"{reader} sees {author}'s reaction"):
            writer.call("react", room_id=room_id, event_id=target, key="👍")
            seen = other.wait_for("reaction", room_id=room_id, event_id=target, key="👍")
            expect(seen["sender"] == self.user_ids[author], f"the reaction is from {seen['sender']}")
        with self.step(f"{reader} sees {author}'s edit"):
            edited = self.say(author, room_id, f"draft from {author}")
            del self.history[room_id, edited]
            body = f"edited by {author}"
            edit = writer.call("edit", room_id=room_id, event_id=edited, body=body)["event_id"]
            seen = other.wait_for("edit", room_id=room_id, event_id=edited, body=body)
            expect(seen["encrypted"] and seen["event_id"] == edit, f"the edit is {seen}")
        with self.step(f"{reader} sees {author}'s redaction"):
            doomed = self.say(author, room_id, f"regretted by {author}")
            del self.history[room_id, doomed]
            writer.call("redact", room_id=room_id, event_id=doomed, reason="second thoughts")
            for client in (writer, other):
                client.wait_for("redaction", room_id=room_id, event_id=doomed)
        with self.step(f"{reader} sees {author}'s reply in a thread, and answers there"):
            root = self.say(author, room_id, f"thread of {author}")
            replies = []
            for one in (author, reader):
                body = f"in the thread: {one}"
                sent = self.people[one].call("reply_thread", room_id=room_id, root_id=root, body=body)
                replies.append(sent["event_id"])
                self.history[room_id, sent["event_id"]] = body
                for client in (writer, other):
                    seen = client.wait_for("thread_reply", room_id=room_id, root_id=root, body=body)
                    expect(seen["encrypted"], f"{sent} came in plain text")
        self.rooms[f"{author} events"] = {
            "reacted": target, "edited": edited, "edit": edit, "redacted": doomed, "root": root, "replies": replies,
        }

    def media(self, author, reader):
        # nio takes a file that is not encrypted only in a room that is not.
        rooms = {"encrypted": self.rooms[author], "plain": self.rooms["plain"]}
        files = {
            "encrypted": ("notes.bin", "application/octet-stream", secrets.token_bytes(100_000)),
            "plain": ("picture.png", "image/png", png(320, 240)),
        }
        for kind, (name, content_type, data) in files.items():
            with self.step(f"{author} uploads an attachment ({kind}), {reader} downloads it"):
                room_id = rooms[kind]
                sent = self.people[author].call(
                    "upload", room_id=room_id, name=name, content_type=content_type,
                    data=base64.b64encode(data).decode(), encrypted=kind == "encrypted",
                )
                self.files[author, kind] = (room_id, sent["event_id"], sent["mxc"], content_type, name, data)
                self.downloads(author, reader, kind)
        with self.step(f"{reader} gets a thumbnail of {author}'s picture"):
            mxc, data = self.files[author, "plain"][2], self.files[author, "plain"][5]
            small = self.people[reader].call("thumbnail", mxc=mxc, width=64, height=64)
            expect(small["content_type"].startswith("image/"), f"it is {small['content_type']}")
            expect(base64.b64decode(small["data"]) != data, "it is the picture itself")

    def downloads(self, author, reader, kind):
        room_id, event_id, _, content_type, name, data = self.files[author, kind]
        self.people[reader].wait_for("message", room_id=room_id, event_id=event_id, body=name)
        file = self.people[reader].call("download", room_id=room_id, event_id=event_id)
        got = base64.b64decode(file["data"])
        digests = [hashlib.sha256(bytes_).hexdigest()[:12] for bytes_ in (got, data)]
        expect(got == data, f"{len(got)} bytes {digests[0]} instead of {len(data)} bytes {digests[1]}")
        if kind == "plain":
            answer = (file["content_type"], file["filename"])
            expect(answer == (content_type, name), f"content type and file name are {answer}")

    def presence_of_readers(self):
        """Typing and read receipts, each way."""
        for author, reader in self.both_ways():
            room_id, user_id = self.rooms[author], self.user_ids[author]
            with self.step(f"{reader} sees {author} type and stop"):
                for typing in (True, False):
                    self.people[author].call("typing_notice", room_id=room_id, typing=typing)
                    self.people[reader].wait_for("typing", room_id=room_id, user_id=user_id, typing=typing)
            with self.step(f"{reader} sees {author}'s read receipt"):
                event_id = self.say(reader, room_id, f"read this, {author}")
                self.people[author].call("read", room_id=room_id, event_id=event_id)
                self.people[reader].wait_for("receipt", room_id=room_id, user_id=user_id, event_id=event_id)

    def unread_counts(self):
        """In a plain room, where js-sdk shows the server's counts and not its own."""
        nio, js = self.people["nio"], self.people["js"]
        with self.step("nio creates a room without encryption, js joins"):
            room_id = nio.call("create_room", name="plain room", encrypted=False)["room_id"]
            self.rooms["plain"] = room_id
            self.bring("nio", "js", room_id)
        with self.step("js sees the server's unread counts"):
            root = nio.call("send", room_id=room_id, body="no name")["event_id"]
            js.wait_for("unread", room_id=room_id, notifications=1, highlights=0)
            last = nio.call("send", room_id=room_id, body="you", mentions=[self.user_ids["js"]])["event_id"]
            js.wait_for("unread", room_id=room_id, notifications=2, highlights=1)
        with self.step("js sees the server's unread count of a thread"):
            body = "reply in the plain room"
            nio.call("reply_thread", room_id=room_id, root_id=root, body=body)
            js.wait_for("thread_reply", room_id=room_id, root_id=root, body=body)
            js.wait_for("thread_unread", room_id=room_id, root_id=root, notifications=1)
            js.wait_for("unread", room_id=room_id, notifications=2, highlights=1)
        with self.step("js reads, and its unread count is zero"):
            js.call("read", room_id=room_id, event_id=last)
            js.wait_for("unread", room_id=room_id, notifications=0, highlights=0)
            js.wait_for("thread_unread", room_id=room_id, root_id=root, notifications=1)
        with self.step("nio sees its unread count, and reads"):
            answer = js.call("send", room_id=room_id, body="me", mentions=[self.user_ids["nio"]])["event_id"]
            nio.wait_for("unread", room_id=room_id, notifications=1, highlights=1)
            nio.call("read", room_id=room_id, event_id=answer)
            nio.wait_for("unread", room_id=room_id, notifications=0, highlights=0)

    # --- the restart and what must outlive it --------------------------------

    def restart(self):
        before = {name: client.call("sync_position") for name, client in self.people.items()}
        with self.step("the server restarts"):
            self.restart_server()
        for author, reader in self.both_ways():
            with self.step(f"{reader} gets {author}'s message after the restart"):
                self.people[author].call("reconnect")
                self.people[reader].call("reconnect")
                self.say(author, self.rooms[reader], f"{author} after the restart")
        with self.step("both went on with the tokens they had, and nothing came twice"):
            for name, client in self.people.items():
                after = client.call("sync_position")
                expect(after["access_token"] == before[name]["access_token"], f"{name} has a new token")
                expect(after["full_syncs"] == 1, f"{name} made {after['full_syncs']} full syncs")
                expect(not after["delivered_twice"], f"{name} got twice: {after['delivered_twice']}")

    def restart_server(self):
        # A file, not a pipe: the server may inherit it and keep it open.
        with tempfile.TemporaryFile("w+") as output:
            try:
                done = subprocess.run(
                    self.restart_command, shell=True, stdin=subprocess.DEVNULL,
                    stdout=output, stderr=output, timeout=RESTART_TIMEOUT_S,
                )
            except subprocess.TimeoutExpired:
                raise ClientError(f"the restart command took over {RESTART_TIMEOUT_S} s") from None
            output.seek(0)
            expect(done.returncode == 0, f"the restart command: exit {done.returncode}\n{output.read()}")
        give_up = time.monotonic() + RESTART_TIMEOUT_S
        while self.status("/_matrix/client/versions") != 200:
            expect(time.monotonic() < give_up, f"{self.url} did not come back")
            time.sleep(0.1)

    def status(self, path, token=None):
        """The status of a GET; None when nobody listens."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def aggregations(self, author, reader):
        """What /relations and /threads say to each client, of what was sent before the restart."""
        room_id, sent = self.rooms[author], self.rooms[f"{author} events"]
        with self.step(f"{reader} asks the server for the relations in {author}'s room"):
            for rel_type, parent, children in [
                ("m.annotation", "reacted", None),
                ("m.replace", "edited", [sent["edit"]]),
                ("m.thread", "root", sent["replies"]),
            ]:
                events = self.people[reader].call(
                    "relations", room_id=room_id, event_id=sent[parent], rel_type=rel_type
                )["events"]
                if children is None:
                    expect(len(events) == 1, f"{rel_type}: {events}")
                    expect(events[0]["relates_to"]["key"] == "👍", f"{rel_type}: {events}")
                else:
                    got = sorted(event["event_id"] for event in events)
                    expect(got == sorted(children), f"{rel_type}: {got} instead of {children}")
                    expect(all(event["encrypted"] for event in events), f"undecrypted: {events}")
        with self.step(f"{reader} asks the server for the threads in {author}'s room"):
            roots = self.people[reader].call("threads", room_id=room_id)["roots"]
            expect(roots == [{"event_id": sent["root"], "count": 2}], f"threads: {roots}")

    def media_after_restart(self):
        for author, reader in self.both_ways():
            with self.step(f"{reader} downloads what {author} uploaded before the restart"):
                for kind in ("encrypted", "plain"):
                    self.downloads(author, reader, kind)
        with self.step("media is refused without a token"):
            mxc = self.files["nio", "plain"][2]
            path = f"/_matrix/client/v1/media/download/{mxc.removeprefix('mxc://')}"
            expect(self.status(path) == 401, f"GET {path}: {self.status(path)}")

    def second_device(self, name):
        """The keys are in the backup, and a fresh device reads with them what was said before it came."""
        other = {"nio": "js", "js": "nio"}[name]
        with self.step(f"{name}'s room keys are all in the backup"):
            count = self.people[name].call("backup_complete")["count"]
            expect(count >= 4, f"only {count} keys, and each of two rooms has two senders")
        start = {"nio": self.clients.start_nio, "js": self.clients.start_js}[name]
        second = start(f"{name}2")
        account = {"username": self.names[name], "password": self.passwords[name]}
        with self.step(f"{name} logs in on a second device, which cannot read the history"):
            device_id = second.call("login", **account, device_name=f"{name} two")["device_id"]
            self.reads_history(second, can_read=False)
        with self.step(f"{name}'s second device restores the backup and reads the history"):
            imported = second.call("restore", recovery_key=self.recovery_keys[name])["imported"]
            expect(imported == count, f"{imported} of {count} keys imported")
            self.reads_history(second, can_read=True)
        with self.step(f"{name} and {other} learn of the second device"):
            user = {"user_id": self.user_ids[name], "device_id": device_id}
            for one, client in self.people.items():
                # js-sdk's first device sees that the second was cross-signed; nio has no cross-signing.
                client.wait_for("device", **user, verified=(one, name) == ("js", "js"))
        with self.step(f"{name}'s second device reads a new message from {other}"):
            room_id = self.rooms[name]
            body = f"{other} to both devices of {name}"
            event_id = self.say(other, room_id, body)
            self.reads(second, other, room_id, event_id, body)
        if name == "nio":
            with self.step("nio deletes its second device, with the password"):
                token = second.call("sync_position")["access_token"]
                # Stopped first: nio's sync loop does not pause between refusals.
                second.stop()
                self.people["nio"].call("delete_device", device_id=device_id)
                self.people["js"].wait_for("device_gone", **user)
                status = self.status("/_matrix/client/v3/account/whoami", token)
                expect(status == 401, f"the deleted device's token still works: {status}")
        else:
            with self.step("js's second device logs out"):
                second.call("logout")
                for client in self.people.values():
                    client.wait_for("device_gone", **user)

    def reads_history(self, client, can_read):
        for room_id in {room_id for room_id, _ in self.history}:
            events = {e["event_id"]: e for e in client.call("history", room_id=room_id)["events"]}
            for (of_room, event_id), body in self.history.items():
                if of_room != room_id:
                    continue
                expect(event_id in events, f"{event_id} ({body}) is not in the history")
                got = events[event_id]
                if can_read:
                    expect(got.get("body") == body, f"{event_id}: {got} instead of {body}")
                else:
                    expect("failure" in got, f"{event_id} is readable without its key: {got}")

    def leave(self):
        for name, client in self.people.items():
            with self.step(f"{name} logs out"):
                client.call("logout")
