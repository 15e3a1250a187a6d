/**
 * What a plan stops and what a plant needs, counted tuple by tuple over a universe so small that
 * nothing has to be computed: the checker must agree with this in every case.
 */
import type { BlockSet } from "@anamnesis/sdk/check/plan";
import type { Self } from "@anamnesis/sdk/core/types";
import ipaddr from "ipaddr.js";

const row = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** Every address there is. */
const ADDRESSES = [...row("10.0.0.", 8), ...row("203.0.113.", 4), ...row("2001:db8::", 4)];
const PORTS = [102, 502, 443];
const FUNCTIONS = [3, 6, 16, 90];
const NAMES = ["x", "y"].flatMap((top) =>
  ["a", "b"].flatMap((second) => [
    `${second}.${top}`,
    ...["a", "b"].flatMap((third) => [`${third}.${second}.${top}`, `w.${third}.${second}.${top}`]),
  ]),
);

const bits = (address: string): string => {
  const bytes = ipaddr.parse(address).toByteArray();
  return bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
};
/** An address in each of its spellings. */
const SPELLINGS = new Map(
  ADDRESSES.map((address) => {
    if (address.includes(":")) return [address, [bits(address)]];
    const hex =
      bits(address)
        .match(/.{16}/g)
        ?.map((half) => Number.parseInt(half, 2).toString(16)) ?? [];
    return [address, [bits(address), bits(`::ffff:${hex.join(":")}`), bits(`64:ff9b::${hex.join(":")}`)]];
  }),
);

function isIn(address: string, range: string): boolean {
  const [base = "", prefix] = range.split("/");
  const head = bits(base).slice(0, prefix === undefined ? undefined : Number(prefix));
  const width = bits(base).length;
  return (SPELLINGS.get(address) ?? []).some((own) => own.length === width && own.startsWith(head));
}

const members = (ranges: readonly string[]) =>
  new Set(ADDRESSES.filter((address) => ranges.some((range) => range === "any" || isIn(address, range))));

/** Whether a plan stops anything that the plant needs. Small universes only. */
export function touchesSelf(blocks: readonly BlockSet[], self: Self): boolean {
  const { otNetwork, writers, controllers, engineeringStations = [], safetySystems = [] } = self.roles;
  const conduits = (self.conduits ?? []).map((conduit) => ({
    ...conduit,
    from: members(conduit.from),
    to: members(conduit.to),
  }));
  const untouchable = members([
    ...self.services.flatMap(({ addresses }) => addresses),
    ...engineeringStations,
    ...safetySystems,
  ]);
  const [mayWrite, controlled, network] = [members(writers), members(controllers), members(otNetwork)];
  const assets = members(self.assets.flatMap(({ addresses }) => addresses));
  const isNamed = (address: string) =>
    [assets, untouchable, mayWrite, controlled, ...conduits.flatMap(({ from, to }) => [from, to])].some(
      (set) => set.has(address),
    );
  const isOwn = (address: string) => isNamed(address) || network.has(address);
  const isNeeded = (source: string, destination: string, port: number, code: number) => {
    if (!isOwn(source) || !isOwn(destination)) return false;
    if (writers.length === 0 || controllers.length === 0) return true;
    if (untouchable.has(source) || untouchable.has(destination)) return true;
    if (isNamed(source) && !(port === 502 && (code === 6 || code === 16))) return true;
    if (mayWrite.has(source) && controlled.has(destination)) return true;
    return conduits.some(
      ({ from, to, functions }) =>
        from.has(source) && to.has(destination) && (functions.length === 0 || functions.includes(code)),
    );
  };
  const ownNames = [self, ...self.services, ...self.assets].flatMap(({ domains = [] }) => domains);
  const isBelow = (name: string, above: string) => name === above || name.endsWith(`.${above}`);

  return blocks.some(({ sources, destinations, ports, functions, names }) => {
    if (names !== undefined) {
      return NAMES.some(
        (name) => names.some((each) => isBelow(name, each)) && ownNames.some((each) => isBelow(name, each)),
      );
    }
    if (sources.includes("any") || destinations.includes("any")) {
      return [...members(sources.includes("any") ? destinations : sources)].some(isOwn);
    }
    const [these, those] = [members(sources), members(destinations)];
    return [...these].some((source) =>
      [...those].some((destination) =>
        (ports.length > 0 ? ports : PORTS).some((port) =>
          (functions.length > 0 ? functions : FUNCTIONS).some((code) =>
            isNeeded(source, destination, port, code),
          ),
        ),
      ),
    );
  });
}

/** Draws a plan and a Self, both within the universe. `random` gives numbers in [0, 1). */
export function drawPair(random: () => number): readonly [readonly BlockSet[], Self] {
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(list: readonly T[]) => list[below(list.length)] as T;
  const some = <T>(list: readonly T[], most: number) =>
    Array.from({ length: below(most + 1) }, () => pick(list));
  const range = (): string => {
    const address = pick(ADDRESSES);
    if (address.includes(":")) return random() < 0.5 ? address : `${address}/${125 + below(4)}`;
    const kind = random();
    if (kind < 0.5) return address;
    if (kind < 0.8) return `${address}/${29 + below(4)}`;
    const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
    const tail = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
    return `${pick(["::ffff:", "64:ff9b::"])}${tail}${pick(["", "/128", "/126"])}`;
  };
  const ranges = (most: number) => Array.from({ length: below(most + 1) }, range);
  const side = () => [range(), ...ranges(2)];
  const block = (): BlockSet => {
    if (random() < 0.15) {
      return {
        sources: [],
        destinations: [],
        ports: [],
        functions: [],
        names: [pick(NAMES), ...some(NAMES, 1)],
      };
    }
    const open = random();
    return {
      sources: open < 0.1 ? ["any"] : side(),
      destinations: open > 0.9 ? ["any"] : side(),
      ports: random() < 0.6 ? [502] : some(PORTS, 2),
      functions: random() < 0.6 ? [pick([6, 16])] : some(FUNCTIONS, 2),
    };
  };
  const self: Self = {
    assets: random() < 0.5 ? [{ name: "asset", addresses: ranges(2), domains: some(NAMES, 1) }] : [],
    domains: some(NAMES, 1),
    roles: {
      otNetwork: random() < 0.7 ? ["10.0.0.0/29"] : ranges(1),
      writers: ranges(2),
      controllers: ranges(2),
      ...(random() < 0.3 && { engineeringStations: ranges(1) }),
      ...(random() < 0.3 && { safetySystems: ranges(1) }),
    },
    ...(random() < 0.3 && {
      conduits: [
        { name: "c", from: side(), to: side(), protocol: "modbus" as const, functions: some([3, 6, 16], 1) },
      ],
    }),
    services: random() < 0.3 ? [{ name: "service", addresses: ranges(1), domains: some(NAMES, 1) }] : [],
    files: [],
    confirmedAtMs: 0,
  };
  return [Array.from({ length: 1 + below(2) }, block), self];
}

/** Repeatable numbers in [0, 1): xorshift, 32 bits. */
export function drawer(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
