"""A bot that is a user as others are, whichever library it is made with."""

from client import Client, until
from report import expect

# A bot may begin with a sync of all that there is.
SLOW_S = 90


class BotScenario:
    """What is said to a bot while it is there, and while it is not, it answers once."""

    def __init__(self, steps, server, bot):
        self.steps, self.server, self.bot = steps, server, bot

    def run(self):
        step = self.steps.step
        alice, account = Client(self.server, "alice"), Client(self.server, "bot")
        account.end()
        with self.steps.needed("the bot logs in and syncs"):
            name = account.id.partition(":")[0].removeprefix("@")
            self.bot.start(name, account.password)
        with self.steps.needed("it joins where it is invited"):
            room = alice.create_room(invite=[account.id])
            until("it is there", lambda: account.id in alice.joined(room), SLOW_S)
        with step("it answers"):
            self.ask(alice, room, "one")
        with step("it goes on after a restart, and answers nothing twice"):
            self.bot.stop()
            asked = alice.send(room, "!echo two")
            self.bot.start(name, account.password)
            until("it answers", lambda: self.answers(alice, room, asked), SLOW_S)
            self.ask(alice, room, "three")
            # What was answered just before a restart may be answered again: the bot may not have noted it yet.
            answers = self.answers(alice, room, asked)
            expect(len(answers) == 1, f"{len(answers)} answers to what was said meanwhile")
        alice.end()

    def ask(self, alice, room, text):
        asked = alice.send(room, f"!echo {text}")
        answer = until("it answers", lambda: self.answers(alice, room, asked), SLOW_S)
        expect(text in answer[0]["content"]["body"], f"it says {answer}")

    def answers(self, alice, room, asked):
        """The answers to a message."""
        relation = lambda event: event["content"].get("m.relates_to", {}).get("m.in_reply_to", {})
        return [event for event in alice.history(room) if relation(event).get("event_id") == asked]
