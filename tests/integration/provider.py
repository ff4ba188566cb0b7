"""A provider that does exactly what a test says, byte by byte, and keeps what it was sent."""

import json
import socket
import ssl
import struct
import threading
import time


class Connection:
    """One connection from the gateway, in the hands of a test's script."""

    def __init__(self, sock, provider):
        self.sock = sock
        self.provider = provider
        self.buffer = b""
        self.busy = False  # between a request and the end of what the script does about it

    def read_request(self):
        """Head and body of the next request as bytes; None at the end."""
        self.busy = False
        while b"\r\n\r\n" not in self.buffer:
            got = self.sock.recv(65536)
            if not got:
                return None
            self.buffer += got
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.strip().lower() == b"content-length":
                length = int(value)
        while len(rest) < length:
            got = self.sock.recv(1 << 20)
            if not got:
                return None
            rest += got
        self.buffer = rest[length:]
        request = Request(head, rest[:length])
        self.busy = True
        self.provider.requests.append(request)
        return request

    def send(self, data):
        self.sock.sendall(data)

    def json(self, body, status=200, extra=b""):
        if isinstance(body, str):
            body = body.encode()
        self.send(
            b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\ncontent-length: %d\r\n%s\r\n%s"
            % (status, len(body), extra, body)
        )

    def stream_head(self, extra=b""):
        self.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
            b"transfer-encoding: chunked\r\n%s\r\n" % extra
        )

    def chunk(self, data):
        if isinstance(data, str):
            data = data.encode()
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_chunks(self):
        self.send(b"0\r\n\r\n")

    def reset(self):
        """RST instead of FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def wait_closed(self, seconds=60):
        """True when the gateway closes (or resets) the connection in time."""
        self.sock.settimeout(seconds)
        try:
            return self.sock.recv(1) == b""
        except ConnectionError:
            return True
        except (socket.timeout, TimeoutError):
            return False


class Request:
    def __init__(self, head, body):
        lines = head.split(b"\r\n")
        self.method, self.path, _ = lines[0].decode().split(" ")
        self.headers = {}
        for line in lines[1:]:
            name, _, value = line.decode("latin-1").partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self.body = body
        self.at = time.monotonic()

    @property
    def model(self):
        return json.loads(self.body)["model"]


class Provider:
    """Runs script(connection) in a thread for each connection."""

    def __init__(self, script, tls=None):
        self.script = script
        self.tls = tls
        self.requests = []
        self.connections = []
        self.failures = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = None
        try:
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            connection = Connection(sock, self)
            self.connections.append(connection)
            self.script(connection)
        except (ConnectionError, ssl.SSLError, OSError):
            pass
        except BaseException as failure:  # told by the test that owns the provider
            self.failures.append(failure)
        finally:
            if connection:
                connection.busy = False
                connection.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._listener.close()
        for connection in self.connections:
            connection.close()
        assert not self.failures, self.failures

    def busy(self):
        """How many connections have a request that the script is not done with."""
        return sum(connection.busy for connection in self.connections)

    def entry(self, name="private", **more):
        """For the configuration."""
        return {"name": name, "type": "openai_compatible", "base_url": self.url, **more}


def answer(text="hello", usage=True, model="upstream-model"):
    """A buffered answer as bytes."""
    used = (
        ',"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,'
        '"prompt_tokens_details":{"cached_tokens":4},'
        '"completion_tokens_details":{"reasoning_tokens":3}}'
        if usage
        else ""
    )
    return (
        '{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"%s",'
        '"choices":[{"index":0,"message":{"role":"assistant","content":"%s"},'
        '"finish_reason":"stop"}]%s}' % (model, text, used)
    ).encode()


def chunk_event(delta, finish="null", usage=""):
    return (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m",'
        '"choices":[{"index":0,"delta":%s,"finish_reason":%s}]%s}\n\n' % (delta, finish, usage)
    ).encode()


ROLE = chunk_event('{"role":"assistant","content":""}')
HELLO = chunk_event('{"content":"hello"}')
WORLD = chunk_event('{"content":" world"}')
FINISH = chunk_event("{}", '"stop"')
USAGE = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    b'"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}\n\n'
)
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"x","type":"server_error","code":null}}\n\n'


def answer_once(body=None, status=200, extra=b""):
    """A script: answers every request with the same bytes."""

    def script(connection):
        while connection.read_request():
            connection.json(answer() if body is None else body, status, extra)

    return script


def stream_once(*events, end=True):
    """A script: streams these events to every request."""

    def script(connection):
        while connection.read_request():
            connection.stream_head()
            for event in events:
                connection.chunk(event)
            if end:
                connection.end_chunks()
            else:
                connection.close()
                return

    return script
