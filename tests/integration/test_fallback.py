"""What goes elsewhere besides faults, and what the log says of it."""

import json

import pytest
from client import chat, request
from faults import GOOD, Acting, error, good, status
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import answer

TOO_LONG = error("context_length_exceeded", "invalid_request_error", "too long").encode()
POLICY = error("content_policy_violation", "invalid_request_error", "not that").encode()


@pytest.fixture
def pair(provide, gateway):
    """pair(first, second, …): model m at the first provider, its fallback n at the second."""

    def make(first, second=good, model=None, **settings):
        bad, well = provide(Acting(first)), provide(Acting(second))
        made = gateway(providers=[bad.entry("bad"), well.entry("well")],
                       models=[{"name": "m", "provider": "bad", "fallback": ["n"], **(model or {})},
                               {"name": "n", "provider": "well"}], workers=1, **settings)
        return made, bad, well

    return make


def ask(client, stream=False, name="r", model="m"):
    client.send(request(chat(model, stream), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
    return client.answer()


def log_line(made, name="r"):
    def found():
        return [line for line in made.log_lines() if line.get("request_id") == name]

    return wait_for(found)[0]


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_too_long_may_go_to_a_larger_window(pair, connect, stream):
    made, bad, well = pair(status(400, TOO_LONG), model={"fallback_on": ["context_length"]})
    code, headers, body = ask(connect(made), stream)
    assert (code, body) == (200, b"".join(GOOD) if stream else answer())
    assert headers["x-courier-attempts"] == "m:400,n:200"
    row = made.row("r")
    assert (row["status"], row["fallback_used"], row["served_model"]) == ("ok", 1, "n")
    for i in range(9):  # the provider is well: the caller's prompt was not
        assert ask(connect(made), stream, f"r{i}")[0] == 200
    assert len(bad.requests) == 10


def test_only_a_prompt_that_is_too_long(pair, connect):
    made, _, well = pair(status(400, POLICY), model={"fallback_on": ["context_length"]})
    assert ask(connect(made))[2] == POLICY
    assert not well.requests


def test_too_long_for_both(pair, connect):
    other = TOO_LONG.replace(b"too long", b"even here")
    made, bad, well = pair(status(400, TOO_LONG), status(400, other),
                           {"fallback_on": ["context_length"]})
    code, headers, body = ask(connect(made))
    assert (code, body, headers["x-courier-attempts"]) == (400, other, "m:400,n:400")
    row = made.row("r")
    assert (row["status"], row["error_code"]) == ("client_error", "context_length_exceeded")


def test_other_targets_of_the_model_have_the_same_window(provide, gateway, connect):
    short, large = provide(Acting(status(400, TOO_LONG))), provide(Acting(good))
    made = gateway(
        providers=[short.entry("one"), short.entry("two"), large.entry("large")],
        models=[{"name": "m", "targets": [{"provider": "one"}, {"provider": "two"}],
                 "fallback": ["n"], "fallback_on": ["context_length"]},
                {"name": "n", "provider": "large"}], workers=1)
    assert ask(connect(made))[1]["x-courier-attempts"] == "m:400,n:200"


@pytest.mark.parametrize("stream", [False, True])
def test_a_chain_of_fallbacks(provide, gateway, connect, stream):
    names = ["a", "b", "c", "d"]
    does = [status(500), status(529), status(401), good]
    providers = [provide(Acting(do)) for do in does]
    made = gateway(
        providers=[p.entry("at-" + name) for p, name in zip(providers, names)],
        models=[{"name": "a", "provider": "at-a", "fallback": ["b", "c", "d"], "retries": 0}] +
               [{"name": name, "provider": "at-" + name} for name in names[1:]], workers=1)
    code, headers, _ = ask(connect(made), stream, model="a")
    assert (code, headers["x-courier-model"], headers["x-courier-provider"]) == (200, "d", "at-d")
    assert headers["x-courier-attempts"] == "a:500,b:529,c:401,d:200"
    assert [p.requests[0].model for p in providers] == names
    row = made.row("r")
    assert (row["attempts"], row["served_model"], row["provider"]) == (4, "d", "at-d")
    assert log_line(made)["tried"] == "a:500,b:529,c:401,d:200"


def test_when_all_fail_the_last_one_speaks(pair, connect):
    made, bad, well = pair(status(529), status(500), {"retries": 0})
    code, headers, body = ask(connect(made))
    assert (code, json.loads(body)["error"]["code"]) == (502, "upstream_error")
    assert headers["x-courier-attempts"] == "m:529,n:500,n:500"
    assert headers["x-should-retry"] == "false"
    row = made.row("r")
    assert (row["status"], row["attempts"], row["served_model"]) == ("upstream_error", 3, "n")


def test_the_fallbacks_refusal_passes_through(pair, connect):
    made, _, _ = pair(status(529), status(400, POLICY))
    code, _, body = ask(connect(made))
    assert (code, body) == (400, POLICY)
    assert made.row("r")["status"] == "client_error"


@pytest.mark.parametrize("stream", [False, True])
def test_the_fallback_has_its_own_clock(provide, gateway, connect, stream):
    """The first used all of its time; the second may take as long again."""
    def late(connection, streamed):
        if not connection.wait_closed(0.3):  # the thing measured
            connection.sock.settimeout(None)
            good(connection, streamed)

    slow, well = provide(Acting(lambda c, _: c.wait_closed(LIMIT))), provide(Acting(late))
    made = gateway(providers=[slow.entry("slow"), well.entry("well")],
                   models=[{"name": "m", "provider": "slow", "timeout": "400ms", "fallback": ["n"]},
                           {"name": "n", "provider": "well", "timeout": "5s"}], workers=1)
    code, headers, _ = ask(connect(made), stream)
    assert (code, headers["x-courier-attempts"]) == (200, "m:timeout,n:200")


@pytest.mark.parametrize("name", ["x-request-id", "request-id"])
def test_the_providers_own_request_id_is_logged(provide, gateway, connect, name):
    def do(connection, streamed):
        connection.json(answer(), 200, f"{name}: req_abc-1\r\n".encode())

    made = gateway(provide(Acting(do)))
    assert ask(connect(made))[0] == 200
    line = log_line(made)
    assert line["upstream_request_id"] == "req_abc-1"
    assert "tried" not in line  # there is nothing to tell


def test_also_of_a_provider_that_failed(pair, connect):
    made, _, _ = pair(status(500, b"{}", b"x-request-id: req_bad\r\n"), status(529), {"retries": 0})
    assert ask(connect(made))[0] == 503
    line = log_line(made)
    assert (line["tried"], line["error_code"]) == ("m:500,n:529", "upstream_overloaded")


def test_a_connection_that_died_while_unused_is_replaced(provide, gateway, connect):
    """Nothing of it is an attempt: the provider had closed what it kept open."""
    connections = []

    def script(connection):
        connections.append(connection)
        if len(connections) == 1:
            connection.read_request()
            connection.json(answer())
            connection.read_request()  # comes, and is not answered
            connection.close()
        else:
            Acting(good)(connection)

    provider = provide(script)
    made = gateway(provider, workers=1, model={"retries": 0})
    assert ask(connect(made), name="one")[0] == 200
    code, headers, _ = ask(connect(made), name="two")
    assert (code, headers["x-courier-attempts"]) == (200, "m:200")
    assert made.row("two")["attempts"] == 1
    assert len(provider.requests) == 3


def test_without_a_second_connection_it_is_an_attempt(provide, gateway, connect):
    """A new connection that dies is no stale one."""
    provider = provide(lambda connection: connection.read_request() and connection.close())
    made = gateway(provider, workers=1, model={"retries": 0})
    code, headers, _ = ask(connect(made))
    assert (code, headers["x-courier-attempts"]) == (502, "m:failed")
    assert len(provider.requests) == 1
