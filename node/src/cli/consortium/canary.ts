import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Rpc } from "../../adapters/chain/rpc.ts";
import { signTransaction } from "../../adapters/chain/transaction.ts";

/** A transaction that was mined. */
export interface Canary {
  readonly block: number;
  /** Ms from sending it to its receipt. */
  readonly tookMs: number;
}

const POLL_MS = 100;
const GAS = 21_000;

/**
 * Sends nothing from an account to itself and waits until it is mined.
 *
 * @param key 32 bytes of the account; it needs no authority, and no money where gas is free
 * @throws AnamnesisError `chain.reverted` when the chain does not take it, `chain.unreachable` when it is not
 * mined in `waitMs`
 */
export async function sendCanary(rpc: Rpc, key: Uint8Array, waitMs: number): Promise<Canary> {
  const address = addressOfPrivateKey(key);
  const [chainId, gasPrice, nonce] = await Promise.all([
    rpc.call("eth_chainId", []),
    rpc.call("eth_gasPrice", []),
    rpc.call("eth_getTransactionCount", [address, "pending"]),
  ]);
  const transaction = {
    chainId: Number(chainId),
    nonce: Number(nonce),
    gasPrice: Number(gasPrice),
    gasLimit: GAS,
    to: address,
    data: new Uint8Array(0),
  };
  const { raw, hash } = signTransaction(transaction, key);
  const sentAt = performance.now();
  await rpc.call("eth_sendRawTransaction", [raw]).catch((error: unknown) => {
    if (!isAnamnesisError(error, "chain.reverted")) throw error;
    throw new AnamnesisError("chain.reverted", `${error.message} (from ${address})`, { cause: error });
  });
  while (performance.now() - sentAt < waitMs) {
    const receipt = (await rpc.call("eth_getTransactionReceipt", [hash])) as { blockNumber: string } | null;
    if (receipt?.blockNumber)
      return { block: Number(receipt.blockNumber), tookMs: Math.round(performance.now() - sentAt) };
    await delay(POLL_MS);
  }
  throw new AnamnesisError(
    "chain.unreachable",
    `the transaction ${hash} was taken and is in no block after ${Math.round(waitMs / 1000)} s: the chain stands still`,
  );
}
