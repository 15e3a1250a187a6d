/**
 * The member account as a sender: rare, deliberate calls of one person, each mined before the next.
 * Unlike a relay's sender it has authority, so its key may be anywhere (`AccountSigner`).
 */
import { setTimeout as delay } from "node:timers/promises";
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Bytes32 } from "@anamnesis/sdk/core/types";
import type { MemberAccount } from "../../ports.ts";
import type { AccountSigner } from "./account-signer.ts";
import type { Rpc } from "./rpc.ts";

export interface AccountOptions {
  readonly chainId: number;
  /** Ms between two looks for the receipt. Default 200. */
  readonly pollMs?: number;
  /** Ms after which an unmined transaction is left to itself. Default 120,000. */
  readonly minedTimeoutMs?: number;
}

/**
 * A vote's checkpoint is written anew once a second has passed, and a call that closes a vote costs more
 * than one that does not: an estimate made a block earlier is no limit. What is not used is not paid.
 */
const SPARE_GAS = 150_000;

/** Sends what the signer signs, on chains with and without a price for gas. */
export function createMemberAccount(
  rpc: Rpc,
  signer: AccountSigner,
  { chainId, pollMs = 200, minedTimeoutMs = 120_000 }: AccountOptions,
): MemberAccount {
  const { address } = signer;

  /** Wei for one unit of gas: the chain's price with a little more; nothing where nothing is asked for. */
  const priceFor = (terms: Terms, gasLimit: number): number => {
    const wanted = Math.ceil(Number(terms.gasPrice) * 1.25);
    const most = BigInt(wanted) * BigInt(gasLimit);
    if (most <= BigInt(terms.balance)) return wanted;
    // Some nodes name a price although blocks have none: an account without money tries without.
    if (BigInt(terms.block.baseFeePerGas ?? "0x0") === 0n) return 0;
    throw new AnamnesisError(
      "chain.reverted",
      `account ${address} holds ${BigInt(terms.balance)} wei and the call may cost ${most}; send it some, from any account`,
    );
  };

  const mined = async (hash: Bytes32): Promise<Receipt> => {
    const deadline = performance.now() + minedTimeoutMs;
    while (performance.now() < deadline) {
      const receipt = (await rpc.call("eth_getTransactionReceipt", [hash])) as Receipt | null;
      if (receipt !== null) return receipt;
      await delay(pollMs);
    }
    throw new AnamnesisError(
      "chain.unreachable",
      `transaction ${hash} was sent and not mined within ${minedTimeoutMs / 1000} s; look again before you repeat it`,
      { details: { hash } },
    );
  };

  return {
    address,
    async send(to, data) {
      const call = { from: address, to, data };
      // An estimate fails, with the contract's reason, where the call would.
      const [gas, gasPrice, balance, nonce, block] = (await Promise.all([
        rpc.call("eth_estimateGas", [call]),
        rpc.call("eth_gasPrice", []),
        rpc.call("eth_getBalance", [address, "latest"]),
        rpc.call("eth_getTransactionCount", [address, "pending"]),
        rpc.call("eth_getBlockByNumber", ["latest", false]),
      ])) as [string, string, string, string, Terms["block"]];
      const gasLimit = Math.ceil(Number(gas) * 1.25) + SPARE_GAS;
      const { raw, hash } = await signer.signTransaction({
        chainId,
        nonce: Number(nonce),
        gasPrice: priceFor({ gasPrice, balance, block }, gasLimit),
        gasLimit,
        to,
        data: fromHex(data),
      });
      await submit(rpc, raw);
      const receipt = await mined(hash);
      if (Number(receipt.status) === 1) return { block: Number(receipt.blockNumber), hash };
      // Calling again gives the reason, unless the state has changed since.
      await rpc.call("eth_call", [call, "latest"]);
      throw new AnamnesisError(
        "chain.reverted",
        `transaction ${hash} reverted; look at what changed meanwhile`,
        {
          details: { hash },
        },
      );
    },
  };
}

interface Terms {
  readonly gasPrice: string;
  readonly balance: string;
  readonly block: { readonly baseFeePerGas?: string };
}

interface Receipt {
  readonly blockNumber: string;
  readonly status: string;
}

async function submit(rpc: Rpc, raw: string): Promise<void> {
  try {
    await rpc.call("eth_sendRawTransaction", [raw]);
  } catch (error) {
    const text = error instanceof AnamnesisError ? error.message : "";
    // An answer was lost and the call repeated at the next address.
    if (/already (known|imported)|known transaction/i.test(text)) return;
    throw error;
  }
}
