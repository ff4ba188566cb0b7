"""HTTP as clients and providers speak it, where it is odd but legal, and where it is not."""

import gzip
import json
import socket
import threading

import pytest
from client import chat, request
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import (DONE, FINISH, HELLO, ROLE, WORLD, answer, answer_once, stream_once)

AUTH = f"host: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n"


def ask(client, stream=False, **more):
    client.send(request(chat(stream=stream, **more), ADMIN_KEY))
    return client.answer()


# --- clients ---


def test_head_is_get_without_a_body(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    for path in ("/healthz", "/readyz", "/v1/models", "/v1/models/m"):
        client.send(f"GET {path} HTTP/1.1\r\n{AUTH}\r\n".encode())
        status, headers, body = client.answer()
        client.send(f"HEAD {path} HTTP/1.1\r\n{AUTH}\r\n".encode())
        head = client.read_head()
        assert head[0] == status == 200
        assert head[1]["content-length"] == headers["content-length"] == str(len(body))
    client.send(f"HEAD /v1/nothing HTTP/1.1\r\n{AUTH}\r\n".encode())
    assert client.read_head()[0] == 404
    client.send(f"HEAD /v1/chat/completions HTTP/1.1\r\n{AUTH}\r\n".encode())
    assert client.read_head()[0] == 405
    assert ask(client)[0] == 200  # still in step


def test_allow_says_what_there_is(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    for method, path, allowed in [
        ("OPTIONS", "/v1/chat/completions", "POST"), ("GET", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET, HEAD"), ("PUT", "/healthz", "GET, HEAD"),
        ("PROPFIND", "/v1/models", "GET, HEAD"),
    ]:
        client.send(f"{method} {path} HTTP/1.1\r\n{AUTH}\r\n".encode())
        status, headers, _ = client.answer()
        assert (status, headers["allow"]) == (405, allowed)
    client.send(f"OPTIONS * HTTP/1.1\r\n{AUTH}\r\n".encode())
    assert client.answer()[0] in (204, 404)


def old(client, version, body, extra=""):
    client.send(f"POST /v1/chat/completions HTTP/{version}\r\n{AUTH}{extra}"
                f"content-length: {len(body)}\r\n\r\n{body}".encode())


def test_http_1_0_buffered(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    old(client, "1.0", json.dumps(chat()))
    status, headers, body = client.answer()
    assert (status, body) == (200, answer())
    assert "transfer-encoding" not in headers
    assert client.ended()


def test_http_1_0_streamed(provide, gateway, connect):
    events = [ROLE, HELLO, WORLD, FINISH, DONE]
    client = connect(gateway(provide(stream_once(*events))))
    old(client, "1.0", json.dumps(chat(stream=True)))
    status, headers, body = client.answer()
    assert (status, body) == (200, b"".join(events))
    assert "transfer-encoding" not in headers and "content-length" not in headers


def test_a_broken_stream_to_http_1_0(provide, gateway, connect):
    client = connect(gateway(provide(stream_once(ROLE, HELLO))))
    old(client, "1.0", json.dumps(chat(stream=True)))
    _, _, body = client.answer()
    assert b"upstream_stream_interrupted" in body and b"[DONE]" not in body


def test_connection_close_is_kept(provide, gateway, connect):
    for stream in (False, True):
        client = connect(gateway(provide(
            stream_once(ROLE, HELLO, FINISH, DONE) if stream else answer_once())))
        old(client, "1.1", json.dumps(chat(stream=stream)), "connection: close\r\n")
        status, headers, _ = client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert client.ended()


@pytest.mark.parametrize(
    "lines, status",
    [
        ("host: a\r\nhost: b\r\n", 400),
        ("host: a\r\nauthorization: Bearer x\r\n", 401),
        ("host: a\r\nx-request-id: one\r\nx-request-id: two\r\n", 200),
        ("host: a\r\ncontent-type: text/plain\r\ncontent-type: application/json\r\n", 200),
        ("host: a\r\nAUTHORIZATION2: x\r\n", 200),
        ("host: a b\r\n", 400),
        ("host: \r\n", 200),
    ],
)
def test_odd_fields(provide, gateway, connect, lines, status):
    client = connect(gateway(provide(answer_once())))
    body = json.dumps(chat())
    key = f"authorization: Bearer {ADMIN_KEY}\r\n" if status != 401 else ""
    client.send(f"POST /v1/chat/completions HTTP/1.1\r\n{key}{lines}content-length: {len(body)}"
                f"\r\n\r\n{body}".encode())
    got, headers, _ = client.answer()
    assert got == status
    assert headers["x-request-id"]


def test_two_keys_are_no_key(provide, gateway, connect):
    """Which of two different keys is meant is not for the gateway to guess."""
    client = connect(gateway(provide(answer_once())))
    body = json.dumps(chat())
    client.send(f"POST /v1/chat/completions HTTP/1.1\r\n{AUTH}authorization: Bearer sk-cr-other\r\n"
                f"content-length: {len(body)}\r\n\r\n{body}".encode())
    assert client.answer()[0] in (400, 401)


@pytest.mark.parametrize("target", ["/v1/chat/completions?a=b", "http://other/v1/chat/completions",
                                    "/v1/chat/completions?"])
def test_targets(provide, gateway, connect, target):
    provider = provide(answer_once())
    client = connect(gateway(provider))
    client.send(request(chat(), ADMIN_KEY, path=target))
    assert client.answer()[0] == 200
    assert provider.requests[0].path == "/v1/chat/completions"


def test_schemes_of_authorization(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    for value, status in [(f"bearer {ADMIN_KEY}", 200), (f"BEARER   {ADMIN_KEY}", 200),
                          (f"Bearer {ADMIN_KEY} ", 200), (ADMIN_KEY, 401),
                          (f"Basic {ADMIN_KEY}", 401), (f"Bearer{ADMIN_KEY}", 401)]:
        client.send(f"GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: {value}\r\n\r\n".encode())
        got, headers, _ = client.answer()
        assert got == status, value
        assert (headers.get("www-authenticate") == "Bearer") == (status == 401)


def test_names_of_models_in_paths(provide, gateway, connect):
    client = connect(gateway(provide(answer_once()), models=[
        {"name": "org/a+b:1", "provider": "private"}]))
    for path, status in [("org/a+b:1", 200), ("org%2Fa%2Bb%3A1", 200), ("org%2fa+b:1", 200),
                         ("org/a%20b:1", 404), ("org%ZZ", 404), ("", 404)]:
        client.send(f"GET /v1/models/{path} HTTP/1.1\r\n{AUTH}\r\n".encode())
        got, _, body = client.answer()
        assert got == status, path
        if status == 200:
            assert json.loads(body)["id"] == "org/a+b:1"


def test_a_request_behind_a_stream_waits_for_it(provide, gateway, connect):
    go = threading.Event()

    def script(connection):
        while got := connection.read_request():
            if b'"stream": true' in got.body:
                connection.stream_head()
                connection.chunk(ROLE + HELLO)
                go.wait(LIMIT)
                connection.chunk(FINISH + DONE)
                connection.end_chunks()
            else:
                connection.json(answer())

    client = connect(gateway(provide(script)))
    client.send(request(chat(stream=True), ADMIN_KEY) + request(chat(), ADMIN_KEY))
    client.read_head()
    client.read_chunks(HELLO)
    go.set()
    client.read_chunks(DONE)
    assert client.read_chunk() == b""
    assert client.answer()[2] == answer()


def test_garbage_behind_a_request(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    client.send(request(chat(), ADMIN_KEY) + b"\x00\x01 garbage\r\n\r\n")
    assert client.answer()[0] == 200
    assert client.answer()[0] == 400
    assert client.ended()


def test_bytes_one_by_one(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    for byte in request(chat(), ADMIN_KEY):
        client.send(bytes([byte]))
    assert client.answer()[0] == 200


# --- providers ---


def upstream(provide, gateway, connect, script, stream=False):
    """(status, code of the error or None, body) of one call to a provider with that script."""
    client = connect(gateway(provide(script)))
    status, _, body = ask(client, stream)
    code = json.loads(body)["error"]["code"] if status != 200 else None
    return status, code, body


def sends(*pieces):
    def script(connection):
        while connection.read_request():
            for piece in pieces:
                connection.send(piece)

    return script


def sends_and_closes(*pieces):
    def script(connection):
        connection.read_request()
        for piece in pieces:
            connection.send(piece)

    return script


BODY = answer()
LENGTH = b"content-length: %d\r\n" % len(BODY)
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "script",
    [
        sends(b"HTTP/1.1 100 Continue\r\n\r\n", OK + LENGTH + b"\r\n", BODY),
        sends(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + OK + LENGTH + b"\r\n" + BODY),
        sends(OK + b"transfer-encoding: chunked\r\n\r\n"
              b"%X;name=value\r\n%s\r\n0\r\ntrailer: x\r\n\r\n" % (len(BODY), BODY)),
        sends(OK + b"Transfer-Encoding: CHUNKED\r\n\r\n" + b"".join(
            b"1\r\n%c\r\n" % byte for byte in BODY) + b"0\r\n\r\n"),
        sends_and_closes(OK + b"\r\n" + BODY),
        sends_and_closes(b"HTTP/1.0 200 OK\r\n\r\n" + BODY),
        sends_and_closes(b"HTTP/1.1 200\r\n" + LENGTH + b"\r\n" + BODY),
        sends(b"HTTP/1.1 200 OK\r\n" + LENGTH + b"X-Big: " + b"y" * 60000 + b"\r\n\r\n" + BODY),
        sends(OK + LENGTH + b"set-cookie: a=b\r\nset-cookie: c=d\r\n\r\n" + BODY),
    ],
)
def test_good_answers(provide, gateway, connect, script):
    assert upstream(provide, gateway, connect, script) == (200, None, BODY)


@pytest.mark.parametrize(
    "script, codes",
    [
        (sends_and_closes(b""), {"upstream_connection_lost"}),
        (sends_and_closes(b"HTTP/1.1 200 O"), {"upstream_connection_lost"}),
        (sends_and_closes(OK + LENGTH + b"\r\n" + BODY[:-1]), {"upstream_connection_lost"}),
        (sends_and_closes(OK + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (
            len(BODY), BODY)), {"upstream_connection_lost"}),
        (sends_and_closes(OK + b"\r\n" + BODY[:-1]), {"upstream_invalid_response"}),
        (sends(b"nonsense\r\n\r\n"), {"upstream_invalid_response"}),
        (sends(b"HTTP/2.0 200 OK\r\n\r\n"), {"upstream_invalid_response"}),
        (sends(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n"),
         {"upstream_invalid_response"}),
        (sends(b"HTTP/1.1 204 No Content\r\n\r\n"), {"upstream_invalid_response"}),
        (sends(b"HTTP/1.1 304 Not Modified\r\n\r\n"), {"upstream_invalid_response"}),
        (sends(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n"),
         {"upstream_invalid_response"}),
        (sends(OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n"), {"upstream_invalid_response"}),
        (sends(OK + b"transfer-encoding: gzip\r\n\r\n" + BODY), {"upstream_invalid_response"}),
        (sends(OK + LENGTH + b"content-length: 1\r\n\r\n" + BODY), {"upstream_invalid_response"}),
        (sends(OK + LENGTH + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
         {"upstream_invalid_response"}),
        (sends(OK + b"x: " + b"y" * 100_000 + b"\r\n\r\n"), {"upstream_response_too_large"}),
        (sends(OK + b"content-length: 99999999999\r\n\r\n"), {"upstream_response_too_large"}),
        (sends(OK + b"content-length: 0\r\n\r\n"), {"upstream_invalid_response"}),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"),
         {"upstream_invalid_response"}),
        (sends(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked"
               b"\r\n\r\n8\r\ndata: x\n\r\n0\r\n\r\n"), {"upstream_invalid_response"}),
    ],
)
def test_bad_answers(provide, gateway, connect, script, codes):
    status, code, _ = upstream(provide, gateway, connect, script)
    assert (status, {code} <= codes) == (502, True), (status, code)


PACKED = gzip.compress(BODY)


def test_an_encoded_answer_cannot_be_read(provide, gateway, connect):
    """Identity was asked for; what is encoded all the same can be neither checked nor counted."""
    status, code, _ = upstream(provide, gateway, connect, sends(
        OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(PACKED) + PACKED))
    assert (status, code) == (502, "upstream_invalid_response")


def test_an_encoded_stream_cannot_be_read(provide, gateway, connect):
    packed = gzip.compress(ROLE + HELLO + FINISH + DONE)

    def script(connection):
        connection.read_request()
        connection.stream_head(b"content-encoding: gzip\r\n")
        connection.chunk(packed)
        connection.wait_closed()

    status, code, _ = upstream(provide, gateway, connect, script, True)
    assert (status, code) == (502, "upstream_invalid_response")


def test_identity_is_no_encoding(provide, gateway, connect):
    assert upstream(provide, gateway, connect, sends(
        OK + b"content-encoding: identity\r\n" + LENGTH + b"\r\n" + BODY)) == (200, None, BODY)


def test_what_follows_an_answer_spoils_the_connection(provide, gateway, connect):
    """Bytes behind the end are never taken for the answer to the next request."""
    stray = OK + b"content-length: 2\r\n\r\n{}"
    provider = provide(sends(OK + LENGTH + b"\r\n" + BODY + stray))
    client = connect(gateway(provider, workers=1))
    for _ in range(5):
        status, _, body = ask(client)
        assert (status, body) == (200, BODY)
    assert len(provider.connections) == 5


def test_a_connection_that_closes_is_not_used_again(provide, gateway, connect):
    provider = provide(sends_and_closes(OK + LENGTH + b"connection: close\r\n\r\n" + BODY))
    client = connect(gateway(provider, workers=1))
    for _ in range(5):
        assert ask(client)[0] == 200
    assert len(provider.requests) == 5


def test_a_provider_that_drops_idle_connections(provide, gateway, connect):
    """Each connection serves one request, keeps silent about it, and closes: no call may fail."""
    provider = provide(sends_and_closes(OK + LENGTH + b"\r\n" + BODY))
    client = connect(gateway(provider, workers=1))
    for _ in range(50):
        assert ask(client)[0] == 200
    assert len(provider.requests) == 50


@pytest.mark.parametrize("end", [
    [DONE], [DONE, "end"], [b"", DONE + b": bye\n\n", "end"]])
def test_streams_reuse_their_connection(provide, gateway, connect, end):
    """Also when the last chunk comes after the client has had its end."""
    ended = threading.Semaphore(0)

    def script(connection):
        while connection.read_request():
            connection.stream_head()
            connection.chunk(ROLE + HELLO + FINISH)
            for part in end:
                if part == "end":
                    connection.end_chunks()
                elif part:
                    connection.chunk(part)
            if "end" not in end:
                connection.end_chunks()
            ended.release()

    provider = provide(script)
    client = connect(gateway(provider, workers=1))
    for _ in range(20):
        status, _, body = ask(client, True)
        assert status == 200 and body.startswith(ROLE + HELLO + FINISH + b"data: [DONE]")
        ended.acquire(timeout=LIMIT)
    assert len(provider.requests) == 20
    assert len(provider.connections) <= 10  # typically 1; one more for each end that is not read yet


def test_an_abandoned_stream_spoils_its_connection(provide, gateway, connect):
    def script(connection):
        while connection.read_request():
            connection.stream_head()
            connection.chunk(ROLE + HELLO)
            connection.wait_closed()

    provider = provide(script)
    made = gateway(provider, workers=1)
    for turn in range(3):
        client = connect(made)
        client.send(request(chat(stream=True), ADMIN_KEY))
        client.read_head()
        client.read_chunks(HELLO)
        client.close()
        wait_for(lambda: len(provider.connections) == turn + 1)
    assert len(provider.requests) == 3


def test_endpoint_and_key_of_a_model_win(provide, gateway, connect):
    general, own = provide(answer_once()), provide(answer_once())
    made = gateway(providers=[general.entry(api_key="general")],
                   models=[{"name": "m", "provider": "private", "endpoint": own.url + "/deep",
                            "api_key": "own"}])
    assert ask(connect(made))[0] == 200
    assert not general.requests
    assert own.requests[0].path == "/v1/deep/chat/completions"
    assert own.requests[0].headers["authorization"] == "Bearer own"


def test_a_provider_without_a_key_gets_none(provide, gateway, connect):
    provider = provide(answer_once())
    assert ask(connect(gateway(provider)))[0] == 200
    assert "authorization" not in provider.requests[0].headers


def test_a_name_that_is_not_there(gateway, connect):
    made = gateway(providers=[{"name": "p", "type": "openai_compatible",
                               "base_url": "http://no-such-host.invalid/v1"}],
                   models=[{"name": "m", "provider": "p"}], timeouts={"connect": "2s"})
    status, _, body = ask(connect(made))
    assert (status, json.loads(body)["error"]["code"]) in [
        (502, "upstream_connect_failed"), (504, "upstream_timeout")]


def test_a_name_with_several_addresses(provide, gateway, connect):
    """localhost may be ::1 first, where nobody listens."""
    provider = provide(answer_once())
    made = gateway(providers=[{"name": "p", "type": "openai_compatible",
                               "base_url": f"http://localhost:{provider.port}/v1"}],
                   models=[{"name": "m", "provider": "p"}])
    assert ask(connect(made))[0] == 200
    assert provider.requests[0].headers["host"] == f"localhost:{provider.port}"


def test_calls_wait_in_line_for_a_connection(provide, gateway, connect):
    go = threading.Semaphore(0)

    def script(connection):
        while connection.read_request():
            go.acquire()
            connection.json(answer())

    provider = provide(script)
    made = gateway(provider, workers=1, upstream={"connections": 1, "waiting": 2})
    clients = [connect(made) for _ in range(4)]
    for i, client in enumerate(clients[:3]):
        client.send(request(chat(), ADMIN_KEY))
        if i == 0:
            wait_for(lambda: provider.requests)
    status, headers, body = ask(clients[3])
    assert (status, json.loads(body)["error"]["code"]) == (503, "upstream_busy")
    assert headers["retry-after"]
    for _ in range(10):
        go.release()
    for client in clients[:3]:
        assert client.answer()[0] == 200
    assert ask(clients[3])[0] == 200
    assert len(provider.connections) == 1


def test_a_slow_upload_to_the_provider(provide, gateway, connect):
    """A provider that reads slowly gets all of a large body."""
    got = []

    def script(connection):
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        got.append(connection.read_request().body)
        connection.json(answer())

    body = json.dumps(chat(padding="z" * 20_000_000))
    client = connect(gateway(provide(script)))
    client.send(request(body, ADMIN_KEY))
    assert client.answer()[0] == 200
    assert got[0].decode() == body.replace('"model": "m"', '"model": "upstream-model"')


def test_a_provider_that_refuses_before_it_has_read(provide, gateway, connect):
    """Its answer counts, though the request could not be sent to the end."""

    def script(connection):
        connection.sock.recv(1000)
        connection.json(b'{"error":{"message":"too large","type":"x","code":"y"}}', 413,
                        b"connection: close\r\n")
        connection.sock.shutdown(socket.SHUT_WR)
        while connection.sock.recv(1 << 16):
            pass

    client = connect(gateway(provide(script)))
    client.send(request(chat(padding="z" * 20_000_000), ADMIN_KEY))
    status, _, body = client.answer()
    assert (status, json.loads(body)["error"]["code"]) == (413, "y")


def test_the_largest_answer_and_frame(provide, gateway, connect):
    def script(connection):
        while got := connection.read_request():
            size = json.loads(got.body)["max_tokens"]
            if b'"stream": true' in got.body:
                connection.stream_head()
                connection.chunk(ROLE + HELLO + b"data: " + b"x" * size + b"\n\n" + FINISH + DONE)
                connection.end_chunks()
            elif size % 2:
                connection.send(OK + b"transfer-encoding: chunked\r\n\r\n")
                connection.chunk(answer("y" * size))
                connection.end_chunks()
            else:
                connection.json(answer("y" * size))

    client = connect(gateway(provide(script), limits={"answer": "64KB", "frame": "32KB"}))
    for size, status in [(50_000, 200), (50_001, 200), (70_000, 502), (70_001, 502)]:
        got, _, body = ask(client, max_tokens=size)
        assert got == status
        if status == 502:
            assert json.loads(body)["error"]["code"] == "upstream_response_too_large"
    assert ask(client, True, max_tokens=20_000)[2].endswith(DONE)
    for _ in range(10):  # however it is cut into reads, what was good before goes out
        body = ask(client, True, max_tokens=40_000)[2]
        assert body.startswith(ROLE + HELLO + b'data: {"error"') and DONE not in body
        assert b"upstream_stream_interrupted" in body


def test_more_clients_than_allowed(provide, gateway, connect):
    made = gateway(provide(answer_once()), workers=1, limits={"connections": 5})
    clients = [connect(made) for _ in range(5)]
    for client in clients:
        assert ask(client)[0] == 200
    assert connect(made).ended()
    clients[0].close()

    def room():
        try:
            return ask(connect(made))[0] == 200
        except (AssertionError, OSError):
            return False

    wait_for(room)
