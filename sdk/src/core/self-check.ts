/** One value held against everything a plant must not cut itself off from. */
import { canonicalAddress, spanOf } from "./address.ts";
import type { ErrorCode } from "./errors.ts";
import { hostOfUrl, plainHost } from "./plain-host.ts";
import { type SelectionContext, selectObservable } from "./selection.ts";
import { indexSelf } from "./self-index.ts";
import type { Observable, ObservableKind, Self } from "./types.ts";
import { describeHit, indexWarninglists } from "./warninglist-index.ts";

/** What was found; `entries` is empty when nothing holds the value and the value holds nothing. */
export interface SelfCheck {
  readonly value: string;
  /** What the value was taken for; undefined when it is nothing that could be checked. */
  readonly kind: ObservableKind | "mac" | "name" | undefined;
  /** Why it could not become an indicator here; undefined when it could. */
  readonly code: ErrorCode | undefined;
  /** Each as `source: entry`: Self first, then warninglists, then what is built in. */
  readonly entries: readonly string[];
}

/**
 * Names the entries that hold a value or that it holds: address, CIDR range, domain name, URL,
 * SHA-256, JA3, JA4, MAC address, or an asset's, conduit's or service's name.
 */
export function checkSelf(text: string, context: SelectionContext): SelfCheck {
  const value = text.trim();
  const named = byName(value, context.self);
  if (named.length > 0) return { value, kind: "name", code: "candidate.self", entries: named };
  if (/^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i.test(value)) {
    const entries = byMac(value.toLowerCase().replaceAll("-", ":"), context.self);
    return { value, kind: "mac", code: entries.length > 0 ? "candidate.self" : undefined, entries };
  }
  const observable = observableOf(value);
  if (observable === undefined) return { value, kind: undefined, code: undefined, entries: [] };
  const stop = selectObservable(observable, context);
  const own = ownEntry(observable, context.self);
  const hit = indexWarninglists(context.self.warninglists ?? NO_LISTS)(observable);
  const entries = [own, hit && describeHit(hit), stop?.entry].filter((entry) => entry !== undefined);
  return { value, kind: observable.kind, code: stop?.code, entries: [...new Set(entries)] };
}

const NO_LISTS: NonNullable<Self["warninglists"]> = [];

/** What a text is, as an observable; undefined when it is none. */
export function observableOf(text: string): Observable | undefined {
  const of = (kind: ObservableKind, value: string) => ({ kind, value }) as Observable;
  const address = canonicalAddress(text) ?? (isRange(text) ? text.toLowerCase() : undefined);
  if (address !== undefined) return of(address.includes(":") ? "ipv6-addr" : "ipv4-addr", address);
  if (hostOfUrl(text) !== undefined) return of("url", text);
  const lower = text.toLowerCase();
  if (/^[0-9a-f]{64}$/.test(lower)) return of("file", lower);
  if (/^[0-9a-f]{32}$/.test(lower)) return of("ja3", lower);
  if (/^[a-z0-9]{10}_[0-9a-f]{12}_[0-9a-f]{12}$/.test(lower)) return of("ja4", lower);
  const name = plainHost(text);
  return /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(name) && !/^[\d.]+$/.test(name)
    ? of("domain-name", name)
    : undefined;
}

function isRange(text: string): boolean {
  try {
    spanOf(text);
    return text.includes("/");
  } catch {
    return false;
  }
}

function ownEntry({ kind, value }: Observable, self: Self): string | undefined {
  const index = indexSelf(self);
  switch (kind) {
    case "ipv4-addr":
    case "ipv6-addr":
      return index.ofSpan(spanOf(value));
    case "domain-name":
      return index.ofName(value);
    case "url":
      return undefined; // selection looks at its host
    case "file":
    case "ja3":
    case "ja4":
      return index.ofText(value);
  }
}

function byName(name: string, self: Self): string[] {
  return [
    ...self.assets.flatMap((asset) =>
      asset.name === name ? [`self.assets: ${name} (${asset.addresses.join(", ")})`] : [],
    ),
    ...(self.conduits ?? []).flatMap((one) =>
      one.name === name ? [`self.conduits: ${name} (${one.from.join(", ")} to ${one.to.join(", ")})`] : [],
    ),
    ...self.services.flatMap((one) =>
      one.name === name ? [`self.services: ${name} (${[...one.addresses, ...one.domains].join(", ")})`] : [],
    ),
  ];
}

function byMac(mac: string, self: Self): string[] {
  const said = self.comments?.[mac];
  return self.assets
    .filter(({ macs = [] }) => macs.includes(mac))
    .map(({ name }) => `self.assets: ${name} (${mac})${said === undefined ? "" : `; noted: ${said}`}`);
}
