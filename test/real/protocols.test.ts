/**
 * Requests of protocols that no engine's alert names, from captures made by code: a plant's own rule in
 * Suricata 7, and the baseline over tshark's packets, each lead to exactly the record of what a machine
 * without the role did. What it read, and what a machine with the role did, leads to nothing.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import type { Behaviour, Detection, Self } from "@anamnesis/sdk/core/types";
import { createBaselineReader } from "@anamnesis/sdk/formats/baseline";
import { tshark } from "@anamnesis/sdk/formats/tshark";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENDS, MADE } from "../../scripts/record/protocols/requests.ts";
import { MISSING, makeWork } from "./support/engines.ts";
import { alertsOf, recordOf, recordsOf } from "./support/replay.ts";

const FOLDER = fileURLToPath(new URL("../../fixtures/protocols", import.meta.url));
const missing = (["suricata", "tshark"] as const).filter((engine) => MISSING[engine] !== undefined);
for (const engine of missing)
  console.warn(`SKIPPED part of test/real/protocols: ${engine}: ${MISSING[engine]}`);

const SELF: Self = {
  assets: [{ name: "controller", addresses: [ENDS.controller] }],
  domains: [],
  roles: {
    otNetwork: ["10.1.2.0/24"],
    writers: [ENDS.writer],
    engineeringStations: [ENDS.engineer],
    controllers: [ENDS.controller],
    safetySystems: [ENDS.controller],
  },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

describe.each(MADE)("$name", ({ name, protocol, functions, object }) => {
  const capture = join(FOLDER, `${name}.pcap`);
  const behaviours = functions.map(
    (code) =>
      behaviourOf({ ...icsRequest(protocol, code)!, ...(object !== undefined && { object }) }) as Behaviour,
  );
  const expected = behaviours.map(recordOf).sort();
  const attacker = protocol === "svcctl" ? ENDS.outsider : ENDS.stranger;
  let work = "";
  let remove = (): void => {};
  beforeAll(() => {
    [work, remove] = makeWork("anamnesis-protocols-");
  });
  afterAll(() => remove());

  test.skipIf(MISSING.suricata !== undefined)(
    "by the plant's own rule in Suricata",
    { timeout: 60_000 },
    () => {
      const found = alertsOf(work, capture, behaviours, SELF);
      expect(recordsOf(found, SELF)).toEqual(expected);
      expect(found.length).toBe(functions.length);
      expect(new Set(found.map((detection) => detection.attacker?.address))).toEqual(new Set([attacker]));
    },
  );

  test.skipIf(MISSING.tshark !== undefined || protocol === "tristation")(
    "by the baseline over tshark's packets (TriStation: tshark has no dissector)",
    { timeout: 60_000 },
    () => {
      const reader = createBaselineReader(
        tshark,
        { detector: "tshark", path: "packets.ek" },
        { level: 2, off: [] },
      );
      const { stdout, status } = spawnSync("tshark", ["-n", "-r", capture, "-T", "ek"], { maxBuffer: 1e8 });
      expect(status).toBe(0);
      const found = stdout
        .toString()
        .split("\n")
        .flatMap((line, offset): Detection[] =>
          line === ""
            ? []
            : reader
                .push(Buffer.from(line), { stream: "s", offset, readAtMs: 0, fileMs: 0, self: SELF })
                .flatMap((outcome) => (outcome.kind === "detection" ? [outcome.detection] : [])),
        );
      expect(recordsOf(found, SELF)).toEqual(expected);
      expect(new Set(found.map((detection) => detection.attacker?.address))).toEqual(new Set([attacker]));
    },
  );
});

test("the captures are read from the repository", () => {
  for (const { name } of MADE) expect(readFileSync(join(FOLDER, `${name}.pcap`)).length).toBeGreaterThan(24);
});
