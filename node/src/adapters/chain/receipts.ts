/** The root over a block's receipts, rebuilt from what an RPC says they are. */
import { concat, fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import type { Bytes32 } from "@anamnesis/sdk/core/types";
import type { RpcLog } from "./events.ts";
import { quantity, quantityOfHex, rlpJoin, rlpString } from "./rlp.ts";

/** A receipt as JSON-RPC gives it. */
export interface RpcReceipt {
  readonly transactionHash: string;
  readonly transactionIndex: string;
  readonly blockHash: string;
  readonly blockNumber: string;
  readonly status: string;
  readonly cumulativeGasUsed: string;
  readonly logsBloom: string;
  readonly type?: string | null;
  readonly logs: readonly RpcLog[];
}

/** The root of the trie of index → receipt, in the order of the list (Yellow Paper, §4.3.2; EIP-2718). */
export function receiptsRoot(receipts: readonly RpcReceipt[]): Bytes32 {
  const leaves = receipts.map((receipt, index) => ({
    path: nibblesOf(rlpString(quantity(index))),
    value: encodeReceipt(receipt),
  }));
  const root = leaves.length === 0 ? rlpString(new Uint8Array(0)) : encodeNode(leaves, 0);
  return toHex(keccak256(root)) as Bytes32;
}

function encodeReceipt({ status, cumulativeGasUsed, logsBloom, logs, type }: RpcReceipt): Uint8Array {
  const body = rlpJoin([
    rlpString(quantityOfHex(status)),
    rlpString(quantityOfHex(cumulativeGasUsed)),
    rlpString(fromHex(logsBloom)),
    rlpJoin(logs.map(encodeLog)),
  ]);
  const kind = Number(type ?? 0);
  return kind === 0 ? body : concat(Uint8Array.of(kind), body);
}

function encodeLog({ address, topics, data }: RpcLog): Uint8Array {
  return rlpJoin([
    rlpString(fromHex(address)),
    rlpJoin(topics.map((topic) => rlpString(fromHex(topic)))),
    rlpString(fromHex(data)),
  ]);
}

interface Leaf {
  readonly path: readonly number[];
  readonly value: Uint8Array;
}

/** The RLP of the node over leaves that share their first `depth` nibbles (Yellow Paper, appendix D). */
function encodeNode(leaves: readonly Leaf[], depth: number): Uint8Array {
  const [first] = leaves as [Leaf];
  if (leaves.length === 1)
    return rlpJoin([rlpString(compact(first.path.slice(depth), true)), rlpString(first.value)]);
  let shared = depth;
  while (leaves.every(({ path }) => path[shared] !== undefined && path[shared] === first.path[shared]))
    shared++;
  if (shared > depth)
    return rlpJoin([
      rlpString(compact(first.path.slice(depth, shared), false)),
      reference(encodeNode(leaves, shared)),
    ]);
  const branches = Array.from({ length: 16 }, (_, nibble) => {
    const below = leaves.filter(({ path }) => path[depth] === nibble);
    return below.length === 0 ? rlpString(new Uint8Array(0)) : reference(encodeNode(below, depth + 1));
  });
  const ending = leaves.find(({ path }) => path.length === depth);
  return rlpJoin([...branches, rlpString(ending?.value ?? new Uint8Array(0))]);
}

/** A node of 32 bytes or more is named by its hash, a shorter one stands for itself. */
function reference(node: Uint8Array): Uint8Array {
  return node.length < 32 ? node : rlpString(keccak256(node));
}

/** Hex-prefix encoding (Yellow Paper, appendix C). */
function compact(nibbles: readonly number[], isLeaf: boolean): Uint8Array {
  const odd = nibbles.length % 2 === 1;
  const flag = (isLeaf ? 2 : 0) + (odd ? 1 : 0);
  const whole = odd ? [flag, ...nibbles] : [flag, 0, ...nibbles];
  return Uint8Array.from({ length: whole.length / 2 }, (_, i) => {
    return ((whole[2 * i] as number) << 4) | (whole[2 * i + 1] as number);
  });
}

function nibblesOf(bytes: Uint8Array): number[] {
  return [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
}
