import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Order } from "@anamnesis/sdk/core/views";
import { describe, expect, it } from "vitest";
import type { Control } from "../../../node/src/ports.ts";
import { createFakeControl, type FakeControl } from "../support/fake-control.ts";
import { conduct, DAY_MS, HOUR_MS, observable, recordOf, SELF, START_MS } from "../support/plant.ts";
import { attacker, inForce, makePlant, silent, told } from "../support/vaccination.ts";

const approval = (indicator: IndicatorId): Order => ({
  indicator,
  control: "edge",
  word: "approve",
  action: "block",
  ticket: "CHG-1",
  processOwner: "steel works",
  reason: "",
  fromMs: START_MS,
  untilMs: START_MS + DAY_MS,
  by: [{ who: "one", atMs: START_MS }],
  persons: 1,
});

describe("vaccinate", () => {
  it("warns on Proposed, protects on Attested, undoes on Refuted, each with one receipt", async () => {
    const { consider, control, receipts, flow, changes } = await makePlant();
    const proposed = recordOf(attacker, { status: "proposed" });
    await consider(proposed);
    expect(inForce(control)).toEqual(["watch 203.0.113.7"]);
    expect(flow.stateOf(proposed.indicator).word).toBe("warned");

    await consider(recordOf(attacker));
    expect(inForce(control)).toEqual(["block 203.0.113.7"]);
    expect(flow.stateOf(proposed.indicator).word).toBe("protected");

    await consider(recordOf(attacker, { status: "refuted" }));
    expect(inForce(control)).toEqual([]);
    expect(flow.stateOf(proposed.indicator).word).toBe("none");
    expect(told(receipts)).toEqual(["verified alert", "verified block", "undone block refuted"]);
    expect(changes.map(({ type }) => type)).toEqual(["warned", "protected", "undone"]);
    expect(receipts[1]).toMatchObject({ proof: "staged", expiresAtMs: START_MS + DAY_MS });
  });

  it("goes apply, verify, commit, in this order", async () => {
    const { consider, control } = await makePlant();
    await consider(recordOf(attacker));
    expect(control.calls).toEqual(["apply", "verify", "commit"]);
  });

  it("does nothing when nothing changed", async () => {
    const { consider, control, receipts } = await makePlant();
    await consider(recordOf(attacker));
    await consider(recordOf(attacker), recordOf(attacker, { recorded: true }));
    expect(control.calls).toEqual(["apply", "verify", "commit"]);
    expect(receipts).toHaveLength(1);
  });

  it("writes once for all that arrive while it writes", async () => {
    const { flow, control } = await makePlant({ budgetPerHour: 1000 });
    let open = (): void => undefined;
    control.gate = new Promise((resolve) => {
      open = resolve;
    });
    flow.consider(recordOf(observable("203.0.113.1")));
    await Promise.resolve();
    for (let i = 2; i < 60; i++) flow.consider(recordOf(observable(`203.0.113.${i}`)));
    open();
    await flow.idle();
    expect(control.inForce.size).toBe(59);
    expect(control.calls.filter((call) => call === "apply").length).toBeLessThanOrEqual(2);
  });

  it("loses no record that arrives just when a lane comes to rest", async () => {
    for (let turns = 0; turns < 120; turns++) {
      const { flow, control } = await makePlant();
      flow.consider(recordOf(attacker));
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      flow.consider(recordOf(observable("203.0.113.8")));
      await flow.idle();
      expect(control.inForce.size, `after ${turns} turns`).toBe(2);
    }
  });

  it("refuses once per code, and says so to the consortium", async () => {
    const { consider, control, receipts } = await makePlant();
    const mine = recordOf(observable("198.51.100.10"));
    await consider(mine);
    await consider(mine, { ...mine, recorded: true });
    expect(inForce(control)).toEqual([]);
    expect(told(receipts)).toEqual(["refused observe candidate.self"]);
  });

  it("tells nobody what a control's language cannot say", async () => {
    const { consider, receipts, flow } = await makePlant();
    await consider(recordOf(conduct));
    expect(receipts).toEqual([]);
    expect(flow.stateOf(recordOf(conduct).indicator).controls[0]?.because).toContain("plan.unsupported");
  });

  it("says what changed where a control cannot do less than block", async () => {
    const control = createFakeControl();
    const blocking: Control = {
      ...control,
      compile(form, action, self) {
        const compiled = control.compile(form, action, self);
        const isLess = !("refused" in compiled) && compiled.action !== "block";
        return isLess ? { refused: "plan.unsupported", reason: "it only blocks" } : compiled;
      },
    };
    const { consider, receipts } = await makePlant({ controls: [blocking] });
    await consider(recordOf(attacker));
    await consider(recordOf(attacker, { disputed: true }));
    expect(told(receipts)).toEqual(["verified block", "undone block policy.disputed"]);
  });

  it("undoes what newly belongs to Self", async () => {
    const { consider, control, receipts, plant, tickAt } = await makePlant();
    await tickAt(START_MS);
    await consider(recordOf(attacker));
    plant.self = { ...SELF, services: [{ name: "new vendor", addresses: ["203.0.113.7"], domains: [] }] };
    await tickAt(START_MS + 1000);
    expect(inForce(control)).toEqual([]);
    expect(told(receipts).at(-1)).toBe("undone block candidate.self");
  });

  it("only watches when the checker objects to a plan, and reports plan.self", async () => {
    const control = createFakeControl();
    const compile = control.compile.bind(control);
    const lying: FakeControl = Object.assign(control, {
      compile: (...args: Parameters<typeof compile>) => {
        const compiled = compile(...args);
        if ("refused" in compiled || compiled.blocks.length === 0) return compiled;
        return { ...compiled, blocks: [{ ...compiled.blocks[0]!, sources: ["10.2.2.0/24"] }] };
      },
    });
    const said: unknown[] = [];
    const log = { ...silent, warn: (...line: unknown[]) => void said.push(line) };
    const { consider, receipts } = await makePlant({ controls: [lying], log });
    await consider(recordOf(attacker));
    expect(inForce(lying)).toEqual(["watch 203.0.113.7"]);
    expect(told(receipts)).toEqual(["verified alert", "refused alert plan.self"]);
    expect(said).toMatchObject([
      ["plan.refused", { reason: expect.stringContaining("would stop controller") }],
    ]);
  });

  describe("expiry", () => {
    it("undoes after a day and does not come back by itself", async () => {
      const { consider, control, receipts, tickAt } = await makePlant();
      await consider(recordOf(attacker));
      await tickAt(START_MS + DAY_MS);
      expect(inForce(control)).toEqual([]);
      await consider(recordOf(attacker, { recorded: true }));
      expect(inForce(control)).toEqual([]);
      expect(told(receipts)).toEqual(["verified block", "undone block expired"]);
    });

    it("ends with the record when that is earlier", async () => {
      const { consider, control, tickAt } = await makePlant();
      await consider(recordOf(attacker, { validUntilMs: START_MS + HOUR_MS }));
      await tickAt(START_MS + HOUR_MS - 1);
      expect(control.inForce.size).toBe(1);
      await tickAt(START_MS + HOUR_MS);
      expect(control.inForce.size).toBe(0);
    });

    it("is renewed by a re-encounter, without a receipt", async () => {
      const { consider, control, receipts, flow, tickAt, time } = await makePlant();
      const record = recordOf(attacker);
      await consider(record);
      time.nowMs = START_MS + 20 * HOUR_MS;
      flow.renew(record.indicator, time.nowMs);
      await flow.idle();
      await tickAt(START_MS + DAY_MS);
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
      expect(receipts).toHaveLength(1);
      await tickAt(START_MS + 44 * HOUR_MS);
      expect(inForce(control)).toEqual([]);
      flow.renew(record.indicator, time.nowMs);
      await flow.idle();
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
    });

    it("comes back when members restate the record", async () => {
      const { consider, control, tickAt } = await makePlant();
      await consider(recordOf(attacker));
      await tickAt(START_MS + DAY_MS);
      await consider(recordOf(attacker, { validUntilMs: START_MS + 60 * DAY_MS }));
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
    });

    it("comes back when more members stand behind it: an expired warning must not prevent protection", async () => {
      const { consider, control, tickAt } = await makePlant();
      await consider(recordOf(attacker, { status: "proposed" }));
      await tickAt(START_MS + DAY_MS);
      expect(inForce(control)).toEqual([]);
      await consider(recordOf(attacker, { validUntilMs: START_MS + 2 * DAY_MS }));
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
    });

    it("stays expired over a restart", async () => {
      const first = await makePlant();
      await first.consider(recordOf(attacker));
      await first.tickAt(START_MS + DAY_MS);
      const again = await makePlant({ store: first.store });
      again.time.nowMs = START_MS + DAY_MS + 1;
      await again.flow.reconcile([recordOf(attacker)]);
      expect(inForce(again.control)).toEqual([]);
    });

    it("survives a clock that jumps 400 days and back", async () => {
      const { consider, control, tickAt, receipts } = await makePlant();
      await consider(recordOf(attacker, { validUntilMs: START_MS + 1000 * DAY_MS }));
      await tickAt(START_MS + 400 * DAY_MS);
      expect(inForce(control)).toEqual([]);
      await tickAt(START_MS + 1000);
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
      expect(told(receipts)).toEqual(["verified block", "undone block expired", "verified block"]);
    });
  });

  describe("stale Self", () => {
    it("lowers what is blocked to alert and says so", async () => {
      const { consider, control, plant, tickAt, receipts, flow } = await makePlant();
      plant.self = { ...SELF, confirmedAtMs: START_MS - 30 * DAY_MS + HOUR_MS };
      await tickAt(START_MS);
      await consider(recordOf(attacker));
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
      await tickAt(START_MS + 2 * HOUR_MS);
      expect(inForce(control)).toEqual(["watch 203.0.113.7"]);
      expect(told(receipts).at(-1)).toBe("verified alert self.stale");
      expect(flow.stateOf(recordOf(attacker).indicator).controls[0]?.because).toContain("self.stale");
    });
  });

  describe("disputes", () => {
    it("lowers automatic blocks and keeps what an operator approved", async () => {
      const approved = recordOf(observable("203.0.113.9"));
      const { consider, control } = await makePlant({
        orders: {
          of: (indicator) => (indicator === approved.indicator ? approval(indicator) : undefined),
          all: () => [],
          stops: () => new Map(),
        },
      });
      await consider(recordOf(attacker), approved);
      await consider(
        recordOf(attacker, { disputed: true }),
        recordOf(observable("203.0.113.9"), { disputed: true }),
        recordOf(observable("203.0.113.10"), { disputed: true }),
      );
      expect(inForce(control)).toEqual(["block 203.0.113.9", "watch 203.0.113.10", "watch 203.0.113.7"]);
    });
  });

  describe("budget", () => {
    it("defers beyond ten an hour, loses none, and goes on when the hour has passed", async () => {
      const { consider, control, receipts, tickAt } = await makePlant();
      const all = Array.from({ length: 13 }, (_, i) => recordOf(observable(`203.0.113.${i + 1}`)));
      await consider(...all);
      const blocked = () => inForce(control).filter((statement) => statement.startsWith("block")).length;
      expect(blocked()).toBe(10);
      expect(control.inForce.size).toBe(13);
      expect(told(receipts).filter((line) => line.includes("deferred.budget"))).toHaveLength(3);
      await tickAt(START_MS + HOUR_MS - 1);
      expect(blocked()).toBe(10);
      await tickAt(START_MS + HOUR_MS);
      expect(blocked()).toBe(13);
      expect(told(receipts).filter((line) => line.includes("deferred.budget"))).toHaveLength(3);
    });

    it("counts an indicator once, on however many controls", async () => {
      const controls = [createFakeControl({ name: "one" }), createFakeControl({ name: "two" })];
      const { consider } = await makePlant({ controls, budgetPerHour: 1 });
      await consider(recordOf(attacker));
      expect(controls.map(inForce)).toEqual([["block 203.0.113.7"], ["block 203.0.113.7"]]);
    });

    it("is not refilled by a restart", async () => {
      const first = await makePlant({ budgetPerHour: 1 });
      await first.consider(recordOf(attacker));
      await first.consider(recordOf(attacker, { status: "refuted" }));
      const again = await makePlant({ store: first.store, budgetPerHour: 1 });
      await again.consider(recordOf(observable("203.0.113.8")));
      expect(inForce(again.control)).toEqual(["watch 203.0.113.8"]);
    });
  });
});
