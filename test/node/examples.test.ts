/** The examples as a reader would run them, against the API over a plant in memory. */
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { own } from "@anamnesis/sdk/formats/own";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { alertsOf } from "../sdk/formats/support.ts";
import { type Started, startHttp, TOKENS } from "./adapters/http/start.ts";

const ROOT = join(import.meta.dirname, "../..");
const here = (command: string): boolean => {
  const found = spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
  if (!found) console.warn(`SKIPPED: part of test/node/examples.test.ts needs ${command}`);
  return found;
};

let started: Started;
let close: () => Promise<void>;
beforeEach(async () => {
  [started, close] = await startHttp();
});
afterEach(() => close());

/** Runs a program while this process answers it. */
function run(
  command: string,
  args: readonly string[],
  token: string,
  input = "",
): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env: { ...process.env, ANAMNESIS_TOKEN: token } });
    let out = "";
    child.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
    child.stderr.on("data", (bytes: Buffer) => (out += bytes.toString()));
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out }));
    child.stdin.end(input);
  });
}

const LINE = '{"anamnesis":"detection/1","rule":{"id":"coil-write"},"attacker":{"address":"203.0.113.66"}}\n';
const EXAMPLES = [
  {
    name: "TypeScript",
    command: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", "examples/publish.ts"],
    present: true,
    input: "",
  },
  { name: "Python", command: "python3", args: ["examples/publish.py"], present: here("python3"), input: "" },
  { name: "shell", command: "sh", args: ["examples/publish.sh"], present: here("curl"), input: LINE },
];

describe.each(EXAMPLES)("the example in $name", ({ command, args, present, input }) => {
  test.skipIf(!present)("publishes a detection that names its attacker", async () => {
    const { code, out } = await run(command, [...args, started.url], TOKENS.detector, input);
    expect({ code, out }).toMatchObject({ code: 0 });
    const lines = started.plant.published.flatMap((each) => each.lines.map(({ line }) => line));
    expect(alertsOf(own, lines)).toMatchObject([
      { rule: { id: "coil-write" }, attacker: { address: "203.0.113.66" } },
    ]);
  });

  test.skipIf(!present)("says so when its token may not publish", async () => {
    const { code, out } = await run(command, [...args, started.url], TOKENS.reader, input);
    expect(code).not.toBe(0);
    expect(out).toContain("api.forbidden");
    expect(started.plant.published).toEqual([]);
  });

  test("has thirty lines or so", () => {
    const text = readFileSync(join(ROOT, args.at(-1) as string), "utf8");
    expect(text.trim().split("\n").length).toBeLessThanOrEqual(36);
  });
});
