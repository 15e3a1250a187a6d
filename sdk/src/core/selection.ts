/** Negative selection: what must never become an indicator, and the entry that stops it. */
import { canonicalAddress, prefixOf, type Span, spanContains, spanOf, specialBlock } from "./address.ts";
import { ICS_PORTS } from "./ics.ts";
import { hostOfUrl, isAmbiguousUrl, plainHost } from "./plain-host.ts";
import { indexLists, indexSelf, type NamedList } from "./self-index.ts";
import { commonAddress, commonFile, commonName, type Stop } from "./too-common.ts";
import type { ActorRole, Behaviour, Detection, IndicatorForm, Observable, Self } from "./types.ts";
import { describeHit, indexWarninglists } from "./warninglist-index.ts";

export type { Stop } from "./too-common.ts";

/** What a plant selects against. */
export interface SelectionContext {
  readonly self: Self;
  /** Documentation ranges that stand for the Internet in a laboratory, CIDR. Empty in production. */
  readonly labPublic?: readonly string[] | undefined;
  readonly allowlist?: readonly NamedList[] | undefined;
}

const NO_LISTS: readonly NamedList[] = [];

/** Ranges wider than these hit machines that nobody saw attack. */
const WIDEST = { 4: 24, 6: 48 } as const;

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
  if (form.form === "behaviour") return selectBehaviour(form.behaviour, context.self, detection);
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
      return commonFile(value) ?? selectText(value, context);
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
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofSpan(span);
  if (listed !== undefined) return { code: "candidate.allowlisted", entry: listed };
  const common = commonAddress(span);
  if (common !== undefined) return common;
  if (value.includes("/") && prefixOf(span) < WIDEST[span.family]) {
    return {
      code: "candidate.broad",
      entry: `built in: /${prefixOf(span)} is wider than /${WIDEST[span.family]}`,
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
  return commonName(name, wide);
}

function selectUrl(url: string, context: SelectionContext): Stop | undefined {
  const host = hostOfUrl(url)?.replace(/^\[|\]$/g, "");
  if (host === undefined) return { code: "candidate.broad", entry: "built in: a URL without a host" };
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofText(url);
  if (listed !== undefined) return { code: "candidate.allowlisted", entry: listed };
  const name = plainHost(host);
  const address = canonicalAddress(host) ?? canonicalAddress(name);
  if (isAmbiguousUrl(url)) {
    return {
      code: "candidate.broad",
      entry: "built in: a URL of which browsers and tools read different hosts",
    };
  }
  return address === undefined ? selectName(name, context, false) : selectAddress(address, context);
}

function selectText(value: string, context: SelectionContext): Stop | undefined {
  const own = indexSelf(context.self).ofText(value);
  if (own !== undefined) return { code: "candidate.self", entry: own };
  const listed = indexLists(context.allowlist ?? NO_LISTS).ofText(value);
  return listed === undefined ? undefined : { code: "candidate.allowlisted", entry: listed };
}

/** Whether the detection's attacker lacks the role that its conduct asks for, and its victim is a controller. */
function selectBehaviour(
  { protocol, roles: [actor, target] }: Behaviour,
  self: Self,
  detection: Detection | undefined,
): Stop | undefined {
  const index = indexSelf(self);
  const attacker = detection?.attacker;
  if (attacker === undefined) {
    return { code: "candidate.direction", entry: "detector: it does not say who wrote" };
  }
  // A server answers; what it is said to have written was written by its client.
  const isServer = (port: number | undefined) => port !== undefined && ICS_PORTS.get(port) === protocol;
  if (isServer(attacker.port) && !isServer(detection?.victim?.port)) {
    return {
      code: "candidate.direction",
      entry: `detector: ${attacker.address} is the server, not the writer`,
    };
  }
  const role = ROLES[actor];
  if ((self.roles[role.name] ?? []).length === 0) {
    return {
      code: "self.incomplete",
      entry: `self.roles.${role.name}: empty, so nobody is known to be ${role.lacking}`,
    };
  }
  const holder = roleHolder(actor, attacker.address, self);
  if (holder !== undefined) return { code: "behaviour.writer", entry: holder };
  const victim = detection?.victim?.address;
  if (target === "ot-host")
    return victim !== undefined && index.otHost(victim) !== undefined
      ? undefined
      : { code: "candidate.direction", entry: "self.roles.otNetwork: the other end is not in it" };
  if (victim !== undefined && index.controller(victim) === undefined && isNamedAsset(self, victim)) {
    return {
      code: "candidate.direction",
      entry: `self.assets: ${victim} is an asset and no controller (self.roles.controllers)`,
    };
  }
  return undefined;
}

const ROLES = {
  "non-writer": { name: "writers", lacking: "no writer" },
  "non-engineer": { name: "engineeringStations", lacking: "no engineering station" },
  outsider: { name: "otNetwork", lacking: "outside of it" },
} as const;

/** The entry of Self by which an address has the role whose lack makes conduct an attack, or undefined. */
export function roleHolder(lacking: ActorRole, address: string, self: Self): string | undefined {
  const index = indexSelf(self);
  if (lacking === "non-writer") return index.writer(address);
  const engineer = index.engineer(address);
  return lacking === "non-engineer" ? engineer : (index.otHost(address) ?? engineer);
}

/** Whether Self names anybody with that role: else nobody is known to lack it. */
export function isRoleNamed(lacking: ActorRole, { roles }: Self): boolean {
  return (roles[ROLES[lacking].name] ?? []).length > 0;
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
