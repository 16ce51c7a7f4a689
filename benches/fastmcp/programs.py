"""Starts the programs: the fake Homer, homer-export-mcp, and the FastMCP server."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sessions import Http, Response, Stdio, mcp_over_http

SERVER = Path(__file__).with_name("server.py")
# Both servers make one request to Homer for a call: the FastMCP one knows no search profiles.
ONE_PROFILE = {"profiles": ["1_call"]}


@dataclass
class Size:
    """A capture, by the calls of 3,287 bytes in it."""

    name: str
    calls: int

    @property
    def bytes(self) -> int:
        return 24 + 3287 * self.calls


@dataclass
class Kind:
    """A server and what is asked of it."""

    name: str
    ours: bool
    # How ours returns the capture. "": as it does by default.
    mode: str = ""
    # Whether FastMCP sends the text once.
    once: bool = False
    # Whether ours asks Homer for all default search profiles: three requests.
    all_profiles: bool = False


OURS = Kind("homer-export-mcp", True)
THEIRS = Kind("FastMCP", False)


class Programs:
    def __init__(self, target: Path):
        self.target = target
        self.folder = Path(tempfile.mkdtemp(prefix="fastmcp-", dir=target / "fastmcp"))
        # Warm after the first start. Files are saved below it, too.
        self.captures = self.folder / "captures"
        self.captures.mkdir()
        self.homers: dict[tuple[int, int], subprocess.Popen] = {}
        self.urls: dict[tuple[int, int], str] = {}

    def homer(self, size: Size, delay_ms: int = 0) -> str:
        """The URL of a fake Homer, a program of its own in a release build."""
        key = (size.calls, delay_ms)
        if key not in self.homers:
            program = self.target / "release/examples/fake-homer"
            command = [program, str(size.calls), str(delay_ms)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            self.homers[key] = process
            self.urls[key] = process.stdout.readline().split()[0]
        return self.urls[key]

    def environment(self, kind: Kind, homer: str) -> dict[str, str]:
        common = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "HOMER_URL": homer}
        common |= {"HOMER_API_TOKEN": "any"}
        if not kind.ours:
            return {**common, "ONCE": "1" if kind.once else "0"}
        # Its version is not asked for: the FastMCP server does not, either.
        mode = {"HOMER_RESULT_MODE": kind.mode} if kind.mode else {}
        return {**common, **mode, "HOMER_API": "7", "XDG_CACHE_HOME": str(self.folder / "cache")}

    def command(self, kind: Kind, transport: str) -> list:
        if kind.ours:
            return [self.target / "release/homer-export-mcp"]
        return [sys.executable, SERVER, transport]

    def stdio(self, kind: Kind, homer: str, **variables) -> "Server":
        environment = {**self.environment(kind, homer), **variables}
        more = ONE_PROFILE if kind.ours and not kind.all_profiles else {}
        if kind.ours and not kind.mode:
            environment["HOMER_OUTPUT_DIR"] = str(self.captures)
        session = Stdio(self.command(kind, "stdio"), environment, more)
        return Server(kind, session, session.process)

    def http(self, kind: Kind, homer: str) -> "Server":
        environment = self.environment(kind, homer)
        # The clients here send no token.
        environment["HOMER_MCP_OPEN"] = "1"
        if kind.mode == "file":
            environment["HOMER_OUTPUT_DIR"] = str(self.captures)
        port = free_port()
        command = self.command(kind, str(port))
        command += ["--http", str(port)] if kind.ours else []
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(port)
        more = ONE_PROFILE if kind.ours and not kind.all_profiles else {}
        return Server(kind, mcp_over_http(port, more), process)

    def remove_captures(self):
        for file in self.captures.iterdir():
            file.unlink()

    def close(self):
        for process in self.homers.values():
            process.kill()
            process.wait()
            process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass
class Server:
    kind: Kind
    session: Stdio | Http
    process: subprocess.Popen

    def run(self, seconds: float, at_once: int, size: Size) -> tuple[int, float]:
        """Makes calls for this time, and checks each response."""

        def check(response: Response):
            assert b'"result"' in response.head[:200], response.head[:500]
            assert not response.contains(b'"isError":true'), response.head[:500]
            if self.kind.ours:
                expected = b'"size_bytes":%d' % size.bytes
                assert response.contains(expected), response.head[:500]
            if not self.kind.ours or self.kind.mode == "base64":
                assert response.length >= size.bytes * 4 // 3, response.length

        return self.session.run(seconds, at_once, check)

    def memory_mib(self, what: str) -> float:
        """VmRSS or VmHWM: what is resident now, or was at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [kib] = [line.split()[1] for line in status.splitlines() if line.startswith(f"{what}:")]
        return int(kib) / 1024

    def close(self):
        self.session.close()
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int):
    """Until a server listens."""
    for _ in range(3000):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"no server at port {port}")
