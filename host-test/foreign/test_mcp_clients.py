"""Third-party MCP clients: SDKs, the Inspector, a tool linter, the conformance suite.

All of them ask the native program homer-export-mcp. The SDKs and the suite also ask
homer-export-mcp.wasm in third-party hosts.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import CLIENTS, MCP_TOKEN, ServingHost
from mcp_http import tools_list_request
from processes import succeed

# Scenarios of the conformance suite that need no tools, prompts or resources of its own.
SCENARIOS = {
    "2026-07-28": [
        "server-stateless",
        "tools-list",
        "resources-list",
        "prompts-list",
        "caching",
        "sep-2164-resource-not-found",
        "dns-rebinding-protection",
        "http-header-validation",
        "server-sse-multiple-streams",
    ],
    "2025-11-25": [
        "server-initialize",
        "ping",
        "tools-list",
        "resources-list",
        "prompts-list",
        "dns-rebinding-protection",
        "server-sse-multiple-streams",
    ],
}
EVERY_SCENARIO = pytest.mark.parametrize(
    "version, scenario",
    [(version, scenario) for version, scenarios in SCENARIOS.items() for scenario in scenarios],
)


@pytest.fixture(scope="module")
def demo_url(mcp_program, processes) -> Iterator[str]:
    """The native program over HTTP, with the recorded calls."""
    yield from native_server(processes, [mcp_program, "--demo"], {})


@pytest.fixture(scope="session")
def capture_file(capture, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("expected") / "call.pcap"
    file.write_bytes(capture)
    return file


@pytest.fixture(scope="module")
def waiting_url(mcp_program, processes, silent_homer) -> Iterator[str]:
    """The native program over HTTP, with a Homer that never responds."""
    yield from native_server(processes, [mcp_program], {"HOMER_URL": silent_homer})


@pytest.fixture(scope="module")
def silent_homer(failing_homer) -> str:
    return failing_homer.url("silent")


def native_server(processes, command: list, homer: dict[str, str]) -> Iterator[str]:
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **homer}
    # The clients here send no token.
    environment["HOMER_MCP_OPEN"] = "1"
    command = [*command, "--http", "127.0.0.1:0"]
    process = processes.start(command, stderr=subprocess.PIPE, env=environment, text=True)
    line = process.stderr.readline()
    prefix = "homer-export-mcp: MCP at "
    assert line.startswith(prefix), line
    yield line.removeprefix(prefix).strip()
    assert process.poll() is None, "the server has ended before its clients"
    processes.stop(process)


# SDKs: list, export, read, error, progress, cancellation. The scripts take the same arguments.

SDKS = ["python_1", "python_2", "typescript_1", "typescript_2"]


def sdk_command(sdk: str, tools) -> list:
    language, version = sdk.split("_")
    if language == "python":
        return [tools.python(f"mcp{version}") / "python", CLIENTS / f"python{version}.py"]
    return ["node", tools.node() / "typescript.mjs", version]


def keep_figures(sdk: str, transport: str, out: str, measured):
    for line in out.splitlines():
        if line.startswith("the request to Homer ended"):
            measured(f"{sdk}, {transport}: {line}")


@pytest.mark.parametrize("sdk", SDKS)
def test_sdk_over_stdio(tools, mcp_program, silent_homer, measured, sdk):
    out = succeed([*sdk_command(sdk, tools), "stdio", mcp_program, "", silent_homer], timeout_s=180)
    keep_figures(sdk, "stdio", out, measured)


@pytest.mark.parametrize("sdk", SDKS)
def test_sdk_over_http(tools, demo_url, waiting_url, silent_homer, measured, sdk):
    out = succeed(
        [*sdk_command(sdk, tools), "http", demo_url, waiting_url, silent_homer], timeout_s=180
    )
    keep_figures(sdk, "HTTP", out, measured)


# Early SDKs, in every way to deliver a capture. Version 1.6 knows no streamable HTTP.

MODES = ["file", "embed", "link", "base64"]


def run_early_sdk(tools, version: str, transport: str, server, mode: str, capture: Path, **env):
    program = tools.python(f"mcp{version}") / "python"
    environment = {**os.environ, **env}
    succeed(
        [program, CLIENTS / "python_early.py", transport, server, mode, capture],
        timeout_s=180,
        env=environment,
    )


@pytest.fixture
def environment(tmp_path, target) -> dict[str, str]:
    """A home of its own, in which the server saves files. The cache is kept: see test_packaging."""
    return {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(target / "foreign/cache")}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("version", ["1.6", "1.9"])
def test_early_sdk_over_stdio(
    tools, mcp_program, capture_file, environment, tmp_path, version, mode
):
    run_early_sdk(tools, version, "stdio", mcp_program, mode, capture_file, **environment)
    saved = list(tmp_path.rglob("*.pcap"))
    assert len(saved) == (1 if mode == "file" else 0), saved


@pytest.mark.parametrize("mode", MODES)
def test_early_sdk_over_http(
    tools, mcp_program, processes, capture_file, environment, tmp_path, mode
):
    command = [mcp_program, "--demo", "--result-mode", mode]
    command += ["--output-dir", tmp_path] if mode == "file" else []
    for url in native_server(processes, command, environment):
        run_early_sdk(tools, "1.9", "http", url, mode, capture_file)


@pytest.mark.parametrize("version", ["legacy", "2026-07-28"])
def test_served_component_python_sdk_2(tools, mcp_server, version):
    succeed(
        [tools.python("mcp2") / "python", CLIENTS / "edge.py", mcp_server.url, MCP_TOKEN, version]
    )


# The first SDK knows no newer version of the protocol.
@pytest.mark.parametrize("sdk, version", [("1", "legacy"), ("2", "legacy"), ("2", "2026-07-28")])
def test_served_component_typescript_sdk(tools, mcp_server, sdk, version):
    succeed(["node", tools.node() / "edge.mjs", sdk, mcp_server.url, MCP_TOKEN, version])


# Inspector and linter.


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_inspector_accepts_the_tools(tools, mcp_program, era):
    command = [tools.node_program("mcp-inspector"), "--cli", mcp_program, "--demo"]
    command += ["--method", "tools/list", "--strict", "--format", "json", "--protocol-era", era]
    succeed(command, timeout_s=180, env=tools.newer_node())


@pytest.mark.parametrize("files", [False, True], ids=["captures_embedded", "captures_in_files"])
def test_tdqs_lint_has_no_warning(tools, mcp_program, tmp_path, files):
    mode = f"--output-dir {tmp_path}" if files else "--result-mode embed"
    server = f"{mcp_program} --demo {mode}"
    succeed(
        [tools.python("tdqs") / "tdqs", "lint", "--fail-on", "warning", "--command", server],
        timeout_s=180,
    )


# The conformance suite.


def check_conformance(tools, url: str, version: str, scenario: str, directory: Path):
    command = [tools.node_program("conformance"), "server", "--url", url]
    command += ["--scenario", scenario, "--spec-version", version]
    expected = CLIENTS / f"expected-failures-{version}.yml"
    if expected.exists():
        command += ["--expected-failures", expected]
    succeed(command, timeout_s=180, cwd=directory, env=tools.newer_node())


@EVERY_SCENARIO
def test_program_conformance(tools, demo_url, tmp_path, version, scenario):
    check_conformance(tools, demo_url, version, scenario, tmp_path)


@pytest.fixture(scope="module")
def open_server_url(jco, homer) -> Iterator[str]:
    """In jco, for callers without a token: the suite has none to show."""
    host = ServingHost(jco)
    yield host.serve(homer, for_anyone=True).url
    host.stop_all()


@EVERY_SCENARIO
def test_served_component_conformance(tools, open_server_url, tmp_path, version, scenario):
    check_conformance(tools, open_server_url, version, scenario, tmp_path)


# Start.


def test_program_starts_with_and_without_its_cache(target, mcp_program, tmp_path, measured):
    """From start to the response to tools/list, ten times; the first finds an empty cache."""
    optimized = target / "release/homer-export-mcp"
    program = optimized if optimized.exists() else mcp_program
    environment = {"HOMER_URL": "http://127.0.0.1:1", "XDG_CACHE_HOME": str(tmp_path)}
    times_ms = []
    for _ in range(10):
        begin = time.monotonic()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        with subprocess.Popen([program], env=environment, text=True, **pipes) as process:
            process.stdin.write(tools_list_request() + "\n")
            process.stdin.flush()
            assert "homer_export_pcap" in process.stdout.readline()
            times_ms.append(1000 * (time.monotonic() - begin))
    cold, warm = times_ms[0], sorted(times_ms[1:])[4]
    measured(
        f"start to tools/list, {program.parent.name} build: {cold:.0f} ms cold, {warm:.0f} ms warm"
    )
