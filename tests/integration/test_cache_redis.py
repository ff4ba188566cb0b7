"""Answers that several instances keep in one Redis."""

import pytest
from client import chat, request
from gateway import ADMIN_KEY as KEY
from gateway import wait_for
from provider import answer
from test_cache import KEPT, Asker, Counting, big_stream, stream_once

SECRET = "a-secret-that-all-instances-share"


@pytest.fixture
def server(redis):
    return redis()


@pytest.fixture
def instance(server, gateway, connect):
    """instance(provider): an asker of one more gateway at that Redis, which is waited for."""

    def make(provider, secret=SECRET, timeout="10s"):
        return Asker(connect, gateway(provider, model=KEPT, limiter=server.url, secret_key=secret,
                                      cache={"timeout": timeout}))

    return make


def ask_until(mark, ask, **more):
    """What was kept may still be on its way, and a lost connection come back: asks until it is a
    hit, or a miss, and returns the body."""

    def asked():
        got = ask(**more)
        return got if got[0] == mark else None

    return wait_for(asked)[1]


def test_instances_share(provide, instance):
    provider = provide(Counting())
    one, two = instance(provider), instance(provider)
    for stream in (False, True):
        ask_until("hit", one, stream=stream)
        body = ask_until("hit", two, stream=stream)
        assert ask_until("hit", one, stream=stream) == body
    row = two.row()
    assert (row["attempts"], row["total_tokens"], row["usage_source"]) == (0, 0, "none")


def test_each_key_has_its_own(provide, instance, connect):
    ask = instance(provide(Counting()))
    other = Asker(connect, ask.gateway, ask.gateway.create_key())
    wait_for(lambda: other.whole(chat("nothing"))[0] == 404)
    first = ask_until("hit", ask)
    assert ask_until("hit", other) != first


def test_redis_tells_nobody(provide, instance, server):
    ask = instance(provide(Counting()))
    ask_until("hit", ask)
    names = server.ask("KEYS", "courier:answer:*")
    assert len(names) == 1
    assert 0 < server.ask("PTTL", names[0]) <= 3600 * 1000
    value = server.ask("GET", names[0])
    for word in (b"answer", b"content", b"private", b"application/json"):
        assert word not in value

    # what was changed, and what another installation kept, is no answer
    server.ask("SETRANGE", names[0], 40, b"x")
    assert ask()[0] == "miss"
    stranger = instance(provide(Counting()), secret="another-secret-of-somebody-else")
    assert ask_until("hit", stranger) is not None
    assert len(server.ask("KEYS", "courier:answer:*")) == 2


def test_a_large_stream(provide, instance):
    events = big_stream(800)
    provider = provide(stream_once(*events))
    one, two = instance(provider), instance(provider)
    assert ask_until("hit", one, stream=True) == b"".join(events)
    assert ask_until("hit", two, stream=True) == b"".join(events)


def test_redis_hangs(provide, instance, server):
    ask = instance(provide(Counting()), timeout="50ms")
    ask_until("hit", ask)
    server.pause()
    for _ in range(10):
        assert ask()[0] == "miss"
    server.go_on()
    ask_until("hit", ask)


def test_redis_is_gone(provide, instance, server):
    ask = instance(provide(Counting()))
    ask_until("hit", ask)
    server.kill()
    for stream in (False, True):
        assert ask(stream=stream)[0] == "miss"
    server.start()
    ask_until("hit", ask)


def test_redis_is_away_at_the_start(provide, instance, server):
    server.kill()
    ask = instance(provide(Counting()))
    assert ask() == ("miss", answer("answer 1"))
    server.start()
    ask_until("hit", ask)


def test_a_client_leaves_while_redis_hangs(provide, instance, server, connect):
    ask = instance(provide(Counting()))
    ask_until("hit", ask)
    server.pause()
    client = connect(ask.gateway)
    client.send(request(chat(seed=1), KEY, extra="x-request-id: left\r\n"))
    client.close()
    assert ask.gateway.row("left")["status"] == "client_closed"
    server.go_on()
    assert ask_until("hit", ask)
