"""TLS to providers: verified, named, reused."""

import json
import ssl

import pytest
import trustme
from client import chat, request
from gateway import ADMIN_KEY
from provider import answer_once


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


def context(authority, name):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(made)
    return made


def ask(made, connect):
    client = connect(made)
    client.send(request(chat(), ADMIN_KEY))
    status, _, body = client.answer()
    return status, json.loads(body)


def start(gateway, authority, provider, tmp_path, url=None):
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    entry = provider.entry()
    if url:
        entry["base_url"] = url.format(port=provider.port)
    return gateway(providers=[entry], models=[{"name": "m", "provider": "private"}], workers=1,
                   upstream={"ca_file": str(file)})


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
