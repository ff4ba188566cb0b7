"""docker compose up, from the first start to the last: each test goes on where the one before it
left off."""

import concurrent.futures
import json
import time

import pytest
from stack import CHAT, docker, inspect, on_the_page, wait_for

SECRETS = ("secret_key", "admin_key", "database_password", "redis_password")
asked = 0  # chats that were answered so far: rows that there must be
GOOD = f"status = 'ok' and endpoint = '{CHAT}'"


def count(answers):
    """All are good; remembers how many."""
    global asked
    assert all(status == 200 for status, _ in answers), answers
    asked += len(answers)


PAGE = on_the_page("Docker Compose")


def test_first_start(stack):
    """The commands of docs/deployment.md."""
    try:
        stack.key = stack.shell(PAGE[0]).strip().splitlines()[-1]
    except AssertionError as found:
        raise AssertionError(f"{found}\n{stack.state()}") from None
    assert stack.key == stack.secret("admin_key")
    wait_for(stack.is_healthy)
    assert stack.ask("/readyz", key="none")[0] == 200
    told = stack.logs("secrets")
    assert "docker compose exec courier cat /run/secrets/admin_key" in told


def test_no_secret_is_told(stack):
    secrets = [stack.secret(name) for name in SECRETS]
    assert all(len(secret) >= 64 for secret in secrets) and len(set(secrets)) == len(secrets)
    shown = stack.logs() + stack.compose("config").stdout
    for name in stack.containers():
        shown += json.dumps(inspect(name)) + docker("top", name, check=False).stdout
    for secret in secrets:
        assert secret not in shown


@pytest.mark.parametrize("service", ["secrets", "courier", "balancer", "postgres", "redis", "mock"])
def test_confined(stack, service):
    for name in stack.containers(service):
        container = inspect(name)
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and not host["CapAdd"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert not host["Privileged"]
        user = container["Config"]["User"]
        assert (user == "0:0") == (service == "secrets") and user not in ("", "root", "0")


def test_each_service_sees_its_own_secrets(stack):
    assert stack.exec("postgres", "ls", "/run/secrets").split() == ["password"]
    assert stack.exec("redis", "ls", "/run/secrets").split() == ["auth.conf", "password"]


def test_redis_and_postgres_ask_for_the_password(stack):
    assert "NOAUTH" in stack.exec("redis", "redis-cli", "ping")
    refused = stack.compose("exec", "-T", "-e", "PGPASSWORD=wrong", "postgres", "psql",
                            "--host=127.0.0.1", "--username=courier", "--command=select 1",
                            check=False)
    assert refused.returncode != 0 and "password authentication failed" in refused.stderr


def test_the_admin_key_works(stack):
    status, models = stack.ask("/v1/models")
    assert status == 200 and [model["id"] for model in models["data"]] == ["mock"]
    answer = json.loads(stack.shell(PAGE[1]))
    assert answer["choices"][0]["message"]["content"].startswith("Hello!")
    count([(200, answer)])
    assert stack.chat(key="sk-cr-none")[0] == 401


def known(stack, key):
    """A chat with a key that an instance may not have heard of yet."""
    return wait_for(lambda: (answer := stack.chat(key=key))[0] != 401 and answer)


def test_keys_made_in_the_shell(stack):
    made = stack.exec("courier", "courier", "key", "create", "--user", "ann")
    count([known(stack, made.split()[-1])])


def test_three_instances_answer(stack):
    stack.shell(PAGE[3])
    wait_for(stack.is_healthy)
    assert len(stack.containers("courier")) == 3
    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        for _ in range(100):
            count(list(crowd.map(lambda _: stack.chat(), range(8))))
            if len(stack.answered()) == 3:
                break
    assert len(stack.answered()) == 3


def test_a_limit_holds_over_all_instances(stack):
    made = stack.exec("courier", "courier", "key", "create", "--user", "bob", "--rpm", "10")
    key = made.split()[-1]
    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        answers = list(crowd.map(lambda _: known(stack, key), range(40)))
    good = [answer for answer in answers if answer[0] == 200]
    count(good)
    assert len(good) == 10 and all(status in (200, 429) for status, _ in answers)


def test_a_changed_configuration_is_read(stack):
    with stack.config.open("a") as file:
        file.write('  - {name: slow, provider: mock, upstream_model: "mock?chunks=3&chunk_delay=2s"}\n')
    stack.shell(PAGE[2])
    wait_for(lambda: all(stack.ask("/v1/models/slow")[0] == 200 for _ in range(12)))


def test_streams_pass_unbuffered(stack):
    """The first piece is here while the provider still waits to send the last."""
    connection = stack.connect()
    body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    connection.request("POST", CHAT, json.dumps(body), {"authorization": f"Bearer {stack.key}"})
    answer = connection.getresponse()
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream")
    assert answer.readline().startswith(b"data: {")
    begun = time.monotonic()
    assert answer.read().rstrip().endswith(b"data: [DONE]")
    assert time.monotonic() - begun > 1
    connection.close()
    count([(200, None)])


def test_rows_are_in_postgresql(stack):
    wait_for(lambda: stack.rows(where=GOOD) == str(asked))
    assert stack.rows("count(distinct request_id)", GOOD) == str(asked)


def test_an_instance_is_killed(stack):
    """Its usage records are carried on by the one that takes its place; nobody else notices."""
    victim = stack.containers("courier")[0]
    with concurrent.futures.ThreadPoolExecutor(8) as crowd:
        load = [crowd.submit(stack.chat) for _ in range(400)]
        wait_for(lambda: sum(one.done() for one in load) > 50, step=0.01)
        docker("kill", victim)
        answers = [one.result() for one in load]
    good = [answer for answer in answers if answer[0] == 200]
    assert all(answer["error"]["code"] for status, answer in answers if status != 200)
    assert len(good) >= 380  # what ran in the victim at that moment was lost, at most
    count(good)
    stack.up("--scale", "courier=3", "--no-recreate")
    wait_for(lambda: int(stack.rows(where=GOOD)) >= asked)


def test_a_rolling_restart_is_not_noticed(stack):
    refused = []
    for name in stack.containers("courier"):
        with concurrent.futures.ThreadPoolExecutor(4) as crowd:
            stopping = crowd.submit(docker, "restart", "--time", "45", name)
            while not stopping.done():
                answers = [stack.chat() for _ in range(5)]
                refused += [answer for answer in answers if answer[0] != 200]
        wait_for(stack.is_healthy)
    assert not refused, refused[:3]


def test_restart_keeps_everything(stack):
    before = int(stack.rows())
    key = stack.key
    stack.compose("down", "--timeout", "60")
    assert not stack.containers()
    stack.up()
    assert stack.secret("admin_key") == key
    assert stack.chat()[0] == 200
    wait_for(lambda: int(stack.rows()) > before)


def test_down_leaves_nothing(stack):
    stack.compose("down", "--volumes", "--timeout", "60")
    mine = "--filter=label=com.docker.compose.project=courier"
    for what in (["ps", "--all"], ["volume", "ls"], ["network", "ls"]):
        assert docker(*what, "--quiet", mine).stdout == ""
