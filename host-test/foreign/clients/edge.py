"""The Python SDK 2.x against homer-export-mcp.wasm over HTTP: edge.py URL TOKEN ERA

ERA is legacy or 2026-07-28.
"""

import asyncio
import base64
import hashlib
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

_, url, token, era = sys.argv
ARGUMENTS = {"callid": "udp-normal-1@192.0.2.10", "from_ts": 1795168800000, "to_ts": 1795169100000}
SHA256 = "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f"


async def refuses(what):
    try:
        result = await what
    except MCPError as error:
        return error.error
    raise AssertionError(f"no error, but {result}")


async def main():
    async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http:
        async with Client(streamable_http_client(url, http_client=http), mode=era) as client:
            assert client.protocol_version == {"legacy": "2025-11-25"}.get(era, era), (
                client.protocol_version
            )
            tools = (await client.list_tools()).tools
            expected = [
                "homer_export_pcap",
                "homer_read_message",
                "homer_find_calls",
                "homer_read_ladder",
                "homer_compare_calls",
            ]
            assert [tool.name for tool in tools] == expected, tools
            result = await client.call_tool("homer_export_pcap", ARGUMENTS)
            structured, blob = result.structured_content, result.content[1].resource.blob
            assert structured["size_bytes"] == 3311 and structured["report"]["complete"], result
            assert (
                hashlib.sha256(base64.b64decode(blob)).hexdigest() == structured["sha256"] == SHA256
            )
            resource = await client.read_resource(structured["resource_uri"])
            assert resource.contents[0].blob == blob
            message = await client.call_tool("homer_read_message", {**ARGUMENTS, "packet": 1})
            assert message.structured_content["text"].startswith("INVITE sip:bob"), message
            failed = await client.call_tool(
                "homer_export_pcap", {**ARGUMENTS, "callid": "nobody@nowhere"}
            )
            assert failed.is_error and failed.content[0].text.startswith("nothing-captured: "), (
                failed
            )
            # A client may check the schema itself; only the server can refuse a reversed window.
            failed = await client.call_tool(
                "homer_export_pcap", {**ARGUMENTS, "to_ts": ARGUMENTS["from_ts"] - 1}
            )
            assert failed.is_error and failed.content[0].text.startswith("invalid-request: "), (
                failed
            )
            assert (await refuses(client.call_tool("homer_delete", {}))).code == -32602
            assert (await refuses(client.read_resource("file:///etc/passwd"))).code in (
                -32602,
                -32002,
            )


asyncio.run(main())
