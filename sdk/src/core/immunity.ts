/**
 * Herd immunity counted from what plants signed, receipts and sightings, and from nothing else: whoever
 * holds these entries, a node or an auditor with a bundle, gets the same figures.
 */
import { stops } from "./policy.ts";
import type { Address, Entry, IndicatorId, MemberNumber, ReceiptBody, Status } from "./types.ts";
import type {
  Coverage,
  ImmunityView,
  PlantImmunity,
  RecordImmunity,
  SecondExposure,
  Times,
} from "./views-immunity.ts";

/** What is known of a record beside the entries. */
export interface ImmunityRecord {
  readonly name: string;
  readonly status: Status["name"];
}

/** Counts entries as they are read, in the order of each feed. */
export interface ImmunityCount {
  /** Takes an entry up; only receipts and sightings count. */
  add(feed: Address, member: MemberNumber | undefined, entry: Entry): void;
  /**
   * The figures at `atMs`, ms since the epoch. `recordOf` leaves a record out by giving none; `limit` bounds
   * the records that are listed, never the sums.
   */
  view(atMs: number, recordOf: (id: IndicatorId) => ImmunityRecord | undefined, limit?: number): ImmunityView;
}

type Word = PlantImmunity["state"];

interface Told {
  readonly at: number;
  readonly receipt: ReceiptBody;
}

/** What one plant said of one record. */
interface PlantSaid {
  readonly feed: Address;
  member: MemberNumber | undefined;
  readonly receipts: Told[];
  /** When it first wrote of a sighting: its own clock, right after the alert was read. */
  saidMs: number | undefined;
  /** The sensor's time of its first sighting. */
  firstMs: number | undefined;
  count: number;
}

/** What has ended: nothing of it should be in force. */
const OVER: ReadonlySet<Status["name"]> = new Set(["refuted", "withdrawn", "dormant", "none"]);

/** A count without entries. */
export function createImmunityCount(): ImmunityCount {
  const records = new Map<IndicatorId, Map<Address, PlantSaid>>();

  function said(indicator: IndicatorId, feed: Address, member: MemberNumber | undefined): PlantSaid {
    const plants = records.get(indicator) ?? new Map<Address, PlantSaid>();
    records.set(indicator, plants);
    const known = plants.get(feed) ?? {
      feed,
      member,
      receipts: [],
      saidMs: undefined,
      firstMs: undefined,
      count: 0,
    };
    plants.set(feed, known);
    known.member ??= member;
    return known;
  }

  return {
    add(feed, member, entry) {
      if (entry.kind === "receipt") {
        said(entry.body.indicator, feed, member).receipts.push({ at: entry.at, receipt: entry.body });
      } else if (entry.kind === "sighting") {
        const plant = said(entry.body.indicator, feed, member);
        plant.saidMs = Math.min(plant.saidMs ?? entry.at, entry.at);
        plant.firstMs = Math.min(plant.firstMs ?? entry.body.firstMs, entry.body.firstMs);
        plant.count = Math.max(plant.count, entry.body.count); // cumulative
      }
    },
    view(atMs, recordOf, limit = Number.POSITIVE_INFINITY) {
      const all: RecordImmunity[] = [];
      for (const [indicator, plants] of records) {
        const record = recordOf(indicator);
        if (record !== undefined) all.push(recordImmunity(indicator, record, [...plants.values()], atMs));
      }
      all.sort(
        (a, b) => (b.firstAlertMs ?? 0) - (a.firstAlertMs ?? 0) || (a.indicator < b.indicator ? -1 : 1),
      );
      const others = all.flatMap(({ plants }) => plants.filter((plant) => !isFirst(plant, plants)));
      return {
        atMs,
        indicators: all.length,
        coverage: sum(
          all.map(({ coverage }) => coverage),
          { plants: 0, able: 0, protected: 0, warned: 0 },
        ),
        secondExposure: sum(
          all.map(({ secondExposure }) => secondExposure),
          { met: 0, protected: 0, warned: 0 },
        ),
        warnedAfter: timesOf(others.flatMap(({ warnedAfterMs }) => warnedAfterMs ?? [])),
        protectedAfter: timesOf(others.flatMap(({ protectedAfterMs }) => protectedAfterMs ?? [])),
        pendingUndo: all.reduce((total, { pendingUndo }) => total + pendingUndo, 0),
        records: all.slice(0, limit),
      };
    },
  };
}

function recordImmunity(
  indicator: IndicatorId,
  { name, status }: ImmunityRecord,
  said: readonly PlantSaid[],
  atMs: number,
): RecordImmunity {
  // Never the sensor's own time: a replayed or skewed log would make every figure its own age.
  const firstAlertMs = least(
    said.flatMap(({ saidMs, receipts }) => [saidMs ?? [], receipts[0]?.at ?? []].flat()),
  );
  const plants = said
    .map((one) => plantImmunity(one, firstAlertMs, OVER.has(status), atMs))
    .sort(
      (a, b) =>
        (a.metMs ?? Number.POSITIVE_INFINITY) - (b.metMs ?? Number.POSITIVE_INFINITY) ||
        (a.feed < b.feed ? -1 : 1),
    );
  const again = plants.filter((plant) => plant.metMs !== null && !isFirst(plant, plants));
  const of = (list: readonly PlantImmunity[], test: (plant: PlantImmunity) => boolean) =>
    list.filter(test).length;
  return {
    indicator,
    name,
    status,
    firstAlertMs,
    coverage: {
      plants: plants.length,
      able: of(plants, ({ able }) => able),
      protected: of(plants, ({ state }) => state === "protected"),
      warned: of(plants, ({ state }) => state !== "none"),
    },
    secondExposure: {
      met: again.length,
      protected: of(again, ({ metAs }) => metAs === "protected"),
      warned: of(again, ({ metAs }) => metAs === "protected" || metAs === "warned"),
    },
    pendingUndo: plants.reduce((total, { pendingUndo }) => total + pendingUndo.length, 0),
    plants,
  };
}

function plantImmunity(
  { feed, member, receipts, firstMs, count }: PlantSaid,
  firstAlertMs: number | null,
  isOver: boolean,
  atMs: number,
): PlantImmunity {
  // Another plant's clock may be ahead of ours: its last word counts all the same.
  const inForce = inForceOf(receipts, Number.POSITIVE_INFINITY);
  const strongest = inForce.find(({ action }) => stops(action)) ?? inForce[0];
  const after = (test: (receipt: ReceiptBody) => boolean): number | null => {
    const first = least(receipts.flatMap(({ at, receipt }) => (test(receipt) ? at : [])));
    return first === null || firstAlertMs === null ? null : first - firstAlertMs;
  };
  return {
    feed,
    member: member ?? null,
    state: wordFor(inForce),
    proof: strongest?.proof ?? "none",
    able: receipts.some(
      ({ receipt }) => receipt.state === "deferred" || (receipt.state !== "refused" && stops(receipt.action)),
    ),
    warnedAfterMs: after(({ state }) => state === "verified"),
    protectedAfterMs: after(({ state, action }) => state === "verified" && stops(action)),
    sightings: count,
    metMs: firstMs ?? null,
    metAs: firstMs === undefined ? null : wordFor(inForceOf(receipts, firstMs)),
    pendingUndo: isOver ? inForce.map(({ control }) => control) : [],
    pastEnd: inForce.flatMap(({ control, expiresAtMs }) =>
      expiresAtMs !== undefined && expiresAtMs <= atMs ? control : [],
    ),
  };
}

/** The last word of each control by a time that is not that it was undone. What was refused or put off changes nothing. */
function inForceOf(receipts: readonly Told[], byMs: number): readonly ReceiptBody[] {
  const last = new Map<string, ReceiptBody>();
  for (const { at, receipt } of receipts) {
    if (at > byMs) continue;
    if (receipt.state === "verified" && receipt.action !== "observe") last.set(receipt.control, receipt);
    else if (receipt.state === "undone") last.delete(receipt.control);
  }
  return [...last.values()];
}

function wordFor(inForce: readonly ReceiptBody[]): Word {
  if (inForce.some(({ action }) => stops(action))) return "protected";
  return inForce.length > 0 ? "warned" : "none";
}

/** Whether a plant is the one that met the attack first; nobody is when nobody met it. */
function isFirst(plant: PlantImmunity, plants: readonly PlantImmunity[]): boolean {
  return plant.metMs !== null && plant === plants[0];
}

function sum<T extends Coverage | SecondExposure>(parts: readonly T[], zero: T): T {
  const keys = Object.keys(zero) as (keyof T)[];
  const total = { ...zero } as Record<keyof T, number>;
  for (const part of parts) for (const key of keys) total[key] += part[key] as number;
  return total as T;
}

function timesOf(values: readonly number[]): Times {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99) };
}

function least(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((a, b) => Math.min(a, b));
}
