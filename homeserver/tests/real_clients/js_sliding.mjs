/**
 * matrix-js-sdk follows its rooms by simplified sliding sync, over a restart of the server.
 *
 *     node js_sliding.mjs URL RESTART_COMMAND
 *
 * Prints `ok STEP` for each step, and ends with an error at the first that fails. Logs go to standard error.
 */

import { execSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { Console } from "node:console";

// The SDK logs to the console, and standard output is for the steps: hence the late imports.
globalThis.console = new Console(process.stderr, process.stderr);
const sdk = await import("matrix-js-sdk");
const { SlidingSync } = await import("matrix-js-sdk/lib/sliding-sync.js");

const [url, restartCommand] = process.argv.slice(2);
const PATIENCE_MS = 30_000;
const ROOMS = 25;
const JOINED = ROOMS - 1;

function ok(step) {
    process.stdout.write(`ok ${step}\n`);
}

/** Waits until something holds. */
async function until(step, holds) {
    const end = Date.now() + PATIENCE_MS;
    while (!(await holds())) {
        if (Date.now() > end) throw new Error(`in vain: ${step}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    ok(step);
}

async function register(name) {
    const username = `${name}_${randomBytes(4).toString("hex")}`;
    const password = randomBytes(16).toString("hex");
    const stranger = sdk.createClient({ baseUrl: url });
    const account = await stranger.registerRequest({ username, password, auth: { type: "m.login.dummy" } });
    const { user_id: userId, device_id: deviceId, access_token: accessToken } = account;
    return sdk.createClient({ baseUrl: url, userId, deviceId, accessToken });
}

const [alice, bob] = [await register("sliding"), await register("talking")];
const rooms = [];
for (let number = 0; number < ROOMS; number++) {
    const invite = number === JOINED ? [alice.getUserId()] : [];
    const room = await bob.createRoom({ name: `room ${number}`, preset: "public_chat", invite });
    rooms.push(room.room_id);
    if (number < JOINED) await alice.joinRoom(room.room_id);
}
const [chat, left, thrownOut, invited] = [rooms[3], rooms[5], rooms[6], rooms[JOINED]];
const roomOf = (id) => alice.getRoom(id);
const events = (id) => roomOf(id)?.getLiveTimeline().getEvents() ?? [];
const times = (id, body) => events(id).filter((event) => event.getContent().body === body).length;
const membership = (id) => roomOf(id)?.getMyMembership();

const required_state = [
    ["m.room.create", ""],
    ["m.room.name", ""],
    ["m.room.power_levels", ""],
    ["m.room.member", "$ME"],
    ["m.room.member", "$LAZY"],
];
const list = { ranges: [[0, 9]], timeline_limit: 1, required_state, filters: { not_room_types: ["m.space"] } };
const subscription = { timeline_limit: 20, required_state };
const sliding = new SlidingSync(url, new Map([["all", list]]), subscription, alice, 10_000);
await alice.startClient({ slidingSync: sliding });

await until("a first window", () => alice.getRooms().length === 10);
if (sliding.getListData("all").joinedCount !== ROOMS) throw new Error("the list counts other rooms");
sliding.setListRanges("all", [[0, 99]]);
await until("a window of all rooms", () => alice.getRooms().length === ROOMS);
await until("an invite", () => membership(invited) === "invite");
await bob.sendTextMessage(chat, "hello");
await until("a message", () => times(chat, "hello") === 1);
await until("an unread count", () => roomOf(chat).getUnreadNotificationCount() === 1);
for (let number = 0; number < 15; number++) await bob.sendTextMessage(chat, `message ${number}`);
// Gives up the request that waits, and asks anew with the same position.
sliding.modifyRoomSubscriptions(new Set([chat]));
await until("a room that is opened", () => times(chat, "message 0") === 1 && times(chat, "message 14") === 1);
await until("more unread counts", () => roomOf(chat).getUnreadNotificationCount() === 16);
await alice.sendReadReceipt(events(chat).at(-1));
await until("counts that go down", () => roomOf(chat).getUnreadNotificationCount() === 0);
await bob.sendTyping(chat, true, 10_000);
await until("typing", () => roomOf(chat).getMember(bob.getUserId())?.typing);
await alice.joinRoom(invited);
await until("an invite that is accepted", () => membership(invited) === "join");
await bob.setRoomName(chat, "another name");
await until("another name", () => roomOf(chat).name === "another name");
await alice.leave(left);
await until("a room that is left", () => membership(left) === "leave");
await bob.kick(thrownOut, alice.getUserId());
await until("a room that one is thrown out of", () => membership(thrownOut) === "leave");
const { event_id: redacted } = await bob.sendTextMessage(chat, "not for long");
await until("a message that will be redacted", () => times(chat, "not for long") === 1);
await bob.redactEvent(chat, redacted);
await until("its redaction", () => roomOf(chat).findEventById(redacted).isRedacted());
await alice.setAccountData("org.example", { set: true });
await until("account data", () => alice.getAccountData("org.example")?.getContent().set);

const known = alice.getRooms().length;
execSync(restartCommand, { stdio: ["ignore", "ignore", "inherit"] });
// Nothing was heard of the network meanwhile: what is sent on a connection that the old server closed would fail.
await until("the server is back", async () => (await fetch(`${url}/_matrix/client/versions`).catch(() => null))?.ok);
await bob.sendTextMessage(chat, "after the restart");
await until("it goes on after a restart", () => times(chat, "after the restart") === 1);
if (times(chat, "message 14") !== 1 || alice.getRooms().length !== known) throw new Error("something came twice");
ok("nothing came twice");
process.exit(0);
