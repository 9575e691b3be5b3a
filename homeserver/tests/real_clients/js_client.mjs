/**
 * A Matrix client on matrix-js-sdk, with its Rust crypto, that does what the driver tells it.
 *
 *     node js_client.mjs URL
 *
 * One JSON object a line on standard input, {id, verb, args}; one a line on standard output,
 * {id, ok, result or error}. `nio_client.py` speaks the same verbs. Logs go to standard error.
 */

import { Console } from "node:console";
import { createInterface } from "node:readline";

// The SDK and its WebAssembly log to the console, and standard output is the driver's: hence the late imports.
globalThis.console = new Console(process.stderr, process.stderr);
const sdk = await import("matrix-js-sdk");
const cryptoApi = await import("matrix-js-sdk/lib/crypto-api/index.js");
const { Attachment, EncryptedAttachment } = await import("@matrix-org/matrix-sdk-crypto-wasm");

const { described, ok, viewsOf } = await import("./js_views.mjs");

const [url] = process.argv.slice(2);
const REQUEST_TIMEOUT_MS = 30_000;
/** The SDK aggregates relations and threads a little after it emits the event that brought them. */
const AGGREGATION_MS = 50;

let client;
let views;
let userPassword;
let secretStorageKey;
let fullSyncs = 0;
let syncError;

// --- waiting -----------------------------------------------------------------------------------

let change = Promise.withResolvers();
let lateChange;

function wakeWaiters() {
    change.resolve();
    change = Promise.withResolvers();
}

function onAnyEvent() {
    wakeWaiters();
    clearTimeout(lateChange);
    lateChange = setTimeout(wakeWaiters, AGGREGATION_MS);
}

function followEvents() {
    const kinds = [
        sdk.ClientEvent,
        sdk.RoomEvent,
        sdk.RoomStateEvent,
        sdk.RoomMemberEvent,
        sdk.MatrixEventEvent,
        sdk.ThreadEvent,
        cryptoApi.CryptoEvent,
    ];
    for (const name of new Set(kinds.flatMap((kind) => Object.values(kind)))) client.on(name, onAnyEvent);
    client.on(sdk.ClientEvent.Sync, (state, _previous, data) => {
        syncError = data?.error;
    });
}

/** Waits until `seen` returns something other than undefined; null after `seconds`. */
async function until(seen, seconds) {
    let timer;
    const deadline = new Promise((resolve) => {
        timer = setTimeout(resolve, seconds * 1000, "late");
    });
    try {
        for (;;) {
            const next = change.promise;
            const result = await seen();
            if (result !== undefined) return result;
            if (syncError?.errcode === "M_UNKNOWN_TOKEN") throw new Error(`sync: ${syncError.message}`);
            if ((await Promise.race([next, deadline])) === "late") return null;
        }
    } finally {
        clearTimeout(timer);
    }
}

// --- user-interactive authentication ---------------------------------------------------------------

/** Makes a request without auth, then with what `stage` builds from the session; says whether it was asked for. */
async function interactively(makeRequest, stage) {
    try {
        return { asked: false, answer: await makeRequest(null) };
    } catch (error) {
        if (error.httpStatus !== 401 || !error.data?.flows) throw error;
        const auth = { ...stage(error.data), session: error.data.session };
        return { asked: true, answer: await makeRequest(auth) };
    }
}

const passwordStage = () => ({
    type: "m.login.password",
    identifier: { type: "m.id.user", user: client.getUserId() },
    password: userPassword,
});

// --- looking at what the sync brought ------------------------------------------------------------

const roomOf = (roomId) => {
    const room = client.getRoom(roomId);
    if (!room) throw new Error(`${roomId} is unknown to the client`);
    return room;
};

function found(roomId, eventId) {
    const event = roomOf(roomId).findEventById(eventId);
    if (!event) throw new Error(`${eventId} is unknown to the client`);
    return event;
}

async function decrypted(rawEvents) {
    const events = rawEvents.map(client.getEventMapper());
    for (const event of events) {
        await client.decryptEventIfNeeded(event);
        // An event that failed before a key came is tried again only on request.
        if (event.isDecryptionFailure()) await event.attemptDecryption(client.getCrypto(), { isRetry: true });
    }
    return events;
}

// --- the verbs ---------------------------------------------------------------------------------

const sendContent = async (roomId, content, threadId = null) => client.sendEvent(roomId, threadId, "m.room.message", content);

const verbs = {
    /** Registers through user-interactive authentication, without logging in. */
    async register({ username, password }) {
        const anonymous = sdk.createClient({ baseUrl: url, localTimeoutMs: REQUEST_TIMEOUT_MS });
        const { asked, answer } = await interactively(
            (auth) => anonymous.registerRequest({ username, password, inhibit_login: true, auth: auth ?? undefined }),
            ({ flows }) => {
                if (!flows.some(({ stages }) => stages.join() === "m.login.dummy")) {
                    throw new Error(`no flow m.login.dummy in ${JSON.stringify(flows)}`);
                }
                return { type: "m.login.dummy" };
            },
        );
        if (!asked) throw new Error("/register without auth did not offer flows");
        return { user_id: answer.user_id };
    },

    /** Logs in, uploads keys and syncs until stopped; returns after the first sync. */
    async login({ username, password, device_name }) {
        const anonymous = sdk.createClient({ baseUrl: url, localTimeoutMs: REQUEST_TIMEOUT_MS });
        const session = await anonymous.loginRequest({
            type: "m.login.password",
            identifier: { type: "m.id.user", user: username },
            password,
            initial_device_display_name: device_name,
        });
        userPassword = password;
        client = sdk.createClient({
            baseUrl: url,
            userId: session.user_id,
            deviceId: session.device_id,
            accessToken: session.access_token,
            timelineSupport: true,
            localTimeoutMs: REQUEST_TIMEOUT_MS,
            cryptoCallbacks: {
                getSecretStorageKey: async ({ keys }) => secretStorageKey && [Object.keys(keys)[0], secretStorageKey],
            },
            fetchFn(input, init) {
                const { pathname, searchParams } = new URL(input);
                if (pathname.endsWith("/sync") && !searchParams.has("since")) fullSyncs += 1;
                return pathname.endsWith("/keys/query") ? queryKeys(input, init) : fetch(input, init);
            },
        });
        views = viewsOf(client);
        await client.initRustCrypto({ useIndexedDB: false });
        followEvents();
        const firstSync = until(() => ok(client.isInitialSyncComplete()), REQUEST_TIMEOUT_MS / 1000);
        await client.startClient({ threadSupport: true, lazyLoadMembers: true });
        if (!(await firstSync)) throw new Error(`no first sync: ${syncError}`);
        return { user_id: session.user_id, device_id: session.device_id };
    },

    async sync_position() {
        return {
            access_token: client.getAccessToken(),
            next_batch: client.store.getSyncToken(),
            full_syncs: fullSyncs,
            delivered_twice: [],
        };
    },

    /** The server is back: as a browser does on its "online" event. */
    async reconnect() {
        client.retryImmediately();
    },

    async logout() {
        const token = client.getAccessToken();
        await client.logout(true);
        const answer = await fetch(`${url}/_matrix/client/v3/account/whoami`, {
            headers: { Authorization: `Bearer ${token}` },
        });
        if (answer.status !== 401) throw new Error(`the token still works after logout: ${answer.status}`);
    },

    async create_room({ name, encrypted }) {
        const encryption = {
            type: "m.room.encryption",
            state_key: "",
            content: { algorithm: "m.megolm.v1.aes-sha2" },
        };
        const { room_id } = await client.createRoom({
            name,
            preset: "private_chat",
            initial_state: encrypted ? [encryption] : [],
        });
        return { room_id };
    },

    async invite({ room_id, user_id }) {
        await client.invite(room_id, user_id);
    },

    async join({ room_id }) {
        await client.joinRoom(room_id);
    },

    async send({ room_id, body, mentions }) {
        const content = { msgtype: "m.text", body };
        if (mentions) content["m.mentions"] = { user_ids: mentions };
        return sendContent(room_id, content);
    },

    async edit({ room_id, event_id, body }) {
        return sendContent(room_id, {
            "msgtype": "m.text",
            "body": `* ${body}`,
            "m.new_content": { msgtype: "m.text", body },
            "m.relates_to": { rel_type: "m.replace", event_id },
        });
    },

    async react({ room_id, event_id, key }) {
        return client.sendEvent(room_id, null, "m.reaction", {
            "m.relates_to": { rel_type: "m.annotation", event_id, key },
        });
    },

    /** The SDK itself adds the relation; it wants to know the thread first, as when a person opens it. */
    async reply_thread({ room_id, root_id, body }) {
        const root = found(room_id, root_id);
        if (!root.getThread()) roomOf(room_id).createThread(root_id, root, [root], true);
        return sendContent(room_id, { msgtype: "m.text", body }, root_id);
    },

    async redact({ room_id, event_id, reason }) {
        return client.redactEvent(room_id, event_id, undefined, { reason });
    },

    async typing_notice({ room_id, typing }) {
        await client.sendTyping(room_id, typing, 30_000);
    },

    /** Moves both the read receipt and the fully-read marker. */
    async read({ room_id, event_id }) {
        const event = found(room_id, event_id);
        await client.sendReadReceipt(event);
        await client.setRoomReadMarkers(room_id, event_id, event);
    },

    async relations({ room_id, event_id, rel_type }) {
        const { chunk } = await client.fetchRelations(room_id, event_id, rel_type, null, { dir: "b" });
        return { events: (await decrypted(chunk)).map(described) };
    },

    async threads({ room_id }) {
        const { chunk } = await client.createThreadListMessagesRequest(room_id, null, 20, "b", "All");
        return {
            roots: chunk.map((root) => ({
                event_id: root.event_id,
                count: root.unsigned["m.relations"]["m.thread"].count,
            })),
        };
    },

    /** All events of the room by /messages, newest first, as far as this device can decrypt them. */
    async history({ room_id }) {
        const events = [];
        let from = null;
        for (;;) {
            const page = await client.createMessagesRequest(room_id, from, 20, "b");
            events.push(...(await decrypted(page.chunk)).map(described));
            if (!page.end || page.chunk.length === 0) return { events };
            from = page.end;
        }
    },

    /** Uploads a file and sends it to the room. */
    async upload({ room_id, name, content_type, data, encrypted }) {
        const bytes = new Uint8Array(Buffer.from(data, "base64"));
        const limit = (await client.getMediaConfig(true))["m.upload.size"];
        if (limit !== undefined && bytes.length > limit) throw new Error(`the server takes only ${limit} bytes`);
        const content = { msgtype: "m.file", body: name, info: { mimetype: content_type, size: bytes.length } };
        let mxc;
        if (encrypted) {
            const attachment = Attachment.encrypt(bytes);
            const file = JSON.parse(attachment.mediaEncryptionInfo);
            mxc = (await client.uploadContent(new Blob([attachment.encryptedData]), { includeFilename: false }))
                .content_uri;
            content.file = { ...file, url: mxc };
        } else {
            mxc = (await client.uploadContent(new Blob([bytes], { type: content_type }), { name })).content_uri;
            content.url = mxc;
        }
        return { mxc, ...(await sendContent(room_id, content)) };
    },

    /** The file an event carries, decrypted when it is encrypted. */
    async download({ room_id, event_id }) {
        const { file, url: plain } = found(room_id, event_id).getContent();
        const answer = await fetchMedia(client.mxcUrlToHttp(file?.url ?? plain, undefined, undefined, undefined, false, true, true));
        if (!file) return answer;
        const { url: _mxc, ...info } = file;
        const sealed = new EncryptedAttachment(new Uint8Array(Buffer.from(answer.data, "base64")), JSON.stringify(info));
        return { ...answer, data: Buffer.from(Attachment.decrypt(sealed)).toString("base64") };
    },

    async thumbnail({ mxc, width, height }) {
        return fetchMedia(client.mxcUrlToHttp(mxc, width, height, "scale", false, true, true));
    },

    /** Cross-signing, secret storage and a key backup, as a client does at the first login. */
    async backup() {
        const crypto = client.getCrypto();
        await bootstrapCrossSigning(false);
        const recovery = await crypto.createRecoveryKeyFromPassphrase();
        secretStorageKey = recovery.privateKey;
        await crypto.bootstrapSecretStorage({
            createSecretStorageKey: async () => recovery,
            setupNewSecretStorage: true,
            setupNewKeyBackup: true,
        });
        await crossSigningReady();
        if (!(await crypto.isSecretStorageReady())) throw new Error("secret storage is not ready");
        if (!(await crypto.getActiveSessionBackupVersion())) throw new Error("the key backup is not active");
        return { recovery_key: recovery.encodedPrivateKey };
    },

    /** New cross-signing keys over the old ones, for which the server must ask for the password. */
    async replace_cross_signing() {
        const { asked } = await withoutKeyQueries(() => bootstrapCrossSigning(true));
        if (!asked) throw new Error("cross-signing keys were replaced without the password");
        await crossSigningReady();
    },

    async backup_complete() {
        const done = await until(views.backed_up, 30);
        if (!done) throw new Error("not all room keys were backed up within 30 s");
        return done;
    },

    /** From a new device: trust it by the recovery key, and import the backup. */
    async restore({ recovery_key }) {
        const crypto = client.getCrypto();
        secretStorageKey = cryptoApi.decodeRecoveryKey(recovery_key);
        // Asks the server for them: the SDK imports private keys only for public keys it knows.
        if (!(await crypto.userHasCrossSigningKeys(client.getUserId(), true))) {
            throw new Error("the server has no cross-signing keys");
        }
        await crypto.bootstrapCrossSigning({});
        await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
        if (!(await crypto.checkKeyBackupAndEnable())) throw new Error("the server has no key backup");
        const { imported, total } = await crypto.restoreKeyBackup();
        if (imported !== total) throw new Error(`${imported} of ${total} keys could be imported`);
        return { imported };
    },

    async wait_for({ what, timeout, ...args }) {
        const result = await until(() => views[what](args), timeout);
        if (result !== null) return result;
        let problem = `no ${what} ${JSON.stringify(args)} within ${timeout} s`;
        const event = args.event_id && client.getRoom(args.room_id)?.findEventById(args.event_id);
        if (event) problem += `; the event is ${JSON.stringify(event.event)} (${JSON.stringify(described(event))})`;
        if (syncError) problem += `; last sync: ${syncError}`;
        throw new Error(problem);
    },
};

async function bootstrapCrossSigning(setupNewCrossSigning) {
    let outcome;
    await client.getCrypto().bootstrapCrossSigning({
        setupNewCrossSigning,
        // The first keys may go without a password, as the specification says of /keys/device_signing/upload.
        authUploadDeviceSigningKeys: async (makeRequest) => {
            outcome = await interactively(makeRequest, passwordStage);
        },
    });
    return outcome;
}

let keyQueriesHeld = Promise.resolve();
const keyQueries = new Set();

async function queryKeys(input, init) {
    await keyQueriesHeld;
    const answer = fetch(input, init);
    const ended = answer.catch(() => {});
    keyQueries.add(ended);
    ended.then(() => keyQueries.delete(ended));
    return answer;
}

/**
 * The SDK makes new cross-signing keys before it uploads them, and forgets them when a /keys/query of that moment still
 * shows the old ones. A server may announce a user's own keys at any time, so none is sent meanwhile.
 */
async function withoutKeyQueries(action) {
    const { promise, resolve } = Promise.withResolvers();
    keyQueriesHeld = promise;
    try {
        await Promise.all(keyQueries);
        // The SDK says nothing when it has digested an answer in which nothing changed.
        await new Promise((digested) => setTimeout(digested, AGGREGATION_MS));
        return await action();
    } finally {
        resolve();
    }
}

/** Ready once the client has queried its own new keys, of which the server tells it by /sync. */
async function crossSigningReady() {
    const crypto = client.getCrypto();
    if (!(await until(async () => ok(await crypto.isCrossSigningReady()), REQUEST_TIMEOUT_MS / 1000))) {
        throw new Error(`cross-signing is not ready: ${JSON.stringify(await crypto.getCrossSigningStatus())}`);
    }
}

async function fetchMedia(address) {
    const answer = await fetch(address, {
        headers: { Authorization: `Bearer ${client.getAccessToken()}` },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    if (!answer.ok) throw new Error(`GET ${new URL(address).pathname}: ${answer.status} ${await answer.text()}`);
    return {
        data: Buffer.from(await answer.arrayBuffer()).toString("base64"),
        content_type: answer.headers.get("content-type")?.split(";")[0],
        filename: /filename="?([^";]+)/.exec(answer.headers.get("content-disposition"))?.[1] ?? null,
    };
}

async function obey(line) {
    const { id, verb, args } = JSON.parse(line);
    let answer;
    try {
        answer = { id, ok: true, result: (await verbs[verb](args)) ?? null };
    } catch (error) {
        console.error(verb, error);
        answer = { id, ok: false, error: `${error.name}: ${error.message}` };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}

const lines = createInterface({ input: process.stdin });
lines.on("line", obey);
lines.on("close", () => process.exit(0));
