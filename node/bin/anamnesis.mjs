#!/usr/bin/env node
// The machine's Node may be too old to read .ts files; the package `node` brings one that can.
import { spawn } from "node:child_process";
import * as module from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const major = Number(process.versions.node.split(".", 1)[0]);

if (major >= 24 && process.features.typescript) {
  module.enableCompileCache?.();
  const { runCli } = await import("../src/cli/run.ts");
  process.exitCode = await runCli(process.argv.slice(2));
} else {
  const require = module.createRequire(import.meta.url);
  let binary;
  try {
    binary = join(dirname(require.resolve("node/package.json")), "bin", "node");
  } catch {
    process.stderr.write(
      "anamnesis: Node 24 is needed and the package `node` is not installed: run npm ci\n",
    );
    process.exit(2);
  }
  const child = spawn(binary, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
  });
  child.once("error", (error) => {
    process.stderr.write(`anamnesis: ${binary} cannot be started (${error.code}): run npm ci\n`);
    process.exit(2);
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"]) {
    process.on(signal, () => {
      // A terminal sends these to the whole process group: the child has them already.
      if (process.stdin.isTTY && signal !== "SIGTERM") return;
      child.kill(signal);
    });
  }
  child.once("exit", (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
