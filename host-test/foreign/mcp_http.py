"""MCP over HTTP, request by request, as any client might send it."""

import http.client
import json

CALL, FROM_MS, TO_MS = "udp-normal-1@192.0.2.10", 1795168800000, 1795169100000

META = "io.modelcontextprotocol/"
STATELESS = "2026-07-28"
WITH_INITIALIZE = "2025-11-25"


def stateless_meta() -> dict:
    return {f"{META}protocolVersion": STATELESS, f"{META}clientCapabilities": {}}


def tools_list_request() -> str:
    """The one request that works without any other before it; one line, for stdio."""
    params = {"_meta": stateless_meta()}
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": params})


class McpHttp:
    def __init__(self, port: int, token: str):
        self.port = port
        self.token = token

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def http(self, method: str, body: str | None, headers: dict[str, str | None] | None = None):
        """Status, header fields and body of the response; a header that is None is not sent."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        fields = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self.token}",
            **(headers or {}),
        }
        connection.request(
            method,
            "/mcp",
            body,
            {name: value for name, value in fields.items() if value is not None},
        )
        response = connection.getresponse()
        read = response.status, response.headers, response.read()
        connection.close()
        return read

    def call(self, method: str, params: dict | None = None, version: str = STATELESS) -> dict:
        """The result of a request of the protocol."""
        params = dict(params or {})
        headers = {}
        if version == STATELESS:
            params["_meta"] = stateless_meta()
            headers = {"MCP-Protocol-Version": version, "Mcp-Method": method}
            if name := params.get("name") or params.get("uri"):
                headers["Mcp-Name"] = name
        elif method != "initialize":
            headers = {"MCP-Protocol-Version": version}
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        status, _, body = self.http("POST", json.dumps(request), headers)
        assert status == 200, body
        response = json.loads(body)
        assert response["jsonrpc"] == "2.0" and response["id"] == 1, response
        return response["result"]

    def export(self, version: str = STATELESS, **arguments) -> dict:
        arguments = {"callid": CALL, "from_ts": FROM_MS, "to_ts": TO_MS, **arguments}
        return self.call(
            "tools/call", {"name": "homer_export_pcap", "arguments": arguments}, version
        )
