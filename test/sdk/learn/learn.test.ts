import type { Self } from "@anamnesis/sdk/core/types";
import type { BenignRecord } from "@anamnesis/sdk/core/validation";
import { diffSelf, driftOf } from "@anamnesis/sdk/learn/compare";
import { learnSelf } from "@anamnesis/sdk/learn/learn";
import { createTraffic, type Observation } from "@anamnesis/sdk/learn/traffic";
import { describe, expect, test } from "vitest";

const START = Date.UTC(2026, 0, 1);
const HOUR = 3_600_000;

const record = (source: string, destination: string, extra: Partial<BenignRecord> = {}): BenignRecord => ({
  atMs: START,
  source,
  destination,
  port: 502,
  protocol: "modbus",
  ...extra,
});

function trafficOf(...observations: readonly Omit<Observation, "place">[]) {
  const traffic = createTraffic();
  for (const [i, observation] of observations.entries())
    traffic.add({ ...observation, place: `eve.json:${i + 1}` });
  return traffic.result();
}

/** Writes of one pair, evenly over an hour. */
const habit = (source: string, destination: string, code = 6, times = 10) =>
  Array.from({ length: times }, (_, i) => ({
    record: record(source, destination, { function: code, atMs: START + (i * HOUR) / (times - 1) }),
  }));

describe("learning Self from traffic", () => {
  test("habits become conduits, machines assets, names and outside addresses services", () => {
    const { draft, proposed, withheld } = learnSelf(
      trafficOf(...habit("10.2.2.20", "10.2.2.10"), ...habit("10.2.2.40", "10.2.2.10", 3), {
        record: record("10.2.2.20", "198.51.100.10", {
          protocol: "tls",
          port: 443,
          name: "support.vendor.example",
        }),
      }),
    );
    expect(withheld).toEqual([]);
    expect(draft.assets.map(({ addresses }) => addresses)).toEqual([
      ["10.2.2.10"],
      ["10.2.2.20"],
      ["10.2.2.40"],
    ]);
    expect(draft.roles).toEqual({ otNetwork: ["10.2.2.0/24"], writers: [], controllers: ["10.2.2.10"] });
    expect(draft.conduits).toMatchObject([{ from: ["10.2.2.20"], to: ["10.2.2.10"], functions: [6] }]);
    expect(draft.services.flatMap(({ addresses, domains }) => [...addresses, ...domains])).toEqual([
      "198.51.100.10",
      "support.vendor.example",
    ]);
    expect(proposed).toContainEqual(
      expect.objectContaining({ what: "writer", value: "10.2.2.20", count: 10, place: "eve.json:1" }),
    );
  });

  test("nobody has confirmed a draft", () => {
    expect(learnSelf(trafficOf(...habit("10.2.2.20", "10.2.2.10"))).draft.confirmedAtMs).toBe(0);
  });

  test.each([
    [
      "an attacker that an alert names",
      [...habit("10.2.2.66", "10.2.2.10"), { alert: { name: "a write", ends: ["10.2.2.66", "10.2.2.10"] } }],
      /named by an alert \(a write\)/,
    ],
    ["a few writes", habit("10.2.2.66", "10.2.2.10", 6, 4), /^4 writes only/],
    ["writes from outside", habit("203.0.113.9", "10.2.2.10"), /public address/],
    [
      "writes within a moment of a long log",
      [
        ...habit("10.2.2.20", "10.2.2.10", 3),
        ...Array.from({ length: 50 }, (_, i) => ({
          record: record("10.2.2.66", "10.2.2.10", { function: 6, atMs: START + 1000 * i }),
        })),
      ],
      /only within 1 % of the time/,
    ],
  ])("withholds %s", (_name, observations, reason) => {
    const { draft, withheld } = learnSelf(trafficOf(...observations));
    expect(draft.conduits).toEqual([]);
    expect(withheld.map((one) => one.reason)).toContainEqual(expect.stringMatching(reason));
  });

  test("the machine that is attacked stays the plant's own", () => {
    const { draft } = learnSelf(
      trafficOf(...habit("10.2.2.20", "10.2.2.10"), ...habit("10.2.2.66", "10.2.2.10"), {
        alert: { name: "a write", ends: ["10.2.2.66", "10.2.2.10"] },
      }),
    );
    expect(draft.roles.controllers).toEqual(["10.2.2.10"]);
    expect(draft.assets.map(({ addresses }) => addresses[0])).toEqual(["10.2.2.10", "10.2.2.20"]);
  });

  test("who looks around is no asset", () => {
    const scan = Array.from({ length: 30 }, (_, i) => ({
      record: record("10.2.2.77", `10.2.2.${100 + i}`, { protocol: "flow", port: 22 }),
    }));
    const { draft, withheld } = learnSelf(trafficOf(...scan));
    expect(withheld).toMatchObject([
      { value: "10.2.2.77", reason: expect.stringContaining("speaks to 30 machines") },
    ]);
    expect(draft.assets.some(({ addresses }) => addresses.includes("10.2.2.77"))).toBe(false);
  });

  test("groups and this machine itself are no machines", () => {
    const { proposed } = learnSelf(
      trafficOf(
        { record: record("127.0.0.1", "127.0.0.1") },
        { record: record("0.0.0.0", "255.255.255.255", { protocol: "flow" }) },
        { record: record("::", "ff02::1", { protocol: "flow" }) },
      ),
    );
    expect(proposed).toEqual([]);
  });
});

const SELF: Self = {
  assets: [
    { name: "plc", addresses: ["10.2.2.10"] },
    { name: "hmi", addresses: ["10.2.2.20"] },
  ],
  domains: [],
  roles: { otNetwork: ["10.2.2.0/24"], writers: [], controllers: ["10.2.2.10"] },
  conduits: [
    { name: "hmi writes plc", from: ["10.2.2.20"], to: ["10.2.2.10"], protocol: "modbus", functions: [6] },
  ],
  services: [{ name: "vendor", addresses: ["198.51.100.10"], domains: ["vendor.example"] }],
  files: [],
  confirmedAtMs: START,
};
const ORDINARY = [
  ...habit("10.2.2.20", "10.2.2.10"),
  {
    record: record("10.2.2.20", "198.51.100.10", {
      protocol: "tls",
      port: 443,
      name: "support.vendor.example",
    }),
  },
];

describe("Self against traffic", () => {
  test("fits what is ordinary", () => {
    expect(driftOf(SELF, trafficOf(...ORDINARY))).toEqual([]);
  });

  test.each([
    [
      "a new machine",
      [{ record: record("10.2.2.99", "10.2.2.10", { function: 3 }) }],
      "unknown.host 10.2.2.99",
    ],
    [
      "a write by a stranger",
      habit("10.2.2.99", "10.2.2.10"),
      "unknown.write 10.2.2.99 → 10.2.2.10: modbus 6",
    ],
    [
      "another function of a known pair",
      habit("10.2.2.20", "10.2.2.10", 16),
      "unknown.write 10.2.2.20 → 10.2.2.10: modbus 6, 16",
    ],
    ["a controller that no role names", habit("10.2.2.20", "10.2.2.11", 3), "unknown.controller 10.2.2.11"],
    [
      "a service that nobody named",
      [{ record: record("10.2.2.20", "203.0.113.80", { protocol: "tls", port: 443 }) }],
      "unknown.service 203.0.113.80",
    ],
  ])("names %s", (_name, more, line) => {
    const drifts = driftOf(SELF, trafficOf(...ORDINARY, ...more));
    expect(drifts.map(({ kind, value }) => `${kind} ${value}`)).toContain(line);
    expect(drifts.every(({ place, count }) => place.startsWith("eve.json:") && count > 0)).toBe(true);
  });

  test("names what is not seen any more", () => {
    expect(driftOf(SELF, trafficOf()).map(({ where, value }) => `${where} ${value}`)).toEqual([
      "assets plc: 10.2.2.10",
      "assets hmi: 10.2.2.20",
      "roles.controllers 10.2.2.10",
      "conduits hmi writes plc",
      "services vendor: 198.51.100.10",
      "services vendor: vendor.example",
    ]);
  });
});

describe("two Selves", () => {
  test("say the same in any order", () => {
    expect(diffSelf(SELF, { ...SELF, assets: SELF.assets.toReversed() })).toEqual([]);
  });

  test("differ by lines", () => {
    const after = { ...SELF, roles: { ...SELF.roles, writers: ["10.2.2.20"] }, conduits: [] };
    expect(diffSelf(SELF, after)).toEqual([
      { side: "removed", where: "conduits", value: "10.2.2.20 → 10.2.2.10: modbus 6" },
      { side: "added", where: "roles.writers", value: "10.2.2.20" },
    ]);
  });
});
