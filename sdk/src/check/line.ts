/**
 * Addresses as closed intervals, read by the checker itself. IPv4 are numbers, IPv6 bigints; IPv6
 * that stands for IPv4 (mapped, RFC 4291; NAT64, RFC 6052) is on both lines, so that no spelling hides.
 */

type Span<T> = readonly [first: T, last: T];

/** A set of addresses that can be asked whether it shares one with another. */
export interface Line {
  readonly v4: Sorted<number>;
  readonly v6: Sorted<bigint>;
}

/** Spans by their first address; with each, the furthest last address up to it. */
interface Sorted<T> {
  readonly spans: readonly Span<T>[];
  readonly reach: readonly T[];
}

/** What cannot be read cannot be checked. */
export class Unreadable extends Error {}

/** Reads addresses and CIDR ranges; throws `Unreadable`. Host bits are widened: the larger set is assumed. */
export function lineOf(texts: readonly string[]): Line {
  const v4: Span<number>[] = [];
  const v6: Span<bigint>[] = [];
  for (const text of texts) {
    const narrow = spanOfV4(text);
    if (narrow !== undefined) v4.push(narrow);
    else {
      const [first, last] = spanOfV6(text);
      v6.push([first, last]);
      for (const base of EMBEDDED) {
        const [low, high] = [first - base, last - base];
        if (low <= MOST_V4 && high >= 0n) v4.push([within(low), within(high)]);
      }
    }
  }
  return { v4: sorted(v4), v6: sorted(v6) };
}

const MOST_V4 = 0xffffffffn;
const within = (value: bigint): number => Number(value < 0n ? 0n : value > MOST_V4 ? MOST_V4 : value);
const EMBEDDED: readonly bigint[] = [0xffffn << 32n, 0x64ff9bn << 96n];

/** Whether two sets share an address. */
export function shares(a: Line, b: Line): boolean {
  return meets(a.v4, b.v4) || meets(a.v6, b.v6);
}

function meets<T extends number | bigint>(a: Sorted<T>, b: Sorted<T>): boolean {
  const [few, many] = a.spans.length < b.spans.length ? [a, b] : [b, a];
  return few.spans.some((span) => holds(many, span));
}

/** Of the spans that begin before this one ends, does any reach its beginning? */
function holds<T extends number | bigint>({ spans, reach }: Sorted<T>, [first, last]: Span<T>): boolean {
  let [low, high] = [0, spans.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spans[middle] as Span<T>)[0] <= last) low = middle + 1;
    else high = middle;
  }
  return low > 0 && (reach[low - 1] as T) >= first;
}

function sorted<T extends number | bigint>(spans: Span<T>[]): Sorted<T> {
  spans.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const reach: T[] = [];
  for (const [, last] of spans) {
    const before = reach.at(-1);
    reach.push(before !== undefined && before > last ? before : last);
  }
  return { spans, reach };
}

/** No leading zeros: they are octal to some and decimal to others. */
const V4 = /^(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})(?:\/\d{1,2})?$/;

function spanOfV4(text: string): Span<number> | undefined {
  if (typeof text !== "string" || !V4.test(text)) return undefined;
  const [address = "", prefix = "32"] = text.split("/");
  let [value, byte] = [0, 0];
  for (let at = 0; at < address.length; at++) {
    const digit = address.charCodeAt(at) - 48;
    [value, byte] = digit < 0 ? [value * 256 + byte, 0] : [value, byte * 10 + digit];
    if (byte > 255) return undefined;
  }
  const size = 2 ** (32 - Number(prefix));
  const first = Math.floor((value * 256 + byte) / size) * size;
  return size < 1 ? undefined : [first, first + size - 1];
}

function spanOfV6(text: string): Span<bigint> {
  const [, address = "", prefix = 128] = /^([0-9a-f:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const [left = [], right, ...more] = address.split("::").map((half) => (half ? half.split(":") : []));
  const gap = 8 - left.length - (right?.length ?? 0);
  const groups = [...left, ...Array.from({ length: gap }, () => "0"), ...(right ?? [])];
  const isWhole = right === undefined ? gap === 0 : gap > 0 && more.length === 0;
  if (!isWhole || Number(prefix) > 128 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)))
    throw new Unreadable(`the address ${JSON.stringify(text)}`);
  const size = 1n << BigInt(128 - Number(prefix));
  const first = (BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`) / size) * size;
  return [first, first + size - 1n];
}
