"""One server is down while another goes on and is killed: afterwards nothing is missing, nothing double."""

import threading
import time

from client import Refused, until
from report import expect
from room_scenario import agree

# Until a server that was away is tried again, and until all of it is caught up.
CATCH_UP_TIMEOUT_S = 90
TO_DEVICE = "org.hearth.away"
WRITERS = 4
EVENTS_PER_STATE_EVENT = 10


class AwayScenario:
    """The first of `people` goes on while the server of the second is down; that of a third stays up."""

    def __init__(self, steps, people, rooms, events, kills):
        self.steps = steps
        self.writer, self.absent, *witnesses = people
        self.witnesses = witnesses
        self.room_count = rooms
        self.event_count = events
        self.kills = kills
        self.rooms = []
        # Room id -> ids of what was acknowledged, in order.
        self.sent = {}

    def run(self):
        self.prepare()
        self.go_on()
        self.come_back()

    def prepare(self):
        with self.steps.needed(f"{self.room_count} rooms with {self.absent.server.name}"):
            for n in range(self.room_count):
                room = self.writer.create_room(preset="public_chat", name=f"room {n}")
                self.absent.join(room, [self.writer.server.server_name])
                self.rooms.append(room)
                self.sent[room] = []
            for room in self.rooms:
                self.absent.wait_event(room, self.writer.send(room, "all here"))
        for witness in self.witnesses:
            with self.steps.needed(f"one of them with {witness.server.name} too"):
                witness.join(self.rooms[0], [self.writer.server.server_name])
                witness.wait_event(self.rooms[0], self.writer.send(self.rooms[0], "you too"))

    # --- while it is away ------------------------------------------------------

    def go_on(self):
        with self.steps.needed(f"{self.absent.server.name} stops"):
            self.absent.server.stop()
        with self.steps.step("a message for a device there"):
            self.writer.send_to_device(TO_DEVICE, self.absent, {"word": "kept for you"})
        name = f"{self.event_count} events, {self.writer.server.name} killed {self.kills} times in between"
        with self.steps.needed(name):
            self.send_all()
        for witness in self.witnesses:
            with self.steps.step(f"{witness.server.name}, which is not away, gets the newest at once"):
                witness.wait_event(self.rooms[0], self.writer.send(self.rooms[0], "for who is here"))

    def send_all(self):
        """Each of several threads sends to rooms of its own; meanwhile the server is killed."""
        problems = []
        done = threading.Semaphore(0)

        def send_to(rooms, count):
            try:
                for n in range(count):
                    self.send_one(rooms[n % len(rooms)], n)
                    done.release()
            except Exception as error:
                problems.append(error)
                # Nobody shall wait for what does not come.
                done.release(self.event_count)

        writers = min(WRITERS, len(self.rooms))
        threads = []
        for n in range(writers):
            count = self.event_count // writers + (n < self.event_count % writers)
            threads.append(threading.Thread(target=send_to, args=(self.rooms[n::writers], count)))
        for thread in threads:
            thread.start()
        for _ in range(self.kills):
            for _ in range(self.event_count // (self.kills + 1)):
                done.acquire()
            self.writer.server.kill()
            self.writer.server.start()
        for thread in threads:
            thread.join()
        if problems:
            raise problems[0]

    def send_one(self, room, n):
        """One event, asked for again with the same transaction until it is acknowledged."""
        transaction = f"away{n}_{len(self.sent[room])}"
        end = time.monotonic() + CATCH_UP_TIMEOUT_S
        while True:
            try:
                if n % EVENTS_PER_STATE_EVENT == EVENTS_PER_STATE_EVENT - 1:
                    event_id = self.writer.set_state(room, "m.room.topic", {"topic": f"topic {n}"})
                else:
                    event_id = self.writer.send(room, f"message {n}", transaction)
                self.sent[room].append(event_id)
                return
            except (OSError, Refused):
                # It is down, or on its way.
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    # --- when it is back -------------------------------------------------------

    def come_back(self):
        with self.steps.needed(f"{self.absent.server.name} starts again"):
            self.absent.server.start()
        with self.steps.step("the newest of each room arrives"):
            end = time.monotonic() + CATCH_UP_TIMEOUT_S
            for room in self.rooms:
                self.absent.wait_event(room, self.sent[room][-1], max(1, end - time.monotonic()))
        with self.steps.step("each room has the same state"):
            for room in self.rooms:
                agree([self.writer, self.absent], room)
        with self.steps.step("the message for a device there arrives"):
            def came(view):
                return [each for each in view.to_device if each["type"] == TO_DEVICE]

            self.absent.wait("to-device message", came, CATCH_UP_TIMEOUT_S)
        with self.steps.step("messages go both ways again"):
            for room in self.rooms:
                self.absent.wait_event(room, self.writer.send(room, "welcome back"))
                self.writer.wait_event(room, self.absent.send(room, "what did I miss?"))
        with self.steps.step("nothing came twice"):
            twice = [seen for person in [self.absent, *self.witnesses] for seen in person.view.twice]
            expect(not twice, f"twice: {twice}")
            messages = came(self.absent.view)
            expect(len(messages) == 1, f"to-device messages: {messages}")
        with self.steps.step("the history is whole and in order, each event once"):
            for room in self.rooms:
                until(f"the whole history of {room}", lambda: self.is_whole(room))

    def is_whole(self, room):
        found = [event["event_id"] for event in self.absent.history(room)]
        expect(len(found) == len(set(found)), f"events come twice in /messages of {room}")
        sent = set(self.sent[room])
        missed = [event_id for event_id in reversed(found) if event_id in sent]
        return missed == self.sent[room]
