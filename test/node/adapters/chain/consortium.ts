/** A real local consortium for tests: anvil, contracts, enrolled node keys `node 1`, `node 2` … */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHasher, type TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import { createEthersChain } from "../../../../node/src/adapters/chain/ethers-chain.ts";
import type { Chain, Log } from "../../../../node/src/ports.ts";
import type { Account } from "../../../../scripts/consortium/accounts.ts";
import { type Anvil, type AnvilOptions, startAnvil } from "../../../../scripts/consortium/anvil.ts";
import { type Consortium, deployConsortium } from "../../../../scripts/consortium/deploy.ts";
import { enrolNodeKey } from "../../../../scripts/consortium/registry.ts";
import type { GovernorPlace } from "../../../../scripts/consortium/vote.ts";
import { addressOf, BLINDING_KEY_HASH, FOUNDERS, keyOf, node, PARAMETERS } from "./fixtures.ts";

export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface TestConsortium {
  readonly anvil: Anvil;
  readonly dir: string;
  readonly consortium: Consortium;
  readonly place: GovernorPlace;
  readonly hasher: TypedDataHasher;
  /** A started connection that pays with the account of this name. */
  connect(sender: string): Promise<Chain>;
  /** Starts anvil again on the same port and state, after it was killed. */
  restart(): Promise<Anvil>;
}

/** The account whose key has this name. */
export function account(name: string): Account {
  return { address: addressOf(name), key: keyOf(name) };
}

/** Founds it; `maxBatch` and timing as given. Returns the function that ends it and removes its directory. */
export async function makeRealConsortium(
  options: Partial<AnvilOptions> & { readonly maxBatch?: number } = {},
): Promise<[TestConsortium, () => Promise<void>]> {
  const dir = await mkdtemp(join(tmpdir(), "anamnesis-chain-"));
  const { maxBatch = PARAMETERS.maxBatch, ...more } = options;
  let aheadMs = 0;
  const nowMs = () => Date.now() + aheadMs;
  const anvilOptions = { dir: join(dir, "chain"), port: 0, log: SILENT, blockMs: 20, nowMs, ...more };
  let anvil = await startAnvil(anvilOptions);
  const consortium = await deployConsortium({
    url: anvil.url,
    file: join(dir, "consortium.json"),
    deployer: account("deployer"),
    founders: FOUNDERS,
    parameters: { ...PARAMETERS, maxBatch },
    blindingKeyHash: BLINDING_KEY_HASH,
    durable: () => anvil.dump(),
  });
  const place = { url: anvil.url, consortium };
  await Promise.all([1, 2, 3, 4].map((n) => enrolNodeKey(place, account(`member ${n}`), account(node(n)))));
  // Founders vote from the second after the foundation on.
  aheadMs = 1_000;
  await anvil.mine();
  await anvil.dump();
  const chains: Chain[] = [];
  const made: TestConsortium = {
    get anvil() {
      return anvil;
    },
    dir,
    consortium,
    place,
    hasher: createHasher({ chainId: consortium.chainId, verifyingContract: consortium.registry }),
    async connect(sender) {
      const chain = createEthersChain({
        urls: [anvil.url],
        consortium,
        senders: [keyOf(sender)],
        log: SILENT,
        pollMs: 20,
      });
      chains.push(chain);
      await chain.start();
      return chain;
    },
    async restart() {
      anvil = await startAnvil({ ...anvilOptions, port: anvil.port });
      return anvil;
    },
  };
  const close = async () => {
    await Promise.all(chains.map((chain) => chain.stop()));
    await anvil.stop();
    await rm(dir, { recursive: true, force: true });
  };
  return [made, close];
}
