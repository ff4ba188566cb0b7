"""courier mock under the official SDKs, without a gateway in between: what they understand of it is
what they would understand of a real provider."""

import base64
import json
import struct
import urllib.parse

import anthropic
import openai
import pydantic
import pytest
from client import Raw, request

HELLO = "Hello! This is courier's mock provider, at your service."
ASK = [{"role": "user", "content": "hi – 你好 👋"}]
SCHEMA = {"type": "object", "required": ["city", "days"], "additionalProperties": False,
          "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
WEATHER = {"name": "weather", "description": "…", "input_schema": SCHEMA}
FUNCTION = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
ARGUMENTS = {"city": "Zürich \"HB\" 苏黎世 👋\n", "days": 3, "deep": [{"a": None}, 1.5e3]}
QUOTED = urllib.parse.quote(json.dumps(ARGUMENTS))


@pytest.fixture
def claude(mock):
    with anthropic.Anthropic(base_url=f"http://127.0.0.1:{mock.port}", api_key="any",
                             max_retries=0, timeout=30) as client:
        yield client


@pytest.fixture
def gpt(mock):
    with openai.OpenAI(base_url=mock.url, api_key="any", max_retries=0, timeout=30) as client:
        yield client


class Place(pydantic.BaseModel):
    city: str
    days: int


class TestMessages:
    def create(self, client, keys="", **more):
        return client.messages.create(**{"model": f"mock?{keys}", "max_tokens": 64,
                                         "messages": ASK, **more})

    def stream(self, client, keys="", **more):
        return client.messages.stream(**{"model": f"mock?{keys}", "max_tokens": 64,
                                         "messages": ASK, **more})

    def test_text(self, claude):
        got = self.create(claude, "prompt_tokens=7&cached_tokens=5&cache_written_tokens=3")
        assert [(b.type, b.text) for b in got.content] == [("text", HELLO)]
        assert (got.role, got.model, got.stop_reason) == ("assistant", "mock", "end_turn")
        assert got._request_id == "req_mock"
        usage = got.usage
        assert (usage.input_tokens, usage.cache_read_input_tokens,
                usage.cache_creation_input_tokens, usage.output_tokens) == (7, 5, 3, 12)

    def test_a_stream(self, claude):
        with self.stream(claude, "text=hello+you&chunks=5&cached_tokens=5") as stream:
            pieces = list(stream.text_stream)
            got = stream.get_final_message()
        assert len(pieces) == 5 and "".join(pieces) == "hello you"
        assert got.content[0].text == "hello you" and got.stop_reason == "end_turn"
        assert (got.usage.input_tokens, got.usage.cache_read_input_tokens,
                got.usage.output_tokens) == (9, 5, 12)

    def test_thinking(self, claude):
        whole = self.create(claude, "thinking=1&redacted=1").content
        with self.stream(claude, "thinking=1&redacted=1") as stream:
            streamed = stream.get_final_message().content
        for blocks in (whole, streamed):
            assert [b.type for b in blocks] == ["thinking", "redacted_thinking", "text"]
            assert blocks[0].thinking == "Let me think." and blocks[0].signature
            assert blocks[1].data

    @pytest.mark.parametrize("chunks", [1, 3, 7, 200])
    def test_a_tool(self, claude, chunks):
        keys = f"tool=1&arguments={QUOTED}&chunks={chunks}"
        whole = self.create(claude, keys, tools=[WEATHER])
        with self.stream(claude, keys, tools=[WEATHER]) as stream:
            pieces = [e.partial_json for e in stream if e.type == "input_json"]
            streamed = stream.get_final_message()
        for got in (whole, streamed):
            assert got.stop_reason == "tool_use"
            (call,) = got.content
            assert (call.type, call.name, call.input) == ("tool_use", "weather", ARGUMENTS)
        assert json.loads("".join(pieces)) == ARGUMENTS and pieces[0] == ""

    def test_text_and_two_tools(self, claude):
        keys, other = "tool=2&text=now", {**WEATHER, "name": "other"}
        whole = self.create(claude, keys, tools=[WEATHER, other])
        with self.stream(claude, keys, tools=[WEATHER, other]) as stream:
            streamed = stream.get_final_message()
        for got in (whole, streamed):
            assert [b.type for b in got.content] == ["text", "tool_use", "tool_use"]
            assert [b.name for b in got.content[1:]] == ["weather", "other"]
            assert len({b.id for b in got.content[1:]}) == 2

    def test_a_loop_of_tools_ends(self, claude):
        asked = []

        @anthropic.beta_tool
        def weather(city: str) -> str:
            """The weather."""
            asked.append(city)
            return "sunny"

        last = claude.beta.messages.tool_runner(model="mock?tool=1", max_tokens=64, messages=ASK,
                                                tools=[weather]).until_done()
        assert asked == ["text"]
        assert last.stop_reason == "end_turn" and last.content[0].text == HELLO

    @pytest.mark.parametrize("reason", ["max_tokens", "stop_sequence", "pause_turn", "refusal"])
    def test_why_it_stops(self, claude, reason):
        whole = self.create(claude, f"stop={reason}", stop_sequences=["END", "x"])
        with self.stream(claude, f"stop={reason}", stop_sequences=["END", "x"]) as stream:
            streamed = stream.get_final_message()
        for got in (whole, streamed):
            assert got.stop_reason == reason
            assert got.stop_sequence == ("END" if reason == "stop_sequence" else None)

    def test_a_structured_answer(self, claude):
        got = claude.messages.parse(model="mock?json=1", max_tokens=64, messages=ASK,
                                    output_format=Place)
        assert got.parsed_output == Place(city="text", days=1)

    def test_echo(self, claude):
        got = json.loads(self.create(claude, "echo=1", system="be brief").content[0].text)
        assert got["messages"] == ASK and got["system"] == "be brief"
        with self.stream(claude, "echo=1&chunks=40") as stream:
            assert json.loads(stream.get_final_text())["messages"] == ASK

    def test_count_tokens(self, claude):
        assert claude.messages.count_tokens(model="mock?prompt_tokens=77",
                                            messages=ASK).input_tokens == 77

    @pytest.mark.parametrize("status, type, error", [
        (400, "invalid_request_error", anthropic.BadRequestError),
        (401, "authentication_error", anthropic.AuthenticationError),
        (402, "billing_error", anthropic.APIStatusError),
        (403, "permission_error", anthropic.PermissionDeniedError),
        (404, "not_found_error", anthropic.NotFoundError),
        (409, "conflict_error", anthropic.ConflictError),
        (413, "request_too_large", anthropic.APIStatusError),
        (429, "rate_limit_error", anthropic.RateLimitError),
        (500, "api_error", anthropic.InternalServerError),
        (504, "timeout_error", anthropic.APIStatusError),
        (529, "overloaded_error", anthropic.APIStatusError),
    ])
    def test_errors(self, claude, status, type, error):
        with pytest.raises(error) as caught:
            self.create(claude, f"status={status}&retry_after=3")
        assert caught.value.status_code == status and caught.value.request_id == "req_mock"
        assert caught.value.body["type"] == "error" and caught.value.body["error"]["type"] == type
        assert caught.value.body["request_id"] == "req_mock"
        assert caught.value.response.headers["retry-after"] == "3"

    def test_an_error_within_a_stream(self, claude):
        seen = []
        with pytest.raises(anthropic.APIStatusError) as caught:
            with self.stream(claude, "error_after=2&type=overloaded_error") as stream:
                seen.extend(stream.text_stream)
        assert len(seen) == 2
        assert caught.value.body["error"]["type"] == "overloaded_error"

    def test_a_cut_stream(self, claude):
        with pytest.raises(Exception) as caught:
            with self.stream(claude, "cut_after=2") as stream:
                stream.get_final_message()
        assert "peer closed" in str(caught.value) or "incomplete" in str(caught.value)

    def test_retries_end_well(self, mock, claude):
        control = Raw(mock.port)
        control.send(request(b"", "any", path="/mock/reset")).answer()
        control.close()
        got = claude.with_options(max_retries=2).messages.create(
            model="mock?fail_first=1&status=529&retry_after_ms=1", max_tokens=5, messages=ASK)
        assert got.content[0].text == HELLO


class TestMessagesRefuses:
    """Raw: the SDK would not send these."""

    def ask(self, mock, made, body, headers, path="/v1/messages"):
        made.append(Raw(mock.port))
        raw = json.dumps(body).encode()
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        made[-1].send(f"POST {path} HTTP/1.1\r\nhost: mock\r\n{lines}"
                      f"content-length: {len(raw)}\r\n\r\n".encode() + raw)
        status, _, got = made[-1].answer()
        return status, json.loads(got)

    GOOD = {"model": "mock", "max_tokens": 5, "messages": ASK}
    KEY, VERSION = {"x-api-key": "k"}, {"anthropic-version": "2023-06-01"}

    @pytest.mark.parametrize("headers, without, status, word", [
        (VERSION, None, 401, "x-api-key"),
        (KEY, None, 400, "anthropic-version"),
        ({**KEY, **VERSION}, "max_tokens", 400, "max_tokens"),
        ({**KEY, **VERSION}, "messages", 400, "messages"),
    ])
    def test_what_is_missing(self, mock, made, headers, without, status, word):
        body = {name: value for name, value in self.GOOD.items() if name != without}
        got, error = self.ask(mock, made, body, headers)
        assert got == status and word in error["error"]["message"]
        got, _ = self.ask(mock, made, {**body, "model": "mock?lax=1"}, headers)
        assert got == 200

    def test_what_is_enough(self, mock, made):
        assert self.ask(mock, made, self.GOOD, {**self.KEY, **self.VERSION})[0] == 200
        bearer = {"authorization": "Bearer k", **self.VERSION}
        assert self.ask(mock, made, self.GOOD, bearer, "/v1/messages?beta=true")[0] == 200
        count = {"model": "mock", "messages": ASK}
        assert self.ask(mock, made, count, bearer, "/v1/messages/count_tokens") == (
            200, {"input_tokens": 9})

    def test_what_is_not_understood_is_said_in_its_dialect(self, mock, made):
        got, error = self.ask(mock, made, {**self.GOOD, "model": "mock?chunk=5"},
                              {**self.KEY, **self.VERSION})
        assert got == 400 and error["type"] == "error" and "chunk=5" in error["error"]["message"]


class TestChat:
    @pytest.mark.parametrize("chunks", [1, 3, 7, 200])
    def test_a_tool(self, gpt, chunks):
        model = f"mock?tool=1&arguments={QUOTED}&chunks={chunks}"
        (call,) = gpt.chat.completions.create(
            model=model, messages=ASK, tools=[FUNCTION]).choices[0].message.tool_calls
        assert json.loads(call.function.arguments) == ARGUMENTS
        with gpt.chat.completions.stream(model=model, messages=ASK, tools=[FUNCTION]) as stream:
            choice = stream.get_final_completion().choices[0]
        assert choice.finish_reason == "tool_calls"
        assert json.loads(choice.message.tool_calls[0].function.arguments) == ARGUMENTS

    def test_thoughts_text_and_two_tools(self, gpt):
        other = {"type": "function", "function": {"name": "other", "parameters": {}}}
        model = "mock?tool=2&text=now&thinking=1"
        whole = gpt.chat.completions.create(model=model, messages=ASK, tools=[FUNCTION, other])
        with gpt.chat.completions.stream(model=model, messages=ASK,
                                         tools=[FUNCTION, other]) as stream:
            streamed = stream.get_final_completion()
        for got in (whole, streamed):
            message = got.choices[0].message
            assert message.content == "now" and message.reasoning_content == "Let me think."
            assert [c.function.name for c in message.tool_calls] == ["weather", "other"]
            assert len({c.id for c in message.tool_calls}) == 2

    def test_a_result_ends_the_calls(self, gpt):
        first = gpt.chat.completions.create(model="mock?tool=1", messages=ASK, tools=[FUNCTION])
        call = first.choices[0].message
        result = {"role": "tool", "tool_call_id": call.tool_calls[0].id, "content": "sunny"}
        second = gpt.chat.completions.create(model="mock?tool=1", tools=[FUNCTION],
                                             messages=[*ASK, call, result]).choices[0]
        assert (second.finish_reason, second.message.content) == ("stop", HELLO)

    def test_a_structured_answer(self, gpt):
        got = gpt.chat.completions.parse(model="mock?json=1", messages=ASK, response_format=Place)
        assert got.choices[0].message.parsed == Place(city="text", days=1)

    def test_echo(self, gpt):
        got = gpt.chat.completions.create(model="mock?echo=1", messages=ASK, seed=7,
                                          response_format={"type": "json_object"})
        sent = json.loads(got.choices[0].message.content)
        assert sent["messages"] == ASK and sent["seed"] == 7
        assert sent["response_format"] == {"type": "json_object"}

    def test_why_it_stops(self, gpt):
        got = gpt.chat.completions.create(model="mock?stop=length", messages=ASK)
        assert got.choices[0].finish_reason == "length"


class TestEmbeddings:
    def test_vectors(self, gpt):
        got = gpt.embeddings.create(model="mock?prompt_tokens=5", input=["a", "b", "c"],
                                    encoding_format="float")
        assert [d.index for d in got.data] == [0, 1, 2]
        assert {len(d.embedding) for d in got.data} == {8}
        assert (got.usage.prompt_tokens, got.usage.total_tokens, got.model) == (5, 5, "mock")

    @pytest.mark.parametrize("input, count", [("a", 1), ([1, 2, 3], 1), ([[1, 2], [3]], 2)])
    def test_inputs(self, gpt, input, count):
        assert len(gpt.embeddings.create(model="mock", input=input).data) == count

    def test_both_encodings_say_the_same(self, gpt):
        plain = gpt.embeddings.create(model="mock", input="a", dimensions=50,
                                      encoding_format="float").data[0].embedding
        coded = gpt.embeddings.with_raw_response.create(
            model="mock", input="a", dimensions=50, encoding_format="base64").http_response.json()
        numbers = struct.unpack("<50f", base64.b64decode(coded["data"][0]["embedding"]))
        assert numbers == pytest.approx(plain, abs=1e-7)
        assert gpt.embeddings.create(model="mock", input="a",  # the SDK asks for base64
                                     dimensions=50).data[0].embedding == list(numbers)

    def test_an_error(self, gpt):
        with pytest.raises(openai.RateLimitError):
            gpt.embeddings.create(model="mock?status=429", input="a")


class TestCompletions:
    def test_whole(self, gpt):
        got = gpt.completions.create(model="mock?text=once+upon", prompt="x")
        assert (got.choices[0].text, got.choices[0].finish_reason) == ("once upon", "stop")
        assert got.usage.total_tokens == 21

    def test_a_stream(self, gpt):
        chunks = list(gpt.completions.create(model="mock?text=once+upon&chunks=4", prompt="x",
                                             stream=True, stream_options={"include_usage": True}))
        assert "".join(c.choices[0].text for c in chunks if c.choices) == "once upon"
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 21


class TestResponses:
    def test_whole(self, gpt):
        got = gpt.responses.create(model="mock?cached_tokens=4", input="x")
        assert (got.status, got.output_text) == ("completed", HELLO)
        assert (got.usage.input_tokens, got.usage.output_tokens) == (9, 12)
        assert got.usage.input_tokens_details.cached_tokens == 4

    def test_a_stream(self, gpt):
        with gpt.responses.stream(model="mock?text=hello+you&chunks=3", input="x") as stream:
            events = list(stream)
            final = stream.get_final_response()
        types = [event.type for event in events]
        assert types[:4] == ["response.created", "response.in_progress",
                             "response.output_item.added", "response.content_part.added"]
        assert types.count("response.output_text.delta") == 3
        assert types[-4:] == ["response.output_text.done", "response.content_part.done",
                              "response.output_item.done", "response.completed"]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        assert final.output_text == "hello you" and final.usage.total_tokens == 21

    @pytest.mark.parametrize("outcome", ["incomplete", "failed"])
    def test_other_outcomes(self, gpt, outcome):
        whole = gpt.responses.create(model=f"mock?{outcome}=1", input="x")
        *_, last = gpt.responses.create(model=f"mock?{outcome}=1", input="x", stream=True)
        assert last.type == f"response.{outcome}"
        for got in (whole, last.response):
            assert got.status == outcome
            if outcome == "failed":
                assert got.error.code == "server_error"
            else:
                assert got.incomplete_details.reason == "max_output_tokens"

    def test_a_structured_answer(self, gpt):
        got = gpt.responses.parse(model="mock?json=1", input="x", text_format=Place)
        assert got.output_parsed == Place(city="text", days=1)

    def test_an_error_within_a_stream(self, gpt):
        *_, last = gpt.responses.create(model="mock?error_after=1", input="x", stream=True)
        assert (last.type, last.code) == ("error", "server_error")
