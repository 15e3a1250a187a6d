import { setTimeout as delay } from "node:timers/promises";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, FeedHead, SignedHead } from "@anamnesis/sdk/core/types";
import type { BlockRef, Chain, Log, WriteOutcome } from "../../ports.ts";
import { MEMORY, REGISTRY } from "./abi.ts";
import { encodeAnchor, encodeAttest } from "./calldata.ts";
import { decodeLogs, decodeSkipped, type RpcLog } from "./events.ts";
import { createRpc } from "./rpc.ts";
import { createSender, type Mined } from "./sender.ts";

/** Where the contracts of one consortium are, and by what they are recognised. */
export interface ConsortiumAddress {
  readonly chainId: number;
  readonly genesisHash: Bytes32;
  readonly registry: Address;
  readonly memory: Address;
  /** Keccak-256 of each contract's deployed code. */
  readonly codeHashes: { readonly registry: Bytes32; readonly memory: Bytes32 };
}

export interface EthersChainOptions {
  /** JSON-RPC addresses, the preferred one first. */
  readonly urls: readonly string[];
  readonly consortium: ConsortiumAddress;
  /** 32 bytes: the key of an account that pays for gas and has no authority. One process only. */
  readonly sender: Uint8Array;
  readonly log: Log;
  /** Ms between two looks for a new head or a receipt. Default 200. */
  readonly pollMs?: number;
  /** Ms for one JSON-RPC call. Default 10,000. */
  readonly timeoutMs?: number;
  /** Ms after which an unmined transaction is left to itself. Default 60,000. */
  readonly minedTimeoutMs?: number;
}

/** Most blocks in one page of events: public nodes refuse more. */
export const MAX_PAGE = 2_000;

/** Above what one item costs at its dearest; what is not used is not paid. */
const GAS_PER_ITEM = 60_000;
const GAS_BASE = 100_000;

/**
 * The ledger by JSON-RPC.
 *
 * Whenever contact was lost, chain id, genesis and code are compared again before anything is believed.
 * `start` throws `chain.unreachable` without a chain, but keeps looking for one; `chain.mismatch` is final.
 */
export function createEthersChain(options: EthersChainOptions): Chain {
  const { consortium, log, pollMs = 200, timeoutMs = 10_000, minedTimeoutMs = 60_000 } = options;
  const { registry, memory } = consortium;
  const rpc = createRpc(options.urls, timeoutMs);
  const sender = createSender(rpc, options.sender, consortium.chainId, pollMs, minedTimeoutMs);
  const hasher = createHasher({ chainId: consortium.chainId, verifyingContract: registry });
  const listeners = new Set<() => void>();
  const stopping = new AbortController();
  let polling: Promise<void> | undefined;
  let verified: Promise<void> | undefined;

  /** Works after making sure that it is still the same chain. */
  const onSameChain = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      verified ??= verify(rpc.call, consortium);
      await verified;
      return await work();
    } catch (error) {
      if (isAnamnesisError(error, "chain.unreachable") || isAnamnesisError(error, "chain.mismatch"))
        verified = undefined;
      throw error;
    }
  };

  const call = (method: string, params: readonly unknown[]) => onSameChain(() => rpc.call(method, params));

  const block = async (number: number | "latest"): Promise<BlockRef | undefined> => {
    const tag = number === "latest" ? number : quantity(number);
    const found = (await call("eth_getBlockByNumber", [tag, false])) as RpcBlock | null;
    if (found === null) return undefined;
    return { number: Number(found.number), hash: found.hash as Bytes32, timestamp: Number(found.timestamp) };
  };

  const head = async (): Promise<BlockRef> => {
    const latest = await block("latest");
    if (latest === undefined) throw new AnamnesisError("chain.unreachable", "the chain has no latest block");
    return latest;
  };

  const write = (to: Address, data: Uint8Array, items: number): Promise<Mined> =>
    onSameChain(() => sender.send(to, data, stopping.signal, GAS_BASE + items * GAS_PER_ITEM));

  const outcome = (mined: Mined): WriteOutcome => ({
    block: mined.block,
    skipped: decodeSkipped(mined.logs),
  });

  const poll = async () => {
    let seen = "";
    let wait = pollMs;
    let reachable = true;
    while (!stopping.signal.aborted) {
      try {
        const { hash } = await head();
        if (!reachable) log.info("chain.reachable", {});
        reachable = true;
        wait = pollMs;
        if (hash !== seen) for (const callback of listeners) callback();
        seen = hash;
      } catch (error) {
        if (reachable && !stopping.signal.aborted) log.warn(codeOf(error), { error: String(error) });
        reachable = false;
        wait = Math.min(wait * 2, 2_000);
      }
      const rest = wait - (performance.now() % wait); // in step with what looks for receipts
      await delay(rest, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  return {
    genesisHash: consortium.genesisHash,
    registry,
    async start() {
      try {
        await call("eth_chainId", []);
      } catch (error) {
        if (isAnamnesisError(error, "chain.unreachable")) polling ??= poll();
        throw error;
      }
      polling ??= poll();
    },
    async stop() {
      stopping.abort();
      await polling;
      rpc.close();
    },
    async blindingKeyHash() {
      const data = MEMORY.encodeFunctionData("blindingKeyHash");
      return (await call("eth_call", [{ to: memory, data }, "latest"])) as Bytes32;
    },
    head,
    block,
    async events(from, to) {
      if (to - from >= MAX_PAGE || from < 0 || to < from) {
        throw new AnamnesisError(
          "input.invalid",
          `blocks ${from} to ${to} are no page; ask for 1 to ${MAX_PAGE} blocks`,
        );
      }
      const filter = { address: [registry, memory], fromBlock: quantity(from), toBlock: quantity(to) };
      return decodeLogs((await call("eth_getLogs", [filter])) as RpcLog[], memory, hasher);
    },
    onHead(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
    attest: async (items) => outcome(await write(memory, encodeAttest(items), items.length)),
    anchor: async (heads) => outcome(await write(registry, encodeAnchor(heads), heads.length)),
    async reportEquivocation({ a, b, path }) {
      const args = [headOf(a), a.signature, headOf(b), b.signature, path];
      const data = fromHex(REGISTRY.encodeFunctionData("reportEquivocation", args));
      await write(registry, data, 10 + path.length);
    },
  };
}

interface RpcBlock {
  readonly number: string;
  readonly hash: string;
  readonly timestamp: string;
}

/** Throws `chain.mismatch` unless this is the chain with the contracts that were enrolled with. */
async function verify(
  call: (method: string, params: readonly unknown[]) => Promise<unknown>,
  expected: ConsortiumAddress,
) {
  const chainId = Number(await call("eth_chainId", []));
  requireSame("chain id", chainId, expected.chainId);
  const genesis = (await call("eth_getBlockByNumber", ["0x0", false])) as RpcBlock | null;
  requireSame("genesis hash", genesis?.hash, expected.genesisHash);
  for (const name of ["registry", "memory"] as const) {
    const code = fromHex(String(await call("eth_getCode", [expected[name], "latest"])));
    requireSame(
      `code hash of the ${name} at ${expected[name]}`,
      toHex(keccak256(code)),
      expected.codeHashes[name],
    );
  }
}

function requireSame(what: string, found: unknown, expected: unknown): void {
  if (found === expected) return;
  throw new AnamnesisError(
    "chain.mismatch",
    `${what} is ${found}, but the consortium's is ${expected}; is this the right chain?`,
  );
}

function headOf(head: SignedHead): FeedHead {
  return { feed: head.feed, size: head.size, root: head.root };
}

function quantity(value: number): string {
  return `0x${value.toString(16)}`;
}

function codeOf(error: unknown): string {
  return isAnamnesisError(error) ? error.code : "chain.unreachable";
}
