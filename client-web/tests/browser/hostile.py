"""What attackers send (`hostile.json`), shown to somebody: nothing of it runs, and nothing of it becomes markup."""

import json
from pathlib import Path

from client import Client, quoted
from report import expect

CORPUS = json.loads((Path(__file__).resolve().parent / "hostile.json").read_text())

# Only what text may be made of stands in a message, and no attribute of it is of the sender's making.
LISTEN = """
    window.refused = [];
    document.addEventListener('securitypolicyviolation', (event) =>
      window.refused.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
FOUND = """
    const found = [];
    const texts = [...document.querySelectorAll('.msg__text, .head, .list, .panel, .file, .poll')];
    for (const text of texts) {
      for (const e of text.querySelectorAll('script, style, iframe, object, embed, math, link, meta, base, template')) {
        found.push(`an element: ${e.outerHTML.slice(0, 120)}`);
      }
    }
    for (const e of document.querySelectorAll('.msg__text img, .msg__text svg:not(.i), .msg__text :is(form, input, textarea, video, audio), .head__title img')) {
      found.push(`a picture or field: ${e.outerHTML.slice(0, 120)}`);
    }
    for (const e of document.querySelectorAll('body *')) {
      for (const { name, value } of e.attributes) {
        if (name.startsWith('on')) found.push(`a handler: ${e.outerHTML.slice(0, 120)}`);
        const leads = ['href', 'src', 'action', 'formaction', 'xlink:href', 'data'].includes(name);
        if (leads && !/^(#|\\/|\\.|https?:|blob:|mailto:|[\\w-]+\\/)/.test(value)) found.push(`an address: ${value.slice(0, 120)}`);
        if (name === 'src' && /evil\\.example/.test(value)) found.push(`fetched: ${value}`);
      }
    }
    const own = [location.origin, arguments[0]];
    for (const { name } of performance.getEntriesByType('resource')) {
      if (!own.some((origin) => name.startsWith(`${origin}/`) || name.startsWith(`blob:${origin}/`))) found.push(`a request: ${name}`);
    }
    return [found, window.refused, window.hostile ?? null];
"""
# All that a person could click, but for what leads out of the page.
CLICK = """
    for (const e of document.querySelectorAll('.msg__text *, .msg .file *, .msg .media, .poll *, .msg .quote, .msg__head *')) {
      if (!e.closest('a[href^=http], a[href^=mailto], a[href^=magnet]')) e.dispatchEvent(new MouseEvent('click', { bubbles: true }));
    }
    for (const e of document.querySelectorAll('.msg__text *')) {
      e.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
      e.focus?.();
    }
"""


def tour(report, person, shots):
    attacker = Client(person.server, "mallory")
    try:
        with report.part("what attackers send") as steps:
            with steps.step("is shown to somebody as words", needed=True):
                room = attacker.create_room(preset="private_chat", name="Hostile", invite=[person.user])
                person.open()
                person.accept_invitation("Hostile")
                person.browser.script(LISTEN)
                for state in CORPUS["state"]:
                    key = attacker.id if state.get("key") else ""
                    attacker.set_state(room, state["type"], made(state["content"], attacker), key)
                for message in CORPUS["messages"]:
                    send(attacker, room, message)
                for reaction in ("<img src=x onerror=window.hostile=1>", "\u202e" * 90):
                    react(attacker, room, attacker.send(room, "what they react to"), reaction)
                attacker.send(room, "The last of them.")
                person.reads("The last of them.")
                shots.take(person.browser, "hostile")
            with steps.step("each of them that has words is there"):
                shown = [message for message in CORPUS["messages"] if message.get("shows") is not False]
                for message in shown:
                    person.browser.find("li.msg", message.get("shows", message["what"]))
            with steps.step("nothing of it became markup, ran, or was fetched from elsewhere"):
                check(person)
            with steps.step("links are shown for what they are"):
                for real in ("https://xn--pple-43d.example/login", "(https://evil.example/login)"):
                    person.browser.find(".msg__text a", real)
            with steps.step("nor does anything when all of it is clicked"):
                person.browser.script(CLICK)
                check(person)
            with steps.step("nor does anything in the panels of the room, or after a reload"):
                # What was clicked may lead to another place of the client.
                person.open()
                person.browser.reload()
                person.open_room("Hostile")
                person.browser.script(LISTEN)
                person.reads("The last of them.")
                person.browser.click(".btn--members")
                person.browser.find(".panel .row", attacker.id)
                check(person)
                person.browser.click(".head__tools > .btn:last-child")
                person.browser.find(".panel .about h3", "Hostile")
                check(person)
            with steps.step("and the page goes on as if nothing had been"):
                person.say("Nothing happened.")
                person.is_sent("Nothing happened.")
    finally:
        attacker.end()


def check(person):
    person.browser.settle()
    found, refused, ran = person.browser.script(FOUND, person.server.url)
    expect(not found, "\n  ".join([f"{len(found)} of them", *found[:20]]))
    expect(not refused, f"the policy had to refuse: {refused[:5]}")
    expect(ran is None, "a script ran")


def send(attacker, room, message):
    path = f"send/{quoted(message['type'])}/{attacker.transaction()}"
    attacker.in_room("PUT", room, path, made(message["content"], attacker))


def react(attacker, room, event, key):
    relation = {"rel_type": "m.annotation", "event_id": event, "key": key}
    attacker.in_room("PUT", room, f"send/m.reaction/{attacker.transaction()}", {"m.relates_to": relation})


def made(value, attacker):
    """A part of the corpus with what stands for something in it."""
    match value:
        case {"$repeat": [text, count]}:
            return text * count
        case {"$file": [kind, content]}:
            return "mxc://" + attacker.upload(content.encode(), kind)
        case dict():
            return {name: made(part, attacker) for name, part in value.items()}
        case list():
            return [made(part, attacker) for part in value]
        case _:
            return value
