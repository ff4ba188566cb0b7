"""The admin API as someone uses it who means no good: whatever is sent, each answer is one that is described."""

import collections
import json
import threading

import pytest

from admin import Admin, refused
from client import Raw

MEMBERS = {
    "users": ["name", "status"],
    "keys": ["user_id", "name", "status", "admin", "rpm", "tpm", "concurrency", "models",
             "expires_at", "model_limits"],
    "providers": ["name", "type", "base_url", "api_key"],
    "models": ["name", "provider", "upstream_model", "endpoint", "api_key", "timeout", "retries",
               "fallback", "fallback_on", "keepalive", "rescue", "max_tokens", "context_window",
               "modalities", "cache", "cache_scope", "targets"],
}
GOOD = {"users": {"name": "u"}, "keys": {"user_id": 2}, "providers": {"name": "n", "type": "openai"},
        "models": {"name": "n", "provider": "p"}}
VALUES = [
    None, True, -1, 1.5, 2 ** 63, 2 ** 64, 10 ** 40, "", " ", "a\0b", "\u202eabc", "\ud800",
    "\U0001F600" * 40, "x" * 100000, "a,b", "%00", "../..", "'; drop table users; --", "9" * 30 + "d",
    "10000-01-01T00:00:00Z", "http://[::1]:1/", [], [None], [""], ["a"] * 1000, [[]], {}, {"a": None},
    {"\0": {}}, {"\ud800": {}}, [{"provider": None}], [{"endpoint": "http://x"}] * 2, "filed",
]


@pytest.fixture
def admin(gateway, either_store):
    made = Admin(gateway(providers=[{"name": "filed", "type": "ollama"}], **either_store()))
    made.user("ann")
    made.post("/providers", {"name": "p", "type": "openai"})
    return made


@pytest.mark.parametrize("kind", MEMBERS)
def test_every_member_takes_what_it_may_and_nothing_else(admin, kind):
    for member in MEMBERS[kind]:
        for value in VALUES:
            made = admin.post("/" + kind, {**GOOD[kind], member: value})
            assert made.status in (201, 400, 409), (member, value, made.body)
            if made.status == 400:
                told = made.error["param"] or made.error["code"] == "invalid_value"  # of all of it
                assert told or made.error["code"] == "invalid_json", made.body
            if made.status == 201:
                place = made.headers["location"].removeprefix("/admin/v1")
                assert {k: v for k, v in made.json.items() if k != "key"} == admin.get(place).json
                assert admin.patch(place, {member: value} if member not in ("name", "user_id")
                                   else {}).status == 200
                assert admin.delete(place).status == 204
    admin.all("/" + kind)
    assert admin.all("/audit")


def together(n, ask):
    """What n threads get that ask at once, by status."""
    start, got = threading.Barrier(n), []

    def run(i):
        start.wait()
        got.append(ask(i))

    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == n
    return collections.Counter(answer.status for answer in got), got


def test_a_name_is_given_once(admin):
    for path, body in (("/users", {"name": "same"}), ("/providers", {"name": "same", "type": "openai"}),
                       ("/models", {"name": "same", "provider": "p"})):
        statuses, _ = together(30, lambda i, path=path, body=body: admin.post(path, body))
        assert statuses == {201: 1, 409: 29}, path


def test_what_happens_at_once_happens_in_some_order(admin):
    user = admin.user("bob")
    key = admin.new_key(user)
    path = f"/keys/{key['id']}/rotate"
    statuses, got = together(10, lambda i: admin.post(path))
    assert statuses == {200: 10} and len({answer.json["key"] for answer in got}) == 10
    assert admin.get(path.removesuffix("/rotate")).json["version"] == 11
    statuses, _ = together(10, lambda i: admin.post(path, {"version": 11}))
    assert statuses == {200: 1, 409: 9}
    # a deletion among changes and new keys: nothing comes after it
    place = f"/users/{user['id']}"
    statuses, _ = together(20, lambda i: admin.delete(place) if i == 10
                           else admin.patch(place, {"name": f"n{i}"}) if i % 2
                           else admin.post("/keys", {"user_id": user["id"]}))
    assert statuses[204] == 1 and set(statuses) <= {200, 201, 204, 400, 409}
    assert admin.get(place).json["status"] == "deleted"
    assert {key["status"] for key in admin.all(f"/keys?user_id={user['id']}")} == {"revoked"}
    # a provider is deleted, or has models
    statuses, _ = together(20, lambda i: admin.delete("/providers/p") if i % 4 == 0
                           else admin.post("/models", {"name": f"m{i}", "provider": "p"}))
    left = [model for model in admin.all("/models") if model["provider"] == "p"]
    assert (admin.get("/providers/p").status, len(left)) in ((200, 15), (404, 0))


def test_long_rows_hide_nothing(admin):
    """A page that would be too long for the gateway's memory has fewer rows."""
    targets = [{"upstream_model": str(n), "endpoint": "http://x/" + "y" * 15000} for n in range(60)]
    names = [f"m{n:02}" for n in range(16)]
    for name in names:
        assert admin.post("/models", {"name": name, "provider": "p", "targets": targets}).status == 201
    pages = [len(admin.get("/models").json["data"]), len(admin.all("/models", limit=1000))]
    assert 0 < pages[0] < pages[1] == len(names)
    assert [row["object_id"] for row in admin.all("/audit?object_type=model")] == names[::-1]


def raw(admin, method, path, body=b""):
    client = Raw(int(admin.url.rsplit(":", 1)[1]))
    client.send(f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {admin.key}\r\n"
                f"content-length: {len(body)}\r\n\r\n".encode() + body)
    status, headers, answer = client.answer()
    client.sock.close()
    return status, headers, answer


def test_methods_and_paths(admin):
    for path, allowed in (("/admin/v1/users", {"GET", "HEAD", "POST"}),
                          ("/admin/v1/users/2", {"GET", "HEAD", "PATCH", "DELETE"}),
                          ("/admin/v1/providers/p", {"GET", "HEAD", "PATCH", "DELETE"}),
                          ("/admin/v1/audit", {"GET", "HEAD"})):
        for method in {"OPTIONS", "PUT", "POST", "PATCH", "DELETE", "TRACE"} - allowed:
            status, headers, answer = raw(admin, method, path)
            assert status == 405 and set(headers["allow"].split(", ")) == allowed, (method, path)
            assert json.loads(answer)["error"]["code"] == "method_not_allowed"
    for path in ("/admin/v1", "/admin/v1/users/", "/admin//v1/users", "/admin/v1/./users",
                 "/ADMIN/v1/users", "/admin/v1/%75sers", "/admin/v1/users;x=1"):
        assert raw(admin, "GET", path)[0] == 404, path
    for path in ("2/", "2%2F", "+2", "0x2", "2%20", "2.0", "%E4%BA%8C", "../keys", "%zz", "/2"):
        for method in ("GET", "PATCH", "DELETE"):
            assert raw(admin, method, "/admin/v1/users/" + path, b"{}")[0] in (400, 404), path
    assert raw(admin, "GET", "/admin/v1/users/%32")[0] == 200
    assert refused(admin.get("/users?name=%00"), 400, "invalid_value", "name")
