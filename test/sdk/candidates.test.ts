import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { parsePattern, toPattern } from "@anamnesis/sdk/core/pattern";
import type { Bytes32, Detection, IcsRequest, Self } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const self: Self = {
  assets: [
    { name: "plc-1", addresses: ["10.20.0.10"] },
    { name: "hmi", addresses: ["10.20.0.20"] },
    { name: "historian", addresses: ["10.20.0.40"] },
  ],
  domains: [],
  roles: { otNetwork: ["10.20.0.0/24"], writers: ["10.20.0.20"], controllers: ["10.20.0.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

const base: Detection = {
  id: `0x${"00".repeat(32)}` as Bytes32,
  atMs: 0,
  readAtMs: 0,
  detector: "eve",
  rule: { engine: "suricata", gid: 1, id: 1, rev: 1, name: "a rule", category: "" },
  severity: 90,
  action: "allowed",
  attacker: { address: "45.61.70.80", port: 4000 },
  victim: { address: "10.20.0.10", port: 502 },
  observables: [],
  attackIds: [],
};

function modbus(code: number, more: Partial<Detection> = {}): Detection {
  const ics: IcsRequest = { protocol: "modbus", function: code, access: "write", table: "holding" };
  return { ...base, appProtocol: "modbus", ics, ...more };
}

function outcome(detection: Detection, plant: Self = self): string[] {
  const { candidates, stopped } = deriveCandidates(detection, { self: plant });
  return [
    ...candidates.map(({ form }) =>
      form.form === "behaviour"
        ? `${form.behaviour.functions} ${form.behaviour.protocol === "modbus" ? form.behaviour.table : form.behaviour.class}`
        : form.observable.value,
    ),
    ...stopped.map(({ value, code }) => `${value}: ${code}`),
  ];
}

describe("behaviours", () => {
  it.each([
    [5, "coil"],
    [15, "coil"],
    [6, "holding"],
    [16, "holding"],
    [22, "holding"],
    [23, "holding"],
  ])("function %i by a stranger becomes a record of its own", (code, table) => {
    const { candidates } = deriveCandidates(modbus(code), { self });
    expect(candidates).toEqual([
      {
        class: "modbus-write-by-non-writer",
        form: {
          form: "behaviour",
          behaviour: {
            class: "modbus-write-by-non-writer",
            protocol: "modbus",
            functions: [code],
            table,
            roles: ["non-writer", "controller"],
          },
        },
      },
    ]);
    expect(parsePattern(toPattern(candidates[0]!.form))).toEqual(candidates[0]!.form);
  });

  it("a private attacker gives the behaviour only, and the entry that stopped the address is named", () => {
    const attacker = { address: "10.66.0.66", port: 4000 };
    const detection = modbus(6, { attacker, observables: [{ kind: "ipv4-addr", value: "10.66.0.66" }] });
    const { candidates, stopped } = deriveCandidates(detection, { self });
    expect(candidates.map((one) => one.class)).toEqual(["modbus-write-by-non-writer"]);
    expect(stopped).toEqual([
      { value: "10.66.0.66", code: "candidate.private", entry: "IANA: 10.0.0.0/8 private use (RFC 1918)" },
    ]);
  });

  it("is stopped when a writer of this plant wrote", () => {
    const { stopped } = deriveCandidates(modbus(6, { attacker: { address: "10.20.0.20", port: 4000 } }), {
      self,
    });
    expect(stopped).toEqual([
      { value: "modbus function 6", code: "behaviour.writer", entry: "self.roles.writers: 10.20.0.20" },
    ]);
  });

  it("is bare without a function", () => {
    expect(outcome({ ...base, appProtocol: "modbus" })).toEqual(["modbus: behaviour.bare"]);
  });

  it("covers no reads and no other functions", () => {
    for (const code of [1, 3, 8, 43])
      expect(outcome(modbus(code))).toEqual([`modbus function ${code}: candidate.none`]);
  });

  it("needs to know who wrote, and that it was the client", () => {
    const { attacker: _attacker, victim: _victim, ...unknown } = modbus(6);
    expect(outcome(unknown)).toEqual([
      "attacker: candidate.direction",
      "modbus function 6: candidate.direction",
    ]);
    const reversed = {
      attacker: { address: "45.61.70.80", port: 502 },
      victim: { address: "10.20.0.20", port: 4000 },
    };
    expect(outcome(modbus(6, reversed))).toEqual(["modbus function 6: candidate.direction"]);
  });

  it("is about controllers, and about servers that Self does not know", () => {
    expect(outcome(modbus(6, { victim: { address: "10.20.0.40", port: 502 } }))).toEqual([
      "modbus function 6: candidate.direction",
    ]);
    expect(outcome(modbus(6, { victim: { address: "10.99.0.1", port: 502 } }))).toEqual(["6 holding"]);
  });

  it("cannot be told where no writers are known", () => {
    const plant = { ...self, roles: { ...self.roles, writers: [] } };
    expect(outcome(modbus(6), plant)).toEqual(["modbus function 6: self.incomplete"]);
  });
});

describe("observables", () => {
  it("travel from a public attacker", () => {
    const detection: Detection = {
      ...base,
      observables: [
        { kind: "ipv4-addr", value: "45.61.70.80" },
        { kind: "domain-name", value: "bad.example" },
      ],
    };
    expect(outcome(detection)).toEqual(["45.61.70.80", "bad.example"]);
  });

  it("never hold the resolver of a lookup", () => {
    const detection: Detection = {
      ...base,
      attacker: { address: "45.61.70.53", port: 53 },
      observables: [
        { kind: "ipv4-addr", value: "45.61.70.53" },
        { kind: "domain-name", value: "bad.example" },
      ],
    };
    expect(outcome(detection)).toEqual(["bad.example", "45.61.70.53: candidate.direction"]);
  });

  it("say why there are none", () => {
    expect(outcome(base)).toEqual(["a rule: candidate.none"]);
    const { attacker: _attacker, ...unknown } = base;
    expect(outcome(unknown)).toEqual(["attacker: candidate.direction"]);
  });
});

it("two plants name the same records in whatever order alerts arrive", () => {
  const codes = fc.array(fc.constantFrom(5, 6, 15, 16, 22, 23), { minLength: 1, maxLength: 12 });
  const names = (order: readonly number[], plant: Self): string[] =>
    [
      ...new Set(
        order.flatMap((code) =>
          deriveCandidates(modbus(code), { self: plant }).candidates.map(
            ({ form }) => toPattern(form).pattern,
          ),
        ),
      ),
    ].sort();
  const other: Self = {
    ...self,
    assets: [],
    roles: { ...self.roles, writers: ["10.7.0.9"], controllers: [] },
  };
  fc.assert(
    fc.property(codes, (order) => {
      expect(names([...order].reverse(), other)).toEqual(names(order, self));
    }),
  );
});
