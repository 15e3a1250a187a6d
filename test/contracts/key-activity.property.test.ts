import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeLogs } from "../../node/src/adapters/chain/events.ts";
import { emptyView, foldEvents } from "../../node/src/state/registry-fold.ts";
import { isKeyActiveAt } from "../../sdk/src/core/key-activity.ts";
import { createHasher } from "../../sdk/src/core/typed-data.ts";
import type { Address } from "../../sdk/src/core/types.ts";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, makeConsortium } from "./consortium.ts";

const MEMBERS = 5;
/** Keys that histories add, each of one member. */
const KEYS = Array.from({ length: 4 }, (_, i) => ({
  key: oracle.privateKey(200 + i),
  member: (i % MEMBERS) + 1,
}));

type Step =
  | { readonly do: "add" | "revoke" | "prove"; readonly key: number }
  | { readonly do: "suspend" | "reinstate" | "remove"; readonly member: number }
  | { readonly do: "wait"; readonly blocks: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("add" as const), key: fc.nat(KEYS.length - 1) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("revoke" as const, "prove" as const),
      key: fc.nat(KEYS.length - 1),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("suspend" as const, "reinstate" as const, "remove" as const),
      member: fc.integer({ min: 1, max: MEMBERS }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("wait" as const), blocks: fc.integer({ min: 1, max: 3 }) }),
  },
);

describe("was this key active at block N?", () => {
  let consortium: Consortium;
  let close: () => Promise<void>;
  beforeAll(async () => {
    [consortium, close] = await makeConsortium(MEMBERS, {
      ...DEFAULTS,
      members: 1,
      witnesses: 1,
      refutes: 1,
    });
  });
  afterAll(() => close());

  /** Takes a step, or leaves it out where the contract refuses it. */
  async function take(each: Step): Promise<void> {
    const { registry, accounts, networkHelpers } = consortium;
    if (each.do === "wait") return networkHelpers.mine(each.blocks);
    const refused = () => undefined;
    if ("member" in each) {
      await registry[each.do](each.member).catch(refused);
      return;
    }
    const { key, member } = KEYS[each.key] as (typeof KEYS)[0];
    const account = accounts[member - 1] as (typeof accounts)[0];
    const own = registry.connect(account);
    if (each.do === "add") await own.addNodeKey(...consortium.possession(account, key)).catch(refused);
    else if (each.do === "revoke") await own.revokeNodeKey(oracle.addressOf(key)).catch(refused);
    else {
      const [a, b] = [1, 2].map((n) => consortium.signHead(key, 7, oracle.sha256(`history ${n}`)));
      await registry
        .reportEquivocation(...(a as [never, never]), ...(b as [never, never]), [])
        .catch(refused);
    }
  }

  /** What a node makes of everything the chain says. */
  async function fold() {
    const { ethers, registry } = consortium;
    const contract = await registry.getAddress();
    const logs = (await ethers.provider.send("eth_getLogs", [
      { address: contract, fromBlock: "0x0", toBlock: "latest" },
    ])) as Parameters<typeof decodeLogs>[0];
    const chainId = Number((await ethers.provider.getNetwork()).chainId);
    const hasher = createHasher({ chainId, verifyingContract: contract.toLowerCase() as Address });
    const view = emptyView();
    foldEvents(view, decodeLogs(logs, `0x${"00".repeat(20)}` as Address, hasher));
    return view;
  }

  it("has one answer, on the chain and in the SDK, for every key and block of any history", {
    timeout: 300_000,
  }, async () => {
    const seen = { yes: 0, before: 0, after: 0, never: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const { ethers, networkHelpers, registry } = consortium;
        const fresh = await networkHelpers.takeSnapshot();
        const start = await ethers.provider.getBlockNumber();
        for (const each of steps) await take(each);
        const view = await fold();
        const head = await ethers.provider.getBlockNumber();
        const keys = [...KEYS.map(({ key }) => key), ...consortium.keys].map((key) => oracle.addressOf(key));
        for (const key of keys) {
          const facts = view.keys.get(key.toLowerCase() as Address);
          for (let block = Math.max(0, start - 1); block <= head + 1; block++) {
            const said = await registry.isNodeKeyActive(key, block);
            expect(isKeyActiveAt(facts, block), `${key} at ${block}: ${JSON.stringify(facts)}`).toBe(said);
            if (said) seen.yes++;
            else if (facts === undefined) seen.never++;
            else if (block < facts.addedAtBlock) seen.before++;
            else seen.after++;
          }
        }
        await fresh.restore();
      }),
      { numRuns: 60, seed: 0x6b657973 },
    );
    // A property that never meets an answer proves little about it.
    for (const [name, times] of Object.entries(seen)) expect(times, name).toBeGreaterThan(50);
  });

  it("is no within the block that both adds and closes a key", async () => {
    const { ethers, networkHelpers, registry, accounts } = consortium;
    const account = accounts[0] as (typeof accounts)[0];
    const key = oracle.privateKey(300);
    const address = oracle.addressOf(key);
    const nonce = await account.getNonce();
    await ethers.provider.send("evm_setAutomine", [false]);
    const own = registry.connect(account);
    const gas = { gasLimit: 300_000 };
    await own.addNodeKey(...consortium.possession(account, key), { ...gas, nonce });
    await own.revokeNodeKey(address, { ...gas, nonce: nonce + 1 });
    await networkHelpers.mine();
    await ethers.provider.send("evm_setAutomine", [true]);
    const block = await ethers.provider.getBlockNumber();
    const facts = (await fold()).keys.get(address.toLowerCase() as Address);
    expect([facts?.addedAtBlock, facts?.revokedAtBlock]).toEqual([block, block]);
    for (const each of [block - 1, block, block + 1]) {
      expect(await registry.isNodeKeyActive(address, each)).toBe(false);
      expect(isKeyActiveAt(facts, each)).toBe(false);
    }
  });
});
