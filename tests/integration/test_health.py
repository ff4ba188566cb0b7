"""Health: who fails is left alone for a while, who asks for rest gets it, and nobody is hammered.

A circuit belongs to a worker, so there is one here. A rest is 5 s at least: that it ends is looked
at by asking on."""

import collections
import json
import threading

import pytest
from client import Raw, chat, request
from faults import Acting, error, good, silent, status
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import answer

FAILS = status(500)


class Stage:
    """Model m at a provider, and perhaps its fallback n at another."""

    def __init__(self, provide, gateway, first, second=None, **model):
        self.first, self.second = Acting(first), Acting(second)
        self.bad, self.well = provide(self.first), provide(self.second)
        fallback = {"fallback": ["n"]} if second else {}
        self.gateway = gateway(
            providers=[self.bad.entry("bad"), self.well.entry("well")],
            models=[{"name": "m", "provider": "bad", "retries": 0, **fallback, **model},
                    {"name": "n", "provider": "well", "retries": 0}], workers=1)
        self.client = Raw(self.gateway.port)

    def ask(self, model="m", stream=False, extra=""):
        """(status, headers, body)"""
        self.client.send(request(chat(model, stream), ADMIN_KEY, extra=extra))
        return self.client.answer()

    def tried(self, **more):
        """What was tried, without the models' names: "500 200"."""
        return self.ask(**more)[1]["x-courier-attempts"]

    def until_asked_again(self):
        """Asks until the first provider has been asked once more; how often it took."""
        before, count = len(self.bad.requests), 0

        def asked():
            nonlocal count
            count += 1
            self.ask()
            return len(self.bad.requests) > before

        wait_for(asked, 30, 0.05)
        return count


@pytest.fixture
def stage(provide, gateway):
    stages = []

    def make(*args, **more):
        stages.append(Stage(provide, gateway, *args, **more))
        return stages[-1]

    yield make
    for made in stages:
        made.client.close()


@pytest.mark.parametrize("do", [FAILS, status(529), status(502, b"<html>"), status(200, b"<html>")])
def test_five_failures_in_a_row_and_it_is_left_alone(stage, do):
    made = stage(do, good)
    for _ in range(30):
        assert made.ask()[0] == 200
    assert len(made.bad.requests) == 5
    assert made.tried() == "n:200"


def test_so_do_failures_in_streams(stage):
    def cut(connection, streamed):
        connection.stream_head()
        return True

    made = stage(cut, good)
    for _ in range(10):
        assert made.ask(stream=True)[0] == 200
    assert len(made.bad.requests) == 5


def test_so_do_streams_that_break_after_content(stage):
    """It answered each time, and yet nobody got an answer."""
    def cut(connection, streamed):
        connection.stream_head()
        connection.chunk(b'data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n')
        return True

    made = stage(cut, good)
    told = [b"interrupted" in made.ask(stream=True)[2] for _ in range(15)]
    assert told[:5] == [True] * 5 and not told[-1]
    assert len(made.bad.requests) < 15


def test_timeouts_count(stage):
    made = stage(silent, good, timeout="50ms")
    for _ in range(10):
        assert made.ask()[0] == 200
    assert len(made.bad.requests) == 5


class Taking:
    """Does one thing after the other, and the last for ever."""

    def __init__(self, *does):
        self.does = collections.deque(does)

    def __call__(self, connection, streamed):
        do = self.does.popleft() if len(self.does) > 1 else self.does[0]
        return do(connection, streamed)


def test_half_of_ten(stage):
    made = stage(Taking(*[good, FAILS] * 10), good)
    for _ in range(20):
        assert made.ask()[0] == 200
    assert len(made.bad.requests) == 10
    assert made.tried() == "n:200"


def test_less_than_half_of_them(stage):
    made = stage(Taking(*[good, good, FAILS] * 20), good)
    for _ in range(30):
        assert made.ask()[0] == 200
    assert len(made.bad.requests) == 30


@pytest.mark.parametrize("do", [
    status(400, error("x").encode()), status(404, error("model_not_found").encode()),
    status(413, error().encode()), status(422, error().encode())])
def test_the_callers_own_faults_do_not_count(stage, do):
    made = stage(do, good)
    for _ in range(20):
        assert 400 <= made.ask()[0] < 500
    assert len(made.bad.requests) == 20


def test_who_leaves_says_nothing_about_the_provider(stage):
    made = stage(silent, good)
    for i in range(7):
        client = Raw(made.gateway.port)
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: gone-{i}\r\n"))
        wait_for(lambda: len(made.bad.requests) == i + 1)
        client.close()
        assert made.gateway.row(f"gone-{i}")["status"] == "client_closed"
    made.first.do = good
    assert made.tried() == "m:200"


def test_one_probe_finds_out(stage):
    """While it is on its way all others go elsewhere; its success brings all back."""
    made = stage(FAILS, good)
    for _ in range(6):
        made.ask()
    go = threading.Event()

    def probe(connection, streamed):
        go.wait(LIMIT)
        good(connection, streamed)

    made.first.do = probe
    asked = threading.Thread(target=made.until_asked_again)
    asked.start()
    wait_for(lambda: len(made.bad.requests) == 6, 30)
    other = Raw(made.gateway.port)
    for _ in range(10):
        other.send(request(chat(), ADMIN_KEY))
        assert other.answer()[1]["x-courier-attempts"] == "n:200"
    other.close()
    assert len(made.bad.requests) == 6
    go.set()
    asked.join()
    made.first.do = good
    assert [made.tried() for _ in range(5)] == ["m:200"] * 5


def test_a_probe_in_vain(stage):
    made = stage(FAILS, good)
    for _ in range(6):
        made.ask()
    assert made.until_asked_again() > 1
    assert [made.tried() for _ in range(20)] == ["n:200"] * 20
    assert len(made.bad.requests) == 6


def test_when_all_rest_the_nearest_to_recovery_is_tried(stage):
    made = stage(FAILS, FAILS)
    for _ in range(5):
        assert made.tried() == "m:500,n:500"
    waits = []
    for _ in range(3):
        code, headers, body = made.ask()
        assert (code, json.loads(body)["error"]["code"]) == (503, "upstream_unavailable")
        assert headers["x-courier-attempts"] == "m:500"  # its circuit opened first
        assert headers["retry-after"] == str(-(-int(headers["retry-after-ms"]) // 1000))
        waits.append(int(headers["retry-after-ms"]))
    assert 0 < waits[0] <= 5000 and waits == sorted(waits, reverse=True)
    assert len(made.well.requests) == 5
    made.first.do = good  # it is well before anybody expected it
    assert made.ask()[2] == answer()
    assert made.tried() == "m:200"


def test_without_a_fallback_it_is_asked_all_the_same(stage):
    made = stage(FAILS)
    codes = [made.ask()[0] for _ in range(8)]
    assert codes == [502] * 5 + [503] * 3
    made.first.do = good
    assert [made.ask()[0] for _ in range(3)] == [200] * 3
    assert len(made.bad.requests) == 11
    rows = wait_for(lambda: len(made.gateway.rows()) == 11 and made.gateway.rows())
    assert [row["error_code"] for row in rows][5:8] == ["upstream_unavailable"] * 3
    assert {row["status"] for row in rows[:8]} == {"upstream_error"}


def test_refused_credentials_rest_at_once(stage):
    made = stage(status(401), good)
    assert made.tried() == "m:401,n:200"
    assert [made.tried() for _ in range(5)] == ["n:200"] * 5
    assert len(made.bad.requests) == 1


def test_one_bad_key_condemns_nobody_else(provide, gateway):
    def by_key(connection, streamed):
        bad = connection.provider.requests[-1].headers["authorization"] == "Bearer bad-key"
        (status(401) if bad else good)(connection, streamed)

    provider = provide(Acting(by_key))
    made = gateway(
        providers=[provider.entry("p", api_key="bad-key")],
        models=[{"name": "m", "targets": [{"provider": "p"}, {"provider": "p", "api_key": "good-key"}]},
                {"name": "n", "provider": "p", "api_key": "good-key"}], workers=1)
    client = Raw(made.port)
    tried = []
    for model in ("m", "m", "m", "n", "m"):
        client.send(request(chat(model), ADMIN_KEY))
        code, headers, _ = client.answer()
        assert code == 200
        tried.append(headers["x-courier-attempts"])
    assert tried == ["m:401,m:200", "m:200", "m:200", "n:200", "m:200"]
    client.close()


def test_one_bad_model_condemns_nobody_else(provide, gateway):
    def by_model(connection, streamed):
        (FAILS if connection.provider.requests[-1].model == "bad" else good)(connection, streamed)

    made = gateway(provide(Acting(by_model)), models=[
        {"name": name, "provider": "private", "retries": 0} for name in ("bad", "fine")], workers=1)
    client = Raw(made.port)
    for model, code in [("bad", 502)] * 5 + [("bad", 503), ("fine", 200)]:
        client.send(request(chat(model), ADMIN_KEY))
        assert client.answer()[0] == code
    client.close()


def test_who_asks_for_rest_gets_it(stage):
    made = stage(status(429, b"{}", b"retry-after: 20\r\n"), good)
    assert made.tried() == "m:429,n:200"
    assert [made.tried() for _ in range(5)] == ["n:200"] * 5
    assert len(made.bad.requests) == 1


def test_a_rate_limit_is_no_outage(stage):
    """All have enough: clients know what a 429 is, and are told the least wait of all."""
    made = stage(status(429, b"{}", b"retry-after: 20\r\n"), status(429, b"{}", b"retry-after: 9\r\n"))
    made.ask()
    code, headers, body = made.ask()
    assert (code, json.loads(body)["error"]["code"]) == (429, "upstream_rate_limit")
    assert 0 < int(headers["retry-after-ms"]) <= 9000
    assert headers["x-courier-attempts"] == "n:429"


def test_a_short_hint_is_obeyed_by_all(stage):
    """Others do not run into the limit while one waits for it."""
    made = stage(Taking(status(429, b"{}", b"retry-after-ms: 600\r\n"), good), good, retries=1)
    other, tried = Raw(made.gateway.port), []
    asked = threading.Thread(target=lambda: tried.append(made.tried()))
    asked.start()
    wait_for(lambda: made.bad.requests)
    other.send(request(chat(), ADMIN_KEY))
    assert other.answer()[0] == 200
    asked.join()
    other.close()
    assert tried == ["m:429,m:200"]
    gaps = [b.at - a.at for a, b in zip(made.bad.requests, made.bad.requests[1:])]
    assert all(gap >= 0.599 for gap in gaps[:1]), gaps


def test_retries_are_at_most_a_fifth(stage):
    """One in three fails, is repeated and answered, until the budget is used up."""
    failed = set()

    def do(connection, streamed):
        name = connection.provider.requests[-1].headers["x-request-id"]
        if name.startswith("bad") and name not in failed:
            failed.add(name)
            FAILS(connection, streamed)
        else:
            good(connection, streamed)

    made = stage(do, good, retries=1)
    tried = collections.Counter(
        made.tried(extra=f"x-request-id: {'bad' if i % 3 == 0 else 'good'}-{i}\r\n")
        for i in range(60))
    repeated = tried["m:500,m:200"]
    assert repeated + tried["m:500,n:200"] == 20 and tried["m:200"] == 40
    assert 3 <= repeated <= (60 + repeated) / 5 + 1
    assert len(made.bad.requests) == 60 + repeated


def test_an_outage_is_not_multiplied(stage):
    """Fifty at once and three retries each: some more than fifty at the provider, not two hundred."""
    made = stage(FAILS, retries=3)
    clients = [Raw(made.gateway.port) for _ in range(50)]
    for client in clients:
        client.send(request(chat(), ADMIN_KEY))
    codes = collections.Counter(client.answer()[0] for client in clients)
    for client in clients:
        client.close()
    assert set(codes) <= {502, 503}
    assert 50 <= len(made.bad.requests) <= 50 + 10 + 3


def hold(go):
    def do(connection, streamed):
        go.wait(LIMIT)
        good(connection, streamed)

    return do


def test_targets_share_the_load_by_who_has_least(provide, gateway):
    go = threading.Event()
    providers = [provide(Acting(hold(go))) for _ in range(3)]
    names = ["a", "b", "c"]
    made = gateway(providers=[p.entry(name) for p, name in zip(providers, names)],
                   models=[{"name": "m", "targets": [{"provider": name} for name in names]}], workers=1)
    clients = [Raw(made.port) for _ in range(9)]
    for i, client in enumerate(clients):
        client.send(request(chat(), ADMIN_KEY))
        wait_for(lambda: sum(len(p.requests) for p in providers) == i + 1)
    assert [len(p.requests) for p in providers] == [3, 3, 3]
    go.set()
    for client in clients:
        assert client.answer()[0] == 200
        client.close()


def test_a_target_that_fails_is_left_for_the_next(provide, gateway):
    bad, well = provide(Acting(FAILS)), provide(Acting(good))
    made = gateway(providers=[bad.entry("bad"), well.entry("well")],
                   models=[{"name": "m", "targets": [{"provider": "bad"}, {"provider": "well"}],
                            "retries": 0}], workers=1)
    client = Raw(made.port)
    client.send(request(chat(), ADMIN_KEY, extra="x-request-id: r\r\n"))
    code, headers, _ = client.answer()
    assert (code, headers["x-courier-attempts"]) == (200, "m:500,m:200")
    assert headers["x-courier-provider"] == "well"
    row = made.row("r")
    assert (row["attempts"], row["fallback_used"], row["provider"]) == (2, 0, "well")
    client.close()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fallback", [False, True])
def test_flapping(stage, stream, fallback):
    """Well and ill in turn: with a fallback nobody notices, without one nobody is hammered."""
    made = stage(FAILS, good if fallback else None, retries=1)
    asked = ill = 0
    for turn in range(2):
        made.first.do = FAILS
        before = len(made.bad.requests)
        for _ in range(20):
            code, headers, _ = made.ask(stream=stream)
            assert code == 200 if fallback else code in (502, 503)
            assert "retry-after" in headers or code != 503
        ill += len(made.bad.requests) - before
        made.first.do = good
        assert all(made.ask(stream=stream)[0] == 200 for _ in range(20))
        if fallback and turn == 0:
            made.until_asked_again()
        asked += 40
    # with it: 5 failures and no more until the rest is over; without: one each and few retries
    assert ill <= 5 * 2 if fallback else ill <= 20 * 2 + 3 + 80 / 5
    rows = wait_for(lambda: len(made.gateway.rows()) >= asked and made.gateway.rows())
    assert len({row["request_id"] for row in rows}) == len(rows)
