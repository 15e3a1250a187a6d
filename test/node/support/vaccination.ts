import type { ControlPhase, StandingChange } from "@anamnesis/sdk/core/policy";
import type { ReceiptBody, Self } from "@anamnesis/sdk/core/types";
import { createMemoryStore, type MemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createVaccinate, type VaccinateOptions } from "../../../node/src/flows/vaccinate.ts";
import type { Control, Log } from "../../../node/src/ports.ts";
import type { NewChange } from "../../../node/src/state/changes.ts";
import type { RecordView } from "../../../node/src/state/record.ts";
import { createVaccinations } from "../../../node/src/state/vaccinations.ts";
import { createFakeControl, type FakeControl } from "./fake-control.ts";
import { observable, SELF, START_MS } from "./plant.ts";

/** A log nobody reads. */
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** A node's vaccination over a store and controls; receipts are what the feed would hold. */
export async function makePlant(
  options: {
    store?: MemoryStore;
    controls?: readonly Control[];
    phase?: ControlPhase;
    standing?: readonly StandingChange[];
    budgetPerHour?: number;
    receipts?: ReceiptBody[];
    orders?: VaccinateOptions["orders"];
    onCommit?: () => void;
    log?: Log;
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
      log: options.log ?? silent,
      controls,
      vaccinations,
    },
    {
      self: () => plant.self,
      phases: Object.fromEntries(controls.map(({ name }) => [name, options.phase ?? "protecting"])),
      standing: options.standing ?? [],
      ...(options.budgetPerHour === undefined ? {} : { budgetPerHour: options.budgetPerHour }),
      ...(options.orders === undefined ? {} : { orders: options.orders }),
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

/** The address most tests are about. */
export const attacker = observable("203.0.113.7");
/** Statements a fake control holds, sorted. */
export const inForce = (control: FakeControl): string[] =>
  [...control.inForce.values()].map(({ statement }) => statement).sort();
/** Receipts as `state action reason`. */
export const told = (receipts: readonly ReceiptBody[]): string[] =>
  receipts.map(({ state, action, reason }) => [state, action, reason].filter(Boolean).join(" "));
