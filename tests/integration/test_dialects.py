"""Between the dialects, byte by byte: what passes untouched, what goes elsewhere, what is told in
band."""

import json
import threading

import anthropic
import openai
import pytest
from client import chat, request
from faults import GOOD, Acting, Held, cut, error, good, status
from gateway import ADMIN_KEY as KEY
from gateway import LIMIT, wait_for
from provider import DONE, FINISH, HELLO, ROLE, answer, chunk_event

ASK = [{"role": "user", "content": "hi"}]
TYPES = {"claude": "anthropic", "gpt": "openai"}  # of the provider


def event(type, **members):
    return f"event: {type}\ndata: {json.dumps({'type': type, **members})}\n\n".encode()


START = event("message_start", message={
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
    "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 19, "output_tokens": 1}})
PING = event("ping")
BLOCK = event("content_block_start", index=0, content_block={"type": "text", "text": ""})
WORDS = [event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})
         for text in ("hello", " world")]
END = [event("content_block_stop", index=0),
       event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None},
             usage={"output_tokens": 10}),
       event("message_stop")]
SPOKEN = [START, BLOCK, PING, *WORDS, *END]
OVERLOADED = {"type": "overloaded_error", "message": "Overloaded"}
FAILED = event("error", error=OVERLOADED)
MESSAGE = json.dumps({
    "id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "hello"}],
    "usage": {"input_tokens": 19, "output_tokens": 10}}).encode()
BUSY = json.dumps({"type": "error", "error": OVERLOADED, "request_id": "req_1"}).encode()


def said(*events):
    """Streams these events."""

    def do(connection, streamed):
        connection.stream_head()
        for sent in events:
            connection.chunk(sent)
        connection.end_chunks()

    return do


def spoken(connection, streamed):
    """Answers well, in Anthropic's dialect."""
    if streamed:
        said(*SPOKEN)(connection, streamed)
    else:
        connection.json(MESSAGE)


def is_streamed(got):
    return json.loads(got.body).get("stream", False)


class Doing(Acting):
    """As Acting, for requests that the gateway has written anew."""

    def __call__(self, connection):
        while got := connection.read_request():
            if self.do(connection, is_streamed(got)):
                return


def ask_messages(client, body, extra=""):
    """A request of an Anthropic client: status, headers, body."""
    client.send(request(body, KEY, path="/v1/messages", extra=extra))
    return client.answer()


@pytest.fixture
def claude(provide, gateway):
    """claude(do): a gateway whose model m is at a provider of Anthropic's dialect."""

    def make(do, model=None, **settings):
        provider = provide(Doing(do))
        made = gateway(providers=[provider.entry("claude", type="anthropic", api_key="its-key")],
                       models=[{"name": "m", "provider": "claude", "upstream_model": "claude-x",
                                "retries": 0, **(model or {})}], workers=1, **settings)
        return made, provider

    return make


@pytest.fixture
def pair(provide, gateway):
    """pair(claude=…, gpt=…, first=…): model m at the first, its fallback at the other."""

    def make(first, claude=spoken, gpt=good, **model):
        at = {"claude": provide(Doing(claude)), "gpt": provide(Doing(gpt))}
        second = "gpt" if first == "claude" else "claude"
        made = gateway(
            providers=[at["claude"].entry("claude", type="anthropic"),
                       at["gpt"].entry("gpt", type="openai")],
            models=[{"name": "m", "provider": first, "fallback": ["n"], "retries": 0, **model},
                    {"name": "n", "provider": second, "retries": 0}], workers=1)
        return made, at[first], at[second]

    return make


@pytest.fixture
def clients(made):
    """clients(gateway): the SDKs of both dialects."""

    def make(gateway):
        options = {"api_key": KEY, "max_retries": 0, "timeout": LIMIT}
        both = {"anthropic": anthropic.Anthropic(base_url=gateway.url, **options),
                "openai": openai.OpenAI(base_url=f"{gateway.url}/v1", **options)}
        made.extend(both.values())
        return both

    return make


def text_by(sdk, clients, stream):
    """What a client of that dialect gets to read from model m."""
    ai = clients[sdk]
    if sdk == "anthropic" and stream:
        with ai.messages.stream(model="m", max_tokens=9, messages=ASK) as events:
            return events.get_final_text()
    if sdk == "anthropic":
        return ai.messages.create(model="m", max_tokens=9, messages=ASK).content[0].text
    if stream:
        with ai.chat.completions.stream(model="m", messages=ASK) as events:
            return events.get_final_completion().choices[0].message.content
    return ai.chat.completions.create(model="m", messages=ASK).choices[0].message.content


# --- the same dialect on both sides ---

QUESTION = (
    b'{ "model" : "m","max_tokens":100,\t"zeta": [1.50, 9007199254740993, "\\u00e4"],'
    b'"system":[{"type":"text","text":"Be brief.",'
    b'"cache_control":{"type":"ephemeral","ttl":"1h"}}],'
    b'"messages":[{"role":"user","content":[{"type":"from_tomorrow","x":{"y":null}},'
    b'{"type":"text","text":"","cache_control":{"type":"ephemeral"}}]}],'
    b'"tools":[{"type":"web_search_20250305","name":"web_search"}],"container":"c-1"%s}')
REPLY = (
    b'{"usage":{"input_tokens":5,"cache_creation_input_tokens":3,"cache_read_input_tokens":7,'
    b'"output_tokens":2,"tomorrow":{"a":1.0}},  "id":"msg_1","type":"message","role":"assistant",'
    b'"model":"claude-x","content":[{"type":"server_tool_use","id":"s","name":"web_search",'
    b'"input":{"q":1.50}},{"type":"from_tomorrow","z":[ ]},{"text":"hi","type":"text",'
    b'"citations":[{"type":"page"}]}],"stop_reason":"from_tomorrow","stop_sequence":null}')


def test_bytes_pass_untouched(claude, connect):
    made, provider = claude(lambda connection, _: connection.json(REPLY))
    code, headers, body = ask_messages(connect(made), QUESTION % b"", extra="x-request-id: r\r\n")
    assert (code, body) == (200, REPLY)
    assert headers["request-id"] == headers["x-request-id"] == "r"
    assert provider.requests[0].body == (QUESTION % b"").replace(b'"m"', b'"claude-x"')
    row = made.row("r")
    assert (row["prompt_tokens"], row["cached_tokens"], row["cache_write_tokens"],
            row["completion_tokens"]) == (15, 7, 3, 2)


def test_events_pass_untouched(claude, connect):
    events = [START, PING, event("from_tomorrow", x=1.0),
              event("content_block_start", index=0, content_block={"type": "from_tomorrow"}),
              event("content_block_delta", index=0, delta={"type": "from_tomorrow", "a": "b"}),
              event("content_block_stop", index=0), BLOCK.replace(b'"index": 0', b'"index": 1'),
              *(w.replace(b'"index": 0', b'"index": 1') for w in WORDS), *END]
    made, provider = claude(said(*events))
    code, headers, body = ask_messages(connect(made), QUESTION % b',"stream" : true',
                                       extra="x-request-id: r\r\n")
    assert code == 200 and headers["content-type"].startswith("text/event-stream")
    assert body == b"".join(events)
    assert b'"stream" : true' in provider.requests[0].body
    row = made.row("r")
    assert (row["prompt_tokens"], row["completion_tokens"]) == (19, 10)


def test_headers_of_the_dialect_go_with_it(claude, connect):
    made, provider = claude(spoken)
    ask_messages(connect(made), QUESTION % b"", extra=(
        "anthropic-version: 2099-01-01\r\nanthropic-beta: a-1,b-2\r\nanthropic-beta: c-3\r\n"
        "x-api-key: %s\r\nx-stainless-lang: python\r\n" % KEY))
    head = provider.requests[0].headers
    assert head["anthropic-version"] == "2099-01-01" and head["x-api-key"] == "its-key"
    assert "c-3" in head["anthropic-beta"]
    assert "authorization" not in head and "x-stainless-lang" not in head
    ask_messages(connect(made), QUESTION % b"")
    assert provider.requests[1].headers["anthropic-version"] == "2023-06-01"
    assert "anthropic-beta" not in provider.requests[1].headers


def test_more_betas_than_a_head_holds_harm_nobody_else(claude, connect):
    made, provider = claude(spoken)
    for _ in range(6):
        code, _, body = ask_messages(connect(made), QUESTION % b"", extra=(
            "anthropic-beta: a\r\n" * 122))
        assert code == 431 and json.loads(body)["type"] == "error"
    assert provider.requests == []
    assert ask_messages(connect(made), QUESTION % b"")[0] == 200


def test_betas_of_the_sdk(claude, clients):
    made, provider = claude(spoken)
    ai = clients(made)["anthropic"]
    ai.beta.messages.create(model="m", max_tokens=9, messages=ASK, betas=["files-api-2025-04-14"])
    got = provider.requests[0]
    assert got.path.startswith("/v1/messages") and got.headers["anthropic-beta"] == (
        "files-api-2025-04-14")


@pytest.mark.parametrize("code", [400, 404, 413, 422])
def test_a_refusal_passes_untouched(claude, connect, code):
    body = b'{"request_id":"req_9", "type":"error","error":{"type":"x","message":"no","more":1.0}}'
    made, _ = claude(status(code, body))
    got = ask_messages(connect(made), QUESTION % b"")
    assert (got[0], got[2]) == (code, body)


# --- another dialect within one request ---

FAULTS = {"overloaded": status(529, BUSY), "error": status(500), "key": status(401),
          "credit": status(400, json.dumps({"type": "error", "error": {
              "type": "invalid_request_error",
              "message": "Your credit balance is too low to access the Anthropic API."}}).encode())}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
@pytest.mark.parametrize("fault", FAULTS)
def test_from_claude_to_another(pair, clients, sdk, fault, stream):
    made, bad, well = pair("claude", claude=FAULTS[fault])
    assert text_by(sdk, clients(made), stream) == ("hello world" if stream else "hello")
    assert (bad.requests[0].path, well.requests[0].path) == ("/v1/messages", "/v1/chat/completions")
    assert well.requests[0].model == "n" and json.loads(well.requests[0].body)["messages"] == ASK
    (row,) = wait_for(made.rows)
    assert (row["status"], row["fallback_used"], row["provider"], row["attempts"]) == (
        "ok", 1, "gpt", 2)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
@pytest.mark.parametrize("fault", ["overloaded", "error", "key"])
def test_from_another_to_claude(pair, clients, sdk, fault, stream):
    made, bad, well = pair("gpt", gpt={"overloaded": status(503), "error": status(500),
                                       "key": status(401)}[fault])
    assert text_by(sdk, clients(made), stream) == ("hello world" if stream else "hello")
    assert (bad.requests[0].path, well.requests[0].path) == ("/v1/chat/completions", "/v1/messages")
    (row,) = wait_for(made.rows)
    assert (row["status"], row["fallback_used"], row["provider"]) == ("ok", 1, "claude")


@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
@pytest.mark.parametrize("events", [[FAILED], [START, PING, FAILED], [START, BLOCK]])
def test_a_stream_that_fails_before_its_first_word_goes_elsewhere(pair, clients, sdk, events):
    made, _, well = pair("claude", claude=said(*events))
    assert text_by(sdk, clients(made), True) == "hello world"
    assert len(well.requests) == 1


@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
def test_the_reverse_before_its_first_word(pair, clients, sdk):
    made, _, well = pair("gpt", gpt=said(ROLE))
    assert text_by(sdk, clients(made), True) == "hello world"
    assert len(well.requests) == 1


@pytest.mark.parametrize("sdk, first", [("anthropic", "claude"), ("anthropic", "gpt"),
                                        ("openai", "claude"), ("openai", "gpt")])
def test_no_stream_goes_on_in_another_dialect(pair, connect, sdk, first):
    """What was said there cannot be compared byte by byte: a rescue would be a guess."""
    made, _, _ = pair(first, claude=said(START, BLOCK, WORDS[0]), gpt=said(ROLE, HELLO),
                      rescue="verified")
    client = connect(made)
    client.send(request(chat(stream=True, max_tokens=9, temperature=0), KEY,
                        path="/v1/messages" if sdk == "anthropic" else "/v1/chat/completions",
                        extra="x-request-id: r\r\n"))
    body = client.answer()[2]
    assert body.count(b"hello") == 1 and b"error" in body.split(b"hello")[1]
    assert made.row("r")["status"] == "interrupted"


def test_a_fallback_that_cannot_say_it_is_passed_over(provide, gateway, connect):
    at = {name: provide(Doing(do)) for name, do in
          {"bad": status(500), "claude": spoken, "well": good}.items()}
    made = gateway(
        providers=[at["bad"].entry("bad"), at["claude"].entry("claude", type="anthropic"),
                   at["well"].entry("well")],
        models=[{"name": "m", "provider": "bad", "fallback": ["c", "w"], "retries": 0},
                {"name": "c", "provider": "claude"}, {"name": "w", "provider": "well"}], workers=1)
    client = connect(made)
    client.send(request(chat(n=2), KEY, extra="x-request-id: r\r\n"))
    code, headers, body = client.answer()
    assert (code, body, headers["x-courier-model"]) == (200, answer(), "w")
    assert not at["claude"].requests
    assert made.row("r")["status"] == "ok"


def test_what_failed_says_more_than_what_could_not_be_said(pair, connect):
    made, _, claude = pair("gpt", gpt=status(500))
    client = connect(made)
    client.send(request(chat(n=2), KEY, extra="x-request-id: r\r\n"))
    code, _, body = client.answer()
    assert (code, json.loads(body)["error"]["code"]) == (502, "upstream_error")
    assert not claude.requests


def test_operations_that_the_other_dialect_lacks(pair, connect):
    """The plan leaves out who has no embeddings."""
    vectors = (b'{"object":"list","data":[],"model":"m",'
               b'"usage":{"prompt_tokens":3,"total_tokens":3}}')
    made, claude, gpt = pair("claude", gpt=lambda connection, _: connection.json(vectors))
    client = connect(made)
    client.send(request({"model": "m", "input": "hi"}, KEY, path="/v1/embeddings",
                        extra="x-request-id: r\r\n"))
    code, headers, body = client.answer()
    assert (code, body, headers["x-courier-model"]) == (200, vectors, "n")
    assert not claude.requests and gpt.requests[0].path == "/v1/embeddings"
    row = made.row("r")
    assert (row["endpoint"], row["prompt_tokens"]) == ("/v1/embeddings", 3)


# --- in band ---


def last_event(body):
    name, data = body.rstrip(b"\n").split(b"\n\n")[-1].split(b"\n")
    return name, json.loads(data.removeprefix(b"data: "))


@pytest.mark.parametrize("tail", [[FAILED], [], [END[0]], END[:2]])
@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
def test_no_good_end_after_a_bad_one(claude, connect, dialect, tail):
    made, _ = claude(said(START, BLOCK, *WORDS, *tail))
    client = connect(made)
    if dialect == "anthropic":
        client.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages"))
        body = client.answer()[2]
        name, told = last_event(body)
        assert name == b"event: error" and told["type"] == "error"
        assert b"message_stop" not in body
    else:
        client.send(request(chat(stream=True), KEY))
        body = client.answer()[2]
        assert b"[DONE]" not in body and b'"finish_reason":"' not in body
        told = json.loads(body.rstrip(b"\n").split(b"\n\n")[-1].removeprefix(b"data: "))
        assert told["error"]["code"] == "upstream_stream_interrupted"
    assert b"hello" in body


@pytest.mark.parametrize("do", [said(ROLE, HELLO), cut, said(
    ROLE, HELLO, b'data: {"error":{"message":"x","type":"server_error"}}\n\n', DONE)])
def test_the_inverse_has_no_good_end_either(provide, gateway, connect, do):
    made = gateway(provide(Doing(do)), workers=1)
    client = connect(made)
    client.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages"))
    body = client.answer()[2]
    name, told = last_event(body)
    assert name == b"event: error" and told["error"]["type"] == "api_error"
    assert b"hello" in body and b"message_stop" not in body and b"message_delta" not in body


def test_a_request_id_in_every_error(claude, connect):
    made, _ = claude(said(START, BLOCK, *WORDS))
    client = connect(made)
    client.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages",
                        extra="x-request-id: r\r\n"))
    assert last_event(client.answer()[2])[1]["request_id"] == "r"
    code, headers, body = ask_messages(connect(made), b"{", extra="x-request-id: s\r\n")
    assert (code, headers["request-id"], json.loads(body)["request_id"]) == (400, "s", "s")


# --- tools ---


def calls(*pieces):
    """Chunks of calls: (index, id and name or None, arguments)."""
    for index, name, text in pieces:
        begin = {"id": f"call_{name}", "type": "function"} if name else {}
        function = {"arguments": text, **({"name": name} if name else {})}
        yield chunk_event(json.dumps(
            {"tool_calls": [{"index": index, **begin, "function": function}]}))


@pytest.mark.parametrize("pieces", [
    [(0, "f", ""), (0, None, '{"a":'), (0, None, "1}"), (1, "g", ""), (1, None, '{"b":2}')],
    [(0, "f", '{"a":1}'), (1, "g", '{"b":2}')],
    [(0, "f", '{"a":'), (1, "g", '{"b"'), (0, None, "1}"), (1, None, ":2}")],  # one into the other
    [(0, "f", '{"a":1}'), (1, "g", '{"b":'), (1, "g", "2}")],  # the id is told again
])
def test_calls_however_they_are_cut(provide, gateway, clients, pieces):
    made = gateway(provide(Doing(said(ROLE, *calls(*pieces), chunk_event("{}", '"tool_calls"'),
                                      DONE))), workers=1)
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in "fg"]
    with clients(made)["anthropic"].messages.stream(model="m", max_tokens=9, messages=ASK,
                                                    tools=tools) as stream:
        got = stream.get_final_message()
    assert got.stop_reason == "tool_use"
    assert [(b.name, b.id, b.input) for b in got.content] == [
        ("f", "call_f", {"a": 1}), ("g", "call_g", {"b": 2})]


# --- keep-alive ---


KEPT = {"keepalive": "1s"}


@pytest.mark.parametrize("sdk", ["anthropic", "openai"])
@pytest.mark.parametrize("at", ["claude", "gpt"])
def test_clients_pass_over_what_keeps_them_alive(provide, gateway, clients, connect, at, sdk):
    held = Held(spoken if at == "claude" else good)
    provider = provide(Doing(held))
    made = gateway(
        providers=[provider.entry("p", type=TYPES[at])],
        models=[{"name": "m", "provider": "p", **KEPT}], workers=1)
    both, got = clients(made), []
    waiting = threading.Thread(target=lambda: got.append(text_by(sdk, both, True)))
    waiting.start()
    raw = connect(made)  # it began later: once it has been kept alive, so has the other
    wait_for(lambda: provider.requests)
    raw.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages"))
    raw.read_head()
    assert raw.read_chunk()
    held.go.set()
    waiting.join(LIMIT)
    assert got == ["hello world"]


@pytest.mark.parametrize("at", ["claude", "gpt"])
def test_a_fault_after_that_is_in_band(provide, gateway, connect, at):
    held = Held(status(529, BUSY))
    made = gateway(
        providers=[provide(Doing(held)).entry("p", type=TYPES[at])],
        models=[{"name": "m", "provider": "p", "retries": 0, **KEPT}], workers=1)
    client = connect(made)
    client.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages"))
    assert client.read_head()[0] == 200 and client.read_chunk()
    held.go.set()
    body, whole = client.read_body({"transfer-encoding": "chunked"})
    name, told = last_event(body)
    assert whole and name == b"event: error" and told["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("at", ["claude", "gpt"])
def test_a_refusal_after_that_is_in_the_clients_dialect(provide, gateway, connect, at):
    body = (json.dumps({"type": "error", "error": {"type": "invalid_request_error",
                                                   "message": "not that"}})
            if at == "claude" else error("content_policy_violation", message="not that"))
    held = Held(status(400, body.encode()))
    made = gateway(
        providers=[provide(Doing(held)).entry("p", type=TYPES[at])],
        models=[{"name": "m", "provider": "p", "retries": 0, **KEPT}], workers=1)
    client = connect(made)
    client.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages"))
    assert client.read_head()[0] == 200 and client.read_chunk()
    held.go.set()
    name, told = last_event(client.read_body({"transfer-encoding": "chunked"})[0])
    assert name == b"event: error" and told["type"] == "error"
    assert told["error"] == {"type": "invalid_request_error", "message": "not that"}


def test_pings_are_no_content(claude, connect):
    """A provider that only pings has said nothing yet: it may still be left for another."""
    made, _ = claude(said(START, BLOCK, *[PING] * 50, FAILED))
    code, _, body = ask_messages(connect(made), chat(stream=True, max_tokens=9))
    assert code == 503 and json.loads(body)["error"]["type"] == "overloaded_error"


# --- leaving ---


@pytest.mark.parametrize("at", ["claude", "gpt"])
def test_who_leaves_ends_the_work(provide, gateway, connect, at):
    first = b"".join([START, BLOCK, WORDS[0]] if at == "claude" else [ROLE, HELLO])
    closed = threading.Event()

    def do(connection, streamed):
        connection.stream_head()
        connection.chunk(first)
        if connection.wait_closed(LIMIT):
            closed.set()
        return True

    made = gateway(
        providers=[provide(Doing(do)).entry("p", type=TYPES[at])],
        models=[{"name": "m", "provider": "p"}], workers=1)
    client = connect(made)
    client.send(request(chat(stream=True, max_tokens=9), KEY, path="/v1/messages",
                        extra="x-request-id: r\r\n"))
    client.read_until(b"hello")
    client.close()
    assert closed.wait(LIMIT)
    assert made.row("r")["status"] == "client_closed"


def test_a_stream_that_ends_without_marker_but_finished(provide, gateway, clients):
    """Some providers leave [DONE] out: what said why it ends is whole."""
    made = gateway(provide(Doing(said(ROLE, HELLO, FINISH))), workers=1)
    assert text_by("anthropic", clients(made), True) == "hello"


def test_a_chunk_for_each_piece(claude, connect):
    made, _ = claude(spoken)
    client = connect(made)
    client.send(request(chat(stream=True), KEY))
    body = client.answer()[2]
    assert body.endswith(b"data: [DONE]\n\n") and b"ping" not in body
    assert body.count(b"data: ") == len(GOOD)
