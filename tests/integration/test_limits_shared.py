"""Limits that instances share in Redis: exact together, and what holds when Redis does not answer."""

import collections
import json
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import pytest
from client import Raw, chat, request
from gateway import LIMIT, wait_for
from load import either
from provider import HELLO, ROLE, answer
from redis_server import RedisServer, free_port

SHARED = "Redis keeps the limits"
LOST = "the limiter's Redis does not answer"


@pytest.fixture
def instances(gateway, redis, tmp_path):
    """instances(provider, n, …): gateways that share a store and a Redis."""

    def make(provider, n, server=None, shared=True, **settings):
        server = server or redis()
        made = []
        for _ in range(n):
            folder = pathlib.Path(tempfile.mkdtemp(dir=tmp_path))
            made.append(gateway(provider, folder=folder, store=f"sqlite:{tmp_path}/courier.db",
                                journal={"folder": f"{folder}/journal"},
                                **{"limiter": server.url, "limiter_timeout": "10s", **settings}))
            if shared:
                made[-1].wait_log(SHARED)
        return server, made

    return make


def ask(gateway, key, **more):
    client = Raw(gateway.port)
    try:
        client.send(request(chat(**more), key))
        return client.answer()
    finally:
        client.close()


def known(gateway, key):
    client = Raw(gateway.port)
    client.send(request(b"", key, path="/v1/models", method="GET"))
    status = client.answer()[0]
    client.close()
    return status != 401


def key_for(made, *limits):
    """A key that every instance knows."""
    key = made[0].create_key(*limits)
    for one in made:
        wait_for(lambda one=one: known(one, key))
    return key


def together(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)


def test_requests_over_four_instances(provide, instances):
    server, made = instances(provide(either), 4)
    key = key_for(made, "--rpm", "60")
    got = []

    def flood(one):
        client = Raw(one.port)
        for i in range(25):
            client.send(request(chat(stream=i % 3 == 0), key))
            got.append(client.answer()[:2])
        client.close()

    together([threading.Thread(target=flood, args=(one,)) for one in made for _ in range(3)])
    served = [headers for status, headers in got if status == 200]
    asked_before = 60 - max(int(h["x-ratelimit-remaining-requests"]) for h in served) - 1
    # nobody's place was given twice, and none was lost
    left = sorted(int(h["x-ratelimit-remaining-requests"]) for h in served)
    assert left == list(range(60 - asked_before))
    assert {status for status, _ in got} == {200, 429}
    before = server.keys()
    assert ask(made[0], key)[0] == 429
    assert {k: v for k, v in server.keys().items() if b"windows" in k} == {
        k: v for k, v in before.items() if b"windows" in k}


def test_concurrency_over_four_instances(provide, instances):
    """Five places are five, also when an instance dies with some of them."""
    go = threading.Event()

    def script(connection):
        while connection.read_request():
            go.wait(LIMIT)
            connection.json(answer())

    provider = provide(script)
    server, made = instances(provider, 4, limiter_lease="4s")
    key = key_for(made, "--concurrency", "5")
    clients = [Raw(one.port) for one in made for _ in range(3)]
    for client in clients[:3]:
        client.send(request(chat(), key))
    wait_for(lambda: len(provider.requests) == 3)
    for client in clients[3:]:
        client.send(request(chat(), key))
    wait_for(lambda: len(provider.requests) == 5)
    assert server.leases() == 5
    got = collections.Counter()

    def wait_answer(client):
        try:
            got[client.answer()[0]] += 1
        except (AssertionError, OSError):
            got["died"] += 1

    threads = [threading.Thread(target=wait_answer, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    wait_for(lambda: got[429] == 7)
    made[0].kill()
    wait_for(lambda: got["died"] == 3)
    wait_for(lambda: server.leases() == 2)  # those of the dead are free after a lease
    for n in range(3):
        clients.append(Raw(made[1].port))
        clients[-1].send(request(chat(), key))
        wait_for(lambda n=n: len(provider.requests) == 6 + n)
    assert ask(made[2], key)[0] == 429
    go.set()
    for thread in threads:
        thread.join(LIMIT)
    for client in clients[12:]:
        assert client.answer()[0] == 200
    assert got == {200: 2, 429: 7, "died": 3}
    wait_for(lambda: server.leases() == 0)


def test_no_place_leaks(provide, instances):
    """Whatever clients and providers do, all places come back."""
    rng = random.Random(1)

    def script(connection):
        while connection.read_request():
            how = rng.random()
            if how < 0.3:
                connection.json(answer())
            elif how < 0.5:
                connection.stream_head()
                connection.chunk(ROLE + HELLO)
                connection.close()
                return
            elif how < 0.7:
                connection.wait_closed()
                return
            else:
                connection.json(b"{}", status=500)

    server, made = instances(provide(script), 2, limiter_lease="60s")
    key = key_for(made, "--concurrency", "8", "--tpm", "100000000")

    def crowd(seed):
        dice = random.Random(seed)
        for _ in range(60):
            client = Raw(dice.choice(made).port)
            client.send(request(chat(stream=dice.random() < 0.5), key))
            if dice.random() < 0.6:
                client.sock.settimeout(dice.random() * 0.02)
                try:
                    client.answer()
                except (AssertionError, OSError, TimeoutError, ValueError):
                    pass
            if dice.random() < 0.5:
                client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            client.close()

    together([threading.Thread(target=crowd, args=(i,)) for i in range(8)])
    wait_for(lambda: server.leases() == 0)
    for one in made:
        one.stop()
    assert server.leases() == 0


class SlowWire:
    """A way to Redis on which each answer takes `seconds`."""

    def __init__(self, port, seconds):
        self.target, self.seconds = port, seconds
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            for one, other, slow in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pass_on, args=(one, other, slow),
                                 daemon=True).start()

    def _pass_on(self, one, other, slow):
        try:
            while data := one.recv(65536):
                if slow:
                    time.sleep(self.seconds)
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            end.close()

    def close(self):
        self.listener.close()


class Outage:
    """Ways in which Redis does not answer, and how they end."""

    def __init__(self, server):
        self.server = server

    def stopped(self):
        self.server.pause()
        return self.server.go_on

    def killed(self):
        self.server.kill()
        return self.server.start

    def client_pause(self):
        self.server.ask("CLIENT", "PAUSE", "100000000", "ALL")
        # a paused server does not hear UNPAUSE from new clients either: it is replaced
        return lambda: (self.server.kill(), self.server.start())

    def read_only(self):
        self.server.ask("REPLICAOF", "127.0.0.1", "1")
        return lambda: self.server.ask("REPLICAOF", "NO", "ONE")

    def password(self):
        self.server.ask("CONFIG", "SET", "requirepass", "changed")
        self.server.password = "changed"
        self.server.ask("CLIENT", "KILL", "TYPE", "normal")
        return self.open_again

    def open_again(self):
        self.server.ask("CONFIG", "SET", "requirepass", "")
        self.server.password = None


def lost(made, key):
    """Asks until the outage is noticed."""
    def told():
        ask(made, key)
        return any(line["message"] == LOST for line in made.log_lines())

    wait_for(told)


def outcome(made, key):
    """Status, the limit that the answer tells, its fields and its body."""
    status, headers, body = ask(made, key)
    return status, headers.get("x-ratelimit-limit-requests"), headers, body


@pytest.mark.parametrize("policy", ["local", "open", "closed"])
@pytest.mark.parametrize("how", ["stopped", "killed", "client_pause", "read_only", "password"])
def test_outages(provide, instances, how, policy):
    server, (made,) = instances(provide(either), 1, on_limiter_failure=policy,
                                limiter_instances=4, limiter_timeout="8ms")
    key, free = key_for([made], "--rpm", "40"), key_for([made])
    end = getattr(Outage(server), how)()
    lost(made, key)
    if policy == "closed":
        status, limit, headers, body = outcome(made, key)
        error = json.loads(body)["error"]
        assert (status, limit) == (503, None)
        assert (error["type"], error["code"]) == ("server_error", "limiter_unavailable")
        assert headers["retry-after"] == "1"
    elif policy == "open":
        assert {outcome(made, key)[:2] for _ in range(50)} == {(200, None)}
    else:
        answers = [outcome(made, key)[:2] for _ in range(20)]
        assert {limit for _, limit in answers} == {"10"}  # a quarter of 40
        assert answers[-1][0] == 429
    assert ask(made, free)[0] == 200  # has no limits: is not concerned
    times = sum(line["message"] == SHARED for line in made.log_lines())
    end()
    made.wait_log(SHARED, times + 1)
    wait_for(lambda: outcome(made, key)[1] == "40")
    assert "changed" not in made.text()


def test_a_slow_redis(provide, instances, redis, made):
    """200 ms for each answer: nobody waits for them, nothing is lost, and it is asked again when it is fast."""
    server = redis()
    wire = SlowWire(server.port, 0.2)
    made.append(wire)
    _, (slow,) = instances(provide(either), 1, server, limiter_timeout="8ms",
                           limiter_instances=2, limiter=f"redis://127.0.0.1:{wire.port}")
    key = key_for([slow], "--rpm", "1000", "--concurrency", "100")
    lost(slow, key)
    answers = [outcome(slow, key)[:2] for _ in range(100)]
    assert set(answers) == {(200, "500")}
    assert sum(line["message"] == LOST for line in slow.log_lines()) == 1
    wire.seconds = 0
    slow.wait_log(SHARED, 2)
    wait_for(lambda: outcome(slow, key)[1] == "1000")
    wait_for(lambda: server.leases() == 0)


def test_a_redis_that_loads(provide, instances):
    """LOADING is an outage like any other, also at the start."""
    slow = ("--key-load-delay", "4000", "--loading-process-events-interval-bytes", "1024",
            "--rdbcompression", "no")
    server = RedisServer()
    try:
        for i in range(50):
            server.ask("MSET", *[word for j in range(20) for word in (f"k{i}.{j}", "v" * 100)])
        server.ask("SAVE")
        server.kill()
        server.options = slow
        server.start(wait=False)
        wait_for(server.is_loading)
        _, (made,) = instances(provide(either), 1, server, False, on_limiter_failure="closed")
        line = made.wait_log(LOST)
        assert "LOADING" in line["error"]
        key = key_for([made], "--rpm", "40")
        made.wait_log(SHARED)
        wait_for(lambda: ask(made, key)[0] == 200)
    finally:
        server.close()


def test_a_redis_that_comes_later(provide, instances, redis):
    server = redis()
    server.kill()
    _, (made,) = instances(provide(either), 1, server, False)
    assert "ECONNREFUSED" in made.wait_log(LOST)["error"]
    key = key_for([made], "--rpm", "40")
    assert outcome(made, key)[:2] == (200, "40")  # the only instance there ever was
    server.start()
    made.wait_log(SHARED)
    wait_for(lambda: server.keys())


def test_a_password_in_the_url(provide, instances, redis):
    server = redis(password="a@b:c/d%")
    _, (made,) = instances(provide(either), 1, server)
    key = key_for([made], "--rpm", "40")
    assert outcome(made, key)[:2] == (200, "40")
    assert server.password not in made.text()
    server.password, right = "wrong-password", server.password
    _, (other,) = instances(provide(either), 1, server, False)
    assert "WRONGPASS" in other.wait_log(LOST)["error"]
    assert "wrong-password" not in other.text()
    server.password = right


def test_a_user_with_few_rights(provide, instances, redis):
    """No more than docs/limits.md says, and nothing else is tried."""
    page = (pathlib.Path(__file__).parents[2] / "docs/limits.md").read_text()
    rights = re.search(r"^ACL SETUSER courier (.*)$", page, re.MULTILINE)[1].split()
    server = redis()
    server.ask("ACL", "SETUSER", "courier", *rights)
    url = f"redis://courier:PASSWORD@127.0.0.1:{server.port}/1"
    _, made = instances(provide(either), 2, server, limiter=url)
    key = key_for(made, "--rpm", "40", "--tpm", "100000", "--concurrency", "5")
    left = [int(ask(made[i % 2], key)[1]["x-ratelimit-remaining-requests"]) for i in range(10)]
    assert left == list(range(left[0], left[0] - 10, -1))
    assert server.ask("ACL", "LOG") == []


def test_tls(provide, instances, tmp_path, redis):
    cert, key_file = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-keyout", key_file, "-out", cert, "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost"], check=True, capture_output=True)
    port = free_port()
    server = redis("--tls-port", str(port), "--tls-cert-file", str(cert), "--tls-key-file",
                   str(key_file), "--tls-ca-cert-file", str(cert), "--tls-auth-clients", "no")
    url = f"rediss://localhost:{port}/1"
    _, (made,) = instances(provide(either), 1, server, limiter_ca_file=str(cert), limiter=url)
    key = key_for([made], "--rpm", "40")
    for left in range(38, 28, -1):
        status, headers, _ = ask(made, key)
        assert (status, headers["x-ratelimit-remaining-requests"]) == (200, str(left))
    _, (other,) = instances(provide(either), 1, server, False, limiter=url)
    assert "EKEYREJECTED" in other.wait_log(LOST)["error"]


def test_the_policy_is_reloaded(provide, gateway, redis):
    server = redis()
    made = gateway(provider := provide(either), limiter=server.url, on_limiter_failure="closed")
    made.wait_log(SHARED)
    key = key_for([made], "--rpm", "40")
    server.kill()
    lost(made, key)
    assert ask(made, key)[0] == 503
    made.settings["on_limiter_failure"] = "open"
    made.write([provider.entry()], [{"name": "m", "provider": "private",
                                     "upstream_model": "upstream-model"}])
    made.signal(signal.SIGHUP)
    wait_for(lambda: ask(made, key)[0] == 200)
