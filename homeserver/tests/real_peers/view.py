"""What one client's sync brought."""

import threading
import time

from report import Problem


class View:
    """Filled by the thread that syncs, read by the one that waits."""

    def __init__(self):
        self.changed = threading.Condition()
        # Room id -> join, invite, knock or leave.
        self.rooms = {}
        self.stripped = {}
        # Room id -> event id -> event of the timeline.
        self.timelines = {}
        self.twice = []
        self.typing = {}
        self.receipts = set()
        self.to_device = []
        self.changed_devices = []
        self.presence = {}
        self.problem = None

    def take(self, answer):
        with self.changed:
            rooms = answer.get("rooms", {})
            for room, given in rooms.get("leave", {}).items():
                self.take_timeline(room, given)
                self.rooms[room] = "leave"
                # Who comes back is shown what was before once more.
                self.timelines[room] = {}
            for membership, key in [("invite", "invite_state"), ("knock", "knock_state")]:
                for room, given in rooms.get(membership, {}).items():
                    self.rooms[room] = membership
                    self.stripped[room] = given.get(key, {}).get("events", [])
            for room, given in rooms.get("join", {}).items():
                self.rooms[room] = "join"
                self.take_timeline(room, given)
                for event in given.get("ephemeral", {}).get("events", []):
                    self.take_ephemeral(room, event)
            self.to_device += answer.get("to_device", {}).get("events", [])
            self.changed_devices += answer.get("device_lists", {}).get("changed", [])
            for event in answer.get("presence", {}).get("events", []):
                self.presence[event["sender"]] = event["content"]
            self.changed.notify_all()

    def take_timeline(self, room, given):
        timeline = self.timelines.setdefault(room, {})
        for event in given.get("timeline", {}).get("events", []):
            if event["event_id"] in timeline:
                self.twice.append((room, event["event_id"]))
            timeline[event["event_id"]] = event

    def take_ephemeral(self, room, event):
        if event["type"] == "m.typing":
            self.typing[room] = set(event["content"]["user_ids"])
        elif event["type"] == "m.receipt":
            for event_id, receipts in event["content"].items():
                for user in receipts.get("m.read", {}):
                    self.receipts.add((room, event_id, user))

    def event(self, room, event_id):
        return self.timelines.get(room, {}).get(event_id)

    def wait(self, problem, seen, timeout):
        end = time.monotonic() + timeout
        with self.changed:
            while not (result := seen(self)):
                left = end - time.monotonic()
                if left <= 0:
                    last = f"; the last sync: {self.problem}" if self.problem else ""
                    raise Problem(f"{problem} within {timeout} s{last}")
                self.changed.wait(left)
            return result
