"""Paths, options and fixtures of the tests with third-party hosts, MCP clients and packaging."""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

# Before they are imported, so that their failed assertions show values.
pytest.register_assert_rewrite("mcp_http", "mcp_stdio", "page", "processes", "stand_in", "tools")

from mcp_http import McpHttp  # noqa: E402
from page import Page  # noqa: E402
from processes import FailingHomer, Processes  # noqa: E402
from tools import Tools  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = Path(__file__).resolve().parent / "clients"
AGENTS = Path(__file__).resolve().parent / "agents"
PAGES = ROOT / "docs/hosts"
PACKAGING = ROOT / "packaging"
DIST = ROOT / "dist"
WIT = ROOT / "wit/homer-capture.wit"
# The page that lists all settings, with a table of their defaults.
SETTINGS_PAGE = ROOT / "docs/configuration.md"
EMBED_EXAMPLE = ROOT / "crates/homer-host/examples/embed.rs"

# Below target/debug: the fake Homer prints its URL and the API token that it accepts.
FAKE_HOMER = "examples/fake-homer"
# The cargo package of the program homer-export-mcp.
MCP_PACKAGE = "homer-export-mcp"

PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
VERSION, REPOSITORY = PACKAGE["version"], PACKAGE.get("repository", "")

# The recorded call that the pages export.
CAPTURE_BYTES = 3311
CAPTURE_SHA256 = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f"

# So many calls of some 3,300 bytes make captures of 3 MB and 30 MB.
LARGE_CALLS, HUGE_CALLS = 900, 9000

# What callers of an MCP server have to show.
MCP_TOKEN = "the-token-of-callers"


def pytest_addoption(parser):
    group = parser.getgroup("homer-export")
    group.addoption(
        "--target-dir",
        type=Path,
        default=Path("target"),
        help="cargo's target directory (default: target)",
    )
    group.addoption(
        "--programs",
        type=Path,
        metavar="DIR",
        help="install these programs of a release build, in place of the debug build",
    )
    group.addoption(
        "--wasmtime",
        type=Path,
        metavar="PROGRAM",
        help="the Wasmtime command line; its page is left out without it",
    )
    group.addoption(
        "--require-tools",
        action="store_true",
        help="fail where a tool cannot be installed (default if CI=true)",
    )


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "wasmtime: needs the Wasmtime command line, which --wasmtime names"
    )
    config.stash[MEASURED] = []
    # Without this, a terminated run would leave its servers behind.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=1))


def pytest_collection_modifyitems(config, items):
    # Wasmtime publishes its command line in no registry of packages, so CI does not have it. These
    # tests are selected by hand; they do not count as skipped, which CI treats as an error.
    if config.option.wasmtime is None:
        left_out = [item for item in items if item.get_closest_marker("wasmtime")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


# Figures that tests measure but do not check, for the end of the run.
MEASURED = pytest.StashKey[list[str]]()


@pytest.fixture
def measured(request) -> Callable[[str], None]:
    return request.config.stash[MEASURED].append


def pytest_terminal_summary(terminalreporter, config):
    if figures := config.stash[MEASURED]:
        terminalreporter.section("measured")
        for figure in figures:
            terminalreporter.line(figure)


# Programs, tools and files.


@pytest.fixture(scope="session")
def target(request) -> Path:
    return (ROOT / request.config.option.target_dir).resolve()


@pytest.fixture(scope="session")
def program(target) -> Callable[[str], Path]:
    """The path of a program that cargo has built."""

    def built(name: str) -> Path:
        path = target / "debug" / name
        assert path.exists(), (
            f"there is no {path}; `cargo build --workspace --bins --examples` makes it"
        )
        return path

    return built


@pytest.fixture(scope="session")
def mcp_program(program) -> Path:
    return program("homer-export-mcp")


@pytest.fixture(scope="session")
def components() -> list[Path]:
    files = sorted(DIST.glob("*.wasm"))
    assert len(files) == 3, (
        f"{len(files)} components in {DIST}, expected 3; `cargo xtask dist` makes them"
    )
    return files


@pytest.fixture(scope="session")
def tools(request, target) -> Tools:
    required = request.config.option.require_tools or os.environ.get("CI") == "true"
    return Tools(target / "foreign", CLIENTS, AGENTS, required)


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    started = Processes()
    yield started
    started.stop_all()


# Homers. Each is a dictionary of what has to be in the environment of a program that asks it.


@pytest.fixture(scope="session")
def fake_homer(program, processes) -> Callable[[int], dict[str, str]]:
    """A fake Homer, started once for each argument.

    Without a number of calls it has the recorded ones; with it, every request gets one capture with
    so many calls.
    """
    started: dict[int, dict[str, str]] = {}

    def homer(calls: int = 0) -> dict[str, str]:
        if calls not in started:
            command = [program(FAKE_HOMER), *([str(calls)] if calls else [])]
            process = processes.start(command, stdout=subprocess.PIPE, text=True)
            url, token = process.stdout.readline().split()
            started[calls] = {"HOMER_URL": url, "HOMER_API_TOKEN": token}
        return started[calls]

    return homer


@pytest.fixture(scope="session")
def homer(fake_homer) -> dict[str, str]:
    return fake_homer()


@pytest.fixture(scope="session")
def large_homer(fake_homer) -> dict[str, str]:
    return fake_homer(LARGE_CALLS)


@pytest.fixture(scope="session")
def huge_homer(fake_homer) -> dict[str, str]:
    return fake_homer(HUGE_CALLS)


@pytest.fixture(scope="session")
def capture(program, tmp_path_factory) -> bytes:
    """The capture of the recorded call."""
    file = tmp_path_factory.mktemp("capture") / "call.pcap"
    subprocess.run(
        [program("homer-export"), "--demo", "-o", file],
        check=True,
        capture_output=True,
        timeout=120,
    )
    data = file.read_bytes()
    assert_is_the_capture(data)
    return data


def assert_is_the_capture(data: bytes):
    assert (len(data), hashlib.sha256(data).hexdigest()) == (CAPTURE_BYTES, CAPTURE_SHA256)


@pytest.fixture(scope="module")
def failing_homer(capture) -> Iterator[FailingHomer]:
    server = FailingHomer(capture)
    yield server
    server.shutdown()
    server.server_close()


# Pages, and the servers that they start.


@pytest.fixture(scope="session")
def jco(tmp_path_factory, components, processes, tools) -> Page:
    files = [*components, *(PAGES / "jco").glob("*.mjs")]
    page = Page(PAGES / "jco", tmp_path_factory.mktemp("jco"), files, processes)
    page.install(tools)
    return page


@pytest.fixture(scope="session")
def wasmtime_py(tmp_path_factory, components, processes, tools) -> Page:
    files = [*components, PAGES / "wasmtime-py/call.py"]
    page = Page(PAGES / "wasmtime-py", tmp_path_factory.mktemp("wasmtime-py"), files, processes)
    page.install(tools)
    return page


@pytest.fixture(scope="session")
def wasmtime(request, tmp_path_factory, components, processes) -> Page:
    page = Page(PAGES / "wasmtime", tmp_path_factory.mktemp("wasmtime"), components, processes)
    # Under the name that the page calls it by.
    page.path = page.directory / "bin"
    page.path.mkdir()
    (page.path / "wasmtime").symlink_to(request.config.option.wasmtime.resolve())
    return page


class ServingHost:
    """A host that serves homer-export-mcp.wasm, as its page says."""

    def __init__(self, page: Page):
        self.page = page
        self.started: list[subprocess.Popen] = []

    def serve(self, homer: dict[str, str], for_anyone: bool = False) -> McpHttp:
        caller = {"HOMER_MCP_OPEN": "1"} if for_anyone else {"HOMER_MCP_TOKEN": MCP_TOKEN}
        process, port = self.page.serve(f"{self.page.name} serve", homer, caller)
        self.started.append(process)
        return McpHttp(port, MCP_TOKEN)

    def stop_all(self):
        for process in self.started:
            self.page.processes.stop(process)
        self.started.clear()


@pytest.fixture(
    scope="module", params=["jco", pytest.param("wasmtime", marks=pytest.mark.wasmtime)]
)
def serving_page(request) -> Page:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def mcp_server(serving_page, homer) -> Iterator[McpHttp]:
    """homer-export-mcp.wasm in a third-party host, with the recorded calls."""
    host = ServingHost(serving_page)
    yield host.serve(homer)
    host.stop_all()


@pytest.fixture
def host(serving_page) -> Iterator[ServingHost]:
    """For servers with other Homers. They end with the test: each one of jco takes 500 MB."""
    host = ServingHost(serving_page)
    yield host
    host.stop_all()


# The packaging.


def pack(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, PACKAGING / "pack.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@dataclass
class Packed:
    """What pack.py made: a folder with bundle and registry entry, and the command for the image."""

    folder: Path
    command: list[str]

    @property
    def bundle(self) -> Path:
        [bundle] = self.folder.glob("*.mcpb")
        return bundle


@pytest.fixture(scope="session")
def program_file(mcp_program, tmp_path_factory) -> Path:
    """The debug program without its debug information, where `strip` exists: it packs faster."""
    file = tmp_path_factory.mktemp("program") / "homer-export-mcp"
    shutil.copy(mcp_program, file)
    if shutil.which("strip"):
        subprocess.run(["strip", file], check=True)
    return file


def pack_into(folder: Path, program: Path) -> Packed:
    result = pack(program, folder)
    assert result.returncode == 0, result.stderr
    return Packed(folder, shlex.split(result.stdout.splitlines()[-1]))


@pytest.fixture(scope="session")
def packed(program_file, tmp_path_factory) -> Packed:
    return pack_into(tmp_path_factory.mktemp("packed"), program_file)


@pytest.fixture(scope="session")
def server_json(packed) -> dict:
    return json.loads((packed.folder / "server.json").read_text())


@pytest.fixture(scope="session")
def unpacked(packed, tmp_path_factory) -> Path:
    """The bundle, unpacked by Python."""
    folder = tmp_path_factory.mktemp("zipfile")
    with zipfile.ZipFile(packed.bundle) as archive:
        archive.extractall(folder)
        for entry in archive.infolist():
            (folder / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    return folder


@pytest.fixture(scope="session")
def manifest(unpacked) -> dict:
    return json.loads((unpacked / "manifest.json").read_text())
