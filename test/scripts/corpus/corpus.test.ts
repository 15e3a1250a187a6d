import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCorpus } from "../../../scripts/corpus/corpus.ts";
import { EXPLAINED } from "../../../scripts/corpus/explained.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "anamnesis-corpus-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const FAST = (sid: number) =>
  `03/01/2026-10:00:00.000000  [**] [1:${sid}:1] x [**] [Priority: 1] {TCP} 203.0.113.66:4000 -> 10.20.0.10:502\n`;

describe("the corpus report", () => {
  it("counts what came of each file, and every fact that does not hold", async () => {
    await mkdir(join(folder, "suricata_fastlog"), { recursive: true });
    await writeFile(join(folder, "suricata_fastlog/a.log"), FAST(7) + FAST(8));
    await writeFile(join(folder, "suricata_fastlog/b.log"), "nothing that is known\n");
    const row = (path: string, facts: string) =>
      [path, "suricata_fastlog", "0", "", "", "", "", facts].join("\t");
    const header = row("path", "expected_facts");
    const rows = [
      row("suricata_fastlog/a.log", "lines=2 alerts=3 sids={7: 1, 9: 1}"),
      row("suricata_fastlog/b.log", "lines=1"),
      row("pcap/x.pcap", "").replace("suricata_fastlog", "pcap"),
    ];
    await writeFile(join(folder, "INDEX.tsv"), `${[header, ...rows].join("\n")}\n`);
    const report = await readCorpus(folder);
    expect(report?.formats).toEqual({
      fastlog: { files: 1, events: 2, detections: 2, attackers: 2, rejected: {} },
    });
    expect(report?.unknown).toEqual(["suricata_fastlog/b.log"]);
    expect(report?.mismatches.map(({ fact, expected, got }) => `${fact}: ${got} for ${expected}`)).toEqual([
      "alerts: 2 for 3",
      "sid 9: 0 for 1",
      "format: unknown for fastlog",
    ]);
  });

  it("is none where there is no collection", async () => {
    expect(await readCorpus(join(folder, "elsewhere"))).toBeUndefined();
  });
});

// A collection that is not part of this repository.
const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(import.meta.dirname, "../../../../shared/samples");
const present = existsSync(join(SAMPLES, "INDEX.tsv"));
if (!present) console.warn("SKIPPED: the sample collection is not beside the checkout");

describe.skipIf(!present)("the sample collection", () => {
  it("has no fact that does not hold and is not explained, and no explanation too many", async () => {
    const report = await readCorpus(SAMPLES);
    expect(report?.mismatches.filter(({ explained }) => explained === null)).toEqual([]);
    expect(new Set(report?.mismatches.map(({ path }) => path))).toEqual(new Set(Object.keys(EXPLAINED)));
    expect(report?.facts).toBeGreaterThan(600);
  });
});
