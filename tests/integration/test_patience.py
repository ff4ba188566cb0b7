"""x-request-timeout-ms: how long the caller is willing to wait, whatever is tried meanwhile."""

import json

import pytest
from client import chat, request
from faults import Acting, good, silent, stall, status
from gateway import ADMIN_KEY, wait_for


def ask(client, patience, stream=False, name="r"):
    client.send(request(chat(stream=stream), ADMIN_KEY,
                        extra=f"x-request-id: {name}\r\nx-request-timeout-ms: {patience}\r\n"))
    return client.answer()


def assert_too_late(answered):
    code, _, body = answered
    error = json.loads(body)["error"]
    assert (code, error["type"], error["code"]) == (504, "upstream_error", "upstream_timeout")


@pytest.mark.parametrize("stream", [False, True])
def test_it_bounds_the_whole(provide, gateway, connect, stream):
    provider = provide(Acting(silent))
    made = gateway(provider, workers=1)
    assert_too_late(ask(connect(made), 200, stream))
    row = made.row("r")
    assert (row["status"], row["http_status"]) == ("upstream_timeout", 504)
    assert 195 <= row["latency_ms"]
    wait_for(lambda: len(provider.requests) == 1)


@pytest.mark.parametrize("stream", [False, True])
def test_the_fallback_too(provide, gateway, connect, stream):
    first, second, third = (provide(Acting(silent)) for _ in range(3))
    made = gateway(
        providers=[p.entry(name) for p, name in ((first, "a"), (second, "b"), (third, "c"))],
        models=[{"name": "m", "provider": "a", "timeout": "200ms", "fallback": ["n", "o"]},
                {"name": "n", "provider": "b"}, {"name": "o", "provider": "c"}], workers=1)
    code, headers, body = ask(connect(made), 2000, stream)
    assert_too_late((code, headers, body))
    assert headers["x-courier-attempts"] == "m:timeout,n:timeout"
    assert (len(first.requests), len(second.requests), len(third.requests)) == (1, 1, 0)


def test_waits_before_a_retry_count(provide, gateway, connect):
    provider = provide(Acting(status(500, b"{}", b"retry-after-ms: 400\r\n")))
    made = gateway(provider, workers=1, model={"retries": 10})
    assert ask(connect(made), 1000)[0] in (502, 504)
    assert len(provider.requests) <= 3


def test_a_stream_that_goes_on_for_longer(provide, gateway, connect):
    made = gateway(provide(Acting(stall)), workers=1)
    code, _, body = ask(connect(made), 1500, True)
    assert code == 200
    assert b"upstream_stream_interrupted" in body and b"[DONE]" not in body
    assert made.row("r")["status"] == "interrupted"


def test_the_settings_limit_holds_as_well(provide, gateway, connect):
    made = gateway(provide(Acting(silent)), workers=1, timeouts={"total": "200ms"})
    assert_too_late(ask(connect(made), 60_000))


def test_enough_of_it_changes_nothing(provide, gateway, connect):
    made = gateway(provide(Acting(good)), workers=1)
    for i, patience in enumerate((3_600_000, 5000)):
        assert ask(connect(made), patience, name=f"r{i}")[0] == 200


def test_a_callers_haste_is_no_fault_of_the_provider(provide, gateway, connect):
    script = Acting(silent)
    provider = provide(script)
    made = gateway(provider, workers=1, model={"timeout": "20s"})
    for i in range(6):
        assert_too_late(ask(connect(made), 30, name=f"r{i}"))
    script.do = status(529)  # with an open circuit this were upstream_unavailable
    code, _, body = ask(connect(made), 5000)
    assert (code, json.loads(body)["error"]["code"]) == (503, "upstream_overloaded")


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "soon", "99999999999", "1 2", "10s"])
def test_what_is_no_number_of_milliseconds_is_refused(provide, gateway, connect, wrong):
    provider = provide(Acting(good))
    code, _, body = ask(connect(gateway(provider)), wrong)
    error = json.loads(body)["error"]
    assert (code, error["param"]) == (400, "x-request-timeout-ms")
    assert error["type"] == "invalid_request_error"
    assert not provider.requests
