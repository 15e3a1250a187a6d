import { equalBytes, fromHex } from "../core/bytes.ts";
import { AnamnesisError } from "../core/errors.ts";
import { readHeader } from "./header.ts";
import type { RpcBlock } from "./inputs.ts";
import { encodeRlp } from "./rlp.ts";

/** Members of a block as RPC names them, in the order of the header; those from `baseFeePerGas` on came with forks. */
const MEMBERS = [
  "parentHash",
  "sha3Uncles",
  "miner",
  "stateRoot",
  "transactionsRoot",
  "receiptsRoot",
  "logsBloom",
  "difficulty",
  "number",
  "gasLimit",
  "gasUsed",
  "timestamp",
  "extraData",
  "mixHash",
  "nonce",
  "baseFeePerGas",
  "withdrawalsRoot",
  "blobGasUsed",
  "excessBlobGas",
  "parentBeaconBlockRoot",
  "requestsHash",
] as const;

/** Members that are numbers: encoded without leading zeros. */
const NUMBERS: ReadonlySet<string> = new Set([
  "difficulty",
  "number",
  "gasLimit",
  "gasUsed",
  "timestamp",
  "baseFeePerGas",
  "blobGasUsed",
  "excessBlobGas",
]);

const LEAST_MEMBERS = 15;

/**
 * The RLP of a block's header from an `eth_getBlockByNumber` result; it gives the block's hash, or else the
 * answer is not taken.
 * @throws AnamnesisError `evidence.incomplete`
 */
export function headerOfRpcBlock(block: RpcBlock): Uint8Array {
  const fields: Uint8Array[] = [];
  for (const [index, name] of MEMBERS.entries()) {
    const value = block[name];
    if (typeof value !== "string") {
      if (index < LEAST_MEMBERS) throw incomplete(`has no ${name}`);
      break;
    }
    const digits = value.slice(2);
    const bytes = fromHex(`0x${digits.length % 2 === 0 ? digits : `0${digits}`}`);
    fields.push(NUMBERS.has(name) ? bytes.subarray(leadingZeros(bytes)) : bytes);
  }
  const rlp = encodeRlp(fields);
  const { hash } = readHeader(rlp, "the block");
  if (typeof block.hash !== "string" || !equalBytes(fromHex(hash), fromHex(block.hash)))
    throw incomplete(`has hash ${String(block.hash)}, and its fields give ${hash}`);
  return rlp;
}

function leadingZeros(bytes: Uint8Array): number {
  let zeros = 0;
  while (bytes[zeros] === 0) zeros++;
  return zeros;
}

function incomplete(how: string): AnamnesisError {
  return new AnamnesisError("evidence.incomplete", `the block of the RPC node ${how}; ask another node`);
}
