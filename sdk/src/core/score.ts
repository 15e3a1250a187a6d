import type { MemberNumber, Register } from "./types.ts";

/** A kind of record and how its worth decays: MISP's polynomial model, score · (1 − (t/τ)^(1/δ)). */
export type DecayKind = "address" | "name" | "file" | "behaviour";

/** Lifetime τ in days and decay speed δ ×10, by kind. Addresses change hands, conduct does not. */
const DECAY: Readonly<Record<DecayKind, { readonly days: number; readonly root: number }>> = {
  address: { days: 30, root: 1 },
  name: { days: 90, root: 1 },
  file: { days: 365, root: 2 },
  behaviour: { days: 730, root: 2 },
};

/** Weight of a support by basis: seen counts most, tested least, since it claims harmlessness, not malice. */
const BASIS_WEIGHT = { 1: 100, 2: 50, 3: 80 } as const;

/**
 * The integer score of a record, 0–1000, from signed fields only: equal on every node at one height.
 *
 * Every active member's valid support adds confidence × weight of its basis, halved for each further
 * member; then it decays from the newest support on. Integer arithmetic throughout.
 *
 * @param at seconds since the epoch
 */
export function score(
  registers: Iterable<Register>,
  active: ReadonlySet<MemberNumber>,
  kind: DecayKind,
  at: number,
): number {
  const worths: number[] = [];
  let newest = 0;
  for (const r of registers) {
    if (!active.has(r.member) || r.stance !== 1 || r.validUntil <= at) continue;
    worths.push(r.confidence * BASIS_WEIGHT[r.basis]); // 0–10,000
    newest = Math.max(newest, Math.floor(r.version / 1000));
  }
  worths.sort((a, b) => b - a);
  let base = 0;
  for (let i = 0; i < worths.length && i < 14; i++) base += Math.floor((worths[i] as number) / 2 ** i / 20); // ≤ 1,000 in total
  return Math.floor((Math.min(base, 1000) * remaining(kind, at - newest)) / 1000);
}

/** What is left of a score after `age` seconds, 0–1000 (per mille), integers only. */
function remaining(kind: DecayKind, age: number): number {
  const { days, root } = DECAY[kind];
  const lifetime = days * 86_400;
  if (age <= 0) return 1000;
  if (age >= lifetime) return 0;
  const share = Math.floor((age * 1000) / lifetime); // 0–999
  return root === 1 ? 1000 - share : 1000 - Math.floor((share * share) / 1000);
}
