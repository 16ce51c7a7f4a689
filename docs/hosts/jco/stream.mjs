// Saves the capture of one call, of any size, in a file. It is read in pieces:
// node stream.mjs CALL-ID FROM-MS TO-MS FILE
import "./shim.mjs";
import { closeSync, openSync, renameSync, writeSync } from "node:fs";
import { homerExportStream } from "./homer-export/homer-export.js";

const [callid, from, to, file] = process.argv.slice(2);
const query = {
  callIds: [callid],
  fromTs: BigInt(from),
  toTs: BigInt(to),
  profiles: [],
  nodes: [],
  excludeIps: [],
};
try {
  const capture = homerExportStream.openPcap(query);
  const out = openSync(`${file}.part`, "w", 0o600);
  for (let bytes; (bytes = capture.read(1 << 20)).length > 0; ) writeSync(out, bytes);
  closeSync(out);
  // Only the empty read above shows that the capture is complete.
  renameSync(`${file}.part`, file);
  const report = capture.report();
  const size = `${report.packets} packets in ${report.sizeBytes} bytes`;
  console.log(`${file}: ${size}, complete: ${report.complete}`);
} catch (error) {
  if (error.payload === undefined) throw error;
  const { tag, val } = error.payload;
  console.error(`${tag}: ${val.message ?? val}`);
  process.exitCode = 1;
}
