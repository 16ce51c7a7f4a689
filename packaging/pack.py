"""Packs homer-export-mcp as an MCP bundle, and fills in the registry's server.json for it.

    python3 packaging/pack.py PROGRAM [OUT_DIR]

The default of OUT_DIR is dist. The same program always gives the same bytes. Version, license and
repository come from the workspace's Cargo.toml, and title and description from
packaging/server.json.
"""

import hashlib
import json
import shlex
import subprocess
import sys
from pathlib import Path

from archives import Files, write_whole, write_zip
from program import Program, open_program
from workspace import HERE, LICENSES, ROOT, fill, json_text, release_url, workspace

NAME = "homer-export-mcp"


def write_bundle(program: Program, values: dict[str, str], out: Path) -> Path:
    built_for = program.platform
    values = {**values, "platform": built_for.system}
    manifest = fill(json.loads((HERE / "manifest.json").read_text(encoding="utf-8")), values)
    # On Windows, hosts append the extension themselves.
    server = manifest["server"]["entry_point"] + built_for.suffix
    files: Files = {
        "manifest.json": (0o644, json_text(manifest).encode()),
        server: (0o755, program.path.read_bytes()),
    }
    for name in LICENSES:
        files[name] = (0o644, (ROOT / name).read_bytes())
    path = out / f"{NAME}-{values['version']}-{built_for.system}-{built_for.machine}.mcpb"
    write_whole(path, lambda partial: write_zip(partial, dict(sorted(files.items()))))
    return path


def image(values: dict[str, str]) -> str:
    return f"ghcr.io/{values['owner'].lower()}/{NAME}:{values['version']}"


def registry_entry(values: dict[str, str], out: Path) -> dict:
    """server.json with every bundle of this version in the directory.

    Bundles that were built on machines of other kinds may be there, too.
    """
    server = json.loads((HERE / "server.json").read_text(encoding="utf-8"))
    bundle, *installed, container = server["packages"]
    variables = bundle["environmentVariables"]
    for package in installed:
        package["environmentVariables"] = variables
    # A path on the user's machine does not exist in the container.
    container["environmentVariables"] = [
        variable for variable in variables if variable["format"] != "filepath"
    ]
    packages = []
    for path in sorted(out.glob(f"{NAME}-{values['version']}-*.mcpb")):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        url = release_url(values, path.name)
        packages.append(fill(bundle, {**values, "bundle_url": url, "sha256": sha256}))
    server["packages"] = [*packages, *installed, container]
    return fill(server, {**values, "image": image(values)})


def write_registry_entry(values: dict[str, str], out: Path) -> Path:
    entry = json_text(registry_entry(values, out))
    path = out / "server.json"
    write_whole(path, lambda partial: partial.write_bytes(entry.encode()))
    return path


def docker_build(values: dict[str, str]) -> str:
    # The suffix -dirty marks changes that are not committed. Outside a clone, there is no revision.
    describe = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    git = shlex.join(["git", "-C", str(ROOT), *describe])
    status, revision = subprocess.getstatusoutput(f"{git} 2>/dev/null")
    revision = revision if status == 0 else "unknown"
    arguments = {
        "SERVER_NAME": values["server_name"],
        "TITLE": values["title"],
        "DESCRIPTION": values["description"],
        "VERSION": values["version"],
        "REVISION": revision,
        "SOURCE": values["repository"],
        "LICENSES": values["license"],
    }
    command = ["docker", "build", "--file", "packaging/Dockerfile", "--tag", image(values)]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    return shlex.join([*command, "."])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    out = Path(sys.argv[2]) if len(sys.argv) == 3 else ROOT / "dist"
    values = workspace()
    program = open_program(Path(sys.argv[1]).resolve(), values["version"])
    print(write_bundle(program, values, out))
    print(write_registry_entry(values, out))
    print(docker_build(values))


if __name__ == "__main__":
    main()
