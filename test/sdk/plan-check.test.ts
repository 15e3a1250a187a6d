import { toCidrs } from "@anamnesis/sdk/core/address-set";
import { compileBehaviour } from "@anamnesis/sdk/core/compile";
import { type BlockSet, checkPlan } from "@anamnesis/sdk/core/plan-check";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BEHAVIOUR, SELF } from "../node/support/plant.ts";

const OPEN = { ports: [], functions: [] } as const;
const from = (...sources: string[]): BlockSet => ({ ...OPEN, sources, destinations: ["any"] });
const to = (...destinations: string[]): BlockSet => ({ ...OPEN, sources: ["any"], destinations });
const pair = (source: string, destination: string, change: Partial<BlockSet> = {}): BlockSet => ({
  ...OPEN,
  sources: [source],
  destinations: [destination],
  ...change,
});
const names = (...list: string[]): BlockSet => ({ ...OPEN, sources: [], destinations: [], names: list });

const passes: readonly [string, BlockSet][] = [
  ["a foreign address", from("203.0.113.7")],
  ["a foreign address as destination", to("203.0.113.7")],
  ["a foreign range", from("203.0.113.0/24")],
  ["a foreign IPv6 range", from("2001:db8::/32")],
  [
    "a stranger in the OT network writing to a controller",
    pair("10.2.2.66", "10.2.2.10", { ports: [502], functions: [6] }),
  ],
  [
    "the historian's writes, never its reads",
    pair("10.2.2.40", "10.2.2.10", { ports: [502], functions: [6] }),
  ],
  ["a foreign name", names("c2.turbine-fw.example")],
];

const fails: readonly [string, readonly BlockSet[]][] = [
  ["nothing stated", []],
  ["everything", [{ ...OPEN, sources: ["any"], destinations: ["any"] }]],
  ["an empty side", [{ ...OPEN, sources: [], destinations: ["any"] }]],
  ["an empty pair", [{ ...OPEN, sources: ["203.0.113.7"], destinations: [] }]],
  ["an asset", [from("10.2.5.80")]],
  ["the OT network", [from("10.2.2.66")]],
  ["a range that holds an asset", [from("10.0.0.0/8")]],
  ["every IPv4 address", [from("0.0.0.0/0")]],
  ["every IPv6 address, IPv4-mapped ones included", [from("::/0")]],
  ["a service", [to("198.51.100.10")]],
  ["a service in mapped spelling", [to("::ffff:c633:640a")]],
  ["a range with host bits set that holds a service", [to("198.51.100.77/24")]],
  ["a service between two sides", [pair("198.51.100.10", "10.2.5.80")]],
  ["a writer to a controller", [pair("10.2.2.20", "10.2.2.10", { ports: [502], functions: [6] })]],
  ["a range around a writer", [pair("10.2.2.16/28", "10.2.2.0/24", { functions: [6] })]],
  ["a whole conversation of an asset", [pair("10.2.2.40", "10.2.2.10", { ports: [502] })]],
  ["the second of two sets", [from("203.0.113.7"), from("10.2.2.10")]],
  ["an own name", [names("plant.example")]],
  ["a name below an own one", [names("hmi.plant.example")]],
  ["a name above an own one", [names("example.com"), names("VENDOR.example.")]],
  ["a top-level domain", [names("example")]],
  ["no names", [names()]],
  ["garbage", [from("203.0.113.7; accept")]],
  ["an address out of range", [from("203.0.113.256")]],
  ["a prefix out of range", [from("203.0.113.0/33")]],
  ["a short IPv6 address", [from("2001:db8:1")]],
  ["two gaps", [from("2001::db8::1")]],
  ["IPv4 inside IPv6 spelling", [from("::ffff:198.51.100.10")]],
];

describe("checkPlan", () => {
  it.each(passes)("passes %s", (_, block) => {
    expect(checkPlan([block], SELF)).toEqual({ ok: true });
  });

  it.each(fails)("refuses %s", (_, blocks) => {
    expect(checkPlan(blocks, SELF)).toMatchObject({ ok: false, code: "plan.self" });
  });

  it("names the entry of Self that would be hit", () => {
    expect(checkPlan([from("10.2.5.80")], SELF)).toMatchObject({ entry: "gateway" });
    expect(checkPlan([pair("10.2.2.30", "10.2.2.10")], SELF)).toMatchObject({
      entry: "writer 10.2.2.30 to controller 10.2.2.10",
    });
  });

  it("refuses when Self itself cannot be read or lacks roles", () => {
    const roles = { ...SELF.roles, writers: [] };
    const stranger = pair("10.2.2.66", "10.2.2.10", { functions: [6] });
    expect(checkPlan([stranger], { ...SELF, roles })).toMatchObject({ ok: false });
    const assets = [{ name: "bad", addresses: ["ten"] }];
    expect(checkPlan([from("203.0.113.7")], { ...SELF, assets })).toMatchObject({ ok: false });
  });

  it("agrees with the compiler wherever writers are in the OT network", () => {
    const host = fc.integer({ min: 1, max: 254 }).map((last) => `10.2.2.${last}`);
    fc.assert(
      fc.property(fc.uniqueArray(host, { minLength: 1, maxLength: 6 }), (writers) => {
        const self = { ...SELF, roles: { ...SELF.roles, writers } };
        const predicate = compileBehaviour(BEHAVIOUR, self);
        if ("refused" in predicate) throw new Error(predicate.reason);
        const set = {
          sources: predicate.sources.flatMap(toCidrs),
          destinations: predicate.destinations.flatMap(toCidrs),
          ports: [502],
          functions: [6],
        };
        expect(checkPlan([set], self)).toEqual({ ok: true });
        // One writer slipped in is found.
        const slipped = { ...set, sources: [...set.sources, writers[0] as string] };
        expect(checkPlan([slipped], self)).toMatchObject({ ok: false });
      }),
    );
  });
});
