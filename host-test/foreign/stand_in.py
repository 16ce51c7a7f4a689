"""Small programs in place of the two real ones, which take long to pack.

All that they can do is say their version.
"""

from pathlib import Path

from processes import succeed


def compile_stand_in(folder: Path, name: str, version: str, *options: str) -> Path:
    """A program of this machine, linked with its C library. `-static` links it statically."""
    source = f'#include <stdio.h>\nint main(void) {{ puts("{name} {version}"); return 0; }}\n'
    program = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    succeed(["cc", *options, "-x", "c", "-o", program, "-"], input=source)
    return program
