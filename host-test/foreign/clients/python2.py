"""The Python SDK 2.x against homer-export-mcp: list, export, read, error, progress, cancellation.

Arguments: those of typescript.mjs after its first.
"""

import asyncio
import base64
import sys
import time
import urllib.request

from mcp import Client, StdioServerParameters

_, transport, demo, waiting, homer = sys.argv
ARGUMENTS = {"callid": "udp-normal-1@192.0.2.10", "from_ts": 1795168800000, "to_ts": 1795169100000}


def connect(stdio, url):
    return Client(stdio if transport == "stdio" else url)


async def exports():
    async with connect(StdioServerParameters(command=demo, args=["--demo", "--result-mode", "embed"]), demo) as client:
        assert client.protocol_version == "2026-07-28", client.protocol_version
        names = [tool.name for tool in (await client.list_tools()).tools]
        expected = [
            "homer_export_pcap",
            "homer_read_message",
            "homer_find_calls",
            "homer_read_ladder",
            "homer_compare_calls",
        ]
        assert names == expected, names
        result = await client.call_tool("homer_export_pcap", ARGUMENTS)
        assert result.structured_content["size_bytes"] == 3311, result
        blob = result.content[1].resource.blob
        assert len(base64.b64decode(blob)) == 3311
        resource = await client.read_resource(result.structured_content["resource_uri"])
        assert resource.contents[0].blob == blob
        message = await client.call_tool("homer_read_message", {**ARGUMENTS, "packet": 1})
        assert message.structured_content["text"].startswith("INVITE sip:bob"), message
        failed = await client.call_tool(
            "homer_export_pcap", {**ARGUMENTS, "callid": "nobody@nowhere"}
        )
        assert failed.is_error and failed.content[0].text.startswith("nothing-captured: "), failed
        elsewhere = {**ARGUMENTS, "from_ts": 1795161600000, "to_ts": "2026-11-20T09:00:00Z"}
        failed = await client.call_tool("homer_export_pcap", elsewhere)
        assert failed.is_error, failed
        suggestion = failed.structured_content["suggestion"]
        again = await client.call_tool("homer_export_pcap", suggestion)
        assert again.structured_content["size_bytes"] == 3311, again
        window = {"from_ts": ARGUMENTS["from_ts"], "to_ts": "2026-11-20T10:05:00Z"}
        found = await client.call_tool("homer_find_calls", {**window, "caller": "alice"})
        [call] = found.structured_content["calls"]
        assert call["export"]["callid"] == ARGUMENTS["callid"], call
        try:
            await client.read_resource("file:///etc/passwd")
        except Exception:
            return
        raise AssertionError("a file was read")


def open_requests():
    return int(urllib.request.urlopen(homer).read())


async def cancels():
    told = []

    async def progress(_progress, _total, message):
        told.append(message)

    async with connect(
        StdioServerParameters(command=demo, env={"HOMER_URL": homer}), waiting
    ) as client:
        call = asyncio.create_task(
            client.call_tool("homer_export_pcap", ARGUMENTS, progress_callback=progress)
        )
        for _ in range(200):
            if told and await asyncio.to_thread(open_requests):
                break
            await asyncio.sleep(0.05)
        assert told[:1] == ["waiting for Homer"], told
        begin = time.monotonic()
        call.cancel()
        while await asyncio.to_thread(open_requests):
            assert time.monotonic() - begin < 4, "the request to Homer goes on"
            await asyncio.sleep(0.02)
        elapsed_ms = 1000 * (time.monotonic() - begin)
        print(f"the request to Homer ended {elapsed_ms:.0f} ms after the cancellation")


asyncio.run(exports())
asyncio.run(cancels())
