// Under Node 20, npm leaves out optional native packages whose engines ask for a newer Node, although
// the project brings Node 24 along: every hardhat command would then fail. Run npm once more from there.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);
const npm = process.env.npm_execpath;

function hasNativeParts() {
  try {
    require("@nomicfoundation/edr");
    return true;
  } catch {
    return false;
  }
}

if (!hasNativeParts() && npm !== undefined && process.env.ANAMNESIS_POSTINSTALL === undefined) {
  const node = createRequire(import.meta.url).resolve("node/bin/node");
  const again = spawnSync(node, [npm, "install", "--no-save", "--ignore-scripts"], {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, ANAMNESIS_POSTINSTALL: "1" },
  });
  if (again.status !== 0) {
    console.error("anamnesis: native packages for Node 24 could not be installed; run `npm ci` again");
    process.exit(again.status ?? 1);
  }
}
