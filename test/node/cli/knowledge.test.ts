/** `indicators import` and `export`, in one process with a plant that answers as a node does. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Proposal, StixIndicator } from "@anamnesis/sdk/core/types";
import type { KnownIndicator } from "@anamnesis/sdk/core/views";
import { readKnowledge } from "@anamnesis/sdk/knowledge/read";
import { ATTESTATIONS } from "@anamnesis/sdk/knowledge/stix-write";
import { afterAll, expect, test } from "vitest";
import { exportKnowledge, importKnowledge } from "../../../node/src/cli/commands/knowledge.ts";
import type { Style } from "../../../node/src/cli/output.ts";
import type { Session } from "../../../node/src/cli/session.ts";

const directory = mkdtempSync(join(tmpdir(), "anamnesis-knowledge-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const plain = (text: string) => text;
const STYLE: Style = { nowMs: 0, soft: plain, good: plain, bad: plain };
const RULE = 'alert tcp any any -> any 502 (msg:"a write"; sid:7; rev:1;)';
const AT = Date.UTC(2026, 10, 25);
const AMBER = "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421";

const object = (extra: Partial<StixIndicator>): StixIndicator => ({
  type: "indicator",
  spec_version: "2.1",
  id: "indicator--a",
  created: "2026-01-01T00:00:00.000Z",
  modified: "2026-01-01T00:00:00.000Z",
  name: "an address",
  indicator_types: ["malicious-activity"],
  pattern: "[ipv4-addr:value = '198.51.100.7']",
  pattern_type: "stix",
  valid_from: "2026-01-01T00:00:00.000Z",
  ...extra,
});

/** A plant that knows two indicators and withholds a third. */
function plant(): { readonly ask: Session["ask"]; readonly proposed: Proposal[] } {
  const proposed: Proposal[] = [];
  const ask = {
    async propose(proposals: readonly Proposal[]) {
      proposed.push(...proposals);
      const stopped = [{ value: "10.2.2.10", code: "candidate.self", entry: "self.assets: plc" }];
      return { queued: proposals.length, known: 2, stopped };
    },
    async *knowledge(): AsyncGenerator<KnownIndicator, number, undefined> {
      yield { object: object({}), tlp: "amber", status: "attested", modifiedMs: AT };
      yield {
        object: object({
          id: "indicator--b",
          pattern: RULE,
          pattern_type: "suricata",
          x_anamnesis_origin: {
            format: "suricata",
            id: "1:7:1",
            author: "a CERT",
            licence: "MIT",
            source: RULE,
          },
        }),
        tlp: "green",
        status: "proposed",
        modifiedMs: AT,
      };
      yield {
        object: object({ id: "indicator--c", pattern: "[ipv4-addr:value = '198.51.100.8']" }),
        tlp: "green",
        status: "refuted",
        modifiedMs: AT,
      };
      return 1;
    },
  } as unknown as Session["ask"];
  return { ask, proposed };
}

const file = (name: string, text: string) => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

test("what is read is proposed without our reading of it, and the answer tells what became of it", async () => {
  const { ask, proposed } = plant();
  const result = await importKnowledge(ask, file("a.rules", `${RULE}\n# ${RULE}\n`), {}, 0);
  expect(proposed).toMatchObject([{ key: { pattern: RULE }, origin: { id: "1:7:1" } }]);
  expect(proposed[0]).not.toHaveProperty("form");
  expect(result.exit).toBe(0);
  expect(result.human(STYLE)).toMatch(
    /1 now await release, 2 are known already, 1 stopped[\s\S]*10\.2\.2\.10: candidate\.self, self\.assets: plc[\s\S]*dead +1 +1:7:1: switched off/,
  );
});

test("a dry run proposes nothing, and needs nobody to ask", async () => {
  const result = await importKnowledge(undefined, file("b.rules", RULE), { dryRun: true }, 0);
  expect(result.human(STYLE)).toContain("Nothing was proposed");
  expect(result.json).not.toHaveProperty("proposed");
});

test("a file with nothing to look for exits with 1, one that is none and one that is not there with a reason", async () => {
  const campaign = '{"type":"bundle","id":"bundle--1","objects":[{"type":"campaign","id":"campaign--1"}]}';
  expect((await importKnowledge(undefined, file("c.json", campaign), { dryRun: true }, 0)).exit).toBe(1);
  await expect(importKnowledge(undefined, file("d.txt", "words"), { dryRun: true }, 0)).rejects.toThrow(
    /neither stix/,
  );
  await expect(importKnowledge(undefined, join(directory, "none"), { dryRun: true }, 0)).rejects.toThrow(
    /cannot be read/,
  );
});

test("STIX out holds everything under its TLP, with origin and licence, and says what stays", async () => {
  const path = join(directory, "out.json");
  const result = await exportKnowledge(plant().ask, "stix", path);
  const { objects } = JSON.parse(await readFile(path, "utf8")) as { objects: Record<string, unknown>[] };
  expect(objects.filter(({ type }) => type === "indicator")).toMatchObject([
    { id: "indicator--a", object_marking_refs: [AMBER] },
    { id: "indicator--b", extensions: { [ATTESTATIONS]: { origin: { author: "a CERT", licence: "MIT" } } } },
    { id: "indicator--c", revoked: true },
  ]);
  expect(JSON.stringify(objects), "no property of ours outside an extension").not.toContain("x_anamnesis");
  expect(readKnowledge(await readFile(path, "utf8"), 0).proposals.map(({ tlp }) => tlp)).toEqual([
    "amber",
    "green",
  ]);
  expect(result.human(STYLE)).toContain("3 indicators in");
  expect(result.human(STYLE)).toContain("1 stay, TLP:AMBER+STRICT");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await expect(exportKnowledge(plant().ask, "stix", path)).rejects.toThrow(/is there already/);
});

test("another format holds what came in it, as it was written", async () => {
  const result = await exportKnowledge(plant().ask, "suricata", undefined);
  expect(result.human(STYLE)).toBe(`${RULE}\n`);
});

test("the same indicators are the same bundle", async () => {
  const [first, second] = await Promise.all(
    [0, 1].map(() => exportKnowledge(plant().ask, "stix", undefined)),
  );
  expect(first?.raw).toEqual(second?.raw);
});
