"""A raw client: exact bytes out, exact bytes in."""

import json
import socket


class Raw:
    def __init__(self, port, seconds=60):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def send(self, data):
        self.sock.sendall(data)
        return self

    def _fill(self):
        try:
            got = self.sock.recv(65536)
        except ConnectionError:
            return False
        self.buffer += got
        return bool(got)

    def read_head(self):
        """(status, headers) or None when the connection ended first."""
        while b"\r\n\r\n" not in self.buffer:
            if not self._fill():
                return None
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return int(lines[0].split(" ")[1]), headers

    def read_until(self, needle):
        while needle not in self.buffer:
            if not self._fill():
                raise AssertionError(f"ended before {needle!r}: {self.buffer!r}")
        at = self.buffer.index(needle) + len(needle)
        got, self.buffer = self.buffer[:at], self.buffer[at:]
        return got

    def read_exactly(self, n):
        while len(self.buffer) < n:
            if not self._fill():
                raise AssertionError(f"ended after {len(self.buffer)} of {n} bytes")
        got, self.buffer = self.buffer[:n], self.buffer[n:]
        return got

    def read_chunk(self):
        """One chunk of a chunked body; b'' is its end."""
        size = int(self.read_until(b"\r\n"), 16)
        data = self.read_exactly(size)
        assert self.read_exactly(2) == b"\r\n"
        return data

    def read_chunks(self, text):
        """Reads chunks until the body so far ends in text; returns it."""
        body = b""
        while not body.endswith(text):
            got = self.read_chunk()
            assert got, f"ended before {text!r}: {body!r}"
            body += got
        return body

    def read_body(self, headers):
        """(bytes, whole)."""
        if "content-length" in headers:
            return self.read_exactly(int(headers["content-length"])), True
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            try:
                while data := self.read_chunk():
                    body += data
            except (AssertionError, ValueError):
                return body, False
            return body, True
        while self._fill():
            pass
        body, self.buffer = self.buffer, b""
        return body, True

    def answer(self):
        """(status, headers, body) of the next whole answer."""
        head = self.read_head()
        assert head, "the connection ended without an answer"
        body, whole = self.read_body(head[1])
        assert whole, body
        return head[0], head[1], body

    def ended(self):
        """True when the peer closes without another byte."""
        return not self.buffer and not self._fill()

    def close(self):
        self.sock.close()


def request(body, key, path="/v1/chat/completions", method="POST", extra=""):
    """The bytes of a request."""
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    return (
        f"{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\n{extra}content-length: {len(body)}\r\n\r\n"
    ).encode() + body


def chat(model="m", stream=False, **more):
    return {
        "model": model,
        "messages": [{"role": "user", "content": "hi"}],
        **({"stream": True} if stream else {}),
        **more,
    }
