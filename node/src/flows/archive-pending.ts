import type { IndicatorId } from "@anamnesis/sdk/core/types";

/** Blocks that wait for their proof, with the records that changed in them. */
export interface Pending {
  note(block: number, ids: Iterable<IndicatorId>): void;
  /** The oldest block that is not older than `from`; older ones are forgotten. */
  oldest(from: number): { readonly block: number; readonly ids: ReadonlySet<IndicatorId> } | undefined;
  done(block: number, ids: Iterable<IndicatorId>): void;
  clear(): void;
  /** Records that wait, each as often as it changed. */
  size(): number;
}

/** Blocks that wait at most: who reads a whole chain anew cannot have all of it proved. */
const MOST_BLOCKS = 128;

/** Starts empty. It may be lost: what is due besides is found by comparing. */
export function createPending(): Pending {
  const byBlock = new Map<number, Set<IndicatorId>>();
  return {
    note(block, ids) {
      const own = byBlock.get(block) ?? new Set();
      for (const id of ids) own.add(id);
      if (own.size > 0) byBlock.set(block, own);
      for (const first of byBlock.keys()) {
        if (byBlock.size <= MOST_BLOCKS) break;
        byBlock.delete(first);
      }
    },
    oldest(from) {
      for (const [block, ids] of byBlock) {
        if (block >= from) return { block, ids };
        byBlock.delete(block);
      }
      return undefined;
    },
    done(block, ids) {
      const own = byBlock.get(block);
      for (const id of ids) own?.delete(id);
      if (own?.size === 0) byBlock.delete(block);
    },
    clear: () => byBlock.clear(),
    size: () => [...byBlock.values()].reduce((sum, { size }) => sum + size, 0),
  };
}
