"""Coding agents on the command line: the capture gets to the user, and its bytes not to the model.

Each client runs for real, but against a mock of its model's API, which makes it export a call and
records every request. No model, no account and no network is needed.
"""

import base64
import json
import re
import subprocess
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agents.clients import CLIENTS, Client, Setup
from agents.leak import encodings, leaks
from agents.model_api import ModelApi, ToolCall, strings
from agents.proxy import RefusingProxy
from mcp_http import CALL, FROM_MS, TO_MS, stateless_meta

# How many calls of some 3,300 bytes are in a capture, by its size. None: the recorded call.
SIZES = {"3 KB": 0, "1 MB": 300, "9 MB": 2750}
# The Call-ID of the first of them.
FIRST_CALL = "000000000000@192.0.2.10"
# Where the server saves captures over standard input and output, in the user's home.
CAPTURES = ".local/state/homer-export/captures"
# The beginning of a verdict is compared, because a client may cut its end.
VERDICT_CHARS = 60


@dataclass
class Export:
    """What the model asks for, and what has to come of it."""

    # Of the fake Homer that has the capture.
    environment: dict[str, str]
    call: ToolCall
    capture: bytes
    verdict: str


@pytest.fixture(scope="module")
def export_of(fake_homer, mcp_program, capture, target) -> Callable[[str], Export]:
    made: dict[str, Export] = {}

    def export(size: str) -> Export:
        if size not in made:
            calls = SIZES[size]
            # The cache is kept, because a debug program takes seconds to compile the component, and
            # clients do not wait so long.
            environment = {**fake_homer(calls), "XDG_CACHE_HOME": str(target / "foreign/cache")}
            callid = FIRST_CALL if calls else CALL
            arguments = {"callid": callid, "from_ts": FROM_MS, "to_ts": TO_MS}
            data = large_capture(environment) if calls else capture
            verdict = summary(mcp_program, environment, arguments)[:VERDICT_CHARS]
            assert len(verdict) == VERDICT_CHARS, verdict
            call = ToolCall("homer_export_pcap", arguments)
            made[size] = Export(environment, call, data, verdict)
        return made[size]

    return export


def large_capture(environment: dict[str, str]) -> bytes:
    """The capture that a fake Homer has for every request."""
    body = {"param": {"search": {"1_call": {"callid": [FIRST_CALL]}}}}
    body["timestamp"] = {"from": FROM_MS, "to": TO_MS}
    url = f"{environment['HOMER_URL']}/api/v3/export/call/messages/pcap"
    request = urllib.request.Request(url, json.dumps(body).encode())
    return urllib.request.urlopen(request, timeout=60).read()


def summary(program: Path, environment: dict[str, str], arguments: dict) -> str:
    """The summary of an export that no client stands between."""
    params = {"name": "homer_export_pcap", "arguments": arguments, "_meta": stateless_meta()}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    done = subprocess.run(
        [program, "--result-mode", "link"],
        input=json.dumps(request) + "\n",
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        timeout=180,
    )
    [response] = map(json.loads, done.stdout.splitlines())
    return response["result"]["structuredContent"]["summary"]


def run(client: Client, export: Export, tools, mcp_program, folder: Path, **settings) -> ModelApi:
    """A conversation of the client with its model, which makes one export."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    api, proxy = client.model(export.call), RefusingProxy()
    environment = {**export.environment, **settings}
    setup = Setup(home, work, api.url, proxy.url, mcp_program, environment)
    try:
        printed = client.run(tools.agents(), setup, tools.newer_node()["PATH"])
    finally:
        api.close()
        proxy.close()
    assert proxy.refused == []
    assert api.sent_definitions(), f"the model was not offered the tool: {printed[-2000:]}"
    assert api.sent_results(), f"the model got no result: {printed[-2000:]}"
    return api


def texts_sent(api: ModelApi) -> str:
    """All that the client sent to the model: the requests as they are, and their strings."""
    raw = [body.decode("utf-8", "replace") for _, _, body in api.requests]
    return "\n".join(raw + [text for body in api.bodies() for text in strings(body)])


BY_NAME = {"ids": lambda client: client.name.replace(" ", "_")}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("client", CLIENTS, **BY_NAME)
def test_agent_gets_file_and_verdict_and_no_packet_bytes(
    tools, mcp_program, export_of, tmp_path, measured, client, size
):
    export = export_of(size)
    api = run(client, export, tools, mcp_program, tmp_path)
    result = "\n".join(api.sent_results())

    # The file is where the model was told that it is.
    directory = tmp_path / "home" / CAPTURES
    [path] = set(re.findall(re.escape(str(directory)) + r"/[^\s\"\\]+?\.pcap", result))
    assert Path(path).read_bytes() == export.capture
    assert export.verdict in result
    assert leaks(export.capture, texts_sent(api)) == []

    definitions = sum(len(json.dumps(tool, ensure_ascii=False)) for tool in api.sent_definitions())
    measured(
        f"{client.name} {tools.agent_version(client.package)}, {size}: "
        f"{definitions} characters of definitions, {len(result)} of the result"
    )


def test_embedded_capture_is_found_in_requests(tools, mcp_program, export_of, tmp_path):
    """Gemini CLI sends embedded captures to its model. The search for packet bytes sees it."""
    [client] = [client for client in CLIENTS if client.name == "Gemini CLI"]
    export = export_of("3 KB")
    api = run(client, export, tools, mcp_program, tmp_path, HOMER_RESULT_MODE="embed")
    assert leaks(export.capture, texts_sent(api)) != []


def test_packet_bytes_are_found_in_every_encoding(capture):
    readable = capture.decode("latin-1")
    encoded = base64.b64encode(capture).decode()
    for shift in range(4):
        assert leaks(capture, f"text {encoded[shift:]}") != []
    for text in (readable, capture.hex(), capture.decode("utf-8", "replace"), encoded[1000:1400]):
        assert leaks(capture, f"text {text} text") != []
    assert leaks(capture, "1 0.000 A > B INVITE sip:bob@192.0.2.20:5060 (1 INVITE)") == []
    assert all(len(text) > 30 for text in encodings(capture[:96]))
