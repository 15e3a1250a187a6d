import { appendFile, copyFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LineOutcome, Self } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createFormattedFile } from "../../../../node/src/adapters/detectors/formatted-file.ts";
import { createLineSplitter, type Line } from "../../../../node/src/adapters/detectors/lines.ts";
import { createOutcomes } from "../../../../node/src/adapters/detectors/outcomes.ts";
import type { Detector, LineBatch } from "../../../../node/src/ports.ts";
import { alertLine, SELF } from "../../../sdk/eve-support.ts";
import { makeFolder, makeLog, until } from "./support.ts";

const clock = { nowMs: () => 1_000.7, monotonicMs: () => 0 };

let folder: string;
let close: () => Promise<void>;
let path: string;
const running: Detector[] = [];

beforeEach(async () => {
  [folder, close] = await makeFolder();
  path = join(folder, "eve.json");
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((one) => one.stop()));
  await close();
});

function makeDetector(self: () => Self = () => SELF): { detector: Detector; events: string[] } {
  const { log, events } = makeLog();
  const detector = createFormattedFile({ name: "eve", path, clock, log, self, pollMs: 10 });
  running.push(detector);
  return { detector, events };
}

/** Starts a detector whose batches are kept. */
async function start(
  position?: unknown,
): Promise<{ batches: LineBatch[]; outcomes: () => LineOutcome[]; stop: () => Promise<void> }> {
  const batches: LineBatch[] = [];
  const { detector } = makeDetector();
  await detector.start(position, async (batch) => void batches.push(batch));
  return { batches, outcomes: () => batches.flatMap((batch) => batch.lines), stop: () => detector.stop() };
}

const numberedAlert = (port: number): string => alertLine({ src_port: port });
const ids = (outcomes: readonly LineOutcome[]): string[] =>
  outcomes.map((one) => (one.kind === "detection" ? one.detection.id : one.kind));

describe("an EVE file", () => {
  it("gives an outcome for every line, and counts each bad one by its reason", async () => {
    await writeFile(
      path,
      `${numberedAlert(1)}\n{"event_type":"flow"}\nnot json\n\n${"x".repeat(2_097_153)}\n${numberedAlert(1)}\n`,
    );
    const eve = await start();
    await until(() => eve.outcomes().length === 5);
    expect(eve.outcomes().map((one) => (one.kind === "rejected" ? one.reason : one.kind))).toEqual([
      "detection",
      "context",
      "line.notJson",
      "line.tooLong",
      "duplicate",
    ]);
    expect(eve.batches.every((batch) => batch.detector === "eve")).toBe(true);
    const first = eve.outcomes()[0];
    expect(first?.kind === "detection" && first.detection).toMatchObject({
      readAtMs: 1_000,
      detector: "eve",
    });
  });

  it("gives the same ids when the same bytes are read again after a crash", async () => {
    await writeFile(path, `${numberedAlert(1)}\n${numberedAlert(2)}\n`);
    const first = await start();
    await until(() => first.outcomes().length === 2);
    await first.stop();
    const again = await start(); // nothing of the first run was stored
    await until(() => again.outcomes().length === 2);
    expect(ids(again.outcomes())).toEqual(ids(first.outcomes()));
    await again.stop();

    await appendFile(path, `${numberedAlert(3)}\n`);
    const third = await start(JSON.parse(JSON.stringify(first.batches.at(-1)?.position)));
    await until(() => third.outcomes().length >= 1);
    expect(third.outcomes()).toHaveLength(1);
    const whole = await start();
    await until(() => whole.outcomes().length === 3);
    expect(ids(whole.outcomes()).at(-1)).toBe(ids(third.outcomes())[0]);
  });

  it("does not count a file twice that is sent again as a whole (T12)", async () => {
    await writeFile(path, `${numberedAlert(1)}\n${numberedAlert(2)}\n`);
    const eve = await start();
    await until(() => eve.outcomes().length === 2);
    await copyFile(path, join(folder, "copy"));
    await appendFile(join(folder, "copy"), `${numberedAlert(3)}\n`);
    await rename(join(folder, "copy"), path);
    await until(() => eve.outcomes().length === 5);
    expect(eve.outcomes().map((one) => one.kind)).toEqual([
      "detection",
      "detection",
      "duplicate",
      "duplicate",
      "detection",
    ]);
  });

  it("hands a batch over again when the sink fails, and reads nothing ahead of it", async () => {
    await writeFile(path, `${numberedAlert(1)}\n`);
    const { detector, events } = makeDetector();
    const taken: LineBatch[] = [];
    let failures = 3;
    await detector.start(undefined, async (batch) => {
      if (failures-- > 0) {
        await appendFile(path, `${numberedAlert(10 + failures)}\n`);
        throw new Error("no space left");
      }
      taken.push(batch);
    });
    await until(() => taken.flatMap((batch) => batch.lines).length === 4);
    expect(taken[0]?.lines).toHaveLength(1);
    expect(taken.flatMap((batch) => batch.lines).map((one) => one.kind)).toEqual(Array(4).fill("detection"));
    expect(events.filter((event) => event === "detector.sink")).toHaveLength(3);
  });

  it("stops while the sink fails", async () => {
    await writeFile(path, `${numberedAlert(1)}\n`);
    const { detector, events } = makeDetector();
    await detector.start(undefined, () => Promise.reject(new Error("closed")));
    await until(() => events.includes("detector.sink"));
    await detector.stop();
  });

  it("asks for Self as it is when lines are read", async () => {
    let self: Self = { ...SELF, assets: [], roles: { otNetwork: [], writers: [], controllers: [] } };
    const { detector } = makeDetector(() => self);
    const attackers: (string | undefined)[] = [];
    await writeFile(path, "");
    await detector.start(undefined, async ({ lines }) => {
      for (const one of lines) if (one.kind === "detection") attackers.push(one.detection.attacker?.address);
    });
    const towards = (port: number): string =>
      `${alertLine({ src_ip: "45.1.1.1", src_port: port, dest_ip: "45.2.2.2", dest_port: 9_000, app_proto: undefined }, { signature_id: 5 })}\n`;
    await appendFile(path, towards(8_001));
    await until(() => attackers.length === 1);
    self = { ...self, assets: [{ name: "relay", addresses: ["45.1.1.1"] }] };
    await appendFile(path, towards(8_002));
    await until(() => attackers.length === 2);
    expect(attackers).toEqual([undefined, "45.2.2.2"]);
  });

  it("reads the recorded attack to its last line", async () => {
    const recorded = join(import.meta.dirname, "../../../../fixtures/attacks/all.eve.json");
    await copyFile(recorded, path);
    const lines = (await readFile(recorded, "utf8")).trim().split("\n");
    const eve = await start();
    await until(() => eve.outcomes().length === lines.length);
    const kinds = eve.outcomes().map((one) => one.kind);
    expect(kinds.filter((kind) => kind === "detection")).toHaveLength(
      lines.filter((line) => line.includes('"event_type":"alert"')).length,
    );
    expect(kinds).not.toContain("rejected");
  });
});

describe("outcomes", () => {
  /** Bytes in pieces to outcomes, without what a place in the stream says (ids). */
  function outcomesOf(bytes: Buffer, sizes: readonly number[]): string[] {
    const splitter = createLineSplitter(0);
    const toOutcomes = createOutcomes({ name: "eve", path: "eve.json", clock, self: () => SELF });
    const outcomes: LineOutcome[] = [];
    for (let at = 0, turn = 0; at < bytes.length; turn++) {
      const copied = bytes.copy(splitter.room(), 0, at, at + (sizes[turn % sizes.length] as number));
      splitter.added(copied);
      at += copied;
      const lines: Line[] = [];
      for (let line = splitter.next(); line !== undefined; line = splitter.next()) lines.push(line);
      outcomes.push(...toOutcomes.of({ stream: "1:x", lines }));
    }
    return outcomes.map((one) =>
      JSON.stringify(one.kind === "detection" ? { ...one, detection: { ...one.detection, id: "" } } : one),
    );
  }
  const line = fc.oneof(
    fc.integer({ min: 1, max: 4 }).map(numberedAlert),
    fc.constantFrom('{"event_type":"dns"}', "{", "[]", '{"event_type":"x"}', "caf\u00e9 \u{1f3ed}"),
  );
  const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 });

  it("are the same for every way a stream comes in pieces, with either line end, with or without mark", () => {
    fc.assert(
      fc.property(
        fc.array(line, { minLength: 1, maxLength: 8 }),
        sizes,
        fc.boolean(),
        fc.boolean(),
        (lines, pieces, crlf, mark) => {
          const plain = Buffer.from(lines.map((one) => `${one}\n`).join(""));
          const dressed = Buffer.from(
            lines.map((one) => `${mark ? "\ufeff" : ""}${one}${crlf ? "\r\n" : "\n"}`).join(""),
          );
          expect(outcomesOf(dressed, pieces)).toEqual(outcomesOf(plain, [plain.length]));
        },
      ),
    );
  });
});

describe("a log of another format", () => {
  const HEADER = ["#separator \\x09", "#unset_field\t-", "#path\tnotice", "#fields\tts\tnote\tsrc"];
  const row = (second: number) => `${1_772_359_200 + second}.5\tScan::Port_Scan\t203.0.113.66`;
  const FAST = (second: string) =>
    `03/01/2026-10:00:${second}.000000  [**] [1:7:1] x [**] [Priority: 1] {TCP} 203.0.113.66:4000 -> 10.20.0.10:502`;

  async function open(format: string, position?: unknown) {
    const batches: LineBatch[] = [];
    const { log } = makeLog();
    const detector = createFormattedFile({
      name: "box",
      path,
      format,
      clock,
      log,
      self: () => SELF,
      pollMs: 10,
    });
    running.push(detector);
    await detector.start(position, async (batch) => void batches.push(batch));
    const detections = () =>
      batches.flatMap(({ lines }) => lines).filter(({ kind }) => kind === "detection").length;
    const reasons = () =>
      batches.flatMap(({ lines }) => lines).flatMap((one) => (one.kind === "rejected" ? [one.reason] : []));
    // As a store gives it back.
    const kept = (): unknown => JSON.parse(JSON.stringify(batches.at(-1)?.position));
    return { detections, reasons, kept, stop: () => detector.stop() };
  }

  it("is read after a restart by the header that was read before it", async () => {
    await writeFile(path, `${[...HEADER, row(1)].join("\n")}\n`);
    const before = await open("zeek-tsv");
    await until(() => before.detections() === 1);
    await before.stop();
    await appendFile(path, `${row(2)}\n`);
    const after = await open("zeek-tsv", before.kept());
    await until(() => after.detections() === 1);
    expect(after.reasons()).toEqual([]);
  });

  it("is read by its own header after a rotation, and a header that comes again is no duplicate", async () => {
    await writeFile(path, `${[...HEADER, row(1), ...HEADER, row(2)].join("\n")}\n`);
    const zeek = await open("zeek-tsv");
    await until(() => zeek.detections() === 2);
    await rename(path, join(folder, "notice.1.log"));
    await writeFile(
      path,
      `${["#separator |", "#path|notice", "#fields|note|ts|src", "Scan::Port_Scan|1|203.0.113.9"].join("\n")}\n`,
    );
    await until(() => zeek.detections() === 3);
    expect(zeek.reasons()).toEqual([]);
  });

  it("is found out by its first lines, and stays what it was after a restart", async () => {
    await writeFile(path, `${FAST("01")}\n`);
    const before = await open("auto");
    await until(() => before.detections() === 1);
    await before.stop();
    await appendFile(path, `what is this\n${FAST("02")}\n`);
    const after = await open("auto", before.kept());
    await until(() => after.detections() === 1);
    expect(after.reasons()).toEqual(["line.fields"]);
  });

  it("is counted as unknown until a line tells what it is", async () => {
    await writeFile(path, "what is this\n");
    const box = await open("auto");
    await until(() => box.reasons().length === 1);
    await appendFile(path, `${FAST("01")}\n`);
    await until(() => box.detections() === 1);
    expect(box.reasons()).toEqual(["line.unknownFormat"]);
  });

  it("may print a record over many lines, and a restart in the middle of one loses nothing", async () => {
    const printed = JSON.stringify(JSON.parse(numberedAlert(1)), null, 2).split("\n");
    await writeFile(path, `${numberedAlert(0)}\n${printed.slice(0, 6).join("\n")}\n`);
    const before = await open("eve");
    await until(() => before.detections() === 1);
    await before.stop();
    await appendFile(path, `${printed.slice(6).join("\n")}\n`);
    const after = await open("eve", before.kept());
    await until(() => after.detections() === 1);
    expect(after.reasons()).toEqual([]);
  });
});
