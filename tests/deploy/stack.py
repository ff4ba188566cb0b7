"""docker-compose.yml as a user runs it, and what is asked of it."""

import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 600
CHAT = "/v1/chat/completions"
COMMIT = "of-the-test"  # one for all builds, so that the second finds the first's layers


def wait_for(what, seconds=LIMIT, step=0.1):
    """Waits until what() is truthy and returns it."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(step)


def docker(*args, check=True, env=None):
    done = subprocess.run(["docker", *map(str, args)], cwd=ROOT, capture_output=True, text=True,
                          timeout=LIMIT, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    if check:
        assert done.returncode == 0, f"docker {' '.join(map(str, args))}:\n{done.stdout}{done.stderr}"
    return done


def inspect(name):
    return json.loads(docker("inspect", name).stdout)[0]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def on_the_page(section):
    """The shell commands of a section of docs/deployment.md, block by block."""
    page = (ROOT / "docs/deployment.md").read_text()
    text = page.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)


def shell(commands, env=None):
    done = subprocess.run(["sh", "-e", "-c", commands], cwd=ROOT, capture_output=True, text=True,
                          timeout=LIMIT, stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
    return done.stdout


class Stack:
    """With a copy of the gateway's configuration, so that a test may change it."""

    def __init__(self, folder):
        self.config = folder / "courier.yaml"
        self.config.write_text((ROOT / "deploy/docker/courier.yaml").read_text())
        override = folder / "override.yml"
        override.write_text(json.dumps({"services": {"courier": {"volumes": [
            f"{self.config}:/etc/courier/courier.yaml:ro"]}}}))
        self.port = free_port()
        self.env = {"COURIER_PORT": f"127.0.0.1:{self.port}", "COURIER_COMMIT": COMMIT,
                    "COMPOSE_FILE": f"{ROOT}/docker-compose.yml:{override}",
                    "COMPOSE_ANSI": "never", "COMPOSE_PROGRESS": "plain"}
        self.key = None

    def compose(self, *args, check=True):
        return docker("compose", *args, check=check, env=self.env)

    def shell(self, commands):
        """As written on the page, but for the port."""
        return shell(commands.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}"), self.env)

    def up(self, *args):
        """Up, and all of it healthy."""
        done = self.compose("up", "--detach", *args, check=False)
        assert done.returncode == 0, done.stdout + done.stderr + self.state()
        wait_for(self.is_healthy)

    def state(self):
        """For the report of a failure."""
        return self.compose("ps", "--all").stdout + self.compose("logs", "--tail", "20").stdout

    def containers(self, service=None):
        """Of the service, or all: names."""
        listed = self.compose("ps", "--all", "--quiet", *([service] if service else [])).stdout
        return [inspect(one)["Name"].lstrip("/") for one in listed.split()]

    def is_healthy(self):
        states = [inspect(name)["State"] for name in self.containers()]
        return all(state["Health"]["Status"] == "healthy" if "Health" in state
                   else state["Status"] == "exited" and state["ExitCode"] == 0 for state in states)

    def logs(self, *services):
        return self.compose("logs", "--no-log-prefix", *services).stdout

    def exec(self, service, *command):
        return self.compose("exec", "-T", service, *command).stdout

    def secret(self, name):
        return self.exec("courier", "cat", f"/run/secrets/{name}").strip()

    # ---- the gateway ----

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LIMIT)

    def ask(self, path, body=None, key=None, method=None, **headers):
        """(status, parsed body)"""
        connection = self.connect()
        connection.request(method or ("GET" if body is None else "POST"), path,
                           None if body is None else json.dumps(body),
                           {"authorization": f"Bearer {key or self.key}",
                            "content-type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else None

    def chat(self, key=None, model="mock", **more):
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
        return self.ask(CHAT, body, key)

    def rows(self, what="count(*)", where="true"):
        """One figure from usage_logs, as text."""
        return self.exec("postgres", "psql", "--username=courier", "--tuples-only", "--no-align",
                         f"--command=select {what} from usage_logs where {where}").strip()

    def answered(self):
        """Which instances have answered a chat, by their logs."""
        return [name for name in self.containers("courier")
                if CHAT in docker("logs", name).stdout + docker("logs", name).stderr]
