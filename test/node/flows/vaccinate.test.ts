import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlPhase, StandingChange } from "@anamnesis/sdk/core/policy";
import type { ReceiptBody, Self } from "@anamnesis/sdk/core/types";
import { describe, expect, it } from "vitest";
import { createSuricata } from "../../../node/src/adapters/controls/suricata.ts";
import { createMemoryStore, type MemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createVaccinate, type VaccinateOptions } from "../../../node/src/flows/vaccinate.ts";
import type { Control, Log } from "../../../node/src/ports.ts";
import type { NewChange } from "../../../node/src/state/changes.ts";
import type { RecordView } from "../../../node/src/state/record.ts";
import { createVaccinations } from "../../../node/src/state/vaccinations.ts";
import { createFakeControl, diskFull, type FakeControl } from "../support/fake-control.ts";
import {
  conduct,
  DAY_MS,
  HOUR_MS,
  observable,
  recordOf,
  SELF,
  START_MS,
  statusOf,
} from "../support/plant.ts";

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A node's vaccination over a store and controls; receipts are what the feed would hold. */
async function makePlant(
  options: {
    store?: MemoryStore;
    controls?: readonly Control[];
    phase?: ControlPhase;
    standing?: readonly StandingChange[];
    budgetPerHour?: number;
    receipts?: ReceiptBody[];
    approvalOf?: VaccinateOptions["approvalOf"];
    onCommit?: () => void;
  } = {},
) {
  const time = { nowMs: START_MS };
  const store = options.store ?? createMemoryStore();
  const controls = options.controls ?? [createFakeControl({ nowMs: () => time.nowMs })];
  const receipts = options.receipts ?? [];
  const changes: NewChange[] = [];
  const plant = { self: SELF as Self };
  const vaccinations = await createVaccinations(store);
  const flow = createVaccinate(
    {
      clock: { nowMs: () => time.nowMs, monotonicMs: () => time.nowMs },
      log: silent,
      controls,
      vaccinations,
    },
    {
      self: () => plant.self,
      phases: Object.fromEntries(controls.map(({ name }) => [name, options.phase ?? "protecting"])),
      standing: options.standing ?? [],
      ...(options.budgetPerHour === undefined ? {} : { budgetPerHour: options.budgetPerHour }),
      ...(options.approvalOf === undefined ? {} : { approvalOf: options.approvalOf }),
      async commit(ops, newReceipts, newChanges) {
        if (controls[0] !== undefined && "calls" in controls[0])
          (controls[0] as FakeControl).calls.push("commit");
        options.onCommit?.();
        await store.commit(ops);
        receipts.push(...newReceipts);
        changes.push(...newChanges);
      },
    },
  );
  const consider = async (...records: RecordView[]): Promise<void> => {
    for (const record of records) flow.consider(record);
    await flow.idle();
  };
  const tickAt = async (nowMs: number): Promise<void> => {
    time.nowMs = nowMs;
    flow.tick(nowMs);
    await flow.idle();
  };
  return {
    flow,
    store,
    control: controls[0] as FakeControl,
    controls,
    receipts,
    changes,
    time,
    plant,
    vaccinations,
    consider,
    tickAt,
  };
}

const attacker = observable("203.0.113.7");
const inForce = (control: FakeControl): string[] =>
  [...control.inForce.values()].map(({ statement }) => statement).sort();
const told = (receipts: readonly ReceiptBody[]): string[] =>
  receipts.map(({ state, action, reason }) => [state, action, reason].filter(Boolean).join(" "));

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
    const { consider, receipts } = await makePlant({ controls: [lying] });
    await consider(recordOf(attacker));
    expect(inForce(lying)).toEqual(["watch 203.0.113.7"]);
    expect(told(receipts)).toEqual(["verified alert", "refused alert plan.self"]);
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
        approvalOf: (indicator) =>
          indicator === approved.indicator
            ? { ticket: "CHG-1", action: "block", untilMs: START_MS + DAY_MS }
            : undefined,
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

  describe("faults", () => {
    it("keeps the old state when the disk is full, shows it, and resumes", async () => {
      const { consider, control, receipts, flow, tickAt } = await makePlant();
      await consider(recordOf(attacker));
      control.fault = diskFull();
      await consider(recordOf(observable("203.0.113.8")));
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
      expect(flow.faults()).toMatchObject({ fake: { code: "control.io" } });
      expect(receipts).toHaveLength(1);
      await tickAt(START_MS + 1000);
      expect(control.inForce.size).toBe(1);
      control.fault = undefined;
      await tickAt(START_MS + 2000);
      expect(inForce(control)).toEqual(["block 203.0.113.7", "block 203.0.113.8"]);
      expect(flow.faults()).toEqual({});
      expect(receipts).toHaveLength(2);
    });

    it("recovers on an empty plant too", async () => {
      const { control, flow, tickAt } = await makePlant();
      control.fault = diskFull();
      await flow.reconcile([]);
      expect(flow.faults()).toHaveProperty("fake");
      control.fault = undefined;
      await tickAt(START_MS + 1000);
      expect(flow.faults()).toEqual({});
    });

    it("never leaves a block behind when the store was full and the record was refuted meanwhile", async () => {
      const store = createMemoryStore();
      const { consider, control, receipts, tickAt, flow } = await makePlant({ store });
      store.failWith(new Error("no space"));
      await consider(recordOf(attacker));
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
      expect(receipts).toEqual([]);
      store.failWith(undefined);
      await consider(recordOf(attacker, { status: "refuted" }));
      await tickAt(START_MS + 1000);
      expect(inForce(control)).toEqual([]);
      expect(flow.list()).toEqual([]);
    });

    it("one control's fault leaves the others alone", async () => {
      const controls = [createFakeControl({ name: "one" }), createFakeControl({ name: "two" })];
      const { consider } = await makePlant({ controls });
      (controls[0] as FakeControl).fault = diskFull();
      await consider(recordOf(attacker));
      expect(controls.map((each) => each.inForce.size)).toEqual([0, 1]);
    });
  });

  describe("restart", () => {
    it("renders files again, removes strangers, and drops what no record stands for", async () => {
      const first = await makePlant();
      await first.consider(recordOf(attacker), recordOf(observable("203.0.113.8")));
      const control = createFakeControl();
      control.tamper("block 192.0.2.1");
      const again = await makePlant({ store: first.store, controls: [control] });
      await again.flow.reconcile([recordOf(attacker)]);
      expect(inForce(control)).toEqual(["block 203.0.113.7"]);
      expect(await control.verify([...again.vaccinations.active("fake").values()])).toMatchObject({
        extra: [],
      });
      expect(told(again.receipts)).toEqual(["undone block none"]);
    });

    it("ends the same wherever the power fails", async () => {
      const story: readonly RecordView[] = [
        recordOf(attacker, { status: "proposed" }),
        recordOf(attacker),
        recordOf(observable("203.0.113.8")),
        recordOf(observable("203.0.113.8"), { status: "refuted" }),
      ];
      const last = [story[1] as RecordView, story[3] as RecordView];
      // 4 records × (before apply, after apply, before commit, after commit)
      for (let crashAt = 0; crashAt < 16; crashAt++) {
        let store = createMemoryStore();
        const control = createFakeControl();
        let hop = 0;
        let isDead = false;
        const never = new Promise<never>(() => undefined);
        const pass = async (): Promise<void> => {
          if (isDead || hop++ === crashAt) {
            isDead = true;
            await never;
          }
        };
        const apply = control.apply.bind(control);
        const dying: FakeControl = Object.assign(createFakeControl(), {
          apply: async (...args: Parameters<typeof apply>) => {
            await pass();
            await apply(...args);
            await pass();
          },
          verify: control.verify.bind(control),
        });
        const committed = store.commit.bind(store);
        store.commit = async (ops) => {
          await pass();
          await committed(ops);
          await pass();
        };
        const doomed = await makePlant({ store, controls: [dying] });
        for (const record of story) {
          doomed.flow.consider(record);
          for (let turns = 0; turns < 60 && !isDead; turns++) await Promise.resolve();
        }
        expect(isDead, `hop ${crashAt}`).toBe(true);

        store = store.crash();
        const again = await makePlant({ store, controls: [control] });
        await again.flow.reconcile(last);
        expect(inForce(control), `hop ${crashAt}`).toEqual(["block 203.0.113.7"]);
        expect(again.flow.list().map(({ indicator }) => indicator)).toEqual([last[0]?.indicator]);
      }
    });

    it("never has two applications of one indicator on one control", async () => {
      const { consider, flow } = await makePlant();
      const states = ["proposed", "attested", "withdrawn", "attested", "proposed", "attested"] as const;
      for (const status of states) await consider(recordOf(attacker, { status }));
      expect(flow.list()).toHaveLength(1);
    });
  });

  describe("answers", () => {
    it("why: names the record that stops an address, and says no for others", async () => {
      const { consider, flow } = await makePlant();
      await consider(recordOf(observable("203.0.113.0/24")));
      expect(flow.why("203.0.113.77")).toMatchObject({
        us: true,
        matches: [{ place: "source", action: "block" }],
      });
      expect(flow.why("10.2.2.20")).toEqual({ value: "10.2.2.20", us: false, matches: [] });
    });

    it("why: the stranger in the OT network is stopped by us, the HMI is not", async () => {
      const directory = await mkdtemp(join(tmpdir(), "anamnesis-vaccinate-"));
      try {
        const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
        const ips = createSuricata(
          { name: "conduit", level: 2, path: join(directory, "x.rules") },
          { clock },
        );
        const standing: StandingChange = {
          name: "writes of strangers",
          classes: ["modbus-write-by-non-writer"],
          controls: ["conduit"],
          levels: [],
          action: "block",
          maxDurationMs: DAY_MS,
        };
        const { consider, flow, receipts } = await makePlant({ controls: [ips], standing: [standing] });
        await consider(recordOf(conduct));
        expect(receipts).toMatchObject([
          { state: "verified", action: "block", control: "conduit", kind: "suricata" },
        ]);
        expect(await readFile(join(directory, "x.rules"), "utf8")).toContain(
          "drop modbus [10.2.2.0/24,!10.2.2.20",
        );
        expect(flow.why("10.2.2.66")).toMatchObject({ us: true, matches: [{ place: "source" }] });
        expect(flow.why("10.2.2.20")).toMatchObject({ us: false, matches: [] });
        expect(flow.why(recordOf(conduct).indicator).matches).toHaveLength(1);
      } finally {
        await rm(directory, { recursive: true });
      }
    });

    it("ableTo: follows levels, phases and standing changes", async () => {
      const atLevel = (level: 3 | 4) => [createFakeControl({ level })];
      const standing: StandingChange = {
        name: "conduits",
        classes: ["observable"],
        controls: ["fake"],
        levels: [],
        action: "block",
        maxDurationMs: DAY_MS,
      };
      const able = async (options: Parameters<typeof makePlant>[0]) =>
        (await makePlant(options)).flow.ableTo(attacker, "observable");
      expect(await able({ controls: atLevel(4) })).toBe("block");
      expect(await able({ controls: atLevel(3) })).toBe("alert");
      expect(await able({ controls: atLevel(3), standing: [standing] })).toBe("block");
      expect(await able({ controls: atLevel(4), phase: "shadow" })).toBe("alert");
      expect(await able({ controls: atLevel(4), phase: "learning" })).toBe("observe");
    });

    it("watched is the word where the ceiling is alert", async () => {
      const { consider, flow } = await makePlant({ controls: [createFakeControl({ level: 3 })] });
      const record = recordOf(attacker);
      await consider(record);
      expect(flow.stateOf(record.indicator)).toMatchObject({
        word: "watched",
        controls: [{ ceiling: "alert", action: "alert" }],
      });
    });

    it("an unattested response is no licence", async () => {
      const { consider, control } = await makePlant();
      await consider(recordOf(attacker, { responseStatus: statusOf("proposed") }));
      expect(inForce(control)).toEqual(["watch 203.0.113.7"]);
    });
  });
});
