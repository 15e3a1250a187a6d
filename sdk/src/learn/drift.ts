/** What of Self and the plant's traffic no longer fits together, both ways. */
import { spanContains, spanOf, spansOverlap } from "../core/address.ts";
import type { Self } from "../core/types.ts";
import { entriesOf, type SelfEntry } from "./entries.ts";
import { type Conversation, isControl, joinSeen, type Seen, type TrafficFold } from "./fold.ts";
import { insideOf } from "./propose.ts";

/** An entry whose traffic is missing. */
export interface UnseenEntry extends SelfEntry {
  /** When it was last seen, here or as Self has it; undefined: never. */
  readonly lastMs: number | undefined;
}

/** Traffic that Self does not know. */
export interface OutsideSelf extends Seen {
  readonly what: "host" | "controller" | "writer" | "conduit" | "service";
  readonly value: string;
  readonly text: string;
}

/** The drift of a plant. */
export interface Drift {
  readonly unseen: readonly UnseenEntry[];
  readonly outside: readonly OutsideSelf[];
  /** Days since an operator confirmed Self, two decimals. */
  readonly ageDays: number;
}

const DAY_MS = 86_400_000;

/**
 * Holds Self against traffic.
 *
 * Unseen is what was not seen for `days` before `nowMs`, by this traffic or by what Self remembers; an
 * entry that nothing remembers is unseen when it is not in this traffic. Hashes, MAC addresses and the
 * OT network as such are not looked for.
 *
 * @param options.nowMs ms since the epoch
 * @param options.networks CIDR ranges of the plant beside the private ones
 */
export function findDrift(
  self: Self,
  fold: TrafficFold,
  options: { readonly days: number; readonly nowMs: number; readonly networks?: readonly string[] },
): Drift {
  const { days, nowMs } = options;
  const lastOf = lastSeen(self, fold);
  const unseen = entriesOf(self).flatMap((entry): UnseenEntry[] => {
    if (entry.kind === "other" || entry.place === "roles.otNetwork") return [];
    const times = [lastOf(entry), entry.seenMs].filter((ms) => ms !== undefined);
    const lastMs = times.length === 0 ? undefined : Math.max(...times);
    return lastMs !== undefined && nowMs - lastMs <= days * DAY_MS ? [] : [{ ...entry, lastMs }];
  });
  return {
    unseen,
    outside: outsideOf(self, fold, insideOf(options.networks ?? [])),
    ageDays: Math.round(((nowMs - self.confirmedAtMs) / DAY_MS) * 100) / 100,
  };
}

function lastSeen(self: Self, fold: TrafficFold): (entry: SelfEntry) => number | undefined {
  const addresses = new Map<string, number>();
  for (const { client, server, lastMs, answered } of fold.conversations)
    for (const address of answered === 0 ? [client] : [client, server])
      addresses.set(address, Math.max(addresses.get(address) ?? 0, lastMs));
  const spans = [...addresses].map(([address, lastMs]) => ({ span: spanOf(address), lastMs }));
  const names = new Map<string, number>();
  for (const [server, of] of fold.names)
    for (const name of of) names.set(name, Math.max(names.get(name) ?? 0, addresses.get(server) ?? 0));
  const latest = (times: readonly number[]) => (times.length === 0 ? undefined : Math.max(...times));

  return ({ kind, value, place }) => {
    if (kind === "address") {
      const own = spanOf(value);
      return latest(spans.filter(({ span }) => spansOverlap(own, span)).map(({ lastMs }) => lastMs));
    }
    if (kind === "name") {
      const own = value.toLowerCase().replace(/^\.+|\.+$/g, "");
      return latest(
        [...names].flatMap(([name, ms]) => (name === own || name.endsWith(`.${own}`) ? [ms] : [])),
      );
    }
    const conduit = self.conduits?.find(({ name }) => place === `conduits: ${name}`);
    if (conduit === undefined) return undefined;
    const [from, to] = [holds(conduit.from), holds(conduit.to)];
    return latest(
      fold.conversations.flatMap((one) =>
        one.request?.protocol === conduit.protocol && from(one.client) && to(one.server) ? [one.lastMs] : [],
      ),
    );
  };
}

function outsideOf(
  self: Self,
  fold: TrafficFold,
  inside: (address: string) => boolean,
): readonly OutsideSelf[] {
  const { roles } = self;
  const conduits = self.conduits ?? [];
  const known = holds([
    ...self.assets.flatMap(({ addresses }) => addresses),
    ...roles.writers,
    ...roles.controllers,
    ...(roles.engineeringStations ?? []),
    ...(roles.safetySystems ?? []),
    ...conduits.flatMap(({ from, to }) => [...from, ...to]),
  ]);
  const isController = holds([...roles.controllers, ...(roles.safetySystems ?? [])]);
  const isWriter = holds(roles.writers);
  const isEngineer = holds(roles.engineeringStations ?? []);
  const needed = holds(self.services.flatMap(({ addresses }) => addresses));
  const found = new Map<string, { readonly one: Omit<OutsideSelf, keyof Seen>; readonly seen: Seen[] }>();
  const note = (what: OutsideSelf["what"], value: string, text: string, seen: Seen): void => {
    const key = `${what}\n${value}\n${text}`;
    const held = found.get(key) ?? { one: { what, value, text }, seen: [] };
    held.seen.push(seen);
    found.set(key, held);
  };

  for (const one of fold.conversations) {
    const { client, server, request } = one;
    if (inside(client) && !known(client)) note("host", client, "speaks and is in no asset and no role", one);
    if (inside(server) && one.answered !== 0 && !known(server))
      note("host", server, "answers and is in no asset and no role", one);
    if (inside(client) && !inside(server) && one.answered !== 0 && !known(server) && !needed(server))
      note("service", server, "is spoken to from the plant and is no service", one);
    if (!isControl(one)) continue;
    if (inside(server) && one.answered !== 0 && !isController(server))
      note("controller", server, `answers ${one.protocol} and is no controller`, one);
    if (request?.access === "write" || request?.access === "program") judgeWrite(one);
  }

  function judgeWrite(one: Conversation): void {
    const { client, server, request } = one;
    const what = `${request?.protocol} function ${request?.function} to ${server}`;
    if (request?.access === "program" ? !isEngineer(client) && !isWriter(client) : !isWriter(client)) {
      note("writer", client, `${what}, and is no writer`, one);
      return;
    }
    if (request?.protocol !== "modbus") return;
    const own = conduits.filter(({ from }) => holds(from)(client));
    if (own.length === 0) return; // a writer by role alone may write anything anywhere
    const fits = own.some(
      ({ to, functions }) =>
        holds(to)(server) && (functions.length === 0 || functions.includes(request.function)),
    );
    if (!fits) note("conduit", client, `${what}, which none of its conduits allows`, one);
  }

  return [...found.values()].map(({ one, seen }) => ({ ...one, ...joinSeen(seen) }));
}

function holds(texts: readonly string[]): (address: string) => boolean {
  const spans = texts.map((text) => spanOf(text));
  return (address) => {
    const span = spanOf(address);
    return spans.some((outer) => spanContains(outer, span));
  };
}
