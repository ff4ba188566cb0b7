"""Many clients and a provider that behave as badly as they can, at random, from one seed."""

import asyncio
import json
import random
import socket
import struct

from client import chat, request
from provider import DONE, FINISH, HELLO, ROLE, USAGE, WORLD, answer, chunk_event


def reset(writer):
    """RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    if sock is not None and sock.fileno() >= 0:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def leave(writer, rng):
    if rng.random() < 0.5:
        reset(writer)
    else:
        writer.close()


class Dead(Exception):
    """The peer's part in this connection is over."""


class BadProvider:
    """Answers each request in a way that the dice choose."""

    def __init__(self, seed, kind=None):
        self.rng = random.Random(seed)
        self.kind = kind  # always this one; else any
        self.open = 0
        self.met = {}
        self.server = None
        self.port = None

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=512)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self):
        self.server.close()

    def entry(self, name):
        return {"name": name, "type": "openai_compatible",
                "base_url": f"http://127.0.0.1:{self.port}/v1"}

    async def _serve(self, reader, writer):
        self.open += 1
        try:
            if self.rng.random() < 0.02:
                raise Dead
            while await self._one(reader, writer):
                if self.rng.random() < 0.05:  # closes, or says something, while nobody asks
                    await asyncio.sleep(self.rng.random() * 0.05)
                    if self.rng.random() < 0.3:
                        writer.write(b"HTTP/1.1 408 Too late\r\ncontent-length: 0\r\n\r\n")
                    break
        except (Dead, ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
                TimeoutError):
            pass
        finally:
            self.open -= 1
            if self.rng.random() < 0.2:
                reset(writer)
            else:
                writer.close()

    async def _one(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
        kind = self.kind or self.rng.choice(KINDS)
        self.met[kind] = self.met.get(kind, 0) + 1
        if kind == "early":
            return await self._before_the_body(reader, writer, length)
        body = await reader.readexactly(length)
        ask = json.loads(body)
        await getattr(self, "_" + kind)(writer, bool(ask.get("stream")))
        await writer.drain()
        return True

    async def _before_the_body(self, reader, writer, length):
        """Answers what it has not read. True: reads it then."""
        if self.rng.random() < 0.5:
            self._json(writer, b'{"error":{"message":"too large","type":"x"}}', 413)
        else:
            self._head(writer)
            for event in (ROLE, HELLO, *self.rng.choice(((), (FINISH, DONE)))):
                self._chunk(writer, event)
        await writer.drain()
        if self.rng.random() < 0.5:
            return False
        await asyncio.sleep(0.01)
        await reader.readexactly(length)
        return True

    # ---- what it does ----

    def _json(self, writer, body, status=200, extra=b""):
        writer.write(b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n%s"
                     % (status, extra, len(body), body))

    def _head(self, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                     b"transfer-encoding: chunked\r\n\r\n")

    def _chunk(self, writer, data):
        writer.write(b"%x\r\n%s\r\n" % (len(data), data))

    async def _good(self, writer, stream):
        if not stream:
            self._json(writer, answer("x" * self.rng.choice((1, 100, 30000))))
            return
        self._head(writer)
        for event in (ROLE, *[HELLO] * self.rng.randrange(1, 50), WORLD, FINISH, USAGE, DONE):
            self._chunk(writer, event)
            if self.rng.random() < 0.2:
                await writer.drain()
                await asyncio.sleep(self.rng.random() * 0.005)
        writer.write(b"0\r\n\r\n")

    async def _late(self, writer, stream):
        await asyncio.sleep(self.rng.random() * 0.4)
        await self._good(writer, stream)

    async def _silent(self, writer, stream):
        await asyncio.sleep(1.5)
        raise Dead

    async def _cut(self, writer, stream):
        """The bytes of a good answer, up to any of them."""
        whole = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
            len(answer()), answer())
        if stream:
            whole = (b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                     b"transfer-encoding: chunked\r\n\r\n")
            for event in (ROLE, HELLO, WORLD, FINISH, USAGE, DONE):
                whole += b"%x\r\n%s\r\n" % (len(event), event)
        writer.write(whole[: self.rng.randrange(len(whole))])
        await writer.drain()
        await asyncio.sleep(self.rng.choice((0, 0.01, 0.6)))
        raise Dead

    async def _dribble(self, writer, stream):
        whole = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(answer()), answer())
        for i in range(0, len(whole), 7):
            writer.write(whole[i:i + 7])
            await writer.drain()
            await asyncio.sleep(0)

    async def _flood(self, writer, stream):
        """More than anybody reads in time: the gateway must stop reading."""
        self._head(writer)
        big = chunk_event(json.dumps({"content": "y" * 8000}))
        for _ in range(self.rng.randrange(1, 400)):
            self._chunk(writer, big)
            await writer.drain()
        self._chunk(writer, FINISH + DONE)
        writer.write(b"0\r\n\r\n")

    async def _error(self, writer, stream):
        status = self.rng.choice((400, 401, 404, 408, 413, 422, 429, 500, 502, 503, 529, 204, 304))
        body = self.rng.choice((b"", b"<html>", b'{"error":{"message":"secret-words","type":"t"}}',
                                b"z" * 100000))
        if status in (204, 304):
            writer.write(b"HTTP/1.1 %d X\r\n\r\n" % status)
        else:
            self._json(writer, body, status, self.rng.choice((b"", b"retry-after: 3\r\n")))

    async def _error_event(self, writer, stream):
        self._head(writer)
        for event in [ROLE, *[HELLO] * self.rng.randrange(3)]:
            self._chunk(writer, event)
        self._chunk(writer, b'data: {"error":{"message":"secret-words","type":"server_error"}}\n\n')
        writer.write(b"0\r\n\r\n")

    async def _no_marker(self, writer, stream):
        self._head(writer)
        for event in (ROLE, HELLO, *self.rng.choice(((FINISH,), ()))):
            self._chunk(writer, event)
        writer.write(b"0\r\n\r\n")

    async def _garbage_frames(self, writer, stream):
        self._head(writer)
        frames = b"".join(HELLO + self.rng.choice((b"data: {\n\n", b": ping\n\n", b"\n", b"id: 1\n\n"))
                          for _ in range(self.rng.randrange(1, 120)))
        self._chunk(writer, ROLE + frames + FINISH + DONE)
        writer.write(b"0\r\n\r\n")

    async def _interim(self, writer, stream):
        for _ in range(self.rng.choice((1, 3, 5000))):
            writer.write(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
        await self._good(writer, stream)

    async def _endless_head(self, writer, stream):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for i in range(100):
            writer.write(b"x-%d: %s\r\n" % (i, b"v" * 2000))
            await writer.drain()

    async def _endless_trailer(self, writer, stream):
        self._head(writer)
        for event in (ROLE, HELLO, FINISH, DONE):
            self._chunk(writer, event)
        writer.write(b"0\r\n")
        for i in range(300):
            writer.write(b"x-%d: %s\r\n" % (i, b"v" * 2000))
            await writer.drain()
            await asyncio.sleep(0.002)

    async def _extension(self, writer, stream):
        self._head(writer)
        writer.write(b"5;" + b"e" * self.rng.choice((10, 200000)) + b"\r\ndata:\r\n")
        writer.write(b"0\r\n\r\n")

    async def _too_much(self, writer, stream):
        self._json(writer, answer())
        writer.write(self.rng.choice((b"x", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")))

    async def _not_http(self, writer, stream):
        writer.write(self.rng.randbytes(self.rng.randrange(1, 3000)))
        await writer.drain()
        raise Dead

    async def _two_lengths(self, writer, stream):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
                     b"0\r\n\r\n")

    async def _until_close(self, writer, stream):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + answer())
        await writer.drain()
        writer.close()
        raise Dead

    async def _empty(self, writer, stream):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    async def _upgrade(self, writer, stream):
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\n\r\n")


KINDS = [name[1:] for name in vars(BadProvider)
         if name[0] == "_" and name[1] != "_"
         and name not in ("_serve", "_one", "_before_the_body", "_json", "_head",
                         "_chunk")] + ["early"] + ["good"] * 8 + ["late"] * 3


class Client:
    """One client's short life: a few requests on one connection. What it saw is in `seen`:
    request id → status, for requests whose answer's head came."""

    def __init__(self, rng, port, keys, name, crowd):
        self.rng, self.port, self.keys, self.name, self.crowd = rng, port, keys, name, crowd

    def one_request(self, i):
        """(id, bytes)"""
        rng, request_id = self.rng, f"{self.name}-{i}"
        model = rng.choice(("m", "m", "m", "solo", "nobody"))
        body = chat(model, stream=rng.random() < 0.6)
        if rng.random() < 0.1:
            body["messages"][0]["content"] = "prompt-words " * rng.choice((1000, 60000, 140000))
        if rng.random() < 0.3:
            body["stream_options"] = {"include_usage": True}
        key = rng.choice(self.keys) if rng.random() < 0.97 else "sk-cr-wrong"
        extra = f"x-request-id: {request_id}\r\n"
        if rng.random() < 0.05:
            extra += "expect: 100-continue\r\n"
        bytes_ = request(body, key, extra=extra)
        if rng.random() < 0.1:  # chunked
            head, _, rest = bytes_.partition(b"\r\n\r\n")
            head = b"\r\n".join(line for line in head.split(b"\r\n")
                                if not line.lower().startswith(b"content-length"))
            cut = rng.randrange(1, len(rest))
            bytes_ = (head + b"\r\ntransfer-encoding: chunked\r\n\r\n" + b"%x\r\n" % cut + rest[:cut]
                      + b"\r\n%x\r\n" % (len(rest) - cut) + rest[cut:] + b"\r\n0\r\n\r\n")
        if rng.random() < 0.02:
            bytes_ = bytes_.replace(b"HTTP/1.1", b"HTTP/1.0", 1)
        if rng.random() < 0.02:
            bytes_ = bytes_.replace(b'"model"', b'"modem"', 1)
        if key != "sk-cr-wrong":
            self.crowd.authorised.add(request_id)
        return request_id, bytes_

    async def live(self):
        limit = self.rng.choice((1 << 16, 1 << 16, 4096))
        sock = socket.socket()
        if limit == 4096:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=sock, limit=limit)
        try:
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, Dead):
            pass
        finally:
            writer.close()

    async def _talk(self, reader, writer):
        rng = self.rng
        if rng.random() < 0.02:  # says nothing, or half a head
            writer.write(rng.choice((b"", b"POST /v1/chat", b"GET / HTTP/1.1\r\nhost: x\r\n")))
            await asyncio.sleep(rng.random())
            return leave(writer, rng)
        for i in range(rng.randrange(1, 5)):
            deep = rng.choice((1, 1, 1, 1, 3))
            asked = [self.one_request(f"{i}.{k}") for k in range(deep)]
            whole = b"".join(bytes_ for _, bytes_ in asked)
            if rng.random() < 0.1:
                return await self._break_off(writer, whole)
            writer.write(whole)
            if rng.random() < 0.1:  # leaves while the provider is anywhere
                await asyncio.sleep(rng.random() * 0.1)
                return leave(writer, rng)
            for request_id, _ in asked:
                await self._answer(reader, writer, request_id)

    async def _break_off(self, writer, whole):
        """Sends a part, in pieces, and leaves."""
        rng, sent = self.rng, rng_cut(self.rng, len(whole))
        while sent > 0 and rng.random() < 0.9:
            n = min(sent, rng.choice((1, 100, 100000)))
            writer.write(whole[:n])
            whole, sent = whole[n:], sent - n
            await asyncio.sleep(rng.choice((0, 0, 0.01)))
        if rng.random() < 0.2:
            await asyncio.sleep(0.7)
        leave(writer, rng)

    async def _read(self, reader, n):
        """Up to n bytes, as this client likes to read."""
        if self.rng.random() < 0.02:
            await asyncio.sleep(self.rng.random() * 0.05)
        got = await reader.read(n)
        if not got:
            raise Dead
        return got

    async def _answer(self, reader, writer, request_id):
        rng = self.rng
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ")[1])
            if status >= 200:
                break
        self.crowd.seen[request_id] = status
        lower = head.lower()
        assert b"x-request-id: " + request_id.encode() in head, (request_id, head)
        if rng.random() < 0.05:
            leave(writer, rng)
            raise Dead
        if b"content-length:" in lower:
            left = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0])
            body = b""
            while len(body) < left:
                body += await self._read(reader, left - len(body))
            json.loads(body)
            self.crowd.whole[request_id] = status
        elif b"transfer-encoding: chunked" in lower:
            await self._stream(reader, writer, request_id)
        else:
            while await self._read(reader, 65536):
                pass
        if b"connection: close" in lower:
            raise Dead

    async def _stream(self, reader, writer, request_id):
        body = b""
        slow = self.rng.random() < 0.1
        while True:
            size = int(await reader.readuntil(b"\r\n"), 16)
            body += (await reader.readexactly(size + 2))[:-2]
            if size == 0:
                break
            if slow:
                await asyncio.sleep(0.01)
            if self.rng.random() < 0.005:
                leave(writer, self.rng)
                raise Dead
        last = body.rstrip().rpartition(b"\n")[2]
        failed = last.startswith(b'data: {"error"')
        assert failed or last == b"data: [DONE]", (request_id, body[-2000:])
        self.crowd.whole[request_id] = 200


def rng_cut(rng, n):
    return rng.choice((rng.randrange(n), n - 1, 1, n))


class Crowd:
    def __init__(self, seed, port, keys, width=40):
        self.rng, self.port, self.keys, self.width = random.Random(seed), port, keys, width
        self.authorised = set()  # ids of requests with a good key
        self.seen = {}           # id → status, heads that came
        self.whole = {}          # id → status, answers that came to their end
        self.failures = []
        self.count = 0

    def is_recorded(self, name):
        """Whether its answer says that it was a request with a key, and so has a row."""
        return name in self.authorised and self.seen[name] not in (400, 401, 408, 413, 431)

    async def _worker(self, until, answers):
        loop = asyncio.get_running_loop()
        while (loop.time() < until or len(self.whole) < answers) and not self.failures:
            self.count += 1
            client = Client(random.Random(self.rng.random()), self.port, self.keys,
                            f"c{self.count}", self)
            try:
                await asyncio.wait_for(client.live(), 120)
            except TimeoutError:
                self.failures.append(f"{client.name} hangs: {self.seen}")
            except Exception as failure:
                self.failures.append(repr(failure))

    async def run(self, seconds, answers):
        """For so long, and until so many answers came whole."""
        until = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*[self._worker(until, answers) for _ in range(self.width)])
