"""The bundle of packaging/pack.py, in the tools of its format and as a host starts its server."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from conftest import REPOSITORY, VERSION, pack, pack_into
from mcp_http import META
from mcp_stdio import TOOLS, Ended, list_tools
from processes import succeed
from stand_in import compile_stand_in

# pack.py


def test_pack_gives_the_same_bytes_again(packed, program_file, tmp_path):
    assert packed.bundle.read_bytes() == pack_into(tmp_path, program_file).bundle.read_bytes()


def test_pack_leaves_nothing_else_behind(packed):
    assert {path.name for path in packed.folder.iterdir()} == {packed.bundle.name, "server.json"}


def test_pack_names_the_bundle_by_version(packed):
    assert f"-{VERSION}-" in packed.bundle.name


def test_pack_refuses_a_missing_program(tmp_path):
    refused = pack(tmp_path / "homer-export-mcp", tmp_path / "out")
    assert refused.returncode != 0
    assert "there is no program" in refused.stderr
    assert not (tmp_path / "out").exists()


def test_pack_refuses_another_version(tmp_path):
    other = compile_stand_in(tmp_path, "homer-export-mcp", version="0.0.0")
    refused = pack(other, tmp_path / "out")
    assert refused.returncode != 0
    assert VERSION in refused.stderr
    assert not (tmp_path / "out").exists()


def test_pack_refuses_what_is_no_program(tmp_path):
    script = tmp_path / "homer-export-mcp"
    script.write_text("#!/bin/sh\n")
    refused = pack(script, tmp_path / "out")
    assert refused.returncode != 0
    assert "is not a program of Linux, macOS or Windows" in refused.stderr


# The bundle.


@pytest.fixture(scope="module")
def unpacked_by_mcpb(tools, packed, tmp_path_factory) -> Path:
    """The bundle, unpacked by the reference tool of its format."""
    folder = tmp_path_factory.mktemp("mcpb") / "unpacked"
    succeed([tools.node_program("mcpb"), "unpack", packed.bundle, folder], timeout_s=300)
    return folder


FILES = ["LICENSE-APACHE", "LICENSE-MIT", "manifest.json", "server/homer-export-mcp"]


def test_bundle_has_these_files(packed):
    with zipfile.ZipFile(packed.bundle) as archive:
        assert archive.namelist() == FILES


def test_bundle_mcpb_info(tools, packed):
    succeed([tools.node_program("mcpb"), "info", packed.bundle], timeout_s=300)


@pytest.mark.parametrize("name", FILES)
def test_bundle_is_unpacked_alike(unpacked, unpacked_by_mcpb, name):
    assert (unpacked_by_mcpb / name).read_bytes() == (unpacked / name).read_bytes()


@pytest.mark.parametrize("name", FILES)
def test_bundle_program_alone_is_executable(unpacked_by_mcpb, name):
    mode = (unpacked_by_mcpb / name).stat().st_mode & 0o777
    assert oct(mode) == oct(0o755 if name.startswith("server/") else 0o644)


def test_bundle_mcpb_validate(tools, unpacked):
    succeed([tools.node_program("mcpb"), "validate", unpacked / "manifest.json"], timeout_s=300)


def test_manifest_platform_is_this_one(manifest):
    assert manifest["compatibility"]["platforms"] == [sys.platform]


def test_manifest_version_and_repository(manifest):
    assert (manifest["version"], manifest["repository"]["url"]) == (VERSION, REPOSITORY)


def test_templates_are_filled(manifest, server_json):
    assert "{{" not in json.dumps([server_json, manifest])


# The server, as a host starts it.

# What a host does with a manifest: the reference code of the format.
HOST = """
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";
const [manifest, extensionPath, userConfig] = process.argv.slice(1);
const config = await getMcpConfigForManifest({
  manifest: JSON.parse(manifest),
  extensionPath,
  userConfig: JSON.parse(userConfig),
  systemDirs: {},
  pathSeparator: "/",
});
console.log(JSON.stringify(config ?? null));
"""

# What the user has to fill in. Nobody listens there.
REQUIRED_OPTIONS = {"homer_url": "http://127.0.0.1:1"}


def host_command(tools, manifest: dict, folder: Path, options: dict) -> dict | None:
    """How a host starts the server if its user gives these options, if it can."""
    arguments = [json.dumps(manifest), str(folder), json.dumps(options)]
    command = ["node", "--input-type=module", "--eval", HOST, "--", *arguments]
    done = subprocess.run(command, cwd=tools.node(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def start(tools, manifest, unpacked) -> dict:
    """Command, arguments and environment with the required options alone."""
    start = host_command(tools, manifest, unpacked, REQUIRED_OPTIONS)
    assert start is not None, "a required option is not given"
    return start


@pytest.fixture(scope="module")
def tools_list(target, start, tmp_path_factory) -> Ended:
    home = tmp_path_factory.mktemp("home")
    # The cache is kept, because a debug program takes seconds to compile the component.
    cache = target / "foreign/cache"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "XDG_CACHE_HOME": str(cache),
        **start["env"],
    }
    return list_tools([start["command"], *start["args"]], environment, home)


def test_host_does_not_start_without_an_address(tools, manifest, unpacked):
    assert host_command(tools, manifest, unpacked, {}) is None


def test_host_starts_with_the_address_alone(start):
    assert "${" not in json.dumps(start)


def test_host_starts_the_entry_point(start, manifest, unpacked):
    assert start["command"] == str(unpacked / manifest["server"]["entry_point"])


def test_manifest_options_have_defaults(manifest):
    """Hosts pass on the bare ${user_config.x} of an option that has neither value nor default."""
    options = manifest["user_config"]
    defaults = {name for name, option in options.items() if "default" in option}
    assert defaults == set(options) - set(REQUIRED_OPTIONS)


def test_manifest_options_are_used(manifest):
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"])))
    assert used == set(manifest["user_config"])


def test_bundled_server_lists_its_tools(tools_list):
    assert tools_list.tools == TOOLS


def test_bundled_server_has_the_tools_of_the_manifest(tools_list, manifest):
    assert sorted(tool["name"] for tool in manifest["tools"]) == tools_list.tools


def test_bundled_server_has_the_version_of_the_workspace(tools_list):
    assert tools_list.response["result"]["_meta"][f"{META}serverInfo"]["version"] == VERSION


def test_bundled_server_ends_with_its_input(tools_list):
    assert (tools_list.code, tools_list.rest) == (0, "")
