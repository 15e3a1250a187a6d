/** The projection made anew beside the one in use, at a node that runs and at one that is stopped. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openLevelStore } from "../../node/src/adapters/store/level.ts";
import { ROOT } from "../../scripts/consortium/consortium.ts";
import { makeConsortium, PATIENCE_MS, type TestConsortium, until } from "./support.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

let c: TestConsortium;
let close: () => Promise<void> = async () => {};

beforeAll(async () => {
  [c, close] = await makeConsortium();
  await c.start(0, 1, 2, 3);
}, PATIENCE_MS);
afterAll(() => close(), PATIENCE_MS);

/** Runs `anamnesis` at a plant. */
async function anamnesis(plant: number, ...args: string[]): Promise<{ code: number | null; out: string }> {
  const { directory } = c.plants[plant]!;
  const at = ["--data", join(directory, "../.."), "--plant", directory.split("/").at(-1) as string];
  const child = spawn(join(ROOT, "node_modules/.bin/anamnesis"), [...at, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (out += String(text)));
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { code, out };
}

describe("a rebuild", () => {
  it("gives the same memory hashes at every node while it runs", { timeout: 2 * PATIENCE_MS }, async () => {
    const attacks = await c.attack(3);
    await until("everybody is immune", () => c.isImmune(attacks));
    await until("all hold and have read the same", () => c.isAlike());
    for (const plant of [0, 1, 2, 3]) {
      const view = await c.ask(plant).rebuild(false);
      expect(view).toMatchObject({ equal: true, replaced: false });
      expect(view.recorded.rebuilt).toBe(view.recorded.inUse);
      expect(view.held.rebuilt).toBe(view.held.inUse);
    }
    await until("nothing differs", async () => {
      const { differences } = await c.ask(1).doctor();
      return differences.total === 0 || JSON.stringify(differences.listed);
    });
    const { code, out } = await anamnesis(2, "doctor", "--rebuild");
    expect([code, out]).toEqual([0, expect.stringContaining("give what is in use")]);
  });

  it("names what a stopped node's store lacks, and mends it only when asked", {
    timeout: 2 * PATIENCE_MS,
  }, async () => {
    await c.end(3, "stop");
    const store = await openLevelStore(join(c.plants[3]!.directory, "store"), SILENT);
    const ops = [];
    for await (const [key, value] of store.entries({ gte: "r/events/", lt: "r/events/\uffff" }))
      if (value.toString().length > 0 && Buffer.from(value).includes("Attested"))
        ops.push({ type: "del" as const, key });
    expect(ops.length).toBeGreaterThan(0);
    await store.commit(ops);
    await store.close();

    const told = await anamnesis(3, "doctor", "--rebuild", "-o", "json");
    expect(told.code).toBe(1);
    expect(JSON.parse(told.out)).toMatchObject({ equal: false, replaced: false });
    expect(JSON.parse(told.out).differences.counts["registry.register"]).toBeGreaterThan(0);
    const human = await anamnesis(3, "doctor", "--rebuild");
    expect(human.out).toMatch(/member \d's register differs in register: none in use/);
    expect(human.out).toContain("Nothing was changed");

    const replaced = await anamnesis(3, "doctor", "--rebuild", "--replace");
    expect(replaced.out).toContain("What was rebuilt is in use now.");
    expect(await anamnesis(3, "doctor", "--rebuild")).toMatchObject({ code: 0 });
    expect((await anamnesis(3, "doctor", "--replace")).code).toBe(2);
    await c.start(3);
    await until("all hold and have read the same", () => c.isAlike());
  });
});
