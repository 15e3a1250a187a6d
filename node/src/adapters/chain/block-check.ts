/**
 * What an RPC says of blocks, held against itself: a header's hash against its fields, a block against
 * its parent, logs against the receipts under that header. A chain invented as a whole is told by its
 * seals only (sdk/evidence); everything less shows here.
 */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { RpcLog } from "./events.ts";
import { hashHeader, mayHoldLogsOf, type RpcHeader } from "./header.ts";
import { type RpcReceipt, receiptsRoot } from "./receipts.ts";
import type { Rpc } from "./rpc.ts";

/** Checks of blocks. Each gives what cannot be, in words, or undefined. */
export interface BlockCheck {
  /** A header alone. */
  header(header: RpcHeader): string | undefined;
  /** Headers of [from − 1, to], and that `logs` are those of ours in [from, to]. */
  logs(from: number, to: number, logs: readonly RpcLog[]): Promise<string | undefined>;
  /** A receipt: that its block holds it, with this status and these logs. */
  receipt(receipt: RpcReceipt): Promise<string | undefined>;
}

/** Blocks whose receipts are remembered: a transaction's receipt is followed by its block's logs. */
const REMEMBERED = 8;

/** @param ours the contracts whose logs count */
export function createBlockCheck(call: Rpc["call"], ours: readonly Address[]): BlockCheck {
  const known = new Map<string, Promise<readonly RpcReceipt[] | undefined>>();

  const headerAt = async (number: number) =>
    (await call("eth_getBlockByNumber", [`0x${number.toString(16)}`, false])) as RpcHeader | null;

  const header = (found: RpcHeader): string | undefined => {
    const hash = hashHeader(found);
    if (hash === found.hash) return undefined;
    return `block ${Number(found.number)}: its header hashes to ${hash ?? "nothing"}, and it is called ${found.hash}`;
  };

  /** The receipts of a block, or undefined when the node has none to give. */
  const receiptsOf = (of: RpcHeader): Promise<readonly RpcReceipt[] | undefined> => {
    const found = known.get(of.hash) ?? fetchReceipts(call, of);
    known.delete(of.hash);
    known.set(of.hash, found);
    found.catch(() => known.delete(of.hash));
    for (const oldest of known.keys()) {
      if (known.size <= REMEMBERED) break;
      known.delete(oldest);
    }
    return found;
  };

  const provenReceipts = async (of: RpcHeader): Promise<readonly RpcReceipt[] | string | undefined> => {
    const receipts = await receiptsOf(of);
    if (receipts === undefined) return undefined;
    const root = rootOf(receipts);
    if (root === of.receiptsRoot) return receipts;
    known.delete(of.hash); // another node may have the true ones
    return `block ${Number(of.number)}: its receipts give the root ${root}, its header says ${of.receiptsRoot}`;
  };

  const isOurs = ({ address }: RpcLog) => ours.includes(address.toLowerCase() as Address);

  const logsOfBlock = async (of: RpcHeader, logs: readonly RpcLog[]): Promise<string | undefined> => {
    const name = `block ${Number(of.number)}`;
    if (logs.some((log) => log.blockHash !== undefined && log.blockHash !== of.hash))
      return `${name}: logs are said to be of another block of that number`;
    if (!ours.some((address) => mayHoldLogsOf(of.logsBloom, address)))
      return logs.length === 0 ? undefined : `${name}: logs are given that its header excludes`;
    const receipts = await provenReceipts(of);
    if (receipts === undefined || typeof receipts === "string") return receipts;
    const proven = receipts
      .flatMap((receipt) => receipt.logs)
      .filter(isOurs)
      .map(essenceOf);
    const given = logs.toSorted((a, b) => Number(a.logIndex) - Number(b.logIndex)).map(essenceOf);
    if (proven.join() === given.join()) return undefined;
    return `${name}: ${given.length} logs are given, its receipts prove ${proven.length} (withheld, invented or changed)`;
  };

  return {
    header,
    async logs(from, to, logs) {
      const first = Math.max(0, from - 1);
      const headers = await Promise.all(
        Array.from({ length: to - first + 1 }, (_, i) => headerAt(first + i)),
      );
      const whole = headers.filter((each) => each !== null);
      if (whole.length < headers.length) return undefined; // rolled back meanwhile: the page is read again
      for (const [i, each] of whole.entries()) {
        if (Number(each.number) !== first + i)
          return `block ${first + i}: block ${Number(each.number)} is given`;
        const fault = header(each);
        if (fault !== undefined) return fault;
        const parent = whole[i - 1];
        if (parent !== undefined && each.parentHash !== parent.hash)
          return `block ${first + i}: its parent is ${each.parentHash}, and block ${first + i - 1} is ${parent.hash}`;
      }
      const checked = whole.slice(from - first).map((each, i) =>
        logsOfBlock(
          each,
          logs.filter((log) => Number(log.blockNumber) === from + i),
        ),
      );
      return (await Promise.all(checked)).find((fault) => fault !== undefined);
    },
    async receipt(receipt) {
      const of = await headerAt(Number(receipt.blockNumber));
      if (of === null || of.hash !== receipt.blockHash)
        return `transaction ${receipt.transactionHash}: its receipt names block ${receipt.blockHash}, which is not in the chain`;
      const fault = header(of);
      if (fault !== undefined) return fault;
      const receipts = await provenReceipts(of);
      if (receipts === undefined || typeof receipts === "string") return receipts;
      const proven = receipts.at(Number(receipt.transactionIndex));
      const same =
        proven?.transactionHash === receipt.transactionHash &&
        Number(proven.status) === Number(receipt.status) &&
        proven.logs.map(essenceOf).join() === receipt.logs.map(essenceOf).join();
      return same
        ? undefined
        : `transaction ${receipt.transactionHash}: its receipt is not the one that its block proves`;
    },
  };
}

function rootOf(receipts: readonly RpcReceipt[]): string {
  try {
    return receiptsRoot(receipts);
  } catch {
    return "nothing"; // not even hexadecimal
  }
}

function essenceOf({ address, topics, data }: RpcLog): string {
  return `${address.toLowerCase()} ${topics.join(" ")} ${data}`;
}

/** By block where the node can (geth ≥ 1.13, Besu), else one by one. */
async function fetchReceipts(call: Rpc["call"], of: RpcHeader): Promise<readonly RpcReceipt[] | undefined> {
  let found: readonly (RpcReceipt | null)[] | null;
  try {
    found = (await call("eth_getBlockReceipts", [of.number])) as readonly RpcReceipt[] | null;
  } catch (error) {
    if (!isAnamnesisError(error, "chain.reverted")) throw error;
    found = (await Promise.all(
      of.transactions.map((hash) => call("eth_getTransactionReceipt", [hash])),
    )) as readonly (RpcReceipt | null)[];
  }
  const whole = found?.filter((each) => each !== null);
  if (whole === undefined || whole.length < of.transactions.length) return undefined;
  return whole.toSorted((a, b) => Number(a.transactionIndex) - Number(b.transactionIndex));
}

/** The error of an RPC that contradicts itself. */
export function contradiction(what: string): AnamnesisError {
  return new AnamnesisError("chain.contradiction", `the chain node contradicts itself: ${what}`);
}
