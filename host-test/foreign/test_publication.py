"""The entry of the MCP registry, the settings that it and the manifest name, and the image.

No container engine is needed: the Dockerfile is read, not built.
"""

import hashlib
import re

import pytest

from conftest import MCP_PACKAGE, PACKAGING, PAGES, REPOSITORY, ROOT, SETTINGS_PAGE, VERSION
from processes import succeed

SETTINGS = SETTINGS_PAGE.read_text()

KINDS = ["mcpb", "pypi", "npm", "oci"]
SECRETS = {"HOMER_PASSWORD", "HOMER_API_TOKEN", "HOMER_JWT", "HOMER_PROXY_PASSWORD"}
FORMATS = ["string", "number", "boolean", "filepath"]
SERVER_NAME_LABEL = "io.modelcontextprotocol.server.name"
IMAGE_LABELS = ["title", "description", "version", "revision", "source", "licenses"]
LABELS = [SERVER_NAME_LABEL, *(f"org.opencontainers.image.{name}" for name in IMAGE_LABELS)]


# The registry entry.


@pytest.fixture(scope="module")
def packages(server_json) -> dict[str, dict]:
    return {package["registryType"]: package for package in server_json["packages"]}


@pytest.mark.parametrize(
    "field", ["$schema", "name", "title", "description", "version", "repository", "packages"]
)
def test_server_json_has_the_field(server_json, field):
    assert server_json.get(field)


def test_server_json_name_is_one_for_the_registry(server_json):
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server_json["name"])
    assert len(server_json["name"]) <= 200


@pytest.mark.parametrize("field", ["title", "description"])
def test_server_json_text_has_at_most_100_characters(server_json, field):
    assert len(server_json[field]) <= 100


def test_server_json_version(server_json):
    assert server_json["version"] == VERSION


def test_server_json_repository(server_json):
    assert server_json["repository"] == {"url": REPOSITORY, "source": "github"}


def test_server_json_packages(server_json):
    assert [package["registryType"] for package in server_json["packages"]] == KINDS


def test_server_json_bundle_is_in_the_release(packages, packed):
    release = f"{REPOSITORY}/releases/download/v{VERSION}/{packed.bundle.name}"
    assert packages["mcpb"]["identifier"] == release


def test_server_json_bundle_has_its_hash(packages, packed):
    assert packages["mcpb"]["fileSha256"] == hashlib.sha256(packed.bundle.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind, starter", [("pypi", "uvx"), ("npm", "npx")])
def test_server_json_package_of_the_version_is_started_by_name(packages, kind, starter):
    package = packages[kind]
    assert (package["identifier"], package["version"]) == (MCP_PACKAGE, VERSION)
    assert package["runtimeHint"] == starter


def test_server_json_image_has_the_version_as_its_tag(packages):
    shape = r"[a-z0-9.-]+(/[a-z0-9._-]+)+:" + re.escape(VERSION)
    assert re.fullmatch(shape, packages["oci"]["identifier"])


def test_server_json_image_has_no_field_that_the_registry_refuses(packages):
    assert not {"version", "registryBaseUrl", "fileSha256"} & set(packages["oci"])


# What the pages of third-party hosts repeat.


@pytest.fixture(scope="module")
def host_pages() -> str:
    files = [path for path in PAGES.rglob("*") if path.suffix in {".md", ".toml", ".yaml"}]
    return "\n".join(path.read_text() for path in files)


def test_host_pages_have_the_version_of_the_workspace(host_pages):
    assert set(re.findall(r"homer-export[\w-]*:v(\d+[\w.-]*)", host_pages)) == {VERSION}


def test_host_pages_have_the_repository_of_the_workspace(host_pages):
    assert set(re.findall(r"https://github\.com/[\w-]+/homer-export\b", host_pages)) == {REPOSITORY}


# Settings: those of each package of the registry entry, and those of the manifest.


@pytest.fixture(scope="module", params=KINDS)
def package(request, packages) -> dict:
    return packages[request.param]


@pytest.fixture(scope="module")
def variables(package) -> dict[str, dict]:
    return {variable["name"]: variable for variable in package["environmentVariables"]}


@pytest.fixture(scope="module")
def documented_defaults() -> dict[str, str]:
    """The defaults in the table of settings, as they are set."""
    defaults = {}
    # Columns: variable, flag, meaning, default, range.
    row = r"^\| `(HOMER_\w+)` \|[^|]*\|([^|]*)\| ?([\w-]*) \|"
    for name, meaning, default in re.findall(row, SETTINGS, re.M):
        # A text has no default of its own, so its meaning states one.
        stated = re.search(r"; ([\w-]+) if not set", meaning)
        if default or stated:
            defaults[name] = default or stated[1]
    return defaults


def is_documented(variable: str) -> bool:
    """The file of a secret is documented with the secret."""
    return any(
        re.search(rf"\b{name}\b", SETTINGS) for name in (variable, variable.removesuffix("_FILE"))
    )


def test_package_transport(package):
    assert package["transport"] == {"type": "stdio"}


def test_package_variables_are_distinct(package, variables):
    assert len(variables) == len(package["environmentVariables"])


def test_package_required_variables(variables):
    assert [name for name, variable in variables.items() if variable["isRequired"]] == ["HOMER_URL"]


def test_package_secret_variables(variables):
    assert {name for name, variable in variables.items() if variable["isSecret"]} == SECRETS


def test_package_variables_are_documented(variables):
    assert [name for name in variables if not is_documented(name)] == []


def test_package_variables_have_description_and_format(variables):
    for name, variable in variables.items():
        assert variable["description"], name
        assert variable["format"] in FORMATS, name


def test_package_defaults_are_the_documented_ones(variables, documented_defaults):
    given = {
        name: variable["default"] for name, variable in variables.items() if "default" in variable
    }
    assert given == {name: documented_defaults.get(name) for name in given}


def test_package_defaults_can_be_chosen(variables):
    for name, variable in variables.items():
        if "choices" in variable:
            assert variable["default"] in variable["choices"], name


@pytest.fixture(scope="module")
def options(manifest) -> dict[str, dict]:
    """The option behind each variable that the manifest sets to a ${user_config.x}."""
    variables = manifest["server"]["mcp_config"]["env"]
    names = {
        variable: place.removeprefix("${user_config.").removesuffix("}")
        for variable, place in variables.items()
    }
    return {variable: manifest["user_config"][name] for variable, name in names.items()}


def test_manifest_variables_are_those_of_server_json(options, packages):
    assert (
        set(options) - {variable["name"] for variable in packages["mcpb"]["environmentVariables"]}
        == set()
    )


def test_manifest_secret_variables(options):
    assert {name for name, option in options.items() if option.get("sensitive")} == SECRETS


def test_manifest_defaults_are_the_documented_ones(options, documented_defaults):
    given = {
        name: str(option["default"])
        for name, option in options.items()
        if option.get("default", "") != ""
    }
    assert given == {name: documented_defaults.get(name) for name in given}


# The image.

DOCKERFILE = PACKAGING / "Dockerfile"


def instructions(dockerfile: str) -> list[tuple[str, str]]:
    """(instruction, rest) of each line, without comments."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n", " ", lines)
    parts = (line.strip().partition(" ") for line in lines.splitlines())
    return [(word.upper(), rest.strip()) for word, _, rest in parts if word]


STEPS = instructions(DOCKERFILE.read_text())
LAST_STAGE = STEPS[max(number for number, (word, _) in enumerate(STEPS) if word == "FROM") :]


def of(steps: list[tuple[str, str]], instruction: str) -> list[str]:
    return [rest for word, rest in steps if word == instruction]


@pytest.fixture(scope="module")
def labels() -> dict[str, str]:
    """The build argument of each label."""
    return dict(re.findall(r'([\w.]+)="\$\{(\w+)\}"', " ".join(of(LAST_STAGE, "LABEL"))))


@pytest.fixture(scope="module")
def build_arguments(packed) -> dict[str, str]:
    """Those in the command that pack.py prints."""
    pairs = zip(packed.command, packed.command[1:])
    return dict(part.split("=", 1) for flag, part in pairs if flag == "--build-arg")


def option_of(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_dockerfile_hadolint(tools):
    succeed([tools.python("hadolint") / "hadolint", "--no-color", DOCKERFILE], timeout_s=300)


def test_dockerfile_builds_what_is_locked():
    [build] = [rest for rest in of(STEPS, "RUN") if "cargo build" in rest]
    assert f"cargo build --release --locked --package {MCP_PACKAGE} " in build + " "


def test_dockerfile_user_is_a_number_and_not_root():
    # A host that forbids root can only tell from a number.
    user = of(LAST_STAGE, "USER")[-1].split(":")[0]
    assert user.isdecimal() and int(user) != 0


def test_dockerfile_entry_point_is_the_program():
    assert of(LAST_STAGE, "ENTRYPOINT") == ['["/usr/local/bin/homer-export-mcp"]']


def test_dockerfile_last_stage_runs_nothing():
    # It has no shell.
    assert of(LAST_STAGE, "RUN") == []


@pytest.mark.parametrize("rest", [*of(STEPS, "COPY"), *of(STEPS, "ADD")])
def test_dockerfile_copies_what_exists(rest):
    made = " ".join(of(STEPS, "RUN")).split()
    *sources, _ = [part for part in rest.split() if not part.startswith("--")]
    for source in sources:
        assert source in made if "--from=" in rest else (ROOT / source).exists(), source


def test_dockerfile_labels(labels):
    assert sorted(labels) == sorted(LABELS)


def test_dockerfile_labels_are_build_arguments(labels):
    assert set(labels.values()) == set(of(LAST_STAGE, "ARG"))


def test_pack_gives_every_build_argument(build_arguments):
    assert set(build_arguments) == set(of(LAST_STAGE, "ARG"))


def test_pack_gives_no_empty_build_argument(build_arguments):
    assert all(build_arguments.values()), build_arguments


def test_image_has_the_server_name_of_server_json(labels, build_arguments, server_json):
    assert build_arguments[labels[SERVER_NAME_LABEL]] == server_json["name"]


def test_image_has_the_version_of_the_workspace(labels, build_arguments):
    assert build_arguments[labels["org.opencontainers.image.version"]] == VERSION


def test_image_has_the_name_of_server_json(packed, server_json):
    assert option_of(packed.command, "--tag") == server_json["packages"][-1]["identifier"]


def test_image_is_built_from_the_dockerfile(packed):
    assert ROOT / option_of(packed.command, "--file") == DOCKERFILE


def test_dockerignore_keeps_builds_and_history_out():
    ignored = (PACKAGING / "Dockerfile.dockerignore").read_text().splitlines()
    assert {"target", "dist", ".git"} <= set(ignored)
