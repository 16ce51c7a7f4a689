"""The content of the packages that packaging/ makes: wheels, npm, Debian, crates, Homebrew.

They are made of small stand-ins for the programs. test_installation.py installs the real ones.
"""

import base64
import email
import gzip
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from conftest import PACKAGING, REPOSITORY, VERSION
from processes import succeed
from stand_in import compile_stand_in

PROGRAMS = ["homer-export", "homer-export-mcp"]
LAUNCHERS = {name: f"{name}-{VERSION}.tgz" for name in PROGRAMS}


def run(script: str, *arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, PACKAGING / script, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def made(folder: Path, *options: str) -> Path:
    """The folder with the packages of stand-ins that were compiled with these options."""
    for name in PROGRAMS:
        compile_stand_in(folder / "programs", name, VERSION, *options)
    for script, arguments in [("per_platform.py", [folder / "programs"]), ("per_release.py", [])]:
        done = run(script, *arguments, folder / "dist")
        assert done.returncode == 0, done.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def dist(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("dynamic"))


@pytest.fixture(scope="module")
def static_dist(tmp_path_factory) -> Path:
    return made(tmp_path_factory.mktemp("static"), "-static")


def only(folder: Path, pattern: str) -> Path:
    [path] = folder.glob(pattern)
    return path


# All packages.


def test_packages_have_the_same_bytes_again(dist, tmp_path):
    again = made(tmp_path)
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        path.name: path.read_bytes() for path in dist.iterdir()
    }


def test_packages_leave_nothing_unnamed(dist):
    assert [path.name for path in dist.iterdir() if path.name.startswith(".")] == []


def test_checksums_are_those_of_all_packages(dist):
    succeed(["sha256sum", "--strict", "--check", "SHA256SUMS"], cwd=dist)
    listed = [line.split()[1] for line in (dist / "SHA256SUMS").read_text().splitlines()]
    assert sorted([*listed, "SHA256SUMS"]) == sorted(path.name for path in dist.iterdir())


def test_packages_refuse_another_version(tmp_path):
    for name in PROGRAMS:
        compile_stand_in(tmp_path, name, "0.0.0")
    refused = run("per_platform.py", tmp_path, tmp_path / "out")
    assert refused.returncode != 0
    assert f"the workspace has version {VERSION}" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_packages_refuse_a_program_of_another_name(tmp_path):
    other = compile_stand_in(tmp_path, "other", VERSION)
    refused = run("wheel.py", other, "--out", tmp_path / "out")
    assert refused.returncode != 0
    assert "the name of a program is homer-export or homer-export-mcp" in refused.stderr


# The platform is read from the program. These are the first bytes of programs of other systems.


def elf_of_arm() -> bytes:
    header = [2, 1, 1, 0, 0, 3, 183, 1, 0, 64, 0, 0, 64, 56, 0]
    return struct.pack("<4s5B7xHHIQQQIHHH", b"\x7fELF", *header)


def mach_o(machine: int, version: int) -> bytes:
    header = struct.pack("<8I", 0xFEEDFACF, machine, 0, 2, 1, 24, 0, 0)
    return header + struct.pack("<6I", 0x32, 24, 1, version << 16, 0, 0)


def pe(machine: int) -> bytes:
    return b"MZ" + bytes(58) + struct.pack("<I4sH", 64, b"PE\0\0", machine)


ANY_LINUX = "manylinux2014_{0}.manylinux_2_17_{0}.musllinux_1_1_{0}"
FOREIGN = [
    (elf_of_arm(), ANY_LINUX.format("aarch64"), "linux-arm64"),
    (mach_o(0x01000007, 10), "macosx_10_0_x86_64", "darwin-x64"),
    (mach_o(0x0100000C, 11), "macosx_11_0_arm64", "darwin-arm64"),
    (pe(0x8664), "win_amd64", "win32-x64"),
    (pe(0xAA64), "win_arm64", "win32-arm64"),
]


@pytest.mark.parametrize("content, wheel, npm", FOREIGN, ids=[npm for *_, npm in FOREIGN])
def test_platform_is_that_of_the_program(content, wheel, npm, tmp_path):
    suffix = ".exe" if "win32" in npm else ""
    program = tmp_path / f"homer-export-mcp{suffix}"
    program.write_bytes(content)
    for script in ["wheel.py", "npm.py"]:
        done = run(script, program, "--out", tmp_path / "out")
        assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        f"homer_export_mcp-{VERSION}-py3-none-{wheel}.whl",
        f"homer-export-mcp-{npm}-{VERSION}.tgz",
        LAUNCHERS["homer-export-mcp"],
    }
    with zipfile.ZipFile(only(tmp_path / "out", "*.whl")) as archive:
        assert f"homer_export_mcp-{VERSION}.data/scripts/{program.name}" in archive.namelist()


# Wheels.


@pytest.fixture(scope="module", params=PROGRAMS)
def wheel(request, dist) -> Path:
    return only(dist, f"{request.param.replace('-', '_')}-{VERSION}-*.whl")


@pytest.fixture(scope="module")
def wheel_files(wheel) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_wheel_of_a_dynamic_program_needs_its_glibc(wheel):
    needed = re.search(r"-py3-none-manylinux_2_(\d+)_x86_64\.whl$", wheel.name)
    # The build machine's own glibc, or an older one if no newer symbol is used.
    here = succeed(["getconf", "GNU_LIBC_VERSION"]).split(".")[1]
    assert needed and 2 < int(needed[1]) <= int(here)


def test_wheel_of_a_static_program_needs_nothing(static_dist):
    tags = [path.stem.split("-none-")[1] for path in static_dist.glob("*.whl")]
    assert tags == [ANY_LINUX.format("x86_64")] * len(PROGRAMS)


def test_wheel_record_has_the_hash_of_every_file(wheel_files):
    [record] = [name for name in wheel_files if name.endswith(".dist-info/RECORD")]
    lines = [line.split(",") for line in wheel_files[record].decode().splitlines()]
    assert {name for name, *_ in lines} == set(wheel_files)
    for name, digest, size in lines:
        if name != record:
            content = wheel_files[name]
            sha256 = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=")
            assert (digest, size) == (f"sha256={sha256.decode()}", str(len(content))), name


def test_wheel_metadata(wheel, wheel_files):
    [path] = [name for name in wheel_files if name.endswith("/METADATA")]
    fields = email.message_from_bytes(wheel_files[path])
    assert (fields["Name"].replace("-", "_"), fields["Version"]) == tuple(wheel.name.split("-")[:2])
    assert fields["License-Expression"] == "MIT OR Apache-2.0"
    assert REPOSITORY in fields["Project-URL"]
    assert "{{" not in fields.get_payload()


def test_wheel_passes_twine_check(tools, wheel):
    succeed([tools.python("twine") / "twine", "check", "--strict", wheel])


# npm.


def packed_json(path: Path) -> dict:
    with tarfile.open(path) as archive:
        return json.load(archive.extractfile("package/package.json"))


def test_packages_name_the_server_of_the_registry(dist):
    """With this, the MCP registry proves that the owner of the server owns the packages."""
    name = json.loads((dist / "server.json").read_text())["name"]
    assert packed_json(dist / LAUNCHERS["homer-export-mcp"])["mcpName"] == name
    with zipfile.ZipFile(only(dist, "homer_export_mcp-*.whl")) as archive:
        [metadata] = [path for path in archive.namelist() if path.endswith("/METADATA")]
        assert f"mcp-name: {name} " in archive.read(metadata).decode()


@pytest.mark.parametrize("name", PROGRAMS)
def test_npm_launcher_depends_on_the_programs(dist, name):
    described = packed_json(dist / LAUNCHERS[name])
    assert described["optionalDependencies"] == {f"{name}-linux-x64": VERSION}
    assert described["bin"] == {name: "launch.js"}


def test_npm_launcher_depends_on_all_platforms_of_the_version(dist, tmp_path):
    for path in dist.glob("*.tgz"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    for name in [f"darwin-arm64-{VERSION}", f"win32-x64-{VERSION}", "win32-arm64-0.0.0"]:
        (tmp_path / f"homer-export-{name}.tgz").touch()
    assert run("per_release.py", tmp_path).returncode == 0
    described = packed_json(tmp_path / LAUNCHERS["homer-export"])
    assert described["optionalDependencies"] == {
        f"homer-export-{platform}": VERSION
        for platform in ["darwin-arm64", "linux-x64", "win32-x64"]
    }


def test_npm_program_is_for_its_platform_alone(dist, static_dist):
    file = f"homer-export-mcp-linux-x64-{VERSION}.tgz"
    described = packed_json(dist / file)
    assert (described["os"], described["cpu"], described["libc"]) == (["linux"], ["x64"], ["glibc"])
    assert "libc" not in packed_json(static_dist / file)


def test_npm_program_is_executable(dist):
    with tarfile.open(dist / f"homer-export-mcp-linux-x64-{VERSION}.tgz") as archive:
        modes = {entry.name: entry.mode for entry in archive}
    assert modes["package/bin/homer-export-mcp"] == 0o755
    assert modes["package/package.json"] == 0o644


def test_npm_launcher_without_its_program_says_so(dist, tmp_path):
    with tarfile.open(dist / LAUNCHERS["homer-export-mcp"]) as archive:
        archive.extractall(tmp_path, filter="data")
    done = subprocess.run(
        ["node", tmp_path / "package/launch.js"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "homer-export-mcp has no program for linux-x64 here. The package "
        "homer-export-mcp-linux-x64 is not installed. Install homer-export-mcp again with "
        "optional dependencies (without --omit=optional), and do not copy node_modules from "
        "another platform. A Linux without glibc may need another way of installation.\n"
    )


def test_npm_launcher_names_the_platforms_that_exist(dist, tmp_path):
    with tarfile.open(dist / LAUNCHERS["homer-export-mcp"]) as archive:
        archive.extractall(tmp_path, filter="data")
    path = tmp_path / "package/package.json"
    described = json.loads(path.read_text())
    described["optionalDependencies"] = {"homer-export-mcp-plan9-x64": VERSION}
    path.write_text(json.dumps(described))
    done = subprocess.run(
        ["node", tmp_path / "package/launch.js"], capture_output=True, text=True, timeout=60
    )
    assert done.stderr == (
        "homer-export-mcp has no program for linux-x64 here. "
        "This version has programs for plan9-x64.\n"
    )


# The Debian package.


def deb(dist: Path) -> Path:
    return only(dist, "*.deb")


def field(package: Path, name: str) -> str:
    return succeed(["dpkg-deb", "--field", package, name]).strip()


def test_deb_depends_on_the_c_library_that_it_needs(dist, static_dist):
    assert re.fullmatch(r"libc6 \(>= 2\.\d+\), libgcc-s1", field(deb(dist), "Depends"))
    assert field(deb(static_dist), "Depends") == ""


def test_deb_version_and_architecture(dist):
    assert (field(deb(dist), "Version"), field(deb(dist), "Architecture")) == (VERSION, "amd64")


def test_deb_has_these_files(dist, tmp_path):
    succeed(["dpkg-deb", "--extract", deb(dist), tmp_path])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {str(path.relative_to(tmp_path / "usr")) for path in files} == {
        "bin/homer-export",
        "bin/homer-export-mcp",
        "share/bash-completion/completions/homer-export",
        "share/doc/homer-export/LICENSE-APACHE",
        "share/doc/homer-export/LICENSE-MIT",
        "share/doc/homer-export/changelog.gz",
        "share/doc/homer-export/copyright",
        "share/fish/vendor_completions.d/homer-export.fish",
        "share/man/man1/homer-export-check.1.gz",
        "share/man/man1/homer-export-find.1.gz",
        "share/man/man1/homer-export.1.gz",
        "share/zsh/site-functions/_homer-export",
    }
    page = gzip.decompress((tmp_path / "usr/share/man/man1/homer-export.1.gz").read_bytes())
    assert page == (PACKAGING / "shell/homer-export.1").read_bytes()


def test_deb_belongs_to_root_and_runs_no_script(dist):
    listed = succeed(["dpkg-deb", "--contents", deb(dist)]).splitlines()
    assert {line.split()[1] for line in listed} == {"root/root"}
    control = succeed(["sh", "-c", f"dpkg-deb --ctrl-tarfile {deb(dist)} | tar -t"]).split()
    assert control == ["./", "./control"]


# The crates.


@pytest.fixture(scope="module")
def crates(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("crates")
    (folder / "homer-export.wasm").write_bytes(b"\0asm\x0d\0\x01\0")
    done = run("crates.py", folder / "homer-export.wasm", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def crate_files(crates: Path, name: str) -> dict[str, bytes]:
    """The files of the package, as cargo makes it."""
    with tarfile.open(crates / f"target/package/{name}-{VERSION}.crate") as archive:
        files = {entry.name: archive.extractfile(entry).read() for entry in archive}
    return {path.split("/", 1)[1]: content for path, content in files.items()}


@pytest.fixture(scope="module")
def packaged_crates(crates) -> Path:
    # Without compiling them, which takes as long as a release build.
    options = ["--no-verify", "--offline", "--locked", "--allow-dirty", "--target-dir=target"]
    succeed(["cargo", "package", "--workspace", *options], cwd=crates)
    return crates


def test_crate_contains_the_component_and_no_build_script(packaged_crates):
    files = crate_files(packaged_crates, "homer-host")
    assert files["homer-export.wasm"] == b"\0asm\x0d\0\x01\0"
    assert "build.rs" not in files
    assert b'include_bytes!("../homer-export.wasm")' in files["src/lib.rs"]


@pytest.mark.parametrize(
    "name", ["homer-export", "fake-homer", "homer-host", "homer-export-cli", "homer-export-mcp"]
)
def test_crate_reads_no_file_outside_of_it(packaged_crates, name):
    files = crate_files(packaged_crates, name)
    assert "build.rs" not in files and b"xtask" not in files["Cargo.toml"]
    for path, content in files.items():
        if path.endswith(".rs") and "tests" not in path:
            for target in re.findall(r'include_(?:str|bytes)!\(\s*"([^"]+)"', content.decode()):
                resolved = os.path.normpath(Path(path).parent / target)
                assert resolved in files, f"{path} includes {target}"


def test_crates_are_not_written_over_something_else(tmp_path):
    (tmp_path / "homer-export.wasm").touch()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/precious").touch()
    refused = run("crates.py", tmp_path / "homer-export.wasm", tmp_path / "out")
    assert refused.returncode != 0
    assert "is not a directory that this script has made" in refused.stderr
    assert (tmp_path / "out/precious").exists()


# The archive, and the formula that downloads it.


@pytest.mark.parametrize("kind, c_library", [("dist", "gnu"), ("static_dist", "musl")])
def test_formula_has_address_and_hash_of_the_archive(request, kind, c_library):
    dist = request.getfixturevalue(kind)
    archive = dist / f"homer-export-{VERSION}-x86_64-unknown-linux-{c_library}.tar.gz"
    formula = (dist / "homer-export.rb").read_text()
    assert f'url "{REPOSITORY}/releases/download/v{VERSION}/{archive.name}"' in formula
    assert f'sha256 "{hashlib.sha256(archive.read_bytes()).hexdigest()}"' in formula
    assert "on_macos" not in formula


def test_formula_installs_what_is_in_the_archive(dist):
    with tarfile.open(only(dist, "*.tar.gz")) as archive:
        [top] = {name.split("/")[0] for name in archive.getnames()}
        files = {name.removeprefix(f"{top}/") for name in archive.getnames()}
    formula = (dist / "homer-export.rb").read_text()
    steps = formula.split("def install")[1]
    installed = set(re.findall(r'"(homer-export(?:-mcp)?|shell/[^"*]+)"', steps))
    assert installed and installed <= files


def test_formula_needs_an_archive(tmp_path):
    refused = run("homebrew.py", tmp_path)
    assert refused.returncode != 0
    assert "has no archive of this version" in refused.stderr
