import type { Address, Bytes32, SignedHead } from "@anamnesis/sdk/core/types";
import type { Store, StoreOp } from "../ports.ts";
import { fromJson, rangeOf, toJson } from "./keys.ts";

/** Two signed heads of one feed that belong to no one history; `a` is not the greater one. */
export interface Contradiction {
  readonly a: SignedHead;
  readonly b: SignedHead;
  /** What proves it on the chain, once somebody has given it. */
  readonly path?: readonly Bytes32[];
  /** Entries held when it was seen: nothing beyond them counts before the chain has judged. */
  readonly size: number;
}

/** Contradictions seen, one for each feed, kept over restarts. */
export interface Contradictions {
  of(feed: Address): Contradiction | undefined;
  all(): Iterable<Contradiction>;
  stage(contradiction: Contradiction): { readonly op: StoreOp; done(): void };
}

/** Loads what the store holds. */
export async function loadContradictions(store: Store): Promise<Contradictions> {
  const seen = new Map<Address, Contradiction>();
  for await (const [, bytes] of store.entries(rangeOf("x/"))) {
    const one = fromJson<Contradiction>(bytes);
    seen.set(one.a.feed, one);
  }
  return {
    of: (feed) => seen.get(feed),
    all: () => seen.values(),
    stage: (one) => ({
      op: { type: "put", key: `x/${one.a.feed}`, value: toJson(one) },
      done: () => void seen.set(one.a.feed, one),
    }),
  };
}
