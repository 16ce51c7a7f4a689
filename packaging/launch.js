#!/usr/bin/env node
// Starts the program of the package for this platform, which npm has installed as an optional
// dependency, and ends as it ends.
"use strict";

const { spawn } = require("node:child_process");
const os = require("node:os");
const { name, optionalDependencies } = require("./package.json");

function programPath() {
  const platform = `${process.platform}-${process.arch}`;
  const wanted = `${name}-${platform}`;
  const file = process.platform === "win32" ? `${name}.exe` : name;
  try {
    return require.resolve(`${wanted}/bin/${file}`);
  } catch {
    const packages = Object.keys(optionalDependencies);
    const platforms = packages.map((each) => each.slice(name.length + 1));
    const advice = packages.includes(wanted)
      ? `The package ${wanted} is not installed. Install ${name} again with optional ` +
        "dependencies (without --omit=optional), and do not copy node_modules from another " +
        "platform. A Linux without glibc may need another way of installation."
      : `This version has programs for ${platforms.join(", ")}.`;
    console.error(`${name} has no program for ${platform} here. ${advice}`);
    return process.exit(1);
  }
}

const child = spawn(programPath(), process.argv.slice(2), { stdio: "inherit" });
// A terminal sends SIGINT to both processes, but a client that started this one to it alone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => child.kill(signal));
}
child.on("error", (error) => {
  console.error(`${name} cannot start its program: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code, signal) => {
  // A shell reports a process that a signal ended in the same way.
  process.exit(code ?? 128 + (os.constants.signals[signal] ?? 0));
});
