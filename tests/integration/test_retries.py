"""Attempts: what is repeated, what goes elsewhere, and what ends with the first."""

import json
import time

import pytest
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from provider import DONE, ERROR, FINISH, HELLO, ROLE, answer


class Failing:
    """A script that fails in one way so many times, then answers as asked."""

    def __init__(self, times, how):
        self.left, self.how = times, how
        self.asked_at = []

    def __call__(self, connection):
        while got := connection.read_request():
            self.asked_at.append(time.monotonic())
            if self.left > 0:
                self.left -= 1
                if self.fail(connection):
                    return
            elif b'"stream": true' in got.body:
                connection.stream_head()
                connection.chunk(ROLE + HELLO + FINISH + DONE)
                connection.end_chunks()
            else:
                connection.json(answer())

    def fail(self, connection):
        """True: the connection is over."""
        if isinstance(self.how, tuple):
            connection.json(self.how[1], self.how[0], self.how[2] if len(self.how) > 2 else b"")
            return False
        connection.stream_head()
        for event in self.how:
            connection.chunk(event)
        return True


def start(provide, gateway, script, **model):
    return gateway(provide(script), workers=1, model=model)


def ask(client, stream=False, name="r"):
    client.send(request(chat(stream=stream), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
    return client.answer()


FAILED = (500, b"{}")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how, told", [
    (FAILED, "500"), ((502, b"<html>"), "502"), ((429, b"{}"), "429"),
    ([], "failed"), ([ROLE], "failed"), ([ROLE, ERROR, DONE], "failed"),
])
def test_what_passes_is_repeated(provide, gateway, connect, how, told, stream):
    script = Failing(1, how)
    made = start(provide, gateway, script, retries=1)
    status, headers, body = ask(connect(made), stream)
    assert status == 200
    assert body == (ROLE + HELLO + FINISH + DONE if stream else answer())
    assert headers["x-courier-attempts"] == f"m:{told},m:200"
    row = made.row("r")
    assert (row["status"], row["attempts"], row["fallback_used"]) == ("ok", 2, 0)


@pytest.mark.parametrize("how, status", [
    ((400, b'{"error":{"message":"no"}}'), 400), ((404, b'{"error":{"message":"no"}}'), 404),
    ((401, b"{}"), 502), ((529, b'{"error":{"message":"busy"}}'), 503), ((200, b"<html>"), 502),
])
def test_what_would_fail_again_is_not_repeated(provide, gateway, connect, how, status):
    script = Failing(1, how)
    made = start(provide, gateway, script, retries=3)
    assert ask(connect(made))[0] == status
    assert len(script.asked_at) == 1
    assert made.row("r")["attempts"] == 1


def test_no_more_often_than_the_model_says(provide, gateway, connect):
    script = Failing(99, FAILED)
    made = start(provide, gateway, script, retries=2)
    status, headers, body = ask(connect(made))
    assert (status, json.loads(body)["error"]["code"]) == (502, "upstream_error")
    assert headers["x-should-retry"] == "false"
    assert len(script.asked_at) == 3
    assert made.row("r")["attempts"] == 3


def test_a_short_hint_is_obeyed(provide, gateway, connect):
    script = Failing(1, (429, b"{}", b"retry-after-ms: 300\r\n"))
    assert ask(connect(start(provide, gateway, script, retries=1)))[0] == 200
    assert script.asked_at[1] - script.asked_at[0] >= 0.29


def test_a_long_hint_is_passed_on(provide, gateway, connect):
    script = Failing(9, (429, b"{}", b"retry-after: 20\r\n"))
    status, headers, _ = ask(connect(start(provide, gateway, script, retries=1)))
    assert (status, headers["retry-after"]) == (429, "20")
    assert len(script.asked_at) == 1


def test_after_content_nothing_is_repeated(provide, gateway, connect):
    script = Failing(1, [ROLE, HELLO])
    status, _, body = ask(connect(start(provide, gateway, script, retries=3)), True)
    assert status == 200 and body.startswith(ROLE + HELLO)
    assert b"upstream_stream_interrupted" in body and body.count(HELLO) == 1
    assert len(script.asked_at) == 1


def test_who_left_is_not_asked_for_again(provide, gateway, connect):
    """Also while the next attempt is waited for."""
    script = Failing(9, (429, b"{}", b"retry-after-ms: 1500\r\n"))
    made = start(provide, gateway, script, retries=5)
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: gone\r\n"))
    wait_for(lambda: script.asked_at)
    client.close()
    row = made.row("gone")
    assert (row["status"], row["attempts"]) == ("client_closed", 1)
    made.signal(15)
    assert made.wait() == 0
    assert len(script.asked_at) == 1


def test_the_fallback_comes_after_the_retries(provide, gateway, connect):
    bad, good = Failing(99, FAILED), Failing(0, FAILED)
    first, second = provide(bad), provide(good)
    made = gateway(providers=[first.entry("bad"), second.entry("good")],
                   models=[{"name": "m", "provider": "bad", "retries": 1, "fallback": ["n"]},
                           {"name": "n", "provider": "good"}])
    status, headers, _ = ask(connect(made))
    assert (status, headers["x-courier-attempts"]) == (200, "m:500,m:500,n:200")
    row = made.row("r")
    assert (row["attempts"], row["fallback_used"], row["served_model"]) == (3, 1, "n")


def test_the_total_holds_for_all_attempts(provide, gateway, connect):
    script = Failing(99, (500, b"{}", b"retry-after-ms: 400\r\n"))
    made = gateway(provide(script), workers=1, model={"retries": 10}, timeouts={"total": "1s"})
    assert ask(connect(made))[0] in (502, 504)  # 504 when it runs out within an attempt
    assert len(script.asked_at) <= 3
