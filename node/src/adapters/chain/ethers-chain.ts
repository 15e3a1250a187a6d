import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, FeedHead, SignedHead } from "@anamnesis/sdk/core/types";
import type { BlockRef, Chain, InFlightBook, Log, WriteOutcome } from "../../ports.ts";
import { MEMORY, REGISTRY } from "./abi.ts";
import { findAnchored } from "./anchored.ts";
import { contradiction, createBlockCheck } from "./block-check.ts";
import { encodeAnchor, encodeAttest } from "./calldata.ts";
import { isSignedByContract } from "./contract-signature.ts";
import { decodeLogs, decodeSkipped, type RpcLog } from "./events.ts";
import type { RpcHeader } from "./header.ts";
import { createLogReader, foreignLog } from "./logs.ts";
import { createPoll } from "./poll.ts";
import { createProofs } from "./proofs.ts";
import { createRpc } from "./rpc.ts";
import { createSender, type Mined } from "./sender.ts";
import { createSenders } from "./senders.ts";
import { type ConsortiumAddress, verifyChain } from "./verify.ts";

export type { ConsortiumAddress } from "./verify.ts";

export interface EthersChainOptions {
  /** JSON-RPC addresses, the preferred one first. */
  readonly urls: readonly string[];
  readonly consortium: ConsortiumAddress;
  /** 32 bytes each: keys of accounts that pay for gas and have no authority. One process only; none: nothing is sent. */
  readonly senders: readonly Uint8Array[];
  readonly log: Log;
  /** Keeps what is in flight over restarts. */
  readonly book?: InFlightBook;
  /** Ms between two looks for a new head or a receipt while something is expected. Default 200. */
  readonly pollMs?: number;
  /** Ms between two looks while nothing is. Default five times `pollMs`. */
  readonly idlePollMs?: number;
  /** Ms without a new block after which the other addresses are asked whether they are further. Default 30,000. */
  readonly stalledMs?: number;
  /** Ms for one JSON-RPC call. Default 10,000. */
  readonly timeoutMs?: number;
  /** Ms after which an unmined transaction is left to itself. Default 60,000. */
  readonly minedTimeoutMs?: number;
  /** Whether headers, logs and receipts are held against each other. Default true. */
  readonly check?: boolean;
}

/** Most blocks in one page of events: public nodes refuse more. */
export const MAX_PAGE = 2_000;

/** Above what one item costs at its dearest; what is not used is not paid. */
const GAS_PER_ITEM = 60_000;
const GAS_BASE = 100_000;
/** Pages up to this many blocks are checked block by block: who follows checks every block. */
export const CHECKED_BLOCKS = 64;

/**
 * The ledger by JSON-RPC.
 *
 * Whenever contact with an address was lost, chain id, genesis and code are compared again before
 * anything it says is believed; one that leads elsewhere or contradicts itself is left out for a while.
 * `start` throws `chain.unreachable` without a chain, but keeps looking for one; `chain.mismatch` is final.
 */
export function createEthersChain(options: EthersChainOptions): Chain {
  const {
    consortium,
    log,
    pollMs = 200,
    timeoutMs = 10_000,
    minedTimeoutMs = 60_000,
    check = true,
  } = options;
  const { registry, memory } = consortium;
  const rpc = createRpc(options.urls, timeoutMs, {
    verify: (ask) => verifyChain(ask, consortium, check),
    log,
  });
  const blocks = createBlockCheck(rpc.call, [registry, memory]);
  const proofs = createProofs(rpc.call, consortium);
  const getLogs = createLogReader(rpc.call, [registry, memory]);
  const hasher = createHasher({ chainId: consortium.chainId, verifyingContract: registry });
  const listeners = new Set<() => void>();
  const stopping = new AbortController();

  const believe = (what: string | undefined): void => {
    if (what === undefined) return;
    const error = contradiction(what);
    rpc.exclude(error);
    throw error;
  };

  const doubt: Parameters<typeof createSender>[5] = check
    ? {
        async doubt(receipt) {
          const what = await blocks.receipt(receipt);
          if (what !== undefined) rpc.exclude(contradiction(what));
          return what;
        },
      }
    : {};
  const senders = createSenders(
    options.senders.map((key) =>
      createSender(rpc, key, consortium.chainId, pollMs, minedTimeoutMs, {
        log,
        ...(options.book && { book: options.book }),
        ...doubt,
      }),
    ),
  );

  const block = async (number: number | "latest"): Promise<BlockRef | undefined> => {
    const tag = number === "latest" ? number : quantity(number);
    const found = (await rpc.call("eth_getBlockByNumber", [tag, false])) as RpcHeader | null;
    if (found === null) return undefined;
    if (number !== "latest" && Number(found.number) !== number)
      believe(`block ${number} was asked for, block ${Number(found.number)} is given`);
    if (check) believe(blocks.header(found));
    return { number: Number(found.number), hash: found.hash as Bytes32, timestamp: Number(found.timestamp) };
  };

  const head = async (): Promise<BlockRef> => {
    const latest = await block("latest");
    if (latest === undefined) throw new AnamnesisError("chain.unreachable", "the chain has no latest block");
    return latest;
  };

  const poll = createPoll(
    {
      head,
      log,
      isWaiting: () => senders.status().some(({ waiting }) => waiting > 0),
      onHead() {
        for (const callback of listeners) callback();
      },
      onStalled: async () => {
        if (options.urls.length > 1) await rpc.choose();
      },
      tend: senders.tend,
    },
    { pollMs, idlePollMs: options.idlePollMs ?? 5 * pollMs, stalledMs: options.stalledMs ?? 30_000 },
  );

  const write = (to: Address, data: Uint8Array, items: number): Promise<Mined> => {
    poll.expect();
    return senders.send(to, data, stopping.signal, GAS_BASE + items * GAS_PER_ITEM);
  };

  const outcome = (mined: Mined): WriteOutcome => ({
    block: mined.block,
    skipped: decodeSkipped(mined.logs),
  });

  /** Logs of a page, held against the blocks they are said to be from. */
  const readLogs = async (from: number, to: number): Promise<readonly RpcLog[]> => {
    // Twice: a rollback between two answers looks like a contradiction.
    for (let tries = 0; ; tries++) {
      const logs = await getLogs(from, to);
      const isChecked = check && to - from < CHECKED_BLOCKS;
      const what =
        foreignLog(logs, from, to, [registry, memory]) ??
        (isChecked ? await blocks.logs(from, to, logs) : undefined);
      if (what === undefined) return logs;
      if (tries > 0) believe(what);
    }
  };

  return {
    genesisHash: consortium.genesisHash,
    registry,
    async start() {
      try {
        await rpc.call("eth_chainId", []);
      } catch (error) {
        if (isAnamnesisError(error, "chain.unreachable")) poll.start();
        throw error;
      }
      poll.start();
    },
    async stop() {
      stopping.abort();
      await poll.stop();
      rpc.close();
    },
    async blindingKeyHash() {
      const data = MEMORY.encodeFunctionData("blindingKeyHash");
      return (await rpc.call("eth_call", [{ to: memory, data }, "latest"])) as Bytes32;
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
      return decodeLogs(await readLogs(from, to), memory, hasher);
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
    isSignedByContract: (...asked) => isSignedByContract(rpc.call, ...asked),
    anchoredHead: (feed, size, block) => findAnchored(rpc.call, registry, { feed, size, block }),
    prove: proofs.prove,
    header: proofs.header,
    expect: poll.expect,
    endpoints: rpc.endpoints,
    senders: senders.status,
  };
}

function headOf(head: SignedHead): FeedHead {
  return { feed: head.feed, size: head.size, root: head.root };
}

function quantity(value: number): string {
  return `0x${value.toString(16)}`;
}
