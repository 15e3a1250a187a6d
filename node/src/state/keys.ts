import type { Address } from "@anamnesis/sdk/core/types";

/*
 * The store's map, one letter a room:
 *   f/<feed>                  a feed's frontier and newest complete head
 *   e/<feed>/<start>          a stretch of a feed's items with the subtrees they closed (blocks.ts)
 *   a/i/<block>               what an archived block proves   a/s/<block>   … its header and trie nodes
 *   c/<sequence>              the change log
 *   d/<sequence>              a detection and its outcome      p/<sequence>  … still without one
 *   q/<indicator>             a candidate that awaits release
 *   k/<time>                  the newest version of a record, in the order they came (shelf.ts)
 *   g/<indicator>             this plant's own sightings
 *   o/<sequence>              an entry that enters the own feed with the next tick
 *   s/<detector>              a detector's position and counts
 *   t/<sender>/<nonce>        a transaction that is not known to be mined
 *   x/<feed>                  two heads of a feed that contradict each other
 *   r/…                       the registry as indexed          v/…           applications in force
 */

/** Twelve digits: text order is number order up to 10^12. */
export function ordinal(value: number): string {
  return value.toString().padStart(12, "0");
}

/** The range of all keys that begin with `prefix`. */
export function rangeOf(prefix: string): { readonly gte: string; readonly lt: string } {
  return { gte: prefix, lt: `${prefix}\uffff` };
}

/** Key of a feed's state. */
export const feedKey = (feed: Address): string => `f/${feed}`;
/** Key of the block that starts at an index. */
export const blockKey = (feed: Address, start: number): string => `e/${feed}/${ordinal(start)}`;
/** The range of a feed's blocks. */
export const blocksOf = (feed: Address): { readonly gte: string; readonly lt: string } =>
  rangeOf(`e/${feed}/`);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** JSON as store bytes. */
export function toJson(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** Store bytes as JSON; only for bytes that `toJson` wrote. */
export function fromJson<T>(bytes: Uint8Array): T {
  return JSON.parse(decoder.decode(bytes)) as T;
}
