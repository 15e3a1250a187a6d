/** What a chain's JSON-RPC tells of itself, read once for all checks. */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { type Header, readHeader } from "@anamnesis/sdk/evidence/header";
import { headerOfRpcBlock } from "@anamnesis/sdk/evidence/header-rpc";
import type { Rpc } from "../../adapters/chain/rpc.ts";

/** A block as JSON-RPC gives it, as far as it is looked at here. */
export interface RpcBlock {
  readonly hash: string;
  readonly number: string;
  readonly timestamp: string;
  readonly gasLimit: string;
  readonly baseFeePerGas?: string | null;
  readonly [field: string]: unknown;
}

/** The header of a block as it was sealed. Throws `evidence.incomplete` when its fields do not give its hash. */
export function headerOf(block: RpcBlock): Header {
  return readHeader(headerOfRpcBlock(block), `block ${Number(block.number)}`);
}

/** Reads blocks `from` to `to`. Throws `chain.unreachable` when one is missing. */
export async function readBlocks(rpc: Rpc, from: number, to: number): Promise<readonly RpcBlock[]> {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  const blocks = await Promise.all(
    numbers.map((number) => rpc.call("eth_getBlockByNumber", [`0x${number.toString(16)}`, false])),
  );
  return blocks.map((block, i) => {
    if (block === null || typeof block !== "object")
      throw new AnamnesisError("chain.unreachable", `the chain does not give block ${numbers[i]}`);
    return block as RpcBlock;
  });
}

/** What a method that not every engine has answers, or undefined. Throws `chain.unreachable`. */
export async function ask(rpc: Rpc, method: string, params: readonly unknown[] = []): Promise<unknown> {
  try {
    return await rpc.call(method, params);
  } catch (error) {
    if (isAnamnesisError(error, "chain.reverted")) return undefined;
    throw error;
  }
}

/** The same for an answer that is text. Throws `chain.unreachable`. */
export async function askText(
  rpc: Rpc,
  method: string,
  params: readonly unknown[] = [],
): Promise<string | undefined> {
  const answer = await ask(rpc, method, params);
  return typeof answer === "string" ? answer : undefined;
}
