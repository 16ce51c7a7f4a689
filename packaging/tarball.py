"""Packs both programs as a .tar.gz for any system, with man pages and completions.

    python3 packaging/tarball.py PROGRAM... [--out DIR]

The default of DIR is dist. The name of the archive ends with Rust's name of the platform. The
Homebrew formula downloads it. The same programs always give the same bytes.
"""

from pathlib import Path

import extras
from archives import Files, write_tar_gz, write_whole
from arguments import programs_and_out
from program import Program
from workspace import LICENSES, ROOT, workspace

NAME = "homer-export"
DOCUMENTS = [*LICENSES, "README.md", "CHANGELOG.md"]


def write_tarball(programs: list[Program], values: dict[str, str], out: Path) -> Path:
    # A program that needs nothing of the system does not make the other one do so.
    built_for = max((program.platform for program in programs), key=lambda p: p.oldest or (0, 0))
    stem = f"{NAME}-{values['version']}-{built_for.triple}"
    files: Files = {}
    for program in programs:
        files[f"{stem}/{program.file_name}"] = (0o755, program.path.read_bytes())
    for name in DOCUMENTS:
        files[f"{stem}/{name}"] = (0o644, (ROOT / name).read_bytes())
    for path in sorted(extras.SHELL.iterdir()):
        files[f"{stem}/shell/{path.name}"] = (0o644, path.read_bytes())
    archive = out / f"{stem}.tar.gz"
    write_whole(archive, lambda partial: write_tar_gz(partial, files))
    return archive


def main():
    values = workspace()
    programs, out = programs_and_out(__doc__, values["version"])
    print(write_tarball(programs, values, out))


if __name__ == "__main__":
    main()
