"""Limits of keys, with the memory limiter and with Redis."""

import collections
import json
import threading

import pytest
from client import Raw, chat, request
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import DONE, FINISH, HELLO, ROLE, USAGE, answer, answer_once
from load import either


def known(client, key):
    """Whether the running gateway has heard of the key; if so, that was a request of it."""
    client.send(request(b"", key, path="/v1/models", method="GET"))
    return client.answer()[0] == 200


def test_concurrency_is_kept_and_given_back(provide, limited, connect):
    go = threading.Semaphore(0)

    def script(connection):
        while connection.read_request():
            go.acquire()
            connection.json(b'{"choices":[]}')

    provider = provide(script)
    made = limited(provider)
    key = made.create_key("--concurrency", "1")
    first, second = connect(made), connect(made)
    wait_for(lambda: known(second, key))
    first.send(request(chat(), key))
    wait_for(lambda: provider.requests)
    second.send(request(chat(), key))
    status, headers, body = second.answer()
    assert (status, json.loads(body)["error"]["type"]) == (429, "concurrent_requests")
    assert int(headers["retry-after"]) >= 1
    go.release()
    assert first.answer()[0] == 200
    go.release()

    def taken():
        """Another worker may ask Redis before it has heard that the place is free."""
        second.send(request(chat(), key))
        return second.answer()[0] == 200

    wait_for(taken)


def test_limits_are_shared_by_the_workers(provide, limited):
    made = limited(provide(either), workers=4)
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


def test_concurrency_is_shared_by_the_workers(provide, limited):
    go = threading.Event()

    def script(connection):
        while connection.read_request():
            go.wait(LIMIT)
            connection.json(answer())

    provider = provide(script)
    made = limited(provider, workers=4)
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
def test_places_come_back(provide, limited, how):
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

    made = limited(provide(script))
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


def test_tokens_are_reserved_and_settled(provide, limited, connect):
    made = limited(provide(answer_once()))  # 29 tokens each
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


def test_headers_are_exact(provide, limited, connect):
    """On success, on 429 and on streams, and they count down one by one."""
    made = limited(provide(either))
    key = made.create_key("--rpm", "7")
    client = connect(made)
    wait_for(lambda: known(client, key))
    for left in range(5, -1, -1):
        client.send(request(chat(stream=left % 2 == 0), key))
        status, headers, _ = client.answer()
        assert status == 200
        assert headers["x-ratelimit-limit-requests"] == "7"
        assert headers["x-ratelimit-remaining-requests"] == str(left)
        assert headers["x-ratelimit-reset-requests"] in ("1m0s", "60s") or (
            headers["x-ratelimit-reset-requests"].endswith("s"))
    for _ in range(20):
        client.send(request(chat(), key))
        status, headers, body = client.answer()
        assert (status, json.loads(body)["error"]["type"]) == (429, "requests")
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert 0 < int(headers["retry-after-ms"]) <= 60000
        assert int(headers["retry-after"]) == -(-int(headers["retry-after-ms"]) // 1000)
