"""courier health, as a container's health check runs it."""

import signal
import socket
import subprocess

from client import chat, request
from faults import Acting, silent
from gateway import ADMIN_KEY, BINARY, LIMIT, wait_for
from provider import answer_once


def health(*args, env=None, cwd=None):
    done = subprocess.run([BINARY, "health", *args], capture_output=True, text=True, timeout=LIMIT,
                          env=env, cwd=cwd)
    assert "Sanitizer" not in done.stderr, done.stderr
    return done


def test_asks_what_the_configuration_listens_on(gateway, tmp_path):
    running = gateway()
    config = tmp_path / "courier.yaml"
    for listen in (f"127.0.0.1:{running.port}", f":{running.port}", f"0.0.0.0:{running.port}"):
        config.write_text(f"listen: '{listen}'\n")
        for args, cwd in ((("--config", str(config)), None), ((), tmp_path)):
            done = health(*args, cwd=cwd)
            assert done.returncode == 0, done.stderr
            assert done.stdout == f"http://127.0.0.1:{running.port}/readyz answers 200\n"
    config.write_text(f"listen: :{running.port}\nworkers: many\n")  # not what the gateway runs on
    assert health("--config", str(config)).returncode == 0


def test_asks_any_address(gateway):
    url = gateway().url
    assert health("--url", url + "/healthz").returncode == 0
    assert health("--url", url.replace("127.0.0.1", "localhost") + "/healthz?x=1").returncode == 0
    refused = health("--url", url + "/v1/models")
    assert refused.returncode == 1 and refused.stdout == url + "/v1/models answers 401\n"


def test_not_ready_while_it_drains(provide, gateway, connect):
    running = gateway(provide(Acting(silent)), workers=1)
    client = connect(running)
    client.send(request(chat(), ADMIN_KEY))
    assert health("--url", running.url + "/readyz").returncode == 0
    running.signal(signal.SIGTERM)
    wait_for(lambda: health("--url", running.url + "/readyz").returncode == 1)
    running.signal(signal.SIGTERM)  # does not wait for the provider
    running.wait()


def test_nobody_listens():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        done = health("--url", f"http://127.0.0.1:{sock.getsockname()[1]}/readyz")
    assert done.returncode == 1
    assert "does not answer: ECONNREFUSED" in done.stderr and done.stdout == ""


def test_answers_that_do_not_come_or_are_none(tmp_path):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/readyz"
        done = health("--url", url, "--timeout", "50ms")
        assert done.returncode == 1 and "does not answer: ETIMEDOUT" in done.stderr
        child = subprocess.Popen([BINARY, "health", "--url", url], stderr=subprocess.PIPE, text=True)
        accepted = [sock.accept()[0] for _ in range(2)][-1]
        accepted.recv(4096)
        accepted.sendall(b"nothing of HTTP\r\n\r\n")
        accepted.close()
        assert child.wait(LIMIT) == 1
        assert "does not answer: EPROTO" in child.stderr.read()
        child.stderr.close()


def test_called_wrongly():
    for args in (["--url", "ftp://127.0.0.1:1/"], ["--url", "localhost"], ["--url", "http://h:0/"],
                 ["--timeout", "soon"], ["--timeout", "0s"], ["--timeout", "2h"], ["now"]):
        assert health(*args).returncode == 2, args
    assert "--timeout TIME" in health("--help").stdout


def test_a_delay_before_the_drain(provide, gateway, connect):
    """/readyz says 503 while requests are still taken, until the delay is over."""
    running = gateway(provide(answer_once()), workers=1, timeouts={"drain_delay": "3s"})
    client = connect(running)
    running.signal(signal.SIGTERM)
    wait_for(lambda: health("--url", running.url + "/readyz").stdout.endswith("answers 503\n"))
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200
    assert running.wait() == 0
    told = [line["message"] for line in running.log_lines()]
    assert told.index("told to end: not ready any more") < told.index("draining: no new requests")


def test_a_second_signal_within_the_delay(gateway):
    running = gateway(timeouts={"drain_delay": "1h"})
    running.signal(signal.SIGTERM)
    wait_for(lambda: health("--url", running.url + "/readyz").returncode == 1)
    running.signal(signal.SIGTERM)
    assert running.wait() == 1
