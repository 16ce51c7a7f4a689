// A TypeScript SDK against homer-export-mcp: list, export, read, error, progress, cancellation.
//
// Arguments: 1 or 2 (the SDK); stdio or http; the server with recorded calls; the server whose
// Homer never responds; the URL of that Homer. With stdio the first server is the program and the
// second is "", over HTTP both are URLs.
import assert from "node:assert/strict";

const [sdk, transport, demo, waiting, homer] = process.argv.slice(2);
const load = {
  1: async () => ({
    ...(await import("@modelcontextprotocol/sdk/client/index.js")),
    ...(await import("@modelcontextprotocol/sdk/client/stdio.js")),
    ...(await import("@modelcontextprotocol/sdk/client/streamableHttp.js")),
  }),
  2: async () => ({
    ...(await import("@modelcontextprotocol/client")),
    ...(await import("@modelcontextprotocol/client/stdio")),
  }),
};
const { Client, StdioClientTransport, StreamableHTTPClientTransport } = await load[sdk]();

async function connect(stdio, url) {
  const options = sdk === "2" ? { versionNegotiation: { mode: "auto" } } : {};
  const client = new Client({ name: "test", version: "1" }, options);
  await client.connect(
    transport === "stdio"
      ? new StdioClientTransport(stdio)
      : new StreamableHTTPClientTransport(new URL(url)),
  );
  return client;
}

const call = (client, args, options) =>
  sdk === "1"
    ? client.callTool({ name: "homer_export_pcap", arguments: args }, undefined, options)
    : client.callTool({ name: "homer_export_pcap", arguments: args }, options);

const args = { callid: "udp-normal-1@192.0.2.10", from_ts: 1795168800000, to_ts: 1795169100000 };

const client = await connect({ command: demo, args: ["--demo", "--result-mode", "embed"] }, demo);
const { tools } = await client.listTools();
const expected = [
  "homer_export_pcap",
  "homer_read_message",
  "homer_find_calls",
  "homer_read_ladder",
  "homer_compare_calls",
];
assert.deepEqual(tools.map((tool) => tool.name), expected);
const exported = await call(client, args);
assert.equal(exported.structuredContent.size_bytes, 3311);
assert.equal(exported.structuredContent.report.complete, true);
const blob = exported.content[1].resource.blob;
assert.equal(Buffer.from(blob, "base64").length, 3311);
const read = await client.readResource({ uri: exported.structuredContent.resource_uri });
assert.equal(read.contents[0].blob, blob);
const message = await client.callTool({
  name: "homer_read_message",
  arguments: { ...args, packet: 1 },
});
assert.match(message.structuredContent.text, /^INVITE sip:bob/);
const failed = await call(client, { ...args, callid: "nobody@nowhere" });
assert.equal(failed.isError, true);
assert.match(failed.content[0].text, /^nothing-captured: /);
// The SDK compares this result with the output schema, although the call failed.
const elsewhere = await call(client, {
  ...args,
  from_ts: "2026-11-20T08:00:00Z",
  to_ts: "2026-11-20T10:00:00+01:00",
});
assert.equal(elsewhere.isError, true);
const again = await call(client, elsewhere.structuredContent.suggestion);
assert.equal(again.structuredContent.size_bytes, 3311);
const found = await client.callTool({
  name: "homer_find_calls",
  arguments: { from_ts: args.from_ts, to_ts: String(args.to_ts), caller: "alice" },
});
assert.equal(found.structuredContent.calls[0].export.callid, args.callid);
await assert.rejects(client.readResource({ uri: "file:///etc/passwd" }));
await client.close();

const patient = await connect({ command: demo, args: [], env: { HOMER_URL: homer } }, waiting);
const open = async () => Number(await (await fetch(homer)).text());
const controller = new AbortController();
const told = [];
const pending = call(patient, args, {
  signal: controller.signal,
  onprogress: (progress) => told.push(progress.message),
});
pending.catch(() => {});
for (let tries = 0; told.length === 0 || (await open()) === 0; tries++) {
  assert.ok(tries < 200, "neither progress nor a request");
  await new Promise((resolve) => setTimeout(resolve, 50));
}
assert.equal(told[0], "waiting for Homer");
controller.abort("changed my mind");
const begin = Date.now();
await assert.rejects(pending);
while ((await open()) > 0) {
  assert.ok(Date.now() - begin < 4000, "the request to Homer goes on");
  await new Promise((resolve) => setTimeout(resolve, 20));
}
console.log(`the request to Homer ended ${Date.now() - begin} ms after the cancellation`);
await patient.close();
process.exit(0);
