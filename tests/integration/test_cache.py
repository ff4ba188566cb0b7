"""Answers that are kept: who gets one again, who does not, and what it costs."""

import json
import threading

import anthropic
import openai
import pytest
from client import chat, request
from gateway import ADMIN_KEY as KEY
from gateway import LIMIT, wait_for
from provider import (DONE, ERROR, FINISH, HELLO, ROLE, USAGE, answer, answer_once, chunk_event,
                      stream_once)
from test_dialects import MESSAGE, SPOKEN

KEPT = {"cache": "1h"}
ASK = [{"role": "user", "content": "hi"}]


class Counting:
    """Answers each request with its number, streamed when that is asked for."""

    def __init__(self):
        self.n, self.lock = 0, threading.Lock()

    def __call__(self, connection):
        while got := connection.read_request():
            with self.lock:
                self.n += 1
                n = self.n
            if json.loads(got.body).get("stream"):
                connection.stream_head()
                for event in (ROLE, chunk_event('{"content":"answer %d"}' % n), FINISH, USAGE, DONE):
                    connection.chunk(event)
                connection.end_chunks()
            else:
                connection.json(answer(f"answer {n}"))


class Asker:
    """One client of a gateway: what it asks, and what it got."""

    def __init__(self, connect, gateway, key=KEY):
        self.gateway, self.connect, self.key = gateway, connect, key
        self.client = connect(gateway)
        self.names = 0

    def __call__(self, body=None, path="/v1/chat/completions", extra="", **more):
        """(x-courier-cache, body) of a good answer."""
        status, headers, got = self.whole(body or chat(**more), path, extra)
        assert status == 200, got
        return headers.get("x-courier-cache"), got

    def whole(self, body, path="/v1/chat/completions", extra=""):
        self.names += 1
        self.name = f"{id(self)}-{self.names}"
        self.client.send(request(body, self.key, path=path,
                                 extra=f"x-request-id: {self.name}\r\n{extra}"))
        return self.client.answer()

    def row(self):
        """Of the request before."""
        return self.gateway.row(self.name)


@pytest.fixture
def asked(provide, gateway, connect):
    """asked(…): an asker and its provider, whose answers are kept."""

    def make(script=None, model=KEPT, **settings):
        provider = provide(script or Counting())
        ask = Asker(connect, gateway(provider, model=model, **settings))
        ask.provider = provider
        return ask

    return make


# --- what is the same ---


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_call_is_answered_again(asked, stream):
    ask = asked()
    first = ask(stream=stream)
    again = ask(stream=stream)
    assert (first[0], again[0]) == ("miss", "hit")
    assert first[1] == again[1]
    assert b"answer 1" in first[1]
    assert len(ask.provider.requests) == 1


def test_without_cache_nothing_is_said_of_it(asked):
    ask = asked(model={})
    assert ask()[0] is None
    assert ask() == (None, answer("answer 2"))


def test_a_hit_says_who_answered(asked):
    ask = asked()
    _, first, _ = ask.whole(chat())
    _, again, _ = ask.whole(chat())
    for name in ("x-courier-model", "x-courier-provider", "content-type", "content-length"):
        assert first[name] == again[name]
    assert (first["x-courier-attempts"], again.get("x-courier-attempts")) == ("m:200", None)
    assert again["x-request-id"] == ask.name


BODY = ('{"model":"m","messages":[{"role":"user","content":"h\\u00e9 \\ud83d\\ude00"}],'
        '"temperature":0.5,"tools":[{"type":"function","function":{"name":"f","parameters":'
        '{"type":"object","properties":{"b":{},"a":{}}}}}]}')
SAME = [
    " \n" + BODY.replace(",", " ,\t").replace(":", " : "),
    BODY.replace("h\\u00e9 \\ud83d\\ude00", "hé 😀"),
    BODY.replace("\\u00e9", "\\u00E9").replace("messages", "mess\\u0061ges"),
    BODY.replace('"role":"user","content":"h\\u00e9 \\ud83d\\ude00"',
                 '"content":"h\\u00e9 \\ud83d\\ude00","role":"user"'),
    '{"temperature":0.5,' + BODY[1:].replace('"temperature":0.5,', ""),
]
OTHER = [
    BODY.replace("0.5", "0.50"),
    BODY.replace("0.5", "1"),
    BODY.replace("h\\u00e9", "h"),
    BODY.replace('"b":{},"a":{}', '"a":{},"b":{}'),  # a model answers in this order
    BODY[:-1] + ',"user":"somebody"}',
    BODY[:-1] + ',"unknown":null}',
    BODY[:-1] + ',"stream":false}',
]


@pytest.mark.parametrize("body", SAME)
def test_another_spelling_is_the_same(asked, body):
    ask = asked()
    assert json.loads(body) == json.loads(BODY)
    assert ask(BODY)[0] == "miss"
    assert ask(body)[0] == "hit"


def test_anything_else_is_not(asked):
    ask = asked()
    ask(BODY)
    for body in OTHER:
        assert ask(body)[0] == "miss", body
    for body in OTHER:
        assert ask(body)[0] == "hit", body


def test_another_path_is_another_call(asked):
    ask = asked()
    embeddings = {"model": "m", "input": "hi"}
    ask(embeddings, path="/v1/embeddings")
    assert ask(embeddings, path="/v1/embeddings")[0] == "hit"
    ask({"model": "m", "prompt": "hi"}, path="/v1/completions")
    assert ask({"model": "m", "prompt": "hi"}, path="/v1/completions")[0] == "hit"


@pytest.mark.parametrize("path, more", [
    ("/v1/chat/completions", {"messages": ASK, "store": True}),
    ("/v1/responses", {"input": "hi"}),
    ("/v1/responses", {"input": "hi", "store": False, "conversation": "conv_1"}),
    ("/v1/responses", {"input": "hi", "store": None}),
])
def test_what_leaves_something_behind_is_asked_each_time(asked, path, more):
    ask = asked()
    for _ in range(2):
        assert ask({"model": "m", **more}, path=path)[0] == "miss"
    assert len(ask.provider.requests) == 2


def test_a_response_that_is_not_stored_is_kept(asked):
    ask = asked()
    body = {"model": "m", "input": "hi", "store": False}
    assert [ask(body, path="/v1/responses")[0] for _ in range(2)] == ["miss", "hit"]


def test_a_member_that_stands_twice_is_never_kept(asked):
    ask = asked()
    body = '{"model":"m","messages":[{"role":"user","content":"hi"}],"seed":1,"seed":2}'
    for _ in range(2):
        assert ask(body)[0] == "miss"


# --- whose it is ---


def test_each_key_has_its_own(asked, connect):
    ask = asked()
    other = Asker(connect, ask.gateway, ask.gateway.create_key("--name", "other"))
    wait_for(lambda: other.whole(chat("nothing"))[0] == 404)  # the key is known
    ask()
    assert other()[0] == "miss"
    assert other()[0] == "hit"
    assert len(ask.provider.requests) == 2


def test_shared_is_for_all_who_may_use_the_model(asked, connect):
    ask = asked(model={**KEPT, "cache_scope": "shared"})
    may = Asker(connect, ask.gateway, ask.gateway.create_key("--models", "m"))
    may_not = Asker(connect, ask.gateway, ask.gateway.create_key("--models", "n"))
    wait_for(lambda: may_not.whole(chat("nothing"))[0] == 404)
    ask()
    assert may() == ("hit", answer("answer 1"))
    status, headers, body = may_not.whole(chat())
    assert (status, json.loads(body)["error"]["code"]) == (403, "model_not_allowed")
    assert "x-courier-cache" not in headers


# --- what a caller may say ---


@pytest.mark.parametrize("field", ["no-cache", "max-age=0, No-Cache"])
def test_no_cache_asks_anew_and_keeps(asked, field):
    ask = asked()
    ask()
    assert ask(extra=f"cache-control: {field}\r\n") == ("miss", answer("answer 2"))
    assert ask() == ("hit", answer("answer 2"))


def test_no_store_has_nothing_to_do_with_it(asked):
    ask = asked()
    assert ask(extra="cache-control: no-store\r\n") == ("miss", answer("answer 1"))
    assert ask() == ("miss", answer("answer 2"))
    twice = "cache-control: x\r\nCache-Control: no-store\r\n"
    assert ask(extra=twice) == ("miss", answer("answer 3"))
    assert ask() == ("hit", answer("answer 2"))


# --- how long ---


def test_it_is_kept_for_its_time_only(asked):
    ask = asked(model={"cache": "1s"})
    ask()
    wait_for(lambda: ask()[0] == "miss", step=0.1)
    assert len(ask.provider.requests) == 2


def test_a_changed_model_begins_anew(asked):
    ask = asked()
    ask()
    ask.gateway.write([ask.provider.entry()], [
        {"name": "m", "provider": "private", "upstream_model": "another", **KEPT}])
    ask.gateway.signal(1)
    wait_for(lambda: ask()[0] == "miss")
    assert ask()[0] == "hit"
    assert [got.model for got in ask.provider.requests] == ["upstream-model", "another"]


# --- what is never kept ---


def test_errors_are_not_kept(asked):
    ask = asked(answer_once(b'{"error":{"message":"x"}}', 400))
    for _ in range(2):
        status, headers, _ = ask.whole(chat())
        assert (status, headers["x-courier-cache"]) == (400, "miss")
    assert len(ask.provider.requests) == 2


@pytest.mark.parametrize("script", [
    stream_once(ROLE, HELLO, end=False),
    stream_once(ROLE, HELLO, ERROR),
    stream_once(ROLE, HELLO),
], ids=["cut", "error", "no-end"])
def test_streams_that_break_are_not_kept(asked, script):
    ask = asked(script)
    for _ in range(2):
        mark, body = ask(stream=True)
        assert mark == "miss"
        assert b"upstream_stream_interrupted" in body
    assert len(ask.provider.requests) == 2


def test_a_stream_without_the_marker_is_kept_with_it(asked):
    ask = asked(stream_once(ROLE, HELLO, FINISH))
    first, again = ask(stream=True), ask(stream=True)
    assert (first[0], again[0]) == ("miss", "hit")
    assert first[1] == again[1] == ROLE + HELLO + FINISH + DONE


def test_a_fallbacks_answer_is_not_kept(provide, gateway, connect):
    bad, good = provide(answer_once(b"{}", 500)), provide(Counting())
    made = gateway(providers=[bad.entry("bad"), good.entry("good")], models=[
        {"name": "m", "provider": "bad", "retries": 0, "fallback": ["other"], **KEPT},
        {"name": "other", "provider": "good"}])
    ask = Asker(connect, made)
    assert ask() == ("miss", answer("answer 1"))
    assert ask() == ("miss", answer("answer 2"))


def test_a_rescued_answer_is_not_kept(provide, gateway, connect):
    broken = provide(stream_once(ROLE, HELLO, end=False))
    good = provide(stream_once(ROLE, HELLO, FINISH, DONE))
    made = gateway(providers=[broken.entry("broken"), good.entry("good")], models=[
        {"name": "m", "rescue": "verified", "retries": 0, **KEPT,
         "targets": [{"provider": "broken"}, {"provider": "good"}]}])
    ask = Asker(connect, made)
    first = ask(stream=True)
    assert first[0] == "miss" and first[1].endswith(DONE)
    assert ask(stream=True)[0] == "miss"


def test_a_client_that_leaves_keeps_nothing(asked, connect):
    go = threading.Event()

    def held(connection):
        while connection.read_request():
            connection.stream_head()
            connection.chunk(ROLE)
            connection.chunk(HELLO)
            if not go.is_set():
                connection.wait_closed()
                go.set()
                return
            connection.chunk(DONE)
            connection.end_chunks()

    ask = asked(held)
    client = connect(ask.gateway)
    client.send(request(chat(stream=True), KEY))
    client.read_head()
    client.read_chunks(HELLO)
    client.close()
    assert go.wait(LIMIT)
    assert ask(stream=True)[0] == "miss"
    assert ask(stream=True)[0] == "hit"


def test_comments_are_no_part_of_an_answer(asked):
    go = threading.Event()

    def late(connection):
        while connection.read_request():
            assert go.wait(LIMIT)
            connection.stream_head()
            for sent in (ROLE, HELLO, FINISH, DONE):
                connection.chunk(sent)
            connection.end_chunks()

    ask = asked(late, model={**KEPT, "keepalive": "1s"})
    ask.client.send(request(chat(stream=True), KEY))
    _, headers = ask.client.read_head()
    assert headers["x-courier-cache"] == "miss"
    ask.client.read_chunks(b": keep-alive\n\n")
    go.set()
    assert ask.client.read_body(headers)[1]
    assert ask(stream=True) == ("hit", ROLE + HELLO + FINISH + DONE)


# --- how much ---


def test_an_answer_over_the_limit_passes_and_is_not_kept(asked):
    ask = asked(cache={"size": "1MB", "entry": "16KB"})
    long = chunk_event('{"content":"%s"}' % ("x" * 20000))
    ask.provider.script = stream_once(ROLE, long, FINISH, DONE)
    for _ in range(2):
        assert ask(stream=True) == ("miss", ROLE + long + FINISH + DONE)
    ask.provider.script = answer_once(answer("x" * 20000))
    other = chat(n=1)
    ask.client = ask.connect(ask.gateway)
    for connection in ask.provider.connections:
        connection.close()
    for _ in range(2):
        assert ask(other) == ("miss", answer("x" * 20000))
    ask.provider.script = answer_once(answer("x" * 10000))
    for connection in ask.provider.connections:
        connection.close()
    wait_for(lambda: ask(other)[1] == answer("x" * 10000))
    assert ask(other)[0] == "hit"


def test_the_longest_unused_make_room(asked):
    ask = asked(answer_once(answer("x" * 8000)), cache={"size": "64KB"})
    bodies = [chat(seed=n) for n in range(20)]
    for body in bodies:
        assert ask(body)[0] == "miss"
    assert ask(bodies[-1])[0] == "hit"
    assert ask(bodies[0])[0] == "miss"
    assert len(ask.provider.requests) == 21


# --- what it costs ---


def test_a_hit_has_one_row_and_costs_no_tokens(asked):
    ask = asked()
    for stream in (False, True):
        ask(stream=stream)
        miss = ask.row()
        ask(stream=stream)
        hit = ask.row()
        assert (miss["attempts"], miss["total_tokens"], miss["usage_source"]) == (1, 29, "provider")
        assert (hit["attempts"], hit["total_tokens"], hit["usage_source"]) == (0, 0, "none")
        assert (miss["provider"], hit["provider"]) == ("private", None)
        for name in ("status", "http_status", "served_model", "requested_model", "stream",
                     "response_bytes", "endpoint"):
            assert hit[name] == miss[name], name
    lines = wait_for(lambda: [line for line in ask.gateway.log_lines()
                              if line.get("request_id") == ask.name])
    assert (lines[0]["cache"], lines[0]["attempts"]) == ("hit", 0)
    assert len(ask.gateway.rows()) == 4


def test_it_is_counted(asked):
    ask = asked(answer_once(answer("x" * 2000)), cache={"entry": "8KB"})
    for seed in (1, 1, 2, 2, 2):
        ask(seed=seed)
    ask.client.send(request("", KEY, path="/metrics", method="GET"))
    lines = ask.client.answer()[2].decode().splitlines()
    told = dict(line.rsplit(" ", 1) for line in lines if line.startswith("courier_cache_"))
    assert told['courier_cache_lookups_total{result="hit"}'] == "3"
    assert told['courier_cache_lookups_total{result="miss"}'] == "2"
    assert told['courier_cache_answers_total{result="kept"}'] == "2"
    assert told["courier_cache_entries"] == "2"
    assert 4000 < int(told["courier_cache_bytes"]) < 64000
    calls = [line for line in lines
             if line.startswith("gen_ai_server_request_duration_seconds_count")]
    assert sorted(line.rsplit(" ", 1)[1] for line in calls) == ["2", "3"]
    assert any('gen_ai_provider_name="none"' in line and line.endswith(" 3") for line in calls)


def test_a_hit_counts_as_a_request_but_its_tokens_do_not(asked, connect):
    ask = asked()
    key = ask.gateway.create_key("--rpm", "4", "--tpm", "100000")
    limited = Asker(connect, ask.gateway, key)
    wait_for(lambda: limited.whole(chat("nothing"))[0] == 404)  # the first of four
    seen = [limited.whole(chat(max_tokens=10)) for _ in range(4)]
    assert [got[0] for got in seen] == [200, 200, 200, 429]
    assert [got[1].get("x-courier-cache") for got in seen] == ["miss", "hit", "hit", None]
    left = [int(got[1]["x-ratelimit-remaining-tokens"]) for got in seen[:3]]
    assert left[1] == left[2]  # what the hit had reserved was given back


def test_workers_share(provide, gateway, connect):
    provider = provide(Counting())
    made = gateway(provider, model=KEPT, workers=4)
    assert Asker(connect, made)()[0] == "miss"
    for _ in range(16):  # connections of several workers
        assert Asker(connect, made)() == ("hit", answer("answer 1"))
    assert len(provider.requests) == 1


def test_a_hit_needs_no_provider(asked):
    ask = asked()
    ask()
    ask.provider.script = lambda connection: None
    for connection in ask.provider.connections:
        connection.close()
    assert ask() == ("hit", answer("answer 1"))
    assert ask.whole(chat(seed=1))[0] == 502


# --- as clients see it ---


def big_stream(n):
    return [ROLE, *[chunk_event('{"content":"%s"}' % (chr(97 + i % 26) * 900)) for i in range(n)],
            FINISH, DONE]


def test_a_large_stream_comes_back_byte_by_byte(asked):
    events = big_stream(800)
    ask = asked(stream_once(*events))
    assert ask(stream=True) == ("miss", b"".join(events))
    assert ask(stream=True) == ("hit", b"".join(events))


def test_a_slow_reader_of_a_kept_stream(asked, connect):
    events = big_stream(900)
    ask = asked(stream_once(*events))
    ask(stream=True)
    slow = [connect(ask.gateway) for _ in range(4)]
    for client in slow:
        client.send(request(chat(stream=True), KEY))
    for client in slow:
        _, headers = client.read_head()
        assert headers["x-courier-cache"] == "hit"
    slow.pop().close()  # in the middle
    for client in slow:
        assert client.read_body(headers) == (b"".join(events), True)


PAIRS = {
    "openai": ("openai", Counting),
    "anthropic": ("anthropic", lambda: speaking_messages),
}


def speaking_messages(connection):
    while got := connection.read_request():
        if json.loads(got.body).get("stream"):
            connection.stream_head()
            for sent in SPOKEN:
                connection.chunk(sent)
            connection.end_chunks()
        else:
            connection.json(MESSAGE)


@pytest.fixture(params=PAIRS)
def pair(request, provide, gateway):
    kind, script = PAIRS[request.param]
    provider = provide(script())
    made = gateway(providers=[provider.entry(type=kind, api_key="k" * 20)],
                   models=[{"name": "m", "provider": "private", "max_tokens": 100, **KEPT}])
    return made, provider


def test_the_openai_sdk_reads_a_hit(pair):
    made, provider = pair
    client = openai.OpenAI(base_url=made.url + "/v1", api_key=KEY, max_retries=0)
    ask = dict(model="m", messages=ASK, stream_options={"include_usage": True})
    whole, streams = [], []
    for mark in ("miss", "hit"):
        raw = client.chat.completions.with_raw_response.create(model="m", messages=ASK)
        assert raw.headers["x-courier-cache"] == mark
        whole.append(raw.parse())
        with client.chat.completions.with_streaming_response.create(stream=True, **ask) as raw:
            assert raw.headers["x-courier-cache"] == mark
            streams.append([chunk for chunk in raw.parse()])
    assert whole[0] == whole[1] and whole[0].choices[0].message.content
    assert streams[0] == streams[1] and streams[0][-1].usage.prompt_tokens == 19
    assert len(provider.requests) == 2


def test_the_anthropic_sdk_reads_a_hit(pair):
    made, provider = pair
    client = anthropic.Anthropic(base_url=made.url, api_key=KEY, max_retries=0)
    ask = dict(model="m", messages=ASK, max_tokens=100)
    whole, streams = [], []
    for mark in ("miss", "hit"):
        raw = client.messages.with_raw_response.create(**ask)
        assert raw.headers["x-courier-cache"] == mark
        whole.append(raw.parse())
        with client.messages.stream(**ask) as stream:
            assert stream.response.headers["x-courier-cache"] == mark
            streams.append(stream.get_final_message())
    assert whole[0] == whole[1] and whole[0].content[0].text
    assert streams[0] == streams[1] and streams[0].usage.output_tokens == 10
    assert len(provider.requests) == 2
    other = client.messages.with_raw_response.create(
        **ask, extra_headers={"anthropic-beta": "other-2025-01-01"})
    assert other.headers["x-courier-cache"] == "miss"
