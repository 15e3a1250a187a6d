/**
 * "Was this node key active at block N?": one rule, the same in `MemberRegistry`, here and in an evidence bundle.
 *
 * It is about the key alone. Whether the member's stances count is another question (its suspension):
 * a suspended member's key stays active, its registers stay where they are and do not count.
 */

/** Between which blocks a key spoke, as the registry has it. */
export interface KeyBlocks {
  /** The block of `addNodeKey`. */
  readonly addedAtBlock: number;
  /** The block that closed it; absent, or 0 as in storage, while it is open. */
  readonly revokedAtBlock?: number | undefined;
}

/**
 * Whether a key was active at a block: in blocks [added, revoked), by the state at the end of each block.
 *
 * @param key undefined for a key that was never added
 * @param block whole and not negative; a block that the facts do not reach yet cannot be asked about
 *
 * @example
 * isKeyActiveAt({ addedAtBlock: 5, revokedAtBlock: 9 }, 8); // true
 * isKeyActiveAt({ addedAtBlock: 5, revokedAtBlock: 9 }, 9); // false
 */
export function isKeyActiveAt(key: KeyBlocks | undefined, block: number): boolean {
  if (key === undefined || block < key.addedAtBlock) return false;
  const { revokedAtBlock } = key;
  return revokedAtBlock === undefined || revokedAtBlock === 0 || block < revokedAtBlock;
}
