"""`courier secrets rotate`: another secret_key; users' keys stay good, providers' are sealed anew."""

import stat

import pytest

import database
from admin import Admin
from client import chat, request
from conftest import BOTH_STORES
from gateway import Gateway, wait_for
from provider import answer_once

pytestmark = BOTH_STORES
UPSTREAM = "sk-upstream-secret-of-the-provider"
OLD, NEW = "the-old-secret-key-0123456789", "0123456789abcdef" * 4


def call(connect, gateway, key, model="mine"):
    client = connect(gateway)
    client.send(request(chat(model), key))
    return client.answer()[0]


def again(made, gateway, **settings):
    """The gateway, ended and started anew in its folder."""
    gateway.stop()
    fresh = Gateway(folder=gateway.folder, **{**gateway.settings, **settings})
    made.append(fresh)
    return fresh


@pytest.fixture
def installed(provide, gateway, connect):
    """A provider, models and a user's key, all made over HTTP; the provider tells who called."""
    provider = provide(answer_once())

    def make(**settings):
        # its folder outlives the gateway: the next one is started in it
        running = gateway(**settings)
        admin = Admin(running)
        base = provider.entry()
        for path, body in (
            ("/providers", {"name": "p", "type": base["type"], "base_url": base["base_url"],
                            "api_key": UPSTREAM}),
            ("/models", {"name": "mine", "provider": "p"}),
            ("/models", {"name": "own", "provider": "p", "api_key": UPSTREAM + "-own"}),
            ("/models", {"name": "many", "provider": "p",
                         "targets": [{"api_key": UPSTREAM + "-first"}, {"api_key": UPSTREAM + "-second"}]}),
        ):
            got = admin.post(path, body)
            assert got.status == 201, got.body
        running.key = admin.new_key(admin.user())["key"]
        wait_for(lambda: call(connect, running, running.key, "many") == 200)
        return running

    make.provider = provider
    return make


def sent_to(provider, connect, gateway, key):
    """With which credentials the provider was called for each model."""
    found = {}
    for model in ("mine", "own", "many"):
        assert call(connect, gateway, key, model) == 200
        found[model] = provider.requests[-1].headers["authorization"].removeprefix("Bearer ")
    return found


WANTED = {"mine": UPSTREAM, "own": UPSTREAM + "-own", "many": UPSTREAM + "-first"}


def test_a_key_that_courier_made_itself(installed, connect, made, store_kind):
    running = installed()
    place = next(path for path in running.folder.rglob("*.key"))
    before = place.read_text()
    told = running.command("secrets", "rotate").stdout
    assert told.startswith("4 keys of providers were sealed anew"), told
    assert place.read_text() != before and stat.S_IMODE(place.stat().st_mode) == 0o600
    assert not list(running.folder.rglob("*.new"))
    # who runs serves on with what was loaded, follows users' keys, and refuses to seal
    assert sent_to(installed.provider, connect, running, running.key) == WANTED
    refused = Admin(running).post("/providers", {"name": "q", "type": "openai_compatible",
                                                 "base_url": "http://127.0.0.1:1", "api_key": "x" * 20})
    assert (refused.status, refused.error["code"]) == (503, "store_unavailable")
    wait_for(lambda: any("secret_key was rotated" in line["message"] for line in running.log_lines()))
    late = running.create_key()
    wait_for(lambda: call(connect, running, late) == 200)
    fresh = again(made, running)
    for key in (running.key, late, fresh.create_key()):
        wait_for(lambda: call(connect, fresh, key) == 200)
    assert sent_to(installed.provider, connect, fresh, running.key) == WANTED
    assert Admin(fresh).post("/users", {"name": "zoe"}).status == 201
    # and a second time
    assert fresh.command("secrets", "rotate").stdout.startswith("4 keys")
    last = again(made, fresh)
    assert sent_to(installed.provider, connect, last, running.key) == WANTED


def test_a_key_that_is_a_setting(installed, connect, made, tmp_path):
    running = installed(secret_key=OLD)
    refused = running.command("secrets", "rotate", check=False)
    assert refused.returncode == 1 and "--new-key-file" in refused.stderr
    file = tmp_path / "new.key"
    file.write_text(NEW + "\n")
    file.chmod(0o644)
    refused = running.command("secrets", "rotate", "--new-key-file", str(file), check=False)
    assert refused.returncode == 1 and "chmod 600" in refused.stderr
    file.chmod(0o600)
    running.command("secrets", "rotate", "--new-key-file", str(file))
    refused = running.command("secrets", "rotate", "--new-key-file", str(file), check=False)
    assert refused.returncode == 1 and "another secret_key" in refused.stderr
    fresh = again(made, running, secret_key=NEW)
    assert sent_to(installed.provider, connect, fresh, running.key) == WANTED
    refused = fresh.command("secrets", "rotate", "--new-key-file", str(file), check=False)
    assert refused.returncode == 1 and "in use" in refused.stderr


def test_what_could_not_be_opened_before_either(gateway):
    running = gateway()
    database.insert(running.settings["store"], "providers", {
        "name": "odd", "type": "openai_compatible", "base_url": "http://127.0.0.1:1/v1",
        "sealed_key": b"sealed by nobody", "created_at": "2026-01-31T12:00:00.000Z", "from_file": 0})
    told = running.command("secrets", "rotate").stdout.splitlines()
    assert told[:2] == ["0 keys of providers were sealed anew",
                        "1 could not be opened before either; give them again"]
