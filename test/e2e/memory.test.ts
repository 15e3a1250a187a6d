import { cp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeEntry } from "@anamnesis/sdk/core/entry";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLevelStore } from "../../node/src/adapters/store/level.ts";
import { systemClock } from "../../node/src/adapters/system.ts";
import { openRooms } from "../../node/src/rooms.ts";
import { type NodeProcess, startNodeProcess } from "../../scripts/consortium/node-process.ts";
import { freePort } from "../../scripts/consortium/ports.ts";
import { readRegistry } from "../../scripts/consortium/registry.ts";
import { type Attack, clientOf, makeConsortium, PATIENCE_MS, type TestConsortium, until } from "./support.ts";

const ALL = [0, 1, 2, 3];
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

let c: TestConsortium;
let close: () => Promise<void> = async () => {};

beforeAll(async () => {
  [c, close] = await makeConsortium();
  await c.start(0, 1, 2);
}, PATIENCE_MS);
afterAll(() => close(), PATIENCE_MS);

/** Attacks until everybody who runs has blocked them, recorded. */
async function immuneAgainst(count: number): Promise<Attack[]> {
  const attacks = await c.attack(count);
  await until("everybody is immune", () => c.isImmune(attacks));
  return attacks;
}

async function refute(plants: readonly number[], id: IndicatorId): Promise<void> {
  for (const plant of plants) await c.ask(plant).attest(id, "refute", 90);
}

/** Receipts about a record in the feeds that a stopped plant holds: plant's index → states in order. */
async function receiptsOf(plant: number, id: IndicatorId): Promise<Map<number, string[]>> {
  const { consortium } = c.local;
  const hasher = createHasher({ chainId: consortium.chainId, verifyingContract: consortium.registry });
  const store = await openLevelStore(join(c.plants[plant]!.directory, "store"), SILENT);
  try {
    const { feeds } = await openRooms(store, hasher, systemClock, undefined);
    const found = new Map<number, string[]>();
    for (const [index, { node }] of c.plants.entries()) {
      const states: string[] = [];
      for await (const [, item] of feeds.items(node.address)) {
        if (!("entry" in item)) continue;
        const entry = decodeEntry(item.entry);
        if (entry.kind === "receipt" && entry.body.indicator === id) states.push(entry.body.state);
      }
      found.set(index, states);
    }
    return found;
  } finally {
    await store.close();
  }
}

async function isOpenKey(plant: number): Promise<boolean> {
  const place = { url: c.local.chain().url, consortium: c.local.consortium };
  const [key] = await readRegistry(place, "nodeKey", [c.plants[plant]!.node.address]);
  return (key as { revokedAtBlock: bigint }).revokedAtBlock === 0n;
}

describe("the memory of a consortium", { timeout: 3 * PATIENCE_MS }, () => {
  it("protects a plant on its return, and never applies what was refuted meanwhile", async () => {
    const [refuted, ...attacks] = (await immuneAgainst(4)) as [Attack, ...Attack[]];
    await refute([1, 2], refuted.id);
    await until("it is refuted where it was applied", async () => {
      const views = await Promise.all([0, 1, 2].map((plant) => c.view(plant, refuted.id)));
      return views.every((view) => view?.status.name === "refuted" && view.state === "none");
    });
    await c.start(3);
    await until("the plant that was off has caught up", async () => {
      const view = await c.view(3, refuted.id);
      return view?.status.name === "refuted" ? c.isImmune(attacks, [3]) : "the refuted one is not known";
    });
    const { changes } = await c.ask(3).changes({ after: 0, limit: 1000 });
    const types = changes.filter(({ indicator }) => indicator === refuted.id).map(({ type }) => type);
    expect(types).toContain("refuted");
    expect(types).not.toContain("warned");
    expect(types).not.toContain("protected");
    expect(await c.controls(3)).not.toContain(refuted.address);
    await until("all hold the same", () => c.isAlike());
  });

  it("undoes what is refuted while applied, everywhere, with receipts", async () => {
    const [wrong, right] = (await immuneAgainst(2)) as [Attack, Attack];
    for (const plant of ALL) expect(await c.controls(plant)).toContain(wrong.address);
    await refute([0, 3], wrong.id);
    await until("it is undone everywhere", async () => {
      const views = await Promise.all(ALL.map((plant) => c.view(plant, wrong.id)));
      return views.every((view) => view?.status.name === "refuted" && view.state === "none");
    });
    for (const plant of ALL) {
      const files = await c.controls(plant);
      expect(files).not.toContain(wrong.address);
      expect(files).toContain(right.address);
    }
    let receipts = new Map<number, string[]>();
    await until("plant D holds everybody's receipts", async () => {
      await until("plant D has heard from everybody", async () => {
        const { alarms, peers } = await c.ask(3).health();
        return alarms.length === 0 && peers.every(({ connected }) => connected);
      });
      await c.end(3, "stop");
      receipts = await receiptsOf(3, wrong.id);
      await c.start(3);
      return ALL.every((plant) => receipts.get(plant)?.includes("undone")) || JSON.stringify([...receipts]);
    });
    for (const plant of ALL)
      expect(receipts.get(plant)).toEqual(expect.arrayContaining(["verified", "undone"]));
  });

  it("fetches its own tail after an old backup was restored, and contradicts nothing", async () => {
    const { directory, node } = c.plants[1]!;
    const store = join(directory, "store");
    const backup = `${directory}.backup`;
    await c.end(1, "stop");
    await cp(store, backup, { recursive: true });
    await c.start(1);
    const since = await immuneAgainst(5);
    const { feedSize } = await c.ask(1).health();
    await c.end(1, "kill");
    await rm(store, { recursive: true });
    await rename(backup, store);
    await c.start(1);
    await until("its tail is back", async () => (await c.ask(1).health()).feedSize >= feedSize);
    const later = await immuneAgainst(2);
    expect(await c.isImmune([...since, ...later], ALL)).toBe(true);
    await until("it goes on signing", async () => {
      const views = await Promise.all(later.map(({ id }) => c.view(2, id)));
      return (
        views.every((view) => view?.members.includes(2)) || JSON.stringify(views.map((view) => view?.members))
      );
    });
    expect((await c.ask(1).health()).alarms).toEqual([]);
    expect(await isOpenKey(1)).toBe(true);
    expect((await c.ask(2).audit()).duplicateAttestations).toBe(0);
    expect((await c.ask(0).health()).peers.find(({ key }) => key === node.address)?.connected).toBe(true);
    await until("all hold the same", () => c.isAlike());
  });

  it("keeps the old rules when a control's directory cannot be written, says so, and goes on when it can", async () => {
    const controls = join(c.plants[2]!.directory, "controls");
    const old = await c.controls(2);
    await rename(controls, `${controls}.kept`);
    await writeFile(controls, "not a directory");
    const attacks = await c.attack(1);
    await until("the plant names the control", async () => {
      const { controls: states, health } = await c.ask(2).doctor();
      const bad = states.filter(({ ok }) => !ok);
      return (
        bad.some(({ detail }) => /ENOTDIR/.test(detail)) &&
        health.alarms.some(({ code }) => code === "control.io")
      );
    });
    await until("the others do not wait for it", () => c.isImmune(attacks, [0, 1, 3]));
    await rm(controls);
    await rename(`${controls}.kept`, controls);
    expect(await readFile(join(controls, "edge.edl"), "utf8")).not.toContain(attacks[0]!.address);
    expect(old).not.toContain(attacks[0]!.address);
    await until("it goes on by itself", () => c.isImmune(attacks, [2]));
    expect(await c.controls(2)).toContain(attacks[0]!.address);
    await until("the alarm ends", async () => (await c.ask(2).health()).alarms.length === 0);
  });

  it("never signs a second history when two processes have one key", async () => {
    const original = c.plants[2]!;
    await c.end(2, "stop");
    const directory = `${original.directory}-copy`;
    await cp(original.directory, directory, { recursive: true });
    const http = await freePort();
    const peer = await freePort();
    const text = await readFile(join(directory, "plant.yaml"), "utf8");
    const moved = text
      .replaceAll(`port: ${original.http}`, `port: ${http}`)
      .replaceAll(`:${original.peer}`, `:${peer}`);
    expect(moved).not.toBe(text);
    await writeFile(join(directory, "plant.yaml"), moved);
    await c.start(2);
    const copy = { ...original, directory, http, peer };
    let clone: NodeProcess | undefined;
    try {
      clone = await startNodeProcess(copy);
      const isStopped = async (plant: typeof copy) =>
        (await clientOf(plant).health()).alarms.some(({ message }) =>
          /^not signing.*another process/.test(message),
        );
      let attacks: Attack[] = [];
      await until("one of the two does not sign, and says why", async () => {
        attacks = await c.attack(1); // something to say for both
        return (await isStopped(copy)) || (await isStopped(original));
      });
      await until("the others go on", () => c.isImmune(attacks, [0, 1, 3]));
    } finally {
      await clone?.stop();
      await c.end(2, "stop");
    }
    expect(await isOpenKey(2)).toBe(true);
    await c.start(2);
    const attacks = await immuneAgainst(1);
    await until("the one that is left signs again", async () => {
      const view = await c.view(0, attacks[0]!.id);
      return view?.members.includes(3) === true;
    });
    expect(await isOpenKey(2)).toBe(true);
  });
});
