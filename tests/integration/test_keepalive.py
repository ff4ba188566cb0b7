"""keepalive: comments while the first content is awaited; from then on faults come in band."""

import json

import pytest
from client import chat, request
from faults import GOOD, Acting, Held, cut, error, good, silent, status
from gateway import ADMIN_KEY, LIMIT, wait_for

COMMENT = b": keep-alive\n\n"
KEPT = {"keepalive": "1s"}


def ask(client, stream=True, name="r"):
    client.send(request(chat(stream=stream), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
    return client


def begin(client):
    """Asks, and reads up to the first comment."""
    status_, headers = ask(client).read_head()
    assert (status_, headers["content-type"].split(";")[0]) == (200, "text/event-stream")
    assert client.read_chunks(COMMENT) == COMMENT
    return headers


def rest(client):
    body, whole = client.read_body({"transfer-encoding": "chunked"})
    assert whole
    return body


def told(body):
    """The error in the last frame of a body without the good end."""
    assert b"[DONE]" not in body
    return json.loads(body.rstrip(b"\n").split(b"\n\n")[-1].removeprefix(b"data: "))["error"]


def test_comments_until_the_first_content(provide, gateway, connect):
    held = Held(good)
    made = gateway(provide(Acting(held)), model=KEPT)
    client = connect(made)
    headers = begin(client)
    assert "x-courier-model" not in headers  # it is not known yet who will answer
    assert client.read_chunks(COMMENT) == COMMENT
    held.go.set()
    assert rest(client) == b"".join(GOOD)
    row = made.row("r")
    assert (row["status"], row["usage_source"], row["completion_tokens"]) == ("ok", "provider", 10)
    assert row["first_token_ms"] >= 1990


def test_none_of_the_providers_own(provide, gateway, connect):
    """What the provider sends before the first content is held, though the head is out."""
    def do(connection, streamed):
        connection.stream_head()
        connection.chunk(GOOD[0] + b": ping\n\n")
        held.go.wait(LIMIT)
        connection.chunk(b"".join(GOOD[1:]))
        connection.end_chunks()

    held = Held(None)
    client = connect(gateway(provide(Acting(do)), model=KEPT))
    begin(client)
    held.go.set()
    assert rest(client).replace(COMMENT, b"").replace(b": ping\n\n", b"") == b"".join(GOOD)


@pytest.mark.parametrize("do, stream", [(good, True), (good, False)])
def test_no_comments_where_nobody_waits(provide, gateway, connect, do, stream):
    client = ask(connect(gateway(provide(Acting(do)), model=KEPT)), stream)
    _, headers, body = client.answer()
    assert b"keep-alive" not in body
    assert headers["x-courier-model"] == "m"


def test_none_in_a_buffered_answer(provide, gateway, connect):
    def late(connection, streamed):
        if not connection.wait_closed(1.2):  # the thing measured
            connection.sock.settimeout(None)
            good(connection, streamed)

    status_, headers, body = ask(connect(gateway(provide(Acting(late)), model=KEPT)), False).answer()
    assert (status_, headers["content-type"]) == (200, "application/json")
    json.loads(body)


def test_none_after_the_first_content(provide, gateway, connect):
    def do(connection, streamed):
        connection.stream_head()
        connection.chunk(b"".join(GOOD[:2]))
        if not connection.wait_closed(1.3):  # the thing measured
            connection.sock.settimeout(None)
            connection.chunk(b"".join(GOOD[2:]))
            connection.end_chunks()

    _, _, body = ask(connect(gateway(provide(Acting(do)), model=KEPT))).answer()
    assert body == b"".join(GOOD)


def test_off_unless_asked_for(provide, gateway, connect):
    def late(connection, streamed):
        if not connection.wait_closed(1.2):  # the thing measured
            connection.sock.settimeout(None)
            good(connection, streamed)

    _, _, body = ask(connect(gateway(provide(Acting(late))))).answer()
    assert body == b"".join(GOOD)


@pytest.mark.parametrize("do", [status(500), status(529), status(401), cut, silent])
def test_a_fault_after_a_comment_is_in_band(provide, gateway, connect, do):
    held = Held(do)
    provider = provide(Acting(held))
    made = gateway(provider, model={**KEPT, "retries": 0, "timeout": "1500ms"},
                   timeouts={"idle": "300ms"})
    client = connect(made)
    begin(client)
    held.go.set()
    assert told(rest(client))["code"] == "upstream_stream_interrupted"
    row = made.row("r")
    assert row["http_status"] == 200 and row["status"] != "ok" and row["error_code"]
    assert len(provider.requests) == 1
    wait_for(lambda: provider.busy() == 0)


def test_a_refusal_after_a_comment_says_what_the_provider_said(provide, gateway, connect):
    held = Held(status(400, error("content_policy_violation", message="not that").encode()))
    made = gateway(provide(Acting(held)), model=KEPT)
    client = connect(made)
    begin(client)
    held.go.set()
    assert told(rest(client))["message"] == "not that"
    assert made.row("r")["http_status"] == 200


@pytest.mark.parametrize("do", [status(500), status(529), silent])
def test_the_fallback_may_still_answer(provide, gateway, connect, do):
    held = Held(do)
    bad, well = provide(Acting(held)), provide(Acting(good))
    made = gateway(providers=[bad.entry("bad"), well.entry("well")],
                   models=[{"name": "m", "provider": "bad", "fallback": ["n"], "retries": 0,
                            "timeout": "1500ms", **KEPT},
                           {"name": "n", "provider": "well"}])
    client = connect(made)
    begin(client)
    held.go.set()
    assert rest(client).replace(COMMENT, b"") == b"".join(GOOD)
    row = made.row("r")
    assert (row["status"], row["served_model"], row["fallback_used"]) == ("ok", "n", 1)
    assert (row["usage_source"], row["completion_tokens"]) == ("provider", 10)


def test_comments_also_between_attempts(provide, gateway, connect):
    """The wait before a retry is a wait for the first content as well."""
    limited = status(429, b"{}", b"retry-after-ms: 1800\r\n")
    provider = provide(Acting(lambda connection, streamed: (
        limited if len(provider.requests) == 1 else good)(connection, streamed)))
    client = connect(gateway(provider, model=KEPT))
    begin(client)
    assert rest(client).replace(COMMENT, b"") == b"".join(GOOD)
    assert len(provider.requests) == 2


def test_who_leaves_after_a_comment_is_not_asked_for(provide, gateway, connect):
    provider = provide(Acting(silent))
    made = gateway(provider, model=KEPT)
    client = connect(made)
    begin(client)
    client.close()
    row = made.row("r")
    assert (row["status"], row["attempts"]) == ("client_closed", 1)
    wait_for(lambda: provider.busy() == 0)
