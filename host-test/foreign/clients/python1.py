"""The Python SDK 1.x against homer-export-mcp: list, export, read, error, progress, cancellation.

Arguments: those of typescript.mjs after its first.
"""

import asyncio
import base64
import sys
import time
import urllib.request

from mcp import ClientSession, McpError, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client

_, transport, demo, waiting, homer = sys.argv
ARGUMENTS = {"callid": "udp-normal-1@192.0.2.10", "from_ts": 1795168800000, "to_ts": 1795169100000}


def connect(stdio, url):
    return stdio_client(stdio) if transport == "stdio" else streamablehttp_client(url)


async def exports():
    async with connect(StdioServerParameters(command=demo, args=["--demo", "--result-mode", "embed"]), demo) as (
        read,
        write,
        *_,
    ):
        async with ClientSession(read, write) as session:
            await session.initialize()
            names = [tool.name for tool in (await session.list_tools()).tools]
            expected = [
                "homer_export_pcap",
                "homer_read_message",
                "homer_find_calls",
                "homer_read_ladder",
                "homer_compare_calls",
            ]
            assert names == expected, names
            result = await session.call_tool("homer_export_pcap", ARGUMENTS)
            assert result.structuredContent["size_bytes"] == 3311, result
            blob = result.content[1].resource.blob
            assert len(base64.b64decode(blob)) == 3311
            resource = await session.read_resource(result.structuredContent["resource_uri"])
            assert resource.contents[0].blob == blob
            message = await session.call_tool("homer_read_message", {**ARGUMENTS, "packet": 1})
            assert message.structuredContent["text"].startswith("INVITE sip:bob"), message
            failed = await session.call_tool(
                "homer_export_pcap", {**ARGUMENTS, "callid": "nobody@nowhere"}
            )
            assert failed.isError and failed.content[0].text.startswith("nothing-captured: "), (
                failed
            )
            elsewhere = {**ARGUMENTS, "from_ts": 1795161600000, "to_ts": "2026-11-20T09:00:00Z"}
            failed = await session.call_tool("homer_export_pcap", elsewhere)
            assert failed.isError, failed
            suggestion = failed.structuredContent["suggestion"]
            again = await session.call_tool("homer_export_pcap", suggestion)
            assert again.structuredContent["size_bytes"] == 3311, again
            window = {"from_ts": ARGUMENTS["from_ts"], "to_ts": "2026-11-20T10:05:00Z"}
            found = await session.call_tool("homer_find_calls", {**window, "caller": "alice"})
            [call] = found.structuredContent["calls"]
            assert call["export"]["callid"] == ARGUMENTS["callid"], call
            try:
                await session.read_resource("file:///etc/passwd")
                raise AssertionError("a file was read")
            except McpError:
                pass


def open_requests():
    return int(urllib.request.urlopen(homer).read())


async def cancels():
    told = []

    async def progress(_progress, _total, message):
        told.append(message)

    async with connect(StdioServerParameters(command=demo, env={"HOMER_URL": homer}), waiting) as (
        read,
        write,
        *_,
    ):
        async with ClientSession(read, write) as session:
            await session.initialize()
            number = session._request_id  # this SDK tells nobody the number of a request
            call = asyncio.create_task(
                session.call_tool("homer_export_pcap", ARGUMENTS, progress_callback=progress)
            )
            for _ in range(200):
                if told and await asyncio.to_thread(open_requests):
                    break
                await asyncio.sleep(0.05)
            assert told[:1] == ["waiting for Homer"], told
            begin = time.monotonic()
            params = types.CancelledNotificationParams(requestId=number, reason="changed my mind")
            await session.send_notification(
                types.ClientNotification(types.CancelledNotification(params=params))
            )
            while await asyncio.to_thread(open_requests):
                assert time.monotonic() - begin < 4, "the request to Homer goes on"
                await asyncio.sleep(0.02)
            elapsed_ms = 1000 * (time.monotonic() - begin)
            print(f"the request to Homer ended {elapsed_ms:.0f} ms after the cancellation")
            call.cancel()


asyncio.run(exports())
asyncio.run(cancels())
