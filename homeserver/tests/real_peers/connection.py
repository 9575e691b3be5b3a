"""A client's connection that stays open, for measuring.

`http.client` takes longer to read the head of an answer than a server may take to make it.
"""

import json
import socket

TIMEOUT_S = 120


class Connection:
    """One request after the other, as the user of a token, or as nobody."""

    def __init__(self, server, token):
        self.socket = socket.create_connection(("127.0.0.1", server.client_port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")
        self.head = f"Host: 127.0.0.1:{server.client_port}\r\nContent-Type: application/json\r\n"
        if token:
            self.head += f"Authorization: Bearer {token}\r\n"

    def call(self, method, path, body=None):
        """The JSON of an answer, which must be a success."""
        self.begin(method, path, body)
        status, answer = self.read()
        if status != 200:
            raise ConnectionError(f"{method} {path}: {status} {answer[:300].decode(errors='replace')}")
        return json.loads(answer)

    def begin(self, method, path, body=None):
        """Sends a request, to a path of version 3 if it does not say which. Its answer is not waited for."""
        data = b"" if body is None else json.dumps(body).encode()
        path = path if path.startswith("/") else f"/_matrix/client/v3/{path}"
        start = f"{method} {path} HTTP/1.1\r\n"
        self.socket.sendall(f"{start}{self.head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def is_waiting(self):
        """Whether the connection is open, and nothing has come."""
        self.socket.setblocking(False)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            self.socket.settimeout(TIMEOUT_S)

    def read(self):
        """The status and the body of an answer, of which both servers say where it ends."""
        start = self.reader.readline().split()
        if not start:
            raise ConnectionError("the server closed the connection")
        head = {}
        while line := self.reader.readline().strip():
            name, _, value = line.partition(b":")
            head[name.lower()] = value.strip()
        if head.get(b"transfer-encoding") == b"chunked":
            return int(start[1]), b"".join(self.chunks())
        return int(start[1]), self.reader.read(int(head[b"content-length"]))

    def chunks(self):
        while size := int(self.reader.readline(), 16):
            yield self.reader.read(size)
            self.reader.readline()
        self.reader.readline()
