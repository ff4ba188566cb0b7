"""What the client sends reaches the provider byte for byte but for what must be spliced, and what the
provider answers reaches the client unchanged."""

import json

import pytest
from client import request
from gateway import ADMIN_KEY
from provider import DONE, FINISH, HELLO, ROLE, answer_once, stream_once

ODD = (
    '{ "temperature":1.0,\n\t"model" : "m" ,"big":12345678901234567890,'
    '"zeta":1E400,"alpha":{"b":1,"a":-0},"\\u0061bc":"\\ud83d\\ude00 \\/",'
    '"messages":[{"content":"h\\u00e9","role":"user","cache_control":{"type":"ephemeral"}}],'
    '"chat_template_kwargs":{"enable_thinking":false} }'
)


def test_request_bytes_survive(provide, gateway, connect):
    provider = provide(answer_once())
    client = connect(gateway(provider))
    client.send(request(ODD, ADMIN_KEY))
    status, _, _ = client.answer()
    assert status == 200
    assert provider.requests[0].body.decode() == ODD.replace('"m"', '"upstream-model"')


def test_the_same_model_name_changes_nothing(provide, gateway, connect):
    provider = provide(answer_once())
    made = gateway(provider, models=[{"name": "m", "provider": "private"}])
    client = connect(made)
    client.send(request(ODD, ADMIN_KEY))
    assert client.answer()[0] == 200
    assert provider.requests[0].body.decode() == ODD


@pytest.mark.parametrize(
    "sent, expected",
    [
        ('{"model":"m","stream":true,"messages":[{}]}',
         '{"model":"upstream-model","stream":true,"messages":[{}],'
         '"stream_options":{"include_usage":true}}'),
        ('{"model":"m","stream_options":{"include_usage":true},"stream":true,"messages":[{}]}',
         '{"model":"upstream-model","stream_options":{"include_usage":true},"stream":true,'
         '"messages":[{}]}'),
    ],
)
def test_usage_is_asked_for(provide, gateway, connect, sent, expected):
    provider = provide(stream_once(ROLE, HELLO, FINISH, DONE))
    client = connect(gateway(provider))
    client.send(request(sent, ADMIN_KEY))
    assert client.answer()[0] == 200
    assert provider.requests[0].body.decode() == expected


@pytest.mark.parametrize(
    "options", ["{}", "null", '{"include_usage":false}', '{"include_obfuscation":false}',
                '{ "include_usage" : false , "other":[1,{}] }']
)
def test_usage_is_merged_into_what_the_client_sent(provide, gateway, connect, options):
    sent = '{"stream_options":%s,"model":"m","stream":true,"messages":[{"a":1}]}' % options
    provider = provide(stream_once(ROLE, HELLO, FINISH, DONE))
    client = connect(gateway(provider))
    client.send(request(sent, ADMIN_KEY))
    assert client.answer()[0] == 200
    got = json.loads(provider.requests[0].body)
    merged = {**(json.loads(options) or {}), "include_usage": True}
    assert got == {"stream_options": merged, "model": "upstream-model", "stream": True,
                   "messages": [{"a": 1}]}


def test_answer_bytes_survive(provide, gateway, connect):
    body = b'\n {"usage": {"prompt_tokens":1,"completion_tokens":2 }, "x":1.0,"id":9007199254740993 }\n'
    client = connect(gateway(provide(answer_once(body))))
    client.send(request('{"model":"m","messages":[{}]}', ADMIN_KEY))
    status, headers, got = client.answer()
    assert (status, got) == (200, body)
    assert headers["content-type"] == "application/json"
    assert headers["x-courier-model"] == "m"
    assert headers["x-courier-provider"] == "private"
    assert headers["x-courier-attempts"] == "m:200"


def test_a_large_body_both_ways(provide, gateway, connect):
    big = '{"model":"m","messages":[{"role":"user","content":"%s"}]}' % ("é" * 2_000_000)
    body = b'{"choices":[{"message":{"content":"%s"}}]}' % (b"y" * 3_000_000)
    provider = provide(answer_once(body))
    client = connect(gateway(provider))
    client.send(request(big, ADMIN_KEY))
    status, _, got = client.answer()
    assert (status, got) == (200, body)
    assert provider.requests[0].body.decode() == big.replace('"m"', '"upstream-model"', 1)


def test_headers_to_the_provider(provide, gateway, connect):
    provider = provide(answer_once())
    made = gateway(providers=[provider.entry(api_key="provider-secret")],
                   models=[{"name": "m", "provider": "private"}])
    client = connect(made)
    client.send(request('{"model":"m","messages":[{}]}', ADMIN_KEY,
                        extra="x-request-id: mine-1\r\ncookie: a=b\r\nx-forwarded-for: 1.2.3.4\r\n"
                        "accept-encoding: gzip\r\n"
                        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"))
    assert client.answer()[1]["x-request-id"] == "mine-1"
    headers = provider.requests[0].headers
    assert headers["authorization"] == "Bearer provider-secret"
    assert headers["x-request-id"] == "mine-1"
    assert headers["accept-encoding"] == "identity"
    assert headers["host"] == f"127.0.0.1:{provider.port}"
    assert headers["traceparent"].startswith("00-0af7651916cd43dd8448eb211c80319c-")
    assert "b7ad6b7169203331" not in headers["traceparent"]
    for name in ("cookie", "x-forwarded-for", "x-api-key"):
        assert name not in headers
    assert ADMIN_KEY not in str(headers)
    assert provider.requests[0].path == "/v1/chat/completions"


def test_connections_are_kept_on_both_sides(provide, gateway, connect):
    provider = provide(answer_once())
    client = connect(gateway(provider, workers=1))
    for _ in range(20):
        client.send(request('{"model":"m","messages":[{}]}', ADMIN_KEY))
        assert client.answer()[0] == 200
    assert len(provider.connections) == 1
    assert len(provider.requests) == 20


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refusal_of_the_caller_passes_unchanged(provide, gateway, connect, status):
    body = b'{"error":{"message":"no","type":"invalid_request_error","param":"messages","code":"x"}}'
    client = connect(gateway(provide(answer_once(body, status))))
    client.send(request('{"model":"m","messages":[{}]}', ADMIN_KEY))
    got = client.answer()
    assert (got[0], got[2]) == (status, body)


@pytest.mark.parametrize(
    "status, body, expected",
    [
        (401, b'{"error":{"message":"bad key sk-live","code":"invalid_api_key"}}',
         (502, "upstream_credentials")),
        (403, b"{}", (502, "upstream_credentials")),
        (429, b'{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}',
         (502, "upstream_credentials")),
        (429, b"{}", (429, "upstream_rate_limit")),
        (500, b"{}", (502, "upstream_error")),
        (503, b'{"error":{"message":"busy"}}', (503, "upstream_overloaded")),
        (503, b"<html>no backend</html>", (502, "upstream_error")),
        (302, b"", (502, "upstream_invalid_response")),
    ],
)
def test_faults_of_the_provider(provide, gateway, connect, status, body, expected):
    client = connect(gateway(provide(answer_once(body, status))))
    client.send(request('{"model":"m","messages":[{}]}', ADMIN_KEY))
    got, _, text = client.answer()
    error = json.loads(text)["error"]
    assert (got, error["code"]) == expected
    assert error["type"] == "upstream_error"
    assert b"sk-live" not in text
