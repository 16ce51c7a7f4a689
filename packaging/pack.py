"""Packs homer-export-mcp as an MCP bundle, and fills in the registry's server.json for it.

    python3 packaging/pack.py PROGRAM [OUT_DIR]

PROGRAM must have been built on a machine of the same kind as this one. The default of OUT_DIR is
dist. The same program always gives the same bytes. Version, license and repository come from the
workspace's Cargo.toml, and title and description from packaging/server.json.
"""

import hashlib
import json
import os
import platform
import re
import shlex
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NAME = "homer-export-mcp"
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"]


def workspace():
    """The values of the placeholders in the templates."""
    package = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
    for field in ["version", "license", "repository"]:
        if field not in package:
            sys.exit(f"Cargo.toml has no workspace.package.{field}")
    version, repository = package["version"], package["repository"].removesuffix("/")
    # In the registry, the owner of a repository owns the names below io.github.OWNER.
    address = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", repository)
    if not address:
        sys.exit(f"workspace.package.repository is not https://github.com/OWNER/REPOSITORY: {repository}")
    owner, project = address.groups()
    server = json.loads((HERE / "server.json").read_text())
    machine = f"{sys.platform}-{platform.machine().lower()}"
    return {
        "version": version,
        "license": package["license"],
        "repository": repository,
        "server_name": f"io.github.{owner}/{project}",
        "image": f"ghcr.io/{owner.lower()}/{NAME}:{version}",
        "title": server["title"],
        "description": server["description"],
        "bundle": f"{NAME}-{version}-{machine}.mcpb",
        "platform": sys.platform,
    }


def fill(template, values):
    """The template with every {{name}} replaced by its value."""
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if isinstance(template, str):
        return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], template)
    return template


def text(value):
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def check_program(program, version):
    if not program.is_file():
        sys.exit(f"there is no program {program}; cargo build --release --package homer-export-mcp makes it")
    try:
        said = subprocess.run([str(program), "--version"], capture_output=True, text=True, timeout=60).stdout
    except (OSError, ValueError, subprocess.TimeoutExpired) as why:
        sys.exit(f"{program} does not say its version: {why}")
    # The commit may follow.
    if said.split()[:2] != [NAME, version]:
        sys.exit(f"{program} says {said.strip()!r}, but the workspace has version {version}; build it anew")


def write_whole(path, write):
    """A file that gets its name when it is complete."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        write(partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_bundle(path, manifest, program):
    # On Windows, hosts append this extension themselves.
    server = manifest["server"]["entry_point"] + (".exe" if sys.platform == "win32" else "")
    files = {"manifest.json": (0o644, text(manifest).encode()), server: (0o755, program.read_bytes())}
    for name in LICENSES:
        files[name] = (0o644, (ROOT / name).read_bytes())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bundle:
        for name, (mode, content) in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the file modes count
            entry.external_attr = (0o100000 | mode) << 16
            bundle.writestr(entry, content)


def registry_entry(values, out):
    """server.json with every bundle of this version in the directory.

    Bundles that were built on machines of other kinds may be there, too.
    """
    server = json.loads((HERE / "server.json").read_text())
    bundle, image = server["packages"]
    # A path on the user's machine does not exist in the container.
    image["environmentVariables"] = [
        variable for variable in bundle["environmentVariables"] if variable["format"] != "filepath"
    ]
    packages = []
    for path in sorted(out.glob(f"{NAME}-{values['version']}-*.mcpb")):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        packages.append(fill(bundle, {**values, "bundle": path.name, "sha256": sha256}))
    server["packages"] = [*packages, image]
    return fill(server, values)


def docker_build(values):
    # The suffix -dirty marks changes that are not committed. Outside a clone, there is no revision.
    git = shlex.join(["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"])
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
    command = ["docker", "build", "--file", "packaging/Dockerfile", "--tag", values["image"]]
    for name, value in arguments.items():
        command += ["--build-arg", f"{name}={value}"]
    return shlex.join([*command, "."])


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    program = Path(sys.argv[1]).resolve()
    out = Path(sys.argv[2] if len(sys.argv) == 3 else ROOT / "dist")
    values = workspace()
    check_program(program, values["version"])
    out.mkdir(parents=True, exist_ok=True)
    manifest = fill(json.loads((HERE / "manifest.json").read_text()), values)
    bundle = out / values["bundle"]
    write_whole(bundle, lambda path: write_bundle(path, manifest, program))
    entry = text(registry_entry(values, out))
    write_whole(out / "server.json", lambda path: path.write_text(entry))
    print(bundle)
    print(out / "server.json")
    print(docker_build(values))


main()
