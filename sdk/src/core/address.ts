/** Addresses as they come from the wire: one spelling each, and what the registries say about them. */
import ipaddr from "ipaddr.js";
import { formatAddress, parseRange } from "./address-set.ts";
import { AnamnesisError } from "./errors.ts";
import { remember } from "./remember.ts";

/** What an address is for. Only `public` ones mean the same machine at every plant. */
export type AddressClass =
  | "public"
  | "private"
  | "shared"
  | "loopback"
  | "linkLocal"
  | "multicast"
  | "broadcast"
  | "unspecified"
  | "documentation"
  | "reserved";

/** A block of a special-purpose registry, by name. */
export interface SpecialBlock {
  readonly class: AddressClass;
  /** The block in CIDR text. */
  readonly block: string;
  /** What it is and where that is written. */
  readonly name: string;
}

/**
 * The IANA IPv4 and IPv6 special-purpose address registries (RFC 6890 and its updates), most specific
 * first. Blocks that are globally reachable (AS112, AMT) are left out: they are public.
 */
const SPECIAL: readonly SpecialBlock[] = [
  { class: "broadcast", block: "255.255.255.255", name: "limited broadcast (RFC 8190)" },
  { class: "unspecified", block: "0.0.0.0", name: "unspecified (RFC 1122)" },
  { class: "reserved", block: "0.0.0.0/8", name: "this network (RFC 791)" },
  { class: "private", block: "10.0.0.0/8", name: "private use (RFC 1918)" },
  { class: "private", block: "172.16.0.0/12", name: "private use (RFC 1918)" },
  { class: "private", block: "192.168.0.0/16", name: "private use (RFC 1918)" },
  { class: "shared", block: "100.64.0.0/10", name: "shared address space (RFC 6598)" },
  { class: "loopback", block: "127.0.0.0/8", name: "loopback (RFC 1122)" },
  { class: "linkLocal", block: "169.254.0.0/16", name: "link local (RFC 3927)" },
  { class: "reserved", block: "192.0.0.0/24", name: "IETF protocol assignments (RFC 6890)" },
  { class: "documentation", block: "192.0.2.0/24", name: "documentation TEST-NET-1 (RFC 5737)" },
  { class: "documentation", block: "198.51.100.0/24", name: "documentation TEST-NET-2 (RFC 5737)" },
  { class: "documentation", block: "203.0.113.0/24", name: "documentation TEST-NET-3 (RFC 5737)" },
  { class: "reserved", block: "192.88.99.0/24", name: "deprecated 6to4 relay (RFC 7526)" },
  { class: "reserved", block: "198.18.0.0/15", name: "benchmarking (RFC 2544)" },
  { class: "multicast", block: "224.0.0.0/4", name: "multicast (RFC 1112)" },
  { class: "reserved", block: "240.0.0.0/4", name: "reserved (RFC 1112)" },
  { class: "unspecified", block: "::", name: "unspecified (RFC 4291)" },
  { class: "loopback", block: "::1", name: "loopback (RFC 4291)" },
  { class: "reserved", block: "64:ff9b::/96", name: "IPv4 translation (RFC 6052)" },
  { class: "documentation", block: "2001:db8::/32", name: "documentation (RFC 3849)" },
  { class: "reserved", block: "2001::/23", name: "IETF protocol assignments (RFC 2928)" },
  { class: "reserved", block: "2002::/16", name: "6to4 (RFC 3056)" },
  { class: "documentation", block: "3fff::/20", name: "documentation (RFC 9637)" },
  { class: "private", block: "fc00::/7", name: "unique local (RFC 4193)" },
  { class: "linkLocal", block: "fe80::/10", name: "link local (RFC 4291)" },
  { class: "private", block: "fec0::/10", name: "deprecated site local (RFC 3879)" },
  { class: "multicast", block: "ff00::/8", name: "multicast (RFC 4291)" },
  // Global unicast is 2000::/3 and nothing else (RFC 4291, IANA): what is left of ::/0 is not in use.
  { class: "reserved", block: "::/3", name: "outside global unicast (RFC 4291)" },
  { class: "reserved", block: "4000::/2", name: "outside global unicast (RFC 4291)" },
  { class: "reserved", block: "8000::/1", name: "outside global unicast (RFC 4291)" },
];

/** A closed interval of addresses of one family: numbers for IPv4, bigints for IPv6. */
export interface Span {
  readonly family: 4 | 6;
  readonly first: number | bigint;
  readonly last: number | bigint;
}

/** The first 96 bits of an IPv4-mapped IPv6 address (RFC 4291). */
const MAPPED = 0xffffn;

const SPECIAL_SPANS = SPECIAL.map((special) => ({ special, span: spanOf(special.block) }));
const SPECIAL_V4 = SPECIAL_SPANS.filter(({ span }) => span.family === 4);
const SPECIAL_V6 = SPECIAL_SPANS.filter(({ span }) => span.family === 6);
/** The IPv4 blocks by the first octet of an address: most have none. */
const SPECIAL_BY_OCTET = Array.from({ length: 256 }, (_, octet) => {
  const addresses: Span = { family: 4, first: octet * 2 ** 24, last: (octet + 1) * 2 ** 24 - 1 };
  return SPECIAL_V4.filter(({ span }) => spansOverlap(span, addresses));
});

/**
 * The one spelling of an address, or undefined when the text is none.
 *
 * IPv6 as RFC 5952, IPv4-mapped IPv6 as IPv4, a zone id (RFC 4007) cut off: it means something on
 * one machine only. IPv4 with leading zeros, in hexadecimal or with fewer than four parts is none.
 *
 * @example
 * canonicalAddress("2001:0DB8::0066") // "2001:db8::66"
 * canonicalAddress("::ffff:203.0.113.66") // "203.0.113.66"
 */
export function canonicalAddress(text: string): string | undefined {
  if (ipv4Number(text) >= 0) return text;
  return text.includes(":") && text.length <= 100 ? canonicalIpv6(text) : undefined;
}

const canonicalIpv6 = remember((text) => {
  const zone = text.indexOf("%");
  const bare = zone < 0 ? text : text.slice(0, zone);
  if (!ipaddr.IPv6.isValid(bare)) return undefined;
  const address = ipaddr.IPv6.parse(bare);
  if (address.isIPv4MappedAddress()) return address.toIPv4Address().toString();
  return formatAddress(
    6,
    address.toByteArray().reduce((value, byte) => (value << 8n) | BigInt(byte), 0n),
  );
});

/** The addresses of one address in any spelling, or of a CIDR text; IPv4-mapped IPv6 is IPv4. Throws `input.invalid`. */
export function spanOf(text: string): Span {
  const number = ipv4Number(text);
  if (number >= 0) return { family: 4, first: number, last: number };
  const range = parseRange(text) ?? parseRange(canonicalAddress(text) ?? "") ?? dottedRange(text);
  if (range === undefined) {
    throw new AnamnesisError(
      "input.invalid",
      `${text.slice(0, 60)} is no address and no CIDR range without host bits; write 192.0.2.7 or 192.0.2.0/24`,
    );
  }
  if (range.family === 4) return { family: 4, first: Number(range.first), last: Number(range.last) };
  if (range.first >> 32n !== MAPPED || range.last >> 32n !== MAPPED) return range;
  return { family: 4, first: Number(range.first & 0xffffffffn), last: Number(range.last & 0xffffffffn) };
}

/** A range of IPv6 whose last 32 bits are written as IPv4: `::ffff:192.0.2.0/120`. */
function dottedRange(text: string): ReturnType<typeof parseRange> {
  const match = /^([0-9a-f:]{2,30}:)((?:\d{1,3}\.){3}\d{1,3})(\/\d{1,3})$/i.exec(text);
  const number = match === null ? -1 : ipv4Number(match[2] as string);
  if (match === null || number < 0) return undefined;
  return parseRange(
    `${match[1]}${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}${match[3]}`,
  );
}

/** The length of the shortest prefix that is no wider than a span: 24 for 192.0.2.0/24. */
export function prefixOf({ family, first, last }: Span): number {
  const bits = family === 4 ? 32 : 128;
  return bits - (BigInt(last) - BigInt(first)).toString(2).replace(/^0$/, "").length;
}

/** Whether two spans share an address. */
export function spansOverlap(a: Span, b: Span): boolean {
  return a.family === b.family && a.first <= b.last && b.first <= a.last;
}

/** Whether `outer` holds every address of `inner`. */
export function spanContains(outer: Span, inner: Span): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

const NO_SPANS: readonly Span[] = [];
const labs = new WeakMap<readonly string[], readonly Span[]>();

function labSpans(labPublic: readonly string[] | undefined): readonly Span[] {
  if (labPublic === undefined) return NO_SPANS;
  let spans = labs.get(labPublic);
  if (spans === undefined) {
    spans = labPublic.map(spanOf);
    labs.set(labPublic, spans);
  }
  return spans;
}

/**
 * The special block that a span touches, or undefined when all of it is public.
 *
 * What lies wholly inside one of `labPublic` is public: a laboratory lets documentation addresses
 * stand for the Internet. Throws `input.invalid` when `labPublic` holds text that is no range.
 */
export function specialBlock(
  span: Span,
  options: { readonly labPublic?: readonly string[] | undefined } = {},
): SpecialBlock | undefined {
  for (const { special, span: block } of specialNear(span)) {
    if (!spansOverlap(block, span)) continue;
    return labSpans(options.labPublic).some((lab) => spanContains(lab, span)) ? undefined : special;
  }
  return undefined;
}

function specialNear({ family, first, last }: Span): typeof SPECIAL_SPANS {
  if (family === 6) return SPECIAL_V6;
  const octet = Number(first) >>> 24;
  return octet === Number(last) >>> 24 ? (SPECIAL_BY_OCTET[octet] as typeof SPECIAL_SPANS) : SPECIAL_V4;
}

/**
 * What an address is for (IANA special-purpose registries). Throws `input.invalid`.
 *
 * @example
 * classifyAddress("203.0.113.7") // "documentation"
 * classifyAddress("203.0.113.7", { labPublic: ["203.0.113.0/24"] }) // "public"
 */
export function classifyAddress(
  text: string,
  options: { readonly labPublic?: readonly string[] } = {},
): AddressClass {
  return specialBlock(spanOf(text), options)?.class ?? "public";
}

/** An IPv4 address in four decimal parts as a number, or −1. Leading zeros are refused: they meant octal once. */
export function ipv4Number(text: string): number {
  if (text.length > 15) return -1;
  let value = 0;
  let part = -1;
  let dots = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46) {
      if (part < 0 || ++dots > 3) return -1;
      value = value * 256 + part;
      part = -1;
    } else {
      if (code < 48 || code > 57 || part === 0) return -1;
      part = part < 0 ? code - 48 : part * 10 + code - 48;
      if (part > 255) return -1;
    }
  }
  return dots === 3 && part >= 0 ? value * 256 + part : -1;
}
