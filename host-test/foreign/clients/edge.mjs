// A TypeScript SDK's client against homer-export-mcp.wasm over HTTP.
// Arguments: 1 or 2 (the SDK), URL, token, legacy or 2026-07-28 (the era).
import assert from "node:assert/strict";
import { createHash } from "node:crypto";

const [sdk, url, token, era] = process.argv.slice(2);
const load = {
  1: async () => ({
    ...(await import("@modelcontextprotocol/sdk/client/index.js")),
    ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
  }),
  2: () => import("@modelcontextprotocol/client"),
};
const { Client, StreamableHTTPClientTransport } = await load[sdk]();

const mode = era === "legacy" ? era : { pin: era };
const options = sdk === "2" ? { versionNegotiation: { mode } } : {};
const client = new Client({ name: "test", version: "1" }, options);
const requestInit = { headers: { Authorization: `Bearer ${token}` } };
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));

const args = { callid: "udp-normal-1@192.0.2.10", from_ts: 1795168800000, to_ts: 1795169100000 };
const call = (name, args) => client.callTool({ name, arguments: args });

const { tools } = await client.listTools();
const expected = [
  "homer_export_pcap",
  "homer_read_message",
  "homer_find_calls",
  "homer_read_ladder",
  "homer_compare_calls",
];
assert.deepEqual(tools.map((tool) => tool.name), expected);
const exported = await call("homer_export_pcap", args);
const { size_bytes, sha256, report, resource_uri } = exported.structuredContent;
assert.equal(size_bytes, 3311);
assert.equal(sha256, "c8d017b7a70b6017b93c0ed28eee5ac66e3af9740c6e05480ce8edaeab37ad3f");
assert.equal(report.complete, true);
const { blob } = exported.content[1].resource;
assert.equal(createHash("sha256").update(Buffer.from(blob, "base64")).digest("hex"), sha256);
const read = await client.readResource({ uri: resource_uri });
assert.equal(read.contents[0].blob, blob);
const message = await call("homer_read_message", { ...args, packet: 1 });
assert.match(message.structuredContent.text, /^INVITE sip:bob/);
const nothing = await call("homer_export_pcap", { ...args, callid: "nobody@nowhere" });
assert.equal(nothing.isError, true);
assert.match(nothing.content[0].text, /^nothing-captured: /);
const reversed = await call("homer_export_pcap", { ...args, to_ts: args.from_ts - 1 });
assert.equal(reversed.isError, true);
assert.match(reversed.content[0].text, /^invalid-request: /);
await assert.rejects(call("homer_delete", {}), { code: -32602 });
await assert.rejects(
  client.readResource({ uri: "file:///etc/passwd" }),
  ({ code }) => [-32602, -32002].includes(code),
);
await client.close();
// Some of its timers would hold the process.
process.exit(0);
