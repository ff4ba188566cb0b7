"""/admin/v1/usage and /v1/usage: the sums are those of the rows."""

import collections
import urllib.parse

import pytest

from admin import Admin, refused
from client import chat, request
from gateway import wait_for
from provider import answer_once

SUMS = ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens", "cache_write_tokens",
        "reasoning_tokens")


def sums_of(rows):
    return {"requests": len(rows), "errors": sum(row["status"] != "ok" for row in rows),
            **{name: sum(row[name] for row in rows) for name in SUMS}}


def told(row):
    return {name: row[name] for name in ("requests", "errors", *SUMS)}


@pytest.fixture
def used(provide, gateway, connect):
    made = gateway(provide(answer_once()), models=[{"name": "m", "provider": "private"},
                                                   {"name": "n", "provider": "private"}])
    client = connect(made)
    keys = [made.create_key(user="ann"), made.create_key(user="bob", *("--name", "laptop"))]

    def send(model, key):
        client.send(request(chat(model), key))
        return client.answer()[0]

    for key in keys:
        wait_for(lambda: send("m", key) == 200)
    for number in range(40):
        send(("m", "n", "m", "absent")[number % 4], keys[number % 3 == 0])
    wait_for(lambda: len(made.rows("requested_model IS NOT NULL")) >= 42)
    made.keys, made.admin = keys, Admin(made)
    return made


def asked(used, **query):
    return used.admin.get("/usage?" + urllib.parse.urlencode(
        {"from": "2020-01-01T00:00:00Z", "to": "2100-01-01T00:00:00Z", **query}))


@pytest.mark.parametrize("group, column", [
    ("model", "requested_model"), ("provider", "provider"), ("user", "user_id"), ("key", "key_id"),
    ("hour", "created_at"), ("day", "created_at"),
])
def test_sums_are_those_of_the_rows(used, group, column):
    # what is told of models is of calls only: questions have none, and go on meanwhile
    answer = asked(used, group_by=group)
    assert answer.status == 200 and answer.json["group_by"] == group
    expected = collections.defaultdict(list)
    for row in used.rows("requested_model IS NOT NULL"):
        name = row[column]
        if group == "hour":
            name = name[:13] + ":00:00Z"
        elif group == "day":
            name = name[:10]
        expected[name].append(row)
    if group in ("model", "provider"):
        found = {row["group"]: told(row) for row in answer.json["data"] if row["group"]}
        expected.pop(None, None)
        assert found == {name: sums_of(rows) for name, rows in expected.items()}
        return
    # by user, key or time the questions count, too: by model they are told apart
    for model in ("m", "n", "absent"):
        rows = asked(used, group_by=group, model=model).json["data"]
        id_of = {"user": "user_id", "key": "key_id"}.get(group, "group")
        mine = {name: [row for row in rows_ if row["requested_model"] == model]
                for name, rows_ in expected.items()}
        assert {row[id_of]: told(row) for row in rows} == {
            name: sums_of(rows_) for name, rows_ in mine.items() if rows_}


def test_names_stand_beside_ids(used):
    by_user = {row["group"] for row in asked(used, group_by="user").json["data"]}
    assert {"ann", "bob"} <= by_user
    assert "laptop" in {row["group"] for row in asked(used, group_by="key").json["data"]}


def test_one_row_without_a_group_and_filters_together(used):
    rows = used.rows("requested_model = 'm' AND user_id = (SELECT id FROM users WHERE name = 'bob')")
    answer = asked(used, model="m", user_id=rows[0]["user_id"], key_id=rows[0]["key_id"],
                   provider="private")
    assert [told(row) for row in answer.json["data"]] == [sums_of(rows)]
    row = answer.json["data"][0]
    assert row["latency_p50_ms"] <= row["latency_p95_ms"] <= row["latency_p99_ms"]
    nothing = asked(used, model="never").json["data"]
    assert all(row["requests"] == 0 for row in nothing)


@pytest.mark.parametrize("group", ["model", "key", "hour"])
def test_pages_follow_each_other(used, group):
    whole = asked(used, group_by=group, model="m").json["data"]
    found, cursor = [], None
    while True:
        page = asked(used, group_by=group, model="m", limit=1, **({"cursor": cursor} if cursor else {}))
        assert page.status == 200 and len(page.json["data"]) == 1
        found += page.json["data"]
        cursor = page.json["next"]
        if not cursor:
            break
    assert found == whole
    beyond = asked(used, group_by=group, cursor=str(1 << 40))
    assert beyond.json["data"] == [] and beyond.json["next"] is None


def test_a_key_sees_its_own(used, connect):
    me = Admin(used, used.keys[1])
    answer = me.get("/v1/usage?group_by=model&from=2020-01-01T00:00:00Z")
    assert answer.status == 200
    rows = used.rows("requested_model IS NOT NULL AND "
                     "user_id = (SELECT id FROM users WHERE name = 'bob')")
    found = {row["group"]: told(row) for row in answer.json["data"] if row["group"]}
    assert found == {name: sums_of([row for row in rows if row["requested_model"] == name])
                     for name in {row["requested_model"] for row in rows}}
    for query in ("key_id=1", "user_id=1", "provider=private"):
        refused(me.get("/v1/usage?" + query), 400, "unknown_parameter", query.split("=")[0])
    refused(me.get("/usage"), 403, "admin_only")


def test_what_is_asked_wrongly(used):
    for query, param in ((dict(group_by="colour"), "group_by"), (dict(cursor="x"), "cursor"),
                         (dict(limit="0"), "limit"),
                         (dict(limit="10001"), "limit"), (dict(to="2019-01-01T00:00:00Z"), "from"),
                         (dict(user_id="ann"), "user_id")):
        answer = asked(used, **query)
        assert (answer.status, answer.error["param"]) == (400, param), answer.body


def test_the_last_day_is_told_when_no_time_is_given(used):
    answer = used.admin.get("/usage?group_by=model").json
    assert {row["group"] for row in answer["data"] if row["group"]} == {"m", "n", "absent"}
    assert answer["from"].endswith(":00:00.000Z") and answer["to"] > answer["from"]
