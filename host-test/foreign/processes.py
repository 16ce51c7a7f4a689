"""Started programs, and Homers that fail."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Processes:
    """Each program leads a process group, so that the children of npx and sh end with it."""

    def __init__(self):
        self.running: list[subprocess.Popen] = []

    def start(self, command: list, **options) -> subprocess.Popen:
        process = subprocess.Popen(command, start_new_session=True, **options)
        self.running.append(process)
        return process

    def stop(self, process: subprocess.Popen):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()
        self.running.remove(process)

    def stop_all(self):
        for process in list(self.running):
            self.stop(process)


def succeed(command: list, timeout_s: float = 120, **options) -> str:
    """Runs a command that has to succeed. Returns standard output and standard error together."""
    command = [str(part) for part in command]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        **options,
    )
    assert done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-4000:]}"
    return done.stdout


class FailingHomer(ThreadingHTTPServer):
    """Homers that fail, by the first part of the path of their URL, and one that takes its time."""

    def __init__(self, capture: bytes):
        super().__init__(("127.0.0.1", 0), FailingHomerHandler)
        self.capture = capture
        self.open_requests = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def url(self, how: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{how}"

    def environment(self, how: str) -> dict[str, str]:
        """What has to be in the environment for this Homer.

        With a token and a version, it is asked neither for a login nor for its version.
        """
        return {"HOMER_URL": self.url(how), "HOMER_API_TOKEN": "any", "HOMER_API": "7"}

    def count(self, change: int):
        with self.lock:
            self.open_requests += change


class FailingHomerHandler(BaseHTTPRequestHandler):
    # Longer than the 10 s that jco by itself allows a connection.
    SLOW_S = 12
    # How much of the capture is sent before the connection breaks off.
    SENT_BYTES = {"cut": 1500, "cut-at-once": 0}

    def do_GET(self):
        """The number of open requests, for the client scripts that cancel a call."""
        body = str(self.server.open_requests).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        how = self.path.split("/")[1]
        if how == "silent":
            self.wait_until_closed()
        elif how == "slow":
            time.sleep(self.SLOW_S)
            self.send_capture(len(self.server.capture))
        else:
            self.send_capture(self.SENT_BYTES[how])
        self.close_connection = True

    def send_capture(self, sent_bytes: int):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(self.server.capture)))
        self.end_headers()
        self.wfile.write(self.server.capture[:sent_bytes])

    def wait_until_closed(self):
        self.server.count(1)
        with contextlib.suppress(OSError):
            self.connection.recv(1)
        self.server.count(-1)

    def log_message(self, *_):
        pass
