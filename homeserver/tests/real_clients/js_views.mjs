/** What `wait_for` can wait for: each looks at the SDK's own objects, and answers undefined while there is nothing to see. */

export const ok = (condition) => (condition ? true : undefined);

export function described(event) {
    if (event.isDecryptionFailure()) {
        return { event_id: event.getId(), failure: event.decryptionFailureReason ?? "cannot decrypt" };
    }
    return {
        event_id: event.getId(),
        sender: event.getSender(),
        type: event.getType(),
        body: event.getContent().body,
        encrypted: event.isEncrypted(),
        relates_to: event.getRelation(),
    };
}

export function viewsOf(client) {
    return {
        message({ room_id, event_id, body }) {
            const event = client.getRoom(room_id)?.findEventById(event_id);
            return event && event.getContent().body === body ? described(event) : undefined;
        },
        edit({ room_id, event_id, body }) {
            const event = client.getRoom(room_id)?.findEventById(event_id);
            const edit = event?.replacingEvent();
            return edit && event.getContent().body === body ? described(edit) : undefined;
        },
        reaction({ room_id, event_id, key }) {
            const reactions = client
                .getRoom(room_id)
                ?.relations.getChildEventsForEvent(event_id, "m.annotation", "m.reaction");
            const annotation = reactions?.getSortedAnnotationsByKey()?.find(([name]) => name === key);
            return annotation && annotation[1].size > 0 ? described([...annotation[1]][0]) : undefined;
        },
        thread_reply({ room_id, root_id, body }) {
            const thread = client.getRoom(room_id)?.getThread(root_id);
            const reply = thread?.events.find((event) => event.getContent().body === body);
            return reply && thread.length > 0 ? described(reply) : undefined;
        },
        redaction({ room_id, event_id }) {
            const event = client.getRoom(room_id)?.findEventById(event_id);
            return ok(event?.isRedacted());
        },
        typing({ room_id, user_id, typing }) {
            return ok(client.getRoom(room_id)?.getMember(user_id)?.typing === typing);
        },
        receipt({ room_id, user_id, event_id }) {
            return ok(client.getRoom(room_id)?.getEventReadUpTo(user_id, true) === event_id);
        },
        invite({ room_id }) {
            return ok(client.getRoom(room_id)?.getMyMembership() === "invite");
        },
        member({ room_id, user_id }) {
            return ok(client.getRoom(room_id)?.getMember(user_id)?.membership === "join");
        },
        async device({ user_id, device_id, verified }) {
            const devices = await client.getCrypto().getUserDeviceInfo([user_id]);
            if (!devices.get(user_id)?.has(device_id)) return undefined;
            if (!verified) return true;
            const status = await client.getCrypto().getDeviceVerificationStatus(user_id, device_id);
            return ok(status?.crossSigningVerified);
        },
        async device_gone({ user_id, device_id }) {
            const devices = await client.getCrypto().getUserDeviceInfo([user_id]);
            return ok(!devices.get(user_id)?.has(device_id));
        },
        unread({ room_id, notifications, highlights }) {
            const count = (type) => client.getRoom(room_id)?.getRoomUnreadNotificationCount(type);
            return ok(count("total") === notifications && count("highlight") === highlights);
        },
        thread_unread({ room_id, root_id, notifications }) {
            return ok(client.getRoom(room_id)?.getThreadUnreadNotificationCount(root_id, "total") === notifications);
        },
        /** Every room key of this device is in the backup; uploads start up to ten seconds after a key is made. */
        async backed_up() {
            const info = await client.getCrypto().getKeyBackupInfo();
            const fresh = info && (await client.http.authedRequest("GET", `/room_keys/version/${info.version}`));
            const keys = await client.getCrypto().exportRoomKeys();
            return fresh && fresh.count === keys.length && keys.length > 0 ? { count: fresh.count } : undefined;
        },
    };
}
