"""One run with every kind of secret and with marked prompts and answers; then everything that it left
is searched for all of them: logs, the database, files, metrics, traces, errors, the checked configuration."""

import json
import subprocess

import pytest

import database
import postgres as postgres_server
from admin import Admin
from client import Raw, chat, request
from collector import Collector
from conftest import BOTH_STORES
from gateway import ADMIN_KEY, BINARY, LIMIT, wait_for
from provider import DONE, FINISH, answer, chunk_event

pytestmark = BOTH_STORES

SECRETS = {
    "a provider's key": "sk-upstream-QmFzZTY0S2V5T25l0001",
    "another provider's key": "sk-ant-upstream-QmFzZTY0S2V5VHdv0002",
    "the admin key": ADMIN_KEY,
    "the secret key": "courier-secret-key-which-nobody-may-see-0003",
    "Redis' password": "redis-password-which-nobody-may-see-0004",
    "the collector's header": "otlp-header-which-nobody-may-see-0005",
    "PostgreSQL's password": postgres_server.PASSWORD,
    "the same in a URL": postgres_server.PASSWORD_IN_URL,
}
MARKERS = {name: f"marker-{name}-zq7" for name in (
    "prompt", "system", "tool-description", "tool-arguments", "buffered-answer", "streamed-answer",
    "thought", "provider-error", "prompt-in-vain", "embedding", "message")}
# what redaction must find, and where it stands
PERSONAL = {"mail": "mei.wang-zq7@example.com", "phone": "13912345678", "card": "4539578763621486",
            "key": "sk-proj-Zq7Zq7Zq7Zq7Zq7Zq7Zq7Zq7"}


def provider_script(connection):
    while got := connection.read_request():
        body = json.loads(got.body)
        text = json.dumps(body)
        echo = f"{MARKERS['provider-error']} {got.headers.get('authorization')} {text}"
        model = body["model"]
        if model.startswith("status-"):
            connection.json(json.dumps({"error": {"message": echo, "type": "x", "code": "x"}}),
                            int(model[len("status-"):]))
        elif "embeddings" in got.path:
            connection.json('{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1]}],'
                            '"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}')
        elif model == "broken":
            connection.stream_head()
            connection.chunk(chunk_event(json.dumps({"content": MARKERS["streamed-answer"]})))
            connection.reset()
            return
        elif body.get("stream"):
            connection.stream_head()
            connection.chunk(chunk_event(json.dumps({"reasoning_content": MARKERS["thought"]})))
            said = MARKERS["streamed-answer"] + " " + " ".join(PERSONAL.values())
            for at in range(0, len(said), 5):
                connection.chunk(chunk_event(json.dumps({"content": said[at:at + 5]})))
            arguments = json.dumps({"a": MARKERS["tool-arguments"]})
            connection.chunk(chunk_event(json.dumps({"tool_calls": [
                {"index": 0, "id": "c1", "type": "function",
                 "function": {"name": "f", "arguments": arguments}}]})))
            connection.chunk(FINISH)
            connection.chunk(DONE)
            connection.end_chunks()
        else:
            connection.json(answer(MARKERS["buffered-answer"] + " " + " ".join(PERSONAL.values())))


class Run:
    """A gateway with all of it, and what became visible on the way."""

    def __init__(self, gateway, provide, redis, made, **settings):
        self.collector = Collector()
        made.append(self.collector)
        self.redis = redis(password=SECRETS["Redis' password"])
        provider = provide(provider_script)
        providers = [provider.entry(api_key=SECRETS["a provider's key"]),
                     {"name": "second", "type": "anthropic", "base_url": provider.url,
                      "api_key": SECRETS["another provider's key"]}]
        models = [{"name": name, "provider": "private", "retries": 0}
                  for name in ("m", "broken", "status-400", "status-401", "status-429", "status-500")]
        models.append({"name": "kept", "provider": "private", "upstream_model": "m", "cache": "1h"})
        models.append({"name": "other", "provider": "second"})
        self.gateway = gateway(
            models=models, providers=providers, secret_key=SECRETS["the secret key"],
            limiter=self.redis.url, limiter_timeout="5s", otlp_endpoint=self.collector.url,
            otlp_headers="x-token=" + SECRETS["the collector's header"],
            **{"log": {"level": "debug"}, **settings})
        self.seen = []  # of answers that are errors, and of all heads
        self.errors = []
        self.secrets = dict(SECRETS)
        for name in ("ann", "ben"):
            self.secrets["the key of " + name] = self.gateway.create_key(user=name)
        self.key = self.secrets["the key of ann"]
        wait_for(lambda: self.ask({"model": "m", "messages": []}, "warm-up")[0] != 401)

    def ask(self, body, request_id, key=None, path="/v1/chat/completions", method="POST", extra=""):
        client = Raw(self.gateway.port)
        client.send(request(body, key or self.key, path, method,
                            f"x-request-id: {request_id}\r\n{extra}"))
        status, headers = client.read_head()
        got, _ = client.read_body(headers)
        client.sock.close()
        self.seen.append(json.dumps(headers).encode())
        if status >= 400:
            self.errors.append(got)
        return status, headers, got

    def marked(self, model, **more):
        private = " ".join(PERSONAL.values())
        return {"model": model, "messages": [
            {"role": "system", "content": MARKERS["system"] + " " + private},
            {"role": "user", "content": MARKERS["prompt"] + " " + private}],
            "user": PERSONAL["mail"],
            "tools": [{"type": "function", "function": {
                "name": "f", "description": MARKERS["tool-description"],
                "parameters": {"type": "object"}}}], **more}

    def everything(self):
        """Calls of every kind and end; returns the ids of those that asked a model."""
        ask, chat = self.ask, self.marked
        assert ask(chat("m"), "buffered")[0] == 200
        assert ask(chat("m", stream=True), "streamed")[0] == 200
        assert ask(chat("kept"), "kept-1")[0] == 200
        assert ask(chat("kept"), "kept-2")[0] == 200
        assert ask({"model": "m", "max_tokens": 9, "messages": [
            {"role": "user", "content": MARKERS["message"]}]}, "message", path="/v1/messages")[0] == 200
        assert ask({"model": "m", "input": MARKERS["embedding"]}, "embedded",
                   path="/v1/embeddings")[0] == 200
        ask(chat("broken", stream=True), "broken")
        for status in (400, 401, 429, 500):
            assert ask(chat(f"status-{status}"), f"status-{status}")[0] >= 400
        ask(chat("other"), "other")
        in_vain = {"model": "m", "messages": MARKERS["prompt-in-vain"]}
        ask(in_vain, "in-vain-1")
        ask(json.dumps(in_vain)[:-3], "in-vain-2")
        assert ask(in_vain, "in-vain-3", key="sk-cr-nobody")[0] == 401
        return ["buffered", "streamed", "kept-1", "kept-2", "message", "embedded"]

    def made_up(self):
        """What callers can make up besides prompts."""
        mail = PERSONAL["mail"]
        for value in PERSONAL.values():
            status, headers, _ = self.ask(self.marked("m"), value)
            assert status == 200 and headers["x-request-id"] != value
            assert self.ask({**chat("absent"), "model": value}, "no-model")[0] == 404
            assert self.ask("{}", "no-path", path="/unknown/" + value)[0] == 404
            assert self.ask("", "no-model-2", path="/v1/models/" + value, method="GET")[0] == 404
            assert self.ask("", "nobody", path="/v1/models/" + value, method="GET", key="no")[0] == 401
        assert self.ask("{}", "encoded", path="/unknown/" + mail.replace("@", "%40"))[0] == 404

    def metrics(self):
        return self.ask("", "metrics", key=ADMIN_KEY, path="/metrics", method="GET")[2]

    def finish(self, last):
        """Until everything about that call has gone where it goes; then the end."""
        self.gateway.row(last)
        self.figures = self.metrics()
        wait_for(lambda: any(span.attributes.get("courier.request_id") == last
                             for span in self.collector.spans))
        self.check = self.gateway.command("check", check=False)
        self.gateway.stop()

    def places(self, tables=True):
        """Everything that was left behind: name → bytes."""
        g = self.gateway
        found = {
            "log": g.text().encode(), "metrics": self.figures, "traces": self.collector.text,
            "heads": b"\n".join(self.seen), "check": (self.check.stdout + self.check.stderr).encode(),
        }
        for file in g.folder.rglob("*"):
            if file.is_file() and file != g.config and (
                    tables or not file.name.startswith("courier.db")):
                found[str(file)] = file.read_bytes()
        store = g.settings["store"]
        if store.startswith("postgres") and tables:
            found["pg_dump"] = dump(store)
        return found


def dump(store, *options):
    done = subprocess.run([postgres_server.binary("pg_dump"), "--inserts", *options, store],
                          capture_output=True, timeout=LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_absent(words, places):
    found = [(name, place) for place, content in places.items()
             for name, word in words.items() if word.encode() in content]
    assert not found, found


@pytest.mark.parametrize("form", ["json", "text"])
def test_nothing_is_found_anywhere(gateway, provide, redis, made, form):
    run = Run(gateway, provide, redis, made, log={"level": "debug", "format": form})
    run.everything()
    run.made_up()
    run.ask(run.marked("m"), "the-last")
    run.finish("the-last")
    places = run.places()
    assert b"the-last" in places["log"] and b"the-last" in places["traces"]
    assert_absent(run.secrets, places)
    assert_absent(MARKERS, places)
    assert_absent(PERSONAL, places)
    assert_absent(run.secrets, {str(i): body for i, body in enumerate(run.errors)})
    # what a provider says reaches a caller only when it is about that caller's own request
    refusals = [body for body in run.errors if MARKERS["provider-error"].encode() in body]
    assert len(refusals) == 1 and b"Bearer ****" in refusals[0], refusals


def test_redacted_text_is_only_in_its_table(gateway, provide, redis, made):
    run = Run(gateway, provide, redis, made, store_prompts="redacted")
    asked = run.everything()
    run.made_up()
    run.ask(run.marked("m"), "the-last")
    store = run.gateway.settings["store"]

    def rows():
        return database.rows(store, "select * from prompt_logs")

    wait_for(lambda: {row["request_id"] for row in rows()} >= {*asked, "the-last"})
    run.finish("the-last")
    text = "".join(row["request"] + row["answer"] for row in rows())
    for name in ("prompt", "system", "tool-description", "tool-arguments", "buffered-answer",
                 "streamed-answer", "thought", "embedding", "message"):
        assert MARKERS[name] in text, name
    for name in ("prompt-in-vain", "provider-error"):
        assert MARKERS[name] not in text, name
    everywhere = run.places()
    assert_absent(run.secrets, everywhere)
    assert_absent(PERSONAL, everywhere)
    elsewhere = run.places(tables=False)
    if store.startswith("postgres"):
        elsewhere["pg_dump"] = dump(store, "--exclude-table-data=prompt_logs*")
    else:
        for table in database.rows(store, "select name from sqlite_master where type = 'table' and "
                                          "name not like 'sqlite_%' and name <> 'prompt_logs'"):
            found = database.rows(store, f"select * from {table['name']}")
            elsewhere[table["name"]] = repr(found).encode()
    assert_absent(MARKERS, elsewhere)


def test_a_faulty_configuration_tells_no_secret(tmp_path, store):
    """Every value in its wrong place."""
    config = tmp_path / "courier.yaml"
    words = dict(SECRETS)
    url = "redis://:" + words["Redis' password"] + "@host:notaport/0"
    config.write_text(json.dumps({
        "admin_key": "short", "secret_key": [words["the secret key"]], "limiter": url,
        "store": f"postgres://u:{postgres_server.PASSWORD_IN_URL}@h:notaport/d",
        "otlp_headers": {"x": words["the collector's header"]},
        "providers": [{"name": "p", "type": "openai",
                       "api_key": words["a provider's key"] + " with a space"}],
        "models": [{"name": "m", "provider": "q", "api_key": [words["another provider's key"]]}],
    }, indent=1))
    done = subprocess.run([BINARY, "check", "--config", str(config)], capture_output=True, timeout=LIMIT)
    assert done.returncode == 1
    assert_absent(words, {"check": done.stdout + done.stderr})
