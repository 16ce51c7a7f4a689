// Saves the capture of one call in a file: node call.mjs CALL-ID FROM-MS TO-MS
import "./shim.mjs";
import { renameSync, writeFileSync } from "node:fs";
import { homerExport } from "./homer-export/homer-export.js";

const [callid, from, to] = process.argv.slice(2);
try {
  const { filename, data, report } = homerExport.exportPcap(callid, BigInt(from), BigInt(to));
  // The file gets its name when it is complete. Only its owner can read it.
  writeFileSync(`${filename}.part`, data, { mode: 0o600 });
  renameSync(`${filename}.part`, filename);
  const size = `${report.packets} packets in ${data.length} bytes`;
  console.log(`${filename}: ${size}, complete: ${report.complete}`);
} catch (error) {
  // An error of the contract is the payload of a ComponentError. Any other error is a fault of the
  // host.
  if (error.payload === undefined) throw error;
  const { tag, val } = error.payload;
  console.error(`${tag}: ${val.message ?? val}`);
  process.exitCode = 1;
}
