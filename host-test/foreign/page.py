"""A page's commands, run word for word in a directory that was prepared as the page says."""

import contextlib
import http.client
import os
import random
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from processes import Processes
from tools import Tools

# What a program needs of the environment of this process; a page's reader exports the rest.
KEPT = ["PATH", "HOME", "LANG"]


def free_port() -> int:
    """A port that no outgoing connection takes before the server does.

    The system gives connections a port from 32768 (Linux) or 49152 on. A connection that waits for
    a server on such a port can even be given that port and be connected to itself.
    """
    while True:
        port = random.randrange(16384, 32768)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def answers_http(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/")
        connection.getresponse()
        return True
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


class Page:
    def __init__(self, source: Path, directory: Path, files: Iterable[Path], processes: Processes):
        self.blocks = re.findall(
            r"^```sh\n(.*?)^```$", (source / "README.md").read_text(), re.M | re.S
        )
        self.name = source.name
        self.directory = directory
        self.processes = processes
        # Programs that the page calls by name and that are not installed for the whole system.
        self.path: Path | None = None
        for file in files:
            shutil.copy(file, directory)
        # What the reader has in the shell from the blocks before.
        self.variables = dict(re.findall(r"\b(CALL|FROM|TO)=(\S+)", "".join(self.blocks)))

    def install(self, tools: Tools):
        """Runs the first block, which installs the host, and links its files into the directory."""
        block = self.blocks.pop(0)
        folder = tools.installed(
            self.name, block, lambda folder: tools.command(["sh", "-eu", "-c", block], folder)
        )
        for path in folder.iterdir():
            if path.name != "installed":
                (self.directory / path.name).symlink_to(path)

    def block(self, words: str, call: str | None = None) -> str:
        """The one block with these words in it; with another call than the page's, if given."""
        [block] = [block for block in self.blocks if words in block]
        return block.replace(self.variables["CALL"], call) if call else block

    def line(self, words: str) -> str:
        """The one line with these words in it, of all blocks."""
        [line] = [line for block in self.blocks for line in block.splitlines() if words in line]
        return line

    def environment(self, *settings: dict[str, str]) -> dict[str, str]:
        merged = {name: os.environ[name] for name in KEPT if name in os.environ}
        if self.path:
            merged["PATH"] = f"{self.path}:{merged['PATH']}"
        merged |= {"TMPDIR": str(self.directory), **self.variables}
        for setting in settings:
            merged |= setting
        return merged

    def run(
        self, words: str, *settings: dict[str, str], call: str | None = None
    ) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of a block."""
        return self.shell(self.block(words, call), {"CALL": call} if call else {}, *settings)

    def run_line(self, words: str, *settings: dict[str, str]) -> tuple[int, str, str]:
        """The same of a single line."""
        return self.shell(self.line(words), *settings)

    def shell(self, script: str, *settings: dict[str, str]) -> tuple[int, str, str]:
        environment = self.environment(*settings)
        command = ["sh", "-eu", "-c", script]
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return done.returncode, done.stdout, done.stderr

    def serve(self, words: str, *settings: dict[str, str]) -> tuple[subprocess.Popen, int]:
        """Starts a block that serves; the process, and its port once it answers."""
        port = free_port()
        log = self.directory / f"serve-{port}.log"
        with log.open("w") as output:
            process = self.processes.start(
                ["sh", "-eu", "-c", self.block(words)],
                cwd=self.directory,
                env=self.environment({"PORT": str(port)}, *settings),
                stdout=output,
                stderr=output,
            )
        for _ in range(300):
            if answers_http(port):
                return process, port
            assert process.poll() is None, f"it has ended: {log.read_text()}"
            time.sleep(0.1)
        raise AssertionError(f"nobody answers after 30 s: {log.read_text()}")

    def take(self, name: str) -> bytes:
        """The capture that a block has saved. The file is removed: no other test sees it."""
        file = self.directory / name
        data = file.read_bytes()
        assert file.stat().st_mode & 0o777 == 0o600, f"{name} is readable by others"
        file.unlink()
        return data
