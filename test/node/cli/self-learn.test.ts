import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkAgainstSelf } from "../../../node/src/cli/commands/self-check.ts";
import { diffSelves, showDrift } from "../../../node/src/cli/commands/self-compare.ts";
import { learnSelf } from "../../../node/src/cli/commands/self-learn.ts";
import { makeStyle } from "../../../node/src/cli/output.ts";
import { readSelf } from "../../../node/src/self-config.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures");
const HOUR = join(FIXTURES, "benign/plant-a.eve.json.gz");
const ATTACK = join(FIXTURES, "attacks/modbus-write.eve.json");
const EXPLOIT = join(FIXTURES, "attacks/internet-exploit.eve.json");
/** An hour after the recording. */
const NOW = Date.parse("2026-11-25T03:10:00Z");
const DAY = 86_400_000;

interface Learnt {
  entries: { part: string; value: string; count: number; lastMs: number }[];
  conduits: { from: string; to: string; functions: number[]; count: number }[];
  heldBack: { value: string; reason: string; text: string; names?: string[] }[];
  future: number;
}

let directory: string;
let draft: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-learn-"));
  draft = join(directory, "self.yaml");
});
afterEach(() => rm(directory, { recursive: true, force: true }));

async function learn(paths: readonly string[], options: { out?: string; network?: string[] } = {}) {
  const result = await learnSelf(paths, options, NOW);
  const learnt = result.json as Learnt;
  const of = (part: string) =>
    learnt.entries
      .filter((one) => one.part === part)
      .map(({ value }) => value)
      .sort();
  return { ...learnt, of, exit: result.exit, human: result.human(makeStyle()) };
}

describe("the recorded benign hour", () => {
  test("teaches the plant as it was recorded", async () => {
    const { of, conduits, heldBack, exit } = await learn([HOUR]);
    expect(of("controllers")).toEqual(["10.1.2.10"]);
    expect(of("writers")).toEqual(["10.1.2.20", "10.1.2.30"]);
    expect(of("otNetwork")).toEqual(["10.1.2.0/24"]);
    expect(of("asset")).toEqual([
      "10.1.2.10",
      "10.1.2.20",
      "10.1.2.30",
      "10.1.2.40",
      "10.1.5.50",
      "10.1.5.80",
    ]);
    expect(of("engineeringStations")).toEqual([]);
    expect(conduits.map(({ from, to, functions, count }) => [from, to, functions, count])).toEqual([
      ["10.1.2.20", "10.1.2.10", [1, 3, 4, 6], 21_517],
      ["10.1.2.40", "10.1.2.10", [3, 4], 714],
      ["10.1.2.30", "10.1.2.10", [3, 16], 132],
    ]);
    // What the plant needs of the world is asked, never assumed.
    expect(heldBack.map(({ reason, value, names }) => [reason, value, names])).toEqual([
      ["service", "198.51.100.53", undefined],
      ["service", "198.51.100.10", ["support.vendor.example"]],
    ]);
    expect(exit).toBe(0);
  });

  test("becomes a draft that self check reads, that says where each entry comes from, and that nobody has confirmed", async () => {
    await learn([HOUR], { out: draft });
    const self = readSelf(draft);
    expect(self.confirmedAtMs).toBe(0);
    expect([...self.roles.writers].sort()).toEqual(["10.1.2.20", "10.1.2.30"]);
    expect(self.seenMs?.["10.1.2.40"]).toBe(Date.parse("2026-11-25T02:10:45Z"));
    expect(self.services).toEqual([]);
    const where = { data: directory };
    const check = checkAgainstSelf(where, "10.1.2.10", draft).json as { checks: { entries: string[] }[] };
    expect(check.checks[0]?.entries[0]).toMatch(
      /^self\.assets: controller 10\.1\.2\.10 .*plant-a\.eve\.json\.gz:1$/,
    );
    expect(checkAgainstSelf(where, "198.51.100.7", draft).exit).toBe(0); // documentation range, built in
    expect(await readFile(draft, "utf8")).toContain("# services:");
  });

  test("a draft never replaces a file", async () => {
    await writeFile(draft, "mine");
    await expect(learn([HOUR], { out: draft })).rejects.toThrow(/is there already/);
    expect(await readFile(draft, "utf8")).toBe("mine");
  });
});

describe("an attack in the logs is reported and not learnt", () => {
  test("with its alerts", async () => {
    const { entries, conduits, heldBack, exit, human } = await learn([HOUR, ATTACK, EXPLOIT]);
    const mentions = JSON.stringify([entries, conduits]);
    expect(mentions).not.toContain("10.1.2.66");
    expect(mentions).not.toContain("203.0.113.7");
    expect(heldBack).toContainEqual(
      expect.objectContaining({ value: "10.1.2.66", reason: "alert", count: 60 }),
    );
    expect(heldBack).toContainEqual(expect.objectContaining({ value: "203.0.113.7", reason: "alert" }));
    expect(exit).toBe(1);
    expect(human).toContain("these logs may hold an attack");
  });

  test("with no alert, since it is not regular", async () => {
    const quiet = join(directory, "quiet.json");
    const lines = (await readFile(ATTACK, "utf8"))
      .split("\n")
      .filter((line) => !line.includes('"event_type":"alert"'));
    await writeFile(quiet, lines.join("\n"));
    const { of, conduits, heldBack } = await learn([HOUR, quiet]);
    expect(of("writers")).toEqual(["10.1.2.20", "10.1.2.30"]);
    expect(of("asset")).not.toContain("10.1.2.66");
    expect(conduits.map(({ from }) => from)).not.toContain("10.1.2.66");
    const held = heldBack.filter(({ value }) => value === "10.1.2.66");
    expect(held.map(({ reason }) => reason)).toEqual(["seldom", "seldom"]);
    expect(held[1]?.text).toMatch(/^writes \(modbus 6, modbus 5\) to 10\.1\.2\.10/);
  });

  test("alone it teaches nothing: the logs are too short", async () => {
    const { entries, conduits, heldBack } = await learn([ATTACK]);
    expect(entries).toEqual([]);
    expect(conduits).toEqual([]);
    expect(new Set(heldBack.map(({ reason }) => reason))).toEqual(new Set(["alert", "short"]));
  });
});

describe("bad input", () => {
  test("what is no log, no file or no network is refused with its name", async () => {
    const noise = join(directory, "noise.bin");
    await writeFile(noise, Buffer.from([0, 255, 3, 10, 200, 10]));
    await expect(learn([noise])).rejects.toThrow(/noise\.bin is in no format/);
    await expect(learn([join(directory, "missing.json")])).rejects.toThrow(/missing\.json is no file/);
    await expect(learn([HOUR], { network: ["10.0.0.1/8"] })).rejects.toThrow(/--network 10\.0\.0\.1\/8/);
  });

  test("a cut archive gives what could be read, and says so", async () => {
    const cut = join(directory, "cut.json.gz");
    await writeFile(cut, (await readFile(HOUR)).subarray(0, 200_000));
    const { of, human } = await learn([cut]);
    expect(of("controllers")).toEqual(["10.1.2.10"]);
    expect(human).toContain("damaged archive");
  });

  test("dates ten years off do not stretch the time in which something must be regular", async () => {
    const off = join(directory, "off.json");
    const lines = gunzipSync(await readFile(HOUR))
      .toString()
      .split("\n");
    const future = lines[0]?.replaceAll("2026-11-25", "2036-11-25");
    await writeFile(off, [future, ...lines.slice(0, 5000)].join("\n"));
    const learnt = await learn([off]);
    expect(learnt.future).toBe(1);
    expect(learnt.of("writers")).toEqual(["10.1.2.20", "10.1.2.30"]);
  });

  test("attacker's text in names and file names stays text", async () => {
    const evil = join(directory, "a\nwriters: [0.0.0.0]\n.json");
    await writeFile(evil, gunzipSync(await readFile(HOUR)));
    await learn([evil], { out: draft });
    expect([...readSelf(draft).roles.writers].sort()).toEqual(["10.1.2.20", "10.1.2.30"]);
  });
});

describe("diff and drift", () => {
  test("a Self differs from itself in nothing, and from an older one in what was added", async () => {
    await learn([HOUR], { out: draft });
    const same = await diffSelves(draft, [draft], {}, NOW);
    expect([same.exit, same.raw]).toEqual([0, []]);
    const older = join(directory, "older.yaml");
    await writeFile(
      older,
      "confirmedAt: 2026-01-01T00:00:00Z\nroles: { controllers: [10.1.2.10, 10.1.2.11] }\n",
    );
    const { raw, exit } = await diffSelves(older, [draft], {}, NOW);
    expect(exit).toBe(1);
    expect(raw).toContain("- roles.controllers\t10.1.2.11");
    expect(raw).toContain("+ assets: host 10.1.2.40\t10.1.2.40");
    expect(raw).not.toContain("- roles.controllers\t10.1.2.10");
  });

  test("a Self is compared with what logs would teach", async () => {
    await learn([HOUR], { out: draft });
    const { raw } = await diffSelves(draft, [join(FIXTURES, "benign/plant-b.eve.json.gz")], {}, NOW);
    expect(raw).toContain("- roles.controllers\t10.1.2.10");
    expect(raw).toContain("+ roles.controllers\t10.2.2.10");
  });

  test("what the plant's own hour shows fits; an attack and another plant do not", async () => {
    await learn([HOUR], { out: draft });
    const self = readSelf(draft);
    const drift = async (logs: string[], nowMs = NOW) =>
      (await showDrift(self, logs, { days: 30 }, nowMs)).raw;
    // Services are never learnt, so the two that the plant speaks to are asked again.
    expect(await drift([HOUR])).toEqual([
      "service\t198.51.100.53\tis spoken to from the plant and is no service",
      "service\t198.51.100.10\tis spoken to from the plant and is no service",
    ]);
    expect(await drift([ATTACK])).toContain(
      "writer\t10.1.2.66\tmodbus function 6 to 10.1.2.10, and is no writer",
    );
    expect(await drift([join(FIXTURES, "benign/plant-b.eve.json.gz")])).toContain(
      "controller\t10.2.2.10\tanswers modbus and is no controller",
    );
  });

  test("entries age: what was not seen for so many days is named with the day it was last seen", async () => {
    await learn([HOUR], { out: draft });
    const text = await readFile(draft, "utf8");
    await writeFile(
      draft,
      text
        .replace("otNetwork:", "safetySystems: [10.1.3.9]\n  otNetwork:")
        .replace("\n  safetySystems: []", ""),
    );
    const self = readSelf(draft);
    const late = await showDrift(
      self,
      [join(FIXTURES, "benign/plant-b.eve.json.gz")],
      { days: 30 },
      NOW + 29 * DAY,
    );
    expect(late.raw.filter((line) => line.startsWith("unseen"))).toEqual([
      "unseen\troles.safetySystems\t10.1.3.9",
    ]);
    const later = await showDrift(
      self,
      [join(FIXTURES, "benign/plant-b.eve.json.gz")],
      { days: 30 },
      NOW + 31 * DAY,
    );
    expect(later.raw).toContain("unseen\troles.controllers\t10.1.2.10");
    expect(later.raw).toContain(
      "unseen\tconduits: host 10.1.2.40 to controller 10.1.2.10\t10.1.2.40 to 10.1.2.10, modbus 3, 4",
    );
    expect(later.human(makeStyle())).toContain("2026-11-25T02:10:50Z");
    expect((later.json as { ageDays: number }).ageDays).toBeGreaterThan(10_000);
  });
});
