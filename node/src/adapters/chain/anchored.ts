import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Bytes32, Hex, SignedHead } from "@anamnesis/sdk/core/types";
import type { Result } from "ethers";
import { REGISTRY } from "./abi.ts";
import type { Rpc } from "./rpc.ts";

const ANCHORED = REGISTRY.getEvent("FeedAnchored")?.topicHash;

/**
 * The signed head of an anchoring, read from the calldata of its transaction: the event has no
 * signature. Undefined when another contract made the call, or the node does not keep transactions.
 *
 * @throws AnamnesisError those of `call`
 */
export async function findAnchored(
  call: Rpc["call"],
  registry: Address,
  { feed, size, block }: { readonly feed: Address; readonly size: number; readonly block: number },
): Promise<SignedHead | undefined> {
  const topics = [ANCHORED, `0x${feed.slice(2).padStart(64, "0")}`];
  const at = `0x${block.toString(16)}`;
  const logs = (await call("eth_getLogs", [{ address: registry, topics, fromBlock: at, toBlock: at }])) as {
    readonly data: string;
    readonly transactionHash: string;
  }[];
  for (const { data, transactionHash } of logs) {
    if (Number(BigInt(data.slice(0, 66))) !== size) continue;
    const transaction = (await call("eth_getTransactionByHash", [transactionHash])) as {
      input?: string;
    } | null;
    const head = headsIn(transaction?.input).find((each) => each.feed === feed && each.size === size);
    if (head !== undefined) return head;
  }
  return undefined;
}

function headsIn(input: string | undefined): SignedHead[] {
  try {
    const [heads] = REGISTRY.decodeFunctionData("anchor", input ?? "0x") as unknown as [Result[]];
    return heads.map((head) => ({
      feed: String(head.feed).toLowerCase() as Address,
      size: Number(head.size),
      root: head.root as Bytes32,
      signature: `${head.r}${String(head.s).slice(2)}${Number(head.v).toString(16).padStart(2, "0")}` as Hex,
    })) as SignedHead[];
  } catch (error) {
    if (isAnamnesisError(error)) throw error;
    return []; // not a call of `anchor`
  }
}
