"""One row for each authenticated request, whatever happens."""

import json
import random
import re
import threading
import time

import pytest
from client import Raw, chat, request
from conftest import BOTH_STORES
from gateway import ADMIN_KEY, LIMIT, Gateway, wait_for
from load import either
from provider import DONE, FINISH, HELLO, ROLE, USAGE, answer, answer_once

pytestmark = BOTH_STORES

COLUMNS = {
    "id", "request_id", "created_at", "user_id", "key_id", "endpoint", "requested_model",
    "served_model", "provider", "stream", "status", "http_status", "error_code", "attempts",
    "fallback_used", "prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens",
    "cache_write_tokens", "reasoning_tokens", "usage_source", "latency_ms", "first_token_ms",
    "request_bytes", "response_bytes",
}


def test_every_column(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: r-1\r\n"))
    assert client.answer()[0] == 200
    row = made.row("r-1")
    assert set(row) == COLUMNS
    assert row["endpoint"] == "/v1/chat/completions"
    assert (row["requested_model"], row["served_model"], row["provider"]) == ("m", "m", "private")
    assert (row["stream"], row["fallback_used"], row["attempts"]) == (0, 0, 1)
    assert (row["status"], row["http_status"], row["error_code"]) == ("ok", 200, None) or (
        row["error_code"] == "")
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (19, 10, 29)
    assert (row["cached_tokens"], row["cache_write_tokens"], row["reasoning_tokens"]) == (4, 0, 3)
    assert row["usage_source"] == "provider"
    assert row["request_bytes"] == len(json.dumps(chat()))  # bodies, without their heads
    assert row["response_bytes"] == len(answer())
    assert row["user_id"] and row["key_id"]
    assert re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", row["created_at"])


def test_a_stream_has_a_first_token_time(provide, gateway, connect):
    def script(connection):
        connection.read_request()
        connection.stream_head()
        time.sleep(0.05)  # the thing measured
        for event in (ROLE, HELLO, FINISH, USAGE, DONE):
            connection.chunk(event)
        connection.end_chunks()

    made = gateway(provide(script))
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: s-1\r\n"))
    client.answer()
    row = made.row("s-1")
    assert row["stream"] == 1
    assert 50 <= row["first_token_ms"] <= row["latency_ms"]


def test_refused_requests_have_rows_too(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    client = connect(made)
    for name, body, path, status in [
        ("json", b"{", "/v1/chat/completions", 400),
        ("model", chat("nope"), "/v1/chat/completions", 404),
        ("path", b"", "/v1/nothing", 404),
    ]:
        client.send(request(body, ADMIN_KEY, path=path, extra=f"x-request-id: {name}\r\n"))
        assert client.answer()[0] == status
        row = made.row(name)
        assert (row["status"], row["http_status"]) == ("client_error", status)
        assert row["error_code"]
    client.send(request(b"", ADMIN_KEY, path="/v1/models", method="GET",
                        extra="x-request-id: list\r\n"))
    assert client.answer()[0] == 200
    assert made.row("list")["status"] == "ok"


REFUSAL = b'{"error":{"message":"no","type":"invalid_request_error","param":null,"code":"x"}}'


@pytest.mark.parametrize(
    "answered, status, told, code, source",
    [
        ((200, answer()), "ok", 200, None, "provider"),
        ((200, answer(usage=False)), "ok", 200, None, "estimated"),
        ((400, REFUSAL), "client_error", 400, "upstream_refused", "none"),
        ((422, REFUSAL), "client_error", 422, "upstream_refused", "none"),
        ((401, REFUSAL), "upstream_error", 502, "upstream_credentials", "none"),
        ((429, b"{}"), "upstream_error", 429, "upstream_rate_limit", "none"),
        ((500, b"{}"), "upstream_error", 502, "upstream_error", "none"),
        ((200, b"<html>"), "upstream_error", 502, "upstream_invalid_response", "none"),
        ((200, REFUSAL), "client_error", 400, "upstream_refused", "none"),
    ],
)
def test_what_came_of_it(provide, gateway, connect, answered, status, told, code, source):
    made = gateway(provide(answer_once(answered[1], answered[0])), model={"retries": 0})
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: one\r\n"))
    assert client.answer()[0] == told
    row = made.row("one")
    assert (row["status"], row["http_status"], row["error_code"] or None) == (status, told, code)
    assert (row["provider"], row["served_model"], row["attempts"]) == ("private", "m", 1)
    assert row["usage_source"] == source
    assert (row["total_tokens"] > 0) == (source != "none")
    assert row["total_tokens"] == row["prompt_tokens"] + row["completion_tokens"]
    assert row["first_token_ms"] in (None, 0)


def test_who_has_no_key_has_no_row(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    client = connect(made)
    client.send(request(chat(), "sk-cr-unknown", extra="x-request-id: nobody\r\n"))
    assert client.answer()[0] == 401
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: somebody\r\n"))
    assert client.answer()[0] == 200
    made.row("somebody")
    assert made.rows("request_id = 'nobody'") == []


def test_fallback_is_told(provide, gateway, connect):
    bad = provide(answer_once(b"{}", 500))
    good = provide(answer_once())
    made = gateway(providers=[bad.entry("bad"), good.entry("good")],
                   models=[{"name": "m", "provider": "bad", "retries": 0, "fallback": ["n"]},
                           {"name": "n", "provider": "good", "upstream_model": "other"}])
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: fb\r\n"))
    status, headers, _ = client.answer()
    assert status == 200
    assert headers["x-courier-attempts"] == "m:500,n:200"
    assert (headers["x-courier-model"], headers["x-courier-provider"]) == ("n", "good")
    assert json.loads(good.requests[0].body)["model"] == "other"
    row = made.row("fb")
    assert (row["requested_model"], row["served_model"]) == ("m", "n")
    assert (row["attempts"], row["fallback_used"]) == (2, 1)


def load(port, seen, stop, prefix):
    """Sends requests one after the other; notes the ids whose answers came whole."""
    count = 0
    try:
        client = Raw(port)
        while not stop.is_set():
            name = f"{prefix}-{count}"
            count += 1
            client.send(request(chat(stream=count % 2 == 0), ADMIN_KEY,
                                extra=f"x-request-id: {name}\r\n"))
            status, _, body = client.answer()
            if status == 200:
                seen.append(name)
    except (AssertionError, OSError, ValueError):
        pass


def test_kill_9_under_load_loses_no_row(provide, store, tmp_path):
    provider = provide(either)
    models = [{"name": "m", "provider": "private"}]
    seen = []
    for turn in range(4):
        made = Gateway([provider.entry()], models, tmp_path, **store)
        stop = threading.Event()
        workers = [
            threading.Thread(target=load, args=(made.port, seen, stop, f"t{turn}w{i}"))
            for i in range(8)
        ]
        for worker in workers:
            worker.start()
        before = len(seen)
        enough = random.randint(50, 200)
        wait_for(lambda: len(seen) > before + enough)
        made.kill()
        stop.set()
        for worker in workers:
            worker.join(LIMIT)
    made = Gateway([provider.entry()], models, tmp_path, **store)
    got = wait_for(lambda: (rows := [row["request_id"] for row in made.rows()])
                   and set(seen) <= set(rows) and rows)
    assert len(got) == len(set(got)), "a row stands there twice"
    made.stop()


def test_log_lines_hold_no_secret_and_no_prompt(provide, gateway, connect):
    provider = provide(answer_once(answer("ANSWER-MARK")))
    made = gateway(providers=[provider.entry(api_key="PROVIDER-MARK")],
                   models=[{"name": "m", "provider": "private"}])
    client = connect(made)
    body = {"model": "m", "messages": [{"role": "user", "content": "PROMPT-MARK"}]}
    client.send(request(body, ADMIN_KEY, extra="x-request-id: quiet\r\n"))
    assert client.answer()[0] == 200
    made.row("quiet")
    line = wait_for(lambda: [x for x in made.log_lines() if x.get("request_id") == "quiet"])[0]
    assert line["status"] == 200 or line.get("http_status") == 200
    made.signal(15)
    assert made.wait() == 0
    for mark in ("PROMPT-MARK", "ANSWER-MARK", "PROVIDER-MARK", ADMIN_KEY):
        assert mark not in made.text()
    for path in made.folder.rglob("*"):
        if path.is_file() and path != made.config:
            content = path.read_bytes()
            for mark in ("PROMPT-MARK", "ANSWER-MARK", "PROVIDER-MARK", ADMIN_KEY):
                assert mark.encode() not in content, path


def test_limits_are_told_and_kept(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    key = made.create_key("--rpm", "3")
    client = connect(made)

    def known():
        client.send(request(b"", key, path="/v1/models", method="GET"))
        return client.answer()[0] != 401

    wait_for(known)
    statuses, last = [], None
    for i in range(6):
        client.send(request(chat(), key, extra=f"x-request-id: l{i}\r\n"))
        status, headers, body = client.answer()
        statuses.append(status)
        assert headers["x-ratelimit-limit-requests"] == "3"
        if status == 429:
            last = (headers, json.loads(body)["error"])
    assert statuses.count(200) <= 3 and statuses[-1] == 429
    headers, error = last
    assert (error["type"], error["code"]) == ("requests", "rate_limit_exceeded")
    assert int(headers["retry-after"]) >= 1
    assert int(headers["retry-after-ms"]) > 0
    assert headers["x-ratelimit-remaining-requests"] == "0"
    assert made.row("l5")["status"] == "rate_limited"
