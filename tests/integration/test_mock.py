"""courier mock, asked without a gateway in between: what its keys say is what it does."""

import json
import socket
import subprocess
import time

import pytest
from client import Raw, chat, request
from gateway import BINARY, LIMIT, wait_for


@pytest.fixture
def ask(mock, made):
    """ask(what, stream): the raw client, after a chat request to that model."""

    def make(model="mock", stream=False, **more):
        made.append(Raw(mock.port))
        return made[-1].send(request(chat(model, stream, **more), "any"))

    return make


def events(body):
    """The data of each event."""
    return [part.removeprefix(b"data: ") for part in body.split(b"\n\n") if part]


def content(parts):
    chunks = [json.loads(part) for part in parts if part != b"[DONE]"]
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"])


def test_a_whole_answer(ask):
    status, headers, body = ask("mock?text=good+day&prompt_tokens=7&cached_tokens=3").answer()
    got = json.loads(body)
    assert (status, headers["content-type"]) == (200, "application/json")
    assert got["object"] == "chat.completion" and got["model"] == "mock"
    assert got["choices"][0]["message"]["content"] == "good day"
    assert got["choices"][0]["finish_reason"] == "stop"
    assert got["usage"]["prompt_tokens"] == 7
    assert got["usage"]["prompt_tokens_details"]["cached_tokens"] == 3


def test_a_stream(ask):
    status, headers, body = ask("mock?chunks=5&text=hello+you", True).answer()
    assert (status, headers["transfer-encoding"]) == (200, "chunked")
    got = events(body)
    assert got[-1] == b"[DONE]"
    assert content(got) == "hello you"
    assert len(got) == 1 + 5 + 1 + 1  # role, content, finish, [DONE]
    assert b"usage" not in body


def test_a_stream_with_usage(ask):
    _, _, body = ask("mock", True, stream_options={"include_usage": True}).answer()
    last = json.loads(events(body)[-2])
    assert last["choices"] == [] and last["usage"]["total_tokens"] == 21


@pytest.mark.parametrize("size", [512, 4096, 1 << 20])
def test_sizes(ask, size):
    _, headers, body = ask(f"mock?bytes={size}").answer()
    assert len(body) == int(headers["content-length"])
    assert abs(len(body) - size) < 16
    json.loads(body)


@pytest.mark.parametrize("keys", ["crlf=1", "cr=1", "bom=1", "comments=1", "multi_line=1", "split=1",
                                  "framing=close"])
def test_odd_streams_say_the_same(ask, keys):
    _, _, body = ask(f"mock?text=same+words&{keys}", True).answer()
    text = body.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    got = []
    for event in text.split("\n\n"):
        lines = [line.removeprefix("data: ") for line in event.split("\n")
                 if line.startswith("data: ")]
        if lines:
            got.append("\n".join(lines).encode())
    assert content(got) == "same words"
    assert got[-1] == b"[DONE]"


def test_delays(ask):
    started = time.monotonic()
    ask("mock?head_delay=60ms&chunks=3&chunk_delay=30ms&end_delay=30ms", True).answer()
    early = 0.001  # by which a timer of whole milliseconds may fire before its time
    assert time.monotonic() - started >= 0.06 + 2 * 0.03 + 0.03 - 4 * early


@pytest.mark.parametrize("status, code", [(400, None), (401, "invalid_api_key"),
                                          (404, "model_not_found"), (429, "rate_limit_exceeded"),
                                          (500, None), (503, None)])
def test_statuses(ask, status, code):
    got, headers, body = ask(f"mock?status={status}&retry_after=7").answer()
    assert (got, headers["retry-after"]) == (status, "7")
    assert json.loads(body)["error"]["code"] == code


@pytest.mark.parametrize("keys, name, value", [
    ("retry_after_ms=250", "retry-after-ms", "250"),
    ("reset_requests=1m2s", "x-ratelimit-reset-requests", "1m2s"),
    ("reset_tokens=6ms", "x-ratelimit-reset-tokens", "6ms"),
])
def test_hints(ask, keys, name, value):
    assert ask(f"mock?status=429&{keys}").answer()[1][name] == value


def test_it_fails_at_first(mock, ask):
    mock.reset()
    assert [ask("mock?fail_first=2").answer()[0] for _ in range(4)] == [500, 500, 200, 200]
    assert [ask("mock?fail_first=1&status=503").answer()[0] for _ in range(2)] == [503, 200]
    mock.reset()
    assert ask("mock?fail_first=2").answer()[0] == 500


def test_it_fails_by_chance(mock, ask):
    mock.reset()
    seen = [ask("mock?odds=50&status=503").answer()[0] for _ in range(100)]
    assert 30 <= seen.count(503) <= 70 and seen.count(503) + seen.count(200) == 100
    assert {ask("mock?odds=0&status=503").answer()[0] for _ in range(3)} == {503}


def test_it_fails_now_and_then(mock, ask):
    mock.reset()
    seen = [500]
    end = time.monotonic() + LIMIT
    while len(seen) < 5 and time.monotonic() < end:
        status = ask("mock?flap=50ms").answer()[0]
        if status != seen[-1]:
            seen.append(status)
    assert seen == [500, 200, 500, 200, 500]


def test_cut(ask):
    client = ask("mock?cut_after=2&chunks=5&text=abcde", True)
    _, headers = client.read_head()
    body, whole = client.read_body(headers)
    assert not whole
    assert content(events(body)) == "ab"


def test_reset(ask):
    client = ask("mock?reset_after=1", True)
    client.read_head()
    client.sock.settimeout(LIMIT)
    with pytest.raises(ConnectionResetError):
        while client.sock.recv(65536):
            pass


@pytest.mark.parametrize("keys", ["fault=silent", "stall_after=0", "stall_after=2", "stall_end=1"])
def test_silence(ask, keys):
    client = ask(f"mock?{keys}", True)
    client.sock.settimeout(0.2)
    with pytest.raises((TimeoutError, socket.timeout)):
        while True:
            assert client.sock.recv(65536)


@pytest.mark.parametrize("fault, start", [
    ("close_before_head", b""),
    ("half_head", b"HTTP/1.1 200 OK\r\ncontent-ty"),
    ("malformed_head", b"HTTP/1.1 twohundred"),
    ("close_after_head", b"HTTP/1.1 200 OK\r\n"),
    ("reset_after_head", b"HTTP/1.1 200 OK\r\n"),
])
def test_faults_end_the_connection(ask, fault, start):
    client = ask(f"mock?fault={fault}")
    while client._fill():
        pass
    assert client.buffer.startswith(start) and bool(client.buffer) == bool(start)


def test_other_faults(ask):
    assert ask("mock?fault=empty").answer()[2] == b""
    assert ask("mock?fault=html").answer()[1]["content-type"] == "text/html"
    with pytest.raises(json.JSONDecodeError):
        json.loads(ask("mock?fault=half_json").answer()[2])
    status, _, body = ask("mock?fault=error_200").answer()
    assert status == 200 and json.loads(body)["error"]
    assert b'"error"' in events(ask("mock?error_after=2", True).answer()[2])[-1]
    assert b"no JSON" in ask("mock?garbage_after=2", True).answer()[2]


def test_marks_that_are_left_out(ask):
    assert b"[DONE]" not in ask("mock?no_done=1", True).answer()[2]
    assert b'"stop"' not in ask("mock?no_finish=1", True).answer()[2]
    assert b'"usage"' not in ask("mock?no_usage=1").answer()[2]


TOOL = {"type": "function",
        "function": {"name": "weather",
                     "parameters": {"type": "object", "required": ["city", "days"],
                                    "properties": {"city": {"type": "string"},
                                                   "days": {"type": "integer"}}}}}


def test_tools(ask):
    call = json.loads(ask("mock?tools=1", tools=[TOOL]).answer()[2])["choices"][0]
    assert call["finish_reason"] == "tool_calls"
    function = call["message"]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == (
        "weather", {"city": "text", "days": 1})


MESSAGES = "/v1/messages"
INSISTS = "anthropic-version: 2023-06-01\r\n"  # the Bearer key does for x-api-key
OTHERS = ["/v1/messages", "/v1/completions", "/v1/responses"]


@pytest.fixture
def ask_at(mock, made):
    """ask_at(path, what, stream): the raw client, after a request to that endpoint."""

    def make(path, model="mock", stream=False):
        made.append(Raw(mock.port))
        body = chat(model, stream, max_tokens=5, prompt="hi", input="hi")
        return made[-1].send(request(body, "any", path=path, extra=INSISTS))

    return make


def test_the_order_of_messages_events(ask_at):
    _, headers, body = ask_at(MESSAGES, "mock?chunks=2", True).answer()
    names = [event.split(b"\n")[0].decode() for event in body.split(b"\n\n") if event]
    assert names == [f"event: {name}" for name in (
        "message_start", "content_block_start", "ping", "content_block_delta",
        "content_block_delta", "content_block_stop", "message_delta", "message_stop")]
    assert headers["request-id"] == "req_mock"
    for event in body.split(b"\n\n")[:-1]:
        name, data = event.split(b"\n")
        assert json.loads(data.removeprefix(b"data: "))["type"] == name[len("event: "):].decode()


@pytest.mark.parametrize("path", OTHERS)
def test_faults_at_other_endpoints(mock, ask_at, path):
    mock.reset()
    assert [ask_at(path, "mock?fail_first=1&status=529").answer()[0] for _ in range(2)] == [529, 200]
    assert ask_at(path, "mock?status=503&retry_after_ms=20").answer()[1]["retry-after-ms"] == "20"
    assert ask_at(path, "mock?fault=html").answer()[1]["content-type"] == "text/html"
    for keys in ("fault=reset_after_head", "reset_after=2"):
        client = ask_at(path, f"mock?{keys}", True)
        client.sock.settimeout(LIMIT)
        with pytest.raises(ConnectionResetError):
            while client.sock.recv(65536):
                pass
    client = ask_at(path, "mock?cut_after=2", True)
    assert not client.read_body(client.read_head()[1])[1]
    client = ask_at(path, "mock?stall_after=2", True)
    client.sock.settimeout(0.2)
    with pytest.raises((TimeoutError, socket.timeout)):
        while True:
            assert client.sock.recv(65536)


@pytest.mark.parametrize("path", OTHERS)
def test_delays_and_sizes_at_other_endpoints(ask_at, path):
    assert len(ask_at(path, "mock?bytes=4096").answer()[2]) == 4096
    started = time.monotonic()
    ask_at(path, "mock?head_delay=40ms&chunks=3&chunk_delay=20ms", True).answer()
    assert time.monotonic() - started >= 0.04 + 2 * 0.02 - 0.003


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/messages/batches"])
def test_no_such_address(ask_at, path):
    status, _, body = ask_at(path).answer()
    assert status == 404 and json.loads(body)["error"]["code"] == "unknown_url"


def test_a_schema_is_filled(ask):
    schema = {"type": "object", "required": ["kind", "next"],
              "properties": {"kind": {"enum": ["b", "a"]}, "next": {"$ref": "#/$defs/step"}},
              "$defs": {"step": {"type": "object", "required": ["done"],
                                 "properties": {"done": {"type": "boolean"}}}}}
    body = ask("mock?json=1", response_format={"type": "json_schema",
                                               "json_schema": {"name": "x", "schema": schema}})
    text = json.loads(body.answer()[2])["choices"][0]["message"]["content"]
    assert json.loads(text) == {"kind": "b", "next": {"done": True}}


def test_what_is_not_understood_is_said(ask):
    status, _, body = ask("mock?chunk=5").answer()
    assert status == 400 and 'chunk=5' in json.loads(body)["error"]["message"]


def test_the_last_request_is_kept(mock, ask):
    body = b'{ "model" : "mock", "messages":[ ],"x":1.0 }'
    client = Raw(mock.port)
    client.send(request(body, "secret", extra="x-mark: 7\r\n"))
    assert client.answer()[0] == 200
    client.close()
    assert mock.last() == body
    assert "x-mark: 7" in mock.last_head()


def test_counters(mock, ask):
    mock.reset()
    ask().answer()
    left = ask("mock?fault=silent")
    wait_for(lambda: mock.stats()["running"] == 1)
    left.close()
    wait_for(lambda: mock.stats()["gone"] == 1)
    got = mock.stats()
    assert (got["requests"], got["finished"], got["gone"], got["running"]) == (2, 1, 1, 0)
    assert abs(got["last_gone_us"] / 1e6 - time.time()) < 60


def test_pipelined(mock):
    client = Raw(mock.port)
    client.send(b"".join(request(chat(f"mock?text=n{i}"), "any") for i in range(20)))
    for i in range(20):
        assert json.loads(client.answer()[2])["choices"][0]["message"]["content"] == f"n{i}"
    client.close()


def test_the_keys_are_listed():
    done = subprocess.run([BINARY, "mock", "--keys"], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0
    for key in ("chunks=N", "chunk_delay=TIME", "cut_after=N", "fault=WORD", "silent", "tools=N",
                "arguments=TEXT", "thinking=1", "lax=1"):
        assert key in done.stdout


def test_a_wrong_answer_is_refused():
    done = subprocess.run([BINARY, "mock", "--answer", "speed=5"], capture_output=True, text=True,
                          timeout=LIMIT)
    assert done.returncode == 2 and "--answer" in done.stderr
