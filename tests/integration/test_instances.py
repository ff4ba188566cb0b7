"""Several instances with one database: what one is told, all know."""

import time

import pytest

from client import chat, request
from gateway import ADMIN_KEY, wait_for
from wire import Wire

INSTANCES = 4
SECRET = "secret-key-of-all-instances"


@pytest.fixture
def fleet(gateway, postgres, mock):
    """fleet(wires): instances of one new database; those with a wire reach it only by that."""

    def make(n=INSTANCES, wires=()):
        database = postgres.make_database()
        entry = {"name": "private", "type": "openai_compatible", "base_url": mock.url}
        made = []
        for i in range(n):
            url = postgres.url(database)
            if i < len(wires):
                url = url.replace(f":{postgres.port}/", f":{wires[i].port}/")
            made.append(gateway(store=url, secret_key=SECRET, workers=1, providers=[entry],
                                models=[{"name": "m", "provider": "private",
                                         "upstream_model": "mock"}]))
        return made

    return make


@pytest.fixture
def wire(made, postgres):
    made.append(Wire(postgres.port))
    return made[-1]


@pytest.fixture
def status(connect):
    def ask(gateway, key):
        client = connect(gateway)
        client.send(request(chat("m"), key))
        code = client.answer()[0]
        client.close()
        return code

    return ask


def test_a_revoked_key_is_refused_by_all(fleet, status):
    made = fleet()
    key = made[0].create_key()
    other = made[1].create_key()
    for one in made:
        wait_for(lambda: status(one, key) == 200)
    number = next(line.split("\t")[0] for line in made[0].command("key", "list").stdout.splitlines()
                  if key[:12] in line)
    made[-1].command("key", "revoke", number)
    began = time.monotonic()
    for one in made:
        wait_for(lambda: status(one, key) == 401)
    print(f"refused by {INSTANCES} instances {time.monotonic() - began:.3f} s after the command")
    for one in made:
        wait_for(lambda: status(one, other) == 200)


def test_what_changed_meanwhile_arrives(fleet, status, wire):
    """One instance is cut off in silence: it serves what it knows, and learns the rest later."""
    made = fleet(2, [wire])
    old = made[1].create_key()
    for one in made:
        wait_for(lambda: status(one, old) == 200)
    wire.fall_silent()
    new = made[1].create_key()
    number = next(line.split("\t")[0] for line in made[1].command("key", "list").stdout.splitlines()
                  if old[:12] in line)
    made[1].command("key", "revoke", number)
    wait_for(lambda: (status(made[1], new), status(made[1], old)) == (200, 401))
    assert (status(made[0], new), status(made[0], old)) == (401, 200)
    assert status(made[0], ADMIN_KEY) == 200
    wire.speak()
    wait_for(lambda: (status(made[0], new), status(made[0], old)) == (200, 401))


def test_a_silent_database_is_noticed(fleet, wire):
    made, = fleet(1, [wire])
    wire.fall_silent()
    wait_for(lambda: "what was loaded stays" in made.text())
    wire.speak()
    wait_for(lambda: "are loaded again" in made.text())
