import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { attackIdsOfBehaviour, BASELINE, baselineOf, behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { ICS_PROTOCOLS, icsFromMetadata, icsRequest, icsRequestNamed } from "@anamnesis/sdk/core/ics";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { parsePattern, toPattern } from "@anamnesis/sdk/core/pattern";
import type { Detection, IcsProtocol, Self } from "@anamnesis/sdk/core/types";
import { describe, expect, test } from "vitest";

const SELF: Self = {
  assets: [{ name: "plc", addresses: ["10.2.2.10"] }],
  domains: [],
  roles: {
    otNetwork: ["10.2.2.0/24"],
    writers: ["10.2.2.20"],
    controllers: ["10.2.2.10"],
    engineeringStations: ["10.2.2.31"],
    safetySystems: ["10.2.3.9"],
  },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

/** One request of each class. */
const REQUESTS: readonly (readonly [IcsProtocol, number, string])[] = [
  ["modbus", 6, "modbus-write-by-non-writer"],
  ["dnp3", 5, "dnp3-write-by-non-writer"],
  ["dnp3", 13, "dnp3-program-by-non-engineer"],
  ["s7comm", 0x05, "s7comm-write-by-non-writer"],
  ["s7comm", 0x29, "s7comm-program-by-non-engineer"],
  ["enip", 0x4d, "enip-write-by-non-writer"],
  ["enip", 0x07, "enip-program-by-non-engineer"],
  ["iec104", 45, "iec104-write-by-non-writer"],
  ["iec104", 105, "iec104-program-by-non-engineer"],
  ["opcua", 673, "opcua-write-by-non-writer"],
  ["bacnet", 15, "bacnet-write-by-non-writer"],
  ["bacnet", 20, "bacnet-program-by-non-engineer"],
  ["mqtt", 3, "mqtt-write-by-non-writer"],
  ["tristation", 0x37, "tristation-program-by-non-engineer"],
  ["svcctl", 12, "svcctl-program-by-outsider"],
];

function detectionOf(protocol: IcsProtocol, code: number, change: Partial<Detection> = {}): Detection {
  return {
    id: `0x${"00".repeat(32)}`,
    atMs: 0,
    readAtMs: 0,
    detector: "ids",
    rule: { engine: "suricata", gid: 1, id: 1, rev: 1, name: "r", category: "" },
    severity: 60,
    action: "allowed",
    attacker: { address: protocol === "svcctl" ? "10.9.0.5" : "10.2.2.66", port: 40_000 },
    victim: { address: "10.2.2.10" },
    observables: [],
    ics: icsRequest(protocol, code)!,
    attackIds: [],
    ...change,
  } as Detection;
}

describe("conduct", () => {
  test.each(REQUESTS)(
    "%s function %i is a record of %s, and never the bare class",
    (protocol, code, name) => {
      const request = icsRequest(protocol, code)!;
      const behaviour = behaviourOf(request)!;
      expect(behaviour).toMatchObject({ class: name, protocol, functions: [code] });
      const key = toPattern({ form: "behaviour", behaviour });
      expect(parsePattern(key)).toEqual({ form: "behaviour", behaviour });
      // Without its discriminators the same text is refused.
      const { functions: _gone, ...bare } = behaviour;
      const pattern = JSON.stringify(Object.fromEntries(Object.entries(bare).sort()));
      expect(() => parsePattern({ ...key, pattern })).toThrow(/discriminators/);
      const { candidates, stopped } = deriveCandidates(detectionOf(protocol, code), { self: SELF });
      expect([candidates.map((one) => one.class), stopped]).toEqual([[name], []]);
    },
  );

  test("every class is reached, has its own requests, and travels without addresses and values", () => {
    expect(new Set(REQUESTS.map(([, , name]) => name))).toEqual(new Set(BASELINE.map((one) => one.class)));
    const ids = REQUESTS.map(([protocol, code]) =>
      indicatorId(toPattern({ form: "behaviour", behaviour: behaviourOf(icsRequest(protocol, code)!)! })),
    );
    expect(new Set(ids).size).toBe(ids.length);
    for (const { title, reason, levels } of BASELINE) {
      expect(title.length).toBeGreaterThan(10);
      expect(reason.length).toBeGreaterThan(10);
      expect(levels.length).toBeGreaterThan(0);
    }
  });

  test("reading is no class, and what no list has is none either", () => {
    for (const [protocol, code] of [
      ["modbus", 3],
      ["dnp3", 1],
      ["s7comm", 4],
      ["enip", 0x4c],
      ["iec104", 100],
    ] as const)
      expect(baselineOf(icsRequest(protocol, code)!)).toBeUndefined();
    expect(baselineOf(icsRequest("s7comm", 0x77)!)).toBeUndefined();
    expect(icsRequest("modbus", 0)).toBeUndefined();
    expect(icsRequest("modbus", 128)).toBeUndefined();
  });

  test("the role decides: writers write, engineering stations program, and not the other way round", () => {
    const from = (address: string, protocol: IcsProtocol, code: number) =>
      deriveCandidates(detectionOf(protocol, code, { attacker: { address, port: 40_000 } }), { self: SELF });
    expect(from("10.2.2.20", "s7comm", 5).stopped[0]).toMatchObject({ code: "behaviour.writer" });
    expect(from("10.2.2.31", "s7comm", 0x29).stopped[0]).toMatchObject({
      code: "behaviour.writer",
      entry: "self.roles.engineeringStations: 10.2.2.31",
    });
    expect(from("10.2.2.20", "s7comm", 0x29).candidates).toHaveLength(1);
    expect(from("10.2.2.31", "s7comm", 5).candidates).toHaveLength(1);
  });

  test("for a service from afar it is the network that counts: who comes from outside, and reaches a machine inside", () => {
    const of = (from: string, to: string) =>
      deriveCandidates(detectionOf("svcctl", 12, { attacker: { address: from }, victim: { address: to } }), {
        self: SELF,
      });
    // A machine with a name and no controller is a victim, too.
    const named = { ...SELF, assets: [{ name: "hmi", addresses: ["10.2.2.20"] }] };
    const change = { attacker: { address: "10.9.0.5" }, victim: { address: "10.2.2.20" } };
    expect(deriveCandidates(detectionOf("svcctl", 12, change), { self: named }).candidates).toHaveLength(1);
    expect(of("10.2.2.66", "10.2.2.20").stopped[0]?.code).toBe("behaviour.writer");
    expect(of("10.9.0.5", "10.9.0.6").stopped[0]?.code).toBe("candidate.direction");
    const nobody = { ...SELF, roles: { ...SELF.roles, otNetwork: [] } };
    expect(deriveCandidates(detectionOf("svcctl", 12), { self: nobody }).stopped[0]?.code).toBe(
      "self.incomplete",
    );
  });

  test("without engineering stations nobody is known to be none", () => {
    const self = { ...SELF, roles: { ...SELF.roles, engineeringStations: [] } };
    expect(deriveCandidates(detectionOf("s7comm", 0x29), { self }).stopped[0]?.code).toBe("self.incomplete");
  });

  test("the server of a protocol is not who wrote", () => {
    const answer = {
      attacker: { address: "10.2.2.10", port: 102 },
      victim: { address: "10.2.2.66", port: 4 },
    };
    expect(deriveCandidates(detectionOf("s7comm", 5, answer), { self: SELF }).stopped[0]?.code).toBe(
      "candidate.direction",
    );
  });

  test("an alert that names no function stays a bare class", () => {
    const { ics: _none, ...rest } = detectionOf("dnp3", 5, { appProtocol: "dnp3" });
    const { candidates, stopped } = deriveCandidates(rest, { self: SELF });
    expect([candidates, stopped[0]?.code]).toEqual([[], "behaviour.bare"]);
  });

  test("CIP services of different classes are different attacks; other protocols have no class", () => {
    const of = (object?: number) =>
      toPattern({
        form: "behaviour",
        behaviour: behaviourOf({ ...icsRequest("enip", 7)!, ...(object !== undefined && { object }) })!,
      });
    expect(of(0x8e).pattern).not.toBe(of(0x64).pattern);
    expect(parsePattern(of(0x8e))).toMatchObject({ behaviour: { object: 0x8e } });
    const wrong = toPattern({
      form: "behaviour",
      behaviour: { ...behaviourOf(icsRequest("dnp3", 5)!)!, object: 1 } as never,
    });
    expect(() => parsePattern(wrong)).toThrow(/discriminators/);
  });
});

describe("numbers and names", () => {
  test("a rule's own metadata says what it matches", () => {
    expect(icsFromMetadata({ ics_protocol: ["s7comm"], ics_function: ["41"] })).toEqual({
      protocol: "s7comm",
      function: 41,
      access: "program",
      table: "none",
    });
    expect(
      icsFromMetadata({ ics_protocol: "enip", ics_function: "0x07", ics_object: ["142"] }),
    ).toMatchObject({
      function: 7,
      object: 142,
    });
    for (const wrong of [
      {},
      { ics_protocol: ["s8"], ics_function: ["41"] },
      { ics_protocol: ["s7comm"] },
      { ics_protocol: ["s7comm"], ics_function: [41] },
      { ics_protocol: ["s7comm"], ics_function: ["-1"] },
      { ics_protocol: ["s7comm"], ics_function: ["99999999999"] },
      { ics_protocol: ["modbus"], ics_function: ["0"] },
    ])
      expect(icsFromMetadata(wrong)).toBeUndefined();
  });

  test("names that are members of every object are no functions", () => {
    for (const protocol of ICS_PROTOCOLS)
      for (const name of ["constructor", "toString", "__proto__", "", "0x", "1e3", " 5"])
        expect(icsRequestNamed(protocol, name)).toBeUndefined();
  });
});

const SAMPLES = process.env.ANAMNESIS_SAMPLES ?? join(import.meta.dirname, "../../../shared/samples");
const LIST = join(SAMPLES, "attack_ics/ics-techniques-index.json");
test.skipIf(!existsSync(LIST))(
  "ATT&CK ids are in the current list, neither revoked nor deprecated (skipped without samples)",
  () => {
    const list = JSON.parse(readFileSync(LIST, "utf8")) as {
      id: string;
      revoked: boolean;
      deprecated: boolean;
    }[];
    const current = new Set(list.filter((one) => !one.revoked && !one.deprecated).map(({ id }) => id));
    expect(current.size).toBeGreaterThan(50);
    for (const baseline of BASELINE)
      for (const id of Object.values(baseline.attackIds).flat()) expect(current).toContain(id);
    for (const [protocol, code] of REQUESTS)
      for (const id of attackIdsOfBehaviour(behaviourOf(icsRequest(protocol, code)!)!))
        expect(current).toContain(id);
    expect(attackIdsOfBehaviour(behaviourOf(icsRequest("s7comm", 0x29)!)!)).toEqual(["T0858", "T0816"]);
  },
);
