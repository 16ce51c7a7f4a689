"""The same tool as a FastMCP server: the least code that a Python developer would write for it.

One HTTP client is shared by all calls. The capture is returned as base64 text, unchecked and
without a report. With ONCE=1, the text is sent once; otherwise FastMCP repeats it as structured
content. Arguments: stdio, or the port of 127.0.0.1 to serve HTTP at.
"""

import base64
import os
import sys

import httpx
from fastmcp import FastMCP

# 64 calls at once: with the default of 20 idle connections, it would open new ones all the time.
LIMITS = httpx.Limits(max_connections=100, max_keepalive_connections=100)
homer = httpx.AsyncClient(
    base_url=os.environ["HOMER_URL"],
    headers={"Auth-Token": os.environ["HOMER_API_TOKEN"]},
    limits=LIMITS,
    timeout=120,
)
mcp = FastMCP("homer")
schema = {"output_schema": None} if os.environ.get("ONCE") == "1" else {}


@mcp.tool(**schema)
async def homer_export_pcap(callid: str, from_ts: int, to_ts: int) -> str:
    """Export the packets of a SIP call from Homer as a base64-encoded pcap file."""
    body = {
        "param": {"search": {"1_call": {"callid": [callid]}}},
        "timestamp": {"from": from_ts, "to": to_ts},
    }
    response = await homer.post("/api/v3/export/call/messages/pcap", json=body)
    response.raise_for_status()
    return base64.b64encode(response.content).decode()


if sys.argv[1] == "stdio":
    mcp.run(show_banner=False)
else:
    # Stateless, with plain JSON responses: what is fastest in FastMCP.
    mcp.run(
        transport="http",
        host="127.0.0.1",
        port=int(sys.argv[1]),
        stateless_http=True,
        json_response=True,
        log_level="warning",
        show_banner=False,
    )
