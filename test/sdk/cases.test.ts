/** The two attacks of the project's own recordings, from what Suricata wrote to the records that may travel. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { Self } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";

const ATTACKS = join(import.meta.dirname, "../../fixtures/attacks");
const { maliciousFile } = JSON.parse(readFileSync(join(ATTACKS, "../facts.json"), "utf8")) as {
  maliciousFile: { sha256: string };
};

/** Plant n of the recordings: A is 1. */
function plant(n: number): Self {
  return {
    assets: [{ name: "gateway", addresses: [`10.${n}.5.80`] }],
    domains: [],
    roles: {
      otNetwork: [`10.${n}.2.0/24`],
      writers: [`10.${n}.2.20`, `10.${n}.2.30`],
      controllers: [`10.${n}.2.10`],
    },
    services: [{ name: "resolver and vendor", addresses: ["198.51.100.10", "198.51.100.53"], domains: [] }],
    files: [],
    confirmedAtMs: 0,
  };
}

/** Patterns of what may travel, sorted; and what of it names the plant. */
function travels(recording: string, n: number): string[] {
  const self = plant(n);
  const patterns = readFileSync(join(ATTACKS, recording), "utf8")
    .split("\n")
    .flatMap((line, offset) => {
      if (line === "") return [];
      const outcome = parseEveLine(line, { detector: "ids", readAtMs: 0, stream: "s", offset, self });
      if (outcome.kind !== "detection") return [];
      const context = { self, labPublic: ["203.0.113.0/24"] };
      return deriveCandidates(outcome.detection, context).candidates.map(
        ({ form }) => toPattern(form).pattern,
      );
    });
  return [...new Set(patterns)].sort();
}

test("a Modbus write travels as two kinds of conduct, the same from every plant, with no address and no value", () => {
  const expected = [
    '{"class":"modbus-write-by-non-writer","functions":[5],"protocol":"modbus","roles":["non-writer","controller"],"table":"coil"}',
    '{"class":"modbus-write-by-non-writer","functions":[6],"protocol":"modbus","roles":["non-writer","controller"],"table":"holding"}',
  ];
  expect(travels("modbus-write.eve.json", 1)).toEqual(expected);
  for (const [letter, n] of [
    ["b", 2],
    ["c", 3],
    ["d", 4],
  ] as const)
    expect(travels(`modbus-write-${letter}.eve.json`, n)).toEqual(expected);
});

test("command and control travels as address, name, URL and file, the same from both plants", () => {
  const found = travels("internet-exploit.eve.json", 1);
  expect(found).toContain("[ipv4-addr:value = '203.0.113.7']");
  expect(found).toContain("[domain-name:value = 'update.turbine-fw.example']");
  expect(found).toContain(`[file:hashes.'SHA-256' = '${maliciousFile.sha256}']`);
  expect(found.join()).not.toMatch(/10\.\d+\.|198\.51\.100/);
  expect(travels("internet-exploit-b.eve.json", 2)).toEqual(found);
  const ids = found.map((pattern) => indicatorId({ patternType: "stix", pattern }));
  expect(new Set(ids).size).toBe(found.length);
});
