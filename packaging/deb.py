"""Packs both programs as a Debian package, for Debian, Ubuntu and systems derived from them.

    python3 packaging/deb.py PROGRAM... [--out DIR]

The default of DIR is dist. It needs dpkg-deb. The package contains the man pages and the
completions for bash, zsh and fish, and changes nothing else in the system. The same programs give
the same bytes with the same version of dpkg-deb.
"""

import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import extras
from archives import LEVEL, Files, write_whole
from arguments import programs_and_out
from program import Program
from workspace import AUTHORS, LICENSES, ROOT, about, workspace

NAME = "homer-export"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: {name}
Source: {repository}

Files: *
Copyright: {authors}
License: Expat or Apache-2.0
 The complete texts are in /usr/share/doc/{name}/{mit} and
 /usr/share/doc/{name}/{apache}.
"""


def control(programs: list[Program], values: dict[str, str], installed_bytes: int) -> str:
    built_for = programs[0].platform
    summary, _ = about(NAME, values)
    fields = {
        "Package": NAME,
        "Version": values["version"],
        "Architecture": ARCHITECTURES[built_for.machine],
        "Maintainer": AUTHORS,
        "Installed-Size": str((installed_bytes + 1023) // 1024),
    }
    oldest = [program.platform.oldest for program in programs if program.platform.oldest]
    if oldest:
        major, minor = max(oldest)
        fields["Depends"] = f"libc6 (>= {major}.{minor}), libgcc-s1"
    # Only for a Homer that is reached over HTTPS.
    fields["Recommends"] = "ca-certificates"
    fields["Section"] = "net"
    fields["Priority"] = "optional"
    fields["Homepage"] = values["repository"]
    # Policy 3.4.1: no article at the beginning and no period at the end.
    fields["Description"] = "SIP calls from a Homer capture server as pcap files\n" + "".join(
        f" {line}\n" for line in [summary, "It is also an MCP server: homer-export-mcp."]
    ).rstrip("\n")
    return "".join(f"{name}: {value}\n" for name, value in fields.items())


def installed_files(programs: list[Program], values: dict[str, str]) -> Files:
    files: Files = {}
    for program in programs:
        files[f"usr/bin/{program.name}"] = (0o755, program.path.read_bytes())
    files.update(extras.share([program.name for program in programs]))
    documents = f"usr/share/doc/{NAME}"
    apache, mit = LICENSES
    copyright_file = COPYRIGHT.format(
        name=NAME, repository=values["repository"], authors=AUTHORS, mit=mit, apache=apache
    )
    files[f"{documents}/copyright"] = (0o644, copyright_file.encode())
    changes = gzip.compress((ROOT / "CHANGELOG.md").read_bytes(), compresslevel=9, mtime=0)
    files[f"{documents}/changelog.gz"] = (0o644, changes)
    for name in LICENSES:
        files[f"{documents}/{name}"] = (0o644, (ROOT / name).read_bytes())
    return files


def build(root: Path, path: Path):
    # The number of threads would change the bytes.
    compression = ["-Zxz", f"-z{LEVEL}", "--threads-max=1"]
    command = ["dpkg-deb", "--build", "--root-owner-group", *compression, root, path]
    # Times after the epoch are set back to it.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "315532800"}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    except FileNotFoundError:
        sys.exit("there is no dpkg-deb; the Debian package is built on a system that has it")
    if done.returncode != 0:
        sys.exit(f"dpkg-deb: {done.stderr}")


def write_deb(programs: list[Program], values: dict[str, str], out: Path) -> Path:
    built_for = programs[0].platform
    if built_for.system != "linux":
        sys.exit(f"a Debian package is for Linux, and these programs are for {built_for.system}")
    files = installed_files(programs, values)
    size = sum(len(content) for _, content in files.values())
    files["DEBIAN/control"] = (0o644, control(programs, values, size).encode())
    path = out / f"{NAME}_{values['version']}_{ARCHITECTURES[built_for.machine]}.deb"
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        for name, (mode, content) in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
        # The umask of whoever runs this is no part of the package.
        for directory in [root, *(entry for entry in root.rglob("*") if entry.is_dir())]:
            directory.chmod(0o755)
        write_whole(path, lambda partial: build(root, partial))
    return path


def main():
    values = workspace()
    programs, out = programs_and_out(__doc__, values["version"])
    print(write_deb(programs, values, out))


if __name__ == "__main__":
    main()
