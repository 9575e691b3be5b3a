"""Server-side key backup for matrix-nio, which has the keys and the ciphers but not the requests."""

import base64
import json
from urllib.parse import quote

import vodozemac
from nio.crypto import InboundGroupSession

ALGORITHM = "m.megolm_backup.v1.curve25519-aes-sha2"


class CommandError(Exception):
    """What went wrong, in words for the driver."""


def unpadded(data):
    return base64.b64encode(data).decode().rstrip("=")


class KeyBackup:
    def __init__(self, client):
        self.client = client
        self.version = None
        self.public_key = None

    async def create(self):
        """Creates a backup on the server; returns the key that opens it from another device."""
        secret = vodozemac.Curve25519SecretKey()
        self.public_key = vodozemac.PkDecryption.from_key(secret).public_key
        auth_data = {"public_key": self.public_key.to_base64(), "signatures": {}}
        body = {"algorithm": ALGORITHM, "auth_data": auth_data}
        self.version = (await self.request("POST", "room_keys/version", body))["version"]
        return secret.to_base64()

    async def upload(self):
        """Uploads every room key this device has; returns how many the server says it holds."""
        cipher = vodozemac.PkEncryption.from_key(self.public_key)
        rooms, count = {}, 0
        for session in self.client.olm.inbound_group_store:
            index = session.first_known_index
            plain = {
                "algorithm": "m.megolm.v1.aes-sha2",
                "sender_key": session.sender_key,
                "sender_claimed_keys": {"ed25519": session.ed25519},
                "forwarding_curve25519_key_chain": session.forwarding_chain,
                "session_key": session.export_session(index),
            }
            message = cipher.encrypt(json.dumps(plain).encode())
            rooms.setdefault(session.room_id, {"sessions": {}})["sessions"][session.id] = {
                "first_message_index": index,
                "forwarded_count": len(session.forwarding_chain),
                "is_verified": True,
                "session_data": {
                    "ciphertext": unpadded(message.ciphertext),
                    "mac": unpadded(message.mac),
                    "ephemeral": unpadded(message.ephemeral_key),
                },
            }
            count += 1
        path = f"room_keys/keys?version={quote(self.version)}"
        stored = await self.request("PUT", path, {"rooms": rooms})
        if stored["count"] != count:
            raise CommandError(f"{count} keys were uploaded, the server holds {stored['count']}")
        return count

    async def restore(self, recovery_key):
        """Fetches the backup and imports its keys; returns how many."""
        secret = vodozemac.Curve25519SecretKey.from_base64(recovery_key)
        cipher = vodozemac.PkDecryption.from_key(secret)
        info = await self.request("GET", "room_keys/version")
        if info["auth_data"]["public_key"] != cipher.public_key.to_base64():
            raise CommandError("the backup on the server has another public key")
        path = f"room_keys/keys?version={quote(info['version'])}"
        rooms = (await self.request("GET", path))["rooms"]
        imported = 0
        for room_id, room in rooms.items():
            for entry in room["sessions"].values():
                data = entry["session_data"]
                message = vodozemac.Message.from_base64(
                    data["ciphertext"], data["mac"], data["ephemeral"]
                )
                plain = json.loads(cipher.decrypt(message))
                session = InboundGroupSession.import_session(
                    plain["session_key"],
                    plain["sender_claimed_keys"]["ed25519"],
                    plain["sender_key"],
                    room_id,
                    plain["forwarding_curve25519_key_chain"],
                )
                self.client.olm.inbound_group_store.add(session)
                imported += 1
        return imported

    async def request(self, method, path, body=None):
        headers = {
            "Authorization": f"Bearer {self.client.access_token}",
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body)
        url = f"/_matrix/client/v3/{path}"
        async with await self.client.send(method, url, data, headers) as response:
            answer = await response.json()
            if response.status != 200:
                raise CommandError(f"{method} {path}: {response.status} {answer}")
            return answer
