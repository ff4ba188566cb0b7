"""A small OTLP/HTTP collector: what it is sent is parsed by OpenTelemetry's own protobuf definitions,
strictly, and kept."""

import base64
import http.server
import json
import threading

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2


def strict(text):
    """The message. OTLP's JSON is protobuf's but for ids, which are hex (and base64 there)."""
    whole = json.loads(text)
    for resource in whole["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name, size in (("traceId", 16), ("spanId", 8), ("parentSpanId", 8)):
                    if name in span:
                        raw = bytes.fromhex(span[name])
                        assert len(raw) == size and any(raw) and span[name] == span[name].lower()
                        span[name] = base64.b64encode(raw).decode()
    return json_format.ParseDict(whole, trace_service_pb2.ExportTraceServiceRequest(),
                                 ignore_unknown_fields=False)


def value_of(any_value):
    return getattr(any_value, any_value.WhichOneof("value"))


class Span:
    def __init__(self, span, resource):
        self.raw = span
        self.name = span.name
        self.kind = span.kind
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.status = span.status.code
        keys = [a.key for a in span.attributes]
        assert len(keys) == len(set(keys)), keys
        self.attributes = {a.key: value_of(a.value) for a in span.attributes}
        self.resource = resource
        assert span.end_time_unix_nano >= span.start_time_unix_nano > 10**18

    def __repr__(self):
        return f"{self.name} {self.attributes}"


class Collector:
    """answers: statuses of the first exports (200 after them); an answer "hang" says nothing."""

    def __init__(self, answers=(), headers=()):
        self.spans = []
        self.exports = []  # (path, headers, status)
        self.text = b""
        self.failures = []
        self.release = threading.Event()
        self._answers = list(answers)
        self._headers = dict(headers)
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    outer._take(self, body)
                except Exception as e:  # told by check()
                    outer.failures.append(e)
                    raise

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, handler, body):
        assert handler.headers["content-type"] == "application/json"
        message = strict(body)
        with self._lock:
            status = self._answers.pop(0) if self._answers else 200
            self.exports.append((handler.path, dict(handler.headers.items()), status))
            self.text += body
            if status == 200:
                for resource in message.resource_spans:
                    has = {a.key: value_of(a.value) for a in resource.resource.attributes}
                    for scope in resource.scope_spans:
                        self.spans += [Span(span, has) for span in scope.spans]
        if status == "hang":
            self.release.wait(60)
            return
        handler.send_response(status)
        for name, value in self._headers.items():
            handler.send_header(name, value)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    def servers(self):
        return [span for span in self.spans if span.kind == 2]

    def clients(self):
        return [span for span in self.spans if span.kind == 3]

    def close(self):
        self.release.set()
        self._server.shutdown()
        self._server.server_close()
        assert not self.failures, self.failures
