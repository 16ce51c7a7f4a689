"""The pages of third-party hosts: their commands, word for word, with fake and failing Homers."""

import base64
import json
import re
import tomllib

import pytest

from conftest import DIST, EMBED_EXAMPLE, PAGES, SETTINGS_PAGE, WIT, assert_is_the_capture

SETTING = r"HOMER_[A-Z_]+[A-Z]"
WRONG_TOKEN = {"HOMER_API_TOKEN": "wrong"}
SHORT_TIMEOUT = {"HOMER_TIMEOUT_MS": "1000"}

# Homers whose capture is above the limits of a result; their file is above 2.9 MB in either case.
LARGE_HOMERS = [pytest.param("large_homer", id="3_mb"), pytest.param("huge_homer", id="30_mb")]
LARGE_BYTES = 2_900_000


@pytest.fixture
def above_limits(request) -> dict[str, str]:
    return request.getfixturevalue(request.param)


def assert_fails_with(case: str, ran: tuple[int, str, str]):
    code, out, errors = ran
    assert code != 0 and errors.strip().startswith(f"{case}: "), f"exit code {code}: {out} {errors}"


def assert_succeeds(ran: tuple[int, str, str]) -> str:
    code, out, errors = ran
    assert code == 0, f"exit code {code}: {out} {errors}"
    return out


# What can be said of the pages and files without running them.


@pytest.mark.parametrize(
    "page", sorted(PAGES.rglob("README.md")), ids=lambda page: page.parent.name
)
def test_page_has_at_most_60_lines(page):
    assert len(page.read_text().splitlines()) <= 60


FILES = sorted({*PAGES.rglob("README.md"), *PAGES.glob("*/*.*")})


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PAGES)))
def test_page_names_only_documented_settings(file):
    documented = set(re.findall(SETTING, SETTINGS_PAGE.read_text()))
    assert set(re.findall(SETTING, file.read_text())) - documented == set()


def test_rust_page_shows_the_example():
    [shown] = re.findall(
        r"^```rust\n(.*?)^```$", (PAGES / "rust/README.md").read_text(), re.M | re.S
    )
    assert shown == EMBED_EXAMPLE.read_text()


@pytest.fixture
def spin_component() -> dict:
    manifest = tomllib.loads((PAGES / "spin/spin.toml").read_text())
    [component] = manifest["component"].values()
    return component


def test_spin_manifest_names_a_component(spin_component):
    assert (DIST / spin_component["source"]).exists()


def test_spin_manifest_allows_one_host(spin_component):
    assert spin_component["allowed_outbound_hosts"] == ["{{ homer_url }}"]


def test_spin_manifest_holds_no_secret(spin_component):
    assert "environment" not in spin_component


# jco: each run of the first block transpiles, calls, and streams.

JCO = "npx jco transpile"


@pytest.fixture(scope="module")
def jco_stream(jco):
    """The capture by the last line of the block alone."""
    assert_succeeds(jco.run_line(JCO))

    def stream(homer: dict[str, str]) -> bytes:
        assert_succeeds(jco.run_line("node stream.mjs", homer))
        return jco.take("call.pcap")

    return stream


def test_jco_calls_and_streams(jco, homer):
    assert_succeeds(jco.run(JCO, homer))
    assert_is_the_capture(jco.take(f"{jco.variables['CALL']}.pcap"))
    assert_is_the_capture(jco.take("call.pcap"))


def test_jco_unknown_call(jco, homer):
    assert_fails_with("nothing-captured", jco.run(JCO, homer, call="nobody@nowhere"))


def test_jco_wrong_token(jco, homer):
    assert_fails_with("unauthorized", jco.run(JCO, homer, WRONG_TOKEN))


@pytest.mark.parametrize("above_limits", LARGE_HOMERS, indirect=True)
def test_jco_capture_above_the_limit(jco, above_limits):
    assert_fails_with("too-large", jco.run(JCO, above_limits))


@pytest.mark.parametrize("above_limits", LARGE_HOMERS, indirect=True)
def test_jco_streams_above_the_limit(jco_stream, above_limits):
    assert len(jco_stream(above_limits)) > LARGE_BYTES


def test_jco_connection_breaks_off(jco, failing_homer):
    assert_fails_with("invalid-response", jco.run(JCO, failing_homer.environment("cut")))


def test_jco_silent_homer(jco, failing_homer):
    assert_fails_with("timed-out", jco.run(JCO, failing_homer.environment("silent"), SHORT_TIMEOUT))


def test_jco_homer_that_takes_12_s(jco_stream, failing_homer):
    assert_is_the_capture(jco_stream(failing_homer.environment("slow")))


def test_jco_keeps_the_documentation_of_the_tool(jco):
    kept = documentation(assert_succeeds(jco.run("npx jco wit")))
    written = documentation(WIT.read_text())
    assert len(written) > 10
    assert written == kept


def documentation(wit: str) -> list[str]:
    """The comment on the tool's function."""
    lines: list[str] = []
    for line in map(str.strip, wit.splitlines()):
        if line.startswith("export homer-export-pcap: func"):
            return lines
        lines = [*lines, line.removeprefix("///").strip()] if line.startswith("///") else []
    return []


# wasmtime-py: one script for the typed component and the tool component.

TYPED, TOOL = "call.py homer-export.wasm", "call.py homer-export-tool.wasm"
BOTH_COMPONENTS = pytest.mark.parametrize(
    "words", [pytest.param(TYPED, id="typed"), pytest.param(TOOL, id="tool")]
)


@BOTH_COMPONENTS
def test_wasmtime_py_saves_the_capture(wasmtime_py, homer, words):
    assert_succeeds(wasmtime_py.run(words, homer))
    assert_is_the_capture(wasmtime_py.take(f"{wasmtime_py.variables['CALL']}.pcap"))


@BOTH_COMPONENTS
def test_wasmtime_py_unknown_call(wasmtime_py, homer, words):
    assert_fails_with("nothing-captured", wasmtime_py.run(words, homer, call="nobody@nowhere"))


@BOTH_COMPONENTS
def test_wasmtime_py_wrong_token(wasmtime_py, homer, words):
    assert_fails_with("unauthorized", wasmtime_py.run(words, homer, WRONG_TOKEN))


@BOTH_COMPONENTS
@pytest.mark.parametrize("how", ["cut", "cut-at-once"])
def test_wasmtime_py_connection_breaks_off(wasmtime_py, failing_homer, words, how):
    assert_fails_with("invalid-response", wasmtime_py.run(words, failing_homer.environment(how)))


@BOTH_COMPONENTS
def test_wasmtime_py_silent_homer(wasmtime_py, failing_homer, words):
    assert_fails_with(
        "timed-out", wasmtime_py.run(words, failing_homer.environment("silent"), SHORT_TIMEOUT)
    )


@pytest.mark.parametrize("above_limits", LARGE_HOMERS, indirect=True)
def test_wasmtime_py_typed_capture_above_the_limit(wasmtime_py, above_limits):
    assert_fails_with("too-large", wasmtime_py.run(TYPED, above_limits))


@pytest.mark.parametrize("above_limits", LARGE_HOMERS, indirect=True)
def test_wasmtime_py_tool_capture_above_the_limit(wasmtime_py, above_limits):
    out = assert_succeeds(wasmtime_py.run(TOOL, above_limits))
    assert out.startswith("no file: ") and "SIP messages" in out, out


# The Wasmtime command line: the exit code is 0 for errors, too.

WASMTIME_TYPED, WASMTIME_TOOL = "homer-export.wasm", "homer-export-tool.wasm"


@pytest.mark.wasmtime
def test_wasmtime_tool_returns_the_capture(wasmtime, homer):
    result = json.loads(wave_string(assert_succeeds(wasmtime.run(WASMTIME_TOOL, homer)), "ok"))
    assert_is_the_capture(base64.b64decode(result["pcap_base64"]))


@pytest.mark.wasmtime
def test_wasmtime_typed_returns_the_capture(wasmtime, homer):
    out = assert_succeeds(wasmtime.run(WASMTIME_TYPED, homer))
    assert out.startswith("ok({"), out
    assert_is_the_capture(
        bytes(int(byte) for byte in re.search(r"data: \[([0-9, ]+)\]", out)[1].split(","))
    )


def assert_wasmtime_fails_with(
    case: str, wasmtime, *settings: dict[str, str], call: str | None = None
):
    """By either component."""
    out = assert_succeeds(wasmtime.run(WASMTIME_TOOL, *settings, call=call))
    assert wave_string(out, "err").startswith(f"{case}: "), out
    out = assert_succeeds(wasmtime.run(WASMTIME_TYPED, *settings, call=call))
    assert out.startswith(f"err({case}("), out


@pytest.mark.wasmtime
def test_wasmtime_unknown_call(wasmtime, homer):
    assert_wasmtime_fails_with("nothing-captured", wasmtime, homer, call="nobody@nowhere")


@pytest.mark.wasmtime
def test_wasmtime_wrong_token(wasmtime, homer):
    assert_wasmtime_fails_with("unauthorized", wasmtime, homer, WRONG_TOKEN)


@pytest.mark.wasmtime
def test_wasmtime_connection_breaks_off(wasmtime, failing_homer):
    assert_wasmtime_fails_with("invalid-response", wasmtime, failing_homer.environment("cut"))


@pytest.mark.wasmtime
@pytest.mark.parametrize("above_limits", LARGE_HOMERS, indirect=True)
def test_wasmtime_typed_capture_above_the_limit(wasmtime, above_limits):
    out = assert_succeeds(wasmtime.run(WASMTIME_TYPED, above_limits))
    assert out.startswith("err(too-large("), out


@pytest.mark.wasmtime
@pytest.mark.parametrize("above_limits", LARGE_HOMERS, indirect=True)
def test_wasmtime_tool_capture_above_the_limit(wasmtime, above_limits):
    result = json.loads(
        wave_string(assert_succeeds(wasmtime.run(WASMTIME_TOOL, above_limits)), "ok")
    )
    assert result["pcap_base64"] is None
    assert result["report"]["packets"] > 6000


def wave_string(out: str, case: str) -> str:
    """The string in `ok("…")` or `err("…")`.

    WAVE escapes strings like JSON does, except for code points and apostrophes.
    """
    text = re.fullmatch(rf"{case}\((\".*\")\)\s*", out, re.S)
    assert text, out
    text = re.sub(
        r"\\u\{([0-9a-f]+)\}", lambda found: json.dumps(chr(int(found[1], 16)))[1:-1], text[1]
    )
    return json.loads(text.replace("\\'", "'"))
