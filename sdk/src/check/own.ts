/** Self as the checker asks it; prepared once for a Self, which is never changed in place. */
import type { Self } from "../core/types.ts";
import { type Line, lineOf, shares, Unreadable } from "./line.ts";

/** Self, prepared. */
export interface Own {
  readonly all: Line;
  /** All but the OT network: machines that somebody named. */
  readonly named: Line;
  /** Services, engineering stations and safety systems: not even a command of theirs is refused. */
  readonly untouchable: Line;
  /** Who may command whom, by which functions; none: by all. */
  readonly pairs: readonly {
    readonly from: Line;
    readonly to: Line;
    readonly functions: readonly number[];
  }[];
  readonly hasRoles: boolean;
  /** The entry a name is, lies below or lies above. */
  nameHit(name: string): string | undefined;
  /** The first entry that shares an address, by label. */
  label(line: Line): string;
}

const prepared = new WeakMap<Self, Own>();

/** Prepares Self, the same object once; throws `Unreadable` on an address or a name that is none. */
export function ownOf(self: Self): Own {
  const own = prepared.get(self) ?? prepare(self);
  prepared.set(self, own);
  return own;
}

type Entries = readonly (readonly [label: string, addresses: readonly string[]])[];

function prepare({ roles, assets, services, domains, conduits = [] }: Self): Own {
  const { otNetwork, writers, controllers, engineeringStations = [], safetySystems = [] } = roles;
  const one = (label: string, list: readonly string[]): Entries =>
    list.map((address) => [`${label} ${address}`, [address]]);
  const untouchable: Entries = [
    ...services.map(({ name, addresses }) => [name, addresses] as const),
    ...one("engineering station", engineeringStations),
    ...one("safety system", safetySystems),
  ];
  const named: Entries = [
    ...assets.map(({ name, addresses }) => [name, addresses] as const),
    ...untouchable,
    ...one("writer", writers),
    ...one("controller", controllers),
    ...conduits.map(({ name, from, to }) => [`conduit ${name}`, [...from, ...to]] as const),
  ];
  const all: Entries = [...named, ...one("OT network", otNetwork)];
  const line = (entries: Entries): Line => lineOf(entries.flatMap(([, addresses]) => addresses));
  const pairs = [{ from: writers, to: controllers, functions: [] }, ...conduits];
  return {
    all: line(all),
    named: line(named),
    untouchable: line(untouchable),
    pairs: pairs.map(({ from, to, functions }) => ({ from: lineOf(from), to: lineOf(to), functions })),
    hasRoles: writers.length > 0 && controllers.length > 0,
    nameHit: nameIndex([...domains, ...[...services, ...assets].flatMap(({ domains: own = [] }) => own)]),
    label: (hit) => all.find(([, addresses]) => shares(lineOf(addresses), hit))?.[0] ?? "Self",
  };
}

function nameIndex(domains: readonly string[]): Own["nameHit"] {
  const own = new Set(domains.map(plainName));
  const above = new Map<string, string>();
  for (const name of own) for (const higher of higherThan(name)) above.set(higher, name);
  return (name) => {
    const plain = plainName(name);
    const higher = higherThan(plain);
    // What is blocked is blocked with everything below it; a top-level domain is everybody's.
    if (higher.length === 0) throw new Unreadable(`the name ${JSON.stringify(name)}`);
    return [plain, ...higher].find((each) => own.has(each)) ?? above.get(plain);
  };
}

/** In lower case without outer dots. Throws `Unreadable` on what a resolver may read in two ways. */
function plainName(name: string): string {
  const plain = typeof name === "string" ? name.toLowerCase().replace(/^\.|\.$/g, "") : "";
  if (!/^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/.test(plain))
    throw new Unreadable(`the name ${JSON.stringify(name)}`);
  return plain;
}

/** The names above one: of a.b.c they are b.c and c. */
function higherThan(name: string): readonly string[] {
  const labels = name.split(".").slice(1);
  return labels.map((_, i) => labels.slice(i).join("."));
}
