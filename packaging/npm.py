"""Packs programs for npm: `npx homer-export-mcp` then runs one.

    python3 packaging/npm.py PROGRAM... [--out DIR]

The default of DIR is dist. For each program it writes two tarballs that npm can install or publish:

* the program itself, for example homer-export-mcp-linux-x64, which npm installs on that platform
  only;
* a launcher with the name of the program. Its optional dependencies are the packages of this
  version in DIR, so copy those of all platforms there before the last run. npm installs the one
  that fits and ignores the others.

The same programs always give the same bytes.
"""

import re
from pathlib import Path

from archives import Files, write_tar_gz, write_whole
from arguments import programs_and_out
from program import PROGRAMS, Platform, Program
from workspace import AUTHORS, HERE, KEYWORDS, LICENSES, ROOT, about, json_text, workspace

# Rust's names of processors, and those of Node.js.
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


def node_platform(platform: Platform) -> str:
    """`process.platform` and `process.arch` of Node.js."""
    return f"{platform.system}-{MACHINES[platform.machine]}"


def package(name: str, values: dict[str, str], description: str, **more) -> dict:
    return {
        "name": name,
        "version": values["version"],
        "description": description,
        "keywords": KEYWORDS,
        "license": values["license"],
        "author": AUTHORS,
        "repository": {"type": "git", "url": f"git+{values['repository']}.git"},
        "homepage": f"{values['repository']}#readme",
        **more,
    }


def write_package(package: dict, files: Files, out: Path) -> Path:
    content = {"package.json": (0o644, json_text(package).encode()), **files}
    for name in LICENSES:
        content[name] = (0o644, (ROOT / name).read_bytes())
    # npm expects one folder at the top and takes its content.
    content = {f"package/{name}": entry for name, entry in content.items()}
    path = out / f"{package['name']}-{package['version']}.tgz"
    write_whole(path, lambda partial: write_tar_gz(partial, content))
    return path


def write_program(program: Program, values: dict[str, str], out: Path) -> Path:
    summary, _ = about(program.name, values)
    name = f"{program.name}-{node_platform(program.platform)}"
    limits = {
        "os": [program.platform.system],
        "cpu": [MACHINES[program.platform.machine]],
    }
    if program.platform.system == "linux" and program.platform.oldest:
        limits["libc"] = ["glibc"]
    described = package(
        name,
        values,
        f"{summary} The program for {node_platform(program.platform)}.",
        **limits,
        # So that package managers that keep packages compressed unpack this one.
        preferUnplugged=True,
    )
    readme = f"# {name}\n\nThe program of the package `{program.name}` for one platform.\n"
    files: Files = {
        "README.md": (0o644, readme.encode()),
        f"bin/{program.file_name}": (0o755, program.path.read_bytes()),
    }
    return write_package(described, files, out)


def write_launcher(name: str, values: dict[str, str], out: Path) -> Path | None:
    """The launcher for the programs in the directory, or none if there are none."""
    version = re.escape(values["version"])
    shape = re.compile(rf"({re.escape(name)}-\w+-(?:x64|arm64))-{version}\.tgz")
    found = (shape.fullmatch(path.name) for path in sorted(out.iterdir()))
    platforms = [match[1] for match in found if match]
    if not platforms:
        return None
    summary, page = about(name, values)
    described = package(
        name,
        values,
        summary,
        bin={name: "launch.js"},
        engines={"node": ">=18"},
        # In the MCP registry, this proves that the package belongs to the server of this name.
        **({"mcpName": values["server_name"]} if name == "homer-export-mcp" else {}),
        optionalDependencies={platform: values["version"] for platform in platforms},
    )
    files: Files = {
        "README.md": (0o644, page.encode()),
        "launch.js": (0o755, (HERE / "launch.js").read_bytes()),
    }
    return write_package(described, files, out)


def write_launchers(values: dict[str, str], out: Path) -> list[Path]:
    launchers = (write_launcher(name, values, out) for name in PROGRAMS)
    return [path for path in launchers if path]


def main():
    values = workspace()
    programs, out = programs_and_out(__doc__, values["version"])
    for program in programs:
        print(write_program(program, values, out))
    for launcher in write_launchers(values, out):
        print(launcher)


if __name__ == "__main__":
    main()
