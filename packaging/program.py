"""The two programs, and the platform that each file was built for, as its first bytes state it.

A release is packed on other machines than those it runs on, so nothing here is taken from the
machine that runs these scripts, except whether a program can be started on it.
"""

import platform
import re
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ["homer-export", "homer-export-mcp"]


@dataclass(frozen=True)
class Platform:
    # As Python's sys.platform has it: linux, darwin, win32.
    system: str
    # As Rust has it: x86_64, aarch64.
    machine: str
    # Linux: the oldest glibc that has all symbols; None if the program is linked statically.
    # macOS: the oldest release that it runs on. Windows: None.
    oldest: tuple[int, int] | None = None

    @property
    def triple(self) -> str:
        """Rust's name of the target."""
        c_library = "gnu" if self.oldest else "musl"
        rest = {
            "linux": f"unknown-linux-{c_library}",
            "darwin": "apple-darwin",
            "win32": "pc-windows-msvc",
        }
        return f"{self.machine}-{rest[self.system]}"

    @property
    def suffix(self) -> str:
        return ".exe" if self.system == "win32" else ""

    def is_this_machine(self) -> bool:
        machine = {"amd64": "x86_64", "arm64": "aarch64"}
        here = platform.machine().lower()
        return (self.system, self.machine) == (sys.platform, machine.get(here, here))


@dataclass(frozen=True)
class Program:
    name: str
    path: Path
    platform: Platform

    @property
    def file_name(self) -> str:
        return self.name + self.platform.suffix


def open_program(path: Path, version: str) -> Program:
    """The program in this file. The file's name, without `.exe`, is that of the program.

    If it was built for this machine, it must say the workspace's version.
    """
    name = path.name.removesuffix(".exe")
    if name not in PROGRAMS:
        sys.exit(f"{path}: the name of a program is {' or '.join(PROGRAMS)}")
    if not path.is_file():
        sys.exit(
            f"there is no program {path}; "
            "cargo build --release -p homer-export-cli -p homer-export-mcp makes it"
        )
    built_for = platform_of(path)
    if built_for.is_this_machine():
        check_version(path, name, version)
    return Program(name, path, built_for)


def open_programs(paths: list[Path], version: str) -> list[Program]:
    programs = [open_program(path, version) for path in paths]
    if len({(program.platform.system, program.platform.machine) for program in programs}) > 1:
        sys.exit("the programs were built for different platforms; pack them one by one")
    return programs


def check_version(path: Path, name: str, version: str):
    try:
        said = subprocess.run(
            [str(path), "--version"], capture_output=True, text=True, timeout=60
        ).stdout
    except (OSError, ValueError, subprocess.TimeoutExpired) as why:
        sys.exit(f"{path} does not say its version: {why}")
    # The commit may follow.
    if said.split()[:2] != [name, version]:
        sys.exit(
            f"{path} says {said.strip()!r}, but the workspace has version {version}; build it anew"
        )


def platform_of(path: Path) -> Platform:
    content = path.read_bytes()
    for magic, read in FORMATS.items():
        if content.startswith(magic):
            try:
                return read(content)
            except (struct.error, KeyError, ValueError, StopIteration) as why:
                sys.exit(f"{path}: cannot tell the platform that it was built for: {why!r}")
    sys.exit(f"{path} is not a program of Linux, macOS or Windows")


def elf(content: bytes) -> Platform:
    """Linux. The numbers are from the ELF specification, 64 bits, little-endian."""
    if content[4:6] != b"\x02\x01":
        raise ValueError("not ELF with 64 bits, little-endian")
    [machine] = struct.unpack_from("<H", content, 18)
    [table] = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    # (type, offset in the file, virtual address, bytes in the file)
    segments = []
    for number in range(count):
        kind, _, offset, address, _, length = struct.unpack_from(
            "<IIQQQQ", content, table + number * size
        )
        segments.append((kind, offset, address, length))
    interpreter, dynamic, load = 3, 2, 1
    oldest = None
    if any(kind == interpreter for kind, *_ in segments):
        start, length = next((o, n) for kind, o, _, n in segments if kind == dynamic)
        entries = dict(struct.iter_unpack("<QQ", content[start : start + length // 16 * 16]))
        string_table, string_bytes = 5, 10
        address = entries[string_table]
        offset = next(
            address - begin + o
            for kind, o, begin, n in segments
            if kind == load and begin <= address < begin + n
        )
        names = content[offset : offset + entries[string_bytes]]
        needed = re.findall(rb"\0GLIBC_(\d+)\.(\d+)(?=[\0.])", names)
        if not needed:
            raise ValueError("it is linked with a C library other than glibc; link it statically")
        oldest = max((int(major), int(minor)) for major, minor in needed)
    return Platform("linux", {62: "x86_64", 183: "aarch64"}[machine], oldest)


def mach_o(content: bytes) -> Platform:
    """macOS. The numbers are from <mach-o/loader.h> and <mach/machine.h>."""
    _, machine, _, _, count, _, _, _ = struct.unpack_from("<8I", content)
    build_version, version_min_macosx = 0x32, 0x24
    position, oldest = 32, None
    for _ in range(count):
        command, size = struct.unpack_from("<II", content, position)
        if command in (build_version, version_min_macosx):
            field = 12 if command == build_version else 8
            [version] = struct.unpack_from("<I", content, position + field)
            oldest = (version >> 16, version >> 8 & 0xFF)
        position += size
    if oldest is None:
        raise ValueError("it does not state the oldest macOS that it runs on")
    return Platform("darwin", {0x01000007: "x86_64", 0x0100000C: "aarch64"}[machine], oldest)


def pe(content: bytes) -> Platform:
    """Windows. The numbers are from the specification of the PE format."""
    [header] = struct.unpack_from("<I", content, 0x3C)
    signature, machine = struct.unpack_from("<4sH", content, header)
    if signature != b"PE\0\0":
        raise ValueError("it has no PE header")
    return Platform("win32", {0x8664: "x86_64", 0xAA64: "aarch64"}[machine])


FORMATS = {b"\x7fELF": elf, b"\xcf\xfa\xed\xfe": mach_o, b"MZ": pe}
