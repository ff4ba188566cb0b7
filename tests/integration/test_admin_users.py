"""/admin/v1/users, and what holds for all objects: gates, versions, pages, JSON, the audit log."""

import json
import re
import threading

import pytest

from admin import Admin, refused
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from provider import answer_once

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.fixture
def gateway(gateway, either_store):
    """On each kind of store."""
    return lambda *args, **settings: gateway(*args, **either_store(), **settings)


@pytest.fixture
def admin(gateway):
    return Admin(gateway())


def test_a_user_from_birth_to_deletion(admin):
    made = admin.post("/users", {"name": "ann"})
    ann = made.json
    assert (made.status, made.headers["location"]) == (201, f"/admin/v1/users/{ann['id']}")
    assert made.headers["etag"] == '"1"' and ann["version"] == 1
    assert ann["name"] == "ann" and ann["status"] == "active" and ann["deleted_at"] is None
    assert TIME.fullmatch(ann["created_at"]) and ann["updated_at"] == ann["created_at"]
    shown = admin.get(f"/users/{ann['id']}")
    assert shown.json == ann and shown.headers["etag"] == '"1"'
    assert shown.headers["cache-control"] == "no-store"

    changed = admin.patch(f"/users/{ann['id']}", {"name": "anna", "status": "disabled"})
    assert changed.status == 200 and changed.headers["etag"] == '"2"'
    assert (changed.json["name"], changed.json["status"]) == ("anna", "disabled")
    assert admin.patch(f"/users/{ann['id']}", {"status": None}).json["status"] == "active"
    same = admin.patch(f"/users/{ann['id']}", {})
    assert same.status == 200 and same.json["name"] == "anna"

    for _ in range(2):
        gone = admin.delete(f"/users/{ann['id']}")
        assert (gone.status, gone.body) == (204, "")
        assert "content-length" not in gone.headers
    kept = admin.get(f"/users/{ann['id']}").json
    assert kept["status"] == "deleted" and TIME.fullmatch(kept["deleted_at"])
    assert kept["name"] == f"anna (deleted {ann['id']})"
    assert ann["id"] not in [u["id"] for u in admin.all("/users")]
    assert [u["id"] for u in admin.all("/users?status=deleted")] == [ann["id"]]
    refused(admin.patch(f"/users/{ann['id']}", {"name": "x"}), 409, "conflict")
    again = admin.user("anna")
    assert again["id"] != ann["id"]


def test_names_are_unique(admin):
    admin.user("ann")
    bob = admin.user("bob")
    assert "ann" in refused(admin.post("/users", {"name": "ann"}), 409, "already_exists", "name")
    refused(admin.patch(f"/users/{bob['id']}", {"name": "ann"}), 409, "already_exists", "name")
    assert admin.get(f"/users/{bob['id']}").json["version"] == 1


WRONG = [
    ({}, "missing_required_parameter", "name", "name"),
    ({"name": ""}, "invalid_value", "name", "allowed"),
    ({"name": "  "}, "invalid_value", "name", "empty"),
    ({"name": "x" * 129}, "invalid_value", "name", "128"),
    ({"name": "a\nb"}, "invalid_value", "name", "control"),
    ({"name": "a\0b"}, "invalid_value", "name", "control"),
    ({"name": "bob\u202eyliame"}, "invalid_value", "name", "control"),
    ({"name": "\u2066bob"}, "invalid_value", "name", "control"),
    (b'{"name":"a\\ud800"}', "invalid_value", "name", "surrogate"),
    ({"name": "a\ufffd"}, "invalid_value", "name", "surrogate"),
    ({"name": 7}, "invalid_type", "name", "a string"),
    ({"name": None}, "invalid_value", "name", "null"),
    ({"name": "a", "status": "gone"}, "invalid_value", "status", "active | disabled"),
    ({"name": "a", "nick": 1}, "unknown_parameter", "nick", "name, status"),
    ({"name": "a", "id": 1}, "unknown_parameter", "id", "name, status"),
    ({"name": "a", "version": 1}, "unknown_parameter", "version", "name, status"),
    (b'{"name":"a","name":"b"}', "duplicate_parameter", "name", "name"),
    (b'{"name":"a","\\u006eame":"b"}', "duplicate_parameter", "name", "name"),
    (b"[]", "invalid_json", None, "object"),
    (b"", "invalid_json", None, "empty"),
    (b'{"name":"\xff"}', "invalid_json", None, "UTF-8"),
    (b'{"name":"a"}x', "invalid_json", None, ""),
]


def test_what_is_wrong_is_named(admin):
    for body, code, param, told in WRONG:
        assert told in refused(admin.post("/users", body), 400, code, param)
    assert len(admin.all("/users")) == 1


def test_json_cut_at_every_byte(admin):
    whole = json.dumps({"name": "Zoë \\ \"x\"", "status": "active"}).encode()
    for end in range(len(whole)):
        refused(admin.post("/users", whole[:end]), 400, "invalid_json")
    assert admin.post("/users", whole).json["name"] == "Zoë \\ \"x\""


def test_a_body_has_a_limit(admin):
    refused(admin.post("/users", {"name": "x" * (1 << 20)}), 413, "request_too_large")


def test_only_admins(provide, gateway):
    made = gateway(provide(answer_once()))
    admin = Admin(made)
    key = admin.new_key(admin.user())["key"]
    plain = Admin(made, key)
    wait_for(lambda: plain.get("/users").status == 403)
    for method, path in (("GET", "/users"), ("POST", "/users"), ("PATCH", "/users/1"),
                         ("DELETE", "/keys/1"), ("POST", "/keys/1/rotate"), ("GET", "/audit")):
        refused(plain.ask(method, path, {} if method == "POST" else None), 403, "admin_only")
    refused(Admin(made, "sk-cr-unknown").get("/users"), 401, "invalid_api_key")


def test_what_is_not_there(admin):
    for path in ("/users/99", "/users/x", "/users/-1", "/users/99999999999999999999", "/users/1%00",
                 "/users/1/2", "/users/%ff", "/keys/99"):
        refused(admin.get(path), 404, "not_found")
        refused(admin.patch(path, {}), 404, "not_found")
        refused(admin.delete(path), 404, "not_found")
    refused(admin.ask("PUT", "/users/1", {}), 405, "method_not_allowed")
    refused(admin.get("/nothing"), 404, "unknown_url")


def test_versions(admin):
    path = f"/users/{admin.user()['id']}"
    assert admin.patch(path, {"name": "b", "version": 1}).json["version"] == 2
    message = refused(admin.patch(path, {"name": "c", "version": 1}), 409, "version_conflict",
                      "version")
    assert "1" in message and "2" in message
    refused(admin.patch(path, {"name": "c"}, if_match='"1"'), 412, "precondition_failed")
    refused(admin.patch(path, {"name": "c"}, if_match='W/"2"'), 412, "precondition_failed")
    refused(admin.delete(path, {"version": 1}), 409, "version_conflict")
    refused(admin.delete(path, if_match='"7", "8"'), 412, "precondition_failed")
    refused(admin.delete(path, if_match=""), 412, "precondition_failed")  # an unset variable
    for wrong in (0, -1, "2", 1.5, True):
        refused(admin.patch(path, {"version": wrong}), 400, "invalid_type", "version")
    refused(admin.delete(path, {"name": "x"}), 400, "unknown_parameter", "name")
    assert admin.patch(path, {"name": "c"}, if_match='"1", "2"').json["version"] == 3
    assert admin.patch(path, {"name": "d"}, if_match="*").json["version"] == 4
    assert admin.delete(path, {"version": 4}).status == 204
    assert admin.delete(path, {"version": 4}).status == 204


def test_two_race_and_one_wins(admin):
    path = f"/users/{admin.user()['id']}"
    rounds, at_once = 20, 4
    for version in range(1, rounds + 1):
        results = []
        start = threading.Barrier(at_once)

        def change(n, version=version):
            start.wait()
            results.append(admin.patch(path, {"name": f"v{version}-{n}", "version": version}))

        threads = [threading.Thread(target=change, args=(n,)) for n in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(r.status for r in results) == [200] + [409] * (at_once - 1)
        winner = next(r.json for r in results if r.status == 200)
        assert admin.get(path).json == winner
    updates = admin.all("/audit?object_type=user&action=update")
    assert [u["after"]["version"] for u in updates] == list(range(rounds + 1, 1, -1))


def test_pages_stay_while_others_come_and_go(admin):
    ids = [admin.user(f"user {n}")["id"] for n in range(30)]
    seen, cursor, page_no = [], "", 0
    while cursor is not None:
        page = admin.get("/users?limit=4" + (f"&cursor={cursor}" if cursor else "")).json
        seen += [u["id"] for u in page["data"]]
        cursor = page["next"]
        if seen and page_no % 2 == 0:  # the last one seen, and one that was not
            admin.delete(f"/users/{seen[-1]}")
            admin.user(f"late {page_no}")
        page_no += 1
    assert seen == sorted(set(seen))
    assert set(ids) <= set(seen)
    every = admin.all("/users", limit=1)
    assert [u["id"] for u in every] == sorted(u["id"] for u in every)


def test_filters_and_parameters(admin):
    ann, bob = admin.user("ann & co"), admin.user("bob")
    admin.patch(f"/users/{bob['id']}", {"status": "disabled"})
    assert [u["id"] for u in admin.all("/users?name=ann+%26%20co")] == [ann["id"]]
    assert [u["id"] for u in admin.all("/users?status=disabled")] == [bob["id"]]
    assert bob["id"] not in [u["id"] for u in admin.all("/users?status=active")]
    assert admin.all("/users?name=nobody") == []
    for path in ("/users", "/keys", "/audit"):
        for key in (b"' or 1=1 --", b"-1", b"0", b"99999999999999999999", "é".encode()):
            refused(admin.get(f"{path}?cursor={key.hex()}"), 400, "invalid_value", "cursor")
    for query, param in (("limit=0", "limit"), ("limit=1001", "limit"), ("limit=x", "limit"),
                         ("cursor=zz", "cursor"), ("cursor=abc", "cursor"),
                         ("status=gone", "status"), ("name=%ff", "name")):
        refused(admin.get("/users?" + query), 400, "invalid_value", param)
    assert "limit, cursor, name, status" in refused(
        admin.get("/users?page=2"), 400, "unknown_parameter", "page")
    refused(admin.get("/users?name=a&name=b"), 400, "duplicate_parameter", "name")
    refused(admin.get("/users/1?x=1"), 400, "unknown_parameter", "x")


def test_deleting_a_user_ends_the_keys_and_keeps_the_rows(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    admin, client = Admin(made), connect(made)
    ann = admin.user()
    key = admin.new_key(ann)

    def status():
        client.send(request(chat(), key["key"]))
        return client.answer()[0]

    wait_for(lambda: status() == 200)
    assert admin.delete(f"/users/{ann['id']}").status == 204
    wait_for(lambda: status() == 401)
    assert admin.get(f"/keys/{key['id']}").json["status"] == "revoked"
    refusal = refused(admin.post("/keys", {"user_id": ann["id"]}), 400, "invalid_value", "user_id")
    assert str(ann["id"]) in refusal
    if made.settings["store"].startswith("sqlite:"):
        rows = wait_for(lambda: made.rows("key_id = :k", k=key["id"]))
        assert rows[0]["user_id"] == ann["id"]


def test_a_name_is_free_again_whoever_has_the_name_of_a_deleted_one(admin):
    bob = admin.user("bob")
    taken = [f"bob (deleted {bob['id']})", f"bob (deleted {bob['id']}) (deleted {bob['id']})"]
    others = [admin.user(name) for name in taken]
    assert admin.delete(f"/users/{bob['id']}").status == 204
    assert admin.get(f"/users/{bob['id']}").json["name"] == taken[1] + f" (deleted {bob['id']})"
    again = admin.user("bob")
    long = admin.user("x" * 128)
    for user in (*others, again, long):
        assert admin.delete(f"/users/{user['id']}").status == 204
    assert admin.user("bob") and admin.user(taken[0]) and admin.user("x" * 128)
    names = [user["name"] for user in admin.all("/users?status=deleted")]
    assert len(names) == len(set(names)) == 5


def test_disabling_a_user_works_at_once_and_can_be_taken_back(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    admin, client = Admin(made), connect(made)
    ann = admin.user()
    key = admin.new_key(ann)

    def status():
        client.send(request(chat(), key["key"]))
        return client.answer()[0]

    wait_for(lambda: status() == 200)
    admin.patch(f"/users/{ann['id']}", {"status": "disabled"})
    wait_for(lambda: status() == 401)
    assert admin.get(f"/keys/{key['id']}").json["status"] == "disabled"
    admin.patch(f"/users/{ann['id']}", {"status": "active"})
    wait_for(lambda: status() == 200)


def test_the_audit_log_tells_who_what_when(admin):
    got = admin.post("/users", {"name": "ann"}, x_request_id="by-hand-1")
    path = f"/users/{got.json['id']}"
    admin.patch(path, {"name": "anna"})
    admin.patch(path, {"name": "x", "version": 1})  # refused: no row
    admin.delete(path)
    admin.delete(path)  # nothing happened: no row
    rows = admin.all("/audit?object_type=user&object_id=" + path.rsplit("/", 1)[1], limit=1)
    assert [r["action"] for r in rows] == ["delete", "update", "create"]
    created, updated = rows[2], rows[1]
    assert created["request_id"] == "by-hand-1" and created["before"] is None
    assert created["after"] == got.json
    assert updated["before"]["name"] == "ann" and updated["after"]["name"] == "anna"
    assert rows[0]["after"]["status"] == "deleted"
    configured = admin.get("/keys").json["data"][0]
    for row in rows:
        assert (row["key_id"], row["user_id"]) == (configured["id"], configured["user_id"])
        assert TIME.fullmatch(row["created_at"])
    assert admin.all("/audit?action=rotate") == []
    refused(admin.post("/audit", {}), 405, "method_not_allowed")


def test_admin_key_is_never_shown(admin):
    admin.all("/keys")
    admin.all("/audit")
    assert not any(ADMIN_KEY in body for body in admin.bodies)
