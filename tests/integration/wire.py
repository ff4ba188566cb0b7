"""A TCP wire between a gateway and its database that can be cut, or fall silent."""

import select
import socket
import threading


class Wire:
    def __init__(self, port):
        self.target = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.silent = self.over = False
        self.pairs = {}
        self.lock = threading.Lock()
        self.bell, self.ring = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _accept(self):
        client, _ = self.listener.accept()
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        self.pairs[client], self.pairs[server] = server, client

    def _drop(self, one):
        other = self.pairs.pop(one, None)
        if other:
            self.pairs.pop(other, None)
            other.close()
        one.close()

    def _pass_on(self, one):
        other = self.pairs.get(one)
        if other is None:
            return
        try:
            data = one.recv(65536)
            if data:
                other.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._drop(one)

    def _run(self):
        while not self.over:
            with self.lock:
                watched = [self.bell] if self.silent else [self.bell, self.listener, *self.pairs]
            for one in select.select(watched, [], [])[0]:
                with self.lock:
                    if one is self.bell:
                        self.bell.recv(64)
                    elif one is self.listener:
                        self._accept()
                    else:
                        self._pass_on(one)

    def _tell(self):
        self.ring.send(b".")

    def fall_silent(self):
        """Nothing passes, and nobody is told: as when a cable is pulled."""
        self.silent = True
        self._tell()

    def speak(self):
        """What was said meanwhile is lost with its connections; new ones pass."""
        with self.lock:
            for one in list(self.pairs):
                self._drop(one)
            self.silent = False
        self._tell()

    def close(self):
        self.over = True
        self._tell()
        self.thread.join()
        self.listener.close()
        for one in list(self.pairs):
            self._drop(one)
