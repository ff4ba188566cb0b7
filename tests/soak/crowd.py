"""One process of clients for a soak: asks at a steady rate, whatever becomes of it, and looks at every
answer: nothing in it may be cut off silently, sent twice or invented.

usage: crowd.py PORT RATE SECONDS SEED RESULTS, with models, keys and the text expected as JSON on stdin.
RESULTS has one line for each request: id, status (0: left before it), end (ok, refused, in_band, left,
hung, wrong), attempts told in the head, comments seen, milliseconds."""

import asyncio
import dataclasses
import json
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))

from client import chat, request  # noqa: E402

HANGS = 30  # seconds; the gateway is told to take 8 at most
AT_ONCE = 3000


class Left(Exception):
    """The client has had enough."""


@dataclasses.dataclass
class Seen:
    id: str
    status: int = 0
    end: str = "left"
    attempts: int = 0
    comments: int = 0
    begun: float = dataclasses.field(default_factory=time.monotonic)

    def line(self):
        took = round(1000 * (time.monotonic() - self.begun), 1)
        return f"{self.id} {self.status} {self.end} {self.attempts} {self.comments} {took}\n"


class Crowd:
    def __init__(self, port, rate, seconds, seed, results, cast):
        self.port, self.rate, self.seconds = port, rate, seconds
        self.rng, self.prefix = random.Random(seed), f"s{seed}"
        self.results = results
        self.models, self.keys, self.text = cast["models"], cast["keys"], cast["text"]
        self.idle = []
        self.running = set()

    async def run(self):
        begun = time.monotonic()
        for n in range(int(self.rate * self.seconds)):
            wait = begun + n / self.rate - time.monotonic()
            if wait > 0.001:
                await asyncio.sleep(wait)
            elif n % 20 == 0:
                await asyncio.sleep(0)
            if time.monotonic() - begun > 1.5 * self.seconds:
                break  # too slow a machine for this rate
            while len(self.running) >= AT_ONCE:
                await asyncio.wait(self.running, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.create_task(self.one(f"{self.prefix}-{n}"))
            self.running.add(task)
            task.add_done_callback(self.running.discard)
        if self.running:
            await asyncio.wait(self.running)

    async def one(self, name):
        seen = Seen(name)
        patience = self.rng.random() * 0.4 if self.rng.random() < 0.04 else None
        reader, writer = await self.connection()
        try:
            async with asyncio.timeout(HANGS):
                keep = await self.ask(reader, writer, seen, patience)
        except TimeoutError:
            keep, seen.end = False, "hung"
        except Left:
            keep, seen.end = False, "left"
        except (AssertionError, ValueError, KeyError, OSError, asyncio.IncompleteReadError) as why:
            keep, seen.end = False, "wrong"
            print(f"{name}: {type(why).__name__} {str(why)[:300]}", file=sys.stderr)
        if keep:
            self.idle.append((reader, writer))
        else:
            writer.close()
        self.results.write(seen.line())

    async def connection(self):
        while self.idle:
            reader, writer = self.idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection("127.0.0.1", self.port)

    def letter(self, seen):
        rng = self.rng
        stream = rng.random() < 0.6
        extra = f"x-request-id: {seen.id}\r\n"
        if rng.random() < 0.1:
            extra += f"x-request-timeout-ms: {rng.randrange(1, 3000)}\r\n"
        return stream, request(chat(rng.choice(self.models), stream), rng.choice(self.keys),
                               extra=extra)

    async def ask(self, reader, writer, seen, patience):
        """True: the connection may be used again."""
        stream, letter = self.letter(seen)
        writer.write(letter)
        await writer.drain()
        if patience is None:
            return await self.answer(reader, seen, stream)
        try:  # whatever it has seen by then
            async with asyncio.timeout(patience):
                return await self.answer(reader, Seen(seen.id), stream)
        except TimeoutError:
            raise Left from None

    async def answer(self, reader, seen, stream):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines[1:] if line)
        assert headers["x-request-id"] == seen.id, head
        seen.status = int(lines[0].split(" ")[1])
        seen.attempts = headers.get("x-courier-attempts", "").count(":")
        if "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
            self.look_at_body(seen, json.loads(body), stream)
        else:
            self.look_at_stream(seen, await self.chunks(reader))
        return headers.get("connection") != "close" and seen.end != "in_band"

    async def chunks(self, reader):
        body = []
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body.append((await reader.readexactly(size + 2))[:-2])
        await reader.readexactly(2)
        return b"".join(body)

    def look_at_body(self, seen, body, stream):
        if seen.status == 200:
            assert not stream
            assert body["choices"][0]["message"]["content"] == self.text, body
            seen.end = "ok"
        else:
            assert body["error"]["message"], body
            seen.end = "refused"

    def look_at_stream(self, seen, body):
        """The whole text and [DONE], or its beginning and an error."""
        frames = [frame for frame in body.split(b"\n\n") if frame]
        seen.comments = sum(frame.startswith(b":") for frame in frames)
        frames = [frame for frame in frames if not frame.startswith(b":")]
        done = frames[-1] == b"data: [DONE]"
        told, text = [], ""
        for frame in frames[:-1] if done else frames:
            if not frame.removeprefix(b"data: ").startswith(b"{\"") or b"}" not in frame:
                continue  # the mock's garbage, passed on
            told.append(json.loads(frame.removeprefix(b"data: ")))
            for choice in told[-1].get("choices", ()):
                text += choice["delta"].get("content") or ""
        if done:
            assert text == self.text, body
            seen.end = "ok"
        else:
            assert "error" in told[-1] and self.text.startswith(text), body
            seen.end = "in_band"


def main():
    port, rate, seconds, seed = (float(arg) for arg in sys.argv[1:5])
    with open(sys.argv[5], "w", encoding="ascii") as results:
        crowd = Crowd(int(port), rate, seconds, int(seed), results, json.load(sys.stdin))
        asyncio.run(crowd.run())


if __name__ == "__main__":
    main()
