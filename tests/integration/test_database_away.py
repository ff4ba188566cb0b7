"""Starts without the database: from the sealed snapshot, or waiting for it."""

import json
import re
import shutil

import pytest

from client import chat, request
from gateway import ADMIN_KEY, BINARY, Process, wait_for
from postgres import Server

SECRET = "secret-key-for-a-while"


@pytest.fixture(scope="module")
def own_server():
    made = Server()
    yield made
    made.close()


@pytest.fixture
def server(own_server):
    """One that is stopped and started; a test begins with it running."""
    if not (own_server.data / "postmaster.pid").exists():
        own_server.start()
    return own_server


@pytest.fixture
def start(gateway, server, mock, tmp_path):
    """start(name, …): a gateway in that folder; the database is the same for all of a test."""
    database = server.make_database()
    entry = {"name": "private", "type": "openai_compatible", "base_url": mock.url,
             "api_key": "sk-of-the-provider"}
    models = [{"name": "m", "provider": "private", "upstream_model": "mock"}]

    def make(name="one", **settings):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return gateway(folder=folder, providers=[entry], models=models, **{
            "store": server.url(database), "secret_key": SECRET, "data": str(tmp_path / "data"),
            "workers": 1, **settings})

    return make


@pytest.fixture
def ask(connect):
    """ask(gateway, key): status, headers and body of a call, or of a GET."""

    def make(gateway, key, path=None):
        client = connect(gateway)
        client.send(request(chat("m"), key) if path is None else
                    f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n\r\n".encode())
        answer = client.answer()
        client.close()
        return answer

    return make


def assert_not_loaded(ask, gateway):
    """503 for everybody, and a word on when to come again; never 401."""
    for key in (ADMIN_KEY, "sk-cr-nobody"):
        for path in (None, "/v1/models", "/readyz"):
            code, headers, _ = ask(gateway, key, path)
            assert code == 503
            assert int(headers["retry-after"]) >= 1


def is_ready(ask, gateway):
    return ask(gateway, ADMIN_KEY, "/readyz")[0] == 200


def test_without_a_snapshot_it_waits(start, server, ask):
    server.stop()
    made = start()
    wait_for(lambda: "there is no snapshot file" in made.text())
    assert_not_loaded(ask, made)
    server.start()
    wait_for(lambda: is_ready(ask, made))
    wait_for(lambda: ask(made, ADMIN_KEY)[0] == 200)
    key = made.create_key()
    wait_for(lambda: ask(made, key)[0] == 200)
    assert ask(made, "sk-cr-nobody")[0] == 401


def test_the_first_key_is_made_when_it_can_be(start, server, ask):
    server.stop()
    made = start(admin_key=None)
    assert "shown only now" not in made.text()
    server.start()
    key = wait_for(lambda: re.search(r"shown only now: (sk-cr-\S+)", made.text())).group(1)
    wait_for(lambda: ask(made, key)[0] == 200)


def test_from_the_snapshot_it_serves(start, server, ask):
    first = start()
    key = first.create_key()
    wait_for(lambda: ask(first, key)[0] == 200)
    first.stop()
    server.stop()
    made = start()
    assert is_ready(ask, made)
    assert ask(made, key)[0] == 200
    assert ask(made, ADMIN_KEY)[0] == 200
    assert ask(made, "sk-cr-nobody")[0] == 401
    said = wait_for(lambda: [line for line in made.log_lines()
                             if "serving from the snapshot file" in line["message"]])
    assert said[0]["age_s"] >= 0
    for path in ("/admin/v1/users", "/admin/v1/logs", "/admin/v1/logs?format=csv"):
        code, _, body = ask(made, ADMIN_KEY, path)
        assert (code, json.loads(body)["error"]["code"]) == (503, "store_unavailable")
    server.start()
    other = wait_for(lambda: made.command("key", "create", "--user", "x", check=False).stdout.strip())
    wait_for(lambda: ask(made, other)[0] == 200)
    assert ask(made, key)[0] == 200
    assert made.rows() is not None


def test_a_snapshot_that_is_not_its_own_is_none(start, server, ask, tmp_path):
    first = start()
    wait_for(lambda: (tmp_path / "data" / "courier.snapshot").exists())
    first.stop()
    server.stop()
    made = start(secret_key="another-secret-key-alas")
    assert_not_loaded(ask, made)
    wait_for(lambda: "cannot be used" in made.text())
    made.stop()
    snapshot = tmp_path / "data" / "courier.snapshot"
    whole = snapshot.read_bytes()
    for damaged in (whole[:-1], whole[:100], b"", whole[:-20] + bytes([whole[-20] ^ 1]) + whole[-19:]):
        snapshot.write_bytes(damaged)
        made = start()
        assert_not_loaded(ask, made)
        made.stop()
    snapshot.write_bytes(whole)
    made = start("two", snapshot={"file": "off"})
    assert_not_loaded(ask, made)
    made.stop()
    made = start("three")
    assert is_ready(ask, made)


def test_a_database_of_another_secret_is_not_read(start, server, ask):
    first = start()
    wait_for(lambda: ask(first, ADMIN_KEY)[0] == 200)
    first.stop()
    server.stop()
    made = start("two", secret_key="another-secret-key-alas", snapshot={"file": "off"})
    server.start()
    wait_for(lambda: "another secret_key" in made.text())
    assert_not_loaded(ask, made)


def test_rows_do_not_go_into_a_database_of_another_secret(start, server, ask, tmp_path):
    first = start("one")
    key = first.create_key()
    wait_for(lambda: ask(first, key)[0] == 200)
    first.stop()
    own = len(first.rows())
    server.stop()
    made = start("one")
    assert ask(made, key)[0] == 200  # from the snapshot file
    made.kill()  # with a record in its journal
    shutil.copytree(tmp_path / "one" / "journal", tmp_path / "two" / "journal")
    made = start("two", secret_key="another-secret-key-alas", snapshot={"file": "off"})
    server.start()
    wait_for(lambda: "another secret_key" in made.text())
    made.stop()
    assert "usage records stay in the journals" in made.text()
    assert len(made.rows()) == own
    made = start("one")
    wait_for(lambda: len(made.rows()) == own + 1)


def test_a_reload_meanwhile_counts_when_it_is_back(start, server, ask):
    made = start()
    wait_for(lambda: ask(made, ADMIN_KEY)[0] == 200)
    server.stop()
    provider = {"name": "private", "type": "openai_compatible", "base_url": "http://127.0.0.1:1/v1"}
    made.write([provider], [{"name": "fresh", "provider": "private"}])
    made.signal(1)
    wait_for(lambda: "is not in the store yet" in made.text())
    assert ask(made, ADMIN_KEY, "/v1/models/m")[0] == 200
    server.start()
    wait_for(lambda: ask(made, ADMIN_KEY, "/v1/models/fresh")[0] == 200)
    wait_for(lambda: ask(made, ADMIN_KEY, "/v1/models/m")[0] == 404)
    wait_for(lambda: '"reloaded"' in made.text())


def test_the_head_of_an_export_needs_no_database(start, server, ask, connect):
    made = start()
    path = "/admin/v1/logs?format=jsonl"
    wait_for(lambda: ask(made, ADMIN_KEY, path)[0] == 200)
    server.stop()
    client = connect(made)
    client.send(request(b"", ADMIN_KEY, path=path, method="HEAD"))
    status, headers = client.read_head()
    assert status == 200 and headers["content-type"] == "application/x-ndjson"
    assert ask(made, ADMIN_KEY, path)[0] == 503


def test_what_cannot_ever_work_ends_the_start(server, tmp_path):
    def end(store, **settings):
        config = tmp_path / "courier.yaml"
        lines = {"store": store, "listen": "127.0.0.1:0", "data": str(tmp_path / "none"), **settings}
        config.write_text("".join(f"{name}: '{value}'\n" for name, value in lines.items()))
        process = Process([BINARY, "serve", "--config", str(config)])
        assert process.wait() == 1
        process.assert_sane()
        return process.text()

    assert "cannot be opened" in end(server.url(password="wrong"), secret_key=SECRET)
    assert "cannot be opened" in end(server.url("no-such-database"), secret_key=SECRET)
    server.stop()
    assert "set secret_key" in end(server.url())
