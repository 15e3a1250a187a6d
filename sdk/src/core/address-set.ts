/**
 * Sets of IP addresses as closed intervals: what Self's ranges, compiled plans and benign records
 * are computed with. Text that is not canonical is refused, never repaired: `198.51.100.9/24` is
 * widened silently by firewalls, and a plan must say exactly what it does.
 */

/** A closed interval of addresses of one family. */
export interface AddressRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

const BITS = { 4: 32, 6: 128 } as const;

/** The number an IPv4 address stands for, or undefined; no leading zeros, no short forms. */
function parseIpv4(text: string): bigint | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let value = 0;
  for (const part of parts) {
    if (!/^(?:0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    value = value * 256 + Number(part);
  }
  return BigInt(value);
}

/** The number an IPv6 address stands for, or undefined; zones and embedded IPv4 are not taken. */
function parseIpv6(text: string): bigint | undefined {
  if (!/^[0-9a-f:]{2,39}$/i.test(text)) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined): string[] => (half ? half.split(":") : []);
  const left = groups(halves[0]);
  const right = groups(halves[1]);
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  let value = 0n;
  for (const group of [
    ...left,
    ...Array.from({ length: halves.length === 2 ? missing : 0 }, () => "0"),
    ...right,
  ]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    value = (value << 16n) | BigInt(`0x${group}`);
  }
  return value;
}

/**
 * A single address or a CIDR range, or undefined when the text is neither or has host bits set.
 *
 * @example
 * parseRange("10.0.0.0/30") // { family: 4, first: 167772160n, last: 167772163n }
 */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf("/");
  const address = slash < 0 ? text : text.slice(0, slash);
  const family = address.includes(":") ? 6 : 4;
  const value = family === 4 ? parseIpv4(address) : parseIpv6(address);
  if (value === undefined) return undefined;
  if (slash < 0) return { family, first: value, last: value };
  const prefixText = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText) || Number(prefixText) > BITS[family]) return undefined;
  const size = 1n << BigInt(BITS[family] - Number(prefixText));
  return value % size === 0n ? { family, first: value, last: value + size - 1n } : undefined;
}

/** Every range of a list, or undefined when one of them cannot be read. */
export function parseRanges(texts: readonly string[]): readonly AddressRange[] | undefined {
  const ranges: AddressRange[] = [];
  for (const text of texts) {
    const range = parseRange(text);
    if (range === undefined) return undefined;
    ranges.push(range);
  }
  return ranges;
}

/** Whether a range is every address of its family. */
export function isWholeFamily(range: AddressRange): boolean {
  return range.last - range.first === (1n << BigInt(BITS[range.family])) - 1n;
}

/** Whether two ranges share an address. */
export function overlaps(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** The same addresses as ascending, disjoint, non-adjacent ranges. */
export function mergeRanges(ranges: readonly AddressRange[]): readonly AddressRange[] {
  const sorted = [...ranges].sort((a, b) =>
    a.family !== b.family ? a.family - b.family : a.first < b.first ? -1 : a.first > b.first ? 1 : 0,
  );
  const merged: AddressRange[] = [];
  for (const range of sorted) {
    const before = merged.at(-1);
    if (before !== undefined && before.family === range.family && range.first <= before.last + 1n) {
      if (range.last > before.last) merged[merged.length - 1] = { ...before, last: range.last };
    } else merged.push(range);
  }
  return merged;
}

/** The addresses of `from` that are in none of `without`. */
export function subtractRanges(
  from: readonly AddressRange[],
  without: readonly AddressRange[],
): readonly AddressRange[] {
  let rest = mergeRanges(from);
  for (const hole of mergeRanges(without)) {
    rest = rest.flatMap((range) => {
      if (!overlaps(range, hole)) return [range];
      const pieces: AddressRange[] = [];
      if (range.first < hole.first) pieces.push({ ...range, last: hole.first - 1n });
      if (range.last > hole.last) pieces.push({ ...range, first: hole.last + 1n });
      return pieces;
    });
  }
  return rest;
}

/** Canonical text of an address (RFC 5952 for IPv6). */
export function formatAddress(family: 4 | 6, value: bigint): string {
  if (family === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16),
  );
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let length = 0;
    while (groups[i + length] === "0") length++;
    if (length > best.length) best = { start: i, length };
  }
  if (best.start < 0) return groups.join(":");
  const tail = groups.slice(best.start + best.length);
  return `${groups.slice(0, best.start).join(":")}::${tail.join(":")}`;
}

/** The smallest list of CIDR texts for a range; a single address has no slash. */
export function toCidrs(range: AddressRange): readonly string[] {
  const bits = BITS[range.family];
  const cidrs: string[] = [];
  let first = range.first;
  while (first <= range.last) {
    let hostBits = 0;
    while (hostBits < bits) {
      const size = 1n << BigInt(hostBits + 1);
      if (first % size !== 0n || first + size - 1n > range.last) break;
      hostBits++;
    }
    const address = formatAddress(range.family, first);
    cidrs.push(hostBits === 0 ? address : `${address}/${bits - hostBits}`);
    first += 1n << BigInt(hostBits);
  }
  return cidrs;
}

/** The prefix length of a range that is one CIDR block. */
export function prefixLength(range: AddressRange): number {
  return BITS[range.family] - ((range.last - range.first + 1n).toString(2).length - 1);
}
