/**
 * A bridge on matrix-appservice-bridge to a network that is nothing but the lines this process reads and writes.
 *
 *     node network_bridge.mjs register URL FILE
 *     node network_bridge.mjs run HOMESERVER DOMAIN FILE
 *
 * One JSON object a line on standard input, {id, verb, args}; one a line on standard output, {id, ok, result or error},
 * as the clients of `real_clients` speak. Logs go to standard error. Over there, channels and people are made when
 * somebody here asks for them, unless their name begins with `no`.
 */

import { Console } from "node:console";
import { readFileSync, writeFileSync } from "node:fs";

import { obey } from "./lines.mjs";

// The library logs to the console, and standard output is the driver's: hence the late import.
globalThis.console = new Console(process.stderr, process.stderr);
const { AppServiceRegistration, Bridge, Logger } = await import("matrix-appservice-bridge");
Logger.configure({ console: "debug" });

const NETWORK = "net";
const INSTANCE = "home";
const PREFIX = `${NETWORK}_`;

function register(url, file) {
    const registration = new AppServiceRegistration(url);
    registration.setId("network");
    registration.setHomeserverToken(AppServiceRegistration.generateToken());
    registration.setAppServiceToken(AppServiceRegistration.generateToken());
    registration.setSenderLocalpart(`${NETWORK}bot`);
    registration.setProtocols([NETWORK]);
    registration.setRateLimited(false);
    registration.addRegexPattern("users", `@${PREFIX}.*`, true);
    registration.addRegexPattern("aliases", `#${PREFIX}.*`, true);
    // JSON is YAML too.
    writeFileSync(file, JSON.stringify(registration.getOutput()));
}

async function run(homeserverUrl, domain, file) {
    const heard = [];
    const alias = (channel) => `#${PREFIX}${channel}:${domain}`;
    const ghost = (name) => `@${PREFIX}${name}:${domain}`;
    /** What a name is over there; undefined where nobody or nothing has it. */
    const known = (localpart) => {
        const name = localpart.slice(PREFIX.length);
        return name.startsWith("no") ? undefined : name;
    };
    const localpart = (id) => id.slice(1).split(":")[0];
    const location = (channel) => ({ alias: alias(channel), protocol: NETWORK, fields: { channel } });
    const person = (name) => ({ userid: ghost(name), protocol: NETWORK, fields: { name } });

    const bridge = new Bridge({
        homeserverUrl,
        domain,
        registration: file,
        disableStores: true,
        roomUpgradeOpts: { consumeEvent: true, migrateGhosts: true, migrateStoreEntries: false },
        controller: {
            onEvent: async (request) => {
                const event = request.getData();
                if (event.type === "m.room.message") {
                    heard.push({ room: event.room_id, sender: event.sender, text: event.content.body });
                }
                if (event.state_key === bridge.botUserId && event.content.membership === "invite") {
                    await bridge.getIntent().join(event.room_id);
                }
            },
            onUserQuery: (user) => {
                const name = known(user.localpart);
                return name && { name };
            },
            onAliasQuery: (_, aliasLocalpart) => {
                const channel = known(aliasLocalpart);
                const options = { room_alias_name: aliasLocalpart, name: channel, preset: "public_chat" };
                return channel && { creationOpts: options };
            },
            thirdPartyLookup: {
                protocols: [NETWORK],
                getProtocol: () => ({
                    user_fields: ["name"],
                    location_fields: ["channel"],
                    field_types: { name: { regexp: ".*" }, channel: { regexp: ".*" } },
                    icon: "",
                    instances: [{ network_id: INSTANCE, desc: "A network", icon: "", fields: { network: INSTANCE } }],
                }),
                getLocation: (_, { channel }) => [location(channel)],
                parseLocation: (alias) => [location(known(localpart(alias)))],
                getUser: (_, { name }) => [person(name)],
                parseUser: (id) => [person(known(localpart(id)))],
            },
        },
    });
    const { port } = new URL(JSON.parse(readFileSync(file)).url);
    await bridge.run(Number(port), undefined, "127.0.0.1");
    await bridge.getIntent().ensureRegistered();

    obey({
        /** Answers when the bridge runs. */
        bot: () => bridge.botUserId,
        say: async ({ who, room, text }) => (await bridge.getIntent(ghost(who)).sendText(room, text)).event_id,
        publish: ({ room }) => bridge.getIntent().setRoomDirectoryVisibilityAppService(room, INSTANCE, "public"),
        heard: () => heard,
    });
}

const [verb, ...given] = process.argv.slice(2);
await { register, run }[verb](...given);
