"""What only hurts now and then: crowds that misbehave, odd splits, ends at the wrong moment."""

import asyncio
import collections
import contextlib
import os
import resource

import pytest
from chaos import BadProvider, Crowd
from client import Raw, chat, request
from gateway import ADMIN_KEY, wait_for
from provider import DONE, HELLO, answer_once


@pytest.mark.parametrize("pieces", [39, 40, 41, 80])
def test_the_marker_is_never_lost(provide, gateway, connect, pieces):
    """Frames that are no neighbours fill the batch right before the marker comes."""
    body = (HELLO + b"data: {\n\n") * pieces + DONE

    def script(connection):
        while connection.read_request():
            connection.stream_head()
            connection.chunk(body)
            connection.end_chunks()

    made = gateway(provide(script), workers=1)
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: marker\r\n"))
    assert client.answer()[2] == HELLO * pieces + DONE
    row = made.row("marker")
    assert (row["status"], row["completion_tokens"]) == ("ok", pieces)


def test_a_database_that_cannot_grow(provide, gateway, connect):
    """The records wait in the spool and the journal; when there is room, each has its row."""
    made = gateway(provide(answer_once()), workers=1, journal={"size": "1MB", "spool": "64KB"})
    _, most = resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE, (300 << 10, most))
    client = connect(made)
    answered = set()
    status = 200
    for i in range(5000):
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: full-{i}\r\n"))
        status, _, _ = client.answer()
        if status != 200:
            break
        answered.add(f"full-{i}")
    assert status == 503
    resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE, (most, most))
    rows = wait_for(lambda: (r := made.rows()) and len(r) >= len(answered) and r)
    assert sorted(row["request_id"] for row in rows) == sorted(answered)


CLOCKS = {"first_token": "400ms", "answer": "600ms", "idle": "300ms", "connect": "500ms", "total": "3s",
          "head": "500ms", "body": "500ms", "write": "1s", "keep_alive": "1s"}
POOL = {"idle_time": "500ms", "idle": 4, "connections": 12, "waiting": 20}
SEED = 20
PLACES = 5


def crowded_gateway(gateway, first, second):
    entries = [first.entry("a"), second.entry("b")]
    entries[1]["base_url"] = entries[1]["base_url"].replace("127.0.0.1", "localhost")
    models = [{"name": "m", "provider": "a", "retries": 1, "fallback": ["b"]},
              {"name": "b", "provider": "b"}, {"name": "solo", "provider": "a"}]
    return gateway(providers=entries, models=models, timeouts=CLOCKS, upstream=POOL,
                   limits={"header": "16KB", "body": "2MB"})


def sockets(made):
    """Some of the descriptors may be closed while they are looked through."""
    folder, found = f"/proc/{made.child.pid}/fd", 0
    for fd in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(f"{folder}/{fd}").startswith("socket:")
    return found


def all_places_are_free(made, key):
    """A place that was kept now and then would be missing by now."""
    clients = [Raw(made.port) for _ in range(PLACES)]
    for client in clients:
        client.send(request(chat("nobody"), key))
    statuses = [client.answer()[0] for client in clients]
    for client in clients:
        client.close()
    return statuses == [404] * PLACES


def test_a_bad_crowd(gateway):
    """Clients that leave and providers that break at any moment: nothing is left of them afterwards
    but one row for each request."""

    async def run():
        first, second = BadProvider(SEED), BadProvider(SEED + 1)
        await first.start()
        await second.start()
        made = crowded_gateway(gateway, first, second)
        keys = [ADMIN_KEY, made.create_key("--concurrency", str(PLACES)),
                made.create_key("--rpm", "100000", "--tpm", "100000000")]
        crowd = Crowd(SEED, made.port, keys, width=30)
        await crowd.run(8, 100)
        return made, crowd, keys

    made, crowd, keys = asyncio.run(run())
    assert not crowd.failures
    wait_for(lambda: sockets(made) == made.settings["workers"])  # those that listen
    told = {name for name in crowd.seen if crowd.is_recorded(name)}
    wait_for(lambda: told <= {row["request_id"] for row in made.rows()})
    rows = collections.Counter(row["request_id"] for row in made.rows())
    assert max(rows.values()) == 1
    assert set(rows) <= crowd.authorised
    assert all_places_are_free(made, keys[1])
    text = made.text() + str(made.rows())
    for secret in ("prompt-words", "secret-words", *keys):
        assert secret not in text
    made.stop()
