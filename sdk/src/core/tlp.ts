import type { Tlp } from "./types.ts";

const RANK: Readonly<Record<Tlp, number>> = { clear: 0, green: 1, amber: 2, "amber+strict": 3 };

/** The stricter of two markings (TLP 2.0). */
export function stricterTlp(a: Tlp, b: Tlp | undefined): Tlp {
  return b !== undefined && RANK[b] > RANK[a] ? b : a;
}
