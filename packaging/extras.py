"""What packages for a system contain besides the programs: man pages and shell completions."""

import gzip
from pathlib import Path

from archives import Files
from workspace import HERE

SHELL = HERE / "shell"

# Directory below /usr/share, and name, of the completions that shells look for by themselves.
COMPLETIONS = {
    "{name}.bash": "bash-completion/completions/{name}",
    "_{name}": "zsh/site-functions/_{name}",
    "{name}.fish": "fish/vendor_completions.d/{name}.fish",
}


def share(names: list[str]) -> Files:
    """The files below /usr/share for the programs of these names."""
    files: Files = {}
    for name in names:
        for source, target in COMPLETIONS.items():
            path = SHELL / source.format(name=name)
            if path.exists():
                files[f"usr/share/{target.format(name=name)}"] = (0o644, path.read_bytes())
    for page in man_pages():
        packed = gzip.compress(page.read_bytes(), compresslevel=9, mtime=0)
        files[f"usr/share/man/man1/{page.name}.gz"] = (0o644, packed)
    return files


def man_pages() -> list[Path]:
    return sorted(SHELL.glob("*.1"))
