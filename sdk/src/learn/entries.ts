/** Self as a flat list of entries: what two of them are compared by, and what is looked for in traffic. */
import type { Self } from "../core/types.ts";

/** One thing that Self says. */
export interface SelfEntry {
  /** As `assets: boiler plc`, `roles.writers`, `conduits: hmi to boiler`. */
  readonly place: string;
  readonly value: string;
  /** Address or range, name, or what traffic cannot show. */
  readonly kind: "address" | "name" | "conduit" | "other";
  /** When it was last seen as Self has it, ms since the epoch. */
  readonly seenMs?: number;
}

/** Every entry of Self without its warninglists, in the order of the file. Writers that a conduit makes are the conduit's. */
export function entriesOf(self: Self): readonly SelfEntry[] {
  const entry = (place: string, kind: SelfEntry["kind"], value: string): SelfEntry => {
    const seenMs = self.seenMs?.[value.toLowerCase()];
    return { place, value, kind, ...(seenMs !== undefined && { seenMs }) };
  };
  const all = (place: string, kind: SelfEntry["kind"], values: readonly string[] = []) =>
    values.map((value) => entry(place, kind, value));
  const conduits = self.conduits ?? [];
  const byConduit = new Set(conduits.flatMap(({ from }) => from));
  const ofAssets = new Set(self.assets.flatMap(({ domains = [], files = [] }) => [...domains, ...files]));
  const own = (values: readonly string[]) => values.filter((value) => !ofAssets.has(value));
  const { roles } = self;
  return [
    ...self.assets.flatMap(({ name, addresses, macs, domains, files }) => [
      ...all(`assets: ${name}`, "address", addresses),
      ...all(`assets: ${name}`, "other", macs),
      ...all(`assets: ${name}`, "name", domains),
      ...all(`assets: ${name}`, "other", files),
    ]),
    ...all("domains", "name", own(self.domains)),
    ...all("roles.otNetwork", "address", roles.otNetwork),
    ...all(
      "roles.writers",
      "address",
      roles.writers.filter((value) => !byConduit.has(value)),
    ),
    ...all("roles.controllers", "address", roles.controllers),
    ...all("roles.engineeringStations", "address", roles.engineeringStations),
    ...all("roles.safetySystems", "address", roles.safetySystems),
    ...conduits.map(({ name, from, to, protocol, functions, seenMs }) => ({
      place: `conduits: ${name}`,
      kind: "conduit" as const,
      value: `${from.join(", ")} to ${to.join(", ")}, ${protocol} ${functions.length === 0 ? "any function" : functions.join(", ")}`,
      ...(seenMs !== undefined && { seenMs }),
    })),
    ...self.services.flatMap(({ name, addresses, domains }) => [
      ...all(`services: ${name}`, "address", addresses),
      ...all(`services: ${name}`, "name", domains),
    ]),
    ...all("files", "other", own(self.files)),
  ];
}

/** What one Self says and another does not. */
export interface SelfDifference {
  readonly change: "added" | "removed";
  readonly entry: SelfEntry;
}

/** Entries of `after` that `before` has not, and the other way round; a change of an entry is both. */
export function compareSelves(before: Self, after: Self): readonly SelfDifference[] {
  const key = ({ place, value }: SelfEntry) => `${place}\n${value.toLowerCase()}`;
  const [old, now] = [entriesOf(before), entriesOf(after)];
  const [oldKeys, nowKeys] = [new Set(old.map(key)), new Set(now.map(key))];
  return [
    ...old
      .filter((entry) => !nowKeys.has(key(entry)))
      .map((entry) => ({ change: "removed" as const, entry })),
    ...now.filter((entry) => !oldKeys.has(key(entry))).map((entry) => ({ change: "added" as const, entry })),
  ];
}
