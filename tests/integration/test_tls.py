"""TLS to providers: verified, named, reused."""

import datetime
import json
import ssl

import pytest
import trustme
from client import chat, request
from gateway import ADMIN_KEY, wait_for
from provider import DONE, FINISH, HELLO, ROLE, answer, answer_once, stream_once


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def context(authority, name, **options):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name, **options).configure_cert(made)
    return made


def ask(made, connect):
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY))
    status, _, body = client.answer()
    return status, json.loads(body)


def start(gateway, authority, provider, tmp_path, url=None, workers=1):
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    entry = provider.entry()
    if url:
        entry["base_url"] = url.format(port=provider.port)
    return gateway(providers=[entry], models=[{"name": "m", "provider": "private"}],
                   workers=workers, upstream={"ca_file": str(file)})


def test_a_verified_provider(provide, gateway, connect, authority, tmp_path):
    reused = []

    def script(connection):
        reused.append(connection.sock.session_reused)
        connection.read_request()
        connection.json(b'{"choices":[]}', extra=b"connection: close\r\n")

    provider = provide(script, tls=context(authority, "127.0.0.1"))
    made = start(gateway, authority, provider, tmp_path)
    for _ in range(3):
        assert ask(made, connect)[0] == 200
    assert reused[0] is False and reused[-1] is True


def test_a_name(provide, gateway, connect, authority, tmp_path):
    names = []
    server = context(authority, "localhost")
    server.sni_callback = lambda sock, name, ctx: names.append(name)
    provider = provide(answer_once(), tls=server)
    made = start(gateway, authority, provider, tmp_path, "https://localhost:{port}/v1")
    assert ask(made, connect)[0] == 200
    assert names == ["localhost"]


def test_the_wrong_name_is_refused(provide, gateway, connect, authority, tmp_path):
    provider = provide(answer_once(), tls=context(authority, "other.example"))
    made = start(gateway, authority, provider, tmp_path)
    status, body = ask(made, connect)
    assert (status, body["error"]["code"]) == (502, "upstream_tls_failed")
    assert provider.requests == []


def test_an_unknown_authority_is_refused(provide, gateway, connect, authority, tmp_path):
    provider = provide(answer_once(), tls=context(trustme.CA(), "127.0.0.1"))
    made = start(gateway, authority, provider, tmp_path)
    status, body = ask(made, connect)
    assert (status, body["error"]["code"]) == (502, "upstream_tls_failed")
    assert provider.requests == []


def test_plain_text_where_tls_was_due(provide, gateway, connect, authority, tmp_path):
    def script(connection):
        connection.json(b"{}", 400)

    provider = provide(script)
    made = start(gateway, authority, provider, tmp_path, "https://127.0.0.1:{port}/v1")
    status, body = ask(made, connect)
    assert (status, body["error"]["code"]) == (502, "upstream_tls_failed")


def test_silence_where_tls_was_due(provide, gateway, connect):
    def script(connection):
        while connection.sock.recv(65536):
            pass

    provider = provide(script)
    entry = {**provider.entry(), "base_url": f"https://127.0.0.1:{provider.port}/v1"}
    made = gateway(providers=[entry], models=[{"name": "m", "provider": "private"}],
                   timeouts={"connect": "200ms"})
    status, body = ask(made, connect)
    assert (status, body["error"]["code"]) == (504, "upstream_timeout")


def test_an_expired_certificate_is_refused(provide, gateway, connect, authority, tmp_path):
    yesterday = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)
    provider = provide(answer_once(), tls=context(authority, "127.0.0.1", not_after=yesterday))
    status, body = ask(start(gateway, authority, provider, tmp_path), connect)
    assert (status, body["error"]["code"]) == (502, "upstream_tls_failed")
    assert provider.requests == []


def test_the_systems_authorities_hold_without_a_file(provide, gateway, connect, authority):
    provider = provide(answer_once(), tls=context(authority, "127.0.0.1"))
    status, body = ask(gateway(provider), connect)
    assert (status, body["error"]["code"]) == (502, "upstream_tls_failed")


def test_a_file_of_authorities_that_is_not_there(gateway, tmp_path):
    with pytest.raises(AssertionError, match="nothing.pem"):
        gateway(upstream={"ca_file": str(tmp_path / "nothing.pem")})


def test_an_older_version(provide, gateway, connect, authority, tmp_path):
    server = context(authority, "127.0.0.1")
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    made = start(gateway, authority, provide(answer_once(), tls=server), tmp_path)
    for _ in range(3):
        assert ask(made, connect)[0] == 200


def test_connections_are_kept(provide, gateway, connect, authority, tmp_path):
    provider = provide(answer_once(), tls=context(authority, "127.0.0.1"))
    made = start(gateway, authority, provider, tmp_path)
    for _ in range(10):
        assert ask(made, connect)[0] == 200
    assert len(provider.connections) == 1


def test_first_handshakes_of_two_workers_at_once(provide, gateway, connect, authority, tmp_path):
    provider = provide(answer_once(), tls=context(authority, "127.0.0.1"))
    made = start(gateway, authority, provider, tmp_path, workers=2)
    clients = [connect(made) for _ in range(16)]  # the kernel gives each worker some
    for client in clients:
        client.send(request(chat(), ADMIN_KEY))
    assert [client.answer()[0] for client in clients] == [200] * 16


def test_streams(provide, gateway, connect, authority, tmp_path):
    events = [ROLE, *[HELLO] * 200, FINISH, DONE]
    provider = provide(stream_once(*events), tls=context(authority, "127.0.0.1"))
    client = connect(start(gateway, authority, provider, tmp_path))
    for _ in range(5):
        client.send(request(chat(stream=True), ADMIN_KEY))
        status, _, body = client.answer()
        assert (status, body) == (200, b"".join(events))


def test_large_bodies(provide, gateway, connect, authority, tmp_path):
    body = answer("y" * 5_000_000)
    provider = provide(answer_once(body), tls=context(authority, "127.0.0.1"))
    client = connect(start(gateway, authority, provider, tmp_path))
    question = chat(padding="z" * 5_000_000)
    client.send(request(question, ADMIN_KEY))
    status, _, got = client.answer()
    assert (status, got) == (200, body)
    assert json.loads(provider.requests[0].body) == question


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_is_cut(provide, gateway, connect, authority, tmp_path, stream):
    """No close_notify: what came is not the whole."""

    def script(connection):
        connection.read_request()
        if stream:
            connection.stream_head()
            connection.chunk(ROLE + HELLO)
        else:
            connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
        connection.sock.close()

    provider = provide(script, tls=context(authority, "127.0.0.1"))
    client = connect(start(gateway, authority, provider, tmp_path))
    client.send(request(chat(stream=stream), ADMIN_KEY))
    status, _, body = client.answer()
    assert status == (200 if stream else 502)
    assert (b"upstream_stream_interrupted" if stream else b"upstream_connection_lost") in body
    assert b"[DONE]" not in body


def test_leaving(provide, gateway, connect, authority, tmp_path):
    closed = []

    def script(connection):
        connection.read_request()
        connection.stream_head()
        connection.chunk(ROLE + HELLO)
        closed.append(connection.wait_closed())

    provider = provide(script, tls=context(authority, "127.0.0.1"))
    made = start(gateway, authority, provider, tmp_path)
    client = connect(made)
    client.send(request(chat(stream=True), ADMIN_KEY, extra="x-request-id: left\r\n"))
    client.read_head()
    client.read_chunks(HELLO)
    client.close()
    wait_for(lambda: closed)
    assert closed == [True]
    assert made.row("left")["status"] == "client_closed"
