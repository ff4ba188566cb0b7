"""The gateway under test: a real process with a configuration, a data folder and a log of its own."""

import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import threading
import time

import database
from client import Raw, request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("COURIER_BIN", str(ROOT / "build" / "courier"))
ADMIN_KEY = "sk-cr-test-admin-key-0000000000000000000000000000"
LIMIT = 60.0  # seconds that a test waits at most for what must come; it measures nothing
READY = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


def wait_for(what, seconds=LIMIT, step=0.01, told=lambda: ""):
    """Waits until what() is truthy and returns it; told() says how far it came."""
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got:
            return got
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}: {told()}")
        time.sleep(step)


class Process:
    """A child that says where it listens; its output is kept."""

    def __init__(self, args, env=None):
        self.output = []
        self.port = None
        self._ready = threading.Event()
        self.child = subprocess.Popen(
            args,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.child.stdout:
            self.output.append(line)
            found = READY.search(line)
            if found and self.port is None:
                self.port = int(found.group(1))
                self._ready.set()
        self._ready.set()

    def wait_ready(self, seconds=LIMIT):
        assert self._ready.wait(seconds), "not ready in time:\n" + self.text()
        assert self.port, f"ended with {self.child.poll()}:\n" + self.text()
        return self

    def text(self):
        return "".join(self.output)

    def signal(self, number):
        self.child.send_signal(number)

    def wait(self, seconds=LIMIT):
        code = self.child.wait(seconds)
        self._reader.join(LIMIT)
        return code

    def stop(self):
        """A clean end: exit code 0, nothing that a sanitizer found."""
        if self.child.poll() is None:
            self.signal(signal.SIGTERM)
        code = self.wait()
        self.assert_sane()
        assert code == 0, f"exit {code}:\n" + self.text()

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
        self.wait()

    def assert_sane(self):
        """Nothing that a sanitizer found in what was printed."""
        for word in ("Sanitizer", "runtime error:"):
            assert word not in self.text(), self.text()


class Gateway(Process):
    """courier serve. providers and models are lists of dicts as in the configuration file."""

    def __init__(self, providers=(), models=(), folder=None, env=None, **settings):
        self._temp = None if folder else tempfile.TemporaryDirectory(prefix="courier-")
        self.folder = pathlib.Path(folder or self._temp.name)
        self.config = self.folder / "courier.yaml"
        self.settings = {
            "listen": "127.0.0.1:0",
            "workers": 2,
            "store": f"sqlite:{self.folder}/courier.db",
            "data": str(self.folder / "data"),
            "admin_key": ADMIN_KEY,
            **settings,
        }
        self.settings = {name: value for name, value in self.settings.items() if value is not None}
        if not self.settings["store"].startswith("sqlite:"):
            self.settings.setdefault("journal", {"folder": f"{self.folder}/journal"})
        self.write(providers, models)
        super().__init__([BINARY, "serve", "--config", str(self.config)], env)
        self.wait_ready()
        self.url = f"http://127.0.0.1:{self.port}"

    def write(self, providers, models):
        """JSON is YAML. In one step: the gateway may be reading."""
        fresh = self.config.with_suffix(".new")
        fresh.write_text(
            json.dumps(
                {**self.settings, "providers": list(providers), "models": list(models)}, indent=1
            )
        )
        fresh.replace(self.config)

    def command(self, *args, check=True):
        done = subprocess.run(
            [BINARY, *args, "--config", str(self.config)], capture_output=True, text=True,
            timeout=LIMIT,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    def create_key(self, *args, user="tester"):
        key = self.command("key", "create", "--user", user, *args).stdout.strip().splitlines()[-1]
        key = re.search(r"sk-cr-\S+", key).group(0)
        return key

    def rows(self, where="1 = 1", **values):
        """Rows of usage_logs as dicts, oldest first."""
        return database.rows(self.settings["store"], f"select * from usage_logs where {where} "
                                                     "order by created_at, id", **values)

    def row(self, request_id):
        """The one row of that request, once the ledger has written it."""
        rows = wait_for(lambda: self.rows("request_id = :r", r=request_id))
        assert len(rows) == 1, rows
        return rows[0]

    def log_lines(self):
        lines = []
        for line in "".join(self.output).splitlines():
            if line.startswith("{"):
                lines.append(json.loads(line))
        return lines

    def wait_log(self, message, times=1):
        """The line of that message, once it was logged so often."""
        def found():
            lines = [line for line in self.log_lines() if line["message"] == message]
            return lines[times - 1] if len(lines) >= times else None

        return wait_for(found)

    def close(self):
        """Ends what still runs in good order: leaks are told at the end only."""
        try:
            if self.child.poll() is None:
                self.stop()
            self.assert_sane()
        finally:
            self.kill()
            if self._temp:
                self._temp.cleanup()


class Mock(Process):
    """courier mock."""

    def __init__(self, *args):
        super().__init__([BINARY, "mock", "--listen", "127.0.0.1:0", *args])
        self.wait_ready()
        self.url = f"http://127.0.0.1:{self.port}/v1"

    def at(self, path, method="GET"):
        client = Raw(self.port)
        body = client.send(request(b"", "any", path=path, method=method)).answer()[2]
        client.close()
        return body

    def stats(self):
        return json.loads(self.at("/mock/stats"))

    def last(self):
        """The body that it was asked last."""
        return self.at("/mock/last-request")

    def last_head(self):
        return self.at("/mock/last-request/head").decode().lower()

    def reset(self):
        self.at("/mock/reset", "POST")
