"""rescue: a stream that broke off goes on with another answer, when that begins with what was sent."""

import json

import pytest
from client import chat, request
from faults import Acting, status
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import DONE, ERROR, FINISH, ROLE, USAGE, chunk_event

TOOL = chunk_event('{"tool_calls":[{"index":0,"id":"c","type":"function","function":'
                   '{"name":"f","arguments":"{"}}]}')


def pieces(*texts):
    return [chunk_event(json.dumps({"content": text})) for text in texts]


def says(*events, end=True):
    """Streams these; then ends well, closes, or stays silent (None)."""

    def do(connection, streamed):
        connection.stream_head()
        for event in events:
            connection.chunk(event)
        if end:
            connection.end_chunks()
        elif end is None:
            connection.wait_closed(LIMIT)
        return not end

    return do


def whole(*texts):
    return says(ROLE, *pieces(*texts), FINISH, USAGE, DONE)


@pytest.fixture
def chain(provide, gateway):
    """chain(first, second, …): m and its fallbacks f1, f2, …"""

    def make(*does, **settings):
        providers = [provide(Acting(do)) for do in does]
        names = ["m"] + [f"f{i}" for i in range(1, len(does))]
        made = gateway(providers=[p.entry("at-" + name) for p, name in zip(providers, names)],
                       models=[{"name": "m", "provider": "at-m", "rescue": "verified",
                                "fallback": names[1:]}] +
                              [{"name": name, "provider": "at-" + name} for name in names[1:]],
                       workers=1, **settings)
        return made, providers

    return make


class Seen:
    """What a client makes of a stream."""

    def __init__(self, body):
        self.frames = [frame for frame in body.split(b"\n\n") if frame]
        self.done = self.frames[-1] == b"data: [DONE]"
        self.objects = [json.loads(frame.removeprefix(b"data: "))
                        for frame in self.frames if frame != b"data: [DONE]"]
        deltas = [choice["delta"] for object_ in self.objects
                  for choice in object_.get("choices", ())]
        self.text = "".join(delta.get("content") or "" for delta in deltas)
        self.roles = sum("role" in delta for delta in deltas)
        self.error = self.objects[-1].get("error")


def ask(client, name="r"):
    client.send(request(chat(stream=True), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
    code, headers, body = client.answer()
    assert code == 200
    return Seen(body)


def assert_broken(made, seen, text):
    assert (seen.text, seen.done) == (text, False)
    assert seen.error["code"] == "upstream_stream_interrupted"
    row = made.row("r")
    assert (row["status"], row["usage_source"]) == ("interrupted", "partial")


SENT = pieces("hello", " world")


@pytest.mark.parametrize("second", [
    ("hello", " world", " and", " more"),
    ("hel", "lo wor", "ld and", " more"),  # in the middle of a piece
    ("hello world and more",),
    ("hello wor", "ld", " and more"),
    tuple("hello world and more"),
    ("", "hello", "", " world", " and more"),
])
@pytest.mark.parametrize("broken", [
    says(ROLE, *SENT, end=False), says(ROLE, *SENT), says(ROLE, *SENT, ERROR),
    says(ROLE, *SENT, b'data: {"choices":[{"de'), says(ROLE, *SENT, end=None),
], ids=["cut", "ended", "error", "half", "stall"])
def test_it_goes_on(chain, connect, broken, second):
    made, providers = chain(broken, whole(*second), timeouts={"idle": "1s"})
    seen = ask(connect(made))
    assert (seen.text, seen.done, seen.roles) == ("hello world and more", True, 1)
    assert [len(p.requests) for p in providers] == [1, 1]
    row = made.row("r")
    assert (row["status"], row["error_code"] or "", row["attempts"]) == ("ok", "", 2)
    assert (row["served_model"], row["fallback_used"]) == ("f1", 1)
    # one answer was delivered, and it is the second's
    assert (row["usage_source"], row["completion_tokens"]) == ("provider", 10)
    line = wait_for(lambda: [x for x in made.log_lines() if x.get("request_id") == "r"])[0]
    assert line["tried"].endswith(",f1:200")


def test_the_same_answer_to_its_end(chain, connect):
    made, _ = chain(says(ROLE, *SENT, end=False), whole("hello", " world"))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world", True)
    assert made.row("r")["status"] == "ok"


def test_text_is_compared_and_not_its_spelling(chain, connect):
    one = chunk_event('{"content":"a\\u00e9\\"\\n\\ud83d\\ude00b"}')
    other = chunk_event('{"content":"aé\\u0022\\u000a😀bc"}')
    made, _ = chain(says(ROLE, one, end=False), says(ROLE, other, FINISH, DONE))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ('aé"\n😀bc', True)


@pytest.mark.parametrize("second", [
    ("hello there",), ("Hello world and more",), ("hello", " worse"), (" hello world and more",),
    ("hello",), (), ("hello worl",),
])
def test_another_answer_is_not_glued_to_it(chain, connect, second):
    made, providers = chain(says(ROLE, *SENT, end=False), whole(*second))
    assert_broken(made, ask(connect(made)), "hello world")
    assert [len(p.requests) for p in providers] == [1, 1]
    wait_for(lambda: all(p.busy() == 0 for p in providers))


def test_tool_calls_are_not_rescued(chain, connect):
    made, providers = chain(says(ROLE, TOOL, end=False), says(ROLE, TOOL, FINISH, DONE))
    seen = ask(connect(made))
    assert seen.error["code"] == "upstream_stream_interrupted" and not seen.done
    assert len(providers[1].requests) == 0


def of_choice(index, text):
    return chunk_event(json.dumps({"content": text})).replace(b'"index":0', b'"index":%d' % index)


@pytest.mark.parametrize("other", [
    TOOL, chunk_event('{"content":"x","tool_calls":[{"index":0,"function":{"arguments":"1"}}]}'),
    chunk_event('{"reasoning_content":"hm"}'), chunk_event('{"refusal":"no"}'), of_choice(1, "b"),
], ids=["tool", "both", "reasoning", "refusal", "choice"])
def test_nor_is_text_with_anything_else(chain, connect, other):
    made, providers = chain(says(ROLE, *SENT, other, end=False),
                            says(ROLE, *SENT, other, *pieces(" and more"), FINISH, DONE))
    seen = ask(connect(made))
    assert seen.error["code"] == "upstream_stream_interrupted" and not seen.done
    assert len(providers[1].requests) == 0


def test_choices_are_not_mixed_up(chain, connect):
    """The same letters in the same order, and yet they belong to others."""
    made, _ = chain(says(ROLE, of_choice(0, "aa"), of_choice(1, "b"), end=False),
                    says(ROLE, of_choice(0, "a"), of_choice(1, "ab"), of_choice(1, "c"), FINISH, DONE))
    seen = ask(connect(made))
    assert not seen.done and seen.error


def test_the_last_piece_may_carry_the_end(chain, connect):
    last = chunk_event('{"content":" world"}', '"stop"')
    made, _ = chain(says(ROLE, *SENT, end=False), says(ROLE, SENT[0], last, USAGE, DONE))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world", True)
    assert [c["finish_reason"] for o in seen.objects for c in o["choices"]][-1] == "stop"


def test_a_split_piece_with_its_end(chain, connect):
    last = chunk_event('{"content":"lo world and more"}', '"stop"')
    made, _ = chain(says(ROLE, *SENT, end=False), says(ROLE, *pieces("hel"), last, USAGE, DONE))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world and more", True)


def test_the_role_comes_once_also_with_the_text(chain, connect):
    first = chunk_event('{"role":"assistant","content":"hello"}')
    made, _ = chain(says(first, *pieces(" world"), end=False),
                    says(first, *pieces(" world", " and more"), FINISH, DONE))
    seen = ask(connect(made))
    assert (seen.text, seen.done, seen.roles) == ("hello world and more", True, 1)


def test_probabilities_of_a_piece_are_not_split(chain, connect):
    """They belong to the whole piece: whoever asked for them would get some twice."""
    def with_probabilities(text):
        return pieces(text)[0].replace(b'"finish_reason"', b'"logprobs":{"content":[{"token":"%s",'
                                       b'"logprob":-1}]},"finish_reason"' % text.encode())

    made, _ = chain(says(ROLE, with_probabilities("hello"), end=False),
                    says(ROLE, with_probabilities("hello world"), FINISH, DONE))
    seen = ask(connect(made))
    tokens = [t["token"] for o in seen.objects for c in o.get("choices", ())
              for t in (c.get("logprobs") or {}).get("content", ())]
    assert tokens in (["hello"], ["hello", " world"])


def test_a_tool_call_instead_of_the_text(chain, connect):
    made, _ = chain(says(ROLE, *SENT, end=False), says(ROLE, TOOL, FINISH, DONE))
    assert_broken(made, ask(connect(made)), "hello world")


def test_the_rescue_may_fail_before_its_content(chain, connect):
    made, providers = chain(says(ROLE, *SENT, end=False), status(529),
                            whole("hello world", " and more"))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world and more", True)
    assert made.row("r")["served_model"] == "f2"


def test_a_rescue_that_is_cut_too(chain, connect):
    made, providers = chain(says(ROLE, *SENT, end=False),
                            says(ROLE, *pieces("hello", " world", " and"), end=False),
                            whole("hello world and more"))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world and more", True)
    assert [len(p.requests) for p in providers] == [1, 1, 1]
    row = made.row("r")
    assert (row["attempts"], row["usage_source"], row["completion_tokens"]) == (3, "provider", 10)


def test_a_rescue_that_is_cut_while_behind(chain, connect):
    """What was verified in vain counts for nothing."""
    made, _ = chain(says(ROLE, *SENT, end=False), says(ROLE, *pieces("hel"), end=False),
                    whole("hello world and more"))
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world and more", True)


def test_all_of_them_cut(chain, connect):
    made, _ = chain(*[says(ROLE, *SENT, end=False)] * 3)
    assert_broken(made, ask(connect(made)), "hello world")
    assert made.row("r")["completion_tokens"] == 2  # of the one answer that the client has


def test_without_another_target(chain, connect):
    made, providers = chain(says(ROLE, *SENT, end=False))
    assert_broken(made, ask(connect(made)), "hello world")
    assert len(providers[0].requests) == 1


def test_another_target_of_the_same_model(provide, gateway, connect):
    """The case it is made for: one model on two hosts."""
    left = [says(ROLE, *SENT, end=False), whole("hello world and more")]

    def script(connection):
        connection.read_request()
        left.pop(0)(connection, True)

    one, two = provide(script), provide(script)
    made = gateway(providers=[one.entry("one"), two.entry("two")],
                   models=[{"name": "m", "rescue": "verified",
                            "targets": [{"provider": "one"}, {"provider": "two"}]}], workers=1)
    seen = ask(connect(made))
    assert (seen.text, seen.done) == ("hello world and more", True)
    assert (len(one.requests), len(two.requests)) == (1, 1)
    row = made.row("r")
    assert (row["fallback_used"], row["attempts"], row["served_model"]) == (0, 2, "m")


def test_only_where_it_is_asked_for(provide, gateway, connect):
    bad, well = provide(Acting(says(ROLE, *SENT, end=False))), provide(Acting(whole("hello world!")))
    made = gateway(providers=[bad.entry("bad"), well.entry("well")],
                   models=[{"name": "m", "provider": "bad", "fallback": ["n"]},
                           {"name": "n", "provider": "well"}])
    assert_broken(made, ask(connect(made)), "hello world")
    assert not well.requests


def test_before_content_it_is_a_common_fallback(chain, connect):
    made, _ = chain(says(ROLE, end=False), whole("anything"))
    assert ask(connect(made)).text == "anything"


def test_cut_at_every_byte(chain, connect):
    """Wherever the first breaks off: the whole text, once."""
    text = b"".join([ROLE, *pieces("hello", " wor", "ld")])
    cuts = iter(range(0, len(text), 3))

    def broken(connection, streamed):
        connection.stream_head()
        at = next(cuts)
        if at:
            connection.chunk(text[:at])
        connection.close()
        return True

    made, _ = chain(broken, whole("he", "llo world", " and more"))
    # each is another target, so that no circuit opens: one bad provider, asked for as many models
    models = [{"name": f"m{i}", "provider": "at-m", "upstream_model": f"u{i}", "retries": 0,
               "rescue": "verified", "fallback": ["f1"]} for i in range(0, len(text), 3)]
    models.append({"name": "f1", "provider": "at-f1"})
    config = json.loads(made.config.read_text())
    made.write(config["providers"], models)
    made.signal(1)
    client = connect(made)

    def known():
        """The settings are said to be reloaded before the workers have the models."""
        client.send(request(b"", ADMIN_KEY, path="/v1/models/m0", method="GET"))
        return client.answer()[0] == 200

    wait_for(known)
    for model in models[:-1]:
        client.send(request(chat(model["name"], stream=True), ADMIN_KEY))
        code, _, body = client.answer()
        seen = Seen(body)
        assert (code, seen.text, seen.done) == (200, "hello world and more", True), model
