/** Indicators against the receiving plant's own Self: the part of a plan every control shares. */

import { canonicalAddress, type Span, spanOf, spansOverlap } from "./address.ts";
import type { AddressRange } from "./address-set.ts";
import { isWholeFamily, overlaps, parseRange, parseRanges, subtractRanges } from "./address-set.ts";
import { hostOfUrl, plainHost } from "./plain-host.ts";
import type { Behaviour, ModbusBehaviour, Observable, Self } from "./types.ts";
import { describeHit, indexWarninglists } from "./warninglist-index.ts";

/** The port of Modbus TCP. */
export const MODBUS_PORT = 502;

/** Modbus functions that write, by table (Modbus Application Protocol 1.1b3). */
export const MODBUS_WRITES: Readonly<Record<ModbusBehaviour["table"], readonly number[]>> = {
  coil: [5, 15],
  holding: [6, 16, 22, 23],
};

/** A behaviour as a predicate on requests: from the sources, to the destinations, one of the functions. */
export interface BehaviourPredicate {
  /** OT network without the writers, disjoint and ascending. */
  readonly sources: readonly AddressRange[];
  readonly destinations: readonly AddressRange[];
  readonly port: number;
  readonly functions: readonly number[];
}

/** Why something cannot be compiled at this plant. */
export interface CompileRefusal {
  readonly refused: "self.incomplete" | "plan.unsupported";
  readonly reason: string;
}

/**
 * Compiles a behaviour against Self (DESIGN §6, CASES "Modbus write from an engineering station").
 *
 * Refuses with `self.incomplete` when a set it needs is empty, unreadable or every address, and
 * with `plan.unsupported` when the functions are not writes of the table.
 */
export function compileBehaviour(behaviour: Behaviour, self: Self): BehaviourPredicate | CompileRefusal {
  if (behaviour.protocol !== "modbus")
    return {
      refused: "plan.unsupported",
      reason: `no control here tells ${behaviour.protocol} functions apart; detectors do`,
    };
  const network = ownSet(self.roles.otNetwork, "roles.otNetwork");
  if ("refused" in network) return network;
  const writers = ownSet(self.roles.writers, "roles.writers");
  if ("refused" in writers) return writers;
  const controllers = ownSet(self.roles.controllers, "roles.controllers");
  if ("refused" in controllers) return controllers;
  const sources = subtractRanges(network.ranges, writers.ranges);
  if (sources.length === 0) {
    return incomplete("roles.writers covers all of roles.otNetwork, so nobody is a non-writer");
  }
  const writes = MODBUS_WRITES[behaviour.table] as readonly number[] | undefined;
  const stranger = behaviour.functions.find((code) => writes?.includes(code) !== true);
  if (stranger !== undefined || behaviour.functions.length === 0) {
    return {
      refused: "plan.unsupported",
      reason: `Modbus function ${stranger ?? "(none)"} does not write ${behaviour.table} registers`,
    };
  }
  return { sources, destinations: controllers.ranges, port: MODBUS_PORT, functions: behaviour.functions };
}

/** A predicate without the machines that nobody may stop, and who was left out. */
export interface CarvedPredicate extends BehaviourPredicate {
  /** These are watched, never stopped. */
  readonly spared: readonly Spared[];
}

/** An entry of Self that a plan leaves out. */
export interface Spared {
  readonly side: "source" | "destination";
  /** As Self has it: an address or a range. */
  readonly address: string;
  /** The entry's name or role. */
  readonly what: string;
}

/**
 * What of a predicate may be stopped: engineering stations, services and safety systems are left out on
 * both sides. Where stopping takes the whole conversation (`whole`), so is every machine of the plant
 * that has a name: its reads would go with it. Refuses with `plan.unsupported` when nobody is left.
 */
export function carve(
  predicate: BehaviourPredicate,
  self: Self,
  whole = false,
): CarvedPredicate | CompileRefusal {
  const { controllers, engineeringStations = [], safetySystems = [] } = self.roles;
  const untouchable: readonly (readonly [what: string, addresses: readonly string[]])[] = [
    ["engineering station", engineeringStations],
    ["safety system", safetySystems],
    ...self.services.map(({ name, addresses }) => [name, addresses] as const),
  ];
  const named = [
    ...self.assets.map(({ name, addresses }) => [name, addresses] as const),
    ["controller", controllers] as const,
    ...(self.conduits ?? []).map(({ name, from, to }) => [`conduit ${name}`, [...from, ...to]] as const),
  ];
  const spared: Spared[] = [];
  const without = (
    side: Spared["side"],
    ranges: readonly AddressRange[],
    entries: typeof untouchable,
  ): readonly AddressRange[] => {
    const holes = entries.flatMap(([what, addresses]) =>
      addresses.flatMap((text) => {
        const range = parseRange(text);
        if (range === undefined || !ranges.some((each) => overlaps(each, range))) return [];
        spared.push({ side, address: text, what });
        return [range];
      }),
    );
    return subtractRanges(ranges, holes);
  };
  const sources = without("source", predicate.sources, whole ? [...untouchable, ...named] : untouchable);
  const destinations = without("destination", predicate.destinations, untouchable);
  if (sources.length === 0 || destinations.length === 0)
    return {
      refused: "plan.unsupported",
      reason: `nobody is left to stop beside ${spared.map(({ address }) => address).join(", ")}`,
    };
  return { ...predicate, sources, destinations, spared };
}

/** Who must not, and to whom: the plant's own sets for conduct in a protocol other than Modbus. */
export interface ConductSets {
  /** Addresses and ranges whose machines have the role. */
  readonly allowed: readonly string[];
  readonly targets: readonly string[];
}

/** The sets that a behaviour needs at this plant. Refuses with `self.incomplete` as `compileBehaviour` does. */
export function conductSets({ roles: [actor, target] }: Behaviour, self: Self): ConductSets | CompileRefusal {
  const { otNetwork, writers, engineeringStations = [], controllers, safetySystems = [] } = self.roles;
  const [allowed, from] = (
    {
      "non-writer": [writers, "roles.writers"],
      "non-engineer": [engineeringStations, "roles.engineeringStations"],
      // An engineering station outside the network administers it, too.
      outsider: [[...otNetwork, ...engineeringStations], "roles.otNetwork"],
    } as const
  )[actor];
  const [targets, to] = (
    {
      controller: [controllers, "roles.controllers"],
      "safety-system": [safetySystems, "roles.safetySystems"],
      "ot-host": [otNetwork, "roles.otNetwork"],
    } as const
  )[target];
  for (const [set, name] of [
    [allowed, from],
    [targets, to],
  ] as const) {
    const own = ownSet(set, name);
    if ("refused" in own) return own;
  }
  return { allowed, targets };
}

function ownSet(
  texts: readonly string[],
  name: string,
): { readonly ranges: readonly AddressRange[] } | CompileRefusal {
  if (texts.length === 0) return incomplete(`self.${name} is empty; name the addresses`);
  const ranges = parseRanges(texts);
  if (ranges === undefined) return incomplete(`self.${name} holds a value that is no address or CIDR range`);
  if (ranges.some(isWholeFamily)) return incomplete(`self.${name} is every address; name the real ones`);
  return { ranges };
}

function incomplete(reason: string): CompileRefusal {
  return { refused: "self.incomplete", reason };
}

/** Whether a request is one the predicate describes. */
export function matchesBehaviour(
  predicate: BehaviourPredicate,
  request: {
    readonly source: string;
    readonly destination: string;
    readonly port: number;
    readonly function: number;
  },
): boolean {
  if (request.port !== predicate.port || !predicate.functions.includes(request.function)) return false;
  const source = parseRange(request.source);
  const destination = parseRange(request.destination);
  if (source === undefined || destination === undefined) return false;
  return (
    predicate.destinations.some((range) => overlaps(range, destination)) &&
    predicate.sources.some((range) => overlaps(range, source))
  );
}

/** The entry of Self or of its warninglists an observable would hit, by name, or undefined. */
export function selfHit(observable: Observable, self: Self): string | undefined {
  const own = ownHit(observable, self);
  if (own !== undefined || self.warninglists === undefined) return own;
  const listed = indexWarninglists(self.warninglists)(observable);
  return listed === undefined ? undefined : describeHit(listed);
}

function ownHit(observable: Observable, self: Self): string | undefined {
  const { kind, value } = observable;
  if (kind === "ipv4-addr" || kind === "ipv6-addr") return addressHit(value, self);
  if (kind === "domain-name") return nameHit(value, self);
  if (kind === "file") {
    return self.files.some((file) => file.toLowerCase() === value.toLowerCase())
      ? `file ${value}`
      : undefined;
  }
  if (kind === "url") {
    const host = hostOfUrl(value)?.replace(/^\[|\]$/g, "");
    if (host === undefined) return undefined;
    const address = canonicalAddress(host) ?? canonicalAddress(plainHost(host));
    return address === undefined ? nameHit(host, self) : addressHit(address, self);
  }
  return undefined;
}

function addressHit(value: string, self: Self): string | undefined {
  const span = spanIn(value);
  if (span === undefined) return undefined;
  const hit = ownRanges(self).find((own) => spansOverlap(own.span, span));
  return hit === undefined ? undefined : `${hit.name} (${hit.text})`;
}

interface OwnRange {
  readonly name: string;
  readonly text: string;
  readonly span: Span;
}

const rangesOf = new WeakMap<Self, readonly OwnRange[]>();

/** Every address of Self with its entry; read once for a Self, which is never changed in place. */
function ownRanges(self: Self): readonly OwnRange[] {
  const held = rangesOf.get(self);
  if (held !== undefined) return held;
  const { otNetwork, writers, controllers, engineeringStations = [], safetySystems = [] } = self.roles;
  const own = [
    ...self.assets,
    ...self.services,
    { name: "roles.otNetwork", addresses: otNetwork },
    { name: "roles.writers", addresses: writers },
    { name: "roles.controllers", addresses: controllers },
    { name: "roles.engineeringStations", addresses: engineeringStations },
    { name: "roles.safetySystems", addresses: safetySystems },
    ...(self.conduits ?? []).map(({ name, from, to }) => ({
      name: `conduits ${name}`,
      addresses: [...from, ...to],
    })),
  ];
  const ranges = own.flatMap(({ name, addresses }) =>
    addresses.flatMap((text) => {
      const span = spanIn(text);
      return span === undefined ? [] : [{ name, text, span }];
    }),
  );
  rangesOf.set(self, ranges);
  return ranges;
}

function spanIn(text: string): Span | undefined {
  try {
    return spanOf(text);
  } catch {
    return undefined;
  }
}

function nameHit(value: string, self: Self): string | undefined {
  const name = plainHost(value);
  const own = [
    ...self.domains.map((domain) => ({ name: "domains", domain })),
    ...self.services.flatMap((service) => service.domains.map((domain) => ({ name: service.name, domain }))),
  ];
  for (const entry of own) {
    const mine = entry.domain.toLowerCase().replace(/^\.+|\.+$/g, "");
    if (mine === name || name.endsWith(`.${mine}`) || mine.endsWith(`.${name}`))
      return `${entry.name} (${mine})`;
  }
  return undefined;
}
