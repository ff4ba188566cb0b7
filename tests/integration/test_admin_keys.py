"""/admin/v1/keys: made, shown once, limited, disabled, rotated, revoked."""

import re
import signal
import sqlite3
import threading

import pytest

from admin import Admin, refused
from client import chat, request
from gateway import wait_for
from provider import answer_once


@pytest.fixture
def gateway(gateway, either_store):
    """On each kind of store."""
    return lambda *args, **settings: gateway(*args, **either_store(), **settings)


@pytest.fixture
def running(provide, gateway):
    return gateway(provide(answer_once()))


@pytest.fixture
def admin(running):
    return Admin(running)


@pytest.fixture
def status(running, connect):
    """status(key): what a call with it is answered."""
    client = connect(running)

    def ask(key):
        client.send(request(chat(), key))
        return client.answer()[0]

    return ask


def test_a_key_is_shown_once(admin, status):
    ann = admin.user()
    key = admin.new_key(ann, name="laptop")
    token = key["key"]
    assert re.fullmatch(r"sk-cr-[A-Za-z0-9_-]{43}", token)
    wait_for(lambda: status(token) == 200)
    shown = admin.get(f"/keys/{key['id']}").json
    assert shown == {name: value for name, value in key.items() if name != "key"}
    assert token.startswith(shown["prefix"]) and len(shown["prefix"]) < 14
    assert (shown["user_id"], shown["user_name"]) == (ann["id"], "ann")
    for member in ("rpm", "tpm", "concurrency", "models", "expires_at", "last_used_at"):
        assert shown[member] is None
    assert shown["model_limits"] == {} and shown["admin"] is False
    assert admin.all("/audit?object_type=key")[0]["after"] == shown


def test_every_member_is_kept(admin):
    members = {
        "name": "café ☕", "status": "disabled", "admin": True, "rpm": 60, "tpm": 2000000000,
        "concurrency": 1000000000, "models": ["a", "b/c"], "expires_at": "2100-01-31T12:00:00.000Z",
        "model_limits": {"a": {"rpm": 1, "tpm": None, "concurrency": 2},
                         "b/c:d": {"rpm": None, "tpm": 5, "concurrency": None}},
    }
    key = admin.new_key(admin.user(), **members)
    assert {name: key[name] for name in members} == members
    nothing = {"name": "", "status": "active", "admin": False, "rpm": None, "tpm": None,
               "concurrency": None, "models": None, "expires_at": None, "model_limits": {}}
    cleared = admin.patch(f"/keys/{key['id']}", {name: None for name in members}).json
    assert {name: cleared[name] for name in nothing} == nothing
    offset = admin.patch(f"/keys/{key['id']}", {"expires_at": "2100-01-31T12:00:00+02:00"}).json
    assert offset["expires_at"] == "2100-01-31T10:00:00.000Z"


WRONG = [
    ({"rpm": 0}, "invalid_value", "rpm", "from 1"),
    ({"rpm": 1.5}, "invalid_value", "rpm", "whole number"),
    ({"rpm": -1}, "invalid_value", "rpm", "whole number"),
    ({"rpm": "60"}, "invalid_type", "rpm", "a whole number"),
    ({"tpm": 10 ** 30}, "invalid_value", "tpm", "allowed"),
    ({"concurrency": True}, "invalid_type", "concurrency", "boolean"),
    ({"admin": "yes"}, "invalid_type", "admin", "a boolean"),
    ({"models": []}, "invalid_value", "models", "null"),
    ({"models": "a"}, "invalid_type", "models", "array"),
    ({"models": [1]}, "invalid_value", "models", "no string"),
    ({"models": ["a,b"]}, "invalid_value", "models", "comma"),
    ({"models": ["a", ""]}, "invalid_value", "models", "empty"),
    ({"models": ["a b"]}, "invalid_value", "models", "character"),
    ({"models": ["x" * 129]}, "invalid_value", "models", "too long"),
    ({"expires_at": "30d"}, "invalid_value", "expires_at", "RFC 3339"),
    ({"expires_at": "2001-01-01T00:00:00Z"}, "invalid_value", "expires_at", "to come"),
    ({"expires_at": 1}, "invalid_type", "expires_at", "a string"),
    ({"status": "revoked"}, "invalid_value", "status", "active | disabled"),
    ({"model_limits": []}, "invalid_type", "model_limits", "an object"),
    ({"model_limits": {"a": 1}}, "invalid_type", "model_limits.a", "rpm, tpm"),
    ({"model_limits": {"a": {"rpm": 0}}}, "invalid_value", "model_limits.a.rpm", "from 1"),
    ({"model_limits": {"a": {"rps": 1}}}, "unknown_parameter", "model_limits.a.rps", "rpm, tpm"),
    ({"model_limits": {"": {}}}, "invalid_value", "model_limits", "1 to 128"),
    (b'{"user_id":2,"model_limits":{"a":{},"\\u0061":{}}}', "duplicate_parameter", "model_limits.a",
     "more than once"),
    (b'{"user_id":2,"model_limits":{"a":{"rpm":1,"rpm":1}}}', "duplicate_parameter",
     "model_limits.a.rpm", "more than once"),
    ({"name": "a\u009b2J"}, "invalid_value", "name", "control"),
    ({"model_limits": {"a\0b": {}}}, "invalid_value", "model_limits", "visible"),
    ({"model_limits": {"\u009b": {}}}, "invalid_value", "model_limits", "visible"),
    ({"model_limits": {"a,b": {}}}, "invalid_value", "model_limits", "comma"),
    ({"user_id": 99}, "invalid_value", "user_id", "no user 99"),
    ({"user_id": 0}, "invalid_value", "user_id", "from 1"),
    ({"user_id": None}, "invalid_value", "user_id", "null"),
    ({"hash": "x"}, "unknown_parameter", "hash", "allowed"),
    ({"key": "sk-cr-own"}, "unknown_parameter", "key", "allowed"),
]


def test_what_is_wrong_is_named(admin):
    ann = admin.user()
    for members, code, param, told in WRONG:
        body = members if isinstance(members, bytes) else {"user_id": ann["id"], **members}
        assert told in refused(admin.post("/keys", body), 400, code, param), members
    assert len(admin.all(f"/keys?user_id={ann['id']}")) == 0


def test_the_user_of_a_key_cannot_change(admin):
    key = admin.new_key(admin.user())
    told = refused(admin.patch(f"/keys/{key['id']}", {"user_id": 1}), 400, "unknown_parameter",
                   "user_id")
    assert "Unchangeable" in told


def test_disable_and_revoke(admin, status):
    key = admin.new_key(admin.user())
    path = f"/keys/{key['id']}"
    wait_for(lambda: status(key["key"]) == 200)
    assert admin.patch(path, {"status": "disabled"}).json["status"] == "disabled"
    wait_for(lambda: status(key["key"]) == 401)
    assert admin.patch(path, {"status": "active"}).json["status"] == "active"
    wait_for(lambda: status(key["key"]) == 200)
    for _ in range(2):
        assert admin.delete(path).status == 204
    wait_for(lambda: status(key["key"]) == 401)
    assert admin.get(path).json["status"] == "revoked"
    refused(admin.patch(path, {"status": "active"}), 409, "conflict")
    refused(admin.post(path + "/rotate"), 409, "conflict")


def test_expiry_is_told(admin, status):
    key = admin.new_key(admin.user(), expires_at="2100-01-01T00:00:00Z")
    wait_for(lambda: status(key["key"]) == 200)
    assert admin.get("/keys?status=expired").json["data"] == []


def test_rotation_with_grace(admin, status):
    key = admin.new_key(admin.user(), rpm=1000)
    path = f"/keys/{key['id']}"
    wait_for(lambda: status(key["key"]) == 200)
    new = admin.post(path + "/rotate", {"grace": "1h"})
    assert new.status == 200 and new.json["id"] == key["id"] and new.json["rpm"] == 1000
    assert new.json["key"] != key["key"] and new.json["version"] == 2
    assert new.json["previous_key_valid_until"]
    wait_for(lambda: status(new.json["key"]) == 200)
    assert status(key["key"]) == 200
    # the one before the last is gone
    newer = admin.post(path + "/rotate").json
    wait_for(lambda: status(newer["key"]) == 200)
    wait_for(lambda: status(key["key"]) == 401)
    assert status(new.json["key"]) == 200
    # a revocation ends both
    assert admin.delete(path).status == 204
    wait_for(lambda: status(newer["key"]) == 401)
    assert status(new.json["key"]) == 401
    assert admin.get(path).json["previous_key_valid_until"] is None
    rows = admin.all("/audit?action=rotate")
    assert len(rows) == 2 and rows[1]["before"]["prefix"] == key["prefix"]


def test_rotation_at_once(admin, status):
    key = admin.new_key(admin.user())
    wait_for(lambda: status(key["key"]) == 200)
    new = admin.post(f"/keys/{key['id']}/rotate", {"grace": "0"}).json
    assert new["previous_key_valid_until"] is None
    wait_for(lambda: status(new["key"]) == 200)
    assert status(key["key"]) == 401


def test_disabling_ends_both_of_a_rotated_key(admin, status):
    key = admin.new_key(admin.user())
    new = admin.post(f"/keys/{key['id']}/rotate").json
    wait_for(lambda: status(new["key"]) == 200 and status(key["key"]) == 200)
    admin.patch(f"/keys/{key['id']}", {"status": "disabled"})
    wait_for(lambda: status(new["key"]) == 401)
    assert status(key["key"]) == 401
    admin.patch(f"/keys/{key['id']}", {"status": "active"})
    wait_for(lambda: status(new["key"]) == 200)
    assert status(key["key"]) == 200


def test_rotation_is_asked_for_properly(admin):
    key = admin.new_key(admin.user())
    for body, code, param in (
        ({"grace": "31d"}, "invalid_value", "grace"),
        ({"grace": "soon"}, "invalid_value", "grace"),
        ({"grace": 5}, "invalid_type", "grace"),
        ({"gracious": "1h"}, "unknown_parameter", "gracious")):
        refused(admin.post(f"/keys/{key['id']}/rotate", body), 400, code, param)
    refused(admin.post(f"/keys/{key['id']}/rotate", {"version": 2}), 409, "version_conflict")
    refused(admin.post("/keys/99/rotate"), 404, "not_found")


def test_filters(admin):
    ann, bob = admin.user("ann"), admin.user("bob")
    one, two = admin.new_key(ann, name="one"), admin.new_key(ann, name="two")
    three = admin.new_key(bob, name="one", status="disabled")
    admin.delete(f"/keys/{two['id']}")

    def ids(query):
        return [key["id"] for key in admin.all("/keys?" + query)]

    assert ids(f"user_id={ann['id']}") == [one["id"], two["id"]]
    assert ids("name=one") == [one["id"], three["id"]]
    assert ids(f"prefix={one['prefix']}") == [one["id"]]
    assert ids("status=revoked") == [two["id"]]
    assert ids("status=disabled") == [three["id"]]
    assert one["id"] in ids("status=active")
    assert ids(f"user_id={ann['id']}&status=revoked&name=two") == [two["id"]]
    refused(admin.get("/keys?user_id=x"), 400, "invalid_value", "user_id")


def test_the_configured_key_is_the_files(admin):
    key = admin.get("/keys?limit=1").json["data"][0]
    assert key["source"] == "file" and key["admin"]
    for answer in (admin.patch(f"/keys/{key['id']}", {"name": "x"}),
                   admin.delete(f"/keys/{key['id']}"), admin.post(f"/keys/{key['id']}/rotate")):
        assert "admin_key" in refused(answer, 409, "read_only")
    for answer in (admin.delete(f"/users/{key['user_id']}"),
                   admin.patch(f"/users/{key['user_id']}", {"status": "disabled"})):
        refused(answer, 409, "read_only")


def test_the_last_admin_stays(gateway):
    made = gateway(admin_key=None)
    first = re.search(r"shown only now: (\S+)", made.text()).group(1)
    admin = Admin(made, first)
    key = admin.get("/keys").json["data"][0]
    path = f"/keys/{key['id']}"
    for answer in (admin.delete(path), admin.patch(path, {"status": "disabled"}),
                   admin.patch(path, {"admin": False}), admin.delete(f"/users/{key['user_id']}"),
                   admin.patch(f"/users/{key['user_id']}", {"status": "disabled"})):
        assert "last admin key" in refused(answer, 409, "conflict")
    assert admin.get(path).json["version"] == 1
    assert len(admin.all("/audit")) == 0
    second = admin.new_key(admin.user("boss"), admin=True)
    assert admin.delete(path).status == 204
    boss = Admin(made, second["key"])
    wait_for(lambda: boss.get("/users").status == 200)
    refused(boss.delete(f"/keys/{second['id']}"), 409, "conflict")


def test_the_time_of_administration_does_not_get_shorter(gateway):
    """A key that ends is no last admin key: it would lock everybody out on that day."""
    made = gateway(admin_key=None)
    admin = Admin(made, re.search(r"shown only now: (\S+)", made.text()).group(1))
    first = admin.get("/keys").json["data"][0]
    soon, late = "2100-01-01T00:00:00.000Z", "2101-01-01T00:00:00.000Z"
    path = f"/keys/{first['id']}"
    told = refused(admin.patch(path, {"expires_at": soon}), 409, "conflict")
    assert soon in told and "admin_key" in told
    ending = admin.new_key(admin.user("boss"), admin=True, expires_at=late)
    for answer in (admin.delete(path), admin.patch(path, {"status": "disabled"}),
                   admin.patch(path, {"admin": False}), admin.patch(path, {"expires_at": soon}),
                   admin.patch(f"/users/{first['user_id']}", {"status": "disabled"}),
                   admin.delete(f"/users/{first['user_id']}")):
        assert late in refused(answer, 409, "conflict")
    assert admin.get(path).json["version"] == 1 and admin.get(path).json["status"] == "active"
    # what does not matter goes on
    assert admin.patch(f"/keys/{ending['id']}", {"expires_at": soon}).status == 200
    assert admin.patch(f"/users/{first['user_id']}", {"name": "chief"}).status == 200
    lasting = admin.new_key(admin.user("other"), admin=True)
    assert admin.patch(path, {"expires_at": soon}).status == 200
    refused(admin.delete(f"/keys/{lasting['id']}"), 409, "conflict")


def test_a_configured_key_lasts(running, admin):
    key = admin.new_key(admin.user(), admin=True)
    assert admin.patch(f"/keys/{key['id']}", {"expires_at": "2100-01-01T00:00:00Z"}).status == 200
    assert admin.delete(f"/keys/{key['id']}").status == 204


@pytest.mark.parametrize("end", ["disable", "delete"])
def test_a_configured_key_whose_user_may_not_is_told(gateway, end):
    made = gateway(admin_key=None)
    admin = Admin(made, re.search(r"shown only now: (\S+)", made.text()).group(1))
    bob = admin.user("bob")
    key = admin.new_key(bob)
    if end == "disable":
        assert admin.patch(f"/users/{bob['id']}", {"status": "disabled"}).status == 200
    else:
        assert admin.delete(f"/users/{bob['id']}").status == 204
    made.settings["admin_key"] = key["key"]
    made.write([], [])
    made.signal(signal.SIGHUP)
    line = made.wait_log("the configured admin_key is refused, for its user is disabled or "
                         "deleted: enable the user, or configure another key")
    assert line["level"] == "error" and line["key_id"] == key["id"]
    assert line["user"].startswith("bob") and key["key"] not in made.text()
    made.wait_log("reloaded")
    refused(Admin(made, key["key"]).get("/users"), 401, "invalid_api_key")
    assert admin.get("/users").status == 200


def test_two_admins_cannot_end_each_other(gateway):
    """Whoever comes second finds himself the last, or his key gone."""
    made = gateway(admin_key=None)
    first = Admin(made, re.search(r"shown only now: (\S+)", made.text()).group(1))
    one = first.get("/keys").json["data"][0]
    two = first.new_key(first.user("boss"), admin=True)
    second = Admin(made, two["key"])
    wait_for(lambda: second.get("/users").status == 200)
    answers = []
    start = threading.Barrier(2)

    def end(who, whom):
        start.wait()
        answers.append(who.delete(f"/keys/{whom['id']}").status)

    threads = [threading.Thread(target=end, args=pair) for pair in ((first, two), (second, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.sort()
    assert answers[0] == 204 and answers[1] in (401, 409)
    assert sorted(who.get("/users").status for who in (first, second)) == [200, 401]


INSERT_KEYS = (
    "insert into api_keys (user_id, name, prefix, hash, is_admin, status, rpm, tpm, concurrency, "
    "models, created_at, from_file) ")


def insert_keys(running, user, n, postgres):
    """In one go: the API would take a while."""
    if running.settings["store"].startswith("sqlite:"):
        db = sqlite3.connect(f"{running.folder}/courier.db", timeout=60)
        with db:
            db.executemany(INSERT_KEYS + f"values ({user['id']}, ?, 'sk-cr-x', ?, 0, 'active', 0, "
                           "0, 0, '', '2026-01-01T00:00:00.000Z', 0)",
                           [(f"k{i}", i.to_bytes(32, "big")) for i in range(n)])
        db.close()
    else:
        postgres.sql(INSERT_KEYS + f"select {user['id']}, 'k' || n, 'sk-cr-x', "
                     "decode(lpad(to_hex(n), 64, '0'), 'hex'), false, 'active', 0, 0, 0, '', "
                     f"now(), 0 from generate_series(0, {n - 1}) as n order by n",
                     running.settings["store"].rsplit("/", 1)[1])


def test_ten_thousand_keys(running, admin, request):
    sqlite = running.settings["store"].startswith("sqlite:")
    ann = admin.user()
    insert_keys(running, ann, 10000, None if sqlite else request.getfixturevalue("postgres"))
    every = admin.all(f"/keys?user_id={ann['id']}", limit=1000)
    assert [key["name"] for key in every] == [f"k{n}" for n in range(10000)]
    every = admin.all(f"/keys?user_id={ann['id']}", limit=333)
    assert len({key["id"] for key in every}) == 10000


def test_a_client_that_leaves(running, admin, connect):
    for _ in range(20):
        client = connect(running)
        client.send(request({"name": "x"}, admin.key, path="/admin/v1/users"))
        client.close()
    assert admin.get("/users").status == 200
