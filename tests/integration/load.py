"""Clients that ask one thing after the other, and know what became of each."""

import collections
import sqlite3
import threading
import time

from client import Raw, chat, request
from gateway import ADMIN_KEY, LIMIT, wait_for
from provider import DONE, FINISH, HELLO, ROLE, USAGE, answer


def either(connection):
    """Answers and streams, as asked."""
    while got := connection.read_request():
        if b'"stream": true' in got.body:
            connection.stream_head()
            connection.chunk(ROLE + HELLO + FINISH + USAGE + DONE)
            connection.end_chunks()
        else:
            connection.json(answer())


def locked(made):
    """Another process that has the SQLite database for itself."""
    db = sqlite3.connect(f"{made.folder}/courier.db", isolation_level=None, timeout=LIMIT)
    db.execute("begin exclusive")
    return db


def unlock(holder):
    holder.execute("rollback")
    holder.close()


class Load:
    """They run until told to stop. mortal: the gateway may die and come back; what breaks off then is
    `broken` and not a failure. rate: requests a second of all together; else as fast as they can."""

    def __init__(self, gateway, clients=6, key=ADMIN_KEY, prefix="load", mortal=False, rate=None):
        self.gateway, self.key, self.prefix, self.mortal = gateway, key, prefix, mortal
        self.pause = clients / rate if rate else 0
        self.took = []  # (when it was sent, seconds)
        self.statuses = {}  # request id → status
        self.refusals = {}  # what was answered instead
        self.broken = set()
        self.failures = []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def _connect(self):
        while True:
            try:
                return Raw(self.gateway.port)
            except OSError:
                if not self.mortal or self.stopped.is_set():
                    raise
                time.sleep(0.005)

    def _ask(self, client, name, stream):
        begun = time.monotonic()
        client.send(request(chat(stream=stream), self.key, extra=f"x-request-id: {name}\r\n"))
        status, _, body = client.answer()
        self.took.append((begun, time.monotonic() - begun))
        self.statuses[name] = status
        if status != 200:
            self.refusals[name] = body

    def _run(self, number):
        client, count, due = None, 0, time.monotonic()
        while not self.stopped.wait(max(0, due - time.monotonic())):
            due = max(due, time.monotonic() - 1) + self.pause
            name = f"{self.prefix}-{number}-{count}"
            count += 1
            try:
                client = client or self._connect()
                self._ask(client, name, count % 2 == 0)
            except Exception as failure:
                if not self.mortal:
                    self.failures.append(failure)  # told by stop()
                    return
                self.broken.add(name)
                client = client and client.close()
        if client:
            client.close()

    def wait_for(self, n):
        """Until n more were answered."""
        before = len(self.statuses)
        wait_for(lambda: self.failures or len(self.statuses) >= before + n)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join(LIMIT)
        assert not self.failures, self.failures
        return collections.Counter(self.statuses.values())

    def stop_served(self):
        """Stops; every request was answered."""
        assert self.stop() == {200: len(self.statuses)}, self.refusals

    def served(self):
        return {name for name, status in self.statuses.items() if status == 200}

    def wait_for_rows(self):
        """The rows, once those of all served requests are there; none is there twice."""
        served = self.served()

        def all_there():
            found = self.gateway.rows(f"request_id like '{self.prefix}-%'")
            return len(found) >= len(served) and served <= {row["request_id"] for row in found} and found

        rows = wait_for(all_there, step=0.05)
        names = [row["request_id"] for row in rows]
        assert len(names) == len(set(names))
        assert set(names) <= served | self.broken
        return rows

    def assert_rows(self):
        """Each request has its one row."""
        rows = {row["request_id"]: row["http_status"] for row in self.wait_for_rows()}
        assert {name: rows[name] for name in rows if name not in self.broken} == self.statuses
