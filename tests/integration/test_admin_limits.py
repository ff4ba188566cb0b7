"""Limits of a key for single models, with the memory limiter and with Redis."""

import json
import threading

from admin import Admin
from client import chat, request
from gateway import LIMIT, wait_for
from provider import answer_once

MODELS = [{"name": name, "provider": "private"} for name in ("a", "b")]


def ask(client, key, model, **more):
    client.send(request(chat(model, **more), key))
    return client.answer()


def known(client, key):
    client.send(request(b"", key, path="/v1/models", method="GET"))
    return client.answer()[0] == 200


def test_requests_of_a_model(provide, limited, connect):
    made = limited(provide(answer_once()), models=MODELS)
    admin, client = Admin(made), connect(made)
    key = admin.new_key(admin.user(), rpm=100, model_limits={"a": {"rpm": 2}})["key"]
    wait_for(lambda: known(client, key))
    left = []
    for _ in range(2):
        status, headers, _ = ask(client, key, "a")
        assert status == 200 and headers["x-ratelimit-limit-requests"] == "2"
        left.append(int(headers["x-ratelimit-remaining-requests"]))
    assert left == [1, 0]
    status, headers, _ = ask(client, key, "b")
    assert status == 200 and headers["x-ratelimit-limit-requests"] == "100"
    before = int(headers["x-ratelimit-remaining-requests"])
    for _ in range(3):
        status, headers, body = ask(client, key, "a")
        error = json.loads(body)["error"]
        assert (status, error["type"], error["code"]) == (429, "requests", "rate_limit_exceeded")
        assert " of a" in error["message"] and int(headers["retry-after"]) >= 1
    # what the model refused has cost the key nothing
    status, headers, _ = ask(client, key, "b")
    assert status == 200
    assert int(headers["x-ratelimit-remaining-requests"]) == before - 1


def test_what_the_key_refuses_costs_the_model_nothing(provide, limited, connect):
    made = limited(provide(answer_once()), models=MODELS)
    admin, client = Admin(made), connect(made)
    key = admin.new_key(admin.user(), concurrency=1000, rpm=3,
                        model_limits={"a": {"rpm": 50, "concurrency": 50}})
    wait_for(lambda: known(client, key["key"]))  # the first of three
    assert ask(client, key["key"], "a")[0] == 200
    assert ask(client, key["key"], "a")[0] == 200
    for _ in range(60):  # more than the model's limits hold
        status, _, body = ask(client, key["key"], "a")
        assert status == 429 and " of a" not in json.loads(body)["error"]["message"], body
    admin.patch(f"/keys/{key['id']}", {"rpm": None})
    wait_for(lambda: known(client, key["key"]))
    status, headers, _ = ask(client, key["key"], "a")
    assert (status, headers["x-ratelimit-remaining-requests"]) == (200, "47")


def test_requests_at_a_time_of_a_model(provide, limited, connect):
    go = threading.Semaphore(0)

    def script(connection):
        while connection.read_request():
            go.acquire()
            connection.json(b'{"choices":[]}')

    provider = provide(script)
    made = limited(provider, models=MODELS)
    admin = Admin(made)
    key = admin.new_key(admin.user(), model_limits={"a": {"concurrency": 1}})["key"]
    first, second, third = connect(made), connect(made), connect(made)
    wait_for(lambda: known(second, key))
    first.send(request(chat("a"), key))
    wait_for(lambda: provider.requests)
    status, _, body = ask(second, key, "a")
    assert (status, json.loads(body)["error"]["type"]) == (429, "concurrent_requests")
    third.send(request(chat("b"), key))
    wait_for(lambda: len(provider.requests) == 2)
    go.release()
    go.release()
    assert first.answer()[0] == 200 and third.answer()[0] == 200
    go.release()
    wait_for(lambda: ask(second, key, "a")[0] == 200, LIMIT)
