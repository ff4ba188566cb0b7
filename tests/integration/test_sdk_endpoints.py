"""The official OpenAI SDK and the endpoints besides chat: they pass to providers that have them."""

import json

import openai
import pytest
from dialects import HELLO, TEXT, Place
from openai.types.responses import ResponseErrorEvent

ASK = "Say hello – 你好 👋"


@pytest.fixture
def ai(served):
    with served.openai() as client:
        yield client


def check_row(served, raw, endpoint, tokens, **more):
    row = served.row(raw)
    assert (row["endpoint"], row["status"], row["usage_source"]) == (endpoint, "ok", "provider")
    assert (row["prompt_tokens"], row["completion_tokens"]) == tokens
    assert {name: row[name] for name in more} == more
    assert raw.headers["x-courier-provider"] == "gpt"


# --- embeddings ---


def test_embeddings(ai, served):
    raw = ai.embeddings.with_raw_response.create(model="gpt-plain", input=["a", "b"], dimensions=5)
    got = raw.parse()
    assert [len(d.embedding) for d in got.data] == [5, 5]
    assert served.sent()["input"] == ["a", "b"] and served.sent()["model"] == "gpt-4.1"
    check_row(served, raw, "/v1/embeddings", (9, 0))


def test_numbers_of_an_embedding_are_the_providers(ai):
    plain = ai.embeddings.create(model="gpt-plain", input="a", encoding_format="float")
    coded = ai.embeddings.create(model="gpt-plain", input="a")  # base64 on the wire
    assert coded.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)


# --- completions ---


def test_completions(ai, served):
    raw = ai.completions.with_raw_response.create(model="gpt-plain", prompt=ASK, max_tokens=17)
    assert raw.parse().choices[0].text == HELLO
    assert served.sent() == {"model": "gpt-4.1", "prompt": ASK, "max_tokens": 17}
    check_row(served, raw, "/v1/completions", (9, 12), stream=0)


@pytest.mark.parametrize("usage", [None, True])
def test_streams_of_completions(ai, served, usage):
    more = {"stream_options": {"include_usage": True}} if usage else {}
    raw = ai.completions.with_raw_response.create(model="gpt-pieces", prompt=ASK, stream=True,
                                                  **more)
    chunks = list(raw.parse())
    assert "".join(c.choices[0].text for c in chunks if c.choices) == TEXT
    assert any(not c.choices for c in chunks) is bool(usage)
    check_row(served, raw, "/v1/completions", (9, 12), stream=1)


# --- responses ---


def test_responses(ai, served):
    more = {"instructions": "Be brief.", "reasoning": {"effort": "low"}}
    raw = ai.responses.with_raw_response.create(model="gpt-plain", input=ASK, **more)
    got = raw.parse()
    assert (got.object, got.status, got.output_text) == ("response", "completed", HELLO)
    assert served.sent() == {"model": "gpt-4.1", "input": ASK, **more}
    check_row(served, raw, "/v1/responses", (9, 12), stream=0)


def test_streams_of_responses(ai, served):
    raw = ai.responses.with_raw_response.create(model="gpt-pieces", input=ASK, stream=True)
    events = list(raw.parse())
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == TEXT
    assert events[0].type == "response.created" and events[-1].type == "response.completed"
    assert "stream_options" not in served.sent()
    check_row(served, raw, "/v1/responses", (9, 12), stream=1)


def test_the_helper_for_streams_of_responses(ai):
    with ai.responses.stream(model="gpt-pieces", input=ASK) as stream:
        for _ in stream:
            pass
        assert stream.get_final_response().output_text == TEXT


def test_parse_responses(ai):
    got = ai.responses.parse(model="gpt-json", input=ASK, text_format=Place)
    assert got.output_parsed == Place(city="text", days=1)


def test_members_of_responses_arrive_unchanged(ai, served):
    more = {"tools": [{"type": "web_search"}], "store": False,
            "include": ["reasoning.encrypted_content"],
            "previous_response_id": "resp_1", "max_output_tokens": 17}
    question = [{"role": "user", "content": [{"type": "input_text", "text": ASK}]}]
    ai.responses.create(model="gpt-plain", input=question, **more, extra_body={"zeta": 1.50})
    assert served.sent() == {"model": "gpt-4.1", "input": question, **more, "zeta": 1.50}


# --- what is wrong ---


def calls(ai, model, **more):
    return {
        "embeddings": lambda: ai.embeddings.create(model=model, input="a"),
        "completions": lambda: ai.completions.create(model=model, prompt="a", **more),
        "responses": lambda: ai.responses.create(model=model, input="a", **more),
    }


OPERATIONS = ["embeddings", "completions", "responses"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("model, error, status", [
    ("nobody", openai.NotFoundError, 404), ("gpt-400", openai.BadRequestError, 400),
    ("gpt-404", openai.NotFoundError, 404), ("gpt-422", openai.UnprocessableEntityError, 422),
])
def test_errors(ai, operation, model, error, status):
    with pytest.raises(error) as caught:
        calls(ai, model)[operation]()
    assert caught.value.status_code == status and caught.value.request_id
    assert caught.value.body["message"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_providers_that_lack_it(ai, served, operation):
    served.become_quiet()
    with pytest.raises(openai.NotFoundError) as caught:
        calls(ai, "claude-plain")[operation]()
    assert caught.value.code == "model_not_found" and served.stats()["requests"] == 0


@pytest.mark.parametrize("kind", ["breaks", "ends-early"])
@pytest.mark.parametrize("operation", ["completions", "responses"])
def test_streams_that_break(ai, served, operation, kind):
    events = []
    with pytest.raises(openai.APIError) as caught:
        for event in calls(ai, f"gpt-{kind}", stream=True)[operation]():
            events.append(event)
    assert caught.value.code == "upstream_stream_interrupted" and events


@pytest.mark.parametrize("kind", ["breaks", "ends-early", "fails"])
def test_the_last_event_of_a_stream_of_responses_that_breaks(ai, kind):
    raw = ai.responses.with_raw_response.create(model=f"gpt-{kind}", input=ASK, stream=True)
    frames = [frame.split("\n") for frame in raw.http_response.read().decode().split("\n\n") if frame]
    events = [json.loads(data.removeprefix("data: ")) for _, data in frames]
    error = events[-1]["error"]
    assert frames[-1][0] == "event: error"
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert "response.output_text.delta" in [e["type"] for e in events]
    assert error["code"] == "upstream_stream_interrupted" and error["type"] == "upstream_error"
    # what the reference describes stands beside what the SDK raises
    told = ResponseErrorEvent.model_validate(events[-1], strict=True)
    assert (told.message, told.code, told.param) == (error["message"], error["code"], None)


def test_the_helper_raises_when_a_stream_breaks(ai):
    with ai.responses.stream(model="gpt-breaks", input=ASK) as stream:
        with pytest.raises(openai.APIError) as caught:
            stream.until_done()
    assert caught.value.code == "upstream_stream_interrupted"


@pytest.mark.parametrize("operation", ["completions", "responses"])
def test_closing_a_stream(ai, served, operation):
    served.become_quiet()
    with calls(ai, "gpt-endless", stream=True)[operation]() as stream:
        for _ in zip(range(9), stream):
            pass
    served.assert_closed()
