/** A block's hash from its fields: what an RPC says of a block holds together or it does not. */
import { equalBytes, fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import { decodeRlp } from "ethers";
import { quantityOfHex, rlpJoin, rlpString } from "./rlp.ts";

/** A block as JSON-RPC gives it, without its transactions' contents. */
export interface RpcHeader {
  readonly hash: string;
  readonly number: string;
  readonly timestamp: string;
  readonly parentHash: string;
  readonly sha3Uncles: string;
  readonly miner: string;
  readonly stateRoot: string;
  readonly transactionsRoot: string;
  readonly receiptsRoot: string;
  readonly logsBloom: string;
  readonly difficulty: string;
  readonly gasLimit: string;
  readonly gasUsed: string;
  readonly extraData: string;
  readonly mixHash: string;
  readonly nonce: string;
  readonly baseFeePerGas?: string | null;
  readonly withdrawalsRoot?: string | null;
  readonly blobGasUsed?: string | null;
  readonly excessBlobGas?: string | null;
  readonly parentBeaconBlockRoot?: string | null;
  readonly requestsHash?: string | null;
  readonly transactions: readonly string[];
}

/** `mixHash` of a QBFT or IBFT block ("BFT Practical byzantine fault tolerance"). */
const BFT_MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365";

/**
 * The hash that a header's fields give: keccak of its RLP; of a QBFT block with round 0 and without
 * seals in its extra data (Besu's on-chain hash). A field that is missing gives undefined.
 */
export function hashHeader(header: RpcHeader): Bytes32 | undefined {
  try {
    return toHex(keccak256(encodeHeader(header))) as Bytes32;
  } catch {
    return undefined; // not even hexadecimal
  }
}

function encodeHeader(h: RpcHeader): Uint8Array {
  const optional = [
    [h.baseFeePerGas, quantityOfHex],
    [h.withdrawalsRoot, fromHex],
    [h.blobGasUsed, quantityOfHex],
    [h.excessBlobGas, quantityOfHex],
    [h.parentBeaconBlockRoot, fromHex],
    [h.requestsHash, fromHex],
  ] as const;
  const later = optional.flatMap(([value, read]) =>
    value === undefined || value === null ? [] : [read(value)],
  );
  const fields = [
    fromHex(h.parentHash),
    fromHex(h.sha3Uncles),
    fromHex(h.miner),
    fromHex(h.stateRoot),
    fromHex(h.transactionsRoot),
    fromHex(h.receiptsRoot),
    fromHex(h.logsBloom),
    quantityOfHex(h.difficulty),
    quantityOfHex(h.number),
    quantityOfHex(h.gasLimit),
    quantityOfHex(h.gasUsed),
    quantityOfHex(h.timestamp),
    isQbft(h) ? withoutSeals(h.extraData) : fromHex(h.extraData),
    fromHex(h.mixHash),
    fromHex(h.nonce),
    ...later,
  ];
  return rlpJoin(fields.map(rlpString));
}

function isQbft(header: RpcHeader): boolean {
  return header.mixHash === BFT_MIX_HASH && Number(header.number) > 0;
}

/** RLP [vanity, [validators], vote, round, [seals]] with round 0 and no seals. */
function withoutSeals(extraData: string): Uint8Array {
  const [vanity, validators, vote] = decodeRlp(extraData) as [string, string[], string | string[]];
  const list = (items: readonly string[]) => rlpJoin(items.map((item) => rlpString(fromHex(item))));
  return rlpJoin([
    rlpString(fromHex(vanity)),
    list(validators),
    typeof vote === "string" ? rlpString(fromHex(vote)) : list(vote),
    rlpString(new Uint8Array(0)),
    rlpJoin([]),
  ]);
}

/** Whether a bloom filter of 256 bytes admits logs of this address (Yellow Paper, §4.3.1). False is certain. */
export function mayHoldLogsOf(logsBloom: string, address: Address): boolean {
  const bloom = fromHex(logsBloom);
  const hash = keccak256(fromHex(address));
  return [0, 2, 4].every((at) => {
    const bit = (((hash[at] as number) << 8) | (hash[at + 1] as number)) & 2047;
    return ((bloom[255 - (bit >> 3)] as number) & (1 << (bit & 7))) !== 0;
  });
}

/** Whether two hexadecimal strings are the same bytes. */
export function sameHex(a: string, b: string): boolean {
  return a.length === b.length && equalBytes(fromHex(a), fromHex(b));
}
