"""Writes the Homebrew formula for the archives of tarball.py.

    python3 packaging/homebrew.py [DIR]

The default of DIR is dist. The formula names every archive of this version in DIR for macOS and
Linux with its SHA-256, so copy those of all platforms there before. It belongs into a tap: a
repository OWNER/homebrew-tap, as Formula/homer-export.rb.
"""

import hashlib
import sys
from pathlib import Path

from archives import write_whole
from workspace import ROOT, release_url, workspace

# For each kind of machine, the platforms whose archive runs there; the first that exists is taken.
SYSTEMS = {
    "macos": ["apple-darwin"],
    "linux": ["unknown-linux-musl", "unknown-linux-gnu"],
}
MACHINES = {"arm": "aarch64", "intel": "x86_64"}

TEMPLATE = """\
class HomerExport < Formula
  desc "SIP calls from a Homer capture server as verified pcap files, also over MCP"
  homepage "{repository}"
  version "{version}"
  license any_of: ["MIT", "Apache-2.0"]

{systems}
  def install
    bin.install "homer-export", "homer-export-mcp"
    man1.install Dir["shell/*.1"]
    bash_completion.install "shell/homer-export.bash" => "homer-export"
    zsh_completion.install "shell/_homer-export"
    fish_completion.install "shell/homer-export.fish"
  end

  test do
    system bin/"homer-export", "--demo", "busy@demo"
    assert_path_exists testpath/"busy@demo.pcap"
    assert_match version.to_s, shell_output("#{{bin}}/homer-export-mcp --version")
  end
end
"""


def archive(values: dict[str, str], out: Path, system: str, machine: str) -> Path | None:
    stem = f"homer-export-{values['version']}-{machine}"
    found = (out / f"{stem}-{rest}.tar.gz" for rest in SYSTEMS[system])
    return next((path for path in found if path.is_file()), None)


def write_formula(values: dict[str, str], out: Path) -> Path | None:
    """The formula, or none if the directory has no archive for it."""
    systems = ""
    for system in SYSTEMS:
        machines = ""
        for machine, rust_name in MACHINES.items():
            if path := archive(values, out, system, rust_name):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                machines += (
                    f"    on_{machine} do\n"
                    f'      url "{release_url(values, path.name)}"\n'
                    f'      sha256 "{digest}"\n'
                    "    end\n"
                )
        if machines:
            systems += f"  on_{system} do\n{machines}  end\n\n"
    if not systems:
        return None
    content = TEMPLATE.format(
        repository=values["repository"],
        version=values["version"],
        systems=systems.removesuffix("\n"),
    )
    formula = out / "homer-export.rb"
    write_whole(formula, lambda partial: partial.write_bytes(content.encode()))
    return formula


def main():
    if len(sys.argv) > 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1]) if len(sys.argv) == 2 else ROOT / "dist"
    formula = write_formula(workspace(), out)
    if not formula:
        sys.exit(f"{out} has no archive of this version for macOS or Linux; tarball.py makes them")
    print(formula)


if __name__ == "__main__":
    main()
