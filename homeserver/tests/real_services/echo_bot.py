"""A bot on nio-bot that joins where it is invited and says again what it is asked to.

    python echo_bot.py HOMESERVER USER FOLDER

Its password is the first line of standard input; it ends when there are no more.
"""

import asyncio
import logging
import sys

import niobot

homeserver, user, folder = sys.argv[1:]
# What was said while it was away it answers too.
bot = niobot.NioBot(homeserver, user, "bot", folder, command_prefix="!", ignore_old_events=False)


@bot.command("echo")
async def echo(context, text: str):
    await context.respond(text)


async def main(password):
    running = asyncio.create_task(bot.start(password=password))
    over = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.wait([running, over], return_when=asyncio.FIRST_COMPLETED)
    await bot.close()


logging.basicConfig(level=logging.INFO, stream=sys.stderr)
asyncio.run(main(sys.stdin.readline().strip()))
