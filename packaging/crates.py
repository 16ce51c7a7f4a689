"""Writes the crates for a registry: `cargo install homer-export-mcp` then needs Rust alone.

    python3 packaging/crates.py [COMPONENT] [OUT_DIR]

COMPONENT is the finished homer-export.wasm; the default, dist/homer-export.wasm, is what
`cargo xtask dist` writes. The default of OUT_DIR is dist/crates.

In a checkout, build.rs of homer-host compiles the component, which takes the target wasm32-wasip2
and the sources of other packages. The crates that this writes contain the finished component
instead, and no build script. Apart from that, and from the paths of files outside of a package,
they have the sources of the workspace. OUT_DIR is a workspace of its own, so that cargo can check,
package and publish the crates together:

    cargo publish --workspace --manifest-path dist/crates/Cargo.toml
"""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from workspace import LICENSES, ROOT, about, workspace

# Folder of each package, in the order of their dependencies.
PACKAGES = {
    "homer-export": ROOT,
    "fake-homer": ROOT / "crates/fake-homer",
    "homer-host": ROOT / "crates/homer-host",
    "homer-export-cli": ROOT / "crates/homer-export-cli",
    "homer-export-mcp": ROOT / "crates/homer-export-mcp",
}

# What a package reads from outside of its folder: where it is, and where it will be.
COPIES = {
    "homer-export": {"wit": "wit"},
    "fake-homer": {"tests/data": "data"},
    "homer-host": {"wit": "wit", "crates/homer-host/examples": "examples"},
}

# (file, text in the workspace, text in the crate)
COMPONENT = '"/homer-export.wasm"'
VERSION = ('env!("HOMER_EXPORT_VERSION")', 'env!("CARGO_PKG_VERSION")')
DATA = ('"../../../tests/data/', '"../data/')
CHANGES = {
    "homer-host": [
        ("src/lib.rs", f'concat!(env!("OUT_DIR"), {COMPONENT})', '"../homer-export.wasm"'),
        ("src/sandbox.rs", 'path: "../../wit"', 'path: "wit"'),
    ],
    "fake-homer": [(f"src/{name}.rs", *DATA) for name in ["archive", "large", "lib"]],
    "homer-export-cli": [("src/arguments.rs", *VERSION)],
    "homer-export-mcp": [("src/main.rs", *VERSION)],
}


def toml(value) -> str:
    """A value of TOML, on one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def document(tables: dict[str, dict]) -> str:
    """A TOML document. Everything below a table is on one line."""
    text = ""
    for name, table in tables.items():
        text += f"[{name}]\n"
        text += "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in table.items())
        text += "\n"
    return text


def root_manifest(values: dict[str, str]) -> str:
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    shared = cargo["workspace"]
    dependencies = dict(shared["dependencies"])
    for name in [name for name, wanted in dependencies.items() if "path" in wanted]:
        if name in PACKAGES:
            # The crates belong together, so none accepts another version of the others.
            dependencies[name] = {"path": name, "version": f"={values['version']}"}
        else:
            del dependencies[name]
    profiles = {name: cargo["profile"][name] for name in ["dev", "release"]}
    return document(
        {
            "workspace": {"members": list(PACKAGES), "resolver": shared["resolver"]},
            "workspace.package": {k: v for k, v in shared["package"].items() if k != "publish"},
            "workspace.dependencies": dependencies,
            "workspace.lints": shared["lints"],
            **{f"profile.{name}": profile for name, profile in profiles.items()},
        }
    )


def package_manifest(folder: Path) -> str:
    manifest = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
    for table in ["workspace", "profile", "build-dependencies", "dev-dependencies"]:
        manifest.pop(table, None)
    package = manifest["package"]
    del package["publish"]
    package.update(
        repository={"workspace": True}, readme="README.md", build=False, autoexamples=False
    )
    # [[bin]] becomes a list of tables on one line, which has to be in the first table.
    lists = {key: manifest.pop(key) for key in list(manifest) if isinstance(manifest[key], list)}
    head = "".join(f"{key} = {toml(value)}\n" for key, value in lists.items())
    return head + document(manifest)


def write_package(name: str, values: dict[str, str], out: Path):
    source, crate = PACKAGES[name], out / name
    shutil.copytree(source / "src", crate / "src")
    for outside, inside in COPIES.get(name, {}).items():
        shutil.copytree(ROOT / outside, crate / inside)
    for file, old, new in CHANGES.get(name, []):
        path = crate / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            sys.exit(f"{path} does not contain {old}, which packaging/crates.py replaces")
        path.write_bytes(text.replace(old, new).encode())
    (crate / "Cargo.toml").write_bytes(package_manifest(source).encode())
    for license_file in LICENSES:
        shutil.copy(ROOT / license_file, crate)
    (crate / "README.md").write_bytes(readme(name, values).encode())


def write_lock(out: Path):
    """The versions of the workspace. The packages of programs contain them, for `--locked`."""
    shutil.copy(ROOT / "Cargo.lock", out)
    # cargo takes out what only other packages of the workspace need.
    command = ["cargo", "metadata", "--format-version=1", "--manifest-path", out / "Cargo.toml"]
    try:
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    except FileNotFoundError:
        sys.exit("there is no cargo, which writes Cargo.lock")
    if done.returncode != 0:
        sys.exit(f"cargo metadata: {done.stderr}")


def readme(name: str, values: dict[str, str]) -> str:
    program = {"homer-export-cli": "homer-export"}.get(name, name)
    if name.endswith(("-cli", "-mcp")):
        return about(program, values)[1]
    return f"# {name}\n\nA part of homer-export: {values['repository']}\n"


def main():
    if len(sys.argv) > 3:
        sys.exit(__doc__)
    component = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist/homer-export.wasm")
    out = Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / "dist/crates")
    if not component.is_file():
        sys.exit(f"there is no component {component}; cargo xtask dist makes it")
    if out.exists() and not (out / "Cargo.toml").is_file():
        sys.exit(f"{out} is not a directory that this script has made")
    values = workspace()
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in PACKAGES:
        write_package(name, values, out)
    shutil.copy(component, out / "homer-host/homer-export.wasm")
    (out / "Cargo.toml").write_bytes(root_manifest(values).encode())
    write_lock(out)
    print(out)


if __name__ == "__main__":
    main()
