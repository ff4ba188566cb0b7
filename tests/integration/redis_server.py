"""A redis-server of a test's own: a free port, an empty folder, nothing kept.

COURIER_TEST_REDIS_SERVER names another program that is one (tests/versions).
"""

import os
import pathlib
import random
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.parse

from gateway import wait_for

PROGRAM = "COURIER_TEST_REDIS_SERVER"


def free_port():
    """Below those that the kernel gives to connections: nobody takes it while the server restarts."""
    while True:
        port = random.SystemRandom().randrange(18000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class RedisError(Exception):
    pass


class RedisServer:
    def __init__(self, *options, password=None):
        self._temp = tempfile.TemporaryDirectory(prefix="courier-redis-")
        self.folder = pathlib.Path(self._temp.name)
        self.port = free_port()
        self.password = password
        self.options = options
        self.child = None
        self._stopped = False
        self.start()

    @property
    def url(self):
        who = f":{urllib.parse.quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{who}127.0.0.1:{self.port}/0"

    def start(self, wait=True):
        self.child = subprocess.Popen(
            [os.environ.get(PROGRAM, "redis-server"), "--port", str(self.port),
             "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.folder),
             "--logfile", "redis.log", "--requirepass", self.password or "", *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if wait:
            wait_for(self.answers)

    def is_loading(self):
        try:
            self.ask("PING")
        except RedisError as error:
            return "LOADING" in str(error)
        except OSError:
            pass
        return False

    def answers(self):
        assert self.child.poll() is None, (self.folder / "redis.log").read_text()
        try:
            return self.ask("PING") == b"PONG"
        except (OSError, RedisError):
            return False

    def connect(self):
        return RedisConnection(self)

    def ask(self, *words):
        """One command on a connection of its own."""
        connection = self.connect()
        try:
            return connection.ask(*words)
        finally:
            connection.close()

    def keys(self):
        """Every key and what it holds, time to live left out."""
        found = {}
        for key in self.ask("KEYS", "*"):
            read = {b"hash": ["HGETALL", key], b"zset": ["ZRANGE", key, 0, -1, "WITHSCORES"],
                    b"string": ["GET", key]}
            found[key] = self.ask(*read[self.ask("TYPE", key)])
        return found

    def leases(self):
        """How many places of keys are taken."""
        return sum(self.ask("ZCARD", key) for key in self.ask("KEYS", "courier:{k*}:leases")
                   if b"{k0}" not in key)

    def pause(self):
        """Keeps its connections and says nothing."""
        self.child.send_signal(signal.SIGSTOP)
        self._stopped = True

    def go_on(self):
        self.child.send_signal(signal.SIGCONT)
        self._stopped = False

    def kill(self):
        self.child.kill()
        self.child.wait()

    def close(self):
        self.kill()
        self._temp.cleanup()


class RedisConnection:
    """Just enough RESP2."""

    def __init__(self, server):
        self.sock = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        self.file = self.sock.makefile("rb")
        self.lock = threading.Lock()
        if server.password:
            self.ask("AUTH", server.password)

    def ask(self, *words):
        text = b"*%d\r\n" % len(words)
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            text += b"$%d\r\n%s\r\n" % (len(word), word)
        with self.lock:
            self.sock.sendall(text)
            return self._read()

    def _read(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis hung up")
        kind, text = line[:1], line[1:-2]
        if kind == b"+":
            return text
        if kind == b"-":
            raise RedisError(text.decode())
        if kind == b":":
            return int(text)
        if kind == b"*":
            return [self._read() for _ in range(int(text))]
        if text == b"-1":
            return None
        return self.file.read(int(text) + 2)[:-2]

    def close(self):
        self.file.close()
        self.sock.close()
