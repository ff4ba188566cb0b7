"""Streams: every frame as it came, no later than it came, and an honest end."""

import json
import threading

import pytest
from client import chat, request
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import (DONE, ERROR, FINISH, HELLO, ROLE, USAGE, WORLD, answer_once, chunk_event,
                      stream_once)


def stream(client, **more):
    client.send(request(chat(stream=True, **more), ADMIN_KEY))
    return client.answer()


def test_frames_survive(provide, gateway, connect):
    events = [b"\xef\xbb\xbf: hi\r\n\r\n", ROLE.replace(b"\n", b"\r\n"), b": note\n\n", HELLO,
              b"event: x\nid: 7\nretry: 5\n" + WORLD, b"data:" + FINISH[6:].replace(b"\n", b"\r"),
              DONE]
    client = connect(gateway(provide(stream_once(*events))))
    status, headers, body = stream(client)
    assert status == 200
    assert headers["content-type"].startswith("text/event-stream")
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"
    assert "content-length" not in headers
    # a comment before the first content keeps connections alive and is of no use later
    assert body == b"".join(events[1:2] + events[3:]) or body == b"".join(
        events[1:]) or body == b"".join(events)


def test_split_at_any_byte(provide, gateway, connect):
    text = ROLE + HELLO + b": c\r\n\r\n" + WORLD.replace(b"\n\n", b"\r\n\r\n") + FINISH + DONE

    def script(connection):
        for at in range(1, len(text)):
            if not connection.read_request():
                return
            connection.stream_head()
            connection.chunk(text[:at])
            connection.chunk(text[at:])
            connection.end_chunks()

    client = connect(gateway(provide(script), workers=1))
    for _ in range(1, len(text)):
        status, _, body = stream(client)
        assert (status, body) == (200, text)


def test_chunks_are_not_held_back(provide, gateway, connect):
    go = threading.Semaphore(0)

    def script(connection):
        connection.read_request()
        connection.stream_head()
        for event in (ROLE, HELLO, WORLD, FINISH + DONE):
            go.acquire()
            connection.chunk(event)
        connection.end_chunks()

    client = connect(gateway(provide(script)))
    client.send(request(chat(stream=True), ADMIN_KEY))
    go.release()
    go.release()
    assert client.read_head()[0] == 200
    assert client.read_chunks(HELLO) == ROLE + HELLO
    go.release()
    assert client.read_chunk() == WORLD
    go.release()
    assert client.read_chunks(DONE) == FINISH + DONE
    assert client.read_chunk() == b""


def test_nothing_before_the_first_content(provide, gateway, connect):
    """A role and a comment do not commit: an error after them still has a status of its own."""
    client = connect(gateway(provide(stream_once(ROLE, b": wait\n\n", ERROR, DONE))))
    status, _, body = stream(client)
    assert status in (502, 503)
    assert json.loads(body)["error"]["type"] == "upstream_error"


def test_usage_frame_is_taken_out(provide, gateway, connect):
    made = gateway(provide(stream_once(ROLE, HELLO, FINISH, USAGE, DONE)))
    client = connect(made)
    _, headers, body = stream(client)
    assert body == ROLE + HELLO + FINISH + DONE
    row = made.row(headers["x-request-id"])
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (19, 10, 29)
    assert row["usage_source"] == "provider"
    assert row["status"] == "ok"


def test_usage_frame_is_left_in_when_asked_for(provide, gateway, connect):
    client = connect(gateway(provide(stream_once(ROLE, HELLO, FINISH, USAGE, DONE))))
    _, _, body = stream(client, stream_options={"include_usage": True})
    assert body == ROLE + HELLO + FINISH + USAGE + DONE


def test_usage_on_a_content_chunk(provide, gateway, connect):
    used = ',"usage":{"prompt_tokens":5,"completion_tokens":0,"total_tokens":5}'
    last = chunk_event('{"content":"z"}', '"stop"', used)
    made = gateway(provide(stream_once(ROLE, HELLO, last, DONE)))
    client = connect(made)
    _, headers, body = stream(client)
    assert body == ROLE + HELLO + last + DONE
    row = made.row(headers["x-request-id"])
    assert (row["prompt_tokens"], row["completion_tokens"]) == (5, 0)
    assert row["usage_source"] == "provider"


def test_no_usage_is_estimated(provide, gateway, connect):
    made = gateway(provide(stream_once(ROLE, HELLO, WORLD, FINISH, DONE)))
    _, headers, _ = stream(connect(made))
    row = made.row(headers["x-request-id"])
    assert row["usage_source"] == "estimated"
    assert row["completion_tokens"] == 2


def interrupted(body):
    """Whether the body ends in the in-band error and has no [DONE]."""
    last = body.rstrip(b"\n").split(b"\n\n")[-1]
    assert b"[DONE]" not in body
    error = json.loads(last.removeprefix(b"data: "))["error"]
    assert error["code"] == "upstream_stream_interrupted"
    return True


@pytest.mark.parametrize(
    "events, end",
    [
        ([ROLE, HELLO], True),
        ([ROLE, HELLO], False),
        ([ROLE, HELLO, FINISH], False),
        ([ROLE, HELLO, b'data: {"error":{"message":"x","code":500}}\n\n', DONE], True),
        ([ROLE, HELLO, b'data: {"choices":[{"de'], True),
    ],
)
def test_a_stream_that_breaks_is_an_error_in_band(provide, gateway, connect, events, end):
    made = gateway(provide(stream_once(*events, end=end)))
    client = connect(made)
    status, headers, body = stream(client)
    assert status == 200
    assert body.startswith(ROLE + HELLO)
    assert interrupted(body)
    row = made.row(headers["x-request-id"])
    assert row["status"] == "interrupted"
    assert row["error_code"] == "upstream_stream_interrupted"
    assert row["usage_source"] == "partial"
    assert row["completion_tokens"] == 1


def test_no_marker_but_a_clean_end_is_finished(provide, gateway, connect):
    made = gateway(provide(stream_once(ROLE, HELLO, FINISH)))
    status, headers, body = stream(connect(made))
    assert (status, body) == (200, ROLE + HELLO + FINISH + DONE)
    assert made.row(headers["x-request-id"])["status"] == "ok"


def test_the_marker_ends_the_answer_though_the_body_goes_on(provide, gateway, connect):
    hold = threading.Event()

    def script(connection):
        connection.read_request()
        connection.stream_head()
        connection.chunk(ROLE + HELLO + FINISH + DONE)
        hold.wait(LIMIT)

    client = connect(gateway(provide(script)))
    _, _, body = stream(client)
    assert body == ROLE + HELLO + FINISH + DONE
    hold.set()


def test_an_answer_cut_at_every_byte_is_never_passed_off_as_whole(provide, gateway, connect):
    text = ROLE + HELLO + FINISH + DONE

    def script(connection):
        request = connection.read_request()
        at = json.loads(request.body)["max_tokens"]
        connection.stream_head()
        if at:
            connection.chunk(text[:at])
        connection.close()

    made = gateway(provide(script), workers=1, model={"retries": 0})
    client = connect(made)
    for at in range(0, len(text) - 2, 7):
        status, _, body = stream(client, max_tokens=at)
        if status == 200:
            assert interrupted(body)
        else:
            assert status in (502, 503)  # 503: it has failed too often


def test_a_line_of_megabytes_passes(provide, gateway, connect):
    big = chunk_event('{"content":"%s"}' % ("x" * 3_000_000))
    client = connect(gateway(provide(stream_once(ROLE, big, FINISH, DONE))))
    _, _, body = stream(client)
    assert body == ROLE + big + FINISH + DONE


def test_a_line_without_end_is_an_error(provide, gateway, connect):
    def script(connection):
        connection.read_request()
        connection.stream_head()
        connection.chunk(ROLE + HELLO + b"data: ")
        for _ in range(64):
            connection.chunk(b"x" * 1_000_000)

    _, _, body = stream(connect(gateway(provide(script))))
    assert interrupted(body)


def test_a_slow_client_holds_the_provider(provide, gateway, connect):
    """Bounded memory: what the client does not take is not read from the provider."""
    sent = []
    event = chunk_event('{"content":"%s"}' % ("x" * 100_000))

    def script(connection):
        connection.read_request()
        connection.stream_head()
        connection.sock.settimeout(2)
        try:
            for _ in range(2000):
                connection.chunk(event)
                sent.append(len(event))
        except (TimeoutError, OSError):
            pass

    made = gateway(provide(script))
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY))
    client.read_head()
    seen = []

    def steady():
        seen.append(len(sent))
        return len(seen) > 20 and seen[-1] == seen[-20]

    wait_for(steady, 30, 0.05)
    assert sum(sent) < 60_000_000


def test_json_where_a_stream_was_asked_for(provide, gateway, connect):
    status, _, body = stream(connect(gateway(provide(answer_once()))))
    assert status == 502
    assert json.loads(body)["error"]["code"] == "upstream_invalid_response"
