"""/admin/v1/providers and /admin/v1/models: what clients may ask for, changed while the gateway runs."""

import json
import signal
import sqlite3

import pytest

from admin import Admin, refused
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from provider import answer_once

SECRET = "sk-of-the-provider-4711-never-told"


@pytest.fixture
def gateway(gateway, either_store):
    """On each kind of store."""
    return lambda *args, **settings: gateway(*args, **either_store(), **settings)


@pytest.fixture
def admin(gateway):
    made = Admin(gateway(providers=[{"name": "filed", "type": "ollama"}],
                         models=[{"name": "from-file", "provider": "filed"}]))
    made.secrets.add(SECRET)
    return made


def call(client, model, key=ADMIN_KEY):
    client.send(request(chat(model), key))
    return client.answer()


def box(provide):
    provider = provide(answer_once())
    return provider, {"name": "box", "type": "openai_compatible",
                      "base_url": provider.entry()["base_url"], "api_key": SECRET}


def test_a_provider_and_a_model_are_made_and_called(provide, gateway, connect):
    running = gateway()
    admin, client = Admin(running), connect(running)
    admin.secrets.add(SECRET)
    provider, entry = box(provide)
    made = admin.post("/providers", entry)
    assert made.status == 201 and made.headers["location"] == "/admin/v1/providers/box"
    shown = {"name": "box", "type": "openai_compatible", "base_url": entry["base_url"],
             "api_key_set": True, "source": "api", "version": 1}
    assert {name: made.json[name] for name in shown} == shown and "api_key" not in made.json
    made = admin.post("/models", {"name": "m", "provider": "box", "upstream_model": "upstream"})
    assert made.status == 201, made.body
    wait_for(lambda: call(client, "m")[0] == 200)
    assert SECRET in provider.requests[-1].headers["authorization"]
    # another key, at once
    admin.secrets.add("sk-another-key-of-the-provider")
    assert admin.patch("/providers/box", {"api_key": "sk-another-key-of-the-provider"}).json[
        "version"] == 2

    def key_sent():
        call(client, "m")
        return "sk-another-key" in provider.requests[-1].headers["authorization"]

    wait_for(key_sent)
    # gone
    assert admin.delete("/models/m").status == 204
    wait_for(lambda: call(client, "m")[0] == 404)
    assert admin.delete("/providers/box").status == 204
    for row in admin.all("/audit"):
        assert SECRET not in json.dumps(row)
    if running.settings["store"].startswith("sqlite:"):
        dump = "\n".join(sqlite3.connect(f"{running.folder}/courier.db").iterdump())
        assert SECRET not in dump and SECRET.encode().hex().upper() not in dump.upper()


def test_every_member_is_kept(admin):
    admin.post("/providers", {"name": "a", "type": "openai"})
    admin.post("/providers", {"name": "b", "type": "anthropic", "api_key": SECRET})
    members = {
        "name": "Org/model:1", "provider": "a", "upstream_model": "x/y", "timeout": "90s",
        "endpoint": "http://127.0.0.1:1/v1?x=1", "retries": 0, "fallback": ["from-file"],
        "fallback_on": ["context_length"], "keepalive": "15s", "rescue": "verified",
        "max_tokens": 4096, "context_window": 131072, "modalities": ["text", "image"],
        "cache": "1h", "cache_scope": "shared",
    }
    targets = [{"provider": "a", "upstream_model": "one", "endpoint": None},
               {"provider": "b", "upstream_model": "two", "endpoint": "https://example.org/v1"}]
    got = admin.post("/models", {**members, "api_key": SECRET,
                                 "targets": [targets[0], {**targets[1], "api_key": SECRET}]})
    assert got.status == 201, got.body
    assert got.headers["location"] == "/admin/v1/models/Org/model:1"
    assert {name: got.json[name] for name in members} == members
    assert got.json["api_key_set"] is True
    assert got.json["targets"] == [{**targets[0], "api_key_set": False},
                                   {**targets[1], "api_key_set": True}]
    assert admin.get("/models/Org/model:1").json == got.json
    assert admin.get("/models/Org%2Fmodel%3A1").json == got.json
    # what is not given stays, the sealed keys too
    kept = admin.patch("/models/Org/model:1", {"timeout": "1500ms"}).json
    assert kept["timeout"] == "1500ms" and kept["targets"] == got.json["targets"]
    assert kept["api_key_set"] is True
    # null is the default
    cleared = admin.patch("/models/Org/model:1", {
        name: None for name in [*members, "api_key", "targets"]
        if name not in ("name", "provider")}).json
    assert cleared["retries"] == 1 and cleared["keepalive"] == "off" and cleared["rescue"] == "off"
    assert cleared["fallback"] == [] and cleared["modalities"] == [] and cleared["targets"] == []
    assert cleared["timeout"] is None and cleared["max_tokens"] is None
    assert cleared["api_key_set"] is False and cleared["cache"] == "off"
    assert [row["action"] for row in admin.all("/audit?object_type=model")] == [
        "update", "update", "create"]


def test_the_location_leads_to_the_object_whatever_its_name(admin):
    for name in ("...", "a..b", ".hidden/x.", "/a"):
        made = admin.post("/providers", {"name": name, "type": "ollama"})
        assert admin.get(made.headers["location"].removeprefix("/admin/v1")).json == made.json
    made = admin.post("/providers", {"name": "a/b?c#d%41", "type": "ollama"})
    assert made.headers["location"] == "/admin/v1/providers/a/b%3Fc%23d%2541"
    assert admin.get(made.headers["location"].removeprefix("/admin/v1")).json == made.json


def test_the_models_of_a_provider_have_their_targets(admin):
    admin.post("/providers", {"name": "p", "type": "openai"})
    admin.post("/providers", {"name": "q", "type": "openai"})
    targets = [{"upstream_model": "x"}, {"upstream_model": "y"}]
    for name, provider in (("a", "q"), ("b", "p"), ("c", "q"), ("d", "p"), ("e", "q"), ("f", "p")):
        admin.post("/models", {"name": name, "provider": provider,
                               "targets": targets if name != "d" else []})
    for provider, expected in (("p", {"b": 2, "d": 0, "f": 2}), ("q", {"a": 2, "c": 2, "e": 2})):
        found = admin.all(f"/models?provider={provider}")
        assert {model["name"]: len(model["targets"]) for model in found} == expected


def test_two_targets_that_differ_by_their_key(admin):
    admin.post("/providers", {"name": "a", "type": "openai"})
    targets = [{"api_key": SECRET}, {"api_key": SECRET + "2"}]
    admin.secrets.add(SECRET + "2")
    got = admin.post("/models", {"name": "m", "provider": "a", "targets": targets})
    assert got.status == 201, got.body
    assert admin.patch("/models/m", {"retries": 3}).status == 200
    same = admin.patch("/models/m", {"targets": [targets[0], targets[0]]})
    assert "twice" in refused(same, 400, "invalid_value")


def test_what_is_wrong_with_a_provider_is_named(admin):
    for body, code, param, told in (
            ({"type": "openai"}, "missing_required_parameter", "name", "name"),
            ({"name": "x"}, "missing_required_parameter", "type", "type"),
            ({"name": "x", "type": "nothing"}, "invalid_value", "type", "openai, "),
            ({"name": "x", "type": "openai_compatible"}, "missing_required_parameter", "base_url",
             "openai_compatible"),
            ({"name": "x", "type": "openai", "base_url": "ftp://x"}, "invalid_value", "base_url",
             "http"),
            *(({"name": "x", "type": "openai", "base_url": url}, "invalid_value", "base_url",
               f"'base_url': it {why}; allowed: http(s)://HOST[:PORT][/PATH][?QUERY].")
              for url, why in (
                  ("", "does not begin with http:// or https://"),
                  ("http://u:p@x", "has a user name or a password in it"),
                  ("http://x/#y", "has a fragment, which begins with #"),
                  ("http:///v1", "has no host: a name, an IPv4 address or an [IPv6 address]"),
                  ("http://x:0", "has a port that is no number from 1 to 65535"),
                  ("http://x:99999", "has a port that is no number from 1 to 65535"),
                  ("http://x/a b", "has a character in its path that must be written as %XX"),
                  ("http://x/\u0000", "has a character in its path that must be written as %XX"),
                  ("http://x?", "has an empty query, or a character in it that must be written as "
                                "%XX"))),
            ({"name": "a b", "type": "openai"}, "invalid_value", "name", "visible"),
            ({"name": "x" * 65, "type": "openai"}, "invalid_value", "name", "64"),
            *(({"name": name, "type": "openai"}, "invalid_value", "name", "which no URL can have")
              for name in (".", "..", "../users/2", "a/./b", "a/..")),
            ({"name": "x", "type": "openai", "api_key": SECRET + "\n"}, "invalid_value", "api_key",
             "visible"),
            ({"name": "x", "type": "openai", "api_key": ""}, "invalid_value", "api_key", "empty"),
            ({"name": "x", "type": "openai", "apikey": SECRET}, "unknown_parameter", "apikey",
             "api_key"),
            ({"name": "x", "type": "openai", "source": "api"}, "unknown_parameter", "source",
             "allowed")):
        assert told in refused(admin.post("/providers", body), 400, code, param), body
    assert len(admin.all("/providers")) == 1


def test_what_is_wrong_with_a_model_is_named(admin):
    admin.post("/providers", {"name": "p", "type": "openai"})
    good = {"name": "m", "provider": "p"}
    for more, code, param, told in (
            ({"provider": "nowhere"}, "invalid_value", "provider", "nowhere"),
            ({"provider": None}, "missing_required_parameter", "provider", "targets"),
            ({"targets": [{"provider": "nowhere"}]}, "invalid_value", "targets[0].provider",
             "nowhere"),
            ({"provider": None, "targets": [{"provider": "p"}, {}]}, "missing_required_parameter",
             "targets[1].provider", "provider"),
            ({"targets": [{"key": 1}]}, "unknown_parameter", "targets[0].key", "upstream_model"),
            ({"targets": [7]}, "invalid_type", "targets[0]", "an object"),
            ({"targets": {}}, "invalid_type", "targets", "an array"),
            ({"targets": [{}] * 65}, "invalid_value", "targets", "64"),
            ({"targets": [{}, {}]}, "invalid_value", None, "twice"),
            ({"fallback": ["m"]}, "invalid_value", "fallback", "itself"),
            ({"fallback": ["nothing"]}, "invalid_value", "fallback", "nothing"),
            ({"fallback_on": ["context_length"]}, "invalid_value", "fallback_on", "fallback"),
            ({"fallback_on": ["rain"]}, "invalid_value", "fallback_on", "context_length"),
            ({"timeout": 60}, "invalid_type", "timeout", "a string"),
            ({"timeout": "60"}, "invalid_value", "timeout", "30s"),
            ({"timeout": "25h"}, "invalid_value", "timeout", "24h"),
            ({"retries": 11}, "invalid_value", "retries", "from 0 to 10"),
            ({"rescue": True}, "invalid_type", "rescue", "a string"),
            ({"rescue": "yes"}, "invalid_value", "rescue", "off | verified"),
            ({"modalities": ["smell"]}, "invalid_value", "modalities", "image"),
            ({"cache": "100ms"}, "invalid_value", "cache", "1s")):
        assert told in refused(admin.post("/models", {**good, **more}), 400, code, param), more
    assert admin.post("/models", good).status == 201
    refused(admin.post("/models", good), 409, "already_exists", "name")
    refused(admin.patch("/models/m", {"name": "n"}), 400, "unknown_parameter", "name")
    refused(admin.patch("/models/m", {"provider": None}), 400, "missing_required_parameter")
    assert admin.get("/models/m").json["version"] == 1


def test_what_is_needed_is_not_deleted(admin):
    admin.post("/providers", {"name": "p", "type": "openai"})
    admin.post("/providers", {"name": "q", "type": "openai"})
    admin.post("/models", {"name": "a", "provider": "p", "targets": [{"provider": "q"}]})
    admin.post("/models", {"name": "b", "provider": "p", "fallback": ["a"]})
    assert "a,b" in refused(admin.delete("/providers/p"), 409, "in_use")
    assert "a" in refused(admin.delete("/providers/q"), 409, "in_use")
    assert "b" in refused(admin.delete("/models/a"), 409, "in_use")
    for path in ("/models/b", "/models/a", "/providers/q", "/providers/p"):
        for _ in range(2):
            assert admin.delete(path).status == 204
    refused(admin.get("/models/a"), 404, "not_found")
    refused(admin.delete("/models/never"), 404, "not_found")
    refused(admin.delete("/providers/never"), 404, "not_found")


def test_entries_of_the_file_are_the_files(admin):
    assert admin.get("/providers/filed").json["source"] == "file"
    assert admin.get("/models/from-file").json["source"] == "file"
    for path in ("/providers/filed", "/models/from-file"):
        for answer in (admin.patch(path, {}), admin.delete(path)):
            assert "configuration file" in refused(answer, 409, "read_only")
    refused(admin.post("/providers", {"name": "filed", "type": "openai"}), 409, "already_exists")
    # an entry of the API may need one of the file
    assert admin.post("/models", {"name": "n", "provider": "filed"}).status == 201


def test_entries_of_the_api_outlive_a_restart_and_a_reload(provide, gateway, connect):
    running = gateway(providers=[{"name": "filed", "type": "ollama"}],
                      models=[{"name": "from-file", "provider": "filed"}])
    admin, client = Admin(running), connect(running)
    _, entry = box(provide)
    admin.post("/providers", entry)
    admin.post("/models", {"name": "m", "provider": "box"})
    running.write([], [])
    running.signal(signal.SIGHUP)
    wait_for(lambda: admin.get("/models/from-file").status == 404)
    assert admin.get("/models/m").json["source"] == "api"
    wait_for(lambda: call(client, "m")[0] == 200)


def test_pages_by_name(admin):
    admin.post("/providers", {"name": "p", "type": "openai"})
    names = [f"m{n:02}" for n in range(25)] + ["A", "Z/z", "from-file"]
    for name in names:
        if name != "from-file":
            assert admin.post("/models", {
                "name": name, "provider": "p",
                **({"targets": [{"upstream_model": "1"}, {"upstream_model": "2"}]}
                   if name.endswith("5") else {})}).status == 201
    seen, cursor = [], ""
    while cursor is not None:
        page = admin.get("/models?limit=7" + (f"&cursor={cursor}" if cursor else "")).json
        seen += page["data"]
        cursor = page["next"]
        if cursor:
            gone = page["data"][-1]["name"]  # the one that the cursor names
            if gone != "from-file":
                assert admin.delete(f"/models/{gone}").status == 204
    assert [m["name"] for m in seen] == sorted(names)
    for model in seen:
        assert len(model["targets"]) == (2 if model["name"].endswith("5") else 0)
    assert {m["name"] for m in admin.all("/models?provider=filed")} == {"from-file"}
    assert [p["name"] for p in admin.all("/providers?type=ollama")] == ["filed"]


def test_versions_of_models(admin):
    admin.post("/providers", {"name": "p", "type": "openai"})
    assert admin.patch("/providers/p", {"base_url": "http://x/v1"}, if_match='"1"').status == 200
    refused(admin.patch("/providers/p", {"base_url": None}, if_match='"1"'), 412,
            "precondition_failed")
    refused(admin.delete("/providers/p", {"version": 1}), 409, "version_conflict")
    assert admin.delete("/providers/p", {"version": 2}).status == 204


def test_a_key_goes_where_its_provider_or_model_says(provide, gateway, connect):
    """A model that is elsewhere inherits the key all the same; a provider that moves keeps it."""
    running = gateway()
    admin, client = Admin(running), connect(running)
    admin.secrets.add(SECRET)
    first, entry = box(provide)
    second, _ = box(provide)
    there = second.entry()["base_url"]
    admin.post("/providers", entry)
    assert admin.post("/models", {"name": "m", "provider": "box"}).status == 201
    assert admin.post("/models", {"name": "there", "provider": "box",
                                  "endpoint": there}).status == 201
    wait_for(lambda: call(client, "there")[0] == 200)
    assert SECRET in second.requests[-1].headers["authorization"] and not first.requests
    assert admin.patch("/providers/box", {"base_url": there}).json["api_key_set"] is True
    before = len(second.requests)
    wait_for(lambda: call(client, "m")[0] == 200 and len(second.requests) > before)
    assert SECRET in second.requests[-1].headers["authorization"]
    assert any(there in json.dumps(row["after"]) for row in admin.all("/audit"))
