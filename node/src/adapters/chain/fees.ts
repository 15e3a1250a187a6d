/** What a transaction offers for its gas: nothing where gas is free, enough to be mined where it is not. */
import type { Rpc } from "./rpc.ts";
import type { Fees } from "./transaction.ts";

/** Prices as a chain node tells them now, wei. */
export interface FeeView {
  /** Of the newest block; undefined before London. */
  readonly baseFee: number | undefined;
  /** What the node suggests in all. */
  readonly gasPrice: number;
}

/** Asks for prices; two calls of one request. */
export async function readFees(call: Rpc["call"]): Promise<FeeView> {
  const [price, block] = await Promise.all([
    call("eth_gasPrice", []),
    call("eth_getBlockByNumber", ["latest", false]),
  ]);
  const baseFee = (block as { baseFeePerGas?: string } | null)?.baseFeePerGas;
  return { gasPrice: Number(price), baseFee: baseFee === undefined ? undefined : Number(baseFee) };
}

/**
 * What is offered: without a base fee (or with one of zero) a quarter more than the suggested price, in a
 * legacy transaction that every chain takes; with a base fee twice that fee and the suggested share for
 * the producer, so that it stays minable over six full blocks and costs no more than it must.
 */
export function feesOf({ baseFee = 0, gasPrice }: FeeView): Fees {
  if (baseFee === 0) return { gasPrice: Math.ceil(gasPrice * 1.25) };
  const maxPriorityFeePerGas = Math.max(0, gasPrice - baseFee);
  return { maxFeePerGas: 2 * baseFee + maxPriorityFeePerGas, maxPriorityFeePerGas };
}

/** Whether a block with this base fee cannot hold a transaction that offers these fees. */
export function isBelow(fees: Fees, { baseFee = 0 }: FeeView): boolean {
  return mostOf(fees) < baseFee;
}

/** Fees for the same nonce again: what is offered now, and at least an eighth above the old ones (pools ask for a tenth). */
export function dearer(old: Fees, view: FeeView): Fees {
  const now = feesOf(view);
  const least = (value: number) => Math.ceil(value * 1.125);
  if ("gasPrice" in old) return { gasPrice: Math.max(mostOf(now), least(old.gasPrice)) };
  const tip = "gasPrice" in now ? 0 : now.maxPriorityFeePerGas;
  return {
    maxFeePerGas: Math.max(mostOf(now), least(old.maxFeePerGas)),
    maxPriorityFeePerGas: Math.max(tip, least(old.maxPriorityFeePerGas)),
  };
}

function mostOf(fees: Fees): number {
  return "gasPrice" in fees ? fees.gasPrice : fees.maxFeePerGas;
}
