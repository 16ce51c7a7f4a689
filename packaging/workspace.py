"""What the packages say about themselves: the values of the workspace's Cargo.toml.

Titles and descriptions come from packaging/server.json and packaging/about.
"""

import json
import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LICENSES = ["LICENSE-APACHE", "LICENSE-MIT"]
AUTHORS = "The homer-export authors"
KEYWORDS = ["homer", "sip", "voip", "pcap", "mcp"]


def workspace() -> dict[str, str]:
    """The values of the placeholders in the templates."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    package = cargo["workspace"]["package"]
    for field in ["version", "license", "repository"]:
        if field not in package:
            sys.exit(f"Cargo.toml has no workspace.package.{field}")
    repository = package["repository"].removesuffix("/")
    # In the MCP registry, the owner of a repository owns the names below io.github.OWNER.
    address = re.fullmatch(r"https://github\.com/([\w.-]+)/([\w.-]+)", repository)
    if not address:
        sys.exit(
            "workspace.package.repository is not https://github.com/OWNER/REPOSITORY: "
            f"{repository}"
        )
    owner, project = address.groups()
    server = json.loads((HERE / "server.json").read_text(encoding="utf-8"))
    return {
        "version": package["version"],
        "license": package["license"],
        "repository": repository,
        "owner": owner,
        "server_name": f"io.github.{owner}/{project}",
        "title": server["title"],
        "description": server["description"],
    }


def release_url(values: dict[str, str], file: str) -> str:
    """Where a file of this version's release can be downloaded."""
    return f"{values['repository']}/releases/download/v{values['version']}/{file}"


def fill(template, values: dict[str, str]):
    """The template with every {{name}} replaced by its value."""
    if isinstance(template, dict):
        return {key: fill(value, values) for key, value in template.items()}
    if isinstance(template, list):
        return [fill(value, values) for value in template]
    if isinstance(template, str):
        return re.sub(r"\{\{(\w+)\}\}", lambda place: values[place[1]], template)
    return template


def about(name: str, values: dict[str, str]) -> tuple[str, str]:
    """The summary of a program in one line, and its page for package indexes, in Markdown."""
    page = fill((HERE / "about" / f"{name}.md").read_text(encoding="utf-8"), values)
    _, summary, _ = page.split("\n\n", 2)
    return summary.replace("\n", " "), page


def json_text(value) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
