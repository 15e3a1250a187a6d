import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bearing, suggestion, withTables } from "../../scripts/ci/governance-tables.ts";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, makeConsortium } from "./consortium.ts";

const DOCUMENT = new URL("../../docs/governance.md", import.meta.url);
const SIZES = Array.from({ length: 98 }, (_, i) => i + 3);

describe("docs/governance.md", () => {
  let c: Consortium;
  let close: () => Promise<void>;
  beforeAll(async () => {
    [c, close] = await makeConsortium(3, DEFAULTS, { governed: true });
  });
  afterAll(() => close());

  it("holds the tables as they are worked out (governance-tables.ts --write)", () => {
    const text = readFileSync(DOCUMENT, "utf8");
    expect(text).toBe(withTables(text));
  });

  /** The registry as a vote reaches it: nobody else is its governor. */
  async function asGovernor() {
    const address = c.parliament.target as string;
    await c.networkHelpers.impersonateAccount(address);
    await c.networkHelpers.setBalance(address, 10n ** 20n);
    return c.registry.connect(await c.ethers.getSigner(address));
  }

  it("says how many votes the contract asks for, from 3 to 100 members", async () => {
    const registry = await asGovernor();
    for (const n of SIZES) {
      if (n > 3) await registry.admit(oracle.addressOf(oracle.privateKey(1000 + n)));
      const now = await c.networkHelpers.time.latest();
      await c.networkHelpers.mine();
      const { needed, lost } = bearing(n, DEFAULTS);
      expect(await c.parliament.quorum(now), `${n} members`).toBe(BigInt(needed));
      // Whoever is left after the losses still decides, and one fewer would not.
      expect(n - lost, `${n} members`).toBe(needed);
    }
    expect(await registry.activeMembers()).toBe(100n);
  });

  it("says how many suspensions the registry takes, with the defaults and with what it suggests", async () => {
    const registry = await asGovernor();
    for (const n of [100, 50, 20, 9, 5, 4, 3]) {
      const active = Number(await registry.activeMembers());
      for (let left = active; left > n; left--) await registry.suspend(left);
      for (const thresholds of [DEFAULTS, { ...suggestion(n), maxBatch: 100 }]) {
        const fresh = await c.networkHelpers.takeSnapshot();
        await registry.setParameters(thresholds);
        let taken = 0;
        while ([await c.outcome(registry.suspend(n - taken))].flat()[0] === "done") taken++;
        expect(taken, `${n} members, M ${thresholds.members}`).toBe(bearing(n, thresholds).suspended);
        await fresh.restore();
      }
    }
  });
});
