"""A Matrix client: one user with one device, whose sync runs in a thread of its own."""

import copy
import itertools
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from report import Problem, expect
from view import View

REQUEST_TIMEOUT_S = 60
WAIT_TIMEOUT_S = 20
# Synapse may leave out a change until a sync or two later, so these are well below the time for a wait.
SYNC_TIMEOUT_MS = 5_000
POLL_S = 0.1
# Without this a server leaves out all but the newest ten events or so.
SYNC_FILTER = json.dumps({"room": {"timeline": {"limit": 100}}})


class Refused(Exception):
    """An answer that is not a success."""

    def __init__(self, request, status, body):
        try:
            self.answer = json.loads(body)
        except ValueError:
            self.answer = {}
        self.status = status
        self.errcode = self.answer.get("errcode")
        super().__init__(f"{request}: {status} {body[:300].decode(errors='replace')}")


def quoted(text):
    return urllib.parse.quote(text, safe="")


def until(what, test, timeout=WAIT_TIMEOUT_S):
    """Asks again and again until `test` returns something true; a refusal is asked again too."""
    end = time.monotonic() + timeout
    while True:
        try:
            if result := test():
                return result
            last = "not so"
        except Refused as error:
            last = str(error)
        if time.monotonic() > end:
            raise Problem(f"{what}: {last} after {timeout} s")
        time.sleep(POLL_S)


def expect_refused(action, *errcodes):
    """That the server refuses it, with one of these codes (M_FORBIDDEN when none is given)."""
    errcodes = errcodes or ["M_FORBIDDEN"]
    try:
        action()
    except Refused as error:
        expect(error.errcode in errcodes, f"refused otherwise than with {' or '.join(errcodes)}: {error}")
    else:
        raise Problem("it was allowed")


class Client:
    """The requests of one user, and what the sync brought. Methods are named as the endpoints are."""

    def __init__(self, server, name):
        self.server = server
        self.token = None
        self.password = secrets.token_urlsafe(16)
        self.transactions = itertools.count(1)
        self.view = View()
        self.is_over = False
        account = {"username": f"{name}_{secrets.token_hex(3)}", "password": self.password}
        made = self.authenticated("POST", "/client/v3/register", account, {"type": "m.login.dummy"})
        self.id, self.token, self.device = made["user_id"], made["access_token"], made["device_id"]
        self.since = None
        self.sync_once(0)
        threading.Thread(target=self.sync_on, daemon=True).start()

    # --- requests ------------------------------------------------------------

    def call(self, method, path, body=None, /, **query):
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.raw(method, path, data, "application/json", **query))

    def raw(self, method, path, data=None, content_type=None, /, **query):
        """The body of the answer as it came."""
        url = f"{self.server.url}/_matrix{path}"
        if query:
            url += "?" + urllib.parse.urlencode(query, doseq=True)
        request = urllib.request.Request(url, data=data, method=method)
        if content_type:
            request.add_header("Content-Type", content_type)
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_S) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            raise Refused(f"{self.server.name}: {method} {path}", error.code, error.read()) from None

    def authenticated(self, method, path, body, auth):
        """A request behind user-interactive authentication, if the server asks for it."""
        try:
            return self.call(method, path, body)
        except Refused as error:
            if "flows" not in error.answer:
                raise
            session = error.answer.get("session")
        return self.call(method, path, body | {"auth": auth | {"session": session}})

    def with_password(self, method, path, body):
        identifier = {"type": "m.id.user", "user": self.id}
        auth = {"type": "m.login.password", "identifier": identifier, "password": self.password}
        return self.authenticated(method, path, body, auth)

    def second_device(self):
        """The same user logged in once more, without a sync."""
        identifier = {"type": "m.id.user", "user": self.id}
        body = {"type": "m.login.password", "identifier": identifier, "password": self.password}
        session = self.call("POST", "/client/v3/login", body)
        second = copy.copy(self)
        second.token, second.device = session["access_token"], session["device_id"]
        return second

    def transaction(self):
        return f"t{next(self.transactions)}"

    # --- rooms ---------------------------------------------------------------

    def create_room(self, **body):
        return self.call("POST", "/client/v3/createRoom", body)["room_id"]

    def join(self, room, via=()):
        # Both names of one parameter: room versions from 12 on have no server in their id.
        return self.call("POST", f"/client/v3/join/{quoted(room)}", {}, via=via, server_name=via)["room_id"]

    def knock(self, room, via):
        body = {"reason": "let me in"}
        return self.call("POST", f"/client/v3/knock/{quoted(room)}", body, via=via, server_name=via)

    def in_room(self, method, room, path, body=None, /, **query):
        return self.call(method, f"/client/v3/rooms/{quoted(room)}/{path}", body, **query)

    def invite(self, room, other):
        self.in_room("POST", room, "invite", {"user_id": other.id})

    def leave(self, room):
        self.in_room("POST", room, "leave", {})

    def remove(self, how, room, other):
        """`how` is kick, ban or unban."""
        self.in_room("POST", room, how, {"user_id": other.id})

    def send(self, room, body, transaction=None):
        content = {"msgtype": "m.text", "body": body}
        path = f"send/m.room.message/{transaction or self.transaction()}"
        return self.in_room("PUT", room, path, content)["event_id"]

    def redact(self, room, event_id):
        path = f"redact/{quoted(event_id)}/{self.transaction()}"
        return self.in_room("PUT", room, path, {"reason": "gone"})["event_id"]

    def set_state(self, room, kind, content, key=""):
        return self.in_room("PUT", room, f"state/{kind}/{quoted(key)}", content)["event_id"]

    def state_of(self, room, kind, key=""):
        return self.in_room("GET", room, f"state/{kind}/{quoted(key)}")

    def state(self, room):
        """The id of each state event."""
        events = self.in_room("GET", room, "state")
        return {(event["type"], event["state_key"]): event["event_id"] for event in events}

    def membership(self, room, other):
        return self.state_of(room, "m.room.member", other.id)["membership"]

    def joined(self, room):
        return set(self.in_room("GET", room, "joined_members")["joined"])

    def event(self, room, event_id):
        return self.in_room("GET", room, f"event/{quoted(event_id)}")

    def history(self, room, enough=lambda found: False):
        """The room's events, newest first, as far as /messages goes or until there are `enough`."""
        found, start = [], {}
        while not enough(found):
            # More than a server fetches at once: where history is missing, pages end at what was fetched.
            page = self.in_room("GET", room, "messages", dir="b", limit=150, **start)
            found += page["chunk"]
            if not page.get("end") or start == {"from": page["end"]}:
                break
            start = {"from": page["end"]}
        return found

    def find_in_history(self, room, event_id):
        """Pages back until the event is there."""
        found = self.history(room, lambda found: any(each["event_id"] == event_id for each in found))
        for each in found:
            if each["event_id"] == event_id:
                return each
        raise Problem(f"{self.id}: {event_id} is not among the {len(found)} events of /messages")

    def typing(self, room, is_typing):
        body = {"typing": is_typing, "timeout": 30_000} if is_typing else {"typing": False}
        self.in_room("PUT", room, f"typing/{quoted(self.id)}", body)

    def read(self, room, event_id):
        self.in_room("POST", room, f"receipt/m.read/{quoted(event_id)}", {})

    # --- beside rooms --------------------------------------------------------

    def send_to_device(self, kind, other, content):
        path = f"/client/v3/sendToDevice/{kind}/{self.transaction()}"
        self.call("PUT", path, {"messages": {other.id: {other.device: content}}})

    def set_profile(self, field, value):
        self.call("PUT", f"/client/v3/profile/{quoted(self.id)}/{field}", {field: value})

    def profile(self, other):
        return self.call("GET", f"/client/v3/profile/{quoted(other.id)}")

    def upload(self, data, content_type):
        answer = json.loads(self.raw("POST", "/media/v3/upload", data, content_type, filename="file"))
        return answer["content_uri"].removeprefix("mxc://")

    def download(self, media):
        return self.raw("GET", f"/client/v1/media/download/{media}")

    def thumbnail(self, media, width, height):
        size = {"width": width, "height": height, "method": "scale"}
        return self.raw("GET", f"/client/v1/media/thumbnail/{media}", **size)

    # --- sync ----------------------------------------------------------------

    def sync_once(self, timeout):
        query = {"timeout": timeout, "filter": SYNC_FILTER}
        if self.since:
            query["since"] = self.since
        answer = self.call("GET", "/client/v3/sync", **query)
        self.since = answer["next_batch"]
        self.view.take(answer)

    def sync_on(self):
        while not self.is_over:
            try:
                self.sync_once(SYNC_TIMEOUT_MS)
                self.view.problem = None
            except Exception as error:
                # The server is down or fails; whoever waits is told which.
                self.view.problem = error
                time.sleep(POLL_S)

    def end(self):
        self.is_over = True

    def wait(self, what, seen, timeout=WAIT_TIMEOUT_S):
        """Waits until the sync brought something for which `seen(view)` is true; returns that."""
        return self.view.wait(f"{self.id} saw no {what}", seen, timeout)

    def wait_event(self, room, event_id, timeout=WAIT_TIMEOUT_S):
        return self.wait(f"event {event_id}", lambda view: view.event(room, event_id), timeout)

    def wait_membership(self, room, membership):
        return self.wait(f"own {membership} in {room}", lambda view: view.rooms.get(room) == membership)
