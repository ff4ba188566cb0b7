"""The official OpenAI SDK, and a provider that speaks Anthropic's dialect."""

import json

import httpx
import openai
import pytest
from dialects import (ARGUMENTS, ASK, HELLO, PDF, PNG, SCHEMA, SEALED, SIGNATURE, TEXT, THOUGHT,
                      URL, Place)
from gateway import ADMIN_KEY, LIMIT

WEATHER = {"type": "function", "function": {"name": "weather", "description": "In a city.",
                                            "parameters": SCHEMA}}
TOOL = {"name": "weather", "description": "In a city.", "input_schema": SCHEMA}
OTHER = {"type": "function", "function": {"name": "other"}}


@pytest.fixture
def ai(served):
    with served.openai() as client:
        yield client


def ask(ai, kind="plain", messages=ASK, **more):
    return ai.chat.completions.create(model=f"claude-{kind}", messages=messages, **more)


def helped(ai, kind, messages=ASK, **more):
    """What the helper for streams makes of the chunks."""
    with ai.chat.completions.stream(model=f"claude-{kind}", messages=messages, **more) as stream:
        return stream.get_final_completion()


def both(ai, kind, messages=ASK, **more):
    """The answer buffered, and the same put together from a stream."""
    return [ask(ai, kind, messages, **more), helped(ai, kind, messages, **more)]


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


# --- answers ---


def test_an_answer(ai, served):
    raw = ai.chat.completions.with_raw_response.create(model="claude-plain", messages=ASK)
    got = raw.parse()
    assert (got.object, got.id, got.model) == ("chat.completion", "msg_mock", "claude-sonnet-4-5")
    assert got.created > 1_700_000_000
    choice = got.choices[0]
    assert (choice.index, choice.finish_reason, choice.message.role) == (0, "stop", "assistant")
    assert choice.message.content == HELLO
    assert choice.message.tool_calls is None and choice.message.refusal is None
    assert (got.usage.prompt_tokens, got.usage.completion_tokens, got.usage.total_tokens) == (
        9, 12, 21)
    assert raw.headers["x-courier-model"] == "claude-plain"
    assert raw.headers["x-courier-provider"] == "claude"
    assert raw.headers["x-courier-attempts"] == "claude-plain:200"
    row = served.row(raw)
    assert (row["status"], row["usage_source"], row["endpoint"]) == (
        "ok", "provider", "/v1/chat/completions")
    assert (row["prompt_tokens"], row["completion_tokens"], row["total_tokens"]) == (9, 12, 21)


def test_what_is_sent(ai, served):
    ask(ai)
    assert served.sent() == {"model": "claude-sonnet-4-5", "max_tokens": 32000, "messages": ASK}
    head = served.mock.last_head()
    assert head.startswith("post /v1/messages http/1.1\r\n")
    assert "x-api-key: claude-key\r\n" in head and "anthropic-version: 2023-06-01\r\n" in head
    assert "authorization" not in head


@pytest.mark.parametrize("usage", [None, False, True])
def test_a_stream(ai, served, usage):
    more = {} if usage is None else {"stream_options": {"include_usage": usage}}
    raw = ai.chat.completions.with_raw_response.create(model="claude-pieces", messages=ASK,
                                                       stream=True, **more)
    assert raw.headers["content-type"].startswith("text/event-stream")
    chunks = list(raw.parse())
    assert text_of(chunks) == TEXT
    assert [c.choices[0].delta.role for c in chunks if c.choices].count("assistant") == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert {(c.id, c.model) for c in chunks} == {("msg_mock", "claude-sonnet-4-5")}
    if usage:
        assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 21
        assert all(c.usage is None for c in chunks[:-1])
    else:
        assert all(c.choices and c.usage is None for c in chunks)
    assert served.sent()["stream"] is True and "stream_options" not in served.sent()
    assert served.row(raw)["total_tokens"] == 21


def test_a_stream_in_every_shape(ai):
    assert text_of(list(ask(ai, "crlf", stream=True))) == TEXT


def test_chunks_come_one_by_one(ai):
    """What has come is there, though the rest never comes."""
    came = ""
    with ask(ai, "held", stream=True) as stream:
        for chunk in stream:
            came += text_of([chunk])
            if came == TEXT[:3]:
                break
    assert came == TEXT[:3]


def test_usage_counts_the_cache(ai, served):
    raw = ai.chat.completions.with_raw_response.create(model="claude-writes-cache", messages=ASK)
    streamed = list(ask(ai, "writes-cache", stream=True, stream_options={"include_usage": True}))
    for usage in (raw.parse().usage, streamed[-1].usage):
        assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (15, 12, 27)
        assert usage.prompt_tokens_details.cached_tokens == 5
        assert usage.prompt_tokens_details.cache_write_tokens == 3
    row = served.row(raw)
    assert (row["prompt_tokens"], row["cached_tokens"], row["completion_tokens"]) == (15, 5, 12)


@pytest.mark.parametrize("stop, reason", [
    ("max_tokens", "length"), ("refusal", "content_filter"), ("pause_turn", "stop"),
    ("stops-at", "stop"),
])
def test_why_it_stops(ai, stop, reason):
    assert ask(ai, stop, stop=["END"]).choices[0].finish_reason == reason
    chunks = list(ask(ai, stop, stop=["END"], stream=True))
    assert chunks[-1].choices[0].finish_reason == reason


# --- conversations ---


def test_roles(ai, served):
    ask(ai, messages=[{"role": "system", "content": "Be brief."},
                      {"role": "user", "content": "one"},
                      {"role": "assistant", "content": "two"},
                      {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
                      {"role": "user", "content": [{"type": "text", "text": "three"}]}])
    sent = served.sent()
    assert sent["system"] == "Be brief.\nBe kind."
    assert sent["messages"] == [{"role": "user", "content": "one"},
                                {"role": "assistant", "content": "two"},
                                {"role": "user", "content": "three"}]


def test_the_answer_that_is_begun(ai, served):
    ask(ai, messages=[*ASK, {"role": "assistant", "content": "It is \n"}])
    (text,) = served.sent()["messages"][-1]["content"]
    assert text == {"type": "text", "text": "It is"}


def test_pictures_and_documents(ai, served):
    ask(ai, messages=[{"role": "user", "content": [
        {"type": "text", "text": "What is this?"},
        {"type": "text", "text": ""},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "image_url", "image_url": {"url": URL, "detail": "high"}},
        {"type": "file", "file": {"filename": "a.pdf",
                                  "file_data": f"data:application/pdf;base64,{PDF}"}}]}])
    text, given, named, document = served.sent()["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert given == {"type": "image", "source": {"type": "base64", "media_type": "image/png",
                                                 "data": PNG}}
    assert named == {"type": "image", "source": {"type": "url", "url": URL}}
    assert document["type"] == "document" and document["source"] == {
        "type": "base64", "media_type": "application/pdf", "data": PDF}


@pytest.mark.parametrize("part, param", [
    ({"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
     "messages[0].content[0]"),
    ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[0]"),
])
def test_parts_that_cannot_be_said(ai, part, param):
    with pytest.raises(openai.BadRequestError) as caught:
        ask(ai, messages=[{"role": "user", "content": [part]}])
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param.startswith(param)


@pytest.mark.parametrize("more, param", [
    ({"n": 2}, "n"), ({"logprobs": True}, "logprobs"), ({"logit_bias": {"1": 5}}, "logit_bias"),
    ({"response_format": {"type": "json_object"}}, "response_format"),
    ({"stop": [" "]}, "stop"),
])
def test_members_that_cannot_be_said(ai, served, more, param):
    served.become_quiet()
    with pytest.raises(openai.BadRequestError) as caught:
        ask(ai, **more)
    assert caught.value.code == "unsupported_parameter"
    assert caught.value.param.startswith(param)
    assert caught.value.request_id and served.stats()["requests"] == 0


def test_parameters(ai, served):
    ask(ai, temperature=1.7, stop=["END", "\n\nHuman:"], max_completion_tokens=77, max_tokens=5,
        user="u-1", seed=7, store=False, presence_penalty=0.5, metadata={"a": "b"},
        service_tier="auto", n=1, extra_body={"top_k": 5, "unheard_of": [1, 2.50]})
    sent = served.sent()
    assert sent["temperature"] == 1 and sent["top_k"] == 5 and sent["max_tokens"] == 77
    assert sent["stop_sequences"] == ["END", "\n\nHuman:"]
    assert sent["metadata"] == {"user_id": "u-1"} and sent["unheard_of"] == [1, 2.50]
    assert not {"seed", "store", "presence_penalty", "n", "stop", "user", "service_tier",
                "max_completion_tokens"} & set(sent)


@pytest.mark.parametrize("kind, most", [("plain", 32000), ("old", 4096)])
def test_what_a_model_may_write_when_nobody_says(ai, served, kind, most):
    ask(ai, kind)
    assert served.sent()["max_tokens"] == most
    ask(ai, kind, max_tokens=17)
    assert served.sent()["max_tokens"] == 17


# --- tools ---


@pytest.mark.parametrize("choice, becomes", [
    ("auto", {"type": "auto"}), ("required", {"type": "any"}), ("none", {"type": "none"}),
    ({"type": "function", "function": {"name": "weather"}}, {"type": "tool", "name": "weather"}),
])
def test_choices_of_tools(ai, served, choice, becomes):
    ask(ai, tools=[WEATHER], tool_choice=choice)
    sent = served.sent()
    assert sent["tools"] == [TOOL] and sent["tool_choice"] == becomes


@pytest.mark.parametrize("more, becomes", [
    ({}, {"type": "auto", "disable_parallel_tool_use": True}),
    ({"tool_choice": "required"}, {"type": "any", "disable_parallel_tool_use": True}),
])
def test_one_tool_at_a_time(ai, served, more, becomes):
    ask(ai, tools=[WEATHER], parallel_tool_calls=False, **more)
    assert served.sent()["tool_choice"] == becomes
    ask(ai, tools=[WEATHER], parallel_tool_calls=True)
    assert "tool_choice" not in served.sent()


def test_schemas_arrive_as_they_were_written(served):
    schema = '{"type":"object","properties":{"z":{"maximum":1.0e2},"a":{}},"required":[ ]}'
    body = ('{"model":"claude-plain","messages":[{"role":"user","content":"hi"}],"tools":[{"type":'
            '"function","function":{"name":"f","parameters":%s}}]}' % schema).encode()
    answered = httpx.post(f"{served.gateway.url}/v1/chat/completions", content=body, timeout=LIMIT,
                          headers={"authorization": f"Bearer {ADMIN_KEY}"})
    assert answered.status_code == 200
    assert schema.encode() in served.mock.last()


def test_a_call(ai):
    for got in both(ai, "given", tools=[WEATHER]):
        choice = got.choices[0]
        (call,) = choice.message.tool_calls
        assert choice.finish_reason == "tool_calls" and not choice.message.content
        assert (call.type, call.id, call.function.name) == ("function", "toolu_mock", "weather")
        assert json.loads(call.function.arguments) == ARGUMENTS


def test_a_call_without_arguments(ai):
    for got in both(ai, "bare", tools=[OTHER]):
        assert got.choices[0].message.tool_calls[0].function.arguments == "{}"


def test_words_and_two_calls(ai):
    for got in both(ai, "tools", tools=[WEATHER, OTHER]):
        message = got.choices[0].message
        assert message.content == "now"
        assert [c.function.name for c in message.tool_calls] == ["weather", "other"]
        assert len({c.id for c in message.tool_calls}) == 2


def test_calls_are_counted_from_zero(ai):
    chunks = list(ask(ai, "tools", tools=[WEATHER, OTHER], stream=True))
    calls = [call for c in chunks for call in c.choices[0].delta.tool_calls or []]
    assert [call.index for call in calls if call.id] == [0, 1]
    assert {call.index for call in calls} == {0, 1}


@pytest.mark.parametrize("streamed", [False, True])
def test_a_loop_of_tools(ai, served, streamed):
    create = helped if streamed else ask
    first = create(ai, "tools", tools=[WEATHER, OTHER]).choices[0]
    results = [{"role": "tool", "tool_call_id": call.id, "content": f"result {i}"}
               for i, call in enumerate(first.message.tool_calls)]
    last = create(ai, "tools", [*ASK, first.message, *results, {"role": "user", "content": "So?"}],
                  tools=[WEATHER, OTHER]).choices[0]
    assert last.finish_reason == "stop" and last.message.content
    asked, said, told = served.sent()["messages"]
    assert asked == ASK[0]
    assert said["role"] == "assistant"
    assert [b["type"] for b in said["content"]] == ["text", "tool_use", "tool_use"]
    assert said["content"][1]["input"] == {"city": "text", "days": 1}
    assert told["role"] == "user" and told["content"] == [
        *({"type": "tool_result", "tool_use_id": b["id"], "content": f"result {i}"}
          for i, b in enumerate(said["content"][1:])),
        {"type": "text", "text": "So?"}]


@pytest.mark.parametrize("arguments, fine", [
    ("", True), ("{}", True), ("{", False), ("[1]", False)])
def test_arguments_must_be_an_object(ai, served, arguments, fine):
    call = {"id": "functions.f:0", "type": "function",
            "function": {"name": "f", "arguments": arguments}}
    messages = [*ASK, {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "tool_call_id": "functions.f:0", "content": "x"}]
    if not fine:
        with pytest.raises(openai.BadRequestError) as caught:
            ask(ai, messages=messages)
        assert caught.value.param == "messages[1].tool_calls[0].function.arguments"
        return
    ask(ai, messages=messages)
    _, said, told = served.sent()["messages"]
    assert said["content"] == [
        {"type": "tool_use", "id": "functions_f_0", "name": "f", "input": {}}]
    assert told["content"][0]["tool_use_id"] == "functions_f_0"


# --- structured output ---


def test_a_schema(ai, served):
    for got in both(ai, "json", response_format={
            "type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}}):
        assert json.loads(got.choices[0].message.content) == {"city": "text", "days": 1}
        assert served.sent()["output_config"] == {
            "format": {"type": "json_schema", "schema": SCHEMA}}


def test_parse(ai):
    got = ai.chat.completions.parse(model="claude-json", messages=ASK, response_format=Place)
    assert got.choices[0].message.parsed == Place(city="text", days=1)
    streamed = helped(ai, "json", response_format=Place)
    assert streamed.choices[0].message.parsed == Place(city="text", days=1)


def test_parse_tools(ai, served):
    tools = [openai.pydantic_function_tool(Place)]
    got = ai.chat.completions.parse(model="claude-tool", messages=ASK, tools=tools)
    call = got.choices[0].message.tool_calls[0].function
    assert call.parsed_arguments == Place(city="text", days=1)
    assert served.sent()["tools"][0]["strict"] is True


# --- thinking ---


@pytest.mark.parametrize("effort, budget", [("minimal", 1024), ("low", 2048), ("high", 16384)])
def test_efforts_are_budgets(ai, served, effort, budget):
    ask(ai, "thinks", reasoning_effort=effort, temperature=0.2)
    sent = served.sent()
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": budget}
    assert "temperature" not in sent and sent["max_tokens"] > budget


def test_efforts_of_adaptive_models(ai, served):
    ask(ai, "adaptive", reasoning_effort="medium")
    sent = served.sent()
    assert sent["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert sent["output_config"] == {"effort": "medium"}


def test_thoughts(ai):
    blocks = [{"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE},
              {"type": "redacted_thinking", "data": SEALED}]
    message = ask(ai, "redacts").choices[0].message
    assert (message.content, message.reasoning_content) == (HELLO, THOUGHT)
    assert message.thinking_blocks == blocks
    chunks = list(ask(ai, "redacts", stream=True))
    deltas = [c.choices[0].delta for c in chunks]
    assert text_of(chunks) == HELLO
    assert "".join(getattr(d, "reasoning_content", None) or "" for d in deltas) == THOUGHT


def test_thoughts_put_together_by_the_helper(ai):
    message = helped(ai, "redacts").choices[0].message
    assert (message.content, message.reasoning_content) == (HELLO, THOUGHT)
    thought, sealed = message.thinking_blocks
    assert (thought["thinking"], thought["signature"]) == (THOUGHT, SIGNATURE)
    assert sealed["data"] == SEALED


@pytest.mark.parametrize("streamed", [False, True])
def test_thoughts_go_back_with_the_next_turn(ai, served, streamed):
    create = helped if streamed else ask
    more = {"tools": [WEATHER], "reasoning_effort": "low"}
    message = create(ai, "thinks-then-calls", **more).choices[0].message
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "clear"}
    last = create(ai, "thinks-then-calls", [*ASK, message, result], **more)
    assert last.choices[0].message.content == HELLO
    sent = served.sent()
    thought, call = sent["messages"][1]["content"]
    assert thought == {"type": "thinking", "thinking": THOUGHT, "signature": SIGNATURE}
    assert call["type"] == "tool_use"
    assert sent["thinking"] == {"type": "enabled", "budget_tokens": 2048}


# --- errors ---


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind, error, status, code", [
    ("400", openai.BadRequestError, 400, None),
    ("401", openai.InternalServerError, 502, "upstream_credentials"),
    ("402", openai.InternalServerError, 502, "upstream_credentials"),
    ("403", openai.InternalServerError, 502, "upstream_credentials"),
    ("404", openai.NotFoundError, 404, "model_not_found"),
    ("413", openai.APIStatusError, 413, "request_too_large"),
    ("429", openai.RateLimitError, 429, "upstream_rate_limit"),
    ("500", openai.InternalServerError, 502, "upstream_error"),
    ("529", openai.InternalServerError, 503, "upstream_overloaded"),
])
def test_errors(ai, served, kind, error, status, code, stream):
    with pytest.raises(error) as caught:
        ask(ai, f"{kind}-streamed" if stream else kind, stream=stream)
    got = caught.value
    assert type(got) is error
    assert (got.status_code, got.code) == (status, code)
    assert set(got.body) == {"message", "type", "param", "code"}  # of {"error": …}
    assert got.type == ("invalid_request_error" if status in (400, 404, 413) else "upstream_error")
    assert got.message and got.request_id
    if status == 429:
        assert got.response.headers["retry-after"] == "7"
    row = served.row(got.response)
    assert (row["http_status"], row["usage_source"]) == (status, "none")


def test_a_stream_that_fails_before_its_first_word_has_a_status(ai):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(ai, "fails-first", stream=True)
    assert (caught.value.status_code, caught.value.code) == (502, "upstream_error")


@pytest.mark.parametrize("kind", ["fails", "breaks", "ends-early"])
def test_a_stream_that_breaks(ai, served, kind):
    raw = ai.chat.completions.with_raw_response.create(model=f"claude-{kind}", messages=ASK,
                                                       stream=True)
    chunks = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in raw.parse():
            chunks.append(chunk)
    assert text_of(chunks) == (TEXT if kind == "ends-early" else TEXT[:3])
    assert caught.value.code == "upstream_stream_interrupted"
    assert all(c.choices[0].finish_reason is None for c in chunks)
    row = served.row(raw)
    assert (row["status"], row["usage_source"]) == ("interrupted", "partial")


def test_closing_a_stream(ai, served):
    served.become_quiet()
    raw = ai.chat.completions.with_raw_response.create(model="claude-endless", messages=ASK,
                                                       stream=True)
    stream = raw.parse()
    for _, chunk in zip(range(4), stream):
        assert chunk.choices
    stream.close()
    served.assert_closed()
    assert served.row(raw)["status"] == "client_closed"


def test_an_answer_that_tells_no_usage(ai, served):
    raw = ai.chat.completions.with_raw_response.create(model="claude-silent-about-usage",
                                                       messages=ASK)
    assert raw.parse().choices[0].message.content == TEXT
    assert served.row(raw)["usage_source"] == "estimated"
    chunks = list(ask(ai, "silent-about-usage", stream=True))
    assert text_of(chunks) == TEXT
