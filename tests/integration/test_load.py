"""Many at once: nothing fails that need not, no row is lost, limits hold."""

import collections
import json
import os
import signal
import sqlite3
import threading
import time

import pytest
from client import Raw, chat, request
from gateway import ADMIN_KEY, LIMIT, wait_for
from load import Load, either
from provider import HELLO, ROLE, answer, answer_once


def test_every_request_has_its_row(provide, gateway):
    made = gateway(provide(either), workers=4)
    load = Load(made, 12)
    load.wait_for(1500)
    load.stop_served()
    load.assert_rows()


def test_reload_under_load(provide, gateway):
    provider = provide(either)
    made = gateway(provider, workers=3)
    load = Load(made)
    always = {"name": "m", "provider": "private", "upstream_model": "upstream-model"}
    for turn in range(12):
        load.wait_for(60)
        made.write([provider.entry()], [always, {"name": f"m{turn}", "provider": "private"}])
        made.signal(signal.SIGHUP)
    made.write([provider.entry()], [always])
    made.signal(signal.SIGHUP)
    load.wait_for(50)
    load.stop_served()
    load.assert_rows()
    wait_for(lambda: sum("reloaded" in line for line in made.output) >= 1)


def test_keys_come_and_go_under_load(provide, gateway, connect):
    made = gateway(provide(either))
    load = Load(made)
    client = connect(made)
    for turn in range(3):
        key = made.create_key("--name", f"turn{turn}")

        def status():
            client.send(request(chat(), key, extra="x-request-id: other\r\n"))
            return client.answer()[0]

        wait_for(lambda: status() == 200)
        number = [line.split("\t")[0] for line in made.command("key", "list").stdout.splitlines()
                  if f"turn{turn}" in line][0]
        made.command("key", "revoke", number)
        wait_for(lambda: status() == 401)
    load.stop_served()
    load.assert_rows()


def test_limits_are_shared_by_the_workers(provide, gateway):
    made = gateway(provide(either), workers=4)
    key = made.create_key("--rpm", "40")
    clients = [Raw(made.port) for _ in range(16)]
    wait_for(lambda: known(clients[0], key))
    got = []

    def ask(client):
        for _ in range(10):
            client.send(request(chat(), key))
            got.append(client.answer()[0])

    threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    for client in clients:
        client.close()
    counted = collections.Counter(got)
    assert set(counted) == {200, 429}
    assert counted[200] == 39  # one went before


def known(client, key):
    """Whether the running gateway has heard of the key; if so, that was a request of it."""
    client.send(request(b"", key, path="/v1/models", method="GET"))
    return client.answer()[0] == 200


def test_concurrency_is_shared_by_the_workers(provide, gateway):
    go = threading.Event()

    def script(connection):
        while connection.read_request():
            go.wait(LIMIT)
            connection.json(answer())

    provider = provide(script)
    made = gateway(provider, workers=4)
    key = made.create_key("--concurrency", "5")
    clients = [Raw(made.port) for _ in range(20)]
    wait_for(lambda: known(clients[0], key))
    for client in clients:
        client.send(request(chat(), key))
    wait_for(lambda: len(provider.requests) == 5)
    got, threads = [], []
    for client in clients:
        threads.append(threading.Thread(target=lambda c=client: got.append(c.answer()[0])))
        threads[-1].start()
    wait_for(lambda: len(got) == 15)
    assert set(got) == {429}
    assert len(provider.requests) == 5
    go.set()
    for thread in threads:
        thread.join(LIMIT)
    assert collections.Counter(got) == {429: 15, 200: 5}
    for client in clients:
        client.close()


@pytest.mark.parametrize("how", ["closed", "answered", "broken"])
def test_places_come_back(provide, gateway, how):
    """A place of a key's concurrency is free again however the request ended."""

    def script(connection):
        while connection.read_request():
            if how == "closed":
                connection.wait_closed()
                return
            if how == "broken":
                connection.stream_head()
                connection.chunk(ROLE + HELLO)
                connection.close()
                return
            connection.json(answer())

    made = gateway(provide(script))
    key = made.create_key("--concurrency", "1")
    client = Raw(made.port)
    wait_for(lambda: known(client, key))
    client.close()
    for _ in range(10):
        def taken():
            client = Raw(made.port)
            client.send(request(chat(stream=how != "answered"), key))
            if how == "closed":
                client.sock.settimeout(0.05)
                try:
                    return client.answer()[0] != 429
                except TimeoutError:
                    return True
                finally:
                    client.close()
            status = client.answer()[0]
            client.close()
            return status != 429

        wait_for(taken)


def test_tokens_are_reserved_and_settled(provide, gateway, connect):
    made = gateway(provide(answer_once()))  # 29 tokens each
    key = made.create_key("--tpm", "1000")
    client = connect(made)
    wait_for(lambda: known(client, key))
    left = []
    for _ in range(3):
        client.send(request(chat(max_tokens=100), key))
        status, headers, _ = client.answer()
        assert (status, headers["x-ratelimit-limit-tokens"]) == (200, "1000")
        left.append(int(headers["x-ratelimit-remaining-tokens"]))
    # each answer tells what is left with its own reservation; what was used is 29, not 100
    assert left[0] - left[1] <= 29 and left[0] < 1000
    client.send(request(chat(max_tokens=5000), key))
    status, headers, body = client.answer()
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (429, "tokens", "rate_limit_exceeded")
    assert int(headers["retry-after-ms"]) > 0
    client.send(request(chat(max_tokens=50), key))
    assert client.answer()[0] == 200  # what was refused took nothing


def test_many_keys(provide, gateway, connect):
    """20,000 keys in the store: a change is seen as soon, and none is slower than another."""
    made = gateway(provide(answer_once()))
    db = sqlite3.connect(f"{made.folder}/courier.db", timeout=LIMIT)
    with db:
        user = db.execute("select id from users limit 1").fetchone()[0]
        db.executemany(
            "insert into api_keys (user_id, name, prefix, hash, is_admin, status, rpm, tpm,"
            " concurrency, models, expires_at, created_at, from_file)"
            " values (?, ?, 'sk-cr-many', ?, 0, 'active', 0, 0, 0, '', null,"
            " '2026-01-01T00:00:00.000Z', 0)",
            ((user, f"k{i}", os.urandom(32)) for i in range(20_000)))
    db.close()
    key = made.create_key("--name", "needle")
    client = connect(made)
    wait_for(lambda: known(client, key))
    client.send(request(chat(), key))
    assert client.answer()[0] == 200
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200
    assert made.command("key", "list").stdout.count("\n") >= 20_000
