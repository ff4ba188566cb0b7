"""The official OpenAI SDK through the gateway: what works at OpenAI works here, errors too."""

import asyncio
import json
import socket

import httpx
import openai
import pydantic
import pytest
from dialects import Served
from gateway import ADMIN_KEY, LIMIT, Gateway, wait_for
from openai import OpenAI
from provider import answer, answer_once

HELLO = "Hello! This is courier's mock provider, at your service."
ASK = [{"role": "user", "content": "Say hello – 你好 👋"}]

# The model of each name is the mock with these keys.
MODELS = {
    "plain": "mock",
    "org/plain-1.5": "mock",
    "pieces": "mock?chunks=16&text=abcdefghijklmnopqrstuvwxyz",
    "paced": "mock?chunks=20&chunk_delay=20ms&text=abcdefghijklmnopqrst",
    "held": "mock?chunks=20&stall_after=3&text=abcdefghijklmnopqrst",
    "endless": "mock?chunks=100000&chunk_delay=20ms",
    "late": "mock?head_delay=60s",
    "tools": "mock?tools=1",
    "json": "mock?json=1",
    "thinks": "mock?reasoning=1&reasoning_tokens=5",
    "cached": "mock?prompt_tokens=100&cached_tokens=64&completion_tokens=7",
    "large": "mock?bytes=4MB",
    "400": "mock?status=400&code=context_length_exceeded",
    "404": "mock?status=404",
    "422": "mock?status=422",
    "429": "mock?status=429&retry_after=7",
    "500": "mock?status=500",
    "503": "mock?status=503",
    "breaks": "mock?chunks=10&cut_after=3&text=abcdefghij",
    "fails": "mock?chunks=10&error_after=3&text=abcdefghij",
    "fails-first": "mock?error_after=0",
}


class OfOneDialect(Served):
    """A gateway before the mock, each model with keys of its own."""

    def __init__(self, mock, folder):
        self.mock = mock
        self.gateway = Gateway(
            [{"name": "mock", "type": "openai", "base_url": mock.url, "api_key": "mock-key"}],
            [{"name": name, "provider": "mock", "upstream_model": upstream}
             for name, upstream in MODELS.items()],
            folder)


@pytest.fixture(scope="module")
def served(mock, tmp_path_factory):
    made = OfOneDialect(mock, tmp_path_factory.mktemp("sdk"))
    yield made
    made.gateway.stop()


@pytest.fixture
def ai(served):
    with served.openai() as client:
        yield client


def run(served, work, **options):
    """asyncio.run(work(client)) with a client of its own."""

    async def with_client():
        async with served.async_openai(**options) as client:
            return await work(client)

    return asyncio.run(with_client())


def text_of(chunks):
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


# --- answers ---


def check_answer(got):
    assert got.object == "chat.completion"
    assert got.choices[0].message.role == "assistant"
    assert got.choices[0].message.content == HELLO
    assert got.choices[0].finish_reason == "stop"
    assert (got.usage.prompt_tokens, got.usage.completion_tokens) == (9, 12)


def test_sync(ai):
    check_answer(ai.chat.completions.create(model="plain", messages=ASK))


def test_async(served):
    check_answer(run(served, lambda ai: ai.chat.completions.create(model="plain", messages=ASK)))


def test_a_large_answer_and_a_large_question(ai, served):
    question = [{"role": "user", "content": "äöü " * 300_000}]
    got = ai.chat.completions.create(model="large", messages=question)
    assert len(got.choices[0].message.content) > 4_000_000
    assert json.loads(served.mock.last())["messages"] == question


def test_details_of_usage(ai, served):
    raw = ai.chat.completions.with_raw_response.create(model="cached", messages=ASK)
    usage = raw.parse().usage
    assert (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens) == (100, 64)
    row = served.gateway.row(raw.headers["x-request-id"])
    assert (row["prompt_tokens"], row["cached_tokens"], row["completion_tokens"]) == (100, 64, 7)


def test_members_that_the_sdk_does_not_know(ai):
    got = ai.chat.completions.create(model="thinks", messages=ASK)
    assert got.choices[0].message.reasoning_content == "Let me think."
    assert got.usage.completion_tokens_details.reasoning_tokens == 5


# --- streams ---


def check_chunks(chunks, usage):
    assert text_of(chunks) == "abcdefghijklmnopqrstuvwxyz"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert len({c.id for c in chunks}) == 1
    if usage:
        assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 21
    else:
        assert all(c.choices and not c.usage for c in chunks)


@pytest.mark.parametrize("usage", [None, False, True])
def test_stream(ai, usage):
    more = {} if usage is None else {"stream_options": {"include_usage": usage}}
    check_chunks(list(ai.chat.completions.create(model="pieces", messages=ASK, stream=True, **more)),
                 usage)


@pytest.mark.parametrize("usage", [False, True])
def test_async_stream(served, usage):
    async def work(ai):
        stream = await ai.chat.completions.create(
            model="pieces", messages=ASK, stream=True, stream_options={"include_usage": usage})
        return [chunk async for chunk in stream]

    check_chunks(run(served, work), usage)


def test_the_stream_helper(ai):
    seen = []
    with ai.chat.completions.stream(model="pieces", messages=ASK) as stream:
        for event in stream:
            if event.type == "content.delta" and event.delta:
                seen.append(event.delta)
    assert len(seen) == 16
    assert stream.get_final_completion().choices[0].message.content == "".join(seen)


def test_the_async_stream_helper(served):
    async def work(ai):
        async with ai.chat.completions.stream(
            model="pieces", messages=ASK, stream_options={"include_usage": True}
        ) as stream:
            async for _ in stream:
                pass
            return await stream.get_final_completion()

    got = run(served, work)
    assert got.choices[0].message.content == "abcdefghijklmnopqrstuvwxyz"
    assert got.usage.total_tokens == 21


def test_chunks_come_one_by_one(ai):
    """What has come is there, though the rest never comes."""
    came = ""
    with ai.chat.completions.create(model="held", messages=ASK, stream=True) as stream:
        for chunk in stream:
            came += text_of([chunk])
            if came == "abc":
                break
    assert came == "abc"


def test_streams_one_after_the_other_on_one_connection(served):
    opened = []

    class Counted(httpx.HTTPTransport):
        def handle_request(self, sent):
            answered = super().handle_request(sent)
            opened.append(answered.extensions["network_stream"].get_extra_info("client_addr"))
            return answered

    with served.openai(http_client=httpx.Client(transport=Counted())) as ai:
        for _ in range(5):
            check_chunks(
                list(ai.chat.completions.create(model="pieces", messages=ASK, stream=True)), False)
    assert len(opened) == 5 and len(set(opened)) == 1


def test_parallel_async_streams(served):
    async def one(ai, i):
        stream = await ai.chat.completions.create(
            model="paced", messages=ASK, stream=True,
            stream_options={"include_usage": True}, extra_headers={"x-request-id": f"parallel-{i}"})
        chunks = [chunk async for chunk in stream]
        return text_of(chunks), chunks[-1].usage.total_tokens

    async def work(ai):
        return await asyncio.gather(*(one(ai, i) for i in range(50)))

    assert run(served, work) == [("abcdefghijklmnopqrst", 21)] * 50
    rows = wait_for(lambda: (found := served.gateway.rows("request_id like 'parallel-%'"))
                    and len(found) >= 50 and found)
    assert len(rows) == 50
    assert {row["status"] for row in rows} == {"ok"}


# --- leaving ---


@pytest.fixture
def quiet(served):
    """No request runs at the mock, and its counters are zero."""
    served.become_quiet()


def test_closing_a_stream(served, ai, quiet):
    raw = ai.chat.completions.with_raw_response.create(model="endless", messages=ASK, stream=True)
    stream = raw.parse()
    for _, chunk in zip(range(4), stream):
        assert chunk.choices
    stream.close()
    served.assert_closed()
    row = served.gateway.row(raw.headers["x-request-id"])
    assert (row["status"], row["usage_source"]) == ("client_closed", "partial")
    assert row["completion_tokens"] >= 3


def test_breaking_out_of_an_async_stream(served, quiet):
    async def work(ai):
        async with await ai.chat.completions.create(model="endless", messages=ASK,
                                                    stream=True) as stream:
            async for _ in stream:
                break

    run(served, work)
    served.assert_closed()


def test_a_cancelled_task(served, quiet):
    async def work(ai):
        task = asyncio.create_task(ai.chat.completions.create(model="late", messages=ASK))
        while served.stats()["running"] < 1:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(served, work)
    served.assert_closed()


def run_out_of_patience(served, call):
    """Makes calls that time out, each with more patience, until one has reached the mock."""
    for seconds in (0.3, 1, 3, 9):
        with pytest.raises(openai.APITimeoutError):
            call(seconds)
        if served.stats()["requests"]:
            return
    pytest.fail("no call reached the mock")


def test_a_timeout_ends_the_work(served, ai, quiet):
    run_out_of_patience(served, lambda seconds: ai.with_options(
        timeout=seconds).chat.completions.create(model="late", messages=ASK))
    served.assert_closed()


def test_a_timeout_within_a_stream(served, ai, quiet):
    run_out_of_patience(served, lambda seconds: ai.with_options(
        timeout=httpx.Timeout(LIMIT, read=seconds)).chat.completions.create(
            model="late", messages=ASK, stream=True))
    served.assert_closed()


# --- tools and structured output ---

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "required": ["city", "days"],
                       "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                       "additionalProperties": False},
        "strict": True,
    },
}


def check_call(call):
    assert call.function.name == "weather"
    assert json.loads(call.function.arguments) == {"city": "text", "days": 1}


def test_tools(ai, served):
    asked = ai.chat.completions.create(model="tools", messages=ASK, tools=[WEATHER],
                                       tool_choice="auto", parallel_tool_calls=False)
    message = asked.choices[0].message
    assert asked.choices[0].finish_reason == "tool_calls"
    check_call(message.tool_calls[0])
    history = [*ASK, message, {"role": "tool", "tool_call_id": message.tool_calls[0].id,
                               "content": '{"sky":"clear"}'}]
    check_answer(ai.chat.completions.create(model="plain", messages=history, tools=[WEATHER]))
    sent = json.loads(served.mock.last())
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "tool"]
    assert sent["messages"][1]["tool_calls"][0]["function"]["name"] == "weather"
    assert sent["tools"] == [WEATHER]


def test_tools_in_a_stream(ai):
    with ai.chat.completions.stream(model="tools", messages=ASK, tools=[WEATHER]) as stream:
        got = stream.get_final_completion().choices[0]
    assert got.finish_reason == "tool_calls"
    check_call(got.message.tool_calls[0])


class Step(pydantic.BaseModel):
    explanation: str
    certain: bool


class Answer(pydantic.BaseModel):
    number: int
    first: Step
    rest: list[Step]


def test_a_schema(ai, served):
    schema = {"type": "json_schema",
              "json_schema": {"name": "n", "strict": True,
                              "schema": {"type": "object", "properties": {"n": {"type": "integer"}},
                                         "required": ["n"], "additionalProperties": False}}}
    got = ai.chat.completions.create(model="json", messages=ASK, response_format=schema)
    assert json.loads(got.choices[0].message.content) == {"n": 1}
    assert json.loads(served.mock.last())["response_format"] == schema


def test_parse(ai):
    got = ai.chat.completions.parse(model="json", messages=ASK, response_format=Answer)
    parsed = got.choices[0].message.parsed
    assert parsed == Answer(number=1, first=Step(explanation="text", certain=True), rest=[])


def test_async_parse(served):
    got = run(served, lambda ai: ai.chat.completions.parse(model="json", messages=ASK,
                                                           response_format=Answer))
    assert got.choices[0].message.parsed.first.certain


def test_parse_in_a_stream(ai):
    with ai.chat.completions.stream(model="json", messages=ASK, response_format=Answer) as stream:
        assert stream.get_final_completion().choices[0].message.parsed.number == 1


def test_parse_tools(ai):
    class Weather(pydantic.BaseModel):
        city: str

    got = ai.chat.completions.parse(model="tools", messages=ASK,
                                    tools=[openai.pydantic_function_tool(Weather)])
    assert got.choices[0].message.tool_calls[0].function.parsed_arguments == Weather(city="text")


# --- errors ---


def error_of(kind, work):
    with pytest.raises(kind) as caught:
        work()
    assert type(caught.value) is kind
    return caught.value


def ask(ai, model, **more):
    return lambda: ai.chat.completions.create(model=model, messages=ASK, **more)


def test_authentication(served):
    with served.openai(api_key="sk-cr-nobody") as ai:
        got = error_of(openai.AuthenticationError, ask(ai, "plain"))
    assert (got.status_code, got.type, got.code) == (401, "invalid_request_error", "invalid_api_key")
    assert got.request_id


def test_permission(served):
    key = served.gateway.create_key("--models", "plain,pieces")
    with served.openai(api_key=key) as ai:
        wait_for(lambda: usable(ai))
        got = error_of(openai.PermissionDeniedError, ask(ai, "tools"))
        assert [m.id for m in ai.models.list()] == ["pieces", "plain"]
    assert (got.status_code, got.code, got.param) == (403, "model_not_allowed", "model")


def usable(ai):
    try:
        return bool(ai.models.list())
    except openai.AuthenticationError:
        return False


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "model, kind, status, code",
    [
        ("nobody", openai.NotFoundError, 404, "model_not_found"),
        ("400", openai.BadRequestError, 400, "context_length_exceeded"),
        ("404", openai.NotFoundError, 404, "model_not_found"),
        ("422", openai.UnprocessableEntityError, 422, None),
        ("429", openai.RateLimitError, 429, "upstream_rate_limit"),
        ("500", openai.InternalServerError, 502, "upstream_error"),
        ("503", openai.InternalServerError, 503, "upstream_overloaded"),
    ],
)
def test_statuses(ai, model, kind, status, code, stream):
    got = error_of(kind, ask(ai, model, stream=stream))
    assert (got.status_code, got.code) == (status, code)
    assert got.message and got.request_id
    if status in (429, 503):
        assert int(got.response.headers["retry-after"]) >= 1
    if status == 429:
        assert got.response.headers["retry-after"] == "7"


def test_async_errors(served):
    with pytest.raises(openai.NotFoundError):
        run(served, lambda ai: ai.chat.completions.create(model="nobody", messages=ASK))


@pytest.mark.parametrize("more, param, code", [
    ({"messages": "hello"}, "messages", "invalid_type"),
    ({"messages": []}, "messages", "invalid_value"),
    ({"max_tokens": "many"}, "max_tokens", "invalid_type"),
    ({"stream_options": "all"}, "stream_options", "invalid_type"),
])
def test_bad_requests(ai, more, param, code):
    got = error_of(openai.BadRequestError,
                   lambda: ai.chat.completions.create(**{"model": "plain", "messages": ASK, **more}))
    assert (got.type, got.param, got.code) == ("invalid_request_error", param, code)


def test_a_limit(served):
    key = served.gateway.create_key("--rpm", "1")
    with served.openai(api_key=key) as ai:
        wait_for(lambda: usable(ai))
        got = [attempt(ai) for _ in range(3)][-1]
    assert type(got) is openai.RateLimitError
    assert (got.type, got.code) == ("requests", "rate_limit_exceeded")
    assert got.response.headers["x-ratelimit-limit-requests"] == "1"


def attempt(ai):
    try:
        return ask(ai, "plain")()
    except openai.RateLimitError as refused:
        return refused


def test_no_connection():
    with socket.socket() as deaf:  # its port is taken, and nobody listens
        deaf.bind(("127.0.0.1", 0))
        with OpenAI(api_key="x", base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}/v1",
                    max_retries=0) as ai:
            error_of(openai.APIConnectionError, ask(ai, "plain"))


def test_a_path_that_is_not_there(ai):
    got = error_of(openai.NotFoundError, ai.fine_tuning.jobs.list)
    assert got.code == "unknown_url"


@pytest.mark.parametrize("model", ["breaks", "fails"])
def test_a_stream_that_breaks(ai, model):
    stream = ai.chat.completions.create(model=model, messages=ASK, stream=True)
    chunks = []
    with pytest.raises(openai.APIError) as caught:
        for chunk in stream:
            chunks.append(chunk)
    assert text_of(chunks) == "abc"
    assert caught.value.code == "upstream_stream_interrupted"
    assert caught.value.type == "upstream_error"


def test_an_async_stream_that_breaks(served):
    async def work(ai):
        stream = await ai.chat.completions.create(model="breaks", messages=ASK, stream=True)
        with pytest.raises(openai.APIError):
            async for _ in stream:
                pass
        check_answer(await ai.chat.completions.create(model="plain", messages=ASK))

    run(served, work)


def test_a_stream_that_fails_before_its_first_word_has_a_status(ai):
    got = error_of(openai.InternalServerError, ask(ai, "fails-first", stream=True))
    assert got.status_code == 502


# --- what comes back around the answer ---


def test_with_raw_response(ai, served):
    raw = ai.chat.completions.with_raw_response.create(
        model="plain", messages=ASK, extra_headers={"x-request-id": "sdk-raw"})
    check_answer(raw.parse())
    assert (raw.status_code, raw.retries_taken) == (200, 0)
    assert raw.headers["x-request-id"] == raw.parse()._request_id == "sdk-raw"
    assert raw.headers["x-courier-model"] == "plain"
    assert raw.headers["x-courier-provider"] == "mock"
    assert raw.headers["x-courier-attempts"] == "plain:200"
    row = served.gateway.row("sdk-raw")
    assert (row["status"], row["total_tokens"], row["usage_source"]) == ("ok", 21, "provider")


def test_a_raw_response_of_a_stream(ai):
    raw = ai.chat.completions.with_raw_response.create(model="pieces", messages=ASK, stream=True)
    assert raw.headers["content-type"].startswith("text/event-stream")
    check_chunks(list(raw.parse()), False)


def test_with_streaming_response(ai):
    with ai.chat.completions.with_streaming_response.create(
        model="pieces", messages=ASK, stream=True
    ) as answered:
        lines = [line for line in answered.iter_lines() if line]
    assert lines[-1] == "data: [DONE]"
    assert len(lines) == 1 + 16 + 1 + 1
    with ai.chat.completions.with_streaming_response.create(model="plain",
                                                            messages=ASK) as answered:
        assert json.loads(answered.read())["choices"][0]["message"]["content"] == HELLO


def test_async_with_streaming_response(served):
    async def work(ai):
        async with ai.chat.completions.with_streaming_response.create(
            model="plain", messages=ASK
        ) as answered:
            return await answered.parse()

    check_answer(run(served, work))


def test_models(ai):
    listed = list(ai.models.list())
    assert {m.id for m in listed} == set(MODELS)
    assert listed[0].object == "model" and listed[0].owned_by == "mock" and listed[0].created > 0
    assert ai.models.retrieve("plain").id == "plain"
    assert ai.models.retrieve("org/plain-1.5").id == "org/plain-1.5"
    assert error_of(openai.NotFoundError, lambda: ai.models.retrieve("nobody")).code == (
        "model_not_found")


# --- what goes to the provider ---


def test_parameters_arrive_unchanged(served, ai):
    more = {
        "temperature": 0.7, "top_p": 1.0, "n": 1, "seed": 2**53 + 1, "stop": ["\n", "END"],
        "logit_bias": {"50256": -100, "1": 0.5}, "logprobs": True, "top_logprobs": 3,
        "presence_penalty": -0.0, "frequency_penalty": 1e-7, "user": "u-1", "max_tokens": 17,
        "max_completion_tokens": 18, "metadata": {"team": "ä"}, "store": False,
        "service_tier": "auto", "reasoning_effort": "low", "prediction": {
            "type": "content", "content": "x"}, "modalities": ["text"], "verbosity": "low",
    }
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "guided_regex": "[a-z]+",
             "provider": {"order": ["x", "y"]}, "zeta": [1, 2.50, None, {"deep": []}]}
    sent = []
    http = httpx.Client(event_hooks={"request": [lambda r: sent.append(r.read())]})
    with served.openai(http_client=http) as client:
        client.chat.completions.create(model="plain", messages=ASK, **more, extra_body=extra)
    assert served.mock.last() == sent[0].replace(b'"plain"', b'"mock"')
    got = json.loads(served.mock.last())
    assert got == {"model": "mock", "messages": ASK, **more, **extra}


def test_a_stream_asks_for_usage(served, ai):
    list(ai.chat.completions.create(model="plain", messages=ASK, stream=True,
                                    stream_options={"include_obfuscation": False}))
    assert json.loads(served.mock.last())["stream_options"] == {"include_obfuscation": False,
                                                           "include_usage": True}


def test_parts_of_messages_arrive_unchanged(served, ai):
    parts = [{"role": "developer", "content": "Be brief."},
             {"role": "user", "name": "ann", "content": [
                 {"type": "text", "text": "What is this?"},
                 {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=",
                                                     "detail": "low"}},
                 {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
                 {"type": "file", "file": {"file_id": "file-1"}}]}]
    ai.chat.completions.create(model="plain", messages=parts)
    assert json.loads(served.mock.last())["messages"] == parts


def test_headers(served):
    with served.openai(default_headers={"x-request-id": "sdk-default", "x-team": "blue"},
                     organization="org-1", project="proj-1",
                     default_query={"api-version": "2024-10-21"}) as ai:
        raw = ai.chat.completions.with_raw_response.create(
            model="plain", messages=ASK, extra_headers={"x-once": "1"}, extra_query={"q": "1"})
    assert raw.headers["x-request-id"] == "sdk-default"
    head = served.mock.last_head()
    assert head.startswith("post /v1/chat/completions http/1.1\r\n")
    assert "authorization: bearer mock-key\r\n" in head
    assert "x-request-id: sdk-default\r\n" in head
    for name in ("x-team", "x-once", "x-stainless", "openai-organization", ADMIN_KEY.lower()):
        assert name not in head


# --- retries ---


class Refusing:
    """A provider that refuses so many times before it answers."""

    def __init__(self, refusals, status, extra=b"", body=b"{}"):
        self.left, self.status, self.extra, self.body = refusals, status, extra, body

    def __call__(self, connection):
        while connection.read_request():
            if self.left > 0:
                self.left -= 1
                connection.json(self.body, self.status, self.extra)
            else:
                connection.json(answer())


@pytest.fixture
def retrying(provide, gateway):
    """retrying(script, …): (client, provider, the waits it was told). The gateway itself does not
    repeat."""
    clients = []

    def make(script, max_retries=2, models=None):
        provider = provide(script)
        made = gateway(provider, models=models, model={"retries": 0})
        client = OpenAI(api_key=ADMIN_KEY, base_url=f"{made.url}/v1", max_retries=max_retries,
                        timeout=LIMIT)
        clients.append(client)
        waits, how_long = [], client._calculate_retry_timeout
        client._calculate_retry_timeout = lambda *args: (
            waits.append(how_long(*args)) or min(waits[-1], 0.01))
        return client, provider, waits

    yield make
    for client in clients:
        client.close()


def test_retries_wait_as_the_provider_says(retrying):
    ai, provider, waits = retrying(Refusing(2, 429, b"retry-after: 3\r\n"))
    raw = ai.chat.completions.with_raw_response.create(model="m", messages=ASK)
    assert raw.parse().choices[0].message.content == "hello"
    assert raw.retries_taken == 2 and len(provider.requests) == 3
    assert waits == [3.0, 3.0]


def test_retries_wait_milliseconds(retrying):
    ai, provider, waits = retrying(Refusing(1, 503, b"retry-after-ms: 1250\r\n"))
    ai.chat.completions.create(model="m", messages=ASK)
    assert len(provider.requests) == 2
    assert waits == [1.25]


def test_a_failure_is_tried_again(retrying):
    ai, provider, waits = retrying(Refusing(9, 500))
    error_of(openai.InternalServerError, ask(ai, "m"))
    assert len(provider.requests) == 3 and len(waits) == 2


@pytest.mark.parametrize("status, body", [
    (401, b'{"error":{"code":"invalid_api_key"}}'),
    (429, b'{"error":{"type":"insufficient_quota","code":"insufficient_quota"}}'),
])
def test_what_would_fail_again_is_not_tried_again(retrying, status, body):
    ai, provider, waits = retrying(Refusing(9, status, body=body))
    got = error_of(openai.InternalServerError, ask(ai, "m"))
    assert (got.status_code, got.code) == (502, "upstream_credentials")
    assert got.response.headers["x-should-retry"] == "false"
    assert len(provider.requests) == 1 and waits == []


def test_what_the_gateway_tried_elsewhere_is_not_tried_again(retrying):
    ai, provider, waits = retrying(
        Refusing(9, 500), models=[
            {"name": "m", "provider": "private", "retries": 0, "fallback": ["n"]},
            {"name": "n", "provider": "private", "retries": 0}])
    error_of(openai.InternalServerError, ask(ai, "m"))
    assert len(provider.requests) == 2 and waits == []


def test_the_callers_own_fault_is_not_tried_again(retrying):
    ai, provider, _ = retrying(answer_once(b'{"error":{"message":"no"}}', 400))
    error_of(openai.BadRequestError, ask(ai, "m"))
    assert len(provider.requests) == 1


def test_a_lost_connection_is_tried_again(retrying):
    def script(connection):
        connection.read_request()
        if len(connection.provider.requests) < 2:
            connection.reset()
        else:
            connection.json(answer())

    ai, provider, _ = retrying(script)
    assert ai.chat.completions.create(model="m", messages=ASK).choices
    assert len(provider.requests) == 2
