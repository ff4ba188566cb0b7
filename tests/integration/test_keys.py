"""Keys from the shell, noticed by a running gateway."""

import json
import re

from admin import Admin
from client import chat, request
from conftest import BOTH_STORES
from gateway import ADMIN_KEY, wait_for
from provider import answer_once

pytestmark = BOTH_STORES


def status_with(client, key, model="m"):
    client.send(request(chat(model), key))
    return client.answer()[0]


def test_create_use_revoke(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    client = connect(made)
    key = made.create_key("--name", "laptop")
    assert re.fullmatch(r"sk-cr-[A-Za-z0-9_-]{43}", key)
    wait_for(lambda: status_with(client, key) == 200)
    listed = made.command("key", "list").stdout
    assert "laptop" in listed and key[:12] in listed and key not in listed
    number = re.search(r"^\s*(\d+)\b.*laptop", listed, re.M).group(1)
    made.command("key", "revoke", number)
    wait_for(lambda: status_with(client, key) == 401)
    assert status_with(client, ADMIN_KEY) == 200


def test_a_key_for_some_models(provide, gateway, connect):
    provider = provide(answer_once())
    made = gateway(provider, models=[{"name": "m", "provider": "private"},
                                     {"name": "n", "provider": "private"}])
    client = connect(made)
    key = made.create_key("--models", "m")
    wait_for(lambda: status_with(client, key) == 200)
    client.send(request(chat("n"), key))
    status, _, body = client.answer()
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (403, "permission_error", "model_not_allowed")
    client.send(request(b"", key, path="/v1/models", method="GET"))
    listed = json.loads(client.answer()[2])
    assert [model["id"] for model in listed["data"]] == ["m"]
    assert listed["object"] == "list"
    client.send(request(b"", ADMIN_KEY, path="/v1/models/n", method="GET"))
    assert json.loads(client.answer()[2])["id"] == "n"
    client.send(request(b"", key, path="/v1/models/n", method="GET"))
    assert client.answer()[0] in (403, 404)


def test_an_expired_key(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    client = connect(made)
    key = made.create_key("--expires", "1s")
    assert wait_for(lambda: status_with(client, key) == 401)


def test_wrong_flags_say_what_is_right(provide, gateway):
    made = gateway(provide(answer_once()))
    done = made.command("key", "create", "--rmp", "5", "--user", "a", check=False)
    assert done.returncode == 2
    assert "--rpm" in done.stderr + done.stdout
    done = made.command("key", "revoke", "999", check=False)
    assert done.returncode == 1
    assert "999" in done.stderr


def test_a_key_from_the_shell_has_what_the_api_would_give_it(gateway):
    made = gateway()
    for flags, told in ((("--user", ""), "--user is missing"), (("--user", "a\x1bb"), "--user has a control"),
                        (("--user", "a\u202eb"), "--user has a control"),
                        (("--user", b"\xff"), "--user is not UTF-8"),
                        (("--user", "x" * 129), "--user is too long; allowed: "),
                        (("--user", "a", "--name", "a\nb"), "--name has a control"),
                        (("--user", "a", "--rpm", "many"), "--rpm is no whole number; allowed: "),
                        (("--user", "a", "--rpm", "1000000001"), "--rpm is too large; allowed: "),
                        (("--user", "a", "--models", ""), "--models is empty"),
                        (("--user", "a", "--models", "a b"), "--models has a character"),
                        (("--user", "a", "--models", "a,,b"), "--models is empty; allowed: "),
                        (("--user", "a", "--expires", "2001-01-01T00:00:00Z"), "--expires must")):
        done = made.command("key", "create", *flags, check=False)
        assert (done.returncode, done.stdout) == (2, "") and told in done.stderr, (flags, done.stderr)
    assert len(made.command("key", "list").stdout.splitlines()) == 2  # the titles, the configured key
    made.command("key", "create", "--user", "王小明", "--rpm", "0", "--tpm", "5", "--models", "a,b/c")
    row = made.command("key", "list").stdout.splitlines()[-1].split("\t")
    assert row[1] == "王小明" and row[6:10] == ["-", "5", "-", "a,b/c"]


def test_the_last_admin_key_is_told(gateway):
    made = gateway()
    made.create_key("--admin")
    told = made.command("key", "revoke", "2").stderr
    assert "key 2 is revoked" in told and "no admin key" not in told
    assert "no admin key is left" in made.command("key", "revoke", "1").stderr


def test_a_key_for_a_disabled_user_says_so(gateway):
    made = gateway()
    admin = Admin(made)
    admin.patch(f"/users/{admin.user('bob')['id']}", {"status": "disabled"})
    assert "disabled" in made.command("key", "create", "--user", "bob").stderr
    assert "disabled" not in made.command("key", "create", "--user", "ann").stderr
