import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Started, startHttp, TOKENS } from "../adapters/http/start.ts";
import { runInProcess } from "./in-process.ts";
import { BIN } from "./run.ts";

let started: Started;
let close: () => Promise<void>;
let folder: string;
beforeEach(async () => {
  [started, close] = await startHttp();
  folder = await mkdtemp(join(tmpdir(), "anamnesis-publish-"));
  await writeFile(join(folder, "detector.token"), `${TOKENS.detector}\n`);
  await writeFile(join(folder, "reader.token"), `${TOKENS.reader}\n`);
});
afterEach(async () => {
  await close();
  await rm(folder, { recursive: true, force: true });
});

const lines = (): string[] => started.plant.published.flatMap((each) => each.lines.map(({ line }) => line));
const publish = (...args: string[]) => runInProcess(["detections", "publish", "--url", started.url, ...args]);

test("hands over a file, and is done when all of it is durable", async () => {
  const path = join(folder, "alerts.log");
  await writeFile(path, "one\r\n\ntwo\nthree");
  const token = ["--token-file", join(folder, "detector.token")];
  expect(await publish(path, ...token, "-o", "raw", "--key", "run-1")).toEqual({
    code: 0,
    out: "3\n",
    err: "",
  });
  expect(lines()).toEqual(["one", "two", "three"]);
  // Again under the same key: nothing is counted twice.
  expect((await publish(path, ...token, "--key", "run-1")).out).toContain("already");
  expect(lines()).toHaveLength(3);
});

test("says why not", async () => {
  const path = join(folder, "alerts.log");
  await writeFile(path, "one\n");
  expect((await publish(path)).err).toContain("--token-file");
  expect((await publish(path, "--token-file", join(folder, "reader.token"))).err).toContain("api.forbidden");
  expect((await publish(join(folder, "none"), "--token-file", join(folder, "detector.token"))).err).toContain(
    "no file",
  );
  expect(lines()).toEqual([]);
});

test("takes standard input", async () => {
  const child = spawn(
    process.execPath,
    [BIN, "detections", "publish", "-", "--url", started.url, "--token-file", join(folder, "detector.token")],
    { cwd: folder },
  );
  let out = "";
  child.stdout.on("data", (bytes: Buffer) => (out += bytes.toString()));
  child.stderr.on("data", (bytes: Buffer) => (out += bytes.toString()));
  child.stdin.write("one\ntw");
  child.stdin.end("o\n");
  const code = await new Promise((resolve) => child.once("close", resolve));
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("2 lines are durable") as string });
  expect(lines()).toEqual(["one", "two"]);
});
