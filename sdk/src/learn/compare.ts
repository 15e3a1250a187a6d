/** Two Selves against each other, and Self against what the plant's traffic shows. */
import { type AddressRange, parseRange } from "../core/address-set.ts";
import type { Self } from "../core/types.ts";
import { isWrite, type Traffic } from "./traffic.ts";

/** One line that only one of two Selves has. */
export interface SelfDifference {
  readonly side: "removed" | "added";
  /** `roles.writers`, `assets`, `conduits` … */
  readonly where: string;
  readonly value: string;
}

/** What `after` says and `before` does not, and the other way round; order and names of conduits do not matter. */
export function diffSelf(before: Self, after: Self): readonly SelfDifference[] {
  const [old, fresh] = [statementsOf(before), statementsOf(after)];
  const only = (
    from: readonly (readonly [string, string])[],
    than: readonly (readonly [string, string])[],
    side: SelfDifference["side"],
  ) => {
    const known = new Set(than.map((each) => each.join("\n")));
    return from
      .filter((each) => !known.has(each.join("\n")))
      .map(([where, value]): SelfDifference => ({ side, where, value }));
  };
  return [...only(old, fresh, "removed"), ...only(fresh, old, "added")];
}

function statementsOf(self: Self): readonly (readonly [string, string])[] {
  const { roles } = self;
  const list = (where: string, values: readonly string[] = []) =>
    values.map((value) => [where, value] as const);
  return [
    ...self.assets.flatMap((asset) => [
      ...list(
        "assets",
        asset.addresses.map((address) => `${asset.name}: ${address}`),
      ),
      ...list(
        "assets",
        asset.macs?.map((mac) => `${asset.name}: ${mac}`),
      ),
      ...list(
        "assets",
        asset.domains?.map((domain) => `${asset.name}: ${domain}`),
      ),
      ...list(
        "assets",
        asset.files?.map((file) => `${asset.name}: ${file}`),
      ),
    ]),
    ...list("domains", self.domains),
    ...list("roles.otNetwork", roles.otNetwork),
    ...list("roles.writers", roles.writers),
    ...list("roles.controllers", roles.controllers),
    ...list("roles.engineeringStations", roles.engineeringStations),
    ...list("roles.safetySystems", roles.safetySystems),
    ...(self.conduits ?? []).map(
      ({ from, to, protocol, functions }) =>
        [
          "conduits",
          `${from.toSorted().join(", ")} → ${to.toSorted().join(", ")}: ${protocol} ${functions.join(", ") || "all"}`,
        ] as const,
    ),
    ...self.services.flatMap(({ name, addresses, domains }) =>
      list(
        "services",
        [...addresses, ...domains].map((value) => `${name}: ${value}`),
      ),
    ),
    ...list("files", self.files),
  ];
}

/** Where Self and traffic part. */
export interface Drift {
  readonly kind: /** Self names it, the traffic of these logs does not. */
    | "unseen"
    /** A machine of a private network that no asset and no role names. */
    | "unknown.host"
    /** A write that Self allows nobody. */
    | "unknown.write"
    /** A controller by its traffic and not by its role. */
    | "unknown.controller"
    /** An outside address the plant speaks to and no service names. */
    | "unknown.service";
  readonly where: string;
  readonly value: string;
  /** How often and first where, for what was seen. */
  readonly count: number;
  readonly place: string;
}

/** Compares Self with traffic. What is unseen may be rare: judge it by how long the logs are. */
export function driftOf(self: Self, traffic: Traffic): readonly Drift[] {
  return [...unseen(self, traffic), ...unknown(self, traffic)];
}

function unseen(self: Self, traffic: Traffic): Drift[] {
  const seen = [...traffic.hosts.keys(), ...traffic.strangers.keys()].flatMap(
    (address) => parseRange(address) ?? [],
  );
  const names = [...traffic.names.keys()];
  const isSeen = (text: string) => {
    const range = parseRange(text);
    return range === undefined || seen.some((one) => holds(range, one));
  };
  const isNamed = (domain: string) => names.some((name) => name === domain || name.endsWith(`.${domain}`));
  const line = (where: string, value: string): Drift => ({
    kind: "unseen",
    where,
    value,
    count: 0,
    place: "",
  });
  const writing = (self.conduits ?? []).filter(
    ({ functions }) => functions.length === 0 || functions.some(isWrite),
  );
  return [
    ...self.assets.flatMap(({ name, addresses }) =>
      addresses.filter((address) => !isSeen(address)).map((address) => line("assets", `${name}: ${address}`)),
    ),
    ...self.roles.writers
      .filter((writer) => !writes(traffic).some(({ from }) => inside(from, [writer])))
      .map((writer) => line("roles.writers", `${writer} writes nothing`)),
    ...self.roles.controllers
      .filter(
        (controller) =>
          !traffic.talks.some(({ to, protocol }) => protocol === "modbus" && inside(to, [controller])),
      )
      .map((controller) => line("roles.controllers", controller)),
    ...writing
      .filter(
        ({ from, to }) => !writes(traffic).some((talk) => inside(talk.from, from) && inside(talk.to, to)),
      )
      .map(({ name }) => line("conduits", name)),
    ...self.services.flatMap(({ name, addresses, domains }) => [
      ...addresses
        .filter((address) => !isSeen(address))
        .map((address) => line("services", `${name}: ${address}`)),
      ...domains.filter((domain) => !isNamed(domain)).map((domain) => line("services", `${name}: ${domain}`)),
    ]),
  ];
}

function unknown(self: Self, traffic: Traffic): Drift[] {
  const { roles } = self;
  const own = [
    ...self.assets.flatMap(({ addresses }) => addresses),
    ...roles.writers,
    ...roles.controllers,
    ...(roles.engineeringStations ?? []),
    ...(roles.safetySystems ?? []),
  ];
  const services = self.services.flatMap(({ addresses }) => addresses);
  const found: Drift[] = [];
  for (const [address, { count, place }] of traffic.hosts)
    if (!inside(address, own))
      found.push({ kind: "unknown.host", where: "assets", value: address, count, place });
  for (const talk of writes(traffic)) {
    const { from, to, count, place } = talk;
    const codes = [...talk.functions.keys()].filter(isWrite);
    const isAllowed =
      inside(from, roles.writers) ||
      (self.conduits ?? []).some(
        (conduit) =>
          inside(from, conduit.from) &&
          inside(to, conduit.to) &&
          (conduit.functions.length === 0 || codes.every((code) => conduit.functions.includes(code))),
      );
    if (!isAllowed) {
      const value = `${from} → ${to}: modbus ${codes.join(", ")}`;
      found.push({ kind: "unknown.write", where: "conduits", value, count, place });
    }
  }
  const controllers = new Map<string, { count: number; place: string }>();
  for (const { to, protocol, count, place } of traffic.talks)
    if (
      protocol === "modbus" &&
      traffic.hosts.has(to) &&
      !inside(to, roles.controllers) &&
      !controllers.has(to)
    )
      controllers.set(to, { count, place });
  for (const [value, { count, place }] of controllers)
    found.push({ kind: "unknown.controller", where: "roles.controllers", value, count, place });
  for (const [address, { count, place }] of traffic.strangers)
    if (!inside(address, services))
      found.push({ kind: "unknown.service", where: "services", value: address, count, place });
  return found;
}

const writes = ({ talks }: Traffic) =>
  talks.filter(({ protocol, functions }) => protocol === "modbus" && [...functions.keys()].some(isWrite));

function inside(address: string, ranges: readonly string[]): boolean {
  const one = parseRange(address);
  return (
    one !== undefined &&
    ranges.some((text) => {
      const range = parseRange(text);
      return range !== undefined && holds(range, one);
    })
  );
}

function holds(outer: AddressRange, inner: AddressRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}
