/** Obeys a driver that writes one command a line, and answers it in one line; ends when there are no more. */

import { createInterface } from "node:readline";

export function obey(verbs) {
    const lines = createInterface({ input: process.stdin });
    // A command may wait for what a later one causes: none waits for another.
    lines.on("line", async (line) => {
        const { id, verb, args } = JSON.parse(line);
        let answer;
        try {
            answer = { id, ok: true, result: (await verbs[verb](args)) ?? null };
        } catch (error) {
            console.error(`${verb} failed`, error);
            answer = { id, ok: false, error: String(error) };
        }
        process.stdout.write(`${JSON.stringify(answer)}\n`);
    });
    lines.on("close", () => process.exit(0));
}
