/** What controls refuse before they compile an observable, whatever their own language is. */

import type { AddressRange } from "@anamnesis/sdk/core/address-set";
import { overlaps, parseRange, prefixLength } from "@anamnesis/sdk/core/address-set";
import { selfHit } from "@anamnesis/sdk/core/compile";
import { tooCommon } from "@anamnesis/sdk/core/too-common";
import type { Observable, Self } from "@anamnesis/sdk/core/types";
import type { Refusal } from "../../ports.ts";

/** Never public (RFC 1918, 6598, 3927, 4193, 4291 and multicast): no plant can mean another's hosts by them. */
const LOCAL = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "::ffff:0:0/96",
  "fc00::/7",
  "fe80::/10",
  "ff00::/8",
].map((text) => parseRange(text) as AddressRange);

/** The widest ranges taken: a /16 of IPv4, a /32 of IPv6. */
const WIDEST = { 4: 16, 6: 32 } as const;

const SHAPES: Readonly<Record<Observable["kind"], RegExp>> = {
  "ipv4-addr": /^[0-9./]{7,18}$/,
  "ipv6-addr": /^[0-9a-f:/]{2,43}$/,
  "domain-name":
    /^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/,
  url: /^https?:\/\/[\x21-\x7e]{1,2040}$/,
  file: /^[0-9a-f]{64}$/,
  ja3: /^[0-9a-f]{32}$/,
  ja4: /^[a-z0-9]{10}_[a-f0-9]{12}_[a-f0-9]{12}$/,
};

/** Refuses a value that is not in its normal form, is local, too wide, or belongs to Self. */
export function refuseObservable(observable: Observable, self: Self): Refusal | undefined {
  const { kind, value } = observable;
  const shape = SHAPES[kind] as RegExp | undefined;
  const shown = JSON.stringify(value.slice(0, 80));
  if (shape?.test(value) !== true) return refuse("input.invalid", `${shown} is not a ${kind} in normal form`);
  if (kind === "ipv4-addr" || kind === "ipv6-addr") {
    const range = parseRange(value);
    if (range === undefined || range.family !== (kind === "ipv4-addr" ? 4 : 6)) {
      return refuse("input.invalid", `${shown} is not a ${kind} or has host bits set`);
    }
    if (prefixLength(range) < WIDEST[range.family]) {
      return refuse("candidate.broad", `${shown} is wider than /${WIDEST[range.family]}`);
    }
    if (LOCAL.some((local) => overlaps(local, range))) {
      return refuse("candidate.private", `${shown} is not a public address`);
    }
  }
  const common = tooCommon(observable);
  if (common !== undefined) return refuse(common.code, `${shown} is stopped: ${common.entry}`);
  const own = selfHit(observable, self);
  return own === undefined ? undefined : refuse("candidate.self", `${shown} belongs to the plant: ${own}`);
}

/** A refusal with its reason. */
export function refuse(refused: Refusal["refused"], reason: string): Refusal {
  return { refused, reason };
}
