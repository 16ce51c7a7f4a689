"""Raw JSON-RPC clients over both transports. They parse as little of a response as they can.

A Python client that parsed 92 MB of base64 would take longer than the servers do. Both servers get
the same requests and the same checks.
"""

import json
import os
import select
import selectors
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from fcntl import F_SETPIPE_SZ, fcntl
from itertools import count

CALL_ID, FROM_MS, TO_MS = "000000000000@192.0.2.10", 1795168800000, 1795169100000
CHUNK_BYTES = 1 << 20
TIMEOUT_S = 120
# The beginning and end of a response that are looked at if it is large.
EDGE_BYTES = 16 << 10

# The Python SDK uses these versions, too: over HTTP the newest, which is stateless.
STDIO_VERSION, HTTP_VERSION = "2025-11-25", "2026-07-28"
META = "io.modelcontextprotocol/"
CLIENT = {"name": "bench", "version": "1"}

_numbers = count(1)


def export_request(more: dict, meta: dict) -> bytes:
    """A call of the tool. Each has another window, so that no cache can respond to it."""
    number = next(_numbers)
    arguments = {"callid": CALL_ID, "from_ts": FROM_MS - number, "to_ts": TO_MS, **more}
    params = {"name": "homer_export_pcap", "arguments": arguments, **meta}
    request = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(request).encode()


class Response:
    """A response as it arrives: its length, its beginning and its end."""

    def __init__(self):
        self.length = 0
        self.head = b""
        self.tail = b""

    def add(self, data: bytes):
        self.length += len(data)
        if len(self.head) < EDGE_BYTES:
            self.head += data[:EDGE_BYTES]
        self.tail = (self.tail + data[-EDGE_BYTES:])[-EDGE_BYTES:]

    def contains(self, text: bytes) -> bool:
        return text in self.head or text in self.tail


class Stdio:
    """A server whose standard input and output are ours."""

    def __init__(self, command: list, environment: dict[str, str], more: dict):
        self.more = more
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, env=environment, bufsize=0, **pipes)
        self.output = self.process.stdout.fileno()
        # One MiB in place of 64 KiB: otherwise both servers wait for the client's next read.
        fcntl(self.output, F_SETPIPE_SZ, CHUNK_BYTES)
        self.rest = b""
        params = {"protocolVersion": STDIO_VERSION, "capabilities": {}, "clientInfo": CLIENT}
        self.ask({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        listed = self.ask({"jsonrpc": "2.0", "id": 0, "method": "tools/list", "params": {}})
        assert listed.contains(b"homer_export_pcap"), listed.head

    def write(self, message: dict):
        self.process.stdin.write(json.dumps(message).encode() + b"\n")

    def ask(self, message: dict) -> Response:
        self.write(message)
        return next(self.responses())

    def responses(self) -> Iterator[Response]:
        """The lines that are responses; a server may send notifications as well."""
        response = Response()
        while True:
            data = self.rest or os.read(self.output, CHUNK_BYTES)
            assert data, "the server has ended"
            line, newline, self.rest = data.partition(b"\n")
            response.add(line)
            if newline:
                done, response = response, Response()
                if b'"method"' not in done.head[:60]:
                    yield done

    def run(self, seconds: float, at_once: int, check: Callable[[Response], None]):
        """Makes calls for this time, and waits for the last. Returns their number and the time."""
        begin = time.perf_counter()
        for _ in range(at_once):
            self.process.stdin.write(export_request(self.more, {}) + b"\n")
        done, waiting = 0, at_once
        for response in self.responses():
            check(response)
            done, waiting = done + 1, waiting - 1
            if time.perf_counter() - begin < seconds:
                self.process.stdin.write(export_request(self.more, {}) + b"\n")
                waiting += 1
            elif not waiting:
                return done, time.perf_counter() - begin

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Connection:
    """A connection that is kept open, with one request at a time."""

    def __init__(self, port: int):
        self.port = port
        self.connect()

    def connect(self):
        self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def reconnect_if_closed(self):
        """uvicorn closes a connection after 5 s, while it is the other server's turn."""
        if select.select([self.socket], [], [], 0)[0]:
            self.socket.close()
            self.connect()

    def send(self, request: bytes):
        self.response, self.head, self.length = Response(), b"", None
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Reads what has arrived. Whether the response is complete."""
        data = self.socket.recv(CHUNK_BYTES)
        assert data, "the server has closed the connection"
        if self.head is not None:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return False
            assert head.startswith(b"HTTP/1.1 200"), self.head
            fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
            length = fields.get(b"content-length")
            self.head, self.length = None, length and int(length)
        self.response.add(data)
        if self.length is None:
            # In chunks; no JSON ends like this. The sizes of the chunks are left in.
            return self.response.tail.endswith(b"\r\n0\r\n\r\n")
        return self.response.length >= self.length


class Http:
    """A server of HTTP, with as many connections as there are calls at once."""

    def __init__(self, port: int, path: str, fields: dict[str, str], body: Callable[[], bytes]):
        self.port = port
        self.body = body
        lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
        fields = {"Content-Type": "application/json", "Accept": "*/*", **fields}
        lines += [f"{name}: {value}" for name, value in fields.items()]
        self.head = "\r\n".join(lines).encode()
        self.connections: list[Connection] = []

    def request(self) -> bytes:
        body = self.body()
        return b"%s\r\nContent-Length: %d\r\n\r\n%s" % (self.head, len(body), body)

    def run(self, seconds: float, at_once: int, check: Callable[[Response], None]):
        """As in Stdio."""
        while len(self.connections) < at_once:
            self.connections.append(Connection(self.port))
        selector = selectors.DefaultSelector()
        for connection in self.connections[:at_once]:
            connection.reconnect_if_closed()
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        begin = time.perf_counter()
        for connection in self.connections[:at_once]:
            connection.send(self.request())
        done, waiting = 0, at_once
        while waiting:
            ready = selector.select(TIMEOUT_S)
            assert ready, f"no response within {TIMEOUT_S} s"
            for key, _ in ready:
                if key.data.receive():
                    check(key.data.response)
                    done += 1
                    if time.perf_counter() - begin < seconds:
                        key.data.send(self.request())
                    else:
                        selector.unregister(key.fileobj)
                        waiting -= 1
        elapsed = time.perf_counter() - begin
        selector.close()
        return done, elapsed

    def close(self):
        for connection in self.connections:
            connection.socket.close()


def mcp_over_http(port: int, more: dict) -> Http:
    fields = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": HTTP_VERSION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "homer_export_pcap",
    }
    about = {"protocolVersion": HTTP_VERSION, "clientCapabilities": {}, "clientInfo": CLIENT}
    meta = {"_meta": {META + name: value for name, value in about.items()}}
    return Http(port, "/mcp", fields, lambda: export_request(more, meta))


def homer_alone(port: int) -> Http:
    """The requests that both servers send to Homer."""
    body = {"param": {"search": {"1_call": {"callid": [CALL_ID]}}}}
    body = json.dumps({**body, "timestamp": {"from": FROM_MS, "to": TO_MS}}).encode()
    return Http(port, "/api/v3/export/call/messages/pcap", {}, lambda: body)
