import { checkPlan } from "@anamnesis/sdk/check/plan";
import { toCidrs } from "@anamnesis/sdk/core/address-set";
import { compileBehaviour } from "@anamnesis/sdk/core/compile";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BEHAVIOUR, SELF } from "../../node/support/plant.ts";
import { FAILS, PASSES, SAID } from "./cases.ts";
import { drawer, drawPair, touchesSelf } from "./oracle.ts";

const whole = ([what, blocks, self = SELF]: (typeof PASSES)[number]) => [what, blocks, self] as const;

describe("checkPlan", () => {
  it.each(PASSES.map(whole))("passes %s", (_, blocks, self) => {
    expect(checkPlan(blocks, self)).toEqual({ ok: true });
  });

  it.each(FAILS.map(whole))("refuses %s", (_, blocks, self) => {
    expect(checkPlan(blocks, self)).toMatchObject({ ok: false, code: "plan.self" });
  });

  it.each(SAID)("names %s", (said, block) => {
    const verdict = checkPlan([block], SELF);
    expect(verdict.ok ? "" : verdict.reason).toContain(said);
  });

  it("agrees with counting every tuple of small universes", () => {
    const random = drawer(4711);
    const seen = { touches: 0, passes: 0 };
    for (let i = 0; i < 1000; i++) {
      const [blocks, self] = drawPair(random);
      const touches = touchesSelf(blocks, self);
      seen[touches ? "touches" : "passes"]++;
      expect(checkPlan(blocks, self).ok, JSON.stringify({ blocks, self })).toBe(!touches);
    }
    expect(Math.min(seen.touches, seen.passes)).toBeGreaterThan(150);
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
