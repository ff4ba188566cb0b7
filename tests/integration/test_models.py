"""What clients are told of models, in the shape that their own SDK reads, and what the facts that a
configuration gives of a model are good for."""

import datetime
import json
import signal

import anthropic
import httpx
import openai
import pytest
from gateway import ADMIN_KEY, LIMIT, Gateway, wait_for

ASK = [{"role": "user", "content": "Hi"}]
VERSION = {"anthropic-version": "2023-06-01"}

MODELS = [
    {"name": "known", "provider": "claude", "upstream_model": "claude-sonnet-4-5",
     "max_tokens": 12345, "context_window": 200_000, "modalities": ["text", "image", "file"]},
    {"name": "more-than-known", "provider": "claude", "upstream_model": "claude-3-haiku-20240307",
     "max_tokens": 9000},
    {"name": "new", "provider": "claude", "upstream_model": "claude-opus-9"},
    {"name": "org/un-known", "provider": "gpt", "upstream_model": "mock"},
    {"name": "shared", "provider": "claude", "max_tokens": 777,
     "targets": [{"upstream_model": "claude-sonnet-4-5"}, {"upstream_model": "claude-haiku-4-5"}]},
]
NAMES = ["known", "more-than-known", "new", "org/un-known", "shared"]


@pytest.fixture(scope="module")
def gateway(mock, tmp_path_factory):
    made = Gateway(
        [{"name": "claude", "type": "anthropic", "base_url": f"http://127.0.0.1:{mock.port}",
          "api_key": "claude-key"},
         {"name": "gpt", "type": "openai", "base_url": mock.url, "api_key": "gpt-key"}],
        MODELS, tmp_path_factory.mktemp("models"))
    yield made
    made.stop()


def of_openai(gateway, key=ADMIN_KEY):
    return openai.OpenAI(api_key=key, base_url=f"{gateway.url}/v1", max_retries=0, timeout=LIMIT)


def of_anthropic(gateway, key=ADMIN_KEY):
    return anthropic.Anthropic(api_key=key, base_url=gateway.url, max_retries=0, timeout=LIMIT)


def get(gateway, path, key=ADMIN_KEY, **headers):
    return httpx.get(gateway.url + path, headers={"authorization": f"Bearer {key}", **headers},
                     timeout=LIMIT, verify=False)


def sent(mock):
    """What the provider was asked last."""
    return json.loads(mock.last())


@pytest.fixture(scope="module")
def narrow(gateway):
    """A key that may use two of the models."""
    key = gateway.create_key("--models", "new,known")
    wait_for(lambda: get(gateway, "/v1/models", key).status_code == 200)
    return key


def test_the_openai_sdk_lists_models(gateway):
    with of_openai(gateway) as ai:
        listed = ai.models.list()
    assert listed.object == "list"
    assert [m.id for m in listed] == NAMES
    for m in listed:
        assert m.object == "model"
        assert m.owned_by == ("gpt" if m.id == "org/un-known" else "claude")
        assert m.created > 1_700_000_000


def test_what_is_known_is_told_and_nothing_else(gateway):
    with of_openai(gateway) as ai:
        known, bare = ai.models.retrieve("known"), ai.models.retrieve("org/un-known")
    assert known.model_extra == {"context_window": 200_000, "max_tokens": 12345,
                                 "modalities": ["text", "image", "file"]}
    assert bare.model_extra == {}
    assert bare.id == "org/un-known"


def test_the_anthropic_sdk_lists_models(gateway):
    with of_anthropic(gateway) as ai:
        page = ai.models.list()
        assert [m.id for m in ai.models.list(limit=2)] == NAMES  # all the pages there are
    assert [m.id for m in page.data] == NAMES
    assert (page.has_more, page.first_id, page.last_id) == (False, NAMES[0], NAMES[-1])
    for m in page.data:
        assert (m.type, m.display_name, m.lifecycle) == ("model", m.id, "active")
        assert datetime.datetime.now(datetime.timezone.utc) >= m.created_at
        assert m.created_at.year > 2023


def test_the_anthropic_sdk_turns_the_pages(mock, tmp_path):
    names = [f"m-{n:02}" for n in range(50)]
    gateway = Gateway([{"name": "gpt", "type": "openai", "base_url": mock.url}],
                      [{"name": name, "provider": "gpt"} for name in names], tmp_path)
    try:
        with of_anthropic(gateway) as ai:
            pages = list(ai.models.list().iter_pages())
            assert [len(p.data) for p in pages] == [20, 20, 10]
            assert [p.has_more for p in pages] == [True, True, False]
            for limit in (1, 7, 50, 1000):
                assert [m.id for m in ai.models.list(limit=limit)] == names
            assert [m.id for m in ai.beta.models.list(limit=30)] == names  # with ?beta=true
            assert [m.id for m in ai.models.list(after_id="m-41", limit=5)] == names[42:]
            back = list(ai.models.list(before_id="m-30", limit=13).iter_pages())
            assert [[m.id for m in p.data] for p in back] == [names[17:30], names[4:17], names[:4]]
            with pytest.raises(anthropic.BadRequestError) as got:
                ai.models.list(limit=1001)
            assert "1 to 1000" in got.value.message
        with of_openai(gateway) as ai:
            assert [m.id for m in ai.models.list()] == names  # one page
    finally:
        gateway.close()


def test_the_anthropic_sdk_retrieves_models(gateway):
    with of_anthropic(gateway) as ai:
        known, bare = ai.models.retrieve("known"), ai.models.retrieve("org/un-known")
    assert (known.id, known.max_input_tokens, known.max_tokens) == ("known", 200_000, 12345)
    assert (bare.id, bare.max_input_tokens, bare.max_tokens) == ("org/un-known", None, None)


def test_a_model_that_is_not_there(gateway):
    with of_openai(gateway) as ai, pytest.raises(openai.NotFoundError) as got:
        ai.models.retrieve("nobody")
    assert got.value.code == "model_not_found"
    with of_anthropic(gateway) as ai, pytest.raises(anthropic.NotFoundError) as got:
        ai.models.retrieve("nobody")
    assert got.value.body["type"] == "error"
    assert got.value.body["error"]["type"] == "not_found_error"


def test_a_key_sees_what_it_may_use(gateway, narrow):
    with of_openai(gateway, narrow) as ai:
        assert [m.id for m in ai.models.list()] == ["known", "new"]
        with pytest.raises(openai.NotFoundError):
            ai.models.retrieve("shared")
    with of_anthropic(gateway, narrow) as ai:
        page = ai.models.list()
        assert [m.id for m in page.data] == ["known", "new"]
        assert (page.first_id, page.last_id) == ("known", "new")
        with pytest.raises(anthropic.NotFoundError):
            ai.models.retrieve("shared")


def test_a_key_that_may_use_nothing_that_is_there(gateway):
    key = gateway.create_key("--models", "gone")
    wait_for(lambda: get(gateway, "/v1/models", key).status_code == 200)
    assert get(gateway, "/v1/models", key).json() == {"object": "list", "data": []}
    assert get(gateway, "/v1/models", key, **VERSION).json() == {
        "data": [], "has_more": False, "first_id": None, "last_id": None}


def test_no_key_is_told_in_the_clients_dialect(gateway):
    plain = get(gateway, "/v1/models", "sk-cr-nobody")
    assert (plain.status_code, plain.json()["error"]["code"]) == (401, "invalid_api_key")
    other = get(gateway, "/v1/models", "sk-cr-nobody", **VERSION)
    assert (other.status_code, other.json()["error"]["type"]) == (401, "authentication_error")


@pytest.mark.parametrize("model, given, wanted", [
    ("known", {}, 12345),
    ("known", {"max_tokens": 5}, 5),
    ("known", {"max_completion_tokens": 100_000}, 64_000),  # what is known of the model
    ("more-than-known", {}, 9000),
    ("more-than-known", {"max_tokens": 8500}, 8500),
    ("more-than-known", {"max_tokens": 10_000}, 9000),
    ("new", {}, 32_000),
    ("new", {"max_tokens": 500_000}, 500_000),
    ("shared", {}, 777),
])
def test_the_limit_that_a_provider_insists_on(gateway, mock, model, given, wanted):
    with of_openai(gateway) as ai:
        ai.chat.completions.create(model=model, messages=ASK, **given)
    assert sent(mock)["max_tokens"] == wanted


def test_a_new_model_takes_no_sampling(gateway, mock):
    with of_openai(gateway) as ai:
        ai.chat.completions.create(model="new", messages=ASK, temperature=0.5, top_p=0.9)
    assert not {"temperature", "top_p", "top_k"} & sent(mock).keys()


def test_facts_change_with_a_reload(mock, tmp_path):
    providers = [{"name": "gpt", "type": "openai", "base_url": mock.url}]
    entry = {"name": "m", "provider": "gpt"}
    gateway = Gateway(providers, [entry], tmp_path)
    try:
        assert "context_window" not in get(gateway, "/v1/models/m").json()
        gateway.write(providers, [{**entry, "context_window": 8192, "modalities": ["audio"]}])
        gateway.signal(signal.SIGHUP)
        told = wait_for(lambda: (m := get(gateway, "/v1/models/m").json()).get("context_window")
                        and m)
        assert (told["context_window"], told["modalities"]) == (8192, ["audio"])
    finally:
        gateway.close()
