"""MCP over standard input and output: one request, as any client might send it."""

import json
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

from mcp_http import tools_list_request

# Those of homer-export-mcp, sorted.
TOOLS = [
    "homer_compare_calls",
    "homer_export_pcap",
    "homer_find_calls",
    "homer_read_ladder",
    "homer_read_message",
]


@dataclass
class Ended:
    """A server's response to tools/list, and how it ended when its input was closed."""

    response: dict
    code: int
    rest: str

    @property
    def tools(self) -> list[str]:
        return sorted(tool["name"] for tool in self.response["result"]["tools"])


def list_tools(command: list, environment: dict[str, str], cwd: Path) -> Ended:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, cwd=cwd, text=True, **pipes) as process:
        timer = threading.Timer(120, process.kill)
        timer.start()
        try:
            process.stdin.write(tools_list_request() + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            rest, complaint = process.communicate()
        except BrokenPipeError:
            line, complaint = "", process.stderr.read()
        finally:
            timer.cancel()
    assert line, f"no response: {complaint}"
    return Ended(json.loads(line), process.returncode, rest)
