import { appendFile, mkdir, readFile, rename, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { LineOutcome } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createDirectory } from "../../../../node/src/adapters/detectors/directory.ts";
import {
  MARKS_KEPT,
  readFolder,
  settleFolder,
} from "../../../../node/src/adapters/detectors/folder-position.ts";
import type { Detector, LineBatch } from "../../../../node/src/ports.ts";
import { SELF } from "../../../sdk/eve-support.ts";
import { makeFolder, makeLog, until } from "./support.ts";

let folder: string;
let close: () => Promise<void>;
let nowMs: number;
const running: Detector[] = [];

beforeEach(async () => {
  [folder, close] = await makeFolder();
  nowMs = 0;
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  await close();
});

const cefLine = (n: number): string => `CEF:0|V|P|1|${n}|odd ${n}|5|src=203.0.113.66 dst=10.20.0.10`;
const HEADER =
  "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tnotice\n#fields\tts\tnote\tsrc\n";
const row = (n: number): string => `${1_709_287_200 + n}.000001\tScan::P${n}\t203.0.113.66\n`;

async function read(files: string, options: { format?: string; position?: unknown; mtime?: number } = {}) {
  const { log, events } = makeLog();
  const detector = createDirectory({
    name: "box",
    format: options.format ?? "cef",
    directory: folder,
    files,
    clock: { nowMs: () => 1_000, monotonicMs: () => nowMs },
    log,
    self: () => SELF,
    pollMs: 10,
  });
  running.push(detector);
  const batches: LineBatch[] = [];
  await detector.start(options.position, async (batch) => void batches.push(batch));
  const outcomes = (): LineOutcome[] => batches.flatMap(({ lines }) => lines);
  return {
    events,
    stop: () => detector.stop(),
    rules: () =>
      outcomes().flatMap((one) =>
        one.kind === "detection" ? [String(one.detection.rule.id).replace("V|P|", "")] : [],
      ),
    ids: () => outcomes().flatMap((one) => (one.kind === "detection" ? [one.detection.id] : [])),
    rejected: () => outcomes().flatMap((one) => (one.kind === "rejected" ? [one.reason] : [])),
    position: (): unknown => JSON.parse(JSON.stringify(batches.at(-1)?.position ?? null)),
  };
}

describe("a directory of files", () => {
  it("is read oldest first, packed or not, and new files when they come", async () => {
    await writeFile(join(folder, "b.log"), `${cefLine(2)}\n`);
    await writeFile(join(folder, "a.log.gz"), gzipSync(`${cefLine(1)}\n`));
    await utimes(join(folder, "a.log.gz"), 1_000, 1_000);
    await writeFile(join(folder, "other.txt"), `${cefLine(9)}\n`);
    const box = await read("*.log*");
    await until(() => box.rules().length === 2);
    await writeFile(join(folder, "c.log"), `${cefLine(3)}\n`);
    await until(() => box.rules().length === 3);
    await appendFile(join(folder, "b.log"), `${cefLine(4)}\n`);
    await until(() => box.rules().length === 4);
    expect(box.rules()).toEqual(["1", "2", "3", "4"]);
  });

  it("goes through folders when the name says so", async () => {
    await mkdir(join(folder, "2026-03-01"));
    await writeFile(join(folder, "2026-03-01", "x.log"), `${cefLine(1)}\n`);
    const box = await read("**/*.log");
    await until(() => box.rules().length === 1);
  });

  it("knows a file by what it begins with: renamed and packed it goes on where it was", async () => {
    const log = join(folder, "x.log");
    await writeFile(log, `${cefLine(1)}\n${cefLine(2)}\n`);
    const before = await read("x.log*");
    await until(() => before.rules().length === 2);
    await before.stop();
    await appendFile(log, `${cefLine(3)}\n`);
    await writeFile(`${log}.1.gz`, gzipSync(await readFile(log)));
    await unlink(log);
    await writeFile(log, `${cefLine(4)}\n`);
    const after = await read("x.log*", { position: before.position() });
    await until(() => after.rules().length === 2);
    expect(after.rules().sort()).toEqual(["3", "4"]);
  });

  it("keeps what its format must know in the middle of a file over a restart", async () => {
    const log = join(folder, "notice.log");
    await writeFile(log, HEADER + row(1));
    const before = await read("*.log", { format: "zeek-tsv" });
    await until(() => before.rules().length === 1);
    await before.stop();
    await appendFile(log, row(2));
    await writeFile(join(folder, "notice2.log"), HEADER + row(3));
    const after = await read("*.log", { format: "zeek-tsv", position: before.position() });
    await until(() => after.rules().length === 2);
    expect(after.rules().sort()).toEqual(["Scan::P2", "Scan::P3"]);
    expect(after.rejected()).toEqual([]);
  });

  it("gives a last line without its end once nothing was added for a while", async () => {
    await writeFile(join(folder, "x.log"), `${cefLine(1)}\n${cefLine(2)}`);
    const box = await read("*.log");
    await until(() => box.rules().length === 1);
    nowMs = 29_000;
    await writeFile(join(folder, "y.log"), `${cefLine(5)}\n`);
    await until(() => box.rules().includes("5"));
    expect(box.rules()).toEqual(["1", "5"]);
    nowMs = 100_000;
    await until(() => box.rules().includes("2"));
  });

  it("reads a file again that became shorter, as another run of bytes", async () => {
    const log = join(folder, "x.log");
    await writeFile(log, `${cefLine(1)}\n${cefLine(2)}\n`);
    const box = await read("*.log");
    await until(() => box.rules().length === 2);
    await writeFile(log, `${cefLine(1)}\n`);
    await until(() => box.events.includes("detector.truncated"));
    await appendFile(log, `${cefLine(3)}\n`);
    await until(() => box.rules().includes("3"));
  });

  it("that is not there yet is waited for", async () => {
    const { log } = makeLog();
    const directory = join(folder, "later");
    const seen: LineBatch[] = [];
    const detector = createDirectory({
      name: "box",
      format: "cef",
      directory,
      files: "*",
      clock: { nowMs: () => 0, monotonicMs: () => 0 },
      log,
      self: () => SELF,
      pollMs: 10,
    });
    running.push(detector);
    await detector.start(undefined, async (batch) => void seen.push(batch));
    await mkdir(directory);
    await writeFile(join(directory, "x"), `${cefLine(1)}\n`);
    await until(() => seen.length === 1);
  });

  it("of a file that is there twice reads one", async () => {
    const log = join(folder, "x.log");
    await writeFile(log, `${cefLine(1)}\n`);
    await writeFile(`${log}.gz`, gzipSync(await readFile(log)));
    await rename(log, log);
    const box = await read("x.log*");
    await until(() => box.rules().length === 1);
    await writeFile(join(folder, "x.log.2"), `${cefLine(2)}\n`);
    await until(() => box.rules().length === 2);
    expect(box.rules()).toEqual(["1", "2"]);
  });
});

describe("the position of a directory", () => {
  it("is bounded, and what it gives up is not read again", () => {
    const marks = Object.fromEntries(
      Array.from({ length: MARKS_KEPT + 10 }, (_, n) => [`f${n}`, { offset: 1, mtimeMs: n, generation: 0 }]),
    );
    const present = new Set(Object.keys(marks).filter((id) => id !== "f2055"));
    const settled = settleFolder({ version: 1, folder: true, marks, forgottenMs: 0 }, present);
    expect(Object.keys(settled.marks)).toHaveLength(MARKS_KEPT);
    expect(settled.marks.f2055).toBeUndefined();
    expect(settled.forgottenMs).toBe(9);
  });

  it("of another make begins at the start", () => {
    expect(readFolder({ version: 1, offset: 3 }).marks).toEqual({});
  });
});
