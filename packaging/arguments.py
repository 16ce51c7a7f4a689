"""The arguments of the scripts that pack programs: PROGRAM... [--out DIR]"""

import argparse
from pathlib import Path

from program import Program, open_programs
from workspace import ROOT


def programs_and_out(usage: str, version: str) -> tuple[list[Program], Path]:
    """The programs, all for one platform, and the directory for the packages."""
    parser = argparse.ArgumentParser(
        description=usage, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("programs", nargs="+", type=Path, metavar="PROGRAM")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR")
    given = parser.parse_args()
    return open_programs([path.resolve() for path in given.programs], version), given.out
