"""People of three servers in one room."""

import itertools
import threading

from client import expect_refused, until
from report import expect

ROUNDS_OF_CONFLICT = 3
MARK = "org.hearth.mark"


def agree(people, room):
    """Waits until all their servers have the same state of the room, and returns it."""
    states = []

    def are_same():
        states[:] = [person.state(room) for person in people]
        return all(state == states[0] for state in states)

    try:
        until("the same state", are_same)
    except Exception as error:
        differences = {}
        for key in set().union(*states):
            ids = {person.server.name: state.get(key) for person, state in zip(people, states)}
            if len(set(ids.values())) > 1:
                differences[key] = ids
        raise type(error)(f"{error}; {differences}") from None
    return states[0]


def at_once(*actions):
    """Runs each in a thread, all begun at the same moment; what each came to, be it an error."""
    barrier = threading.Barrier(len(actions))
    results = [None] * len(actions)

    def act(number, action):
        barrier.wait()
        try:
            results[number] = action()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=act, args=each) for each in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class RoomScenario:
    """`people` are of different servers; the first makes the room, of that version."""

    def __init__(self, steps, version, people):
        self.steps = steps
        self.version = version
        self.people = people
        self.host, self.guests = people[0], people[1:]
        self.room = None
        self.early = None

    def run(self):
        self.begin()
        self.messages()
        self.history()
        self.redactions()
        self.power_levels()
        self.conflicts()
        self.ephemeral()
        self.kick()
        self.ban()
        self.leave_and_rejoin()
        self.end()

    def run_short(self):
        """What every room version must do."""
        self.begin()
        self.messages()
        self.history()
        self.redactions()
        self.power_levels()
        self.conflict_about_one_key()
        self.kick()
        self.end()

    # --- coming together -----------------------------------------------------

    def begin(self):
        with self.steps.needed("create the room"):
            self.room = self.host.create_room(
                preset="private_chat", room_version=self.version, name="peers", topic="the first"
            )
            created = self.host.state_of(self.room, "m.room.create")
            version = created.get("room_version", "1")
            expect(version == self.version, f"the room is of version {version}")
        with self.steps.needed("a message before the invites"):
            self.early = self.host.send(self.room, "before you came")
        for guest in self.guests:
            with self.steps.needed(f"invite to {guest.server.name}"):
                self.host.invite(self.room, guest)
                guest.wait_membership(self.room, "invite")
                told = guest.view.stripped[self.room]
                names = [each["content"].get("name") for each in told]
                expect("peers" in names, f"the invite does not tell the name: {told}")
            with self.steps.needed(f"join from {guest.server.name}"):
                guest.join(self.room)
                guest.wait_membership(self.room, "join")
            # At once, while the servers that can be asked have all of it.
            with self.steps.step(f"history from before the join is read at {guest.server.name}"):
                until("the early message", lambda: self.is_in_history(guest))
        with self.steps.step("all see all members"):
            everyone = {person.id for person in self.people}
            for person in self.people:
                until(f"members at {person.server.name}", lambda: person.joined(self.room) == everyone)
        self.all_agree("the same state everywhere")

    def is_in_history(self, guest):
        found = guest.history(self.room)
        return any(each["event_id"] == self.early and each["content"] for each in found)

    def bring_back(self, guest):
        self.host.invite(self.room, guest)
        guest.wait_membership(self.room, "invite")
        guest.join(self.room)
        guest.wait_membership(self.room, "join")
        self.everyone_has(self.host.send(self.room, f"welcome back, {guest.id}"))

    def everyone_has(self, event_id):
        for person in self.people:
            person.wait_event(self.room, event_id)

    def all_agree(self, name):
        with self.steps.step(name):
            return agree(self.people, self.room)

    # --- events --------------------------------------------------------------

    def messages(self):
        for author in self.people:
            with self.steps.step(f"a message from {author.server.name} reaches all"):
                self.everyone_has(author.send(self.room, f"hello from {author.server.name}"))
        with self.steps.step("messages sent at the same time reach all"):
            def several(author):
                return [author.send(self.room, f"{n} of {author.id}") for n in range(5)]

            sent = at_once(*[lambda author=author: several(author) for author in self.people])
            for author, of_one in zip(self.people, sent):
                expect(isinstance(of_one, list), f"{author.id} cannot send: {of_one}")
                for event_id in of_one:
                    self.everyone_has(event_id)
                for person in self.people:
                    order = [id for id in list(person.view.timelines[self.room]) if id in of_one]
                    expect(order == of_one, f"{person.id} has those of {author.id} in another order")

    def history(self):
        with self.steps.step("history is the same everywhere, each event once"):
            until("the same history", self.is_history_the_same)

    def is_history_the_same(self):
        histories = []
        for person in self.people:
            ids = [event["event_id"] for event in person.history(self.room)]
            expect(len(ids) == len(set(ids)), f"{person.id}: events come twice in /messages")
            histories.append(set(ids))
        return all(ids == histories[0] for ids in histories)

    def redactions(self):
        author, other = self.guests[0], self.host
        for redactor, name in [(author, "its author"), (other, "the host")]:
            with self.steps.step(f"redaction by {name}"):
                event_id = author.send(self.room, "not for long")
                self.everyone_has(event_id)
                self.everyone_has(redactor.redact(self.room, event_id))
                for person in self.people:
                    until(
                        f"no content at {person.server.name}",
                        lambda: person.event(self.room, event_id)["content"] == {},
                    )

    def power_levels(self):
        guest = self.guests[0]
        with self.steps.step("a guest without power is refused"):
            expect_refused(lambda: guest.set_state(self.room, "m.room.topic", {"topic": "mine"}))
        with self.steps.needed("power for the guests"):
            self.everyone_has(self.give_power({guest.id: 50 for guest in self.guests}))
        for author in self.guests:
            with self.steps.step(f"state from {author.server.name}"):
                topic = {"topic": f"of {author.server.name}"}
                self.everyone_has(author.set_state(self.room, "m.room.topic", topic))
                for person in self.people:
                    got = person.state_of(self.room, "m.room.topic")
                    expect(got["topic"] == topic["topic"], f"{person.id} has {got}")

    def give_power(self, users):
        levels = self.host.state_of(self.room, "m.room.power_levels")
        levels.setdefault("users", {}).update(users)
        return self.host.set_state(self.room, "m.room.power_levels", levels)

    # --- forks ---------------------------------------------------------------

    def conflicts(self):
        self.conflict_about_one_key()
        with self.steps.step("changes of different keys at the same time are all kept"):
            kinds = [(person, f"{MARK}.{n}") for n, person in enumerate(self.people)]
            self.all_done(*[
                lambda person=person, kind=kind: person.set_state(self.room, kind, {"by": person.id})
                for person, kind in kinds
            ])
            self.join_forks(self.people)
            for person, kind in kinds:
                for reader in self.people:
                    until(f"{kind} at {reader.server.name}", lambda: reader.state_of(self.room, kind))
        first = self.guests[0]
        with self.steps.step("power taken away while it is used"):
            at_once(
                lambda: self.give_power({first.id: 0}),
                lambda: first.set_state(self.room, "m.room.name", {"name": "a last use of power"}),
                lambda: self.guests[-1].set_state(self.room, "m.room.topic", {"topic": "and a bystander"}),
            )
            self.join_forks(self.people)
            expect_refused(lambda: first.set_state(self.room, "m.room.name", {"name": "no longer"}))
            self.everyone_has(self.give_power({first.id: 50}))
        with self.steps.step("a kick while the kicked changes their name"):
            member = {"membership": "join", "displayname": "too late"}
            at_once(
                lambda: self.host.remove("kick", self.room, first),
                lambda: first.set_state(self.room, "m.room.member", member, first.id),
            )
            first.wait_membership(self.room, "leave")
            rest = [person for person in self.people if person is not first]
            self.join_forks(rest)
            for person in rest:
                expect(first.id not in person.joined(self.room), f"{first.id} is still there for {person.id}")
            self.bring_back(first)
        self.all_agree("the same state after all conflicts")

    def conflict_about_one_key(self):
        with self.steps.step("changes of one key at the same time"):
            for n in range(ROUNDS_OF_CONFLICT):
                self.all_done(*[
                    lambda person=person: self.burst(person, n) for person in self.people
                ])
            self.join_forks(self.people)

    def join_forks(self, people):
        """Each server's next event has all ends of the fork before it; after that the state is the same."""
        for person in people:
            event_id = person.send(self.room, "that was a conflict")
            for reader in people:
                reader.wait_event(self.room, event_id)
        agree(people, self.room)

    def burst(self, person, n):
        for step in range(2):
            person.set_state(self.room, MARK, {"by": person.id, "round": n, "step": step})

    def all_done(self, *actions):
        for result in at_once(*actions):
            if isinstance(result, Exception):
                raise result

    # --- what is not an event ------------------------------------------------

    def ephemeral(self):
        for writer in self.people:
            others = [person for person in self.people if person is not writer]
            with self.steps.step(f"typing at {writer.server.name}"):
                for is_typing in [True, False]:
                    writer.typing(self.room, is_typing)
                    for other in others:
                        other.wait(f"typing of {writer.id}: {is_typing}", lambda view: (
                            (writer.id in view.typing.get(self.room, ())) == is_typing
                        ))
        with self.steps.needed("a message to read"):
            event_id = self.host.send(self.room, "read this")
            self.everyone_has(event_id)
        for reader in self.guests:
            with self.steps.step(f"read receipt from {reader.server.name}"):
                reader.read(self.room, event_id)
                receipt = (self.room, event_id, reader.id)
                for person in self.people:
                    person.wait(f"receipt of {reader.id}", lambda view: receipt in view.receipts)

    # --- going and coming ----------------------------------------------------

    def kick(self):
        kicked = self.guests[-1]
        rest = [person for person in self.people if person is not kicked]
        with self.steps.needed("kick"):
            self.host.remove("kick", self.room, kicked)
            kicked.wait_membership(self.room, "leave")
            for person in rest:
                until("left", lambda: person.membership(self.room, kicked) == "leave")
        with self.steps.step("a message that the kicked does not get"):
            missed = self.host.send(self.room, "among us")
            for person in rest:
                person.wait_event(self.room, missed)
            expect(not kicked.view.event(self.room, missed), f"{kicked.id} got it")
        with self.steps.step("no way back without an invite"):
            via = [self.host.server.server_name]
            expect_refused(lambda: kicked.join(self.room, via))
        with self.steps.needed("back with an invite"):
            self.bring_back(kicked)
        with self.steps.step("what was said meanwhile is read in the history"):
            kicked.find_in_history(self.room, missed)

    def ban(self):
        banned = self.guests[0]
        rest = [person for person in self.people if person is not banned]
        with self.steps.needed("ban"):
            self.host.remove("ban", self.room, banned)
            banned.wait_membership(self.room, "leave")
            for person in rest:
                until("banned", lambda: person.membership(self.room, banned) == "ban")
        with self.steps.step("the banned can neither be invited nor join"):
            expect_refused(lambda: self.host.invite(self.room, banned), "M_FORBIDDEN", "M_BAD_STATE")
            expect_refused(lambda: banned.join(self.room, [self.host.server.server_name]))
        with self.steps.needed("unbanned, and back"):
            self.host.remove("unban", self.room, banned)
            for person in rest:
                until("unbanned", lambda: person.membership(self.room, banned) == "leave")
            self.bring_back(banned)

    def leave_and_rejoin(self):
        for guest in self.guests:
            rest = [person for person in self.people if person is not guest]
            with self.steps.needed(f"leave from {guest.server.name}"):
                guest.leave(self.room)
                guest.wait_membership(self.room, "leave")
                for person in rest:
                    until("left", lambda: person.membership(self.room, guest) == "leave")
                # State that changes while they are away.
                topic = self.host.set_state(self.room, "m.room.topic", {"topic": f"without {guest.id}"})
                for person in rest:
                    person.wait_event(self.room, topic)
            with self.steps.needed(f"rejoin from {guest.server.name}"):
                self.bring_back(guest)
                until("the topic", lambda: guest.state(self.room)["m.room.topic", ""] == topic)
        self.all_agree("the same state after the rejoins")
        self.messages()

    def end(self):
        with self.steps.step("nothing came twice"):
            twice = {person.id: seen for person in self.people if (seen := person.view.twice)}
            expect(not twice, f"twice: {twice}")
        self.all_agree("the same state at the end")


def people_orders(people):
    """The people with each of them first in turn."""
    for n in range(len(people)):
        yield list(itertools.islice(itertools.cycle(people), n, n + len(people)))
