"""GET /metrics: what Prometheus reads there is exactly what clients saw."""

import collections
import concurrent.futures
import functools
import json
import re
import shutil
import signal
import subprocess
import threading

import httpx
import pytest

from client import Raw, chat, request
from gateway import ADMIN_KEY, BINARY, wait_for

# without TLS: to read the system's certificates takes longer than to ask
get = functools.partial(httpx.get, verify=False, timeout=60)
send = functools.partial(httpx.post, verify=False, timeout=60)

ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16,
         "prompt_tokens_details": {"cached_tokens": 4},
         "completion_tokens_details": {"reasoning_tokens": 2}}
ANSWER = json.dumps({
    "id": "1", "object": "chat.completion", "created": 1, "model": "upstream-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"},
                 "finish_reason": "stop"}],
    "usage": USAGE,
})


class Figures:
    """A parsed exposition."""

    def __init__(self, text):
        self.samples = {}
        self.kinds = {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.kinds, line
                self.kinds[name] = kind
            elif not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                key = (name, frozenset(LABEL.findall(labels or "")))
                assert key not in self.samples, f"twice: {line}"
                self.samples[key] = float(value)

    def sum(self, name, **labels):
        wanted = set(labels.items())
        return sum(value for (at, has), value in self.samples.items()
                   if at == name and wanted <= has)


def scrape(gateway, headers=ADMIN):
    answer = get(f"{gateway.url}/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Figures(answer.text)


def scrape_when(gateway, count, **labels):
    """Figures that tell of that many requests: the last one may have ended a moment ago."""
    def look():
        figures = scrape(gateway)
        return figures.sum("courier_requests_total", **labels) >= count and figures

    return wait_for(look)


def answer_all(c):
    while request := c.read_request():
        body = json.loads(request.body)
        if body.get("user") == "fail":
            c.json('{"error":{"message":"overloaded"}}', status=503)
        elif body.get("stream"):
            c.stream_head()
            for text in "abcd":
                c.chunk('data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"x",'
                        '"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":null}]}\n\n'
                        % text)
            c.chunk('data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"x",'
                    '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
                    'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"x",'
                    '"choices":[],"usage":%s}\n\ndata: [DONE]\n\n' % json.dumps(USAGE))
            c.end_chunks()
        else:
            c.json(ANSWER)


def post(gateway, body, key=ADMIN_KEY):
    return send(f"{gateway.url}/v1/chat/completions", json=body,
                headers={"authorization": f"Bearer {key}"}).status_code


def ask_models(gateway, key):
    return get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code


def test_only_admins_see_it(gateway):
    g = gateway()
    key = g.create_key()
    assert get(f"{g.url}/metrics").status_code == 401
    ask = {"url": f"{g.url}/metrics", "headers": {"authorization": f"Bearer {key}"}}
    refused = wait_for(lambda: (a := get(**ask)).status_code == 403 and a)
    assert refused.json()["error"]["code"] == "admin_only"
    scrape(g)


def test_the_figures_are_what_clients_saw(gateway, provide):
    g = gateway(provide(answer_all), model={"retries": 0})
    bodies = [chat()] * 20 + [chat(stream=True)] * 10 + [chat(model="invented")] * 3 + \
        [chat(user="fail")] * 2
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda body: post(g, body), bodies))
    statuses.append(post(g, chat(), key="sk-cr-wrong"))
    figures = scrape_when(g, len(statuses), endpoint="/v1/chat/completions")

    here = {"endpoint": "/v1/chat/completions"}
    assert figures.sum("courier_requests_total", **here) == len(statuses)
    assert figures.sum("courier_requests_total", outcome="ok", status_class="2xx", **here) == \
        statuses.count(200) == 30
    assert figures.sum("courier_errors_total", error_type="model_not_found", **here) == \
        statuses.count(404) == 3
    assert figures.sum("courier_errors_total", error_type="invalid_api_key", **here) == \
        statuses.count(401) == 1
    assert figures.sum("courier_requests_total", outcome="upstream_error", **here) == 2
    assert figures.sum("courier_request_duration_seconds_count", **here) == len(statuses)

    call = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "private",
            "gen_ai_request_model": "m", "gen_ai_response_model": "m"}
    assert figures.sum("gen_ai_server_request_duration_seconds_count", **call) == 32
    assert figures.sum("gen_ai_server_time_to_first_token_seconds_count", **call) == 10
    assert figures.sum("gen_ai_server_time_per_output_token_seconds_count", **call) == 10
    assert figures.sum("gen_ai_client_token_usage_sum", gen_ai_token_type="input", **call) == 330
    assert figures.sum("gen_ai_client_token_usage_sum", gen_ai_token_type="output", **call) == 150
    for kind, tokens in {"input": 7, "cache_read": 4, "cache_write": 0, "output": 3,
                         "reasoning": 2}.items():
        assert figures.sum("courier_tokens_total", token_type=kind, **call) == tokens * 30
    # nothing that a client made up is a label
    assert figures.sum("gen_ai_server_request_duration_seconds_count",
                       gen_ai_request_model="other") == 4
    assert figures.sum("courier_upstream_attempts_total", result="ok") == 30
    assert figures.sum("gen_ai_client_operation_duration_seconds_count",
                       gen_ai_provider_name="private") == 32
    assert figures.sum("courier_upstream_circuits", state="closed") >= 1
    assert figures.sum("courier_limiter_decisions_total", decision="taken") >= 35
    assert figures.sum("courier_requests_in_flight") >= 1  # the scrape itself


def test_the_figures_are_those_of_the_rows(gateway, provide):
    """Under load, with clients that leave: outcome by outcome, token by token."""
    g = gateway(provide(answer_all), model={"retries": 0}, workers=3)
    keys = [ADMIN_KEY, g.create_key("--rpm", "30")]
    # elsewhere: a refusal of an unknown key is counted and has no row
    wait_for(lambda: ask_models(g, keys[1]) == 200)
    bodies = [chat(), chat(stream=True), chat(user="fail"), chat(model="invented"), {"model": 7}]
    asked = 300

    def ask(i):
        body, key = bodies[i % len(bodies)], keys[i % 2]
        if i % 7:
            post(g, body, key)
            return
        raw = Raw(g.port)
        raw.send(request(body, key))
        raw.close()

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(asked)))
    here = {"endpoint": "/v1/chat/completions"}
    seen = {}

    def settled():
        """Each has its row, and the rows say what became of it: one may be written twice."""
        seen["figures"] = scrape(g)
        seen["rows"] = g.rows("endpoint = '/v1/chat/completions'")
        seen["counted"] = collections.Counter(row["status"] for row in seen["rows"])
        seen["told"] = {outcome: seen["figures"].sum("courier_requests_total", outcome=outcome,
                                                     **here) for outcome in seen["counted"]}
        return seen["figures"].sum("courier_requests_total", **here) == asked and \
            len(seen["rows"]) == asked and seen["told"] == seen["counted"]

    wait_for(settled, told=lambda: (seen["told"], seen["counted"]))
    figures, rows = seen["figures"], seen["rows"]
    assert len(seen["counted"]) >= 4
    assert figures.sum("courier_requests_in_flight") == 1  # the scrape itself
    told = collections.Counter(row["error_code"] for row in rows if row["error_code"])
    for code, n in told.items():
        assert figures.sum("courier_errors_total", error_type=code, **here) == n, code
    for kind, column in (("input", "prompt_tokens"), ("output", "completion_tokens")):
        assert figures.sum("gen_ai_client_token_usage_sum", gen_ai_token_type=kind) == \
            sum(row[column] for row in rows)
    assert figures.sum("courier_upstream_attempts_total") == sum(row["attempts"] for row in rows)


def test_refusals_of_the_limiter_are_counted(gateway, provide):
    g = gateway(provide(answer_all))
    key = g.create_key("--rpm", "2")
    wait_for(lambda: post(g, chat(), key) == 200)
    assert [post(g, chat(), key) for _ in range(3)] == [200, 429, 429]
    figures = scrape_when(g, 2, outcome="rate_limited")
    assert figures.sum("courier_limiter_decisions_total", decision="requests") == 2
    assert figures.sum("courier_errors_total", error_type="rate_limit_exceeded") == 2


def test_retries_fallbacks_and_circuits(gateway, provide):
    def refuse(c):
        while c.read_request():
            c.json('{"error":{"message":"down"}}', status=503)

    bad, good = provide(refuse), provide(answer_all)
    g = gateway(
        providers=[{**bad.entry(), "name": "bad"}, {**good.entry(), "name": "good"}],
        models=[{"name": "m", "provider": "bad", "retries": 1, "fallback": ["n"]},
                {"name": "n", "provider": "good"}],
        workers=1,
    )
    assert [post(g, chat()) for _ in range(8)] == [200] * 8
    figures = scrape_when(g, 8, outcome="ok", endpoint="/v1/chat/completions")
    assert figures.sum("courier_fallbacks_total", gen_ai_request_model="m",
                       gen_ai_response_model="n") == 8
    attempts = figures.sum("courier_upstream_attempts_total", gen_ai_provider_name="bad")
    assert attempts == len(bad.requests)
    retries = figures.sum("courier_upstream_retries_total", gen_ai_provider_name="bad")
    assert 1 <= retries < attempts
    assert figures.sum("courier_upstream_circuits", gen_ai_provider_name="bad", state="open") == 1
    assert figures.sum("courier_upstream_attempts_total", gen_ai_provider_name="good",
                       result="ok") == 8


def test_running_requests_and_connections(gateway, provide):
    def hold(c):
        c.read_request()
        c.stream_head()
        c.chunk('data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n')
        c.wait_closed()

    g = gateway(provide(hold))
    with httpx.stream("POST", f"{g.url}/v1/chat/completions", json=chat(stream=True),
                      headers=ADMIN, timeout=60, verify=False) as answer:
        pieces = answer.iter_raw()  # held: its end is the connection's
        next(pieces)
        figures = scrape(g)
        assert figures.sum("courier_requests_in_flight") == 2
        assert figures.sum("courier_upstream_in_flight", gen_ai_provider_name="private") == 1
        assert figures.sum("courier_upstream_connections", state="active") == 1
        assert figures.sum("courier_client_connections") >= 2
    figures = wait_for(lambda: (f := scrape(g)).sum("courier_requests_total",
                                                    outcome="client_closed") == 1 and f)
    assert figures.sum("courier_upstream_attempts_total", result="client_closed") == 1
    assert figures.sum("courier_upstream_connections", state="active") == 0


def test_the_process_and_the_rest(gateway):
    figures = scrape(gateway(workers=3))
    assert figures.sum("courier_workers") == 3
    assert figures.sum("courier_build_info") == 1
    assert figures.sum("courier_draining") == 0
    assert figures.sum("courier_snapshot_version") >= 1
    assert figures.sum("courier_metrics_lost_total") == 0
    assert figures.sum("process_resident_memory_bytes") > 1 << 20
    assert 10 < figures.sum("process_open_fds") < figures.sum("process_max_fds")
    assert figures.sum("courier_snapshot_keys") == 1
    assert figures.sum("courier_snapshot_failing") == figures.sum("courier_ledger_failing") == 0
    for name in ("courier_snapshot_age_seconds", "process_cpu_seconds_total"):
        assert (name, frozenset()) in figures.samples


def test_the_ledger(gateway, provide):
    g = gateway(provide(answer_all))
    assert [post(g, chat()) for _ in range(5)] == [200] * 5
    wait_for(lambda: scrape(g).sum("courier_ledger_records_total", result="written") >= 5)
    assert scrape(g).sum("courier_ledger_records_total", result="dropped") == 0


def test_an_address_of_its_own_needs_no_key(gateway, provide):
    g = gateway(provide(answer_all), metrics_listen="127.0.0.1:0", workers=3)

    def port():
        return [line["port"] for line in g.log_lines() if "without a key" in line["message"]]

    side = f"http://127.0.0.1:{wait_for(port)[0]}"
    assert post(g, chat()) == 200
    wait_for(lambda: Figures(get(f"{side}/metrics").text)
             .sum("courier_requests_total", outcome="ok", endpoint="/v1/chat/completions") == 1)
    assert get(f"{side}/healthz").status_code == 200
    assert get(f"{side}/readyz").status_code == 200
    assert get(f"{side}/v1/models", headers=ADMIN).status_code == 404
    assert get(f"{g.url}/metrics").status_code == 401


def test_watching_goes_on_while_the_gateway_drains(gateway, provide):
    release = threading.Event()

    def hold(c):
        c.read_request()
        release.wait(60)
        c.json(ANSWER)

    g = gateway(provide(hold), metrics_listen="127.0.0.1:0", workers=1)
    lines = wait_for(lambda: [x for x in g.log_lines() if "without a key" in x["message"]])
    side = f"http://127.0.0.1:{lines[0]['port']}"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        held = pool.submit(post, g, chat())
        wait_for(lambda: Figures(get(f"{side}/metrics").text)
                 .sum("courier_upstream_in_flight") == 1)
        g.signal(signal.SIGTERM)
        wait_for(lambda: Figures(get(f"{side}/metrics").text).sum("courier_draining") == 1)
        assert get(f"{side}/readyz").status_code == 503
        release.set()
        assert held.result() == 200
    assert g.wait() == 0


def test_an_address_that_is_taken_names_its_setting(gateway, tmp_path):
    taken = gateway()
    config = tmp_path / "courier.yaml"
    config.write_text(f"listen: 127.0.0.1:0\nmetrics_listen: 127.0.0.1:{taken.port}\n"
                      f"store: sqlite:{tmp_path}/c.db\nproviders: []\nmodels: []\n")
    done = subprocess.run([BINARY, "serve", "--config", str(config)], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1 and "metrics_listen" in done.stderr


def test_nothing_is_told_of_who_asked(gateway, provide):
    g = gateway(provide(answer_all))
    key = g.create_key(user="marker-user")
    wait_for(lambda: post(g, chat(), key) == 200)
    send(f"{g.url}/v1/chat/completions", json=chat(),
         headers={"authorization": f"Bearer {key}", "x-request-id": "marker-request"})
    text = get(f"{g.url}/metrics", headers=ADMIN).text
    assert "marker" not in text and key not in text and "key_id" not in text


def test_a_client_that_leaves_during_a_scrape(gateway, connect):
    g = gateway()
    for _ in range(20):
        raw = connect(g)
        raw.send(b"GET /metrics HTTP/1.1\r\nhost: g\r\nauthorization: Bearer %s\r\n\r\n"
                 % ADMIN_KEY.encode())
        raw.close()
    scrape(g)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is in Debian's prometheus")
def test_promtool_finds_nothing_wrong(gateway, provide):
    g = gateway(provide(answer_all))
    assert post(g, chat(stream=True)) == 200
    scrape_when(g, 1, outcome="ok")
    text = get(f"{g.url}/metrics", headers=ADMIN).text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
