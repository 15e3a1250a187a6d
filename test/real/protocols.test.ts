/**
 * Requests of protocols that no engine's alert names, from captures made by code: a plant's own rule in
 * Suricata 7, and the baseline over tshark's packets, each lead to exactly the record of what a machine
 * without the role did. What it read, and what a machine with the role did, leads to nothing.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BASELINE, behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { icsRequest } from "@anamnesis/sdk/core/ics";
import type { Behaviour, Detection, IcsProtocol, Self } from "@anamnesis/sdk/core/types";
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

const behaviourOfMade = (protocol: IcsProtocol, code: number, object?: number): Behaviour =>
  behaviourOf({ ...icsRequest(protocol, code)!, ...(object !== undefined && { object }) }) as Behaviour;
/** Everything that is watched for at once, so that no rule may fire on another protocol's traffic. */
const WATCHED: readonly Behaviour[] = [
  ...new Map(
    [
      ...MADE.flatMap(({ protocol, functions, object }) =>
        functions.map((code) => behaviourOfMade(protocol, code, object)),
      ),
      behaviourOfMade("s7comm", 0x29),
      behaviourOfMade("s7comm", 0x05),
      behaviourOfMade("dnp3", 5),
      behaviourOfMade("iec104", 45),
      behaviourOfMade("modbus", 6),
      behaviourOf({ ...icsRequest("enip", 0x50)!, sequence: "logic-download" }) as Behaviour,
    ].map((one) => [recordOf(one), one]),
  ).values(),
];

describe.each(MADE)("$name", ({ name, protocol, functions, object }) => {
  const capture = join(FOLDER, `${name}.pcap`);
  const behaviours = functions.map((code) => behaviourOfMade(protocol, code, object));
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
      const all = alertsOf(work, capture, WATCHED, SELF);
      const found = all.filter(({ ics }) => ics !== undefined);
      // To a safety system each of a stranger's four words is an alert, by the rule of each record.
      expect(all.length - found.length).toBe(protocol === "tristation" ? 4 * functions.length : 0);
      expect(recordsOf(found, SELF)).toEqual(expected);
      expect(found.length).toBe(functions.length);
      expect(new Set(found.map((detection) => detection.attacker?.address))).toEqual(new Set([attacker]));
    },
  );

  test.skipIf(MISSING.tshark !== undefined || protocol === "tristation")(
    "by the baseline over tshark's packets (TriStation: tshark has no dissector)",
    { timeout: 60_000 },
    () => {
      const found = packetAlerts(capture, SELF);
      expect(recordsOf(found, SELF)).toEqual(expected);
      expect(new Set(found.map((detection) => detection.attacker?.address))).toEqual(new Set([attacker]));
    },
  );
});

/** Wherever a capture was made: every machine is a controller, nobody has a role, and the OT network is plant A's. */
const ANYWHERE: Self = {
  ...SELF,
  assets: [],
  roles: {
    otNetwork: ["10.1.2.0/24"],
    writers: ["192.0.2.1"],
    engineeringStations: ["192.0.2.1"],
    controllers: ["0.0.0.0/1", "128.0.0.0/1"],
  },
};
const SAMPLES = join(process.env.ANAMNESIS_SAMPLES ?? join(FOLDER, "../../../shared/samples"), "pcap");

describe("the baseline over tshark's packets", () => {
  test.for(BASELINE.filter(({ protocol }) => protocol !== "tristation"))(
    "raises $class on $capture",
    { timeout: 60_000 },
    ({ class: name, capture }, context) => {
      const path = capture.startsWith("fixtures/") ? join(FOLDER, "../..", capture) : join(SAMPLES, capture);
      if (MISSING.tshark !== undefined || !existsSync(path)) return context.skip();
      expect(packetAlerts(path, ANYWHERE).map(({ rule }) => rule.id)).toContain(name);
    },
  );

  test.skipIf(MISSING.tshark !== undefined || !existsSync(SAMPLES))(
    "knows a logic download from an upload, in both forms of tshark's JSON",
    { timeout: 60_000 },
    () => {
      for (const form of ["ek", "json"]) {
        const programs = (capture: string) =>
          packetAlerts(join(SAMPLES, capture), ANYWHERE, form)
            .filter(({ rule }) => rule.id === "enip-program-by-non-engineer")
            .map(({ ics }) => ics?.sequence ?? `${ics?.function} of ${ics?.object}`);
        expect(new Set(programs("CL5000EIP-Software_Download.pcap")), form).toEqual(
          new Set(["7 of 142", "logic-download", "5 of 114", "6 of 142"]),
        );
        expect(programs("CL5000EIP-Software_Upload.pcap"), form).toEqual([]);
      }
    },
  );
});

/** What the baseline raises on a capture as tshark shows it. */
function packetAlerts(capture: string, self: Self, form = "ek"): Detection[] {
  const { stdout, status } = spawnSync("tshark", ["-n", "-r", capture, "-T", form], { maxBuffer: 1e9 });
  expect(status).toBe(0);
  const reader = createBaselineReader(
    tshark,
    { detector: "tshark", path: "packets.json" },
    { level: 2, off: [] },
  );
  return stdout
    .toString()
    .split("\n")
    .flatMap((line, offset) =>
      line === ""
        ? []
        : reader.push(Buffer.from(line), { stream: "s", offset, readAtMs: 0, fileMs: 0, self }),
    )
    .flatMap((outcome) => (outcome.kind === "detection" ? [outcome.detection] : []));
}
