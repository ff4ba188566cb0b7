"""/admin/v1/logs: what the rows say, by every filter, page by page, and as files of any size."""

import contextlib
import csv
import io
import json
import pathlib
import sqlite3
import urllib.parse
import urllib.request

import pytest

from admin import Admin, refused
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from provider import answer_once

COLUMNS = ("id request_id created_at user_id key_id endpoint requested_model served_model provider "
           "stream status http_status error_code attempts fallback_used prompt_tokens "
           "completion_tokens total_tokens cached_tokens cache_write_tokens reasoning_tokens "
           "usage_source latency_ms first_token_ms request_bytes response_bytes").split()


@pytest.fixture
def logged(provide, gateway, connect):
    """A gateway with ten calls behind it, two of them of a model that is not there."""
    made = gateway(provide(answer_once()), models=[{"name": "m", "provider": "private"},
                                                   {"name": "n", "provider": "private"}])
    client = connect(made)
    key = made.create_key(user="ann")

    def send(model, who, number):
        client.send(request(chat(model), who, extra=f"x-request-id: call-{number}\r\n"))
        return client.answer()[0]

    wait_for(lambda: send("m", key, 0) == 200)
    for number in range(1, 9):
        assert send("mn"[number % 2], (key, ADMIN_KEY)[number > 4], number) == 200
    for number in (9, 10):
        assert send("absent", key, number) == 404
    wait_for(lambda: len(made.rows("request_id LIKE 'call-%'")) >= 11)
    made.admin = Admin(made)
    return made


def calls(rows):
    return [row["request_id"] for row in rows if row["request_id"].startswith("call-")]


def test_rows_as_they_stand(logged):
    row = logged.admin.get("/logs?request_id=call-3").json["data"]
    stored = logged.row("call-3")
    assert len(row) == 1 and list(row[0]) == COLUMNS
    for name in COLUMNS:
        value = row[0][name]
        stored_value = stored[name]
        if name in ("stream", "fallback_used"):
            stored_value = bool(stored_value)
        assert value == stored_value, name


def test_newest_first_by_every_filter(logged):
    get = lambda query: calls(logged.admin.all("/logs?" + query, limit=3))
    everything = get("from=2020-01-01T00:00:00Z")
    assert everything[:3] == ["call-10", "call-9", "call-8"] and everything[-1] == "call-0"
    assert get("status=client_error&model=absent") == ["call-10", "call-9"]
    assert get("model=n") == ["call-7", "call-5", "call-3", "call-1"]
    assert get("provider=private&model=m")[:3] == ["call-8", "call-6", "call-4"]
    user = logged.row("call-1")["user_id"]
    assert get(f"user_id={user}&model=m")[:2] == ["call-4", "call-2"]
    assert get(f"key_id={logged.row('call-8')['key_id']}&status=ok")[0] == "call-8"
    third = urllib.parse.quote(logged.row("call-3")["created_at"])
    assert set(get(f"from={third}")) >= {f"call-{n}" for n in range(3, 11)}
    assert "call-8" not in get(f"to={third}")
    assert get("to=2020-01-01T00:00:00Z") == []


def test_what_is_asked_wrongly(logged):
    for query, param in (("from=yesterday", "from"), ("status=good", "status"),
                         ("key_id=0", "key_id"), ("limit=1001", "limit"), ("cursor=zz", "cursor"),
                         ("cursor=61", "cursor"), ("format=xml", "format"), ("colour=red", "colour"),
                         ("format=csv&from=now", "from"), ("format=jsonl&user_id=x", "user_id")):
        error = logged.admin.get("/logs?" + query)
        assert error.status == 400 and error.error["param"] == param, (query, error.body)
    key = logged.create_key(user="ann")
    wait_for(lambda: Admin(logged, key).get("/logs").status != 401)
    refused(Admin(logged, key).get("/logs?format=csv"), 403, "admin_only")


def fetch(gateway, query):
    asked = urllib.request.Request(f"{gateway.url}/admin/v1/logs?{query}",
                                   headers={"authorization": f"Bearer {ADMIN_KEY}"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        return answer.headers, answer.read().decode()


def test_exports(logged):
    listed = logged.admin.all("/logs?model=n")
    headers, text = fetch(logged, "format=jsonl&model=n")
    assert headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in text.splitlines()] == listed
    headers, text = fetch(logged, "model=n&format=csv")
    assert headers["content-type"].startswith("text/csv") and "logs.csv" in headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["id"] for row in rows] == [row["id"] for row in listed]
    assert list(rows[0]) == COLUMNS and rows[0]["stream"] == "false"
    assert fetch(logged, "model=nothing&format=csv")[1] == ",".join(COLUMNS) + "\r\n"
    assert fetch(logged, "model=nothing&format=jsonl")[1] == ""


def test_a_parameter_may_be_encoded(logged):
    listed = logged.admin.get("/logs?%6dodel=%6e").json["data"]
    assert calls(listed) == ["call-7", "call-5", "call-3", "call-1"]
    headers, text = fetch(logged, "mo%64el=n&f%6frmat=js%6fnl")
    assert headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in text.splitlines()] == listed
    twice = logged.admin.get("/logs?format=csv&f%6frmat=csv")
    assert twice.status == 400 and twice.error["param"] == "format"


def test_the_head_of_an_export(logged, connect):
    client = connect(logged)
    told = {}
    for method in ("GET", "HEAD", "GET"):  # the connection goes on behind a HEAD
        client.send(request(b"", ADMIN_KEY, path="/admin/v1/logs?format=csv", method=method))
        status, told[method] = client.read_head()
        assert status == 200
        if method == "GET":
            assert client.read_body(told[method])[1]
    varying = ("date", "x-request-id", "traceparent")
    fields = lambda method: {k: v for k, v in told[method].items() if k not in varying}
    assert fields("HEAD") == fields("GET")
    client.send(request(b"", ADMIN_KEY, path="/admin/v1/logs?format=csv&from=now", method="HEAD"))
    assert client.read_head()[0] == 400


def insert_many(gateway, number):
    """Copies of one row, straight into the store."""
    with contextlib.closing(sqlite3.connect(f"{gateway.folder}/courier.db", timeout=60)) as db:
        db.execute(f"""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number})
            INSERT INTO usage_logs SELECT printf('00000000-0000-7000-8000-%012x', i), 'copy-' || i,
            created_at, user_id, key_id, endpoint, requested_model, served_model, provider, stream,
            status, http_status, error_code, attempts, fallback_used, prompt_tokens,
            completion_tokens, total_tokens, cached_tokens, cache_write_tokens, reasoning_tokens,
            usage_source, latency_ms, first_token_ms, request_bytes, response_bytes
            FROM usage_logs, n WHERE request_id = 'call-1'""")
        db.commit()


def test_an_export_of_any_size(logged):
    insert_many(logged, 20000)
    _, text = fetch(logged, "format=jsonl")
    ids = [json.loads(line)["id"] for line in text.splitlines()]
    assert len([i for i in ids if i.startswith("00000000-")]) == 20000
    assert ids == sorted(set(ids), reverse=True)


def unsent(gateway, client):
    """What the gateway has written and the client's kernel has no room for, in bytes."""
    ours, theirs = f":{gateway.port:04X}", f":{client.sock.getsockname()[1]:04X}"
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines():
        _, local, remote, _, queues, *_ = line.split()
        if local.endswith(ours) and remote.endswith(theirs):
            return int(queues.split(":")[0], 16)
    return 0


def test_a_client_that_pauses_in_an_export(logged, connect):
    """More than all the buffers between can hold: the next page waits until there is room."""
    insert_many(logged, 20000)
    client = connect(logged)
    client.send(request(b"", ADMIN_KEY, path="/admin/v1/logs?format=jsonl&model=n", method="GET"))

    def stands_still():
        before = unsent(logged, client)
        for _ in range(50):
            logged.admin.get("/users")
        return before and unsent(logged, client) == before

    wait_for(stands_still)
    assert client.answer()[2].decode() == fetch(logged, "format=jsonl&model=n")[1]


def test_a_client_that_leaves_an_export(logged, connect):
    insert_many(logged, 20000)
    for _ in range(3):
        client = connect(logged)
        client.send(request(b"", ADMIN_KEY, path="/admin/v1/logs?format=csv", method="GET"))
        assert client.read_head()[0] == 200
        client.read_until(b"copy-19")
        client.close()
    assert logged.admin.get("/logs?limit=1").status == 200
