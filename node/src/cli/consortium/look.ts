/** What a chain's JSON-RPC tells of itself, read once for all checks. */
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { type Header, readHeader } from "@anamnesis/sdk/evidence/header";
import { encodeRlp } from "ethers";
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

/** A header's fields in the order of its RLP; quantities without leading zeros. Later ones may be absent. */
const FIELDS: readonly (readonly [name: string, kind: "bytes" | "quantity"])[] = [
  ["parentHash", "bytes"],
  ["sha3Uncles", "bytes"],
  ["miner", "bytes"],
  ["stateRoot", "bytes"],
  ["transactionsRoot", "bytes"],
  ["receiptsRoot", "bytes"],
  ["logsBloom", "bytes"],
  ["difficulty", "quantity"],
  ["number", "quantity"],
  ["gasLimit", "quantity"],
  ["gasUsed", "quantity"],
  ["timestamp", "quantity"],
  ["extraData", "bytes"],
  ["mixHash", "bytes"],
  ["nonce", "bytes"],
  ["baseFeePerGas", "quantity"],
  ["withdrawalsRoot", "bytes"],
  ["blobGasUsed", "quantity"],
  ["excessBlobGas", "quantity"],
  ["parentBeaconBlockRoot", "bytes"],
  ["requestsHash", "bytes"],
];

/** The header of a block as it was sealed. Throws `evidence.header` when its fields do not give its hash. */
export function headerOf(block: RpcBlock): Header {
  const values = FIELDS.flatMap(([name, kind]) => {
    const value = block[name];
    if (typeof value !== "string") return [];
    return [kind === "bytes" ? value : minimal(value)];
  });
  const field = `block ${Number(block.number)}`;
  const header = readHeader(fromHex(encodeRlp(values)), field);
  if (header.hash !== block.hash)
    throw new AnamnesisError(
      "evidence.header",
      `${field} has hash ${block.hash}, and its fields give ${header.hash}`,
    );
  return header;
}

function minimal(quantity: string): string {
  const digits = quantity.slice(2).replace(/^0+/, "");
  return `0x${digits.length % 2 === 1 ? "0" : ""}${digits}`;
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
