"""Bad input: each with its status, type, code and param, and a process that stays up."""

import json
import threading

import pytest
from client import Raw, chat, request
from gateway import ADMIN_KEY, LIMIT
from provider import answer_once

MESSAGES = '"messages":[{"role":"user","content":"hi"}]'


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    from gateway import Gateway
    from provider import Provider

    provider = Provider(answer_once())
    running = Gateway(
        [provider.entry()], [{"name": "m", "provider": "private"}], tmp_path_factory.mktemp("bad"),
        limits={"body": "32MB", "header": "64KB"},
    )
    yield running
    running.stop()
    provider.close()


def ask(up, body, **more):
    client = Raw(up.port)
    client.send(request(body, ADMIN_KEY, **more))
    status, headers, text = client.answer()
    client.close()
    error = json.loads(text)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    assert headers["content-type"].startswith("application/json")
    assert "x-request-id" in headers
    return status, error["type"], error["code"], error["param"]


INVALID = "invalid_request_error"


@pytest.mark.parametrize(
    "body, expected",
    [
        (b"", (400, INVALID, "invalid_json", None)),
        (b"hello", (400, INVALID, "invalid_json", None)),
        (b'{"model":"m",', (400, INVALID, "invalid_json", None)),
        (('{"model":"m",%s}' % MESSAGES + "x").encode(), (400, INVALID, "invalid_json", None)),
        (b"[]", (400, INVALID, "invalid_json", None)),
        (b'"text"', (400, INVALID, "invalid_json", None)),
        (b'{"model":"m","messages":[{"content":"\xff\xfe"}]}',
         (400, INVALID, "invalid_json", None)),
        (b'{"model":"m","messages":[{"content":"a\x00b"}]}', (400, INVALID, "invalid_json", None)),
        (b'{"model":"m","messages":[{"content":"' + b"[" * 10 + b'"}],"x":' + b"[" * 600
         + b"]" * 600 + b"}", (400, INVALID, "invalid_json", None)),
        (b'{"model":"m","messages":[{}],"n":01}', (400, INVALID, "invalid_json", None)),
        (b"{}", (400, INVALID, "missing_required_parameter", "model")),
        (b'{"model":"m"}', (400, INVALID, "missing_required_parameter", "messages")),
        (("{%s}" % MESSAGES).encode(), (400, INVALID, "missing_required_parameter", "model")),
        (('{"model":5,%s}' % MESSAGES).encode(), (400, INVALID, "invalid_type", "model")),
        (b'{"model":"m","messages":"hi"}', (400, INVALID, "invalid_type", "messages")),
        (b'{"model":"m","messages":["hi"]}', (400, INVALID, "invalid_type", "messages[0]")),
        (('{"model":"m",%s,"stream":"yes"}' % MESSAGES).encode(),
         (400, INVALID, "invalid_type", "stream")),
        (('{"model":"m",%s,"stream":true,"stream_options":[]}' % MESSAGES).encode(),
         (400, INVALID, "invalid_type", "stream_options")),
        (('{"model":"m",%s,"max_tokens":"many"}' % MESSAGES).encode(),
         (400, INVALID, "invalid_type", "max_tokens")),
        (('{"model":"m",%s,"model":"n"}' % MESSAGES).encode(),
         (400, INVALID, "duplicate_parameter", "model")),
        (('{"model":"m",%s,"mod\\u0065l":"n"}' % MESSAGES).encode(),
         (400, INVALID, "duplicate_parameter", "model")),
        (('{"model":"nope",%s}' % MESSAGES).encode(), (404, INVALID, "model_not_found", "model")),
    ],
)
def test_bodies(up, body, expected):
    assert ask(up, body) == expected


@pytest.mark.parametrize(
    "method, path, expected",
    [
        ("POST", "/v1/nothing", (404, INVALID, "unknown_url", None)),
        ("GET", "/", (404, INVALID, "unknown_url", None)),
        ("POST", "/v1/chat/completions/", (404, INVALID, "unknown_url", None)),
        ("GET", "/v1/chat/completions", (405, INVALID, "method_not_allowed", None)),
        ("DELETE", "/v1/models", (405, INVALID, "method_not_allowed", None)),
    ],
)
def test_paths_and_methods(up, method, path, expected):
    assert ask(up, b"", path=path, method=method) == expected


@pytest.mark.parametrize(
    "head", ["", "authorization: Bearer sk-cr-wrong\r\n", "authorization: Basic abc\r\n",
             "authorization: Bearer \r\n", "x-api-key: nope\r\n"]
)
def test_no_key(up, head):
    client = Raw(up.port)
    client.send(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n{head}content-length: 2\r\n\r\n{{}}"
                .encode())
    status, _, body = client.answer()
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (401, INVALID, "invalid_api_key")
    assert "sk-cr-wrong" not in body.decode()


def test_the_key_is_taken_from_x_api_key_too(up):
    client = Raw(up.port)
    body = json.dumps(chat())
    client.send(f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-api-key: {ADMIN_KEY}\r\n"
                f"content-length: {len(body)}\r\n\r\n{body}".encode())
    assert client.answer()[0] == 200


HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ADMIN_KEY}\r\n"


@pytest.mark.parametrize(
    "sent, statuses",
    [
        (HEAD + "content-length: 10000000000\r\n\r\n", {413}),
        (HEAD + "content-length: 34603008\r\n\r\n", {413}),
        (HEAD + "x-big: " + "a" * 100_000 + "\r\n\r\n", {431}),
        (HEAD + "transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", {400}),
        (HEAD + "transfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n{}", {400}),
        (HEAD + "content-length: 2\r\ncontent-length: 2\r\n\r\n{}", {400}),
        (HEAD + "content-length: 2\r\ncontent-length: 3\r\n\r\n{}", {400}),
        (HEAD + "content-length: -1\r\n\r\n", {400}),
        (HEAD + "transfer-encoding: gzip\r\n\r\n", {400, 501}),
        ("POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}", {400}),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + "\x00" * 64, {400}),
        ("GET /" + "a" * 1_000_000 + " HTTP/1.1\r\nhost: x\r\n\r\n", {414, 431}),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n", {400, 505}),
        ("nonsense\r\n\r\n", {400}),
        (HEAD + "bad header\r\n\r\n", {400}),
        (HEAD + "x: a\x00b\r\ncontent-length: 0\r\n\r\n", {400}),
        (HEAD + "x: a\r\n folded\r\ncontent-length: 0\r\n\r\n", {400}),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {400, 505}),
        (HEAD + "expect: miracles\r\ncontent-length: 2\r\n\r\n{}", {417}),
    ],
)
def test_framing(up, sent, statuses):
    client = Raw(up.port)
    try:
        client.send(sent.encode("latin-1"))
    except ConnectionError:
        pass
    status, headers, body = client.answer()
    assert status in statuses
    assert json.loads(body)["error"]["message"]
    assert client.ended()


def test_a_body_that_grows_over_the_limit(up):
    client = Raw(up.port)
    client.send((HEAD + "transfer-encoding: chunked\r\n\r\n").encode())
    block = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    try:
        for _ in range(33):
            client.send(block)
    except ConnectionError:
        pass
    assert client.answer()[0] == 413


def test_expect_continue(up):
    client = Raw(up.port)
    body = json.dumps(chat())
    client.send((HEAD + f"expect: 100-continue\r\ncontent-length: {len(body)}\r\n\r\n").encode())
    assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100")
    client.send(body.encode())
    assert client.answer()[0] == 200


def test_a_chunked_request_body(up):
    client = Raw(up.port)
    body = json.dumps(chat()).encode()
    client.send((HEAD + "transfer-encoding: chunked\r\n\r\n").encode())
    for byte in body:
        client.send(b"1\r\n%c\r\n" % byte)
    client.send(b"0\r\n\r\n")
    assert client.answer()[0] == 200


def test_half_open_clients(up):
    clients = [Raw(up.port).send(b"POST /v1/chat/completions HTTP/1.1\r\nhos") for _ in range(500)]
    client = Raw(up.port)
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200
    for one in clients:
        one.close()


def test_pipelined_requests(up):
    n = 10_000
    client = Raw(up.port)
    one = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    sender = threading.Thread(target=client.send, args=(one * n,), daemon=True)
    sender.start()
    for _ in range(n):
        assert client.answer()[0] == 200
    sender.join(LIMIT)


def test_pipelined_calls_are_answered_in_order(up):
    client = Raw(up.port)
    client.send(b"".join(request(chat(), ADMIN_KEY, extra=f"x-request-id: p{i}\r\n")
                         for i in range(50)))
    for i in range(50):
        status, headers, _ = client.answer()
        assert (status, headers["x-request-id"]) == (200, f"p{i}")


def test_request_ids(up):
    client = Raw(up.port)
    for sent, kept in [("abc-123", True), ("a" * 128, True), ("a" * 129, False), ("a b", False),
                       ("\u00fc", False)]:
        client.send(f"GET /healthz HTTP/1.1\r\nhost: x\r\nx-request-id: {sent}\r\n\r\n"
                    .encode("latin-1"))
        got = client.answer()[1]["x-request-id"]
        assert (got == sent) == kept
        assert got


def test_half_a_request_and_silence(provide, gateway, connect):
    made = gateway(provide(answer_once()), timeouts={"head": "2s"})
    client = connect(made)
    client.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\n")
    assert client.answer()[0] == 408
    assert client.ended()


def test_the_process_is_still_up(up):
    client = Raw(up.port)
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200
    assert up.child.poll() is None
