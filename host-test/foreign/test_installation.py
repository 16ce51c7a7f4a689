"""The packages of packaging/, installed from local files without a network, in the installers.

Nothing of this repository, of Rust, or of the user is in the environment of the installed programs:
PATH has the installed programs and what the installer itself starts. The Debian package runs in a
root directory that contains nothing but it and the C library.

A table at the end of the run says how large the packages are and how long everything took. The
programs are those of the debug build, whose component is compiled once and then cached.
`--programs target/release` takes those of a release, compresses them as a release does, and caches
nothing.
"""

import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from conftest import MEASURED, PACKAGING, ROOT
from mcp_stdio import TOOLS, list_tools
from processes import succeed

PROGRAMS = ["homer-export", "homer-export-mcp"]
# The call busy@demo, as README.md shows it.
DEMO_SHA256 = "6bfd17c618ed6977b0efc7781f5ef9242471e0497291824e4ce85948aa92ef93"
DEMO_VERDICT = "refused: 486 Busy Here from 192.0.2.20:5060 after 0.165 s"


@dataclass
class Installation:
    # The words that start a program; its arguments follow.
    command: Callable[[str], list]
    environment: dict[str, str]
    packages: list[Path]
    install_s: float
    seconds: dict[str, float] = field(default_factory=dict)

    def row(self, kind: str) -> str:
        megabytes = sum(path.stat().st_size for path in self.packages) / 1e6
        times = [f"{name} {value:5.1f} s" for name, value in self.seconds.items()]
        first = f"{kind:5} packages {megabytes:5.1f} MB, installed in {self.install_s:5.1f} s"
        return ", ".join([first, *times])


@pytest.fixture(scope="module")
def release(request) -> Path | None:
    """The directory with the programs of a release build, if one is given."""
    programs = request.config.option.programs
    return programs and (ROOT / programs).resolve()


@pytest.fixture(scope="module")
def dist(release, program, tmp_path_factory) -> Path:
    """All packages. Debug programs are packed without their debug information."""
    folder = tmp_path_factory.mktemp("release")
    (folder / "programs").mkdir()
    for name in PROGRAMS:
        built = release / name if release else program(name)
        succeed(["strip", "-o", folder / "programs" / name, built])
    per_platform = [sys.executable, PACKAGING / "per_platform.py", folder / "programs"]
    environment = {**os.environ, "PACKAGING_LEVEL": "9" if release else "1"}
    succeed([*per_platform, folder / "dist"], timeout_s=900, env=environment)
    succeed([sys.executable, PACKAGING / "per_release.py", folder / "dist"], env=environment)
    return folder / "dist"


def path_of(folder: Path, *commands: str) -> Path:
    """A directory for PATH that contains these commands and nothing else."""
    folder.mkdir()
    for command in commands:
        found = shutil.which(command)
        assert found, f"there is no program {command}"
        (folder / command).symlink_to(os.path.realpath(found))
    return folder


# Each takes the packages, an empty directory, an environment, and the tools of these tests.


def pip(dist, folder, environment, tools) -> Installation:
    wheels = sorted(dist.glob("*.whl"))
    succeed([sys.executable, "-m", "venv", folder / "venv"])
    options = ["--no-index", "--no-cache-dir", "--disable-pip-version-check", "--quiet"]
    begin = time.monotonic()
    succeed([folder / "venv/bin/pip", "install", *options, *wheels], env=environment)
    seconds = time.monotonic() - begin
    return Installation(lambda name: [folder / "venv/bin" / name], environment, wheels, seconds)


def uvx(dist, folder, environment, tools) -> Installation:
    program = tools.python("uv") / "uvx"
    options = ["--offline", "--no-index", "--find-links", dist, "--python", sys.executable]
    environment = {**environment, "UV_CACHE_DIR": str(folder / "cache")}
    begin = time.monotonic()
    for name in PROGRAMS:
        succeed([program, *options, name, "--version"], env=environment)
    seconds = time.monotonic() - begin
    wheels = sorted(dist.glob("*.whl"))
    return Installation(
        lambda name: [program, *options, "--quiet", name], environment, wheels, seconds
    )


def npx(dist, folder, environment, tools) -> Installation:
    # npx starts a program in a shell, and the launcher is started by env.
    path = path_of(folder / "path", "node", "npm", "npx", "sh", "env")
    environment = {**environment, "PATH": str(path), "npm_config_cache": str(folder / "cache")}
    packages = sorted(dist.glob("*.tgz"))
    (folder / "project").mkdir()
    options = ["--offline", "--no-audit", "--no-fund", "--prefix", folder / "project"]
    begin = time.monotonic()
    succeed([path / "npm", "install", *options, *packages], env=environment)
    seconds = time.monotonic() - begin
    command = [path / "npx", "--offline", "--no", "--prefix", folder / "project"]
    return Installation(lambda name: [*command, name], environment, packages, seconds)


def deb(dist, folder, environment, tools) -> Installation:
    [package] = dist.glob("*.deb")
    root = folder / "root"
    begin = time.monotonic()
    succeed(["dpkg-deb", "--extract", package, root])
    seconds = time.monotonic() - begin
    # The dependencies of the package: the C library, where the program looks for it.
    for name in PROGRAMS:
        for library in re.findall(r"(/\S+) \(0x", succeed(["ldd", root / "usr/bin" / name])):
            copy = root / library.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(library), copy)
    chroot = [shutil.which("chroot", path=f"{os.environ['PATH']}:/usr/sbin"), root]
    if os.geteuid() != 0:
        chroot = [shutil.which("sudo"), "--non-interactive", *chroot]
    cache = Path(environment["XDG_CACHE_HOME"])
    if cache.exists():
        shutil.copytree(cache, root / "cache")
    environment = {**environment, "HOME": "/", "XDG_CACHE_HOME": "/cache"}
    return Installation(lambda name: [*chroot, f"/usr/bin/{name}"], environment, [package], seconds)


KINDS = {kind.__name__: kind for kind in (pip, uvx, npx, deb)}


@pytest.fixture(scope="module", params=KINDS)
def installation(
    request, release, dist, tools, target, tmp_path_factory
) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp(request.param)
    environment = {
        "PATH": str(path_of(folder / "empty")),
        "HOME": str(folder),
        # A debug program takes a minute to compile the component.
        "XDG_CACHE_HOME": str(folder if release else target / "foreign/cache"),
    }
    installed = KINDS[request.param](dist, folder, environment, tools)
    yield installed
    request.config.stash[MEASURED].append(installed.row(request.param))


def test_installed_program_runs_the_demo(installation, tmp_path):
    begin = time.monotonic()
    said = succeed(
        [*installation.command("homer-export"), "--demo", "busy@demo"],
        env=installation.environment,
        cwd=tmp_path,
    )
    installation.seconds["demo"] = time.monotonic() - begin
    assert DEMO_VERDICT in said
    assert f"sha256 {DEMO_SHA256}" in said


def test_installed_server_lists_its_tools(installation, tmp_path):
    begin = time.monotonic()
    ended = list_tools(
        [*installation.command("homer-export-mcp"), "--demo"], installation.environment, tmp_path
    )
    installation.seconds["tools/list"] = time.monotonic() - begin
    assert ended.tools == TOOLS
    assert (ended.code, ended.rest) == (0, "")


@pytest.mark.parametrize("name", PROGRAMS)
def test_installed_program_passes_on_arguments_and_exit_code(installation, name):
    command = [*installation.command(name), "--no-such-option"]
    done = subprocess.run(
        command, env=installation.environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr


def test_npm_launcher_passes_on_the_end(dist, tmp_path):
    """A client that ends the launcher alone must not leave the server behind."""
    options = ["--offline", "--no-audit", "--no-fund", "--prefix", tmp_path]
    packages = sorted(dist.glob("homer-export-mcp-*.tgz"))
    succeed(["npm", "install", *options, *packages])
    launcher = tmp_path / "node_modules/homer-export-mcp/launch.js"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["node", launcher, "--demo"], **pipes) as process:
        try:
            process.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
            process.stdin.flush()
            assert process.stdout.readline(), "the server has not started"
            process.terminate()
            # The end of the pipe is reached when the server, too, has closed it.
            ended, _, _ = select.select([process.stdout], [], [], 60)
            assert ended and process.stdout.read() == b"", "the server goes on"
        finally:
            # Its input ends, so the server does in any case.
            process.stdin.close()
