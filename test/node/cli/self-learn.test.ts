/** The commands on the project's own recordings: an hour of ordinary traffic, and an attack. */
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { diff, learn } from "../../../node/src/cli/commands/self-learn.ts";
import type { Style } from "../../../node/src/cli/output.ts";
import { loadSelf } from "../../../node/src/self-file.ts";

const fixture = (name: string) => join(import.meta.dirname, "../../../fixtures", name);
const directory = mkdtempSync(join(tmpdir(), "anamnesis-learn-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const plain = (text: string) => text;
const STYLE = { nowMs: 0, soft: plain, good: plain, bad: plain } as unknown as Style;

test("an hour of ordinary traffic becomes a draft that a node takes, and that nobody has confirmed", async () => {
  const out = join(directory, "self.yaml");
  const result = await learn([fixture("benign/plant-a.eve.json.gz")], out);
  expect(result.exit).toBe(0);
  const { self } = loadSelf({ file: out }, join(directory, "plant.yaml"));
  expect(self.confirmedAtMs).toBe(0);
  expect(self.roles.controllers).toEqual(["10.1.2.10"]);
  expect(self.conduits?.map(({ from, functions }) => [from, functions])).toEqual([
    [["10.1.2.20"], [6]],
    [["10.1.2.30"], [16]],
  ]);
  expect(await readFile(out, "utf8")).toMatch(/^# Learnt from traffic/);
  expect(result.human(STYLE)).toContain("confirmed by nobody");
  await expect(learn([fixture("benign/plant-a.eve.json.gz")], out)).rejects.toThrow(/is there already/);
  expect(diff(out, out).exit).toBe(0);
});

test("an attack in the logs is reported, and not learnt", async () => {
  const { json } = await learn([fixture("attacks/modbus-write.eve.json")], undefined);
  const { draft, withheld } = json as {
    draft: { assets: { addresses: string[] }[] };
    withheld: { value: string }[];
  };
  expect(withheld.map(({ value }) => value)).toEqual(
    expect.arrayContaining(["10.1.2.66", "10.1.2.66 writes 10.1.2.10"]),
  );
  expect(draft.assets.flatMap(({ addresses }) => addresses)).not.toContain("10.1.2.66");
});

test("logs that teach nothing, and none, say so", async () => {
  const nothing = await learn([fixture("README.md")], undefined);
  expect(nothing.exit).toBe(1);
  expect(nothing.human(STYLE)).toContain("teach nothing");
  await expect(learn([join(directory, "none.json")], undefined)).rejects.toThrow(/cannot be read/);
});
