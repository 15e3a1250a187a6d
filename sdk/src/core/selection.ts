/** Negative selection: what must never become an indicator, and the entry that stops it. */
import { getPublicSuffix } from "tldts";
import { canonicalAddress, type Span, spanContains, spanOf, specialBlock } from "./address.ts";
import { MODBUS_PORT } from "./compile.ts";
import type { ErrorCode } from "./errors.ts";
import { hostOfUrl, plainHost } from "./plain-host.ts";
import { indexLists, indexSelf, type NamedList } from "./self-index.ts";
import type { Detection, IndicatorForm, Observable, Self } from "./types.ts";
import { describeHit, indexWarninglists } from "./warninglist-index.ts";

/** What a plant selects against. */
export interface SelectionContext {
  readonly self: Self;
  /** Documentation ranges that stand for the Internet in a laboratory, CIDR. Empty in production. */
  readonly labPublic?: readonly string[] | undefined;
  readonly allowlist?: readonly NamedList[] | undefined;
}

/** Why a candidate is stopped; `entry` names what stopped it, with its source. */
export interface Stop {
  readonly code: Extract<ErrorCode, `candidate.${string}` | `behaviour.${string}` | "self.incomplete">;
  readonly entry: string;
}

const NO_LISTS: readonly NamedList[] = [];

/** Ranges wider than these hit machines that nobody saw attack. */
const WIDEST = { 4: 24, 6: 48 } as const;

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

/**
 * Whether a form may become an indicator at this plant; undefined is yes.
 *
 * Ranges and names are compared both ways: a value inside an own range and a range around an own
 * value are both stopped. Behaviours are judged with the detection they come from.
 */
export function selectCandidate(
  form: IndicatorForm,
  context: SelectionContext,
  detection?: Detection,
): Stop | undefined {
  if (form.form === "behaviour") return selectBehaviour(context.self, detection);
  return selectObservable(form.observable, context);
}

/** The stop of an observable, or undefined when it may travel. */
export function selectObservable(observable: Observable, context: SelectionContext): Stop | undefined {
  const stop = selectByKind(observable, context);
  const lists = context.self.warninglists;
  // What says most comes first: Self, then a list by its entry, then what is built in.
  if (lists === undefined || stop?.code === "candidate.self") return stop;
  const hit = indexWarninglists(lists)(observable);
  return hit === undefined ? stop : { code: "candidate.allowlisted", entry: describeHit(hit) };
}

function selectByKind({ kind, value }: Observable, context: SelectionContext): Stop | undefined {
  switch (kind) {
    case "ipv4-addr":
    case "ipv6-addr":
      return selectAddress(value, context);
    case "domain-name":
      return selectName(plainHost(value), context, true);
    case "url":
      return selectUrl(value, context);
    case "file":
      if (value === EMPTY_FILE)
        return { code: "candidate.broad", entry: "built in: SHA-256 of the empty file" };
      return selectText(value, context);
    case "ja3":
    case "ja4":
      return selectText(value, context);
  }
}

function selectAddress(value: string, context: SelectionContext): Stop | undefined {
  const span = readSpan(value);
  if (span === undefined)
    return { code: "candidate.broad", entry: `built in: ${value} is no address or range` };
  const own = indexSelf(context.self).ofSpan(span);
  if (own !== undefined) return { code: "candidate.self", entry: own };
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofSpan(span) ?? RESOLVERS.ofSpan(span);
  if (listed !== undefined) return { code: "candidate.allowlisted", entry: listed };
  const slash = value.indexOf("/");
  if (slash > 0 && Number(value.slice(slash + 1)) < WIDEST[span.family]) {
    return {
      code: "candidate.broad",
      entry: `built in: ${value.slice(slash)} is wider than /${WIDEST[span.family]}`,
    };
  }
  const special = specialBlock(span, context);
  if (special === undefined) return undefined;
  const local = special.class === "private" || special.class === "shared" || special.class === "linkLocal";
  return {
    code: local ? "candidate.private" : "candidate.reserved",
    entry: `IANA: ${special.block} ${special.name}`,
  };
}

function selectName(name: string, context: SelectionContext, wide: boolean): Stop | undefined {
  const own = indexSelf(context.self).ofName(name);
  if (own !== undefined) return { code: "candidate.self", entry: own };
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofName(name);
  if (listed !== undefined) return { code: "candidate.allowlisted", entry: listed };
  const local = LOCAL_NAMES.find((suffix) => name === suffix || name.endsWith(`.${suffix}`));
  if (local !== undefined)
    return { code: "candidate.private", entry: `built in: .${local} is local to a network` };
  if (name === "arpa" || name.endsWith(".arpa")) {
    return { code: "candidate.reserved", entry: "built in: .arpa is infrastructure (RFC 3172)" };
  }
  if (!name.includes(".")) return { code: "candidate.broad", entry: "built in: a name without a dot" };
  if (wide && getPublicSuffix(name, { allowPrivateDomains: true }) === name) {
    return { code: "candidate.broad", entry: `public suffix list: ${name}` };
  }
  return undefined;
}

function selectUrl(url: string, context: SelectionContext): Stop | undefined {
  const host = hostOfUrl(url)?.replace(/^\[|\]$/g, "");
  if (host === undefined) return { code: "candidate.broad", entry: "built in: a URL without a host" };
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofText(url);
  if (listed !== undefined) return { code: "candidate.allowlisted", entry: listed };
  const name = plainHost(host);
  const address = canonicalAddress(host) ?? canonicalAddress(name);
  return address === undefined ? selectName(name, context, false) : selectAddress(address, context);
}

function selectText(value: string, context: SelectionContext): Stop | undefined {
  const own = indexSelf(context.self).ofText(value);
  if (own !== undefined) return { code: "candidate.self", entry: own };
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofText(value);
  return listed === undefined ? undefined : { code: "candidate.allowlisted", entry: listed };
}

/** Whether the detection's attacker is a stranger to writing, and its victim a controller. */
function selectBehaviour(self: Self, detection: Detection | undefined): Stop | undefined {
  const index = indexSelf(self);
  const attacker = detection?.attacker;
  if (attacker === undefined) {
    return { code: "candidate.direction", entry: "detector: it does not say who wrote" };
  }
  // The server of Modbus answers; what it is said to have written was written by its client.
  if (attacker.port === MODBUS_PORT && detection?.victim?.port !== MODBUS_PORT) {
    return {
      code: "candidate.direction",
      entry: `detector: ${attacker.address} is the server, not the writer`,
    };
  }
  if (self.roles.writers.length === 0) {
    return {
      code: "self.incomplete",
      entry: "self.roles.writers: empty, so nobody is known to be no writer",
    };
  }
  const writer = index.writer(attacker.address);
  if (writer !== undefined) return { code: "behaviour.writer", entry: writer };
  const victim = detection?.victim?.address;
  if (victim !== undefined && index.controller(victim) === undefined && isNamedAsset(self, victim)) {
    return {
      code: "candidate.direction",
      entry: `self.assets: ${victim} is an asset and no controller (self.roles.controllers)`,
    };
  }
  return undefined;
}

function isNamedAsset(self: Self, address: string): boolean {
  const span = readSpan(address);
  if (span === undefined) return false;
  return self.assets.some(({ addresses }) => addresses.some((text) => spanContains(spanOf(text), span)));
}

function readSpan(text: string): Span | undefined {
  try {
    return spanOf(text);
  } catch {
    return undefined;
  }
}
