"""A mock of a model's API: it records what a client sends, and calls the tool that it is told to.

A conversation has two turns. In the first, the model calls the tool with the given arguments; once
a request has the tool's result, the model says one word. Each API has a file of its own.
"""

import gzip
import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SAID = "Done."


@dataclass
class ToolCall:
    """The call that the model makes. Clients put a prefix before the name of the tool."""

    tool: str
    arguments: dict


class ModelApi(ThreadingHTTPServer):
    """The part that all APIs share. Subclasses read and write the format of one API."""

    daemon_threads = True

    def __init__(self, call: ToolCall):
        super().__init__(("127.0.0.1", 0), Handler)
        self.call = call
        # Method, path and body of every request, in the order of arrival.
        self.requests: list[tuple[str, str, bytes]] = []
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def close(self):
        self.shutdown()
        self.server_close()

    def record(self, method: str, path: str, body: bytes):
        with self.lock:
            self.requests.append((method, path, body))

    def bodies(self) -> list[dict]:
        return [json.loads(body) for _, _, body in self.requests if body]

    # For the tests.

    def sent_definitions(self) -> list[dict]:
        """The definitions of our tools, from the first request that has the tool to be called."""
        for body in self.bodies():
            if self.tool_of(body):
                return [tool for tool in self.tools(body) if "homer_" in tool["name"]]
        return []

    def sent_results(self) -> list[str]:
        """The texts of the tool's result, from the first request that has it."""
        return next(filter(None, map(self.results, self.bodies())), [])

    # What the model does.

    def tool_of(self, body: dict) -> dict | None:
        """The definition of the tool to be called, if this request offers it."""
        tools = (tool for tool in self.tools(body) if tool["name"].endswith(self.call.tool))
        return next(tools, None)

    def answer(self, path: str, body: dict) -> tuple[str, str]:
        """Content type and body of the response to a request."""
        tool = None if self.results(body) else self.tool_of(body)
        return self.response(path, body, tool)

    # What subclasses define.

    def tools(self, body: dict) -> list[dict]:
        """The definitions of all tools that a request offers, each with a name."""
        raise NotImplementedError

    def results(self, body: dict) -> list[str]:
        """The texts of all tool results in a request."""
        raise NotImplementedError

    def response(self, path: str, body: dict, tool: dict | None) -> tuple[str, str]:
        """A call of this tool, or else the last word."""
        raise NotImplementedError


def events(payloads: list[dict], named: bool) -> tuple[str, str]:
    """A stream of server-sent events. In some APIs, each event is named after its type."""
    lines = []
    for payload in payloads:
        if named:
            lines.append(f"event: {payload['type']}\n")
        lines.append(f"data: {json.dumps(payload)}\n\n")
    return "text/event-stream", "".join(lines)


def strings(value) -> list[str]:
    """All strings in a JSON value, however deep."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [text for part in value for text in strings(part)] if isinstance(value, list) else []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.record("GET", self.path, b"")
        self.send("application/json", json.dumps({"data": [], "models": []}))

    def do_HEAD(self):
        self.send("application/json", "")

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        self.server.record("POST", self.path, body)
        self.send(*self.server.answer(self.path, json.loads(body or "{}")))

    def send(self, content_type: str, text: str):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass
