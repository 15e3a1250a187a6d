/** Logs by pages, as wide as the node gives them. */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import type { RpcLog } from "./events.ts";
import type { Rpc } from "./rpc.ts";

/** Reads the logs of some addresses in blocks [from, to]. */
export type LogReader = (from: number, to: number) => Promise<readonly RpcLog[]>;

/** After so many pages in a row that were given, a wider one is tried again. */
const WIDEN_AFTER = 16;

/**
 * A page that the node refuses is halved, and the width it gives is remembered: nodes differ in what
 * they bound (blocks, results, bytes) and in how they say so. One block that is refused is a fault.
 */
export function createLogReader(call: Rpc["call"], addresses: readonly Address[]): LogReader {
  let width = Number.POSITIVE_INFINITY;
  let given = 0;

  const page = async (from: number, to: number): Promise<readonly RpcLog[]> => {
    const wide = to - from + 1;
    try {
      const filter = { address: addresses, fromBlock: hex(from), toBlock: hex(to) };
      const logs = (await call("eth_getLogs", [filter])) as readonly RpcLog[];
      if (wide >= width && ++given >= WIDEN_AFTER) {
        width *= 2;
        given = 0;
      }
      return logs;
    } catch (error) {
      if (!isAnamnesisError(error, "chain.reverted") || wide === 1) throw error;
      width = Math.ceil(wide / 2);
      given = 0;
      return read(from, to);
    }
  };

  const read: LogReader = async (from, to) => {
    const logs: RpcLog[] = [];
    for (let at = from; at <= to; ) {
      const end = Math.min(to, at + width - 1);
      logs.push(...(await page(at, end)));
      at = end + 1;
    }
    return logs;
  };
  return read;
}

/** The first log that nobody asked for, in words. */
export function foreignLog(
  logs: readonly RpcLog[],
  from: number,
  to: number,
  addresses: readonly Address[],
): string | undefined {
  for (const { address, blockNumber } of logs) {
    const block = Number(blockNumber);
    if (!(block >= from && block <= to))
      return `logs of blocks ${from} to ${to} were asked for, one of block ${blockNumber} is given`;
    if (!addresses.includes(address.toLowerCase() as Address))
      return `logs of ${addresses.join(" and ")} were asked for, one of ${address} is given`;
  }
  return undefined;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
