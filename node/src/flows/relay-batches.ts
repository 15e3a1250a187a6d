/* How the relay packs what the chain lacks. */
import type { SignedAttestation } from "../ports.ts";
import type { MissingWord } from "./relay-difference.ts";

/** A word as the chain takes it. */
export function signedOf({ word }: MissingWord): SignedAttestation {
  const { signature, ...attestation } = word.attestation;
  return { attestation, signature };
}

/** Items in lists of at most `size`, in order. */
export function batchesOf<T>(items: readonly T[], size: number): T[][] {
  const batches: T[][] = [];
  for (let at = 0; at < items.length; at += size) batches.push(items.slice(at, at + size));
  return batches;
}

/** Waits for all, so that nothing is under way unseen, and then throws the first failure. */
export async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

/** Zero of nothing. */
export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}
