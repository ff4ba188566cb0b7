"""Stored prompts: what is kept with store_prompts, what is not, who reads it, and how it ends."""

import datetime
import json
import signal

import pytest

import database
from admin import Admin, refused
from client import Raw, chat, request
from conftest import BOTH_STORES
from gateway import ADMIN_KEY, wait_for
from provider import DONE, FINISH, answer, answer_once, chunk_event, stream_once

pytestmark = BOTH_STORES

MAIL, PHONE, CARD = "wei.zhang@example.com", "13800138000", "4111111111111111"


def prompts(made, where="1 = 1", **values):
    return database.rows(made.settings["store"], f"select * from prompt_logs where {where} "
                                                 "order by created_at, id", **values)


def stored(made, request_id):
    """The one row of that request, once it was written."""
    rows = wait_for(lambda: prompts(made, "request_id = :r", r=request_id))
    assert len(rows) == 1, rows
    return rows[0]


def ask(made, request_id, text="hello", stream=False, key=ADMIN_KEY, model="m", **more):
    body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
    if stream:
        body["stream"] = True
    client = Raw(made.port)
    client.send(request(json.dumps(body).encode(), key, extra=f"x-request-id: {request_id}\r\n"))
    got = client.answer()
    client.sock.close()
    return got


def ready(made):
    wait_for(lambda: ask(made, "warm-up")[0] == 200)
    return made


def test_nothing_is_stored_by_default(gateway, provide):
    made = ready(gateway(provide(answer_once())))
    assert ask(made, "one")[0] == 200
    made.row("one")
    assert prompts(made) == []


def test_full_is_what_was_sent(gateway, provide):
    made = ready(gateway(provide(answer_once(answer(f"write to {MAIL}"))), store_prompts="full"))
    assert ask(made, "one", f"call {PHONE}")[0] == 200
    row, usage = stored(made, "one"), made.row("one")
    for column in ("id", "created_at", "user_id", "key_id", "endpoint", "status"):
        assert row[column] == usage[column], column
    assert (row["mode"], row["model"], row["cut"]) == ("full", "m", None)
    assert json.loads(row["request"])["messages"][0]["content"] == f"call {PHONE}"
    assert json.loads(row["answer"])["choices"][0]["message"]["content"] == f"write to {MAIL}"


def test_redacted_has_nothing_of_a_person(gateway, provide):
    said = f"card {CARD}, or {MAIL}"
    made = ready(gateway(provide(answer_once(answer(said))), store_prompts="redacted",
                         redact={"patterns": ["project-[a-z]+", "x{3}"]}))
    picture = "data:image/png;base64," + "iVBORw0KGgo" * 200
    assert ask(made, "one", f"ring {PHONE} about project-falcon", user=MAIL,
               extra_text="k\u00fcche", image={"url": picture})[0] == 200
    row = stored(made, "one")
    request_json, answer_json = json.loads(row["request"]), json.loads(row["answer"])
    assert request_json["messages"][0]["content"] == "ring [PHONE] about [REDACTED]"
    assert request_json["user"] == "[EMAIL]" and request_json["image"]["url"] == "[BINARY]"
    assert request_json["extra_text"] == "k\u00fcche"
    assert answer_json["choices"][0]["message"]["content"] == "card [BANK_CARD], or [EMAIL]"
    assert row["mode"] == "redacted"


def test_a_number_in_pieces_of_a_stream_is_found(gateway, provide):
    events = [chunk_event(json.dumps({"content": piece})) for piece in
              ("ring 138", "00", "138000, ple", "ase: wei.zha", "ng@example.com")]
    made = gateway(provide(stream_once(*events, FINISH, DONE)), store_prompts="redacted")
    wait_for(lambda: ask(made, "warm-up", stream=True)[0] == 200)
    assert ask(made, "one", stream=True)[0] == 200
    said = json.loads(stored(made, "one")["answer"])["stream"]
    assert {"at": "choices.0.delta.content", "text": "ring [PHONE], please: [EMAIL]"} in said


def test_a_stream_in_full_is_as_it_was_sent(gateway, provide):
    made = gateway(provide(stream_once(chunk_event('{"content":"hello"}'), FINISH, DONE)),
                   store_prompts="full")
    wait_for(lambda: ask(made, "warm-up", stream=True)[0] == 200)
    status, _, body = ask(made, "one", stream=True)
    assert stored(made, "one")["answer"].encode() == body


def test_a_client_that_leaves_has_what_it_was_sent(gateway, provide):
    def script(connection):
        while connection.read_request():
            connection.stream_head()
            connection.chunk(chunk_event('{"content":"hello"}'))
            connection.wait_closed()
            return

    made = gateway(provide(script), store_prompts="redacted")
    body = json.dumps({"model": "m", "stream": True,
                       "messages": [{"role": "user", "content": "hi"}]}).encode()

    def begin():
        client = Raw(made.port)
        client.send(request(body, ADMIN_KEY, extra="x-request-id: gone\r\n"))
        if client.read_head()[0] != 200:
            return None
        client.read_chunks(b"\n\n")
        return client

    wait_for(begin).sock.close()
    row = stored(made, "gone")
    assert row["status"] == "client_closed"
    assert "hello" in row["answer"]


def test_only_calls_of_models(gateway, provide):
    made = ready(gateway(provide(answer_once()), store_prompts="full"))
    assert ask(made, "absent", model="absent")[0] == 404
    assert ask(made, "nobody", key="sk-cr-nobody")[0] == 401
    admin = Admin(made)
    admin.get("/users")
    assert ask(made, "one")[0] == 200
    stored(made, "one")
    assert {row["request_id"] for row in prompts(made)} <= {"one", "warm-up"}


def test_what_is_longer_is_cut_and_says_so(gateway, provide):
    made = ready(gateway(provide(answer_once(answer("y" * 3000))), store_prompts="redacted",
                         prompts={"size": "2KB"}))
    text = "x" * 1000 + f" {MAIL}" * 200
    assert ask(made, "one", text)[0] == 200
    row = stored(made, "one")
    assert row["cut"] == "both"
    assert len(row["request"]) <= 2048 and len(row["answer"]) <= 2048
    assert "wei" not in row["request"] and "x" * 1000 + " [EMAIL]" in row["request"]


def test_it_is_switched_while_it_runs(gateway, provide):
    made = ready(gateway(provide(answer_once())))
    entries = json.loads(made.config.read_text())
    made.settings["store_prompts"] = "full"
    made.write(entries["providers"], entries["models"])
    made.signal(signal.SIGHUP)
    made.wait_log("reloaded")
    assert ask(made, "one")[0] == 200
    assert stored(made, "one")["mode"] == "full"


def test_reading_them_is_told(gateway, provide):
    made = ready(gateway(provide(answer_once()), store_prompts="full"))
    for number in range(5):
        assert ask(made, f"call-{number}", f"text {number}")[0] == 200
        stored(made, f"call-{number}")
    admin = Admin(made)
    rows = [row for row in admin.all("/prompts", limit=2) if row["request_id"] != "warm-up"]
    assert [row["request_id"] for row in rows] == [f"call-{n}" for n in (4, 3, 2, 1, 0)]
    assert json.loads(rows[0]["request"])["messages"][0]["content"] == "text 4"
    one = admin.get("/prompts?request_id=call-2&model=m").json["data"]
    assert [row["request_id"] for row in one] == ["call-2"]
    assert admin.get("/prompts?to=2020-01-01T00:00:00Z").json["data"] == []
    told = admin.get("/audit?action=read&object_type=prompt").json["data"]
    assert told[0]["after"] == {"rows": 0, "to": "2020-01-01T00:00:00Z"}
    assert told[1]["after"] == {"rows": 1, "model": "m", "request_id": "call-2"}
    assert len(told) >= 5 and all(row["key_id"] == told[0]["key_id"] for row in told)
    refused(admin.get("/prompts?limit=21"), 400, "invalid_value", "limit")
    ann = Admin(made, made.create_key(user="ann"))
    wait_for(lambda: ann.get("/prompts").status != 401)
    refused(ann.get("/prompts"), 403, "admin_only")


def test_they_end(gateway, provide, store_kind):
    """Whole days go, also when nothing is stored any more."""
    made = ready(gateway(provide(answer_once()), store_prompts="full",
                         prompts={"retention": "2d"}))
    assert ask(made, "fresh")[0] == 200
    fresh = stored(made, "fresh")
    old = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=4)
    values = dict(fresh, request_id="old", request="kept-too-long",
                  created_at=old.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                  id="%08x-%04x-7000-8000-000000000000" % divmod(int(old.timestamp() * 1000), 1 << 16))
    entries = json.loads(made.config.read_text())
    made.stop()
    database.insert(made.settings["store"], "prompt_logs", values,
                    before="select prompt_logs_make_day(date '%s')" % old.date())
    assert prompts(made, "request_id = 'old'")
    again = gateway(providers=entries["providers"], models=entries["models"], folder=made.folder,
                    store=made.settings["store"], prompts={"retention": "2d"})
    wait_for(lambda: not prompts(again, "request_id = 'old'"))
    assert prompts(again, "request_id = 'fresh'")
    again.stop()
    if store_kind == "sqlite":
        for file in made.folder.glob("courier.db*"):
            if file.is_file():
                assert b"kept-too-long" not in file.read_bytes(), file


@pytest.mark.parametrize("patterns, why", [(["("], "parenthesis"), (["a*"], "empty text"),
                                           ("single", None), ([""], "empty")])
def test_a_faulty_pattern_is_named(gateway, provide, patterns, why):
    made = gateway(provide(answer_once()))
    config = json.loads(made.config.read_text())
    config["redact"] = {"patterns": ["good", *patterns] if isinstance(patterns, list) else patterns}
    made.config.write_text(json.dumps(config, indent=1))
    done = made.command("check", check=False)
    if why is None:
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode == 1 and why in done.stdout and "redact.patterns" in done.stdout


FORGED = [f"{number} {time}" for number in (
    "01020304-0506-7008-8000-000000000009", "ABCDEF00-0506-7008-8000-00000000000F",
    "ffffffff-ffff-ffff-ffff-ffffffffffff", "00000000-0000-0000-0000-000000000000",
    "{1020304-0506-7008-8000-00000000000}", "") for time in (
    "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00+23:59", "0000-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z", "2016-12-31T23:59:60Z", "1901-01-01T00:00:00Z", "infinity", "now",
    "2026-01-31T12:00:00.000Z'", "2026-01-31T12:00:00.000Z  ", "")] + ["x", " ", "7", "-1"]


def test_a_forged_cursor_is_a_place_or_refused(gateway, provide):
    made = ready(gateway(provide(answer_once()), store_prompts="full"))
    admin = Admin(made)
    stored(made, "warm-up")
    for path in ("/logs?", "/logs?status=ok&", "/logs?request_id=warm-up&", "/prompts?",
                 "/prompts?model=m&", "/prompts?request_id=warm-up&"):
        for forged in FORGED:
            got = admin.get(f"{path}cursor={forged.encode().hex()}")
            assert got.status in (200, 400), (path, forged, got.body)
            if got.status == 400:
                assert got.error["param"] == "cursor"
