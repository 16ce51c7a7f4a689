"""Packs programs as Python wheels, one for each program: `uvx homer-export-mcp` then runs it.

    python3 packaging/wheel.py PROGRAM... [--out DIR]

The default of DIR is dist. A distribution has the name of its program, because uvx, `pipx run` and
`pipx install` look for the program in the distribution that they are given. The program is in the
scripts directory of the wheel, so pip puts it into the PATH without any Python in between. The same
program always gives the same bytes.

The format is that of the binary distribution format of the Python Packaging User Guide.
"""

import base64
import hashlib
from pathlib import Path

from archives import Files, write_whole, write_zip
from arguments import programs_and_out
from program import Platform, Program
from workspace import AUTHORS, KEYWORDS, LICENSES, ROOT, about, workspace


def tags(platform: Platform) -> list[str]:
    """The platforms that an installer may choose the wheel for."""
    if platform.system == "win32":
        return [{"x86_64": "win_amd64", "aarch64": "win_arm64"}[platform.machine]]
    if platform.system == "darwin":
        major, minor = platform.oldest
        # From macOS 11 on, installers compare the major number alone and expect 0 here.
        minor = minor if major < 11 else 0
        machine = {"aarch64": "arm64"}.get(platform.machine, platform.machine)
        return [f"macosx_{major}_{minor}_{machine}"]
    if platform.oldest is None:
        # Nothing is needed of the system. These are the oldest names that installers know.
        return [
            f"manylinux2014_{platform.machine}",
            f"manylinux_2_17_{platform.machine}",
            f"musllinux_1_1_{platform.machine}",
        ]
    major, minor = platform.oldest
    return [f"manylinux_{major}_{minor}_{platform.machine}"]


def metadata(program: Program, values: dict[str, str]) -> str:
    summary, page = about(program.name, values)
    fields = [
        ("Metadata-Version", "2.4"),
        ("Name", program.name),
        ("Version", values["version"]),
        ("Summary", summary),
        ("Author", AUTHORS),
        ("Keywords", ",".join(KEYWORDS)),
        ("License-Expression", values["license"]),
        *(("License-File", name) for name in LICENSES),
        ("Project-URL", f"Repository, {values['repository']}"),
        ("Requires-Python", ">=3.8"),
        ("Description-Content-Type", "text/markdown"),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields) + "\n" + page


def record(files: Files, path: str) -> bytes:
    lines = []
    for name, (_, content) in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        lines.append(f"{name},sha256={digest},{len(content)}\n")
    # The record cannot contain its own hash.
    return "".join([*lines, f"{path},,\n"]).encode()


def write_wheel(program: Program, values: dict[str, str], out: Path) -> Path:
    stem = f"{program.name.replace('-', '_')}-{values['version']}"
    platforms = tags(program.platform)
    generator = ["Wheel-Version: 1.0", "Generator: homer-export", "Root-Is-Purelib: false"]
    wheel = [*generator, *(f"Tag: py3-none-{platform}" for platform in platforms)]
    info = f"{stem}.dist-info"
    # Installers like the metadata to be at the end, where they find it without reading the rest.
    files: Files = {
        f"{stem}.data/scripts/{program.file_name}": (0o755, program.path.read_bytes()),
        f"{info}/METADATA": (0o644, metadata(program, values).encode()),
        f"{info}/WHEEL": (0o644, "".join(f"{line}\n" for line in wheel).encode()),
    }
    for name in LICENSES:
        files[f"{info}/licenses/{name}"] = (0o644, (ROOT / name).read_bytes())
    files[f"{info}/RECORD"] = (0o644, record(files, f"{info}/RECORD"))
    path = out / f"{stem}-py3-none-{'.'.join(platforms)}.whl"
    write_whole(path, lambda partial: write_zip(partial, files))
    return path


def main():
    values = workspace()
    programs, out = programs_and_out(__doc__, values["version"])
    for program in programs:
        print(write_wheel(program, values, out))


if __name__ == "__main__":
    main()
