import { setTimeout as delay } from "node:timers/promises";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import type { RpcLog } from "./events.ts";
import type { Rpc } from "./rpc.ts";
import { signTransaction } from "./transaction.ts";

/** A mined transaction. */
export interface Mined {
  readonly block: number;
  readonly logs: readonly RpcLog[];
}

/** Sends transactions of one account. Nonces are read from the chain each time, so a rollback needs no repair. */
export interface Sender {
  readonly address: Address;
  /**
   * Resolves when mined; `to` null creates a contract; without `gas` the limit is estimated, which is slow.
   *
   * @throws AnamnesisError `chain.unreachable` | `chain.reverted`
   */
  send(to: Address | null, data: Uint8Array, signal: AbortSignal, gas?: number): Promise<Mined>;
}

/** How many nonces a stranded pool may hold before we give up for this time. */
const MAX_OCCUPIED = 256;

/**
 * @param key 32 bytes of an account that pays and has no authority; nobody else sends with it
 * @param pollMs between two looks for a receipt
 * @param minedTimeoutMs after which a transaction is left to itself
 */
export function createSender(
  rpc: Rpc,
  key: Uint8Array,
  chainId: number,
  pollMs: number,
  minedTimeoutMs: number,
): Sender {
  const address = addressOfPrivateKey(key);
  const inFlight = new Set<number>();
  let tail: Promise<unknown> = Promise.resolve();

  const minedCount = async () => Number(await rpc.call("eth_getTransactionCount", [address, "latest"]));

  const submit = async (to: Address | null, data: Uint8Array, gas: number | undefined) => {
    // One request, when the limit is given.
    const [gasLimit, price, count] = await Promise.all([
      tryOut(to, data, gas),
      rpc.call("eth_gasPrice", []),
      minedCount(),
    ]);
    const gasPrice = Math.ceil(Number(price) * 1.25);
    let nonce = Math.max(count, ...[...inFlight].map((n) => n + 1));
    for (let tries = 0; tries < MAX_OCCUPIED; tries++) {
      const { raw, hash } = signTransaction({ chainId, nonce, gasPrice, gasLimit, to, data }, key);
      try {
        await rpc.call("eth_sendRawTransaction", [raw]);
      } catch (error) {
        const refused = poolRefusal(error);
        if (refused === "nonce") {
          nonce = Math.max(nonce + 1, await minedCount());
          continue;
        }
        if (refused === "occupied") {
          nonce++; // a transaction stranded by a rollback waits there: filling the gap sets it free
          continue;
        }
        if (refused !== "known") throw error;
      }
      inFlight.add(nonce);
      return { nonce, hash };
    }
    throw new AnamnesisError(
      "chain.unreachable",
      `the pool holds ${MAX_OCCUPIED} transactions of ${address} in a row`,
    );
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

  const mined = async (
    nonce: number,
    hash: string,
    signal: AbortSignal,
  ): Promise<Mined & { failed: boolean }> => {
    const deadline = performance.now() + minedTimeoutMs;
    let suspicion = 0;
    while (performance.now() < deadline && suspicion < 3) {
      const [found, count] = await Promise.all([rpc.call("eth_getTransactionReceipt", [hash]), minedCount()]);
      const receipt = found as Receipt | null;
      if (receipt !== null) {
        return {
          block: Number(receipt.blockNumber),
          logs: receipt.logs,
          failed: Number(receipt.status) === 0,
        };
      }
      // Displaced by another transaction, or stranded above a gap that a rollback tore.
      suspicion = count > nonce || count < Math.min(...inFlight) ? suspicion + 1 : 0;
      // In step with the others that wait, so that one request asks for all.
      const pause = 2 * pollMs;
      const rest = pause === 0 ? 0 : pause - (performance.now() % pause);
      await delay(rest, undefined, { signal }).catch(() => {
        throw new AnamnesisError("chain.unreachable", "stopped while a transaction waited to be mined");
      });
    }
    throw new AnamnesisError(
      "chain.unreachable",
      `transaction ${hash} was not mined; what it carried is sent again`,
      {
        details: { hash, nonce },
      },
    );
  };

  return {
    address,
    async send(to, data, signal, gas) {
      const submitted = tail.then(() => submit(to, data, gas));
      tail = submitted.catch(() => undefined);
      const { nonce, hash } = await submitted;
      try {
        const result = await mined(nonce, hash, signal);
        if (!result.failed) return result;
      } finally {
        inFlight.delete(nonce);
      }
      // Calling again gives the reason, unless the state has changed since.
      await rpc.call("eth_call", [request(to, data), "latest"]);
      throw new AnamnesisError("chain.reverted", `transaction ${hash} reverted`, { details: { hash } });
    },
  };
}

interface Receipt {
  readonly blockNumber: string;
  readonly status: string;
  readonly logs: readonly RpcLog[];
}

/** Why the pool did not take a transaction; nodes word it differently. */
function poolRefusal(error: unknown): "known" | "nonce" | "occupied" | undefined {
  const text = error instanceof AnamnesisError ? error.message : "";
  if (/already (known|imported)|known transaction/i.test(text)) return "known";
  if (/nonce.*(too low|below)/i.test(text)) return "nonce";
  if (/underpriced/i.test(text)) return "occupied";
  return undefined;
}
