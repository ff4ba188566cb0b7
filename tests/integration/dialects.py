"""A gateway with a provider of each dialect, both the mock, and the official SDKs of both."""

import json
import urllib.parse

import anthropic
import openai
import pydantic
from gateway import ADMIN_KEY, LIMIT, Gateway, wait_for

HELLO = "Hello! This is courier's mock provider, at your service."
TEXT = "abcdefghijklmnopqrstuvwxyz"
ASK = [{"role": "user", "content": "Say hello – 你好 👋"}]
PNG = "iVBORw0KGgo="
PDF = "JVBERi0xLjQK"
URL = "https://example.org/cat.png"
ARGUMENTS = {"city": "Zürich \"HB\" 苏黎世 👋\n", "days": 3, "deep": [{"a": None}, 1.5e3]}
THOUGHT, SIGNATURE = "Let me think.", "c2lnbmVkIGJ5IHRoZSBtb2Nr"
SEALED = "aGlkZGVuIGJ5IHRoZSBtb2Nr"
SCHEMA = {"type": "object", "required": ["city", "days"],
          "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
          "additionalProperties": False}

# Each is there twice: `claude-NAME` at the provider of Anthropic's dialect, `gpt-NAME` at the one
# of OpenAI's. What stands behind is the mock's to do.
KINDS = {
    "plain": "",
    "pieces": "chunks=13&text=" + TEXT,
    "held": "chunks=26&stall_after=3&text=" + TEXT,
    "endless": "chunks=100000&chunk_delay=20ms",
    "late": "head_delay=60s",
    "tool": "tools=1",
    "tools": "tools=2&text=now",
    "given": "tools=1&chunks=7&arguments=" + urllib.parse.quote(json.dumps(ARGUMENTS)),
    "bare": "tools=1&arguments=%7B%7D",
    "json": "json=1",
    "echo": "echo=1&chunks=40",
    "thinks": "thinking=1",
    "thinks-then-calls": "thinking=1&tools=1",
    "cached": "prompt_tokens=100&cached_tokens=64&completion_tokens=7",
    "silent-about-usage": "no_usage=1&text=" + TEXT,
    "crlf": "crlf=1&comments=1&split=1&text=" + TEXT,
    **{f"{status}{how}": f"status={status}&retry_after={7 if status == 429 else 0}&chunks={n}"
       for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 503, 529)
       for n, how in enumerate(("", "-streamed"), 1)},  # two targets: one that failed rests
    "breaks": "chunks=26&cut_after=3&text=" + TEXT,
    "ends-early": "chunks=26&no_done=1&no_finish=1&text=" + TEXT,
    "fails": "chunks=26&error_after=3&text=" + TEXT,
    "fails-first": "error_after=0",
}

# The models whose name changes what is asked of them.
OTHERS = {
    "claude-adaptive": "claude-opus-4-8",
    "claude-old": "claude-3-haiku-20240307",
    "claude-redacts": "claude-sonnet-4-5?thinking=1&redacted=1",
    "claude-writes-cache":
        "claude-sonnet-4-5?prompt_tokens=7&cached_tokens=5&cache_written_tokens=3",
    "claude-stops-at": "claude-sonnet-4-5?stop=stop_sequence",
    "claude-max_tokens": "claude-sonnet-4-5?stop=max_tokens",
    "claude-refusal": "claude-sonnet-4-5?stop=refusal",
    "claude-pause_turn": "claude-sonnet-4-5?stop=pause_turn",
    "gpt-reasons": "gpt-5",
    "gpt-length": "gpt-4.1?stop=length",
    "gpt-content_filter": "gpt-4.1?stop=content_filter",
    "gpt-overlong": "gpt-4.1?status=400&code=context_length_exceeded",
}


def upstream(base, keys):
    return f"{base}?{keys}" if keys else base


def models():
    """Entries of the configuration."""
    made = {}
    for name, keys in KINDS.items():
        made[f"claude-{name}"] = upstream("claude-sonnet-4-5", keys)
        made[f"gpt-{name}"] = upstream("gpt-4.1", keys)
    made.update(OTHERS)
    return [{"name": name, "provider": name.split("-")[0], "upstream_model": keys, "retries": 0}
            for name, keys in made.items()]


class Served:
    """A gateway before the mock, and clients of it."""

    def __init__(self, mock, folder):
        self.mock = mock
        self.gateway = Gateway(
            [{"name": "claude", "type": "anthropic", "base_url": f"http://127.0.0.1:{mock.port}",
              "api_key": "claude-key"},
             {"name": "gpt", "type": "openai", "base_url": mock.url, "api_key": "gpt-key"}],
            models(), folder)

    def openai(self, **options):
        return openai.OpenAI(**self.openai_options(options))

    def async_openai(self, **options):
        return openai.AsyncOpenAI(**self.openai_options(options))

    def openai_options(self, options):
        return {"api_key": ADMIN_KEY, "base_url": f"{self.gateway.url}/v1", "max_retries": 0,
                "timeout": LIMIT, **options}

    def anthropic(self, **options):
        return anthropic.Anthropic(**self.anthropic_options(options))

    def async_anthropic(self, **options):
        return anthropic.AsyncAnthropic(**self.anthropic_options(options))

    def anthropic_options(self, options):
        return {"api_key": ADMIN_KEY, "base_url": self.gateway.url, "max_retries": 0,
                "timeout": LIMIT, **options}

    def stats(self):
        return self.mock.stats()

    def sent(self):
        """What the provider was asked last."""
        return json.loads(self.mock.last())

    def row(self, answered):
        """The row of a raw answer of either SDK."""
        return self.gateway.row(answered.headers["x-request-id"])

    def become_quiet(self):
        wait_for(lambda: self.stats()["running"] == 0)
        self.mock.reset()

    def assert_closed(self):
        """The provider has seen its peer leave, long before a clock would have ended it."""
        wait_for(lambda: (stats := self.stats())["gone"] and stats["running"] == 0, 20)


class Place(pydantic.BaseModel):
    city: str
    days: int
