"""The clocks, the drain and the reload."""

import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest
from client import chat, request
from gateway import ADMIN_KEY, BINARY, LIMIT, Process, wait_for
from provider import DONE, FINISH, HELLO, ROLE, WORLD, answer, answer_once


def silent(connection):
    connection.read_request()
    connection.wait_closed()


def stuck_after(*events):
    def script(connection):
        connection.read_request()
        connection.stream_head()
        for event in events:
            connection.chunk(event)
        connection.wait_closed()

    return script


def assert_timeout(made, client, stream):
    client.send(request(chat(stream=stream), ADMIN_KEY))
    status, headers, body = client.answer()
    error = json.loads(body)["error"]
    assert (status, error["type"], error["code"]) == (504, "upstream_error", "upstream_timeout")
    row = made.row(headers["x-request-id"])
    assert (row["status"], row["http_status"]) == ("upstream_timeout", 504)
    assert row["error_code"] == "upstream_timeout"


def test_a_silent_provider_buffered(provide, gateway, connect):
    made = gateway(provide(silent), model={"timeout": "200ms"})
    assert_timeout(made, connect(made), False)


def test_a_silent_provider_streamed(provide, gateway, connect):
    made = gateway(provide(silent), timeouts={"first_token": "200ms"})
    assert_timeout(made, connect(made), True)


def test_a_role_is_not_the_first_token(provide, gateway, connect):
    made = gateway(provide(stuck_after(ROLE)), timeouts={"first_token": "200ms"})
    assert_timeout(made, connect(made), True)


def test_the_total_bounds_the_whole(provide, gateway, connect):
    made = gateway(provide(silent), timeouts={"total": "200ms"})
    assert_timeout(made, connect(made), False)


def test_a_stall_between_chunks(provide, gateway, connect):
    made = gateway(provide(stuck_after(ROLE, HELLO)), timeouts={"idle": "200ms"})
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY))
    status, headers, body = client.answer()
    assert status == 200
    assert b"upstream_stream_interrupted" in body and b"[DONE]" not in body
    assert made.row(headers["x-request-id"])["status"] == "interrupted"


def test_no_connection(gateway, connect, made):
    deaf = socket.socket()  # its port is taken, and nobody listens
    made.append(deaf)
    deaf.bind(("127.0.0.1", 0))
    made = gateway(providers=[{"name": "private", "type": "openai_compatible",
                               "base_url": f"http://127.0.0.1:{deaf.getsockname()[1]}/v1"}],
                   models=[{"name": "m", "provider": "private"}])
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY))
    status, _, body = client.answer()
    assert (status, json.loads(body)["error"]["code"]) == (502, "upstream_connect_failed")


def wait_refused(connect, made):
    """Until no worker takes new connections: all of them drain."""

    def refused():
        try:
            connect(made)
        except OSError:
            return True

    wait_for(refused)


def test_drain_lets_a_stream_finish(provide, gateway, connect):
    go = threading.Event()

    def script(connection):
        connection.read_request()
        connection.stream_head()
        connection.chunk(ROLE + HELLO)
        go.wait(LIMIT)
        connection.chunk(WORLD + FINISH + DONE)
        connection.end_chunks()

    made = gateway(provide(script))
    client = connect(made)
    idle = connect(made)
    idle.send(b"GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n")
    assert idle.answer()[0] == 200
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: drained\r\n"))
    client.read_until(HELLO)
    made.signal(signal.SIGTERM)
    assert idle.ended()  # idle connections are closed
    wait_refused(connect, made)
    assert made.child.poll() is None
    go.set()
    assert DONE in client.read_until(DONE)
    assert made.wait() == 0
    rows = made.rows("request_id = 'drained'")
    assert [row["status"] for row in rows] == ["ok"]


def test_drain_has_a_limit(provide, gateway, connect):
    """Behind it a stream is told in band, and who had no head yet gets a 503."""

    def script(connection):
        if b'"stream": true' in connection.read_request().body:
            connection.stream_head()
            connection.chunk(ROLE + HELLO)
        connection.wait_closed()

    provider = provide(script)
    made = gateway(provider, timeouts={"drain": "300ms"})
    client, waiting = connect(made), connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: cut\r\n"))
    client.read_until(HELLO)
    waiting.send(request(chat(), ADMIN_KEY, extra="x-request-id: unanswered\r\n"))
    wait_for(lambda: len(provider.requests) == 2)
    made.signal(signal.SIGTERM)
    last = client.read_until(b"0\r\n\r\n")
    assert b"upstream_stream_interrupted" in last and b"[DONE]" not in last
    status, headers, body = waiting.answer()
    assert (status, json.loads(body)["error"]["code"]) == (503, "draining")
    assert "retry-after" in headers
    assert made.wait() == 0
    assert [row["status"] for row in made.rows("request_id = 'cut'")] == ["interrupted"]
    assert [row["status"] for row in made.rows("request_id = 'unanswered'")] == ["gateway_error"]


def test_reload(provide, gateway, connect):
    provider = provide(answer_once())
    made = gateway(provider)
    client = connect(made)
    client.send(request(chat("later"), ADMIN_KEY))
    assert client.answer()[0] == 404
    made.write([provider.entry()], [{"name": "later", "provider": "private"}])
    made.signal(signal.SIGHUP)

    def served():
        client.send(request(chat("later"), ADMIN_KEY))
        return client.answer()[0] == 200

    wait_for(served)
    client.send(request(chat("m"), ADMIN_KEY))
    assert client.answer()[0] == 404


def test_a_faulty_reload_changes_nothing(provide, gateway, connect):
    made = gateway(provide(answer_once()))
    made.config.write_text("listen: [")
    made.signal(signal.SIGHUP)
    wait_for(lambda: any("courier.yaml" in line for line in made.output))
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200


def test_what_a_reload_cannot_change_is_said(provide, gateway):
    provider = provide(answer_once())
    made = gateway(provider)
    made.settings["workers"] = 3
    made.settings["timeouts"] = {"first_token": "200ms"}
    made.write([provider.entry()], [])
    made.signal(signal.SIGHUP)
    wait_for(lambda: any('"reloaded"' in line for line in made.output))
    said = [line.get("setting") for line in made.log_lines() if "next start" in line["message"]]
    assert said == ["workers"]


def test_reloaded_clocks_hold_for_new_calls(provide, gateway, connect):
    provider = provide(silent)
    made = gateway(provider)
    made.settings["timeouts"] = {"answer": "200ms"}
    made.write([provider.entry()], [{"name": "m", "provider": "private"}])
    made.signal(signal.SIGHUP)
    wait_for(lambda: any('"reloaded"' in line for line in made.output))
    assert_timeout(made, connect(made), False)


def test_a_log_file_is_opened_anew(provide, gateway, connect, tmp_path):
    file, old = tmp_path / "log", tmp_path / "log.1"
    made = gateway(provide(answer_once()), log={"file": str(file)})
    client = connect(made)

    def logged(path, name):
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
        assert client.answer()[0] == 200
        return wait_for(lambda: path.exists() and name in path.read_text())

    assert logged(file, "before")
    file.rename(old)
    made.signal(signal.SIGHUP)
    wait_for(file.exists)
    assert logged(file, "after")
    assert "before" not in file.read_text() and "after" not in old.read_text()
    assert file.stat().st_mode & 0o007 == 0


def test_a_second_signal_ends_it_at_once(provide, gateway, connect):
    options = os.environ.get("TSAN_OPTIONS", "") + ":report_thread_leaks=0"  # it does not wait
    made = gateway(provide(stuck_after(ROLE, HELLO)), env={"TSAN_OPTIONS": options})
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY))
    client.read_until(HELLO)
    made.signal(signal.SIGTERM)
    wait_for(lambda: "draining" in made.text())
    made.signal(signal.SIGTERM)
    assert made.wait() == 1


def test_draining_refuses_what_comes_on_an_open_connection(provide, gateway, connect):
    go = threading.Event()

    def script(connection):
        connection.read_request()
        go.wait(LIMIT)
        connection.json(answer())

    provider = provide(script)
    made = gateway(provider)
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY))
    wait_for(lambda: provider.requests)
    made.signal(signal.SIGTERM)
    wait_refused(connect, made)
    client.send(request(chat(), ADMIN_KEY))
    go.set()
    status, headers, body = client.answer()
    assert (status, body, headers["connection"]) == (200, answer(), "close")
    assert client.ended()
    assert len(provider.requests) == 1
    assert made.wait() == 0


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("listen", ["[::1]:0", "localhost", ":0", "0.0.0.0:0"])
def test_addresses(tmp_path, listen):
    if listen.startswith("[") and not has_ipv6():
        pytest.skip("no IPv6 here")
    file = tmp_path / "courier.yaml"
    file.write_text(json.dumps({"listen": listen, "workers": 2, "admin_key": ADMIN_KEY,
                                "store": f"sqlite:{tmp_path}/c.db"}))
    if listen == "localhost":
        done = subprocess.run([BINARY, "serve", "--config", str(file)], capture_output=True,
                              text=True, timeout=LIMIT)
        assert done.returncode == 1 and "IP:PORT" in done.stderr
        return
    process = Process([BINARY, "serve", "--config", str(file)])
    line = wait_for(lambda: re.search(r"listening on http://(.*):(\d+)", process.text()))
    host = line.group(1).strip("[]")
    with socket.create_connection((host, int(line.group(2))), LIMIT) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert sock.recv(65536).startswith(b"HTTP/1.1 200")
    process.stop()


def test_a_client_that_asks_nothing_is_closed(provide, gateway, connect):
    assert connect(gateway(provide(answer_once()), timeouts={"head": "300ms"})).ended()


def test_an_idle_client_is_closed(provide, gateway, connect):
    client = connect(gateway(provide(answer_once()), timeouts={"keep_alive": "200ms"}))
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200
    assert client.ended()


def test_a_body_that_stops_coming(provide, gateway, connect):
    made = gateway(provide(answer_once()), timeouts={"body": "200ms"})
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY)[:-5])
    status, _, body = client.answer()
    assert (status, json.loads(body)["error"]["code"]) == (408, "request_timeout")
    assert client.ended()


def test_a_client_that_takes_nothing_is_gone(provide, gateway, connect):
    closed = []

    def script(connection):
        connection.read_request()
        connection.stream_head()
        try:
            for _ in range(20_000):
                connection.chunk(HELLO * 100)
        except OSError:
            closed.append(True)

    made = gateway(provide(script), timeouts={"write": "300ms"})
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: stuck\r\n"))
    wait_for(lambda: closed)
    row = made.row("stuck")
    assert (row["status"], row["usage_source"]) == ("client_closed", "partial")


def test_a_slow_client_is_no_idle_provider(provide, gateway, connect):
    """While the client takes nothing, the provider's clock stands still."""
    events = [ROLE, *[HELLO * 500] * 200, FINISH, DONE]

    def script(connection):
        connection.read_request()
        connection.stream_head()
        for event in events:
            connection.chunk(event)
        connection.end_chunks()

    made = gateway(provide(script), timeouts={"idle": "2s"})
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY))
    client.read_head()
    time.sleep(2.5)  # longer than that clock
    assert client.read_body({"transfer-encoding": "chunked"}) == (b"".join(events), True)


def test_ready_and_alive(provide, gateway, connect):
    client = connect(gateway(provide(answer_once())))
    for path in ("/healthz", "/readyz"):
        client.send(f"GET {path} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert client.answer()[0] == 200
