/**
 * A bot on matrix-bot-sdk that joins where it is invited and says again what it is asked to.
 *
 *     node sdk_bot.mjs HOMESERVER FOLDER
 *
 * Commands and answers are lines, as those of `network_bridge.mjs`.
 */

import { Console } from "node:console";

import { obey } from "./lines.mjs";

globalThis.console = new Console(process.stderr, process.stderr);
const { AutojoinRoomsMixin, MatrixAuth, MatrixClient, SimpleFsStorageProvider } = await import(
    "@vector-im/matrix-bot-sdk"
);

const [homeserver, folder] = process.argv.slice(2);
const storage = new SimpleFsStorageProvider(`${folder}/bot.json`);

obey({
    /** Logs in, or goes on with a token; answers when the first sync is there. */
    start: async ({ name, password, token }) => {
        token ??= (await new MatrixAuth(homeserver).passwordLogin(name, password, "bot")).accessToken;
        const client = new MatrixClient(homeserver, token, storage);
        AutojoinRoomsMixin.setupOnClient(client);
        client.on("room.message", async (room, event) => {
            if (event.content?.body?.startsWith("!echo ")) {
                await client.replyNotice(room, event, event.content.body.slice("!echo ".length));
            }
        });
        await client.start();
        return { token, user_id: await client.getUserId() };
    },
});
