import { utf8 } from "@anamnesis/sdk/core/bytes";
import { describe, expect, it } from "vitest";
import { createMemoryStore } from "../../../node/src/adapters/store/memory.ts";
import { createVaccinations, type Vaccination } from "../../../node/src/state/vaccinations.ts";
import { observable, recordOf, START_MS } from "../support/plant.ts";

const row = (value: string, change: Partial<Vaccination> = {}): Vaccination => ({
  indicator: recordOf(observable(value)).indicator,
  control: "edge",
  action: "block",
  statement: value,
  appliedAtMs: START_MS,
  expiresAtMs: START_MS + 1000,
  state: "active",
  proof: "staged",
  authority: "automatic",
  validUntilMs: START_MS + 2000,
  ...change,
});

describe("vaccinations", () => {
  it("change memory only after the commit", async () => {
    const store = createMemoryStore();
    const vaccinations = await createVaccinations(store);
    const one = row("203.0.113.7");
    const { ops, settle } = vaccinations.stage([one]);
    expect(vaccinations.get(one.indicator, "edge")).toBeUndefined();
    await store.commit(ops);
    settle();
    expect(vaccinations.get(one.indicator, "edge")).toEqual(one);
  });

  it("are read back as written, active apart from ended", async () => {
    const store = createMemoryStore();
    const first = await createVaccinations(store);
    const rows = [
      row("203.0.113.7"),
      row("203.0.113.8", { state: "ended", reason: "expired" }),
      row("203.0.113.7", { control: "conduit" }),
    ];
    await store.commit(first.stage(rows).ops);
    const again = await createVaccinations(store);
    expect(new Set(again.all())).toEqual(new Set(rows));
    expect([...again.active("edge").values()]).toEqual([rows[0]]);
    expect([...again.active("conduit").values()]).toEqual([rows[2]]);
    expect(again.active("none").size).toBe(0);
  });

  it("hold one row per indicator and control", async () => {
    const vaccinations = await createVaccinations(createMemoryStore());
    vaccinations.stage([row("203.0.113.7", { action: "alert" }), row("203.0.113.7")]).settle();
    expect([...vaccinations.all()]).toEqual([row("203.0.113.7")]);
    vaccinations.stage([row("203.0.113.7", { state: "ended" })]).settle();
    expect(vaccinations.active("edge").size).toBe(0);
  });

  it("refuse values that are not what was written", async () => {
    const { indicator } = row("203.0.113.7");
    for (const value of ["{", JSON.stringify(row("203.0.113.8"))]) {
      const store = createMemoryStore({ from: new Map([[`v/${indicator}/edge`, utf8(value)]]) });
      await expect(createVaccinations(store)).rejects.toMatchObject({ code: "store.corrupt" });
    }
  });
});
