/**
 * `npm run coverage`: lines and branches of contracts/ that the Solidity tests reach, and no fewer than 95 in
 * a hundred of either in any contract. Hardhat counts the lines that ran; branches are made lines before
 * (branch-markers.ts): the arms of every `if`, with or without an `else`, of `?:`, `&&` and `||`. Runs in a copy.
 */
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, parse } from "node:path";
import { fileURLToPath } from "node:url";
import { type BranchArm, markBranches } from "./branch-markers.ts";
import { type ContractCoverage, coverageOf, shareOf } from "./lcov.ts";

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
  const arms = await markContracts(join(copy, "contracts"));
  const cli = join(ROOT, "node_modules/hardhat/dist/src/cli.js");
  const run = spawnSync(process.execPath, [cli, "test", "solidity", "--coverage"], {
    cwd: copy,
    encoding: "utf8",
    maxBuffer: 1e8,
  });
  if (run.status !== 0) throw new Error(`the tests failed:\n${run.stdout}${run.stderr}`);
  const report = coverageOf(await readFile(join(copy, "coverage/lcov.info"), "utf8"), arms);
  for (const row of report) console.log(tell(row));
  const low = report.filter(({ lines, branches }) => Math.min(shareOf(lines), shareOf(branches)) < LEAST);
  if (report.length < arms.size || low.length > 0) {
    console.error(
      `less than ${LEAST} %: ${low.map(({ file }) => file).join(", ") || "not all was measured"}`,
    );
    process.exitCode = 1;
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}

/** Marks every contract that has branches; their arms by file. */
async function markContracts(directory: string): Promise<ReadonlyMap<string, readonly BranchArm[]>> {
  const marked = new Map<string, readonly BranchArm[]>();
  for (const file of await readdir(directory)) {
    if (!file.endsWith(".sol")) continue;
    const { text, arms } = markBranches(parse(file).name, await readFile(join(directory, file), "utf8"));
    if (arms.length === 0) continue;
    await writeFile(join(directory, file), text);
    marked.set(`contracts/${file}`, arms);
  }
  return marked;
}

function tell({ file, lines, branches, missed }: ContractCoverage): string {
  const share = ({ hit, found }: { hit: number; found: number }) =>
    `${shareOf({ hit, found }).toFixed(2)} % (${hit} of ${found})`;
  const where = missed.map(({ line, when }) => `${line} never ${when}`).join(", ");
  return `${file.padEnd(34)} lines ${share(lines).padEnd(22)} branches ${share(branches)}${where && `: line ${where}`}`;
}
