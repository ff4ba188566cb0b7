"""Many at once: nothing fails that need not, no row is lost."""

import os
import signal
import sqlite3

from client import Raw, chat, request
from gateway import ADMIN_KEY, LIMIT, wait_for
from load import Load, either
from provider import answer_once


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




def known(client, key):
    """Whether the running gateway has heard of the key; if so, that was a request of it."""
    client.send(request(b"", key, path="/v1/models", method="GET"))
    return client.answer()[0] == 200


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
