"""The command-line clients: how each is set up and run, with a home of its own and no network.

Each gets the server in its configuration file, as docs/mcp-clients.md says, and one prompt. All
switches against telemetry, updates and plug-ins are set. Besides, every proxy variable names a
proxy that refuses all connections and records them.
"""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from agents.anthropic_messages import AnthropicMessages
from agents.gemini import Gemini
from agents.model_api import ModelApi
from agents.openai_chat import OpenAiChat
from agents.openai_responses import OpenAiResponses

PROMPT = "Why did this call fail? Export it from Homer."
TIMEOUT_S = 180


@dataclass
class Setup:
    """What a client is run with."""

    home: Path
    # Where the client works: an empty directory.
    work: Path
    # The URLs of the mock API and of the proxy that refuses.
    api: str
    proxy: str
    # The program homer-export-mcp, and what it finds in its environment.
    server: Path
    environment: dict[str, str]

    def write(self, path: str, content: str | dict):
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))


@dataclass
class Client:
    """A client. `prepare` writes its configuration and returns its variables and arguments."""

    name: str
    # The npm package, whose version package.json pins.
    package: str
    # Below node_modules.
    program: str
    model: type[ModelApi]
    prepare: Callable[[Setup], tuple[dict[str, str], list]]

    def run(self, node_modules: Path, setup: Setup, path: str) -> str:
        """Runs the client with one prompt; returns what it printed."""
        variables, arguments = self.prepare(setup)
        proxies = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        environment = {
            "PATH": path,
            "HOME": str(setup.home),
            "TMPDIR": str(setup.home),
            "TERM": "dumb",
            "NO_COLOR": "1",
            "DO_NOT_TRACK": "1",
            **{name: setup.proxy for proxy in proxies for name in (proxy, proxy.lower())},
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            **variables,
        }
        program = node_modules / self.program
        done = subprocess.run(
            [*(["node"] if program.suffix == ".js" else []), program, *arguments],
            cwd=setup.work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
        )
        assert done.returncode == 0, f"exit code {done.returncode}: {done.stdout[-4000:]}"
        return done.stdout


def codex(setup: Setup):
    def table(values: dict[str, str]) -> str:
        return "{" + ", ".join(f"{key} = {json.dumps(text)}" for key, text in values.items()) + "}"

    config = f"""
model = "mock"
model_provider = "mock"
approval_policy = "never"
sandbox_mode = "read-only"
check_for_update_on_startup = false
analytics.enabled = false
feedback.enabled = false
otel.exporter = "none"
features.apps = false
features.plugins = false

[model_providers.mock]
name = "mock"
base_url = "{setup.api}/v1"
wire_api = "responses"
env_key = "MOCK_KEY"

[mcp_servers.homer]
command = "{setup.server}"
env = {table(setup.environment)}
"""
    setup.write(".codex/config.toml", config)
    return {"MOCK_KEY": "none"}, ["exec", "--skip-git-repo-check", PROMPT]


def gemini(setup: Setup):
    settings = {
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "mcpServers": {"homer": {"command": str(setup.server), "env": setup.environment}},
    }
    setup.write(".gemini/settings.json", settings)
    variables = {
        "GEMINI_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": setup.api,
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
    }
    return variables, ["--model", "gemini-2.5-flash", "--yolo", "--prompt", PROMPT]


def opencode(setup: Setup):
    models = {"mock": {"name": "mock", "limit": {"context": 200_000, "output": 8_000}}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "mock",
        "options": {"baseURL": f"{setup.api}/v1", "apiKey": "none"},
        "models": models,
    }
    config = {
        "autoupdate": False,
        "share": "disabled",
        "provider": {"mock": provider},
        "enabled_providers": ["mock"],
        "model": "mock/mock",
        "small_model": "mock/mock",
        "mcp": {
            "homer": {
                "type": "local",
                "command": [str(setup.server)],
                "environment": setup.environment,
            }
        },
    }
    setup.write(".config/opencode/opencode.json", config)
    off = ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
    variables = {f"OPENCODE_DISABLE_{what}": "1" for what in off}
    # Otherwise it looks for its plug-in library in the registry.
    variables["npm_config_offline"] = "true"
    return variables, ["run", PROMPT]


def claude_code(setup: Setup):
    server = {"command": str(setup.server), "env": setup.environment}
    setup.write("mcp.json", {"mcpServers": {"homer": server}})
    variables = {
        "ANTHROPIC_API_KEY": "none",
        "ANTHROPIC_BASE_URL": setup.api,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_ERROR_REPORTING": "1",
        "DISABLE_TELEMETRY": "1",
    }
    arguments = ["--print", PROMPT, "--strict-mcp-config", "--allowedTools", "mcp__homer"]
    return variables, [*arguments, "--mcp-config", setup.home / "mcp.json"]


CLIENTS = [
    Client(
        "Codex",
        "@openai/codex-linux-x64",
        "@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex",
        OpenAiResponses,
        codex,
    ),
    Client(
        "Gemini CLI",
        "@google/gemini-cli",
        "@google/gemini-cli/bundle/gemini.js",
        Gemini,
        gemini,
    ),
    Client(
        "opencode",
        "opencode-linux-x64",
        "opencode-linux-x64/bin/opencode",
        OpenAiChat,
        opencode,
    ),
    Client(
        "Claude Code",
        "@anthropic-ai/claude-code-linux-x64",
        "@anthropic-ai/claude-code-linux-x64/claude",
        AnthropicMessages,
        claude_code,
    ),
]
