/* Runs every line of README.md that stands in a fenced block marked `sh run`: what a newcomer copies must work. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(`${root}/README.md`, "utf8");
const commands = [...readme.matchAll(/^```sh run\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
  (block ?? "").trim().split("\n"),
);
if (commands.length === 0) throw new Error("README.md has no block marked `sh run`");
for (const command of commands) {
  process.stdout.write(`$ ${command}\n`);
  const run = spawnSync("bash", ["-c", command], { cwd: root, stdio: "inherit", timeout: 300_000 });
  if (run.status !== 0) {
    process.stderr.write(`README.md: \`${command}\` ended with ${run.status ?? run.signal}\n`);
    process.exit(1);
  }
}
