"""Packs both programs in every way that this platform has.

    python3 packaging/per_platform.py PROGRAM_DIR [OUT_DIR]

PROGRAM_DIR is where cargo has built homer-export and homer-export-mcp, for example target/release.
The default of OUT_DIR is dist. Packages: an archive, two wheels, two npm packages with their
launchers, an MCP bundle, and on Debian a Debian package. A release runs this on a machine of each
platform, and then per_release.py where all the packages are.
"""

import shutil
import sys
from pathlib import Path

import npm
import pack
from deb import write_deb
from program import PROGRAMS, open_programs
from tarball import write_tarball
from wheel import write_wheel
from workspace import ROOT, workspace


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    folder = Path(sys.argv[1]).resolve()
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "dist"
    values = workspace()
    suffix = ".exe" if (folder / f"{PROGRAMS[0]}.exe").exists() else ""
    programs = open_programs([folder / f"{name}{suffix}" for name in PROGRAMS], values["version"])
    _, server = programs
    paths = [write_tarball(programs, values, out)]
    paths += [write_wheel(program, values, out) for program in programs]
    paths += [npm.write_program(program, values, out) for program in programs]
    paths += npm.write_launchers(values, out)
    paths.append(pack.write_bundle(server, values, out))
    if server.platform.system == "linux" and shutil.which("dpkg-deb"):
        paths.append(write_deb(programs, values, out))
    for path in paths:
        print(f"{path.stat().st_size:>12,} bytes  {path}")


if __name__ == "__main__":
    main()
