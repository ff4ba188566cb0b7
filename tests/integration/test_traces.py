"""Traces by OTLP: a span for each request and one for each attempt, and a collector that hangs or is
gone is nobody's trouble."""

import json
import re
import signal
import socket
import subprocess

import httpx
import pytest

from client import chat
from collector import Collector
from gateway import ADMIN_KEY, BINARY, wait_for
from test_metrics import ANSWER, answer_all, get, scrape, send

ERROR = 2  # of a span's status
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def collect(made):
    def make(*args, **more):
        made.append(Collector(*args, **more))
        return made[-1]

    return make


def post(g, body, **headers):
    answer = send(f"{g.url}/v1/chat/completions", json=body,
                  headers={"authorization": f"Bearer {ADMIN_KEY}", **headers})
    answer.read()
    return answer


def traceparent(flags="01"):
    return {"traceparent": f"00-{TRACE}-{PARENT}-{flags}"}


def test_a_request_and_its_attempt(gateway, provide, collect):
    c, p = collect(), provide(answer_all)
    g = gateway(p, otlp_endpoint=c.url)
    answer = post(g, chat(stream=True), **{"x-request-id": "my-request"})
    assert answer.status_code == 200
    wait_for(lambda: len(c.spans) == 2)
    (server,), (client,) = c.servers(), c.clients()
    assert c.exports[0][0] == "/v1/traces"

    assert server.name == "POST /v1/chat/completions" and server.parent == ""
    assert server.status == 0
    has = server.attributes
    assert has["http.request.method"] == "POST" and has["http.route"] == "/v1/chat/completions"
    assert has["http.response.status_code"] == 200
    assert has["courier.request_id"] == "my-request" and has["courier.outcome"] == "ok"
    assert has["gen_ai.operation.name"] == "chat" and has["gen_ai.provider.name"] == "private"
    assert has["gen_ai.request.model"] == has["gen_ai.response.model"] == "m"
    assert has["gen_ai.usage.input_tokens"] == 11 and has["gen_ai.usage.output_tokens"] == 5
    assert has["gen_ai.usage.cache_read.input_tokens"] == 4
    assert has["courier.attempts"] == 1 and has["gen_ai.request.stream"] is True
    assert "error.type" not in has
    (event,) = server.raw.events
    assert event.name == "first_token"
    assert server.raw.start_time_unix_nano < event.time_unix_nano < server.raw.end_time_unix_nano

    assert client.name == "chat upstream-model"
    assert client.trace == server.trace and client.parent == server.id
    has = client.attributes
    assert has["gen_ai.request.model"] == "upstream-model" and has["courier.model"] == "m"
    assert has["server.address"] == "127.0.0.1" and has["server.port"] == p.port
    assert has["http.response.status_code"] == 200
    # the provider's parent is the attempt
    version, trace, parent, flags = p.requests[0].headers["traceparent"].split("-")
    assert (version, trace, parent, flags) == ("00", server.trace, client.id, "01")

    resource = server.resource
    assert resource["service.name"] == "courier" and resource["service.version"]
    assert re.fullmatch(r"[0-9a-f-]{36}", resource["service.instance.id"])


def test_a_trace_is_continued(gateway, provide, collect):
    c, p = collect(), provide(answer_all)
    g = gateway(p, otlp_endpoint=c.url)
    post(g, chat(), **traceparent())
    wait_for(lambda: len(c.spans) == 2)
    assert {s.trace for s in c.spans} == {TRACE}
    assert c.servers()[0].parent == PARENT
    assert c.servers()[0].id not in (PARENT, c.clients()[0].id)


def test_attempts_that_failed(gateway, provide, collect):
    def refuse(connection):
        while connection.read_request():
            connection.json('{"error":{"message":"marker-of-the-provider"}}', status=503)

    c, bad, good = collect(), provide(refuse), provide(answer_all)
    g = gateway(
        providers=[{**bad.entry(), "name": "bad"}, {**good.entry(), "name": "good"}],
        models=[{"name": "m", "provider": "bad", "retries": 1, "fallback": ["n"]},
                {"name": "n", "provider": "good"}],
        otlp_endpoint=c.url,
    )
    assert post(g, chat()).status_code == 200
    wait_for(lambda: len(c.spans) == 4)
    (server,) = c.servers()
    clients = sorted(c.clients(), key=lambda s: s.raw.start_time_unix_nano)
    assert [s.attributes["gen_ai.provider.name"] for s in clients] == ["bad", "bad", "good"]
    assert [s.status for s in clients] == [ERROR, ERROR, 0]
    assert [s.attributes.get("error.type") for s in clients][2] is None
    assert clients[0].attributes["error.type"].startswith("upstream_")
    assert [s.attributes.get("http.request.resend_count") for s in clients] == [None, 1, None]
    assert [s.attributes["http.response.status_code"] for s in clients] == [503, 503, 200]
    assert {s.parent for s in clients} == {server.id} and len({s.id for s in clients}) == 3
    assert [r.headers["traceparent"].split("-")[2] for r in bad.requests] == \
        [s.id for s in clients[:2]]
    assert server.attributes["courier.fallback_used"] is True
    assert server.attributes["gen_ai.response.model"] == "n"
    assert b"marker" not in c.text


def test_refusals_and_failures(gateway, provide, collect):
    c = collect()
    g = gateway(provide(answer_all), otlp_endpoint=c.url, model={"retries": 0})
    assert send(f"{g.url}/v1/chat/completions", json=chat()).status_code == 401
    assert post(g, chat(model="nope")).status_code == 404
    assert get(f"{g.url}/nowhere").status_code == 401
    assert post(g, chat(user="fail")).status_code in (502, 503)
    assert get(f"{g.url}/healthz").status_code == 200  # not told of
    wait_for(lambda: len(c.spans) == 5)
    by_error = {s.attributes.get("error.type"): s for s in c.servers()}
    assert by_error["invalid_api_key"].status == by_error["model_not_found"].status == 0
    failed = next(s for s in c.servers() if s.attributes["http.response.status_code"] >= 500)
    assert failed.status == ERROR
    assert not [s for s in c.spans if "healthz" in s.name]


def test_the_share_that_is_told(gateway, provide, collect):
    c, p = collect(), provide(answer_all)
    g = gateway(p, otlp_endpoint=c.url, otlp_sample=0, otlp_service_name="edge")
    post(g, chat())
    assert p.requests[0].headers["traceparent"].endswith("-00")
    post(g, chat(), **traceparent("00"))
    assert p.requests[1].headers["traceparent"].endswith("-00")
    post(g, chat(), **traceparent("01"))  # whoever began it wants it whole
    wait_for(lambda: len(c.spans) == 2)
    assert {s.trace for s in c.spans} == {TRACE}
    assert c.spans[0].resource["service.name"] == "edge"


def test_fields_that_go_with_exports(gateway, provide, collect):
    c = collect()
    g = gateway(provide(answer_all), otlp_endpoint=f"{c.url}/base/",
                otlp_headers="authorization=Basic%20abc=,x-scope=7")
    post(g, chat())
    wait_for(lambda: c.spans)
    path, headers, _ = c.exports[0]
    headers = {name.lower(): value for name, value in headers.items()}
    assert path == "/base/v1/traces"
    assert headers["authorization"] == "Basic abc=" and headers["x-scope"] == "7"
    assert "abc" not in "".join(g.output)


@pytest.mark.parametrize("bad", ["nonsense", "a=%zz", "host=x", "a=%0d%0ab"])
def test_fields_that_cannot_be(bad, tmp_path):
    config = tmp_path / "courier.yaml"
    config.write_text(json.dumps({
        "listen": "127.0.0.1:0", "store": f"sqlite:{tmp_path}/c.db",
        "otlp_endpoint": "http://127.0.0.1:1", "otlp_headers": bad,
        "providers": [], "models": []}))
    done = subprocess.run([BINARY, "serve", "--config", str(config)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1 and "otlp_headers" in done.stderr and "Sanitizer" not in done.stderr


def test_a_collector_that_is_busy_gets_it_again(gateway, provide, collect):
    c = collect([503, 429], headers={"retry-after": "0"})
    g = gateway(provide(answer_all), otlp_endpoint=c.url)
    post(g, chat())
    wait_for(lambda: len(c.spans) == 2)
    assert [status for _, _, status in c.exports] == [503, 429, 200]
    assert wait_for(lambda: scrape(g).sum("courier_trace_spans_total", result="exported") >= 2)
    assert scrape(g).sum("courier_trace_spans_total", result="failed") == 0


def test_a_collector_that_refuses_is_not_asked_again(gateway, provide, collect):
    c = collect([400])
    g = gateway(provide(answer_all), otlp_endpoint=c.url)
    post(g, chat())
    wait_for(lambda: scrape(g).sum("courier_trace_spans_total", result="failed") >= 1)
    post(g, chat(), **traceparent())
    wait_for(lambda: [s for s in c.spans if s.trace == TRACE])
    lines = wait_for(lambda: [line for line in g.log_lines()
                              if "otlp_endpoint" in line["message"]])
    assert lines[0]["level"] == "warn" and lines[0]["status"] == 400


def test_nobody_there_holds_no_request_up(gateway, provide):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        nobody = s.getsockname()[1]
    g = gateway(provide(answer_all), otlp_endpoint=f"http://127.0.0.1:{nobody}")
    assert [post(g, chat()).status_code for _ in range(50)] == [200] * 50


def test_a_collector_that_hangs_holds_no_request_up(gateway, provide, collect):
    c = collect(["hang"] * 100)
    g = gateway(provide(answer_all), otlp_endpoint=c.url, workers=1)
    post(g, chat())
    wait_for(lambda: c.exports)
    # more than there is room for: what finds none is dropped and counted
    with httpx.Client(headers={"authorization": f"Bearer {ADMIN_KEY}"}, timeout=60,
                      verify=False) as client:
        for _ in range(4200):
            assert client.get(f"{g.url}/v1/models").status_code == 200
    assert scrape(g).sum("courier_trace_spans_total", result="dropped") > 0


def test_what_is_left_is_sent_at_the_end(gateway, provide, collect):
    c = collect()
    g = gateway(provide(answer_all), otlp_endpoint=c.url)
    assert [post(g, chat()).status_code for _ in range(10)] == [200] * 10
    g.signal(signal.SIGTERM)
    assert g.wait() == 0
    assert len(c.servers()) == len(c.clients()) == 10


def test_log_lines_lead_to_the_trace(gateway, provide, collect):
    c = collect()
    g = gateway(provide(answer_all), otlp_endpoint=c.url)
    post(g, chat(), **traceparent())
    wait_for(lambda: len(c.spans) == 2)
    (line,) = wait_for(lambda: [x for x in g.log_lines()
                                if x.get("path") == "/v1/chat/completions"])
    assert line["trace_id"] == TRACE and line["span_id"] == c.servers()[0].id


def test_no_secret_and_no_prompt_is_told(gateway, provide, collect):
    def answer(connection):
        while request := connection.read_request():
            if b"fail" in request.body:
                connection.json('{"error":{"message":"marker-error"}}', status=500)
            else:
                connection.json(ANSWER.replace('"hi"', '"marker-answer"'))

    c, p = collect(), provide(answer)
    g = gateway(
        providers=[{**p.entry(), "api_key": "marker-provider-key"}],
        models=[{"name": "m", "provider": "private", "retries": 0}],
        otlp_endpoint=c.url, otlp_headers="x-token=marker-token",
    )
    key = g.create_key()
    body = {"model": "m", "messages": [{"role": "user", "content": "marker-prompt"}]}
    wait_for(lambda: send(f"{g.url}/v1/chat/completions?marker-query", json=body,
                          headers={"authorization": f"Bearer {key}"}).status_code == 200)
    assert post(g, {**body, "user": "fail"}).status_code == 502
    wait_for(lambda: len(c.clients()) == 2 and len(c.servers()) >= 2)
    told = [c.text.decode(), "".join(g.output)] + [
        get(g.url + path, headers={"authorization": f"Bearer {ADMIN_KEY}"}).text
        for path in ("/metrics", "/admin/v1/health")]
    for text in told:
        assert "marker" not in text and key not in text and ADMIN_KEY not in text


def test_without_an_endpoint_nothing_changes(gateway, provide):
    p = provide(answer_all)
    g = gateway(p)
    answer = post(g, chat(), **traceparent())
    assert p.requests[0].headers["traceparent"].startswith(f"00-{TRACE}-")
    assert answer.headers["x-request-id"] == TRACE
    assert scrape(g).sum("courier_trace_spans_total") == 0
