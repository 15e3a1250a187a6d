import {
  type Decision,
  decide,
  isSelfStale,
  type PolicyInput,
  type StandingChange,
  stops,
  weaker,
  wordOf,
} from "@anamnesis/sdk/core/policy";
import type { ActionClass, StatusName } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const NOW_MS = Date.UTC(2026, 2, 1);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** The most permissive input there is: an attested block at the protecting enterprise edge. */
const EDGE: PolicyInput = {
  record: {
    class: "observable",
    response: "block",
    indicatorStatus: { name: "attested", disputed: false },
    responseStatus: { name: "attested", disputed: false },
    recorded: true,
    validUntilMs: NOW_MS + 30 * DAY_MS,
  },
  control: { name: "edge", level: 4, phase: "protecting", safety: false },
  standing: [],
  selfConfirmedAtMs: NOW_MS - DAY_MS,
  budgetLeft: 10,
  nowMs: NOW_MS,
};

const CONDUIT: StandingChange = {
  name: "conduit-block",
  classes: ["modbus-write-by-non-writer"],
  controls: ["conduit"],
  levels: [3],
  action: "block",
  maxDurationMs: 4 * HOUR_MS,
};

/** The same at a conduit of level 3, where a standing change is needed. */
const FLOOR: PolicyInput = {
  ...EDGE,
  record: { ...EDGE.record, class: "modbus-write-by-non-writer" },
  control: { name: "conduit", level: 3, phase: "protecting", safety: false },
};

type Change = Omit<Partial<PolicyInput>, "record" | "control"> & {
  record?: Partial<PolicyInput["record"]>;
  control?: Partial<PolicyInput["control"]>;
};

function from(base: PolicyInput, change: Change): Decision {
  return decide({
    ...base,
    ...change,
    record: { ...base.record, ...change.record },
    control: { ...base.control, ...change.control },
  });
}

const named = (name: StatusName, disputed = false) => ({ name, disputed });

describe("decide", () => {
  it("blocks what is attested at the protecting enterprise edge, for a day", () => {
    expect(decide(EDGE)).toEqual({
      action: "block",
      because: [],
      authority: { by: "automatic" },
      expiresAtMs: NOW_MS + DAY_MS,
    });
  });

  it("Proposed at most alerts, whatever rests behind it", () => {
    const decision = from(FLOOR, {
      record: { indicatorStatus: named("proposed"), response: "isolate" },
      standing: [{ ...CONDUIT, action: "isolate" }],
      approval: { ticket: "CHG-1", action: "isolate", untilMs: NOW_MS + HOUR_MS },
    });
    expect(decision).toMatchObject({ action: "alert", because: ["status.proposed"] });
  });

  it("needs an attested response as well as an attested indicator", () => {
    for (const name of ["none", "proposed", "dormant", "withdrawn", "refuted"] as const) {
      const decision = from(EDGE, { record: { responseStatus: named(name) } });
      expect(decision).toMatchObject({ action: "alert", because: ["response.unattested"] });
    }
  });

  it("does no more than the response asks for", () => {
    expect(from(EDGE, { record: { response: "alert" } })).toMatchObject({ action: "alert", because: [] });
    expect(from(EDGE, { record: { response: "observe" } }).action).toBe("observe");
    const { response: _, ...bare } = EDGE.record;
    expect(decide({ ...EDGE, record: bare })).toMatchObject({ action: "alert", because: ["response.none"] });
    const unknown = "annihilate" as ActionClass;
    expect(from(EDGE, { record: { response: unknown } }).action).toBe("alert");
    expect(from(EDGE, { record: { response: "constructor" as ActionClass } }).action).toBe("alert");
  });

  describe("level 3.5 and below", () => {
    it("alerts without a standing change", () => {
      for (const level of [0, 1, 2, 3, 3.5] as const) {
        expect(from(FLOOR, { control: { level } })).toMatchObject({
          action: "alert",
          because: ["policy.approval"],
        });
      }
    });

    it("takes a level it does not understand for the plant floor", () => {
      for (const level of [Number.NaN, undefined, null, "four"]) {
        const odd = level as unknown as 3;
        expect(from(EDGE, { control: { level: odd } }).action).toBe("alert");
      }
    });

    it("blocks by a standing change, no longer than it allows", () => {
      expect(from(FLOOR, { standing: [CONDUIT] })).toEqual({
        action: "block",
        because: [],
        authority: { by: "standing", change: "conduit-block" },
        expiresAtMs: NOW_MS + 4 * HOUR_MS,
      });
    });

    it("does not stretch the maximum duration by deciding again", () => {
      const current = { action: "block", authority: "standing", appliedAtMs: NOW_MS - 3 * HOUR_MS } as const;
      expect(from(FLOOR, { standing: [CONDUIT], current }).expiresAtMs).toBe(NOW_MS + HOUR_MS);
      const older = { ...current, appliedAtMs: NOW_MS - 4 * HOUR_MS };
      expect(from(FLOOR, { standing: [CONDUIT], current: older }).action).toBe("alert");
    });

    it("is not covered by a change for another class, control, level, action or time", () => {
      const others: readonly StandingChange[] = [
        { ...CONDUIT, classes: ["observable"] },
        { ...CONDUIT, controls: ["other"] },
        { ...CONDUIT, levels: [2] },
        { ...CONDUIT, controls: [], levels: [] },
        { ...CONDUIT, action: "alert" },
        { ...CONDUIT, validUntilMs: NOW_MS },
        { ...CONDUIT, maxDurationMs: 0 },
        { ...CONDUIT, maxDurationMs: Number.NaN },
      ];
      for (const standing of others) expect(from(FLOOR, { standing: [standing] }).action).toBe("alert");
      expect(from(FLOOR, { standing: others }).action).toBe("alert");
    });

    it("goes no further than the strongest change", () => {
      const deny: StandingChange = { ...CONDUIT, name: "weak", action: "deny" };
      const decision = from(FLOOR, { record: { response: "isolate" }, standing: [deny, CONDUIT] });
      expect(decision).toMatchObject({ action: "block", because: ["policy.approval"] });
      expect(decision.authority).toEqual({ by: "standing", change: "conduit-block" });
    });

    it("takes an operator's approval until its end", () => {
      const approval = { ticket: "CHG-7", action: "block", untilMs: NOW_MS + HOUR_MS } as const;
      expect(from(FLOOR, { approval })).toMatchObject({
        action: "block",
        authority: { by: "operator", ticket: "CHG-7" },
        expiresAtMs: NOW_MS + HOUR_MS,
      });
      expect(from(FLOOR, { approval: { ...approval, untilMs: NOW_MS } }).action).toBe("alert");
    });
  });

  it("never goes above alert in a safety zone", () => {
    for (const level of [1, 4, 5] as const) {
      const decision = from(FLOOR, {
        control: { safety: true, level },
        standing: [{ ...CONDUIT, levels: [] }],
        approval: { ticket: "CHG-1", action: "isolate", untilMs: NOW_MS + DAY_MS },
      });
      expect(decision.action).toBe("alert");
      expect(decision.because).toContain("policy.ceiling");
    }
  });

  it("learning does nothing, shadow only watches, an unknown phase is no more than shadow", () => {
    expect(from(EDGE, { control: { phase: "learning" } })).toMatchObject({
      action: "observe",
      because: ["policy.phase"],
    });
    expect(from(EDGE, { control: { phase: "shadow" } })).toMatchObject({
      action: "alert",
      because: ["policy.phase"],
    });
    expect(from(EDGE, { control: { phase: "PROTECTING" as "protecting" } }).action).toBe("alert");
  });

  it("only alerts on a Self that is older than 30 days, from the future, or undated", () => {
    for (const selfConfirmedAtMs of [NOW_MS - 30 * DAY_MS - 1, NOW_MS + DAY_MS + 1, Number.NaN]) {
      expect(from(EDGE, { selfConfirmedAtMs })).toMatchObject({ action: "alert", because: ["self.stale"] });
    }
    expect(from(EDGE, { selfConfirmedAtMs: NOW_MS - 30 * DAY_MS }).action).toBe("block");
    expect(from(EDGE, { selfConfirmedAtMs: NOW_MS + DAY_MS }).action).toBe("block");
    expect(isSelfStale(NOW_MS, NOW_MS + 400 * DAY_MS)).toBe(true);
  });

  describe("disputed", () => {
    const disputed = { indicatorStatus: named("attested", true) };

    it("stops new applications above alert, approved or not", () => {
      expect(from(EDGE, { record: disputed })).toMatchObject({
        action: "alert",
        because: ["policy.disputed"],
      });
      const approval = { ticket: "CHG-1", action: "block", untilMs: NOW_MS + DAY_MS } as const;
      expect(from(EDGE, { record: disputed, approval }).action).toBe("alert");
      expect(from(EDGE, { record: { responseStatus: named("attested", true) } }).action).toBe("alert");
    });

    it("lowers automatic and standing blocks", () => {
      for (const authority of ["automatic", "standing"] as const) {
        const current = { action: "block", authority, appliedAtMs: NOW_MS - 1000 } as const;
        expect(from(EDGE, { record: disputed, current }).action).toBe("alert");
      }
    });

    it("keeps what an operator approved, and raises it no further", () => {
      const current = { action: "deny", authority: "operator", appliedAtMs: NOW_MS - 1000 } as const;
      const approval = { ticket: "CHG-1", action: "block", untilMs: NOW_MS + DAY_MS } as const;
      expect(from(FLOOR, { record: disputed, current, approval })).toMatchObject({
        action: "deny",
        authority: { by: "operator" },
      });
      expect(from(FLOOR, { record: disputed, current }).action).toBe("alert");
    });
  });

  it("puts nothing in force for what is refuted, withdrawn, unknown or over", () => {
    const approval = { ticket: "CHG-1", action: "block", untilMs: NOW_MS + DAY_MS } as const;
    const current = { action: "block", authority: "operator", appliedAtMs: NOW_MS - 1000 } as const;
    const cases = [
      ["refuted", "refuted"],
      ["withdrawn", "withdrawn"],
      ["none", "none"],
      ["dormant", "expired"],
    ] as const;
    for (const [name, reason] of cases) {
      const decision = from(EDGE, { record: { indicatorStatus: named(name) }, approval, current });
      expect(decision).toMatchObject({ action: "observe", because: [reason], expiresAtMs: 0 });
    }
    for (const validUntilMs of [NOW_MS, 0, Number.NaN]) {
      expect(from(EDGE, { record: { validUntilMs } })).toMatchObject({
        action: "observe",
        because: ["expired"],
      });
    }
  });

  it("defers new blocks over budget and leaves those in force alone", () => {
    expect(from(EDGE, { budgetLeft: 0 })).toMatchObject({ action: "alert", because: ["deferred.budget"] });
    expect(from(EDGE, { budgetLeft: Number.NaN }).action).toBe("alert");
    const current = { action: "block", authority: "automatic", appliedAtMs: NOW_MS - 1000 } as const;
    expect(from(EDGE, { budgetLeft: 0, current }).action).toBe("block");
    const watching = { ...current, action: "alert" } as const;
    expect(from(EDGE, { budgetLeft: 0, current: watching }).action).toBe("alert");
    expect(from(EDGE, { budgetLeft: 0, record: { response: "alert" } }).because).toEqual([]);
  });

  it("may ask for the chain's word", () => {
    const unrecorded = { requireRecorded: true, record: { recorded: false } };
    expect(from(EDGE, unrecorded)).toMatchObject({ action: "alert", because: ["policy.recorded"] });
    expect(from(EDGE, { requireRecorded: true }).action).toBe("block");
    expect(from(EDGE, { record: { recorded: false } }).action).toBe("block");
  });

  it("ends everything: after a day, or with the record when that is earlier", () => {
    expect(from(EDGE, { record: { validUntilMs: NOW_MS + HOUR_MS } }).expiresAtMs).toBe(NOW_MS + HOUR_MS);
    expect(from(EDGE, { durationMs: 1000 }).expiresAtMs).toBe(NOW_MS + 1000);
    expect(from(EDGE, { record: { indicatorStatus: named("proposed") } }).expiresAtMs).toBe(NOW_MS + DAY_MS);
  });

  it("never exceeds any ceiling, whatever the combination", () => {
    const action = fc.constantFrom<ActionClass>("observe", "alert", "deny", "block", "isolate");
    const status = fc.record({
      name: fc.constantFrom<StatusName>("none", "withdrawn", "dormant", "proposed", "attested", "refuted"),
      disputed: fc.boolean(),
    });
    const age = fc.integer({ min: -40, max: 40 });
    const input = fc.record({
      response: action,
      indicatorStatus: status,
      responseStatus: status,
      level: fc.constantFrom(0, 1, 2, 3, 3.5, 4, 5),
      phase: fc.constantFrom("learning", "shadow", "protecting"),
      safety: fc.boolean(),
      change: action,
      hasChange: fc.boolean(),
      ageDays: age,
      budgetLeft: fc.integer({ min: 0, max: 2 }),
      validDays: age,
    });
    fc.assert(
      fc.property(input, (one) => {
        const decision = from(FLOOR, {
          record: {
            response: one.response,
            indicatorStatus: one.indicatorStatus,
            responseStatus: one.responseStatus,
            validUntilMs: NOW_MS + one.validDays * DAY_MS,
          },
          control: { level: one.level as 3, phase: one.phase as "shadow", safety: one.safety },
          standing: one.hasChange ? [{ ...CONDUIT, levels: [], action: one.change }] : [],
          selfConfirmedAtMs: NOW_MS - one.ageDays * DAY_MS,
          budgetLeft: one.budgetLeft,
        });
        expect(weaker(one.response, decision.action)).toBe(false);
        if (!stops(decision.action)) return;
        expect(one.indicatorStatus).toEqual({ name: "attested", disputed: false });
        expect(one.responseStatus).toEqual({ name: "attested", disputed: false });
        expect(one.phase).toBe("protecting");
        expect(one.safety).toBe(false);
        expect(one.budgetLeft).toBeGreaterThan(0);
        expect(one.validDays).toBeGreaterThan(0);
        expect(isSelfStale(NOW_MS - one.ageDays * DAY_MS, NOW_MS)).toBe(false);
        if (one.level <= 3.5) expect(one.hasChange && !weaker(one.change, decision.action)).toBe(true);
        expect(decision.expiresAtMs).toBeGreaterThan(NOW_MS);
        expect(decision.expiresAtMs).toBeLessThanOrEqual(NOW_MS + DAY_MS);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("wordOf", () => {
  it("is protected at deny and above, whatever the ceiling", () => {
    for (const action of ["deny", "block", "isolate"] as const)
      expect(wordOf(action, "alert")).toBe("protected");
  });

  it("tells a warning that could be more from one that is all there can be", () => {
    expect(wordOf("alert", "block")).toBe("warned");
    expect(wordOf("alert", "alert")).toBe("watched");
    expect(wordOf("observe", "block")).toBe("none");
  });
});
