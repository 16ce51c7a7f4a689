"""Writes what a release has once: for all the packages of per_platform.py in one directory.

    python3 packaging/per_release.py [DIR]

The default of DIR is dist. It writes the npm launchers, the Homebrew formula, the entry for the MCP
registry, and the checksums of every file in SHA256SUMS, which `sha256sum --check` reads.
"""

import hashlib
import sys
from pathlib import Path

import npm
import pack
from archives import write_whole
from homebrew import write_formula
from workspace import ROOT, workspace

CHECKSUMS = "SHA256SUMS"


def write_checksums(out: Path) -> Path:
    files = [
        path
        for path in sorted(out.iterdir())
        if path.is_file() and not path.name.startswith((".", CHECKSUMS))
    ]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    path = out / CHECKSUMS
    write_whole(path, lambda partial: partial.write_bytes("".join(lines).encode()))
    return path


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1]) if len(sys.argv) == 2 else ROOT / "dist"
    if not out.is_dir():
        sys.exit(f"there is no directory {out}; per_platform.py makes it")
    values = workspace()
    for path in [
        *npm.write_launchers(values, out),
        write_formula(values, out),
        pack.write_registry_entry(values, out),
        write_checksums(out),
    ]:
        if path:
            print(path)


if __name__ == "__main__":
    main()
