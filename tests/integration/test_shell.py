"""The commands that speak to a running gateway: users, keys, providers, models, usage, logs, prompts."""

import http.server
import json
import os
import re
import shutil
import subprocess
import threading
import urllib.parse

import pytest
from client import chat, request
from gateway import ADMIN_KEY, BINARY, ROOT, wait_for
from provider import answer_once


def shell(url, *args, key=ADMIN_KEY, stdin=""):
    """Runs one command against a gateway; (exit code, standard output, standard error)."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("COURIER_")}
    if url:
        env["COURIER_URL"] = url
    if key:
        env["COURIER_ADMIN_KEY"] = key
    done = subprocess.run([BINARY, *args], input=stdin, env=env, capture_output=True, text=True,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def at(provide, gateway):
    """A gateway and a function that runs a command against it which must succeed."""
    made = gateway(provide(answer_once()))
    url = f"http://127.0.0.1:{made.port}"

    def run(*args, **more):
        code, out, err = shell(url, *args, **more)
        assert code == 0, (args, out, err)
        return out

    run.gateway = made
    run.url = url
    return run


def rows(table):
    """Lines of an aligned table as dictionaries; no cell has two spaces in it."""
    lines = [re.split(r"  +", line.rstrip()) for line in table.splitlines()]
    return [dict(zip(lines[0], line)) for line in lines[1:]]


def test_users(at):
    made = json.loads(at("user", "create", "--name", "王小明", "--json"))
    number = str(made["id"])
    at("user", "create", "--name", "ann")
    table = at("user", "list")
    assert {row["NAME"] for row in rows(table)} >= {"王小明", "ann"}
    # columns stand under each other, wide characters counted as two
    cells = lambda text: sum(2 if ord(c) > 0x2E80 else 1 for c in text)
    status = {cells(line[:line.index("active")]) for line in table.splitlines()[1:]}
    assert status == {cells(table[:table.index("STATUS")])}
    at("user", "update", number, "--status", "disabled")
    assert re.search(r"status +disabled", at("user", "show", number))
    at("user", "delete", number)
    assert json.loads(at("user", "show", number, "--json"))["status"] == "deleted"


def test_a_key_from_making_to_revoking(at, connect):
    client = connect(at.gateway)

    def answers(key):
        client.send(request(chat("m"), key))
        return client.answer()[0]

    key = at("key", "create", "--user", "ann", "--name", "ci", "--rpm", "600").strip()
    assert re.fullmatch(r"sk-cr-[A-Za-z0-9_-]{43}", key)
    wait_for(lambda: answers(key) == 200)
    row, = [row for row in rows(at("key", "list")) if row["NAME"] == "ci"]
    assert row["RPM"] == "600" and row["TPM"] == "-" and row["USER"] == "ann"
    assert key.startswith(row["KEY"])
    number = row["ID"]
    at("key", "update", number, "--rpm", "none", "--tpm", "5000", "--models", "m,n")
    shown = json.loads(at("key", "show", number, "--json"))
    assert (shown["rpm"], shown["tpm"], shown["models"]) == (None, 5000, ["m", "n"])
    fresh = at("key", "rotate", number, "--grace", "0s").strip()
    wait_for(lambda: answers(fresh) == 200 and answers(key) == 401)
    at("key", "revoke", number)
    wait_for(lambda: answers(fresh) == 401)
    # the second key of the same name's user: no second user is made
    at("key", "create", "--user", "ann", "--expires", "30d", "--admin")
    assert len([row for row in rows(at("user", "list")) if row["NAME"] == "ann"]) == 1


def test_providers_and_models(at, connect, tmp_path):
    secret = tmp_path / "key"
    secret.write_text("sk-upstream-very-secret\n")
    base = json.loads(at("provider", "list", "--json"))["data"][0]
    at("provider", "create", "--name", "second", "--type", "openai_compatible", "--base-url",
       base["base_url"], "--api-key-file", str(secret))
    at("provider", "update", "second", "--api-key-file", "-", stdin="sk-upstream-other")
    at("model", "create", "--name", "k", "--provider", "second", "--retries", "0",
       "--timeout", "20s", "--fallback", "m")
    at("model", "create", "--body", "-", stdin=json.dumps({"name": "l", "provider": "second"}))
    row, = [row for row in rows(at("model", "list")) if row["NAME"] == "k"]
    assert row["RETRIES"] == "0" and row["FALLBACK"] == "m"
    client = connect(at.gateway)

    def answers():
        client.send(request(chat("k"), ADMIN_KEY))
        return client.answer()[0]

    wait_for(lambda: answers() == 200)
    code, _, err = shell(at.url, "provider", "delete", "second")
    assert code == 1 and "409" in err and "k" in err
    for model in "kl":
        at("model", "delete", model)
    at("provider", "delete", "second")
    everything = at("provider", "list", "--json") + at("model", "list")
    assert "sk-upstream" not in everything and "second" not in everything


def test_prompts(provide, gateway, connect):
    made = gateway(provide(answer_once()), store_prompts="full")
    client = connect(made)

    def ask(name):
        client.send(request(chat("m"), ADMIN_KEY, extra=f"x-request-id: {name}\r\n"))
        return client.answer()[0] == 200

    def run(*args):
        code, out, err = shell(made.url, "prompts", *args)
        assert code == 0, (args, out, err)
        return out

    wait_for(lambda: ask("first"))
    assert all(ask(f"call/{n}&more?") for n in range(45))
    wait_for(lambda: len(rows(run("list"))) >= 46)  # of three pages
    listed = rows(run("list", "--from", "1h", "--model", "m", "--limit", "21"))
    assert len(listed) == 21 and {row["REQUEST"] for row in listed} <= {
        f"call/{n}&more?" for n in range(45)}
    assert (listed[0]["MODE"], listed[0]["STATUS"]) == ("full", "ok")
    shown = run("show", "call/7&more?")
    assert re.search(r"^request_id +call/7&more\?$", shown, re.M)
    assert re.search(r"^request +\{.*messages", shown, re.M) and re.search(r"^answer +\{", shown, re.M)
    assert len(json.loads(run("show", "call/7&more?", "--json"))["data"]) == 1
    code, out, err = shell(made.url, "prompts", "show", "never")
    assert code == 1 and not out and "never" in err
    assert shell(made.url, "prompts", "list", "--limit", "0")[0] == 2


def test_what_goes_wrong(at):
    for args, code, said in (
        (["user", "show", "999999"], 1, "404"),
        (["user", "create"], 1, "name"),
        (["user", "create", "--nam", "x"], 2, "--name"),
        (["model", "create", "--name", "x", "--provider", "absent"], 1, "absent"),
        (["key", "create", "--user", "x", "--rpm", "many"], 1, "rpm"),
        (["key", "show"], 2, "ID"),
        (["logs", "--limit", "0"], 2, "--limit"),
        (["model", "create", "--body", "/nonexistent"], 1, "/nonexistent"),
    ):
        got, _, err = shell(at.url, *args)
        assert (got, said in err) == (code, True), (args, got, err)
    assert shell("http://127.0.0.1:1", "user", "list")[0] == 3
    assert shell(at.url, "user", "list", key="sk-cr-wrong")[0] == 1
    code, _, err = shell(at.url, "user", "list", key=None)
    assert code == 2 and "COURIER_ADMIN_KEY" in err
    code, _, err = shell(None, "user", "list")
    assert code == 2 and "COURIER_URL" in err
    code, _, err = shell("ftp://x", "user", "list")
    assert code == 2 and "http" in err


class Played(http.server.BaseHTTPRequestHandler):
    """An admin API that answers from a list of pages, and writes down what it was asked."""

    def do_GET(self):
        self.server.asked.append(self.path)
        query = urllib.parse.parse_qs(urllib.parse.urlparse(self.path).query)
        at = int(query.get("cursor", ["0"])[0])
        status, body = self.server.pages[min(at, len(self.server.pages) - 1)]
        body = body.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def play():
    servers = []

    def start(*pages):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Played)
        server.pages, server.asked = pages, []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return server, f"http://127.0.0.1:{server.server_port}/base"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def page(names, cursor):
    return 200, json.dumps({"data": [{"id": i, "name": name} for i, name in enumerate(names)],
                            "next": cursor})


def test_a_page_may_be_short_or_empty(play):
    server, url = play(page(["a"], "1"), page([], "2"), page(["b"], "3"), page(["c"], None))
    code, out, err = shell(url, "logs", "--limit", "2", "--json")
    assert code == 0, err
    assert len(server.asked) == 3 and "limit=2" in server.asked[0] and "limit=1" in server.asked[2]
    assert [row["name"] for line in out.splitlines() for row in json.loads(line)["data"]] == ["a", "b"]
    _, url = play(page([], "1"), page(["found"], None))
    code, out, err = shell(url, "prompts", "show", "one")
    assert code == 0 and "found" in out, err
    _, url = play(page([], "1"), page([], None))
    code, out, err = shell(url, "prompts", "show", "one")
    assert (code, out) == (1, "") and "there is nothing of one" in err


def test_lists_go_on_to_their_end(play):
    server, url = play(page(["a", "b"], "1"), page(["c"], "2"), page([], None))
    code, out, err = shell(url, "user", "list", "--name", "x y&z")
    assert code == 0, err
    assert [row["NAME"] for row in rows(out)] == ["a", "b", "c"]
    assert len(server.asked) == 3
    assert server.asked[0].startswith("/base/admin/v1/users?name=x%20y%26z&limit=")
    assert "cursor=2" in server.asked[2]


def test_nothing_moves_the_cursor(play):
    server, url = play(page(["\x1b[2Jevil\r\n", "tab\there"], None))
    code, out, _ = shell(url, "user", "list")
    assert code == 0 and "\x1b" not in out and "\r" not in out and "?[2Jevil??" in out
    # U+009B begins a sequence too; in a text, in a list, in a member of an object, in what is told
    evil = "a\x9b31mb\u202e"
    object_ = json.dumps({"name": evil, "models": [evil, [evil]], "limits": {evil: {"rpm": 1}}},
                         ensure_ascii=False)
    for answer, *words in ((page([evil], None), "user", "list"), ((200, object_), "user", "show", "1"),
                           ((409, json.dumps({"error": {"message": evil + "\x1b[2J", "param": evil}})),
                            "user", "show", "1")):
        _, url = play(answer)
        _, out, err = shell(url, *words)
        assert "31mb" in out + err
        assert not any(c < " " and c != "\n" or "\x7f" <= c < "\xa0" or c == "\u202e"
                       for c in out + err), (words, out, err)


def test_a_list_that_nobody_reads_ends(play):
    _, url = play(page(["a" * 500] * 500, "0"))  # goes on for ever
    done = subprocess.run(["sh", "-c", '"$0" user list | head -n 1', BINARY], capture_output=True,
                          env={**os.environ, "COURIER_URL": url, "COURIER_ADMIN_KEY": ADMIN_KEY},
                          timeout=60)
    assert done.stdout.split() == [b"ID", b"NAME", b"STATUS", b"CREATED"]


def test_a_user_without_a_name_is_nobody(play):
    server, url = play(page(["somebody"], None))
    code, _, err = shell(url, "key", "create", "--user", "")
    assert code == 2 and "--user" in err and not server.asked


@pytest.mark.parametrize("status, body", [
    (200, "<html>"), (502, "<html>"), (200, "[]"), (200, '{"data":3}'), (500, ""),
    (403, '{"error":{"message":"no","code":"admin_only","param":null}}'),
])
def test_what_is_no_courier(play, status, body):
    _, url = play((status, body))
    code, out, err = shell(url, "user", "list")
    assert code == 1 and not out and err.startswith("courier: ")


# --- completion


def complete_in_bash(*words):
    script = subprocess.run([BINARY, "completion", "bash"], capture_output=True, text=True).stdout
    listed = " ".join(f"'{word}'" for word in (BINARY, *words))
    script += f"\nCOMP_WORDS=({listed}); COMP_CWORD={len(words)}; _courier; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.stdout.split()


def complete_in_zsh(*words):
    script = subprocess.run([BINARY, "completion", "zsh"], capture_output=True, text=True).stdout
    listed = " ".join(f"'{word}'" for word in (BINARY, *words))
    script += ('\ncompadd() { shift; for w in "$@"; do [[ $w == ${words[CURRENT]}* ]] && echo $w; done }'
               f"\nwords=({listed}); CURRENT={len(words) + 1}; _courier; true")
    done = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, timeout=60)
    assert not done.stderr, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("complete", [complete_in_bash, complete_in_zsh])
def test_completion(complete):
    if complete is complete_in_zsh:
        assert shutil.which("zsh"), "tools/packages test installs zsh"
    assert {"serve", "key", "user", "model", "provider", "usage", "logs", "prompts"} <= set(
        complete(""))
    assert complete("prompts", "") == ["list", "show"]
    assert complete("k") == ["key"]
    assert {"create", "list", "revoke", "rotate"} <= set(complete("key", ""))
    assert complete("key", "ro") == ["rotate"]
    assert {"--rpm", "--name", "--help"} <= set(complete("key", "update", "--"))
    assert complete("model", "create", "--upstream") == ["--upstream-model"]
    assert complete("nonsense", "") == []


def test_every_command_has_help_with_examples():
    usage = subprocess.run([BINARY, "help"], capture_output=True, text=True).stdout
    names = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  ", usage, re.M)
    assert len(names) > 25
    for name in names:
        done = subprocess.run([BINARY, *name.split(), "--help"], capture_output=True, text=True)
        assert done.returncode == 0 and f"courier {name}" in done.stdout, name
        assert "examples:" in done.stdout, name
