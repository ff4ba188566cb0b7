"""GET /admin/v1/health: how the gateway, its store, its ledger and each provider are."""

import re
import sqlite3

import openapi
from client import chat
from gateway import ADMIN_KEY, wait_for
from test_metrics import answer_all, get, post, scrape

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")


def health(g):
    answer = get(f"{g.url}/admin/v1/health", headers=ADMIN)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    openapi.check_answer("GET", "/admin/v1/health", 200, answer.text)
    return answer.json()


def provider_of(report, name):
    return next(p for p in report["providers"] if p["name"] == name)


def test_only_admins_see_it(gateway):
    g = gateway()
    key = g.create_key()
    ask = {"url": f"{g.url}/admin/v1/health"}
    assert get(**ask).status_code == 401
    wait_for(lambda: get(**ask, headers={"authorization": f"Bearer {key}"})
             .status_code == 403)


def test_all_is_well(gateway, provide):
    g = gateway(provide(answer_all), workers=3)
    assert [post(g, chat()) for _ in range(6)] == [200] * 6
    report = wait_for(lambda: (r := health(g))["ledger"]["written"] >= 6 and r)
    assert report["status"] == "ok"
    assert report["workers"] == report["workers_answering"] == 3
    assert report["draining"] is False and report["uptime_s"] >= 0
    assert re.fullmatch(r"[0-9a-f-]{36}", report["instance"]) and TIME.match(report["started_at"])
    database = report["database"]
    assert database["status"] == "ok" and TIME.match(database["since"])
    assert database["latency_us"] > 0 and database["schema"] >= 1
    assert report["limiter"]["status"] == "ok" and report["limiter"]["counts"] == "memory"
    assert report["limiter"]["decided_by"]["local"] >= 6
    ledger = report["ledger"]
    assert ledger["status"] == "ok" and ledger["dropped"] == ledger["rejected"] == 0
    assert ledger["backlog"] == ledger["in_journals"] + ledger["in_spool"]
    assert ledger["failing_since"] is None
    snapshot = report["snapshot"]
    assert snapshot["source"] == "database" and snapshot["models"] == 1 and snapshot["keys"] == 1
    assert TIME.match(snapshot["current_at"])


def test_the_schema_is_the_one_of_the_store(gateway):
    g = gateway()
    with sqlite3.connect(f"file:{g.folder}/courier.db?mode=ro", uri=True) as db:
        (newest,) = db.execute("select max(version) from schema_migrations").fetchone()
    assert wait_for(lambda: health(g)["database"]["schema"]) == newest


def test_providers_and_their_targets(gateway, provide):
    def refuse(c):
        while c.read_request():
            c.json('{"error":{"message":"marker-of-the-provider"}}', status=503)

    bad, good, other = provide(refuse), provide(answer_all), provide(answer_all)
    g = gateway(
        providers=[{**bad.entry(), "name": "bad", "api_key": "marker-key"},
                   {**good.entry(), "name": "good"}, {**other.entry(), "name": "unused"}],
        models=[{"name": "m", "provider": "bad", "upstream_model": "u1", "retries": 0,
                 "fallback": ["n"]},
                {"name": "n", "provider": "good", "upstream_model": "u2"},
                {"name": "o", "provider": "unused", "upstream_model": "u3"}],
        workers=1,
    )
    assert [post(g, chat()) for _ in range(8)] == [200] * 8
    report = health(g)
    assert report["status"] == "degraded"
    assert [p["name"] for p in report["providers"]] == ["bad", "good", "unused"]

    down = provider_of(report, "bad")
    assert down["status"] == "down" and down["targets_configured"] == 1
    (target,) = down["targets"]
    assert target["model"] == "m" and target["upstream_model"] == "u1"
    assert target["address"] == f"127.0.0.1:{bad.port}"
    assert target["circuit"] == "open"
    assert target["workers"] == {"closed": 0, "half_open": 0, "open": 1}
    assert target["failures_in_a_row"] == 5 and target["in_flight"] == 0
    assert TIME.match(target["rests_until"])

    up = provider_of(report, "good")
    assert up["status"] == "ok" and up["targets"][0]["circuit"] == "closed"
    assert up["targets"][0]["rests_until"] is None
    assert up["connections"]["idle"] >= 1
    assert provider_of(report, "unused")["status"] == "unused"
    assert provider_of(report, "unused")["targets"] == []
    text = get(f"{g.url}/admin/v1/health", headers=ADMIN).text
    assert "marker" not in text


def test_a_store_that_cannot_be_written(gateway, provide):
    g = gateway(provide(answer_all))
    assert wait_for(lambda: health(g)["status"] == "ok")
    db = sqlite3.connect(f"{g.folder}/courier.db", isolation_level=None)
    db.execute("begin immediate")
    assert post(g, chat()) == 200
    report = wait_for(lambda: (r := health(g))["ledger"]["status"] == "failing" and r)
    assert report["status"] == "degraded" and report["database"]["status"] == "ok"
    assert report["ledger"]["backlog"] >= 1
    assert TIME.match(report["ledger"]["failing_since"])
    db.execute("rollback")
    db.close()
    wait_for(lambda: health(g)["status"] == "ok")


def test_redis_that_goes_and_comes_back(gateway, provide, redis):
    server = redis()
    g = gateway(provide(answer_all), limiter=server.url, limiter_timeout="10s", workers=2)
    wait_for(lambda: health(g)["limiter"]["workers_reached"] == 2)
    key = g.create_key("--rpm", "100000")
    wait_for(lambda: post(g, chat(), key) == 200)
    report = health(g)
    assert report["status"] == "ok" and report["limiter"]["counts"] == "redis"
    assert report["limiter"]["why"] == "" and report["limiter"]["instances"] == 1
    figures = scrape(g)
    assert figures.sum("courier_limiter_workers", state="reached") == 2
    assert figures.sum("courier_limiter_instances") == 1

    server.kill()
    report = wait_for(lambda: (r := health(g))["limiter"]["workers_reached"] == 0 and r)
    assert report["status"] == report["limiter"]["status"] == "degraded"
    assert report["limiter"]["why"]
    assert post(g, chat(), key) == 200
    figures = scrape(g)
    assert figures.sum("courier_limiter_workers", state="away") == 2
    assert figures.sum("courier_limiter_answers_total", by="local") >= 1
    server.start()
    wait_for(lambda: health(g)["status"] == "ok")


def test_a_client_that_leaves(gateway, connect):
    g = gateway()
    for _ in range(20):
        raw = connect(g)
        raw.send(b"GET /admin/v1/health HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\n\r\n"
                 % ADMIN_KEY.encode())
        raw.close()
    assert health(g)["status"] == "ok"
