"""Early Python SDKs (1.6, 1.9) against homer-export-mcp, in every way to deliver a capture.

They know MCP before 2025-06-18: no structured content, and no resource links, which fail their
validation. Arguments: stdio or http, the program or the URL, the mode, the file of the capture.
Over stdio, HOME is where the server saves files.
"""

import asyncio
import base64
import os
import re
import sys
from pathlib import Path

from mcp import ClientSession, McpError, StdioServerParameters
from mcp.client.stdio import stdio_client

_, transport, server, mode, file = sys.argv
CAPTURE = Path(file).read_bytes()
ARGUMENTS = {"callid": "udp-normal-1@192.0.2.10", "from_ts": 1795168800000, "to_ts": 1795169100000}
SUMMARY = "completed: 200 after 4.250 s"
EARLY_VERSIONS = ("2024-11-05", "2025-03-26")


def connect():
    if transport == "stdio":
        environment = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_CACHE_HOME")}
        arguments = ["--demo", "--result-mode", mode]
        return stdio_client(
            StdioServerParameters(command=server, args=arguments, env=environment)
        )
    from mcp.client.streamable_http import streamablehttp_client

    return streamablehttp_client(server)


def delivered(content) -> bytes:
    """The capture, as this mode delivers it."""
    texts = [block.text for block in content if block.type == "text"]
    if mode == "file":
        assert [block.type for block in content] == ["text"], content
        [path] = set(re.findall(r"/\S+\.pcap", texts[0]))
        return Path(path).read_bytes()
    if mode == "base64":
        assert {block.type for block in content} == {"text"}, content
        return base64.b64decode(texts[-1], validate=True)
    # A link would fail the SDK's validation; these clients get what it would lead to.
    [blob] = [block.resource.blob for block in content if block.type == "resource"]
    return base64.b64decode(blob, validate=True)


async def main():
    async with connect() as (read, write, *_):
        async with ClientSession(read, write) as session:
            version = (await session.initialize()).protocolVersion
            assert version in EARLY_VERSIONS, version
            names = [tool.name for tool in (await session.list_tools()).tools]
            assert "homer_export_pcap" in names and "homer_read_message" in names, names
            result = await session.call_tool("homer_export_pcap", ARGUMENTS)
            assert not result.isError, result
            assert result.content[0].text.startswith(SUMMARY), result.content[0].text
            assert delivered(result.content) == CAPTURE
            message = await session.call_tool("homer_read_message", {**ARGUMENTS, "packet": 1})
            assert "INVITE sip:bob" in message.content[0].text, message
            failed = await session.call_tool(
                "homer_export_pcap", {**ARGUMENTS, "callid": "nobody@nowhere"}
            )
            assert failed.isError and failed.content[0].text.startswith("nothing-captured: "), (
                failed
            )
            try:
                await session.read_resource("file:///etc/passwd")
                raise AssertionError("a file was read")
            except McpError:
                pass


asyncio.run(main())
