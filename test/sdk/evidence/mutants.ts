/** Bundles in which one byte was changed. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Trust } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";

/** What is done to a byte: its eight bits, one at a time. */
export const FLIPS: readonly number[] = Array.from({ length: 8 }, (_, bit) => 1 << bit);

/** The code with which a mutant is refused, or "verified". */
export function outcomeOf(bytes: Uint8Array, at: number, flip: number, trust: Trust): string {
  const mutant = bytes.slice();
  mutant[at] = (mutant[at] as number) ^ flip;
  try {
    const verdict = verifyEvidence(mutant, trust);
    return verdict.verified ? "verified" : verdict.failure.code;
  } catch (error) {
    if (error instanceof AnamnesisError) return error.code;
    throw error;
  }
}
