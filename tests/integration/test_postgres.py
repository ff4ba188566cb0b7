"""A gateway whose store is a server: refused, restarted, silent, shared by several."""

import signal
import subprocess
import threading

import database
import pytest
import trustme
from client import Raw, chat, request
from gateway import ADMIN_KEY, BINARY, LIMIT, Gateway, wait_for
from postgres import PASSWORD, PASSWORD_IN_URL
from provider import answer_once

SECRET = "a-secret-that-several-instances-have"


def courier(*args, store, cwd):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=LIMIT, cwd=cwd,
                          env={"COURIER_STORE": store, "COURIER_ADMIN_KEY": ADMIN_KEY,
                               "COURIER_SECRET_KEY": SECRET, "PATH": ""})


@pytest.fixture
def url(postgres):
    return postgres.url(postgres.make_database())


def assert_hidden(text):
    assert PASSWORD not in text and PASSWORD_IN_URL not in text, text


# --- what cannot be opened


@pytest.mark.parametrize("change, words", [
    (lambda server: server.url(password="wrong-and-secret"), "password authentication failed"),
    (lambda server: server.url(user="nobody"), "password authentication failed"),
    (lambda server: server.url("nowhere"), 'database "nowhere" does not exist'),
    (lambda server: server.url(query="?sslmode=require"), "does not support SSL"),
    (lambda server: server.url().replace(str(server.port), "1"), "Connection refused"),
    (lambda server: server.url().replace("127.0.0.1", "no.such.host.invalid"), "host name"),
])
def test_what_is_wrong_is_told_without_the_password(postgres, tmp_path, change, words):
    done = courier("migrate", store=change(postgres), cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr, done.stderr
    assert "wrong-and-secret" not in done.stderr
    assert_hidden(done.stderr)


def test_the_password_is_shown_nowhere(provide, gateway, url):
    made = gateway(provide(answer_once()), store=url)
    assert_hidden(made.command("check").stdout)
    assert_hidden(made.command("key", "list").stdout)
    made.stop()
    started = next(line for line in made.log_lines() if line["message"] == "started")
    assert started["store"].startswith("postgres://tester@127.0.0.1:")
    assert_hidden(made.text())


def test_without_rights_it_says_so(postgres, tmp_path):
    name = postgres.make_database()
    postgres.sql("DROP ROLE IF EXISTS guest")
    postgres.sql("CREATE ROLE guest LOGIN PASSWORD 'guest-password'")
    url = postgres.url(name, user="guest", password="guest-password")
    done = courier("migrate", store=url, cwd=tmp_path)
    assert done.returncode == 1
    assert "permission denied for schema public" in done.stderr
    assert "guest-password" not in done.stderr


# --- migrations


def test_two_may_migrate_at_once(url, tmp_path):
    done = []

    def migrate():
        done.append(courier("migrate", store=url, cwd=tmp_path))

    threads = [threading.Thread(target=migrate) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.returncode for one in done] == [0, 0, 0], [one.stderr for one in done]
    applied = [line for one in done for line in one.stdout.splitlines() if "applied" in line]
    assert len(applied) == len(set(applied)) > 5
    assert courier("migrate", store=url, cwd=tmp_path).stdout == "nothing to apply\n"


def test_a_newer_schema_is_refused(postgres, tmp_path):
    name = postgres.make_database()
    url = postgres.url(name)
    assert courier("migrate", store=url, cwd=tmp_path).returncode == 0
    postgres.sql("INSERT INTO schema_migrations VALUES (9999, '9999_later.sql', now())", name)
    done = courier("migrate", store=url, cwd=tmp_path)
    assert done.returncode == 1
    assert "newer release" in done.stderr


# --- several instances


def test_several_share_a_store(provide, made, url, connect):
    """Started at once on an empty database: one makes the first key, all know it."""
    entry = provide(answer_once()).entry()
    models = [{"name": "m", "provider": "private"}]
    started = []

    def start():
        started.append(Gateway([entry], models, store=url, admin_key=None, secret_key=SECRET))

    threads = [threading.Thread(target=start) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made.extend(started)
    assert len(started) == 2
    told = [one.text().count("the admin key") for one in started]
    assert sorted(told) == [0, 1]
    key = started[told.index(1)].text().split("only now: ")[1].split()[0]
    for one in started:
        client = connect(one)
        wait_for(lambda: status_with(client, key) == 200)
    assert len(database.rows(url, "select * from api_keys")) == 1


def status_with(client, key):
    client.send(request(chat(), key))
    return client.answer()[0]


def test_another_secret_key_is_refused(provide, gateway, url, tmp_path):
    gateway(provide(answer_once()), store=url).stop()
    done = courier("serve", store=url, cwd=tmp_path)
    assert done.returncode == 1
    assert "another secret_key" in done.stderr


# --- the server goes away


def ask(client, n):
    client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: r-{n}\r\n"))
    assert client.answer()[0] == 200


def wait_rows(gateway, count):
    def ids():
        try:
            return [row["request_id"] for row in gateway.rows()]
        except Exception:  # noqa: BLE001  the server is on its way back
            return []

    wait_for(lambda: len(ids()) >= count)
    assert sorted(ids()) == sorted(f"r-{n}" for n in range(count))


@pytest.mark.parametrize("blow", ["restart", "kill", "terminate", "stop"])
def test_rows_survive_their_server(provide, gateway, connect, own_postgres, blow):
    server = own_postgres(fsync="on", synchronous_commit="on", full_page_writes="on")
    made = gateway(provide(answer_once()), store=server.url(server.make_database()))
    client = connect(made)
    for n in range(20):
        ask(client, n)
    if blow == "restart":
        server.stop()
    elif blow == "kill":
        server.kill()
    elif blow == "stop":
        server.signal(signal.SIGSTOP)
    else:
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                   "WHERE application_name = 'courier'")
    for n in range(20, 60):
        ask(client, n)
    if blow == "stop":
        server.signal(signal.SIGCONT)
    elif blow != "terminate":
        server.start()
    for n in range(60, 80):
        ask(client, n)
    wait_rows(made, 80)
    made.stop()


# --- TLS


def test_tls_is_verified(own_postgres, tmp_path):
    server = own_postgres()
    if not server.sql("show ssl_library"):
        pytest.skip("this PostgreSQL was built without TLS")
    authority = trustme.CA()
    cert = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    server.write("server.key", cert.private_key_pem.bytes().decode())
    server.write("server.crt", b"".join(p.bytes() for p in cert.cert_chain_pems).decode())
    server.stop()
    server.settings.update(ssl="on", ssl_cert_file=f"'{server.folder}/server.crt'",
                           ssl_key_file=f"'{server.folder}/server.key'")
    server.start()

    def migrate(host, ca):
        url = server.url(query=f"?sslmode=verify-full&sslrootcert={tmp_path}/{ca}")
        return courier("migrate", store=url.replace("127.0.0.1", host), cwd=tmp_path)

    done = migrate("localhost", "ca.pem")
    assert done.returncode == 0, done.stderr
    done = migrate("localhost", "other.pem")
    assert done.returncode == 1 and "certificate verify failed" in done.stderr, done.stderr
    done = migrate("127.0.0.1", "ca.pem")
    assert done.returncode == 1 and "does not match host name" in done.stderr, done.stderr
    assert_hidden(done.stderr)
