"""The ways in which a provider fails. Each gets (connection, streamed) for one request and says True
when the connection is over."""

import json
import threading

from gateway import LIMIT
from provider import DONE, ERROR, FINISH, HELLO, ROLE, USAGE, WORLD, answer, chunk_event

COSTLY = ',"usage":{"prompt_tokens":7000,"completion_tokens":7000,"total_tokens":14000}'
COSTLY_ROLE = chunk_event('{"role":"assistant","content":""}', usage=COSTLY)  # never to be billed
GOOD = [ROLE, HELLO, WORLD, FINISH, DONE]
JSON_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 400\r\n\r\n"


def good(connection, streamed):
    if streamed:
        connection.stream_head()
        connection.chunk(b"".join(GOOD[:-1]) + USAGE + DONE)
        connection.end_chunks()
    else:
        connection.json(answer())


class Acting:
    """A script: does `do` to each request; it may be changed on the way."""

    def __init__(self, do):
        self.do = do

    def __call__(self, connection):
        while got := connection.read_request():
            if self.do(connection, b'"stream": true' in got.body):
                return


class Held:
    """Does its thing when it is let go."""

    def __init__(self, do):
        self.do, self.go = do, threading.Event()

    def __call__(self, connection, streamed):
        self.go.wait(LIMIT)
        return self.do(connection, streamed)


def until_closed(connection):
    connection.wait_closed(LIMIT)
    return True


def reset_before_head(connection, streamed):
    connection.reset()
    return True


def reset_after_head(connection, streamed):
    if streamed:
        connection.stream_head()
        connection.chunk(COSTLY_ROLE)
    else:
        connection.send(JSON_HEAD + b'{"id":')
    connection.reset()
    return True


def silent(connection, streamed):
    return until_closed(connection)


def slow_first_token(connection, streamed):
    """The head and a role come at once, or half of the answer."""
    if streamed:
        connection.stream_head()
        connection.chunk(COSTLY_ROLE)
    else:
        connection.send(JSON_HEAD + b'{"id":')
    return until_closed(connection)


def status(code, body=b"{}", extra=b""):
    def do(connection, streamed):
        connection.json(body, code, extra)

    return do


def error(code=None, kind="x", message="secret-words"):
    return json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}})


def malformed_head(connection, streamed):
    connection.send(b"HTTP/1.1 2OO OK\r\ncontent-length: 2\r\n\r\n{}")
    return until_closed(connection)


def malformed_framing(connection, streamed):
    connection.stream_head()
    if streamed:
        connection.chunk(COSTLY_ROLE)
    connection.send(b"zz\r\n{}\r\n")
    return until_closed(connection)


def malformed_event(*events):
    """Something that is no JSON stands between the frames."""

    def do(connection, streamed):
        connection.stream_head()
        for event in events:
            connection.chunk(event)
        connection.end_chunks()

    return do


def error_in_200(connection, streamed):
    if streamed:
        connection.stream_head()
        connection.chunk(COSTLY_ROLE + ERROR + DONE)
        connection.end_chunks()
    else:
        connection.json(error(kind="server_error"))


def named_error_event(connection, streamed):
    connection.stream_head()
    connection.chunk(COSTLY_ROLE + b'event: error\ndata: {"type":"error","error":'
                     b'{"type":"overloaded_error","message":"Overloaded"}}\n\n')
    connection.end_chunks()


def error_after_content(connection, streamed):
    connection.stream_head()
    connection.chunk(ROLE + HELLO + ERROR + DONE)
    connection.end_chunks()


def cut(connection, streamed):
    if streamed:
        connection.stream_head()
        connection.chunk(ROLE + HELLO)
    else:
        connection.send(JSON_HEAD + answer()[:100])
    connection.close()
    return True


def ended_early(connection, streamed):
    """The framing ends well, and yet the answer is not whole."""
    if streamed:
        connection.stream_head()
        connection.chunk(ROLE + HELLO)
        connection.end_chunks()
    else:
        connection.json(answer()[:100])


def stall(connection, streamed):
    if streamed:
        connection.stream_head()
        connection.chunk(ROLE + HELLO)
    else:
        connection.send(JSON_HEAD + answer()[:100])
    return until_closed(connection)


def no_marker(connection, streamed):
    connection.stream_head()
    connection.chunk(b"".join(GOOD[:-1]) + USAGE)
    connection.end_chunks()
