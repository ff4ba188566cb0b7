"""A client that leaves ends the provider's work at once, and leaves one row."""

import threading

import pytest
from client import chat, request
from gateway import ADMIN_KEY, LIMIT
from provider import HELLO, ROLE


class Watched:
    """A provider that answers nothing more and says when the gateway closed its connection."""

    def __init__(self, events, buffered=False):
        self.events = events
        self.buffered = buffered
        self.asked = threading.Event()
        self.closed = threading.Event()

    def __call__(self, connection):
        connection.read_request()
        if self.buffered:
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n"
                            b"content-type: application/json\r\n\r\n{")
        elif self.events:
            connection.stream_head()
            for event in self.events:
                connection.chunk(event)
        self.asked.set()
        if connection.wait_closed():
            self.closed.set()


@pytest.mark.parametrize(
    "name, events, buffered, stream, counted",
    [
        ("before the head", [], False, True, 0),
        ("before the first content", [ROLE], False, True, 0),
        ("between chunks", [ROLE, HELLO, HELLO], False, True, 2),
        ("buffered, before the head", [], False, False, 0),
        ("buffered, in the body", [], True, False, 0),
    ],
)
@pytest.mark.parametrize("how", ["fin", "rst"])
def test_leaving(provide, gateway, connect, name, events, buffered, stream, counted, how):
    watched = Watched(events, buffered)
    made = gateway(provide(watched))
    client = connect(made)
    client.send(request(chat(stream=stream), ADMIN_KEY, extra=f"x-request-id: left-{how}\r\n"))
    assert watched.asked.wait(LIMIT)
    if counted:
        client.read_head()
        client.read_chunks(HELLO + HELLO)
    if how == "rst":
        import socket
        import struct

        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
    assert watched.closed.wait(LIMIT)  # typically below a millisecond; the benchmark has the figure
    row = made.row(f"left-{how}")
    assert row["status"] == "client_closed"
    assert row["error_code"] == "client_closed"
    assert row["completion_tokens"] == counted
    assert row["usage_source"] == ("partial" if counted else "none")
    assert row["http_status"] == (200 if counted else 499)


def test_a_retry_never_follows_a_client_that_left(provide, gateway, connect):
    watched = Watched([])
    provider = provide(watched)
    made = gateway(providers=[provider.entry()],
                   models=[{"name": "m", "provider": "private", "fallback": ["n"]},
                           {"name": "n", "provider": "private"}])
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: gone\r\n"))
    assert watched.asked.wait(LIMIT)
    client.close()
    assert made.row("gone")["attempts"] == 1
    assert len(provider.requests) == 1
