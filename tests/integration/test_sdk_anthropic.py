"""The official Anthropic SDK, before a provider of its own dialect and before one that speaks
OpenAI's: it must not notice."""

import asyncio
import json

import anthropic
import pytest
from dialects import (ARGUMENTS, ASK, HELLO, PDF, PNG, SCHEMA, SEALED, SIGNATURE, TEXT, THOUGHT,
                      URL, Place, models)
from gateway import wait_for

WEATHER = {"name": "weather", "description": "In a city.", "input_schema": SCHEMA}
OTHER = {"name": "other", "input_schema": {"type": "object", "properties": {}}}
FUNCTION = {"type": "function", "function": {"name": "weather", "description": "In a city.",
                                             "parameters": SCHEMA}}


@pytest.fixture
def ai(served):
    with served.anthropic() as client:
        yield client


@pytest.fixture(params=["claude", "gpt"])
def at(request):
    """Where the model is."""
    return request.param


def asked(model, messages=ASK, **more):
    return {"model": model, "max_tokens": 64, "messages": messages, **more}


def ask(ai, model, messages=ASK, **more):
    return ai.messages.create(**asked(model, messages, **more))


def helped(ai, model, messages=ASK, **more):
    """What the helper for streams makes of the events."""
    with ai.messages.stream(**asked(model, messages, **more)) as stream:
        return stream.get_final_message()


def both(ai, model, messages=ASK, **more):
    return [ask(ai, model, messages, **more), helped(ai, model, messages, **more)]


def ask_raw(ai, model, **more):
    return ai.messages.with_raw_response.create(**asked(model, **more))


def caught(error, work):
    with pytest.raises(error) as raised:
        work()
    return raised.value


# --- answers ---


def test_an_answer(ai, served, at):
    raw = ask_raw(ai, f"{at}-plain")
    got = raw.parse()
    assert (got.type, got.role) == ("message", "assistant")
    assert (got.stop_reason, got.stop_sequence) == ("end_turn", None)
    assert got.model == ("claude-sonnet-4-5" if at == "claude" else "gpt-4.1")
    assert [(b.type, b.text) for b in got.content] == [("text", HELLO)]
    assert (got.usage.input_tokens, got.usage.output_tokens) == (9, 12)
    assert got._request_id == raw.headers["request-id"] == raw.headers["x-request-id"]
    assert raw.headers["x-courier-model"] == f"{at}-plain"
    assert raw.headers["x-courier-provider"] == at
    assert raw.headers["x-courier-attempts"] == f"{at}-plain:200"
    row = served.row(raw)
    assert (row["status"], row["usage_source"]) == ("ok", "provider")
    assert row["endpoint"] == "/v1/messages"
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (9, 12, 21)
    assert row["provider"] == at


def test_what_is_sent(ai, served):
    ask(ai, "gpt-plain", system="Be brief.")
    assert served.sent() == {"model": "gpt-4.1", "max_completion_tokens": 64, "messages": [
        {"role": "system", "content": "Be brief."}, *ASK]}
    head = served.mock.last_head()
    assert head.startswith("post /v1/chat/completions http/1.1\r\n")
    assert "authorization: bearer gpt-key\r\n" in head
    for name in ("x-api-key", "anthropic", "x-stainless"):
        assert name not in head


def test_a_stream(ai, served, at):
    with ai.messages.stream(**asked(f"{at}-pieces")) as stream:
        events = list(stream)
        got = stream.get_final_message()
        id = stream.response.headers["request-id"]
    raw = [e.type for e in events if e.type not in ("text", "ping")]
    assert raw == ["message_start", "content_block_start", *["content_block_delta"] * 13,
                   "content_block_stop", "message_delta", "message_stop"]
    assert got.content[0].text == TEXT and got.stop_reason == "end_turn"
    assert (got.usage.input_tokens, got.usage.output_tokens) == (9, 12)
    row = served.gateway.row(id)
    assert (row["stream"], row["total_tokens"], row["usage_source"]) == (1, 21, "provider")


def test_a_stream_of_plain_events(ai, at):
    events = list(ask(ai, f"{at}-pieces", stream=True))
    assert "".join(e.delta.text for e in events if e.type == "content_block_delta") == TEXT
    start, *_, delta, stop = [e for e in events if e.type != "ping"]
    assert start.type == "message_start" and start.message.content == []
    assert start.message.usage.input_tokens > 0
    assert delta.type == "message_delta" and delta.delta.stop_reason == "end_turn"
    assert delta.usage.output_tokens == 12
    assert stop.type == "message_stop"


def test_a_stream_asks_for_usage(ai, served):
    helped(ai, "gpt-plain")
    sent = served.sent()
    assert sent["stream"] is True and sent["stream_options"] == {"include_usage": True}


def test_a_stream_in_every_shape(ai, at):
    assert helped(ai, f"{at}-crlf").content[0].text == TEXT


def test_words_come_one_by_one(ai, at):
    """What has come is there, though the rest never comes."""
    came = ""
    with ai.messages.stream(**asked(f"{at}-held")) as stream:
        for text in stream.text_stream:
            came += text
            if came == TEXT[:3]:
                break
    assert came == TEXT[:3]


def test_async(served, at):
    async def work():
        async with served.async_anthropic() as ai:
            whole = await ai.messages.create(**asked(f"{at}-plain"))
            async with ai.messages.stream(**asked(f"{at}-pieces")) as stream:
                return whole, "".join([text async for text in stream.text_stream])

    whole, streamed = asyncio.run(work())
    assert whole.content[0].text == HELLO and streamed == TEXT


def test_parallel_async_streams(served, at):
    async def work():
        async with served.async_anthropic() as ai:
            async def one():
                async with ai.messages.stream(**asked(f"{at}-pieces")) as stream:
                    return await stream.get_final_text()

            return await asyncio.gather(*(one() for _ in range(30)))

    assert asyncio.run(work()) == [TEXT] * 30


@pytest.mark.parametrize("model, input, row", [
    ("claude-cached", 100, (164, 64)), ("gpt-cached", 36, (100, 64))])
def test_usage_counts_the_cache(ai, served, model, input, row):
    raw = ask_raw(ai, model)
    for got in (raw.parse(), helped(ai, model)):
        assert (got.usage.input_tokens, got.usage.cache_read_input_tokens,
                got.usage.cache_creation_input_tokens, got.usage.output_tokens) == (
            input, 64, 0, 7)
    written = served.row(raw)
    assert (written["prompt_tokens"], written["cached_tokens"]) == row


def test_usage_counts_what_was_written_to_the_cache(ai, served):
    raw = ask_raw(ai, "claude-writes-cache")
    usage = raw.parse().usage
    assert (usage.input_tokens, usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens) == (7, 5, 3)
    row = served.row(raw)
    assert (row["prompt_tokens"], row["cached_tokens"], row["cache_write_tokens"]) == (15, 5, 3)


def test_an_answer_that_tells_no_usage(ai, served, at):
    raw = ask_raw(ai, f"{at}-silent-about-usage")
    assert json.loads(raw.text() if callable(raw.text) else raw.text)["content"][0]["text"] == TEXT
    assert served.row(raw)["usage_source"] == "estimated"


@pytest.mark.parametrize("model, reason", [
    ("claude-max_tokens", "max_tokens"), ("claude-refusal", "refusal"),
    ("claude-pause_turn", "pause_turn"), ("gpt-length", "max_tokens"),
    ("gpt-content_filter", "refusal"),
])
def test_why_it_stops(ai, model, reason):
    for got in both(ai, model):
        assert got.stop_reason == reason


def test_a_stop_sequence(ai, served):
    for got in both(ai, "claude-stops-at", stop_sequences=["END"]):
        assert (got.stop_reason, got.stop_sequence) == ("stop_sequence", "END")
    ask(ai, "gpt-plain", stop_sequences=["END", "x"])
    assert served.sent()["stop"] == ["END", "x"]


# --- conversations ---


def test_turns(ai, served, at):
    messages = [{"role": "user", "content": "one"},
                {"role": "assistant", "content": [{"type": "text", "text": "two"}]},
                {"role": "user", "content": [{"type": "text", "text": "three"}]}]
    system = [{"type": "text", "text": "Be brief."}, {"type": "text", "text": "Be kind."}]
    ask(ai, f"{at}-plain", messages, system=system)
    sent = served.sent()
    if at == "claude":
        assert (sent["system"], sent["messages"]) == (system, messages)
    else:
        assert sent["messages"] == [{"role": "system", "content": "Be brief.\nBe kind."},
                                    {"role": "user", "content": "one"},
                                    {"role": "assistant", "content": "two"},
                                    {"role": "user", "content": "three"}]


def source(**more):
    return {"type": "base64", **more}


def test_pictures_and_documents(ai, served):
    ask(ai, "gpt-plain", [{"role": "user", "content": [
        {"type": "image", "source": source(media_type="image/png", data=PNG)},
        {"type": "image", "source": {"type": "url", "url": URL}},
        {"type": "document", "title": "a.pdf",
         "source": source(media_type="application/pdf", data=PDF)},
        {"type": "document",
         "source": {"type": "text", "media_type": "text/plain", "data": "Words."}},
        {"type": "text", "text": "What is this?"}]}])
    assert served.sent()["messages"][0]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "file", "file": {"filename": "a.pdf",
                                  "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "text", "text": "Words."},
        {"type": "text", "text": "What is this?"}]


def test_a_large_picture(ai, served):
    data = "iVBORw0K" * 1_000_000
    ask(ai, "gpt-plain", [{"role": "user", "content": [
        {"type": "image", "source": source(media_type="image/png", data=data)}]}])
    (part,) = served.sent()["messages"][0]["content"]
    assert part["image_url"]["url"] == f"data:image/png;base64,{data}"


@pytest.mark.parametrize("more, named", [
    ({"messages": [{"role": "user", "content": [
        {"type": "document", "source": {"type": "url", "url": "https://example.org/a.pdf"}}]}]},
     "messages[0].content[0]"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
    ({"extra_body": {"container": "c-1"}}, "container"),
])
def test_what_cannot_be_said(ai, served, more, named):
    served.become_quiet()
    got = caught(anthropic.BadRequestError, lambda: ask(ai, "gpt-plain", **more))
    assert got.body["type"] == "error" and got.body["error"]["type"] == "invalid_request_error"
    assert named in got.body["error"]["message"]
    assert served.stats()["requests"] == 0


def test_parameters(ai, served):
    hints = {"speed": "fast", "context_management": {"edits": []}, "user_profile_id": "p-1",
             "diagnostics": {"previous_message_id": "msg_1"}, "top_k": 5}
    ask(ai, "gpt-plain", metadata={"user_id": "u-1"}, service_tier="auto",
        extra_body={"temperature": 0.5, "top_p": 0.9, "unheard_of": [1, 2.50], **hints})
    sent = served.sent()
    assert set(sent) == {"model", "messages", "max_completion_tokens", "temperature", "top_p",
                         "user", "unheard_of"}
    assert (sent["temperature"], sent["top_p"], sent["user"]) == (0.5, 0.9, "u-1")
    assert sent["unheard_of"] == [1, 2.50]


def test_the_cache_is_nobodys_business_elsewhere(ai, served):
    ask(ai, "gpt-plain", [{"role": "user", "content": [
        {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]}])
    assert b"cache_control" not in served.mock.last()


# --- tools ---


@pytest.mark.parametrize("choice, becomes, parallel", [
    ({"type": "auto"}, "auto", None), ({"type": "any"}, "required", None),
    ({"type": "none"}, "none", None),
    ({"type": "tool", "name": "weather"},
     {"type": "function", "function": {"name": "weather"}}, None),
    ({"type": "auto", "disable_parallel_tool_use": True}, "auto", False),
    ({"type": "any", "disable_parallel_tool_use": True}, "required", False),
])
def test_choices_of_tools(ai, served, choice, becomes, parallel):
    ask(ai, "gpt-plain", tools=[WEATHER], tool_choice=choice)
    sent = served.sent()
    assert sent["tools"] == [FUNCTION] and sent["tool_choice"] == becomes
    assert sent.get("parallel_tool_calls") is parallel


def test_a_call(ai, at):
    for got in both(ai, f"{at}-given", tools=[WEATHER]):
        (call,) = got.content
        assert got.stop_reason == "tool_use"
        assert (call.type, call.name, call.input) == ("tool_use", "weather", ARGUMENTS)
        assert call.id


def test_pieces_of_a_call(ai, at):
    with ai.messages.stream(**asked(f"{at}-given", tools=[WEATHER])) as stream:
        pieces = [e.partial_json for e in stream if e.type == "input_json"]
    assert len(pieces) >= 7 and json.loads("".join(pieces)) == ARGUMENTS


def test_a_call_without_arguments(ai, at):
    for got in both(ai, f"{at}-bare", tools=[OTHER]):
        assert got.content[0].input == {}


def test_words_and_two_calls(ai, at):
    for got in both(ai, f"{at}-tools", tools=[WEATHER, OTHER]):
        assert [b.type for b in got.content] == ["text", "tool_use", "tool_use"]
        assert got.content[0].text == "now"
        assert [b.name for b in got.content[1:]] == ["weather", "other"]
        assert len({b.id for b in got.content[1:]}) == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_of_tools(ai, served, at, streamed):
    create = helped if streamed else ask
    first = create(ai, f"{at}-tools", tools=[WEATHER, OTHER])
    ids = [b.id for b in first.content if b.type == "tool_use"]
    results = [
        {"type": "tool_result", "tool_use_id": ids[0], "content": "clear"},
        {"type": "tool_result", "tool_use_id": ids[1], "is_error": True, "content": [
            {"type": "text", "text": "broken"},
            {"type": "image", "source": source(media_type="image/png", data=PNG)}]}]
    last = create(ai, f"{at}-plain", [*ASK, {"role": "assistant", "content": first.content},
                                      {"role": "user", "content": [
                                          *results, {"type": "text", "text": "So?"}]}],
                  tools=[WEATHER, OTHER])
    assert last.stop_reason == "end_turn" and last.content[0].text
    sent = served.sent()["messages"]
    if at == "claude":
        assert sent[2]["content"][:2] == results
        return
    assert [m["role"] for m in sent] == ["user", "assistant", "tool", "tool", "user"]
    assert sent[1]["content"] == "now"
    assert [json.loads(c["function"]["arguments"]) for c in sent[1]["tool_calls"]] == [
        {"city": "text", "days": 1}, {}]
    assert [(m["tool_call_id"], m["content"]) for m in sent[2:4]] == [
        (ids[0], "clear"), (ids[1], "broken")]
    assert sent[4]["content"] == [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "text", "text": "So?"}]


def test_the_runner_of_tools(ai, at):
    cities = []

    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather."""
        cities.append(city)
        return "sunny"

    last = ai.beta.messages.tool_runner(**asked(f"{at}-tool", tools=[weather])).until_done()
    assert cities == ["text"]
    assert last.stop_reason == "end_turn" and last.content[0].text == HELLO


def test_the_runner_of_tools_in_streams(ai, at):
    @anthropic.beta_tool
    def weather(city: str) -> str:
        """The weather."""
        return "sunny"

    runner = ai.beta.messages.tool_runner(**asked(f"{at}-tool", tools=[weather], stream=True))
    answers = [stream.get_final_message() for stream in runner]
    assert [a.stop_reason for a in answers] == ["tool_use", "end_turn"]


# --- structured output ---


def test_parse(ai, served, at):
    got = ai.messages.parse(**asked(f"{at}-json", output_format=Place))
    assert got.parsed_output == Place(city="text", days=1)
    if at == "gpt":
        format = served.sent()["response_format"]
        assert format["type"] == "json_schema" and format["json_schema"]["strict"] is True
        assert set(format["json_schema"]["schema"]["properties"]) == {"city", "days"}


def test_a_schema(ai, served, at):
    format = {"type": "json_schema", "schema": SCHEMA}
    for got in both(ai, f"{at}-json", output_config={"format": format}):
        assert json.loads(got.content[0].text) == {"city": "text", "days": 1}
        sent = served.sent()
        assert (sent["output_config"]["format"] if at == "claude"
                else sent["response_format"]["json_schema"]) == (
            format if at == "claude" else {"name": "response", "strict": True, "schema": SCHEMA})


# --- thinking ---


def test_thoughts(ai, at):
    for got in both(ai, f"{at}-thinks", max_tokens=2048,
                    thinking={"type": "enabled", "budget_tokens": 1024}):
        thought, text = got.content
        assert (thought.type, thought.thinking) == ("thinking", THOUGHT)
        assert thought.signature == (SIGNATURE if at == "claude" else "")
        assert (text.type, text.text) == ("text", HELLO)


def test_sealed_thoughts(ai):
    for got in both(ai, "claude-redacts"):
        assert [b.type for b in got.content] == ["thinking", "redacted_thinking", "text"]
        assert got.content[1].data == SEALED


@pytest.mark.parametrize("budget, effort", [(1024, "low"), (8192, "medium"), (20000, "high")])
def test_budgets_are_efforts(ai, served, budget, effort):
    ask(ai, "gpt-reasons", max_tokens=21000, thinking={"type": "enabled", "budget_tokens": budget})
    sent = served.sent()
    assert sent["reasoning_effort"] == effort and sent["max_completion_tokens"] == 21000
    assert "thinking" not in sent


def test_models_that_do_not_reason_are_not_asked_to(ai, served):
    ask(ai, "gpt-plain", max_tokens=2048, thinking={"type": "enabled", "budget_tokens": 1024})
    assert not {"thinking", "reasoning_effort"} & set(served.sent())


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_go_back_with_the_next_turn(ai, served, at, streamed):
    create = helped if streamed else ask
    more = {"tools": [WEATHER], "max_tokens": 2048,
            "thinking": {"type": "enabled", "budget_tokens": 1024}}
    first = create(ai, f"{at}-thinks-then-calls", **more)
    assert [b.type for b in first.content] == ["thinking", "tool_use"]
    last = create(ai, f"{at}-thinks-then-calls", [
        *ASK, {"role": "assistant", "content": first.content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": first.content[1].id,
                                      "content": "clear"}]}], **more)
    assert [b.type for b in last.content] == ["thinking", "text"]
    said = served.sent()["messages"][1]
    if at == "claude":
        assert said["content"][0] == {"type": "thinking", "thinking": THOUGHT,
                                      "signature": SIGNATURE}
    else:
        assert set(said) == {"role", "content", "tool_calls"}


# --- counting ---


def test_the_providers_own_count(ai, served):
    served.become_quiet()
    raw = ai.messages.with_raw_response.count_tokens(model="claude-cached", messages=ASK)
    assert raw.http_response.json() == {"input_tokens": 100}
    assert served.mock.last_head().startswith("post /v1/messages/count_tokens http/1.1\r\n")
    assert served.sent() == {"model": "claude-sonnet-4-5?prompt_tokens=100&cached_tokens=64"
                                      "&completion_tokens=7", "messages": ASK}
    row = served.row(raw)
    assert (row["endpoint"], row["status"]) == ("/v1/messages/count_tokens", "ok")
    assert row["total_tokens"] == 0  # nothing was used


def test_an_estimated_count(ai, served):
    served.become_quiet()
    raw = ai.messages.with_raw_response.count_tokens(model="gpt-plain", messages=ASK)
    assert raw.http_response.json()["estimated"] is True and raw.parse().input_tokens > 0
    longer = ai.messages.count_tokens(model="gpt-plain", system="Be brief. " * 500, messages=ASK)
    assert longer.input_tokens > raw.parse().input_tokens + 100
    assert served.stats()["requests"] == 0


def test_a_count_of_the_beta_api(ai):
    assert ai.beta.messages.count_tokens(model="claude-cached", messages=ASK).input_tokens == 100


def test_a_count_for_nobody(ai):
    caught(anthropic.NotFoundError, lambda: ai.messages.count_tokens(model="nobody", messages=ASK))


# --- models ---


def test_models(ai):
    listed = list(ai.models.list())
    assert {m.id for m in listed} == {m["name"] for m in models()}
    one = ai.models.retrieve("gpt-plain")
    assert (one.id, one.type, one.display_name) == ("gpt-plain", "model", "gpt-plain")
    assert one.created_at.year >= 2026
    check_body(caught(anthropic.NotFoundError, lambda: ai.models.retrieve("nobody")),
               "not_found_error")


# --- errors ---


def check_body(got, type):
    assert got.body["type"] == "error"
    assert got.body["error"]["type"] == type and got.body["error"]["message"]
    assert got.request_id == got.response.headers["request-id"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind, error, status, type", [
    ("400", anthropic.BadRequestError, 400, "invalid_request_error"),
    ("401", anthropic.InternalServerError, 502, "api_error"),
    ("403", anthropic.InternalServerError, 502, "api_error"),
    ("404", anthropic.NotFoundError, 404, "not_found_error"),
    ("413", anthropic.APIStatusError, 413, "request_too_large"),
    ("429", anthropic.RateLimitError, 429, "rate_limit_error"),
    ("500", anthropic.InternalServerError, 502, "api_error"),
    ("529", anthropic.InternalServerError, 503, "overloaded_error"),
])
def test_errors(ai, served, at, kind, error, status, type, stream):
    got = caught(error, lambda: ask(ai, f"{at}-{kind}" + ("-streamed" if stream else ""),
                                    stream=stream))
    assert got.status_code == status
    check_body(got, type)
    if status == 429:
        assert got.response.headers["retry-after"] == "7"
    row = served.gateway.row(got.request_id)
    assert (row["http_status"], row["endpoint"]) == (status, "/v1/messages")


def test_authentication(served):
    with served.anthropic(api_key="sk-cr-nobody") as ai:
        check_body(caught(anthropic.AuthenticationError, lambda: ask(ai, "gpt-plain")),
                   "authentication_error")


def test_a_bearer_is_a_key_too(served):
    with served.anthropic(api_key=None, auth_token=served.anthropic_options({})["api_key"]) as ai:
        assert ask(ai, "gpt-plain").content[0].text == HELLO


def test_permission(served, ai):
    key = served.gateway.create_key("--models", "gpt-plain")
    with served.anthropic(api_key=key) as limited:
        wait_for(lambda: is_known(limited))
        check_body(caught(anthropic.PermissionDeniedError, lambda: ask(limited, "claude-plain")),
                   "permission_error")


def test_a_limit(served):
    key = served.gateway.create_key("--rpm", "1")
    with served.anthropic(api_key=key) as ai:
        wait_for(lambda: is_known(ai, "nobody"))
        got = [refused(ai) for _ in range(3)][-1]
    assert type(got) is anthropic.RateLimitError
    check_body(got, "rate_limit_error")
    assert int(got.response.headers["retry-after"]) >= 1


def is_known(ai, model="gpt-plain"):
    try:
        ask(ai, model)
    except anthropic.AuthenticationError:
        return False
    except anthropic.APIStatusError:
        pass
    return True


def refused(ai):
    try:
        return ask(ai, "gpt-plain")
    except anthropic.APIStatusError as error:
        return error


@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_is_not_there(ai, stream):
    check_body(caught(anthropic.NotFoundError, lambda: ask(ai, "nobody", stream=stream)),
               "not_found_error")


@pytest.mark.parametrize("more", [{"messages": "hello"}, {"max_tokens": "many"},
                                  {"messages": [{"role": "user", "content": [{"type": "text"}]}]}])
def test_bad_requests(ai, more):
    check_body(caught(anthropic.BadRequestError, lambda: ask(ai, "gpt-plain", **more)),
               "invalid_request_error")


def test_paths_that_are_not_there(ai):
    check_body(caught(anthropic.NotFoundError, ai.messages.batches.list), "not_found_error")


def test_a_prompt_that_is_too_long(ai):
    got = caught(anthropic.BadRequestError, lambda: ask(ai, "gpt-overlong"))
    assert got.body["error"]["message"].startswith("prompt is too long")


# --- streams that end badly ---


@pytest.mark.parametrize("kind", ["fails", "breaks", "ends-early"])
def test_a_stream_that_breaks(ai, served, at, kind):
    events = []
    with pytest.raises(anthropic.APIError) as raised:
        with ai.messages.stream(**asked(f"{at}-{kind}")) as stream:
            id = stream.response.headers["request-id"]
            for event in stream:
                events.append(event)
    text = "".join(e.text for e in events if e.type == "text")
    assert text == (TEXT if kind == "ends-early" else TEXT[:3])
    assert "message_stop" not in {e.type for e in events}
    assert raised.value.body["type"] == "error"
    assert raised.value.body["error"]["type"] in ("api_error", "overloaded_error")
    row = served.gateway.row(id)
    assert (row["status"], row["usage_source"]) == ("interrupted", "partial")


def test_a_stream_that_fails_before_its_first_word_has_a_status(ai, at):
    got = caught(anthropic.InternalServerError, lambda: ask(ai, f"{at}-fails-first", stream=True))
    assert got.status_code == 502
    check_body(got, "api_error")


def test_closing_a_stream(ai, served, at):
    served.become_quiet()
    with ai.messages.stream(**asked(f"{at}-endless")) as stream:
        id = stream.response.headers["request-id"]
        for _ in zip(range(3), stream.text_stream):
            pass
    served.assert_closed()
    row = served.gateway.row(id)
    assert (row["status"], row["usage_source"]) == ("client_closed", "partial")


def test_a_cancelled_task(served, at):
    served.become_quiet()

    async def work():
        async with served.async_anthropic() as ai:
            task = asyncio.create_task(ai.messages.create(**asked(f"{at}-late")))
            while served.stats()["running"] < 1:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(work())
    served.assert_closed()
