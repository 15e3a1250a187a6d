import { setTimeout as delay } from "node:timers/promises";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import { Transaction, Wallet } from "ethers";
import type { RpcLog } from "./events.ts";
import { isPoolRefusal, type Rpc } from "./rpc.ts";

/** A mined transaction. */
export interface Mined {
  readonly block: number;
  readonly logs: readonly RpcLog[];
}

/** Sends transactions of one account. Nonces are read from the chain each time, so a rollback needs no repair. */
export interface Sender {
  readonly address: Address;
  /** Resolves when mined; `to` null creates a contract. @throws AnamnesisError `chain.unreachable` | `chain.reverted` */
  send(to: Address | null, data: string, leastGas: number, signal: AbortSignal): Promise<Mined>;
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
  const wallet = new Wallet(toHex(key));
  const inFlight = new Set<number>();
  let tail: Promise<unknown> = Promise.resolve();

  const minedCount = async () =>
    Number(await rpc.call("eth_getTransactionCount", [wallet.address, "latest"]));

  const submit = async (to: Address | null, data: string, leastGas: number) => {
    // An estimate also tells in advance, with its reason, what would revert.
    const estimate = Number(
      await rpc.call("eth_estimateGas", [{ from: wallet.address, ...target(to), data }]),
    );
    const gasPrice = (BigInt(String(await rpc.call("eth_gasPrice", []))) * 5n) / 4n;
    const gasLimit = BigInt(Math.max(leastGas, Math.ceil(estimate * 1.25)));
    let nonce = Math.max(await minedCount(), ...[...inFlight].map((n) => n + 1));
    for (let tries = 0; tries < MAX_OCCUPIED; tries++) {
      const transaction = Transaction.from({ type: 0, chainId, nonce, gasPrice, gasLimit, to, data });
      const raw = await wallet.signTransaction(transaction);
      try {
        await rpc.call("eth_sendRawTransaction", [raw]);
      } catch (error) {
        if (isPoolRefusal(error, "nonce")) {
          nonce = Math.max(nonce + 1, await minedCount());
          continue;
        }
        if (isPoolRefusal(error, "occupied")) {
          nonce++; // a transaction stranded by a rollback waits there: filling the gap sets it free
          continue;
        }
        if (!isPoolRefusal(error, "known")) throw refusal(error);
      }
      inFlight.add(nonce);
      return { nonce, hash: Transaction.from(raw).hash as string };
    }
    throw new AnamnesisError(
      "chain.unreachable",
      `the pool holds ${MAX_OCCUPIED} transactions of ${wallet.address} in a row`,
    );
  };

  const mined = async (
    nonce: number,
    hash: string,
    signal: AbortSignal,
  ): Promise<Mined & { failed: boolean }> => {
    const deadline = performance.now() + minedTimeoutMs;
    let suspicion = 0;
    while (performance.now() < deadline && suspicion < 3) {
      const receipt = (await rpc.call("eth_getTransactionReceipt", [hash])) as Receipt | null;
      if (receipt !== null) {
        return {
          block: Number(receipt.blockNumber),
          logs: receipt.logs,
          failed: Number(receipt.status) === 0,
        };
      }
      const count = await minedCount();
      // Displaced by another transaction, or stranded above a gap that a rollback tore.
      suspicion = count > nonce || count < Math.min(...inFlight) ? suspicion + 1 : 0;
      await delay(pollMs, undefined, { signal }).catch(() => {
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
    address: wallet.address.toLowerCase() as Address,
    async send(to, data, leastGas, signal) {
      const submitted = tail.then(() => submit(to, data, leastGas));
      tail = submitted.catch(() => undefined);
      const { nonce, hash } = await submitted;
      try {
        const result = await mined(nonce, hash, signal);
        if (!result.failed) return result;
      } finally {
        inFlight.delete(nonce);
      }
      // Calling again gives the reason, unless the state has changed since.
      await rpc.call("eth_call", [{ from: wallet.address, ...target(to), data }, "latest"]);
      throw new AnamnesisError("chain.reverted", `transaction ${hash} reverted`, { details: { hash } });
    },
  };
}

function target(to: Address | null): { to?: Address } {
  return to === null ? {} : { to };
}

interface Receipt {
  readonly blockNumber: string;
  readonly status: string;
  readonly logs: readonly RpcLog[];
}

function refusal(error: unknown): AnamnesisError {
  if (error instanceof AnamnesisError) return error;
  const why = error instanceof Error ? error.message : String(error);
  return new AnamnesisError("chain.reverted", `the pool refused a transaction: ${why.slice(0, 300)}`, {
    cause: error,
  });
}
