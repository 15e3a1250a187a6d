import { setTimeout as delay } from "node:timers/promises";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import type { ChainSender, InFlightBook, Log } from "../../ports.ts";
import type { RpcLog } from "./events.ts";
import { dearer, type FeeView, feesOf, isBelow, readFees } from "./fees.ts";
import type { RpcReceipt } from "./receipts.ts";
import type { Rpc } from "./rpc.ts";
import { parseTransaction, signTransaction } from "./transaction.ts";

/** A mined transaction. */
export interface Mined {
  readonly block: number;
  readonly logs: readonly RpcLog[];
}

/** Sends transactions of one account. */
export interface Sender {
  readonly address: Address;
  /**
   * Resolves when mined; `to` null creates a contract; without `gas` the limit is estimated, which is slow.
   *
   * @throws AnamnesisError `chain.unreachable`, with `details.hash` once its bytes were made: they are
   * sent again until mined or displaced | `chain.reverted`
   */
  send(to: Address | null, data: Uint8Array, signal: AbortSignal, gas?: number): Promise<Mined>;
  /** Sends the bytes again that nobody waits for any more. Never rejects. */
  tend(): Promise<void>;
  status(): ChainSender;
}

/** What a sender may be given beside its account. */
export interface SenderOptions {
  /** Keeps bytes over restarts. */
  readonly book?: InFlightBook;
  /** What a receipt says that its block does not prove, in words. */
  readonly doubt?: (receipt: RpcReceipt) => Promise<string | undefined>;
  readonly log?: Log;
  /** Ms after which the same bytes are sent again. Default 5,000. */
  readonly resendMs?: number;
}

/** How many nonces a stranded pool may hold before we give up for this time. */
const MAX_OCCUPIED = 256;
/** Transactions of one account that may wait at once: more only wait behind the first. */
const MAX_WAITING = 16;
const RESEND_MS = 5_000;

interface Waiting {
  raws: readonly Hex[];
  hashes: readonly string[];
  sentAtMs: number;
  /** Somebody awaits its receipt. */
  awaited: boolean;
}

/**
 * Nonces are read from the chain each time, so a rollback needs no repair; the bytes of what is not
 * mined are kept, and the same bytes are sent again. A nonce gets a second transaction in two cases: the
 * chain lost it, or its fee cannot be mined any more; then it carries the same call.
 *
 * @param key 32 bytes of an account that pays and has no authority; nobody else sends with it
 * @param pollMs between two looks for a receipt
 * @param minedTimeoutMs after which a transaction is left to itself
 */
export function createSender(
  rpc: Pick<Rpc, "call">,
  key: Uint8Array,
  chainId: number,
  pollMs: number,
  minedTimeoutMs: number,
  options: SenderOptions = {},
): Sender {
  const { book, log, resendMs = RESEND_MS } = options;
  const address = addressOfPrivateKey(key);
  const waiting = new Map<number, Waiting>();
  let tail: Promise<unknown> = Promise.resolve();
  let knowsPool = false;
  let progressAtMs = performance.now();
  /** Since when it cannot pay for gas. */
  let brokeAtMs: number | undefined;

  for (const { sender, nonce, raws } of book?.all() ?? []) {
    if (sender !== address) continue;
    waiting.set(nonce, {
      raws,
      hashes: raws.map(hashOf),
      sentAtMs: Number.NEGATIVE_INFINITY,
      awaited: false,
    });
  }

  const count = async (block: "latest" | "pending") =>
    Number(await rpc.call("eth_getTransactionCount", [address, block]));

  const keep = async (nonce: number, raws: readonly Hex[], awaited: boolean): Promise<Waiting> => {
    await book?.put({ sender: address, nonce, raws });
    if (waiting.size === 0) progressAtMs = performance.now();
    const made: Waiting = { raws, hashes: raws.map(hashOf), sentAtMs: performance.now(), awaited };
    waiting.set(nonce, made);
    return made;
  };

  const drop = async (nonce: number): Promise<void> => {
    if (!waiting.delete(nonce)) return;
    progressAtMs = performance.now();
    try {
      await book?.drop(address, nonce);
    } catch (error) {
      // A full disk: after a restart the line is found to be mined, and dropped then.
      if (!isAnamnesisError(error)) throw error;
      log?.warn("chain.bookKept", { sender: address, nonce, code: error.code });
    }
  };

  /** The first nonce that is neither mined nor waited for. */
  const freeNonce = async (mined: number): Promise<number> => {
    // Bytes that a power cut took from the book may still be in the pool; asked once, since pools err.
    let nonce = knowsPool ? mined : Math.max(mined, await count("pending").catch(() => mined));
    knowsPool = true;
    while (waiting.has(nonce)) nonce++;
    return nonce;
  };

  const submit = async (to: Address | null, data: Uint8Array, gas: number | undefined) => {
    if (waiting.size >= MAX_WAITING)
      throw new AnamnesisError(
        "chain.unreachable",
        `${waiting.size} transactions of ${address} wait to be mined, from nonce ${Math.min(...waiting.keys())} on; nothing is added`,
      );
    // One request, when the limit is given.
    const [gasLimit, view, mined] = await Promise.all([
      tryOut(to, data, gas),
      readFees(rpc.call),
      count("latest"),
    ]);
    let nonce = await freeNonce(mined);
    for (let tries = 0; tries < MAX_OCCUPIED; tries++) {
      const { raw, hash } = signTransaction({ chainId, nonce, gasLimit, to, data, ...feesOf(view) }, key);
      // Written down before it leaves: whatever happens now, these are the bytes of this nonce.
      const made = await keep(nonce, [raw], true);
      const refused = await offer(raw);
      if (refused === undefined || refused === "known" || refused === "unheard") {
        brokeAtMs = undefined;
        return { nonce, hash, made };
      }
      await drop(nonce);
      if (refused === "nonce") nonce = Math.max(nonce + 1, await count("latest"));
      else if (refused === "occupied")
        nonce++; // a transaction stranded by a rollback waits there
      else throw isBroke(refused) ? broke(refused) : refused;
    }
    throw new AnamnesisError(
      "chain.unreachable",
      `the pool holds ${MAX_OCCUPIED} transactions of ${address} in a row`,
    );
  };

  /** No item is at fault, and another account may do it. */
  const broke = (cause: AnamnesisError): AnamnesisError => {
    brokeAtMs ??= performance.now();
    return new AnamnesisError(
      "chain.unreachable",
      `account ${address} cannot pay for gas: ${cause.message}`,
      {
        cause,
      },
    );
  };

  /** Gives bytes to the pool; undefined when it took them, `unheard` when nobody answered. */
  const offer = async (
    raw: Hex,
  ): Promise<undefined | "known" | "nonce" | "occupied" | "unheard" | AnamnesisError> => {
    try {
      await rpc.call("eth_sendRawTransaction", [raw]);
      return undefined;
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      if (error.code !== "chain.reverted") return "unheard";
      return poolRefusal(error) ?? error;
    }
  };

  /** Tells in advance, with its reason, what would revert; gives the gas limit. */
  const tryOut = async (to: Address | null, data: Uint8Array, gas: number | undefined): Promise<number> => {
    if (gas === undefined)
      return Math.ceil(Number(await rpc.call("eth_estimateGas", [request(to, data)])) * 1.25);
    await rpc.call("eth_call", [{ ...request(to, data), gas: `0x${gas.toString(16)}` }, "latest"]);
    return gas;
  };

  const request = (to: Address | null, data: Uint8Array) => ({
    from: address,
    ...(to !== null && { to }),
    data: toHex(data),
  });

  /** The same bytes again; with a dearer fee when the base fee has left theirs behind. */
  const resend = async (nonce: number, held: Waiting): Promise<void> => {
    held.sentAtMs = performance.now();
    const raw = held.raws.at(-1) as Hex;
    const view: FeeView = await readFees(rpc.call);
    const old = parseTransaction(raw);
    if (!isBelow(old, view)) {
      await offer(raw);
      return;
    }
    const { raw: bumped, hash } = signTransaction({ ...old, ...dearer(old, view) }, key);
    log?.warn("chain.feeRaised", { sender: address, nonce, hash });
    held.raws = [...held.raws, bumped];
    held.hashes = [...held.hashes, hash];
    await book?.put({ sender: address, nonce, raws: held.raws });
    await offer(bumped);
  };

  const receiptOf = async (hashes: readonly string[]): Promise<RpcReceipt | undefined> => {
    const found = (await Promise.all(
      hashes.map((hash) => rpc.call("eth_getTransactionReceipt", [hash])),
    )) as (RpcReceipt | null)[];
    const receipt = found.find((each) => each !== null) ?? undefined;
    if (receipt === undefined) return undefined;
    const doubt = hashes.includes(receipt.transactionHash ?? hashes[0])
      ? await options.doubt?.(receipt)
      : `asked for ${hashes.join(" or ")}, it gives the receipt of ${receipt.transactionHash}`;
    if (doubt === undefined) return receipt;
    log?.error("chain.contradiction", { sender: address, message: doubt });
    return undefined;
  };

  const mined = async (nonce: number, held: Waiting, signal: AbortSignal): Promise<RpcReceipt> => {
    const deadline = performance.now() + minedTimeoutMs;
    let suspicion = 0;
    while (performance.now() < deadline && suspicion < 3) {
      const [receipt, latest] = await Promise.all([receiptOf(held.hashes), count("latest")]);
      if (receipt !== undefined) return receipt;
      // Displaced by another transaction, or stranded above a gap that a rollback tore.
      suspicion = latest > nonce || latest < Math.min(...waiting.keys()) ? suspicion + 1 : 0;
      if (latest <= nonce && performance.now() - held.sentAtMs >= resendMs) await resend(nonce, held);
      // In step with the others that wait, so that one request asks for all.
      const pause = 2 * pollMs;
      const rest = pause === 0 ? 0 : pause - (performance.now() % pause);
      await delay(rest, undefined, { signal }).catch(() => {
        throw new AnamnesisError("chain.unreachable", "stopped while a transaction waited to be mined");
      });
    }
    throw new AnamnesisError(
      "chain.unreachable",
      `transaction ${held.hashes.at(-1)} was not mined yet; the same bytes are sent again`,
    );
  };

  return {
    address,
    async send(to, data, signal, gas) {
      const submitted = tail.then(() => submit(to, data, gas));
      tail = submitted.catch(() => undefined);
      const { nonce, hash, made } = await submitted;
      let receipt: RpcReceipt;
      try {
        receipt = await mined(nonce, made, signal);
      } catch (error) {
        made.awaited = false;
        if (!isAnamnesisError(error, "chain.unreachable")) throw error;
        throw new AnamnesisError(error.code, error.message, { cause: error, details: { hash, nonce } });
      }
      await drop(nonce);
      if (Number(receipt.status) !== 0) return { block: Number(receipt.blockNumber), logs: receipt.logs };
      // Calling again gives the reason, unless the state has changed since.
      await rpc.call("eth_call", [request(to, data), "latest"]);
      throw new AnamnesisError("chain.reverted", `transaction ${hash} reverted`, { details: { hash } });
    },
    async tend() {
      const left = [...waiting].filter(
        ([, held]) => !held.awaited && performance.now() - held.sentAtMs >= resendMs,
      );
      if (left.length === 0) return;
      try {
        const latest = await count("latest");
        for (const [nonce, held] of left.toSorted(([a], [b]) => a - b)) {
          if (nonce < latest) await drop(nonce);
          else await resend(nonce, held);
        }
      } catch (error) {
        if (!isAnamnesisError(error)) throw error;
        log?.debug("chain.untended", { sender: address, code: error.code });
      }
    },
    status: () => ({
      address,
      waiting: waiting.size,
      stuckSeconds:
        waiting.size === 0 && brokeAtMs === undefined
          ? 0
          : Math.floor((performance.now() - (brokeAtMs ?? progressAtMs)) / 1000),
    }),
  };
}

function hashOf(raw: Hex): Hex {
  return toHex(keccak256(fromHex(raw)));
}

function isBroke(error: AnamnesisError): boolean {
  return /insufficient funds|insufficient balance|upfront cost exceeds|exceeds account balance/i.test(
    error.message,
  );
}

/** Why the pool did not take a transaction; nodes word it differently. */
function poolRefusal(error: AnamnesisError): "known" | "nonce" | "occupied" | undefined {
  const text = error.message;
  if (/already (known|imported)|known transaction/i.test(text)) return "known";
  if (/nonce.*(too low|below)/i.test(text)) return "nonce";
  if (/underpriced|replacement|already.*nonce/i.test(text)) return "occupied";
  return undefined;
}
