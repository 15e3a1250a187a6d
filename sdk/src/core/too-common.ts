/** Values that half the world shares: to block one cuts a plant off from what it needs. */
import { getPublicSuffix } from "tldts";
import { canonicalAddress, type Span, spanOf } from "./address.ts";
import type { ErrorCode } from "./errors.ts";
import { hostOfUrl, plainHost } from "./plain-host.ts";
import { indexLists } from "./self-index.ts";
import type { Observable } from "./types.ts";

/** Why a candidate is stopped; `entry` names what stopped it, with its source. */
export interface Stop {
  readonly code: Extract<ErrorCode, `candidate.${string}` | `behaviour.${string}` | "self.incomplete">;
  readonly entry: string;
}

/** SHA-256 of the empty file: every plant has one. */
const EMPTY_FILE = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** Names that mean another machine in every network (RFC 6761, RFC 6762, RFC 8375, ICANN 2024 `internal`). */
const LOCAL_NAMES = ["local", "localhost", "localdomain", "internal", "lan", "home.arpa"];

/** Resolvers that half the Internet asks: an alert about a lookup must not cut a plant off from names. */
const RESOLVERS = indexLists([
  {
    name: "public resolvers",
    values: [
      ...["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"],
      ...["1.1.1.1", "1.0.0.1", "2606:4700:4700::1111", "2606:4700:4700::1001"],
      ...["9.9.9.9", "149.112.112.112", "2620:fe::fe", "2620:fe::9"],
      ...["208.67.222.222", "208.67.220.220", "2620:119:35::35", "2620:119:53::53"],
    ],
  },
]);

/** Whether an observable in its normal form is too common to be acted on; what is special or wide is judged elsewhere. */
export function tooCommon({ kind, value }: Observable): Stop | undefined {
  switch (kind) {
    case "ipv4-addr":
    case "ipv6-addr":
      return commonAddress(spanOf(value));
    case "domain-name":
      return commonName(plainHost(value), true);
    case "url": {
      const host = plainHost(hostOfUrl(value)?.replace(/^\[|\]$/g, "") ?? "");
      const address = canonicalAddress(host);
      return address === undefined ? commonName(host, false) : commonAddress(spanOf(address));
    }
    case "file":
      return commonFile(value);
    case "ja3":
    case "ja4":
      return undefined;
  }
}

/** The resolver that shares an address with the span. */
export function commonAddress(span: Span): Stop | undefined {
  const entry = RESOLVERS.ofSpan(span);
  return entry === undefined ? undefined : { code: "candidate.allowlisted", entry };
}

/** The file that every machine has. */
export function commonFile(value: string): Stop | undefined {
  if (value !== EMPTY_FILE) return undefined;
  return { code: "candidate.broad", entry: "built in: SHA-256 of the empty file" };
}

/** Local names, infrastructure, names without a dot; public suffixes when everything below is meant (`wide`). */
export function commonName(name: string, wide: boolean): Stop | undefined {
  const local = LOCAL_NAMES.find((suffix) => name === suffix || name.endsWith(`.${suffix}`));
  if (local !== undefined)
    return { code: "candidate.private", entry: `built in: .${local} is local to a network` };
  if (name === "arpa" || name.endsWith(".arpa")) {
    return { code: "candidate.reserved", entry: "built in: .arpa is infrastructure (RFC 3172)" };
  }
  if (!/^[a-z0-9_.-]+$/.test(name))
    return { code: "candidate.broad", entry: "built in: no name, or one with a wildcard" };
  if (!name.includes(".")) return { code: "candidate.broad", entry: "built in: a name without a dot" };
  if (wide && getPublicSuffix(name, { allowPrivateDomains: true }) === name) {
    return { code: "candidate.broad", entry: `public suffix list: ${name}` };
  }
  return undefined;
}
