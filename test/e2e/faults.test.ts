import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { callRpc } from "../../scripts/consortium/rpc.ts";
import { type Attack, makeConsortium, PATIENCE_MS, type TestConsortium, until } from "./support.ts";

const ALL = [0, 1, 2, 3];
const SEED = 0x5eed;

/** Chance that repeats itself (mulberry32): whole numbers below `bound`. */
function makeChance(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let word = Math.imul(state ^ (state >>> 15), 1 | state);
    word = (word + Math.imul(word ^ (word >>> 7), 61 | word)) ^ word;
    return ((word ^ (word >>> 14)) >>> 0) % bound;
  };
}

let c: TestConsortium;
let close: () => Promise<void> = async () => {};
const attacks: Attack[] = [];

beforeAll(async () => {
  [c, close] = await makeConsortium();
  await c.start(...ALL);
}, PATIENCE_MS);
afterAll(() => close(), PATIENCE_MS);

async function settled(): Promise<void> {
  await until("everybody is immune and all is recorded", () => c.isImmune(attacks, ALL));
  await until("all nodes hold and have read the same", () => c.isAlike());
}

describe("a consortium under attack", { timeout: 3 * PATIENCE_MS }, () => {
  it("loses and repeats nothing when nodes and chain are killed ten times in a row", async () => {
    const chance = makeChance(SEED);
    const restarts = new Map<number, Promise<void>>();
    const CHAIN = 4;
    let attacking = true;
    let appended = 0;
    let next: (() => void) | undefined;
    const attacker = (async () => {
      while (attacking) {
        attacks.push(...(await c.attack(1)));
        appended++;
        next?.();
        await new Promise<void>((resume) => setTimeout(resume, 60));
      }
    })();
    const alerts = async (count: number): Promise<void> => {
      const goal = appended + count;
      while (appended < goal)
        await new Promise<void>((resolve) => {
          next = resolve;
        });
    };

    // A first victim is killed while the first alerts are read, later ones while others come back.
    for (let round = 0; round < 10; round++) {
      const victim = chance(5);
      await restarts.get(victim);
      await alerts(1 + chance(6));
      if (victim === CHAIN) restarts.set(CHAIN, c.local.restartChain("kill"));
      else {
        await c.end(victim, "kill");
        restarts.set(victim, c.start(victim));
      }
    }
    await Promise.all(restarts.values());
    attacking = false;
    await attacker;
    await settled();

    const audits = await Promise.all(ALL.map((plant) => c.ask(plant).audit()));
    const [first] = audits;
    const written = (await readFile(join(c.plants[0]!.directory, "eve.json"), "utf8")).trim().split("\n");
    expect(written).toHaveLength(attacks.length);
    expect(first).toMatchObject({ lines: attacks.length, outcomes: attacks.length });
    for (const audit of audits) {
      expect(audit).toMatchObject({ duplicateAttestations: 0, duplicateApplications: 0 });
      expect([...audit.held].sort()).toEqual(attacks.map(({ id }) => id).sort());
      expect(audit.attestations).toEqual(first!.attestations);
    }
    for (const plant of ALL) {
      const files = await c.controls(plant);
      for (const { address } of attacks) expect(files).toContain(address);
    }
  });

  it("goes on without the chain, and everything is recorded by itself when it is back", async () => {
    await c.local.stopChain();
    const more = await c.attack(3);
    await until("attested and blocked everywhere without a chain", async () => {
      for (const plant of ALL)
        for (const { id } of more) {
          const view = await c.view(plant, id);
          if (view?.status.name !== "attested" || view.state !== "protected" || view.recorded) return false;
          if (view.timeline.warned === undefined && view.timeline.protected === undefined) return false;
        }
      return true;
    });
    await until("every plant says that the chain is away", async () => {
      const all = await Promise.all(ALL.map((plant) => c.ask(plant).health()));
      return all.every(({ alarms }) => alarms.some(({ code }) => code === "chain.unreachable"));
    });
    await c.local.restartChain("stop");
    attacks.push(...more);
    await settled();
  });

  it("records again what a rollback of ten blocks took back", async () => {
    const { url } = c.local.chain();
    for (let i = 0; i < 6; i++) await c.local.chain().mine();
    const more = await c.attack(2);
    attacks.push(...more);
    await settled();
    for (let i = 0; i < 2; i++) await c.local.chain().mine();
    const before = Number(await callRpc(url, "eth_blockNumber"));
    await callRpc(url, "anvil_rollback", [10]);
    expect(Number(await callRpc(url, "eth_blockNumber"))).toBeLessThanOrEqual(before - 9);
    await until("every plant has noticed", async () => {
      const logs = await Promise.all(
        c.plants.map(({ directory }) => readFile(join(directory, "node.log"), "utf8")),
      );
      return logs.every((log) => log.includes("index.rolledBack"));
    });
    await settled();
    await until("the chain holds all that is held", async () => {
      const { heldHash, chain } = await c.ask(0).health();
      return heldHash === chain.recordedHash && (await c.isAlike());
    });
  });
});
