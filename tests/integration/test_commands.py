"""What a person meets in the shell: the first start, the other commands, and faults told well."""

import json
import re
import signal
import socket
import sqlite3
import subprocess

import pytest
from client import Raw, chat, request
from gateway import ADMIN_KEY, BINARY, LIMIT, ROOT, Process, wait_for
from provider import answer_once


def courier(*args, cwd=None, env=None):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=LIMIT, cwd=cwd,
                          env=env)


class Demo(Process):
    """courier serve --demo in a folder."""

    def __init__(self, folder, *args, env=None):
        super().__init__(["sh", "-c", f'cd "{folder}" && exec "{BINARY}" serve --demo --port 0 "$@"',
                          "sh", *args], env)
        self.wait_ready()

    close = Process.kill


KEY = re.compile(r"sk-cr-[A-Za-z0-9_-]{43}")


def curl_line(text):
    """The command that is printed, with its continued lines."""
    return re.search(r"^ *curl (?:.*\\\n)*.*$", text, re.M).group(0)


def test_the_first_start_and_the_second(tmp_path, made):
    first = Demo(tmp_path)
    made.append(first)
    told = first.text()
    key = KEY.search(told).group(0)
    assert told.count("the admin key") == 1
    answered = subprocess.run(["sh", "-c", curl_line(told)], capture_output=True, text=True,
                              timeout=LIMIT)
    assert json.loads(answered.stdout)["choices"][0]["message"]["content"].startswith("Hello!")
    client = Raw(first.port)
    made.append(client)
    client.send(request(chat("mock", stream=True), key))
    assert client.answer()[0] == 200
    first.stop()
    assert key not in "".join(line for line in first.output if line.startswith("{"))

    second = Demo(tmp_path)
    made.append(second)
    assert not KEY.search(second.text())
    line = curl_line(second.text()).replace("YOUR_KEY", key)
    answered = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=LIMIT)
    assert json.loads(answered.stdout)["usage"]["total_tokens"] == 21
    second.stop()


def test_what_the_first_start_leaves_is_private(tmp_path, made):
    demo = Demo(tmp_path)
    made.append(demo)
    demo.stop()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
    left = [path for path in (tmp_path / "data").rglob("*")]
    assert {"courier.db", "courier.db.key"} <= {path.name for path in left}
    for path in left:
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_configured_provider_needs_no_demo(tmp_path, made, provide):
    provider = provide(answer_once())
    (tmp_path / "courier.yaml").write_text(json.dumps(
        {"providers": [provider.entry()], "models": [{"name": "m", "provider": "private"}],
         "workers": 1}))
    demo = Demo(tmp_path, env={"COURIER_ADMIN_KEY": ADMIN_KEY})
    made.append(demo)
    assert "mock" not in demo.text() and not KEY.search(demo.text())
    client = Raw(demo.port)
    made.append(client)
    client.send(request(chat(), ADMIN_KEY))
    assert client.answer()[0] == 200
    demo.stop()


def test_a_configured_key_is_not_made(tmp_path, made):
    demo = Demo(tmp_path, env={"COURIER_ADMIN_KEY": ADMIN_KEY})
    made.append(demo)
    assert "admin key, shown" not in demo.text() and ADMIN_KEY not in demo.text()


def test_a_lost_secret_key_is_told(tmp_path, made):
    demo = Demo(tmp_path)
    made.append(demo)
    demo.stop()
    (tmp_path / "data/courier.db.key").unlink()
    done = courier("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert "courier.db.key" in done.stderr and "secret_key" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(tmp_path, made, number):
    demo = Demo(tmp_path)
    made.append(demo)
    demo.signal(number)
    assert demo.wait() == 0


def test_a_port_in_use(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    port = str(taken.getsockname()[1])
    done = courier("serve", "--port", port, cwd=tmp_path)
    taken.close()
    assert done.returncode == 1
    assert port in done.stderr and "in use" in done.stderr
    assert "Sanitizer" not in done.stderr


def test_a_port_of_another_courier(tmp_path, made):
    demo = Demo(tmp_path)
    made.append(demo)
    other = tmp_path / "other"
    other.mkdir()
    done = courier("serve", "--port", str(demo.port), cwd=other)
    assert done.returncode == 1
    assert str(demo.port) in done.stderr and "in use" in done.stderr


def test_the_key_is_told_though_the_start_fails(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    done = courier("serve", "--port", str(taken.getsockname()[1]), cwd=tmp_path)
    taken.close()
    assert done.returncode == 1
    assert KEY.search(done.stdout)


def test_two_couriers_in_one_folder(tmp_path, made):
    demo = Demo(tmp_path)
    made.append(demo)
    done = courier("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1
    assert "journal" in done.stderr
    key = KEY.search(demo.text()).group(0)
    client = Raw(demo.port)
    made.append(client)
    client.send(request(chat("mock"), key))
    assert client.answer()[0] == 200


FAULTS = """listen: 127.0.0.1:99999
workres: 3
timeouts: {connect: fast}
providers:
  - {name: p, type: nothing}
  - {name: q, type: openai, api_key: "${NOT_SET_AT_ALL}"}
models:
  - {name: m, provider: r}
  - {name: m}
"""


def test_check_tells_every_fault(tmp_path):
    file = tmp_path / "courier.yaml"
    file.write_text(FAULTS)
    done = courier("check", "--config", str(file))
    assert done.returncode == 1
    told = (done.stdout + done.stderr).replace(str(file), "F").splitlines()

    def line(start):
        found = [one for one in told if one.startswith(start)]
        assert found, (start, told)
        return found[0]

    assert "IP:PORT" in line("F:1: listen")
    assert "did you mean workers?" in line("F:2:")
    assert "like 250ms" in line("F:3: timeouts.connect")
    assert "openai_compatible" in line("F:5: providers[0].type")
    assert "NOT_SET_AT_ALL" in line("F:6:")
    assert "r" in line("F:8:")
    assert "F:9:" in line("F:9:")
    serve = courier("serve", "--config", str(file))
    assert serve.returncode == 1 and "courier.yaml:2:" in serve.stdout + serve.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("text, where", [("listen: [", ":2"), ("a: b: c", ":1"), ("- 1", ":1"),
                                         ("listen: 1\nlisten: 2\n", ":2")])
def test_check_of_what_is_no_configuration(tmp_path, text, where):
    file = tmp_path / "courier.yaml"
    file.write_text(text)
    done = courier("check", "--config", str(file))
    assert done.returncode == 1 and str(file) + where in done.stdout + done.stderr


def test_check_of_a_good_file(tmp_path):
    file = tmp_path / "courier.yaml"
    file.write_text("listen: 127.0.0.1:0\n")
    done = courier("check", "--config", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert "OK" in done.stdout
    missing = courier("check", "--config", str(tmp_path / "nothing.yaml"))
    assert missing.returncode == 1 and "nothing.yaml" in missing.stdout + missing.stderr


def test_the_environment_wins(tmp_path):
    file = tmp_path / "courier.yaml"
    file.write_text("workers: 2\n")
    done = subprocess.run([BINARY, "check", "--config", str(file)], capture_output=True, text=True,
                          env={"COURIER_WORKERS": "many"}, timeout=LIMIT)
    assert done.returncode == 1 and "COURIER_WORKERS" in done.stdout + done.stderr


def test_migrate(tmp_path):
    first = courier("migrate", cwd=tmp_path)
    assert first.returncode == 0 and "0001" in first.stdout
    second = courier("migrate", cwd=tmp_path)
    assert second.returncode == 0 and "0001" not in second.stdout


def test_a_store_of_a_newer_courier(tmp_path):
    assert courier("migrate", cwd=tmp_path).returncode == 0
    db = sqlite3.connect(tmp_path / "data/courier.db")
    with db:
        db.execute("insert into schema_migrations values (9999, 'future', '2030-01-01T00:00:00Z')")
    db.close()
    done = courier("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1 and "newer" in done.stderr


def test_a_store_that_is_no_database(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/courier.db").write_bytes(b"this is no database at all" * 400)
    done = courier("serve", "--port", "0", cwd=tmp_path)
    assert done.returncode == 1 and "courier.db" in done.stderr
    assert "Sanitizer" not in done.stderr


def test_version():
    for word in ("version", "--version"):
        done = courier(word)
        assert done.returncode == 0
        assert re.search(r"^courier \d+\.\d+\.\d+", done.stdout)
        assert "libuv" in done.stdout and "OpenSSL" in done.stdout and "SQLite" in done.stdout


COMMANDS = ["serve", "check", "migrate", "key create", "key list", "key revoke", "mock", "settings",
            "metrics-page", "version"]


def test_the_list_of_commands():
    done = courier("--help")
    assert done.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^ *{command} +\S", done.stdout, re.M), command
    assert courier().returncode == 2
    unknown = courier("serv")
    assert unknown.returncode == 2 and "did you mean serve?" in unknown.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    done = courier(*command.split(), "--help")
    assert done.returncode == 0 and done.stderr == ""
    assert f"usage: courier {command}" in done.stdout
    examples = done.stdout[done.stdout.index("examples:"):]
    assert f"courier {command}" in examples


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_that_are_not_there(command):
    done = courier(*command.split(), "--nonsense")
    assert done.returncode == 2 and "--nonsense" in done.stderr and "--help" in done.stderr


@pytest.mark.parametrize("args, told", [
    ("serve --port 65536", '--port must be a number from 0 to 65535, not "65536"'),
    ("completion fish", 'completion is there for bash and zsh, not for "fish"'),
    ("key create", "--user is missing"),
    ("key create --user x --rpm -1", "--rpm is no whole number; allowed: a whole number from 1"),
    ("key create --user x --tpm many", "--tpm is no whole number; allowed: a whole number from 1"),
    ("key create --user x --concurrency 1.5", "--concurrency is no whole number; allowed: a whole number from 1"),
    ("key create --user x --expires soon", "--expires must be a duration"),
    ("key create --user x --expires 0d", "--expires must be a duration"),
    ("key create --user x --expires 2020-01-31T12:00:00Z", "a date to come"),
])
def test_values_that_cannot_be(tmp_path, args, told):
    done = courier(*args.split(), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and told in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_page_of_settings_is_up_to_date():
    done = courier("settings")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "docs/configuration.md").read_text()


def test_the_page_of_metrics_is_up_to_date():
    done = courier("metrics-page")
    assert done.returncode == 0
    assert done.stdout == (ROOT / "docs/metrics.md").read_text()


def test_the_example_is_good():
    text = (ROOT / "courier.example.yaml").read_text()
    env = {name: "x" * 32 for name in re.findall(r"\$\{(\w+)\}", text)}
    done = courier("check", "--config", str(ROOT / "courier.example.yaml"), env=env)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md", "docs/routing.md"])
def test_the_configurations_on_the_pages_are_valid(page, tmp_path):
    pieces = re.findall(r"^```yaml\n(.*?)^```", (ROOT / page).read_text(), re.M | re.S)
    assert pieces
    for text in pieces:
        if "providers:" not in text:  # a piece about models: with what it names
            text += "  - {name: gpt-4o, provider: gpu-1}\nproviders:\n" + "".join(
                f"  - {{name: {name}, type: vllm}}\n" for name in ("gpu-1", "gpu-2"))
        (tmp_path / "courier.yaml").write_text(text)
        done = courier("check", "--config", str(tmp_path / "courier.yaml"),
                       env={"OPENAI_API_KEY": "sk-x", "ANTHROPIC_API_KEY": "sk-x"})
        assert done.returncode == 0, done.stdout + done.stderr


def test_commands_do_not_disturb_a_running_gateway(provide, gateway, connect):
    """SQLite throws the log away when the last process leaves: which the command is not."""
    made = gateway(provide(answer_once()))
    client = connect(made)
    for turn in range(3):
        made.command("key", "list")
        made.command("migrate")
        client.send(request(chat(), ADMIN_KEY, extra=f"x-request-id: turn-{turn}\r\n"))
        assert client.answer()[0] == 200
        made.row(f"turn-{turn}")
    assert (made.folder / "courier.db-wal").exists()
    key = made.create_key()

    def accepted():
        client.send(request(chat(), key))
        return client.answer()[0] == 200

    wait_for(accepted)
