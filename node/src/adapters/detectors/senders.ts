/** Who may send to a detector that listens. */
import { overlaps, parseRange } from "@anamnesis/sdk/core/address-set";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** Whether an address may send. */
export type MaySend = (address: string) => boolean;

/**
 * The check of a list of addresses and ranges; an empty list lets everybody send.
 * @throws AnamnesisError `config.invalid` for an entry that is neither
 */
export function createMaySend(from: readonly string[]): MaySend {
  const ranges = from.map((text) => {
    const range = parseRange(text);
    if (range === undefined)
      throw new AnamnesisError("config.invalid", `from: ${text.slice(0, 60)} is no address and no range`);
    return range;
  });
  const known = new Map<string, boolean>();
  return (address) => {
    if (ranges.length === 0) return true;
    let may = known.get(address);
    if (may === undefined) {
      const own = parseRange(address.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*$/, ""));
      may = own !== undefined && ranges.some((range) => overlaps(range, own));
      // Forged senders are many.
      if (known.size >= 4096) known.clear();
      known.set(address, may);
    }
    return may;
  };
}
