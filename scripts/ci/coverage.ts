/**
 * `npm run coverage`: lines and statements of contracts/ that the Solidity tests reach, and no fewer than
 * 95 in a hundred in any contract. Both arms of a condition are statements, so this is what is measured of
 * branches. Runs in a copy, because coverage compiles other code into the artifacts.
 */
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const LEAST = 95;
const INPUTS = [
  "contracts",
  "test/contracts",
  "test/vectors",
  "hardhat.config.ts",
  "package.json",
  "tsconfig.json",
];

const copy = await mkdtemp(join(tmpdir(), "anamnesis-coverage-"));
try {
  for (const input of INPUTS) await cp(join(ROOT, input), join(copy, input), { recursive: true });
  await symlink(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const cli = join(ROOT, "node_modules/hardhat/dist/src/cli.js");
  const run = spawnSync(process.execPath, [cli, "test", "solidity", "--coverage"], {
    cwd: copy,
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  const report = /^ *╔[\s\S]*$/m.exec(run.stdout)?.[0];
  if (run.status !== 0 || report === undefined)
    throw new Error(`the tests failed:\n${run.stdout}${run.stderr}`);
  console.log(report.trimEnd());
  const rows = [...report.matchAll(/(\S+\.sol|Total) +│ ([\d.]+) +│ ([\d.]+)/g)];
  const low = rows.filter(([, , lines, statements]) => Math.min(Number(lines), Number(statements)) < LEAST);
  if (rows.length === 0 || low.length > 0) {
    console.error(
      `less than ${LEAST} %: ${low.map(([, name]) => name).join(", ") || "nothing was measured"}`,
    );
    process.exitCode = 1;
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
