"""Every request has its row, once, whatever happens to the store, the disk and the gateway."""

import json
import os
import random
import resource
import signal

import pytest
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from load import Load, either, locked, unlock
from provider import answer_once

ROUNDS = int(os.environ.get("COURIER_LEDGER_ROUNDS", "6"))
SEED = int(os.environ.get("COURIER_LEDGER_SEED", "1"))
TINY = {"size": "256KB", "spool": "64KB"}


def spooled(made):
    """Records are in the spool."""
    return list((made.folder / "courier.db.journal").glob("spool-*"))


def says(made, words):
    wait_for(lambda: words in made.text())


def test_an_outage_is_not_noticed(provide, gateway):
    made = gateway(provide(either))
    load = Load(made)
    load.wait_for(50)
    holder = locked(made)
    written = len(made.rows())
    says(made, "usage records wait")
    load.wait_for(2500)
    assert len(made.rows()) == written
    wait_for(lambda: spooled(made))
    unlock(holder)
    load.wait_for(100)
    load.stop_served()
    load.assert_rows()
    wait_for(lambda: not spooled(made))


def test_outages_come_and_go(provide, gateway):
    rng = random.Random(SEED)
    made = gateway(provide(either))
    load = Load(made)
    for _ in range(ROUNDS):
        load.wait_for(rng.randrange(100))
        holder = locked(made)
        load.wait_for(rng.randrange(300))
        unlock(holder)
    load.stop_served()
    load.assert_rows()


def test_a_store_that_is_locked_when_it_ends(provide, gateway, tmp_path):
    """What could not be written before the end is written by the next start."""
    provider = provide(either)
    made = gateway(provider, folder=tmp_path)
    load = Load(made)
    holder = locked(made)
    load.wait_for(100)
    wait_for(lambda: spooled(made))
    load.stop_served()
    made.signal(signal.SIGTERM)
    assert made.wait() == 0
    assert spooled(made)
    unlock(holder)
    load.gateway = gateway(provider, folder=tmp_path)
    load.assert_rows()


def test_deaths(provide, gateway, tmp_path):
    """kill -9 at any moment, half of the time with the store out of reach: what a client has seen the
    end of is there, and nothing is there twice."""
    rng = random.Random(SEED)
    provider = provide(either)
    made = gateway(provider, folder=tmp_path)
    load = Load(made, mortal=True)
    for _ in range(ROUNDS):
        load.wait_for(rng.randrange(50))
        holder = locked(made) if rng.random() < 0.5 else None
        load.wait_for(rng.randrange(300))
        made.kill()
        if holder:
            unlock(holder)
        made = load.gateway = gateway(provider, folder=tmp_path)
    load.wait_for(20)
    counted = load.stop()
    assert set(counted) == {200}
    load.assert_rows()


# ---- no room left ----

def test_a_full_spool_refuses(provide, gateway):
    made = gateway(provide(either), workers=1, journal=TINY)
    load = Load(made, 3)
    holder = locked(made)
    wait_for(lambda: 503 in load.statuses.values())
    load.wait_for(50)
    unlock(holder)
    seen = len(load.statuses)
    wait_for(lambda: 200 in list(load.statuses.values())[seen:])
    assert set(load.stop()) == {200, 503}
    load.wait_for_rows()  # and none for what was refused


def test_what_a_full_spool_says(provide, gateway, connect):
    made = gateway(provide(either), workers=1, journal=TINY)
    client = connect(made)
    holder = locked(made)

    def refused():
        client.send(request(chat(), ADMIN_KEY))
        status, headers, body = client.answer()
        return status == 503 and (headers, json.loads(body)["error"])

    headers, error = wait_for(refused, step=0)
    assert (error["type"], error["code"]) == ("server_error", "ledger_full")
    assert int(headers["retry-after"]) >= 1
    client.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    assert client.answer()[0] == 200
    unlock(holder)
    wait_for(lambda: not refused(), step=0.05)


def served_after(made, load, client):
    """Nobody was refused; once the store takes rows again the next request has its own."""
    says(made, "usage records are written again")
    load.stop_served()
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: after\r\n"))
    assert client.answer()[0] == 200
    made.row("after")
    rows = [row["request_id"] for row in made.rows("request_id != 'after'")]
    assert len(rows) == len(set(rows)) < len(load.statuses)
    assert set(rows) <= set(load.statuses)


def test_a_full_spool_drops(provide, gateway, connect):
    made = gateway(provide(either), workers=1, journal={**TINY, "on_full": "drop"})
    load = Load(made, 3)
    holder = locked(made)
    says(made, "usage records wait")
    says(made, "has the size of journal.spool")
    says(made, "usage records are lost")
    load.wait_for(50)
    unlock(holder)
    served_after(made, load, connect(made))


def limit_files(made, size):
    _, most = resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(made.child.pid, resource.RLIMIT_FSIZE, (size or most, most))


@pytest.mark.parametrize("on_full", ["refuse", "drop"])
def test_a_full_disk(provide, gateway, connect, on_full):
    """No file can grow, the store's nor the spool's."""
    made = gateway(provide(either), workers=1, journal={"size": "256KB", "on_full": on_full})
    load = Load(made, 3)
    load.wait_for(20)
    limit_files(made, 50)
    says(made, "usage records wait")
    says(made, "the spool of usage records cannot be written to")
    if on_full == "refuse":
        wait_for(lambda: 503 in load.statuses.values())
        load.wait_for(50)
    else:
        says(made, "usage records are lost")
    limit_files(made, None)
    if on_full == "drop":
        return served_after(made, load, connect(made))
    seen = len(load.statuses)
    wait_for(lambda: 200 in list(load.statuses.values())[seen:])
    assert set(load.stop()) == {200, 503}
    load.wait_for_rows()


# ---- what the store refuses ----

def test_a_refused_row_holds_up_nobody(provide, gateway, connect):
    made = gateway(provide(answer_once()), model={"name": "m"})
    holder = locked(made)
    holder.execute("rollback")
    holder.execute("create trigger picky before insert on usage_logs when new.request_id = 'bad' "
                   "begin select raise(abort, 'not this one'); end")
    holder.close()
    client = connect(made)
    for name in ("one", "bad", "two"):
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
        assert client.answer()[0] == 200
    assert made.row("one") and made.row("two")
    file = made.folder / "courier.db.journal" / "rejected.jsonl"
    line = json.loads(wait_for(lambda: file.exists() and file.read_text()))
    assert (line["request_id"], line["why"], line["http_status"]) == ("bad", "not this one", 200)
    assert made.rows("request_id = 'bad'") == []
