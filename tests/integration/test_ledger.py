"""Every request has its row, once, whatever happens to the store, the disk and the gateway."""

import json
import os
import random
import resource
import signal

import psycopg
import pytest
from client import chat, request
from conftest import BOTH_STORES
from gateway import ADMIN_KEY, wait_for
from load import Load, either, locked, unlock
from provider import answer_once

ROUNDS = int(os.environ.get("COURIER_LEDGER_ROUNDS", "6"))
SEED = int(os.environ.get("COURIER_LEDGER_SEED", "1"))
TINY = {"size": "256KB", "spool": "64KB"}


def spooled(made):
    """Records are in the spool."""
    return list(made.folder.rglob("spool-*"))


def says(made, words):
    wait_for(lambda: words in made.text())


class Sqlite:
    """Out of reach: another process has the database for itself."""

    deaths = ("gateway", "locked")

    def begin(self, made):
        self.holder = locked(made)

    def end(self):
        unlock(self.holder)

    def restore(self):
        pass


class Postgres:
    deaths = ("gateway", "database", "both", "gateway first", "silent", "stopped")

    def __init__(self, server):
        self.server = server

    def begin(self, made):
        self.server.stop("immediate")

    def end(self):
        self.server.start()

    def restore(self):
        """For the tests that come after."""
        self.server.signal(signal.SIGCONT)
        try:
            self.server.sql("select 1")
        except RuntimeError:
            self.server.start()


@pytest.fixture
def outage(store_kind, request):
    made = Sqlite() if store_kind == "sqlite" else Postgres(request.getfixturevalue("postgres"))
    yield made
    made.restore()


@BOTH_STORES
def test_an_outage_is_not_noticed(provide, gateway, outage):
    made = gateway(provide(either))
    load = Load(made)
    load.wait_for(50)
    outage.begin(made)
    says(made, "usage records wait")
    load.wait_for(1000)
    wait_for(lambda: spooled(made))
    outage.end()
    load.wait_for(100)
    load.stop_served()
    load.assert_rows()
    wait_for(lambda: not spooled(made))


@BOTH_STORES
def test_outages_come_and_go(provide, gateway, outage):
    rng = random.Random(SEED)
    made = gateway(provide(either))
    load = Load(made)
    for _ in range(ROUNDS):
        load.wait_for(rng.randrange(100))
        outage.begin(made)
        load.wait_for(rng.randrange(300))
        outage.end()
    load.stop_served()
    load.assert_rows()


@pytest.mark.parametrize("store_kind", ["postgres"], indirect=True)
def test_a_silent_store_is_not_noticed(provide, gateway, outage):
    """Its connections stay, and nothing comes."""
    made = gateway(provide(either))
    load = Load(made)
    wait_for(made.rows)  # the ledger is connected
    outage.server.signal(signal.SIGSTOP)
    says(made, "usage records wait")
    load.wait_for(100)
    outage.server.signal(signal.SIGCONT)
    load.stop_served()
    load.assert_rows()


@BOTH_STORES
def test_a_store_that_is_away_when_it_ends(provide, gateway, outage, tmp_path):
    """What could not be written before the end is written by the next start."""
    provider = provide(either)
    made = gateway(provider, folder=tmp_path)
    load = Load(made)
    outage.begin(made)
    load.wait_for(100)
    wait_for(lambda: spooled(made))
    load.stop_served()
    made.signal(signal.SIGTERM)
    assert made.wait() == 0
    assert spooled(made)
    outage.end()
    load.gateway = gateway(provider, folder=tmp_path)
    load.assert_rows()


class Fate:
    """What dies next, and comes back."""

    def __init__(self, outage, start):
        self.rng, self.outage, self.start = random.Random(SEED), outage, start
        self.made = start()

    def strike(self, load):
        kind = self.rng.choice(self.outage.deaths)
        load.wait_for(self.rng.randrange(50))
        getattr(self, "_" + kind.replace(" ", "_"))(lambda: load.wait_for(self.rng.randrange(200)))

    def _gateway(self, pause):
        self.made.kill()
        self.made = self.start()

    def _locked(self, pause):
        self.outage.begin(self.made)
        pause()
        self.made.kill()
        self.outage.end()
        self.made = self.start()

    def _database(self, pause):
        self.outage.server.kill()
        pause()
        self.outage.end()

    def _both(self, pause):
        self.outage.server.kill()
        self.made.kill()
        self.outage.end()
        self.made = self.start()

    def _gateway_first(self, pause):
        """The gateway is back before its database."""
        self.made.kill()
        self.outage.server.kill()
        self.made = self.start()
        self.outage.end()

    def _silent(self, pause):
        self.outage.server.signal(signal.SIGSTOP)
        pause()
        self.outage.server.signal(signal.SIGCONT)

    def _stopped(self, pause):
        self.outage.begin(self.made)
        pause()
        self.outage.end()


@BOTH_STORES
def test_deaths(provide, gateway, outage, tmp_path):
    """Gateway and store die at any moment: what a client has seen the end of is there, and nothing is
    there twice."""
    provider = provide(either)
    fate = Fate(outage, lambda: gateway(provider, folder=tmp_path))
    load = Load(fate.made, mortal=True)
    for _ in range(ROUNDS):
        fate.strike(load)
        load.gateway = fate.made
    load.wait_for(20)
    load.stop()
    load.wait_for_rows()


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

    def ledger():
        """What an administrator sees, also now."""
        client.send(request(b"", ADMIN_KEY, path="/admin/v1/health", method="GET"))
        status, _, body = client.answer()
        assert status == 200
        return json.loads(body)["ledger"]

    def full():
        got = refused()
        state = got and ledger()
        return state and state["spool_failing_since"] and state["failing_since"] and got

    headers, error = wait_for(full, step=0)
    assert (error["type"], error["code"]) == ("server_error", "ledger_full")
    assert int(headers["retry-after"]) >= 1
    client.send(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    assert client.answer()[0] == 200
    seen = ledger()
    assert seen["status"] == "failing"
    assert seen["in_spool"] > 100 and seen["in_journals"] > 100 and seen["oldest_at"]
    assert seen["spool_bytes"] <= seen["spool_limit_bytes"] == 64 * 1024
    unlock(holder)
    wait_for(lambda: not refused(), step=0.05)
    wait_for(lambda: ledger()["status"] == "ok")


def served_after(made, load, client):
    """Nobody was refused; once there is room again requests have their rows. What was dropped is
    counted, exactly."""
    load.stop_served()
    sent = len(load.statuses)

    def has_row():
        nonlocal sent
        sent += 1
        client.send(request(chat(), ADMIN_KEY, extra="x-request-id: after\r\n"))
        assert client.answer()[0] == 200
        return made.rows("request_id = 'after'")

    def all_are_counted():
        client.send(request(b"", ADMIN_KEY, path="/metrics", method="GET"))
        dropped = client.answer()[2].partition(b'records_total{result="dropped"} ')[2].split()[0]
        rows = made.rows("request_id = 'after' or request_id like 'load-%'")
        assert int(dropped) > 0
        return len(rows) + int(dropped) == sent

    wait_for(has_row, step=0.05)
    wait_for(all_are_counted, step=0.05)
    rows = [row["request_id"] for row in made.rows("request_id like 'load-%'")]
    assert len(rows) == len(set(rows))
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

def be_picky(made):
    """The store takes no row of the request `bad`."""
    store = made.settings["store"]
    if store.startswith("postgres:"):
        with psycopg.connect(store) as db:
            db.execute("alter table usage_logs add constraint picky check (request_id <> 'bad')")
        return
    holder = locked(made)
    holder.execute("rollback")
    holder.execute("create trigger picky before insert on usage_logs when new.request_id = 'bad' "
                   "begin select raise(abort, 'picky'); end")
    holder.close()


@BOTH_STORES
def test_a_refused_row_holds_up_nobody(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    be_picky(made)
    client = connect(made)
    for name in ("one", "bad", "two"):
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
        assert client.answer()[0] == 200
    assert made.row("one") and made.row("two")
    file = wait_for(lambda: list(made.folder.rglob("rejected.jsonl")))[0]
    line = json.loads(wait_for(file.read_text))
    assert (line["request_id"], line["http_status"]) == ("bad", 200)
    assert "picky" in line["why"]
    assert made.rows("request_id = 'bad'") == []
