"""The fault matrix: every way a provider fails × buffered and streamed × with and without a fallback.

One table says what each fault is and what must come of it. All of them run against one gateway,
each with providers and models of its own, so that what one leaves behind another would meet."""

import collections
import dataclasses
import json
import socket

import pytest
from client import Raw, chat, request
from faults import (GOOD, Acting, cut, ended_early, error, error_after_content, error_in_200, good,
                    malformed_event, malformed_framing, malformed_head, named_error_event, no_marker,
                    reset_after_head, reset_before_head, silent, slow_first_token, stall, status)
from gateway import Gateway, wait_for
from provider import DONE, FINISH, HELLO, ROLE, USAGE, WORLD, Provider, answer

# ---- the table ----

BUFFERED, STREAMED = False, True
SHORT = {"timeout": "300ms"}
TOO_LONG = error("context_length_exceeded", "invalid_request_error", "too long")
POLICY = error("content_policy_violation", "invalid_request_error", "not that")
NO_CREDIT = ('{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance '
             'is too low to access the Anthropic API. Please go to Plans & Billing."}}')


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    do: object  # None: nobody listens
    came_to: str  # the attempts on the target, as x-courier-attempts tells them
    status: int = 200  # told when there is no fallback
    code: str = None  # of the error
    row: str = "upstream_error"  # the row's status then
    times: int = 1 << 30  # how often the provider does it, before it is well
    elsewhere: bool = True  # the fallback is asked
    in_band: bool = False  # after content
    told: bytes = None  # the body that passes through unchanged
    gap: float = 0.0  # seconds between two attempts, at least
    hint: str = None  # the retry-after told
    modes: tuple = (BUFFERED, STREAMED)
    model: dict = dataclasses.field(default_factory=dict)

    @property
    def words(self):
        return self.came_to.split()

    @property
    def recovers(self):
        return self.status == 200 and not self.in_band


def refusal(name, body, code, http=400):
    return Fault(name, status(http, body.encode()), str(http), http, code, "client_error",
                 elsewhere=False, told=body.encode())


def ours(name, http, body="{}"):
    """Our credentials, never the caller's."""
    return Fault(name, status(http, body.encode()), str(http), 502, "upstream_credentials")


def broken(name, do, **more):
    return Fault(name, do, "200", 200, "upstream_stream_interrupted", "interrupted", in_band=True,
                 modes=(STREAMED,), **more)


FAULTS = [
    Fault("refused", None, "connect connect", 502, "upstream_connect_failed"),
    Fault("reset-before-head", reset_before_head, "failed failed", 502, "upstream_connection_lost"),
    Fault("reset-before-head-once", reset_before_head, "failed 200", times=1),
    Fault("reset-after-head", reset_after_head, "failed failed", 502, "upstream_connection_lost"),
    Fault("reset-after-head-once", reset_after_head, "failed 200", times=1),
    Fault("silent", silent, "timeout", 504, "upstream_timeout", "upstream_timeout", model=SHORT),
    Fault("slow-first-token", slow_first_token, "timeout", 504, "upstream_timeout",
          "upstream_timeout", model=SHORT),
    Fault("429-short-hint", status(429, b"{}", b"retry-after-ms: 300\r\n"), "429 429", 429,
          "upstream_rate_limit", gap=0.299, hint="1"),
    Fault("429-short-hint-once", status(429, b"{}", b"retry-after: 1\r\n"), "429 200", times=1,
          gap=0.999),
    Fault("429-short-reset", status(429, b"{}", b"x-ratelimit-reset-requests: 700ms\r\n"),
          "429 429", 429, "upstream_rate_limit", gap=0.699, hint="1"),
    Fault("429-long-hint", status(429, b"{}", b"retry-after: 20\r\n"), "429", 429,
          "upstream_rate_limit", hint="20"),
    Fault("429-long-reset", status(429, b"{}", b"x-ratelimit-reset-tokens: 6m0s\r\n"), "429", 429,
          "upstream_rate_limit", hint="360"),
    Fault("429-no-hint", status(429), "429 429", 429, "upstream_rate_limit", gap=0.499),
    Fault("429-no-hint-3-retries", status(429), "429 429", 429, "upstream_rate_limit", gap=0.499,
          model={"retries": 3}),
    Fault("500-once", status(500), "500 200", times=1),
    Fault("500-always", status(500, error(kind="server_error").encode()), "500 500", 502,
          "upstream_error"),
    Fault("502-once", status(502, b"<html>"), "502 200", times=1),
    Fault("503-once", status(503, b"<html>"), "503 200", times=1),
    Fault("503-always", status(503, b"<html>"), "503 503", 502, "upstream_error"),
    Fault("503-always-json", status(503, error(kind="server_error").encode()), "503 503", 503,
          "upstream_overloaded"),
    Fault("504-once", status(504, b"<html>"), "504 200", times=1),
    Fault("504-always", status(504, b"<html>"), "504 504", 504, "upstream_timeout",
          "upstream_timeout"),
    Fault("529", status(529, error(kind="overloaded_error").encode()), "529", 503,
          "upstream_overloaded"),
    Fault("malformed-head", malformed_head, "failed", 502, "upstream_invalid_response"),
    Fault("malformed-framing", malformed_framing, "failed", 502, "upstream_invalid_response"),
    Fault("malformed-event", malformed_event(ROLE, HELLO, b"data: {\n\n", WORLD, FINISH, USAGE, DONE),
          "200", modes=(STREAMED,)),
    Fault("malformed-body", status(200, b'{"id":'), "failed", 502, "upstream_invalid_response",
          modes=(BUFFERED,)),
    broken("malformed-event-no-end", malformed_event(ROLE, HELLO, b"data: {\n\n")),
    Fault("error-in-200", error_in_200, "failed failed", 502, "upstream_error"),
    Fault("named-error-event", named_error_event, "failed", 503, "upstream_overloaded",
          modes=(STREAMED,)),
    broken("error-after-content", error_after_content),
    Fault("cut-body", cut, "failed failed", 502, "upstream_connection_lost", modes=(BUFFERED,)),
    broken("cut-stream", cut),
    Fault("half-body", ended_early, "failed", 502, "upstream_invalid_response", modes=(BUFFERED,)),
    broken("ended-early-stream", ended_early),
    Fault("stall-body", stall, "timeout", 504, "upstream_timeout", "upstream_timeout",
          modes=(BUFFERED,), model=SHORT),
    broken("stall-stream", stall),
    Fault("no-done", no_marker, "200", modes=(STREAMED,)),
    refusal("context-length", TOO_LONG, "context_length_exceeded"),
    refusal("content-policy", POLICY, "content_policy_violation"),
    refusal("not-found", error("model_not_found"), "model_not_found", 404),
    refusal("too-large", error(), None, 413),
    refusal("unprocessable", error(), None, 422),
    ours("401", 401),
    ours("402", 402),
    ours("403", 403),
    ours("arrears", 400, error("Arrearage")),
    ours("credit-balance", 400, NO_CREDIT),
    ours("insufficient-quota", 429, error("insufficient_quota", "insufficient_quota")),
]


@dataclasses.dataclass(frozen=True)
class Cell:
    fault: Fault
    streamed: bool
    fallback: bool

    @property
    def name(self):
        return "_".join([self.fault.name, "streamed" if self.streamed else "buffered",
                         "fallback" if self.fallback else "alone"])

    @property
    def goes_on(self):
        """The fallback answers."""
        return self.fallback and not self.fault.recovers and self.fault.elsewhere and \
            not self.fault.in_band

    @property
    def attempts(self):
        words = [f"m-{self.name}:{word}" for word in self.fault.words]
        return words + ([f"n-{self.name}:200"] if self.goes_on else [])


CELLS = [Cell(fault, streamed, fallback) for fault in FAULTS for streamed in fault.modes
         for fallback in (False, True)]


# ---- the stage: one gateway for all ----


def acting(fault):
    """The script of a fault's provider."""

    def script(connection):
        while connection.read_request():
            streamed = b'"stream": true' in connection.provider.requests[-1].body
            do = fault.do if len(connection.provider.requests) <= fault.times else good
            if do(connection, streamed):
                return

    return script


class Deaf:
    """A port that is taken, and nobody listens."""

    requests = connections = ()

    def __init__(self):
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.sock.getsockname()[1]}/v1"

    def busy(self):
        return 0

    def close(self):
        self.sock.close()

    def entry(self, name):
        return {"name": name, "type": "openai_compatible", "base_url": self.url}


class Stage:
    """The gateway, and for each cell a provider that fails and one that is sound."""

    def __init__(self):
        self.bad, self.well, providers, models = {}, {}, [], []
        for cell in CELLS:
            name, fault = cell.name, cell.fault
            self.bad[name] = Provider(acting(fault)) if fault.do else Deaf()
            self.well[name] = Provider(Acting(good))
            providers += [self.bad[name].entry("bad-" + name), self.well[name].entry("well-" + name)]
            fallback = {"fallback": ["n-" + name]} if cell.fallback else {}
            # what is not repeated is not, however often it might be
            retries = 3 if len(fault.words) == 1 else 1
            models += [{"name": "m-" + name, "provider": "bad-" + name, "retries": retries,
                        **fallback, **fault.model},
                       {"name": "n-" + name, "provider": "well-" + name}]
        self.gateway = Gateway(providers, models, workers=1, timeouts={"idle": "1s"})
        self.key = self.gateway.create_key("--concurrency", "1")
        self.asked = collections.Counter()
        wait_for(lambda: self.ask("nobody", "no-key-yet", False)[0] == 404)
        self.asked["no-key-yet"] = 1  # without a key there is no row

    def ask(self, model, name, streamed):
        """(status, headers, body)"""
        client = Raw(self.gateway.port)
        try:
            self.asked[name] += 1
            client.send(request(chat(model, streamed), self.key, extra=f"x-request-id: {name}\r\n"))
            return client.answer()
        finally:
            client.close()

    def close(self):
        try:
            self.gateway.close()  # its exit code, and what the sanitizers found
        finally:
            for provider in (*self.bad.values(), *self.well.values()):
                provider.close()


@pytest.fixture(scope="module")
def stage():
    made = Stage()
    yield made
    made.close()


# ---- what must come of it ----


def assert_told(cell, status, headers, body):
    fault = cell.fault
    if cell.goes_on or fault.recovers:
        assert (status, body) == (200, b"".join(GOOD) if cell.streamed else answer())
        return
    assert status == fault.status
    if fault.in_band:
        frames = body.split(b"\n\n")
        assert body.startswith(ROLE + HELLO) and body.count(HELLO) == 1 and b"[DONE]" not in body
        assert json.loads(frames[-2].removeprefix(b"data: "))["error"]["code"] == fault.code
    elif fault.told:
        assert body == fault.told
    else:
        assert json.loads(body)["error"]["code"] == fault.code
        assert b"secret-words" not in body


def assert_advice(cell, headers):
    """What the client's library is told about trying again."""
    fault = cell.fault
    if cell.goes_on or fault.recovers or fault.in_band:
        assert "retry-after" not in headers and "x-should-retry" not in headers
        return
    if fault.hint:
        assert headers["retry-after"] == fault.hint
    if fault.status in (502, 504) and (len(fault.words) > 1 or fault.code == "upstream_credentials"):
        assert headers["x-should-retry"] == "false"


def assert_providers(cell, stage):
    bad, well = stage.bad[cell.name], stage.well[cell.name]
    if cell.fault.do:
        wait_for(lambda: len(bad.requests) >= len(cell.fault.words))
        assert len(bad.requests) == len(cell.fault.words)
    gaps = [b.at - a.at for a, b in zip(bad.requests, bad.requests[1:])]
    assert all(gap >= cell.fault.gap for gap in gaps), gaps
    assert len(well.requests) == cell.goes_on
    assert all(got.model == "n-" + cell.name for got in well.requests)
    wait_for(lambda: bad.busy() == 0 and well.busy() == 0)


def assert_row(cell, row):
    fault, was_good = cell.fault, cell.goes_on or cell.fault.recovers
    outcome = ("ok", 200, "") if was_good else (fault.row, fault.status, row["error_code"])
    assert (row["status"], row["http_status"], row["error_code"] or "") == outcome
    if not was_good:  # what a refusal is called is the provider's affair, and no provider's in a row
        assert row["error_code"] == (fault.code if not fault.told or "context" in fault.name
                                     else "upstream_refused")
    served = "n-" if cell.goes_on else "m-"
    assert row["served_model"] == served + cell.name
    assert (row["attempts"], row["fallback_used"]) == (len(cell.attempts), cell.goes_on)
    used = row["usage_source"], row["prompt_tokens"], row["completion_tokens"]
    if was_good:
        assert used == ("provider", 19, 10)
    elif fault.in_band:
        assert used[0] == "partial" and used[2] == 1
    else:
        assert used == ("none", 0, 0)


def assert_line(cell, stage):
    """What the log says about it: one line."""
    def lines():
        return [line for line in stage.gateway.log_lines() if line.get("request_id") == cell.name]

    wait_for(lines)
    assert len(lines()) == 1
    if len(cell.attempts) > 1 or not cell.fault.recovers:
        assert lines()[0]["tried"] == ",".join(cell.attempts)[:256]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_fault(stage, cell):
    status, headers, body = stage.ask("m-" + cell.name, cell.name, cell.streamed)
    assert_told(cell, status, headers, body)
    assert headers["x-courier-attempts"] == ",".join(cell.attempts)
    assert_advice(cell, headers)
    assert_providers(cell, stage)
    assert_row(cell, stage.gateway.row(cell.name))
    assert_line(cell, stage)

    # nothing is left behind: the key, which may have one request at a time, can be used
    assert stage.ask("n-" + cell.name, f"well-{cell.name}", cell.streamed)[0] == 200


def test_every_request_has_one_row(stage):
    rows = wait_for(lambda: len(stage.gateway.rows()) >= len(stage.asked) and stage.gateway.rows())
    assert collections.Counter(row["request_id"] for row in rows) == stage.asked
    assert {row["status"] for row in rows if row["request_id"].startswith("well-")} == {"ok"}
    assert set(stage.asked.values()) <= {1}
    stage.gateway.assert_sane()
