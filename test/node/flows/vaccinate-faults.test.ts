import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import type { RecordView } from "../../../node/src/state/record.ts";
import { createFakeControl, diskFull, type FakeControl } from "../support/fake-control.ts";
import { observable, recordOf, START_MS } from "../support/plant.ts";
import { attacker, inForce, makePlant, silent, told } from "../support/vaccination.ts";

describe("vaccinate under faults", () => {
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

    it("what a control itself cannot take is refused once, in its words, and does not stop the rest", async () => {
      const control = createFakeControl();
      const other = recordOf(observable("203.0.113.8"));
      const picky = {
        ...control,
        verify: async (applications: Parameters<typeof control.verify>[0]) => {
          const bad = applications.filter(({ statement }) => statement.endsWith(".8"));
          const missing = bad.map(({ indicator }) => indicator);
          const found = await control.verify(applications);
          return { ...found, missing, refused: new Map(missing.map((id) => [id, "unknown keyword"])) };
        },
      };
      const warnings: unknown[] = [];
      const log = { ...silent, warn: (...words: unknown[]) => void warnings.push(words) };
      const { consider, receipts, flow } = await makePlant({ controls: [picky], log });
      await consider(recordOf(attacker), other);
      expect(flow.faults()).toEqual({});
      expect(flow.list().map(({ statement }) => statement)).toEqual(["block 203.0.113.7"]);
      expect(told(receipts)).toEqual(["verified block", "refused observe control.verify"]);
      expect(JSON.stringify(warnings)).toContain("unknown keyword");
      await consider(other);
      expect(receipts, "told once").toHaveLength(2);
    });

    it("one control's fault leaves the others alone", async () => {
      const controls = [createFakeControl({ name: "one" }), createFakeControl({ name: "two" })];
      const { consider } = await makePlant({ controls });
      (controls[0] as FakeControl).fault = diskFull();
      await consider(recordOf(attacker));
      expect(controls.map((each) => each.inForce.size)).toEqual([0, 1]);
    });
  });

  describe("changed behind our back", () => {
    it("is shown, not put right at once, and put right with the next change", async () => {
      const { consider, control, flow, time, tickAt } = await makePlant();
      await flow.reconcile([]);
      await consider(recordOf(attacker));
      control.loseAll();
      control.tamper("block 192.0.2.1");
      await tickAt(time.nowMs + 31_000);
      expect(flow.faults().fake).toMatchObject({ code: "control.verify" });
      expect(flow.faults().fake?.message).toMatch(/1 are missing and 1 are too many, as block 192\.0\.2\.1/);
      expect(inForce(control)).toEqual([]);
      await consider(recordOf(observable("203.0.113.8")));
      expect(inForce(control)).toEqual(["block 203.0.113.7", "block 203.0.113.8"]);
      expect(flow.faults()).toEqual({});
    });

    it("is shown no longer once somebody has put it right", async () => {
      const { consider, control, flow, time, tickAt } = await makePlant();
      await flow.reconcile([]);
      await consider(recordOf(attacker));
      const held = [...control.inForce.values()];
      control.loseAll();
      await tickAt(time.nowMs + 31_000);
      expect(Object.keys(flow.faults())).toEqual(["fake"]);
      await control.apply(held);
      await tickAt(time.nowMs + 31_000);
      expect(flow.faults()).toEqual({});
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
});
