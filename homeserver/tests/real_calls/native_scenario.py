#!/usr/bin/env python3
"""LiveKit's native client (libwebrtc): one who publishes, two who receive. Prints a line of JSON for each step."""

import array
import asyncio
import json
import math
import sys
import time

from livekit import rtc

from tokens import token

RATE = 48_000
WIDTH, HEIGHT = 640, 360


class Failed(Exception):
    """What was expected, and did not come."""


class Person:
    """A participant, with what came to it."""

    def __init__(self, name):
        self.name = name
        self.room = rtc.Room()
        self.frames = 0
        self.size = None
        self.loudest = 0
        self.data = []
        self.events = []
        self.tasks = set()
        self.room.on("track_subscribed", self.receive)
        self.room.on("track_unsubscribed", lambda track, *_: self.events.append(("unsubscribed", track.sid)))
        self.room.on("track_muted", lambda who, _: self.events.append(("muted", who.identity)))
        self.room.on("track_unmuted", lambda who, _: self.events.append(("unmuted", who.identity)))
        self.room.on("participant_disconnected", lambda who: self.events.append(("left", who.identity)))
        self.room.on("active_speakers_changed", self.hear)
        self.room.on("data_received", self.take)
        self.room.on("disconnected", lambda *_: self.events.append(("disconnected", self.name)))

    async def join(self, url, text):
        options = rtc.RoomOptions(auto_subscribe=True, dynacast=True, single_peer_connection=True)
        await self.room.connect(url, text, options)

    def receive(self, track, publication, participant):
        watch = self.watch if track.kind == rtc.TrackKind.KIND_VIDEO else self.listen
        task = asyncio.ensure_future(watch(track))
        self.tasks.add(task)

    async def watch(self, track):
        async for event in rtc.VideoStream(track):
            self.frames += 1
            self.size = (event.frame.width, event.frame.height)

    async def listen(self, track):
        async for event in rtc.AudioStream(track, sample_rate=RATE, num_channels=1):
            self.loudest = max(self.loudest, *map(abs, event.frame.data))

    def hear(self, speakers):
        self.events += [("speaks", who.identity) for who in speakers]

    def take(self, packet):
        sender = packet.participant.identity if packet.participant else None
        self.data.append((sender, packet.topic, bytes(packet.data).decode()))

    def others(self):
        return sorted(self.room.remote_participants)


class Publisher:
    """A tone, and a picture that changes, until it is stopped."""

    def __init__(self):
        self.audio = rtc.AudioSource(RATE, 1)
        self.video = rtc.VideoSource(WIDTH, HEIGHT)
        self.silent = False

    async def publish(self, room):
        audio = rtc.LocalAudioTrack.create_audio_track("tone", self.audio)
        video = rtc.LocalVideoTrack.create_video_track("picture", self.video)
        microphone = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        camera = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True)
        publish = room.local_participant.publish_track
        self.sound, self.camera = await publish(audio, microphone), await publish(video, camera)
        self.tasks = [asyncio.ensure_future(self.sing()), asyncio.ensure_future(self.paint())]

    async def sing(self):
        samples = RATE // 100
        for number in range(1 << 30):
            tone = (math.sin(440 * 2 * math.pi * (number * samples + at) / RATE) for at in range(samples))
            data = array.array("h", (0 if self.silent else int(12_000 * value) for value in tone))
            await self.audio.capture_frame(rtc.AudioFrame(data.tobytes(), RATE, 1, samples))

    async def paint(self):
        for number in range(1 << 30):
            line = bytes((number * 8 + at) % 256 for at in range(WIDTH * 4))
            frame = rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, line * HEIGHT)
            self.video.capture_frame(frame)
            await asyncio.sleep(1 / 15)


async def until(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what} after {seconds} s")
        await asyncio.sleep(0.05)


def passed(step, **numbers):
    print(json.dumps({"passed": step} | numbers), flush=True)


async def scenario(url, secret):
    room = "native clients"
    people = [Person(name) for name in ("alice", "bob", "carol")]
    alice, bob, carol = people
    for person in people:
        await person.join(url, token(secret, room, person.name))
    await until(lambda: alice.others() == ["bob", "carol"], "alice does not see both")
    await until(lambda: carol.others() == ["alice", "bob"], "carol does not see both")
    passed("three join and see each other")

    begun = time.monotonic()
    publisher = Publisher()
    await publisher.publish(alice.room)
    for person in (bob, carol):
        await until(lambda: person.frames > 30, f"{person.name} sees {person.frames} frames")
        await until(lambda: person.loudest > 4000, f"{person.name} hears nothing louder than {person.loudest}")
    passed("both see and hear her", seconds=round(time.monotonic() - begun, 2), size=bob.size)
    await until(lambda: bob.size == (WIDTH, HEIGHT), f"the picture stays at {bob.size}")
    passed("the picture becomes as large as it is sent")

    await until(lambda: ("speaks", "alice") in bob.events, "bob is not told that she speaks")
    passed("it is told who speaks")

    await alice.room.local_participant.publish_data("to all", reliable=True, topic="chat")
    secretly = {"reliable": False, "topic": "chat", "destination_identities": ["carol"]}
    await alice.room.local_participant.publish_data("to carol", **secretly)
    await until(lambda: len(carol.data) == 2 and bob.data, f"came: {bob.data} and {carol.data}")
    if bob.data != [("alice", "chat", "to all")] or ("alice", "chat", "to carol") not in carol.data:
        raise Failed(f"came: {bob.data} and {carol.data}")
    passed("data comes to all, and to whom it is for")

    publisher.sound.track.mute()
    await until(lambda: ("muted", "alice") in bob.events, "bob is not told that she is muted")
    publisher.sound.track.unmute()
    await until(lambda: ("unmuted", "alice") in bob.events, "bob is not told that she is not muted any more")
    passed("muting is told")

    sid = publisher.camera.sid
    await alice.room.local_participant.unpublish_track(sid)
    await until(lambda: ("unsubscribed", sid) in carol.events, "carol is not told that the picture ended")
    seen = bob.frames
    await asyncio.sleep(1)
    if bob.frames > seen + 2:
        raise Failed("the picture goes on")
    passed("a track ends")

    late = Person("dave")
    await late.join(url, token(secret, room, "dave"))
    await until(lambda: late.loudest > 4000, "who comes late hears nothing")
    passed("who comes late hears what is there")

    await alice.room.disconnect()
    for person in (bob, carol, late):
        await until(lambda: ("left", "alice") in person.events, f"{person.name} is not told that she left")
    passed("who leaves is gone")

    stranger = Person("mallory")
    try:
        await stranger.join(url, token("a guess", room, "mallory"))
    except Exception:
        passed("a false token lets nobody in")
    else:
        raise Failed("a false token lets one in")
    for person in (bob, carol, late):
        await person.room.disconnect()


if __name__ == "__main__":
    url, secret = sys.argv[1:]
    try:
        asyncio.run(scenario(url, secret))
    except Failed as problem:
        print(json.dumps({"failed": str(problem)}), flush=True)
        sys.exit(1)
