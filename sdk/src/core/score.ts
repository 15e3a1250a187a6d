import type { MemberNumber, Register } from "./types.ts";

/** A kind of record, by which its worth decays: MISP's polynomial model, score · (1 − (t/τ)^(1/δ)). */
export type DecayKind = "address" | "name" | "file" | "behaviour";

/**
 * Lifetime τ in days, by kind, at decay speed δ = 2: the defaults of MISP's model for network indicators
 * (`nids-simple-model` 2: addresses, names, URLs, and detection rules, which behaviours stand for). MISP
 * has no default for files: their worth stays until the words for them end.
 */
const LIFETIME_DAYS: Readonly<Record<DecayKind, number | undefined>> = {
  address: 120,
  name: 120,
  behaviour: 120,
  file: undefined,
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
  const days = LIFETIME_DAYS[kind];
  if (days === undefined || age <= 0) return 1000;
  const lifetime = days * 86_400;
  if (age >= lifetime) return 0;
  // The square root of a whole number below 10^6 is correctly rounded by IEEE 754, so its floor is exact.
  return 1000 - Math.floor(Math.sqrt(Math.floor((age * 1_000_000) / lifetime)));
}
