/** From a plant's own traffic to a proposal of Self. Nothing is used before somebody has read it. */
import { classifyAddress, spanContains, spanOf } from "../core/address.ts";
import { formatAddress, parseRange } from "../core/address-set.ts";
import { type Conversation, isControl, joinSeen, type Seen, type TrafficFold } from "./fold.ts";

/** The parts of Self that can be learnt. */
export type LearntPart =
  | "asset"
  | "otNetwork"
  | "controllers"
  | "writers"
  | "engineeringStations"
  | "safetySystems";

/** An entry that is proposed. */
export interface ProposedEntry extends Seen {
  readonly part: LearntPart;
  /** An address, or a range for `otNetwork`. */
  readonly value: string;
  readonly why: string;
}

/** Who speaks Modbus to which controller. */
export interface ProposedConduit extends Seen {
  readonly from: string;
  readonly to: string;
  /** Modbus function codes, ascending. */
  readonly functions: readonly number[];
  /** Whether one of them writes. */
  readonly writes: boolean;
}

/** Why something is shown and not proposed. */
export type HeldBackReason =
  /** It attacks in an alert of the same logs. */
  | "alert"
  | "scan"
  /** An address of the Internet writes. */
  | "outside"
  /** Too seldom, or only once for a while. */
  | "seldom"
  /** The logs are too short to know what is regular. */
  | "short"
  /** A server of others: a beacon looks the same as a service. */
  | "service";

/** Something that is not proposed: a person must say whether it belongs to the plant. */
export interface HeldBack extends Seen {
  readonly value: string;
  readonly reason: HeldBackReason;
  readonly text: string;
  /** Of a service: the names it was spoken to under, or asked for. */
  readonly names?: readonly string[];
}

/** What was learnt. */
export interface SelfProposal {
  readonly entries: readonly ProposedEntry[];
  readonly conduits: readonly ProposedConduit[];
  readonly heldBack: readonly HeldBack[];
}

/** Seen in fewer slots than this, nothing is regular. */
const LEAST_SLOTS = 3;

/**
 * Proposes assets, roles and conduits from what is regular, and says why the rest is not proposed.
 *
 * Regular is what was seen in three five-minute slots or more whose first and last are at least half of
 * the recorded time apart. Whoever attacks in an alert of the same logs or scans is never proposed.
 *
 * @param networks CIDR ranges of the plant beside the private ones
 */
export function proposeSelf(fold: TrafficFold, networks: readonly string[] = []): SelfProposal {
  const inside = insideOf(networks);
  const spanMs = (fold.lastMs ?? 0) - (fold.firstMs ?? 0);
  const isShort = fold.slots < LEAST_SLOTS;
  const isRegular = (seen: Seen) =>
    seen.slots >= LEAST_SLOTS && (seen.lastMs - seen.firstMs) * 2 >= spanMs && !isShort;
  const suspects = new Map(fold.suspicions.map((one) => [one.address, one]));
  const heldBack: HeldBack[] = fold.suspicions.map(({ address, ...rest }) => ({ value: address, ...rest }));
  const entries: ProposedEntry[] = [];
  const usual = (seen: Seen): string => `${seen.slots} of ${fold.slots} five-minute slots`;

  const hold = (value: string, what: string, seen: Seen): void => {
    heldBack.push({
      value,
      reason: isShort ? "short" : "seldom",
      text: isShort
        ? `${what}; the logs cover less than ${LEAST_SLOTS} five-minute slots`
        : `${what} in ${usual(seen)}, ${seconds(seen)} from first to last`,
      ...pick(seen),
    });
  };
  const propose = (part: LearntPart, value: string, what: string, seen: Seen): boolean => {
    if (suspects.has(value)) return false;
    if (!isRegular(seen)) {
      hold(value, what, seen);
      return false;
    }
    entries.push({ part, value, why: `${what} in ${usual(seen)}`, ...pick(seen) });
    return true;
  };

  // What suspects do says nothing about whom they do it to, either.
  const sound = fold.conversations.filter(({ client }) => !suspects.has(client));
  const control = sound.filter(isControl);

  for (const [address, seen] of hostsOf(sound, inside)) propose("asset", address, "speaks", seen);
  const controllers = new Set<string>();
  for (const [server, talks] of groupBy(control, ({ server }) => server)) {
    if (!inside(server)) continue;
    const what = `answers ${[...new Set(talks.map(({ protocol }) => protocol))].join(", ")}`;
    if (propose("controllers", server, what, joinSeen(talks))) controllers.add(server);
    const safety = talks.filter(({ request }) => request?.protocol === "tristation");
    if (safety.length > 0) propose("safetySystems", server, "answers TriStation", joinSeen(safety));
  }
  for (const [network, members] of groupBy([...controllers], networkOf)) {
    const seen = joinSeen(entries.filter((one) => one.part === "controllers" && members.includes(one.value)));
    entries.push({
      part: "otNetwork",
      value: network,
      why: `around ${members.length === 1 ? "a controller" : `${members.length} controllers`}`,
      ...seen,
    });
  }
  for (const [access, part] of [
    ["write", "writers"],
    ["program", "engineeringStations"],
  ] as const) {
    const of = control.filter(({ request }) => request?.access === access);
    for (const [client, talks] of groupBy(of, ({ client }) => client)) {
      const seen = joinSeen(talks);
      const codes = [...new Set(talks.map((one) => `${one.protocol} ${one.request?.function}`))].join(", ");
      const what = `${access === "write" ? "writes" : "programs"} (${codes}) to ${[...new Set(talks.map(({ server }) => server))].join(", ")}`;
      if (inside(client)) propose(part, client, what, seen);
      else heldBack.push({ value: client, reason: "outside", text: `${what}, from outside`, ...seen });
    }
  }
  const writers = new Set(entries.filter(({ part }) => part === "writers").map(({ value }) => value));
  return {
    entries,
    conduits: conduitsOf(control, controllers, writers, isRegular),
    heldBack: [...heldBack, ...servicesOf(sound, fold, inside, isRegular)],
  };
}

/** Conduits of Modbus by pair. Of somebody who is not proposed as a writer only what it reads. */
function conduitsOf(
  control: readonly Conversation[],
  controllers: ReadonlySet<string>,
  writers: ReadonlySet<string>,
  isRegular: (seen: Seen) => boolean,
): readonly ProposedConduit[] {
  const fit = control.filter(
    (one) =>
      one.request?.protocol === "modbus" &&
      controllers.has(one.server) &&
      isRegular(one) &&
      (one.request.access === "read" || writers.has(one.client)),
  );
  return groupBy(fit, ({ client, server }) => `${client}\n${server}`).map(([, talks]) => {
    const { client: from, server: to } = talks[0] as Conversation;
    const functions = [...new Set(talks.flatMap(({ request }) => request?.function ?? []))];
    const writes = talks.some(({ request }) => request?.access === "write");
    return { from, to, functions: functions.sort((a, b) => a - b), writes, ...joinSeen(talks) };
  });
}

function servicesOf(
  sound: readonly Conversation[],
  fold: TrafficFold,
  inside: (address: string) => boolean,
  isRegular: (seen: Seen) => boolean,
): readonly HeldBack[] {
  const out = sound.filter((one) => inside(one.client) && !inside(one.server) && one.answered !== 0);
  return groupBy(out, ({ server }) => server).flatMap(([server, talks]) => {
    const seen = joinSeen(talks);
    if (!isRegular(seen)) return [];
    const isResolver = talks.some(({ port }) => port === 53);
    const names = isResolver ? [] : [...(fold.names.get(server) ?? [])];
    const ports = [...new Set(talks.map(({ port, protocol }) => `${protocol} ${port ?? ""}`.trim()))];
    const text = `a server outside that ${new Set(talks.map(({ client }) => client)).size} of the plant's machines speak to (${ports.join(", ")})`;
    return [{ value: server, reason: "service" as const, text, ...(names.length > 0 && { names }), ...seen }];
  });
}

/** Every address inside that sent something, with all that it did. */
function hostsOf(
  sound: readonly Conversation[],
  inside: (address: string) => boolean,
): readonly (readonly [string, Seen])[] {
  const seen = new Map<string, Seen[]>();
  const add = (address: string, one: Seen) => {
    if (!inside(address)) return;
    const of = seen.get(address) ?? [];
    of.push(one);
    seen.set(address, of);
  };
  for (const one of sound) {
    add(one.client, one);
    // A closed door is no machine.
    if (one.answered !== 0) add(one.server, one);
  }
  return [...seen].map(([address, parts]) => [address, joinSeen(parts)] as const);
}

/** Whether an address is the plant's: private, or in one of the networks. */
export function insideOf(networks: readonly string[]): (address: string) => boolean {
  const spans = networks.map((text) => spanOf(text));
  const known = new Map<string, boolean>();
  return (address) => {
    let answer = known.get(address);
    if (answer === undefined) {
      const span = spanOf(address);
      answer =
        ["private", "shared", "linkLocal"].includes(classifyAddress(address)) ||
        spans.some((outer) => spanContains(outer, span));
      known.set(address, answer);
    }
    return answer;
  };
}

/** The /24 or /64 around an address. */
function networkOf(address: string): string {
  const range = parseRange(address);
  if (range === undefined) return address;
  const [bits, prefix] = range.family === 4 ? [8n, 24] : [64n, 64];
  return `${formatAddress(range.family, (range.first >> bits) << bits)}/${prefix}`;
}

function groupBy<T>(
  list: readonly T[],
  key: (item: T) => string,
): readonly (readonly [string, readonly T[]])[] {
  const groups = new Map<string, T[]>();
  for (const item of list) {
    const of = groups.get(key(item));
    if (of === undefined) groups.set(key(item), [item]);
    else of.push(item);
  }
  return [...groups];
}

function pick({ count, firstMs, lastMs, slots, evidence }: Seen): Seen {
  return { count, firstMs, lastMs, slots, evidence };
}

function seconds({ firstMs, lastMs }: Seen): string {
  return `${Math.round((lastMs - firstMs) / 1000)} s`;
}
