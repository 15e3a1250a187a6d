/** Bundles that cross on a disk or a one-way line: what they prove is proposed, the rest is put aside. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Proposal } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, expect, test } from "vitest";
import { importEvidence, importSpool } from "../../../node/src/cli/commands/evidence-import.ts";
import type { Session } from "../../../node/src/cli/session.ts";
import { makeWorld } from "../../sdk/evidence/world.ts";

const world = await makeWorld();
let folder: string;
let trust: string;
let proposed: Proposal[];
let ask: Session["ask"];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "anamnesis-spool-"));
  trust = join(folder, ".trust.json");
  await writeFile(trust, JSON.stringify(world.trust));
  proposed = [];
  ask = {
    async propose(some: readonly Proposal[]) {
      proposed.push(...some);
      return { queued: some.length, known: 0, stopped: [] };
    },
  } as unknown as Session["ask"];
});
afterEach(() => rm(folder, { recursive: true }));

/** The bundle with a bit of its last signature turned. */
function touched(): Uint8Array {
  const text = Buffer.from(world.bytes).toString();
  const at = text.lastIndexOf('"signature":"0x') + 20;
  return Buffer.from(text.slice(0, at) + (text[at] === "0" ? "1" : "0") + text.slice(at + 1));
}

test("what a bundle proves to be attested is proposed, with its author's marking and end", async () => {
  const file = join(folder, "a.json");
  await writeFile(file, world.bytes);
  expect((await importEvidence(ask, file, trust)).json).toMatchObject({ proposed: { queued: 1 }, left: 0 });
  const name = world.bundle.snapshots[0]!.records.find((one) => one.name.type === "indicator")!.name;
  expect(proposed).toMatchObject([
    { key: { pattern: (name as { pattern: string }).pattern }, origin: { format: "stix" } },
  ]);
});

test("one that was touched proposes nothing", async () => {
  const file = join(folder, "a.json");
  await writeFile(file, touched());
  await expect(importEvidence(ask, file, trust)).rejects.toMatchObject({
    code: expect.stringMatching(/^evidence\./),
  });
  expect(proposed).toEqual([]);
});

test("a spool is worked through in the order of names; what proves nothing is put aside, nothing is lost", async () => {
  await writeFile(join(folder, "1.json"), world.bytes);
  await writeFile(join(folder, "2.json"), touched());
  await writeFile(join(folder, "3.json"), "nonsense");
  await writeFile(join(folder, ".4.json"), "half of a bun");
  const { json, exit } = await importSpool(ask, folder, trust);
  expect(exit).toBe(1);
  expect(json).toMatchObject({
    imported: [{ proposed: { queued: 1 } }],
    refused: [{ file: "2.json" }, { file: "3.json", code: "evidence.unreadable" }],
  });
  expect(await readdir(join(folder, "done"))).toEqual(["1.json"]);
  expect((await readdir(join(folder, "refused"))).sort()).toEqual(["2.json", "3.json"]);
  expect((await readdir(folder)).sort()).toEqual([".4.json", ".trust.json", "done", "refused"]);
});

test("while the node takes nothing, a bundle stays where it is", async () => {
  await writeFile(join(folder, "1.json"), world.bytes);
  const away = { propose: () => Promise.reject(new AnamnesisError("api.unavailable", "away")) };
  await expect(importSpool(away as unknown as Session["ask"], folder, trust)).rejects.toThrow("away");
  expect(await readdir(folder)).toContain("1.json");
});
