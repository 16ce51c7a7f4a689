"""homer-export-mcp.wasm, served by third-party hosts as their pages say, called over plain HTTP."""

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from conftest import CAPTURE_SHA256, MCP_TOKEN, assert_is_the_capture
from mcp_http import FROM_MS, STATELESS, WITH_INITIALIZE

TOOLS_LIST = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list"})
VERSIONS = pytest.mark.parametrize("version", [WITH_INITIALIZE, STATELESS])


def blob(result: dict) -> str:
    """The capture in the result of homer_export_pcap."""
    return result["content"][1]["resource"]["blob"]


def assert_is_error(case: str, result: dict):
    assert result["isError"] and result["content"][0]["text"].startswith(f"{case}: "), result


def test_server_answers_the_curl_of_the_page(serving_page, mcp_server):
    code, out, errors = serving_page.run(
        "curl", {"HOMER_MCP_TOKEN": MCP_TOKEN, "PORT": str(mcp_server.port)}
    )
    assert code == 0 and "homer_export_pcap" in out, out + errors


# HTTP.


@pytest.mark.parametrize(
    "shown, challenge",
    [
        pytest.param(None, "Bearer", id="no"),
        # RFC 6750 §3.1.
        pytest.param("Bearer wrong", 'Bearer error="invalid_token"', id="wrong"),
    ],
)
def test_server_refuses_without_the_token(mcp_server, shown, challenge):
    status, fields, _ = mcp_server.http("POST", TOOLS_LIST, {"Authorization": shown})
    assert (status, fields["WWW-Authenticate"]) == (401, challenge)


def test_server_refuses_another_origin(mcp_server):
    status, _, _ = mcp_server.http("POST", TOOLS_LIST, {"Origin": "https://example.com"})
    assert status == 403


def test_server_refuses_get(mcp_server):
    status, fields, _ = mcp_server.http("GET", None)
    assert (status, fields["Allow"]) == (405, "POST")


def test_server_refuses_text(mcp_server):
    status, _, _ = mcp_server.http("POST", TOOLS_LIST, {"Content-Type": "text/plain"})
    assert status == 415


def test_server_refuses_a_request_of_300_kb(mcp_server):
    status, _, _ = mcp_server.http("POST", "x" * 300_000)
    assert status == 413


# The protocol.


def test_server_initialize(mcp_server):
    result = mcp_server.call(
        "initialize", {"protocolVersion": WITH_INITIALIZE, "capabilities": {}}, WITH_INITIALIZE
    )
    assert result["protocolVersion"] == WITH_INITIALIZE


def test_server_accepts_initialized(mcp_server):
    status, _, body = mcp_server.http(
        "POST", json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"})
    )
    assert (status, body) == (202, b"")


@VERSIONS
def test_server_lists_all_tools(mcp_server, version):
    tools = mcp_server.call("tools/list", version=version)["tools"]
    assert [tool["name"] for tool in tools] == [
        "homer_export_pcap",
        "homer_read_message",
        "homer_find_calls",
        "homer_read_ladder",
        "homer_compare_calls",
    ]


@VERSIONS
def test_server_embeds_the_capture(mcp_server, version):
    result = mcp_server.export(version)
    assert_is_the_capture(base64.b64decode(blob(result)))
    assert result["structuredContent"]["sha256"] == CAPTURE_SHA256
    assert result["structuredContent"]["delivery"] == "embedded"


@VERSIONS
def test_server_reads_the_capture_as_a_resource(mcp_server, version):
    result = mcp_server.export(version)
    uri = result["structuredContent"]["resource_uri"]
    contents = mcp_server.call("resources/read", {"uri": uri}, version)["contents"]
    assert [content["blob"] for content in contents] == [blob(result)]


ERRORS = [
    pytest.param({"from_ts": FROM_MS // 1000}, "invalid-request", id="seconds"),
    pytest.param({"from_ts": "yesterday"}, "invalid-request", id="words"),
    pytest.param({"callid": "nobody@nowhere"}, "nothing-captured", id="unknown_call"),
]


@VERSIONS
@pytest.mark.parametrize("arguments, case", ERRORS)
def test_server_returns_an_error(mcp_server, version, arguments, case):
    assert_is_error(case, mcp_server.export(version, **arguments))


def test_server_makes_eight_exports_at_once(mcp_server):
    with ThreadPoolExecutor(8) as threads:
        for result in threads.map(lambda _: mcp_server.export(), range(8)):
            assert_is_the_capture(base64.b64decode(blob(result)))


# Servers with other Homers.


def test_server_links_a_capture_of_3_mb(host, large_homer):
    server = host.serve(large_homer)
    result = server.export()
    structured, link = result["structuredContent"], result["content"][1]
    assert link["type"] == "resource_link"
    assert link["size"] == structured["size_bytes"] > 2_900_000
    [content] = server.call("resources/read", {"uri": link["uri"]})["contents"]
    assert hashlib.sha256(base64.b64decode(content["blob"])).hexdigest() == structured["sha256"]


def test_server_returns_the_report_of_a_capture_of_30_mb(host, huge_homer):
    structured = host.serve(huge_homer).export()["structuredContent"]
    assert structured["delivery"] == "withheld", structured
    assert structured["size_bytes"] > 29_000_000 and structured["report"]["sip_messages"] > 0


def test_server_outlives_a_connection_that_breaks_off(host, failing_homer):
    server = host.serve(failing_homer.environment("cut"))
    for _ in range(2):
        assert_is_error("invalid-response", server.export())
