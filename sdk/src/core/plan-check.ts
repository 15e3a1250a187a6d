/**
 * The second opinion before anything is blocked: does a plan's exact set touch Self?
 *
 * It is small and shares no code with what compiles plans, so that one mistake cannot be made
 * twice. Whatever it cannot read it refuses.
 */
import type { Self } from "./types.ts";

/** What a plan stops: sources × destinations × ports × functions, or names. */
export interface BlockSet {
  readonly sources: readonly string[]; // addresses or CIDR ranges; `any` on one side only
  readonly destinations: readonly string[];
  readonly ports: readonly number[]; // empty: every port
  readonly functions: readonly number[]; // empty: the whole conversation
  readonly names?: readonly string[]; // domain names, each with everything below it
}

/** The checker's answer; `entry` names what of Self would be hit. */
export type PlanVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: "plan.self"; readonly reason: string; readonly entry: string };

/** An interval on one number line: IPv4 is placed where IPv6 maps it, so both compare. */
type Interval = readonly [first: bigint, last: bigint];

class Unreadable extends Error {}

/**
 * Proves a plan that blocks disjoint from Self (DESIGN §6).
 *
 * A set open on one side may touch no address of Self at all. A set with two sides may not join a
 * writer with a controller, nor touch a service; when it stops whole conversations it may not touch
 * an asset as a source either. A plan that states no set is refused.
 */
export function checkPlan(blocks: readonly BlockSet[], self: Self): PlanVerdict {
  if (blocks.length === 0) return refuse("the plan blocks and states no set", "plan");
  try {
    for (const block of blocks) {
      const hit = firstHit(block, self);
      if (hit !== undefined) return refuse(`the plan would stop ${hit}, which belongs to the plant`, hit);
    }
    return { ok: true };
  } catch (error) {
    if (error instanceof Unreadable) return refuse(`the plan cannot be checked: ${error.message}`, "plan");
    throw error;
  }
}

function refuse(reason: string, entry: string): PlanVerdict {
  return { ok: false, code: "plan.self", reason, entry };
}

function firstHit(block: BlockSet, self: Self): string | undefined {
  if (block.names !== undefined) return hitName(block, self);
  const openSource = block.sources.includes("any");
  const openDestination = block.destinations.includes("any");
  if (openSource && openDestination) return "every address";
  const sources = openSource ? [] : intervals(block.sources);
  const destinations = openDestination ? [] : intervals(block.destinations);
  if (openSource || openDestination) return hitAddress(openSource ? destinations : sources, allOfSelf(self));

  const service = hitAddress([...sources, ...destinations], listed(self.services));
  if (service !== undefined) return service;
  const { writers, controllers } = self.roles;
  if (writers.length * controllers.length === 0) throw new Unreadable("Self has no writers or controllers");
  const writer = hitAddress(sources, named("writer", writers));
  const controller = hitAddress(destinations, named("controller", controllers));
  if (writer !== undefined && controller !== undefined) return `${writer} to ${controller}`;
  if (block.functions.length > 0) return undefined;
  return hitAddress(sources, [...listed(self.assets), ...stations(self)]);
}

function hitName(block: BlockSet, self: Self): string | undefined {
  const names = block.names ?? [];
  if (names.length === 0) throw new Unreadable("no name is stated");
  const plain = (name: string): string => name.toLowerCase().replace(/^\.+|\.+$/g, "");
  const own = [...self.domains, ...self.services.flatMap((service) => service.domains)].map(plain);
  for (const name of names.map(plain)) {
    if (!name.includes(".")) throw new Unreadable(`the name ${JSON.stringify(name)}`);
    const hit = own.find((mine) => mine === name || mine.endsWith(`.${name}`) || name.endsWith(`.${mine}`));
    if (hit !== undefined) return hit;
  }
  return undefined;
}

type Named = readonly (readonly [label: string, addresses: readonly string[]])[];

function named(label: string, addresses: readonly string[]): Named {
  return addresses.map((address) => [`${label} ${address}`, [address]] as const);
}

function listed(items: Self["services"] | Self["assets"]): Named {
  return items.map((item) => [item.name, item.addresses] as const);
}

/** Machines that Self names by what they are for. */
function stations({ roles, conduits = [] }: Self): Named {
  return [
    ...named("engineering station", roles.engineeringStations ?? []),
    ...named("safety system", roles.safetySystems ?? []),
    ...conduits.map(({ name, from, to }) => [`conduit ${name}`, [...from, ...to]] as const),
  ];
}

/** Everything of Self under its name; made once for a Self, which is never changed in place. */
function allOfSelf(self: Self): Named {
  const held = ofSelf.get(self);
  if (held !== undefined) return held;
  const { otNetwork, writers, controllers } = self.roles;
  const all = [
    ...listed(self.assets),
    ...listed(self.services),
    ...named("OT network", otNetwork),
    ...named("writer", writers),
    ...named("controller", controllers),
    ...stations(self),
  ];
  ofSelf.set(self, all);
  return all;
}

const ofSelf = new WeakMap<Self, Named>();
const parsed = new WeakMap<readonly string[], readonly Interval[]>();

function hitAddress(set: readonly Interval[], own: Named): string | undefined {
  for (const [label, addresses] of own) {
    if (addresses.length === 0) continue;
    for (const mine of intervals(addresses)) {
      if (set.some(([first, last]) => first <= mine[1] && mine[0] <= last)) return label;
    }
  }
  return undefined;
}

function intervals(side: readonly string[]): readonly Interval[] {
  if (side.length === 0) throw new Unreadable("one side of the set is empty");
  const held = parsed.get(side);
  if (held !== undefined) return held;
  const all = side.map(interval);
  parsed.set(side, all);
  return all;
}

function interval(text: string): Interval {
  const [, address = "", prefix] = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i.exec(text) ?? [];
  const isV4 = /^\d{1,3}(\.\d{1,3}){3}$/.test(address);
  const number = isV4 ? mapped(address) : grouped(address);
  const host = prefix === undefined ? 0 : (isV4 ? 32 : 128) - Number(prefix);
  if (number === undefined || host < 0) throw new Unreadable(`the address ${JSON.stringify(text)}`);
  const mask = (1n << BigInt(host)) - 1n;
  return [number & ~mask, number | mask]; // host bits are widened: the checker assumes the larger set
}

function mapped(address: string): bigint | undefined {
  const [a = 256, b = 256, c = 256, d = 256] = address.split(".").map(Number);
  if (Math.max(a, b, c, d) > 255) return undefined;
  return 0xffff00000000n + BigInt(((a * 256 + b) * 256 + c) * 256 + d);
}

function grouped(address: string): bigint | undefined {
  const halves = address.split("::").map((half) => half.split(":").filter(Boolean));
  const [left = [], right = []] = halves;
  const zeros = halves.length === 2 ? Math.max(0, 8 - left.length - right.length) : 0;
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right];
  if (halves.length > 2 || groups.length !== 8 || !groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group)))
    return undefined;
  return BigInt(`0x${groups.map((group) => group.padStart(4, "0")).join("")}`);
}
