import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type {
  DetectionOutcome,
  DetectorCounts,
  QueuedCandidate,
  Stopped,
  StoredDetection,
} from "@anamnesis/sdk/core/views";
import type { LineBatch, LineReason, Store, StoreOp } from "../ports.ts";
import { fromJson, ordinal, rangeOf, toJson } from "./keys.ts";

export type { DetectionOutcome, DetectorCounts, QueuedCandidate, Stopped, StoredDetection };

/** Detections, their outcomes, the candidates in review, and where each detector stands. */
export interface Detections {
  position(detector: string): unknown;
  counts(): ReadonlyMap<string, DetectorCounts>;
  /** Takes a batch: position, counts and detections in one write. */
  stageBatch(batch: LineBatch): {
    readonly ops: readonly StoreOp[];
    readonly stored: readonly StoredDetection[];
    done(): void;
  };
  /** Gives a detection its outcome. */
  stageOutcome(
    stored: StoredDetection,
    outcome: DetectionOutcome,
  ): { readonly ops: readonly StoreOp[]; done(): void };
  /** Detections without an outcome, oldest first: what a crash interrupted. */
  pending(): readonly StoredDetection[];
  pendingCount(): number;
  /** This plant's detectors that met a record, by name. */
  detectorsOf(id: IndicatorId): readonly string[];
  queued(): readonly QueuedCandidate[];
  candidate(id: IndicatorId): QueuedCandidate | undefined;
  stageCandidate(candidate: QueuedCandidate): { readonly op: StoreOp; done(): void };
  dropCandidate(id: IndicatorId): { readonly op: StoreOp; done(): void };
  /** Newest first. */
  recent(limit: number, before?: number): Promise<readonly StoredDetection[]>;
}

const NO_COUNTS: DetectorCounts = {
  lines: 0,
  detections: 0,
  context: 0,
  duplicates: 0,
  rejected: {},
  examples: {},
};

/** Loads detections from a store. */
export async function loadDetections(store: Store): Promise<Detections> {
  const sources = new Map<string, { position: unknown; counts: DetectorCounts }>();
  const pending = new Map<number, StoredDetection>();
  const queue = new Map<IndicatorId, QueuedCandidate>();
  /** Who met what: as it is in the store, and with what is on its way there. */
  const metBy = new Map<IndicatorId, Set<string>>();
  const staged = new Map<IndicatorId, Set<string>>();
  let sequence = 0;

  for await (const [key, bytes] of store.entries(rangeOf("s/"))) sources.set(key.slice(2), fromJson(bytes));
  for await (const [key] of store.entries({ ...rangeOf("d/"), reverse: true, limit: 1 }))
    sequence = Number(key.slice(2));
  for await (const [key] of store.entries(rangeOf("p/"))) {
    const stored = fromJson<StoredDetection>(store.get(`d/${key.slice(2)}`) as Uint8Array);
    pending.set(stored.sequence, stored);
  }
  for await (const [, bytes] of store.entries(rangeOf("q/"))) {
    const candidate = fromJson<QueuedCandidate>(bytes);
    queue.set(candidate.id, candidate);
  }

  for await (const [key, bytes] of store.entries(rangeOf("w/")))
    metBy.set(key.slice(2) as IndicatorId, new Set(fromJson<string[]>(bytes)));

  return {
    position: (detector) => sources.get(detector)?.position,
    counts: () => new Map([...sources].map(([name, source]) => [name, source.counts])),
    stageBatch(batch) {
      const counts = addCounts(sources.get(batch.detector)?.counts ?? NO_COUNTS, batch);
      const source = { position: batch.position, counts };
      const ops: StoreOp[] = [{ type: "put", key: `s/${batch.detector}`, value: toJson(source) }];
      const stored: StoredDetection[] = [];
      for (const line of batch.lines) {
        if (line.kind !== "detection") continue;
        const one: StoredDetection = { sequence: ++sequence, detection: line.detection };
        stored.push(one);
        ops.push({ type: "put", key: `d/${ordinal(one.sequence)}`, value: toJson(one) });
        ops.push({ type: "put", key: `p/${ordinal(one.sequence)}`, value: new Uint8Array(0) });
      }
      return {
        ops,
        stored,
        done() {
          sources.set(batch.detector, source);
          for (const one of stored) pending.set(one.sequence, one);
        },
      };
    },
    stageOutcome(stored, outcome) {
      const key = ordinal(stored.sequence);
      const { detector } = stored.detection;
      const met: StoreOp[] = [];
      for (const id of outcome.indicators) {
        if (metBy.get(id)?.has(detector) === true) continue;
        const names = new Set([...(metBy.get(id) ?? []), ...(staged.get(id) ?? []), detector]);
        staged.set(id, names);
        met.push({ type: "put", key: `w/${id}`, value: toJson([...names].sort()) });
      }
      return {
        ops: [
          { type: "put", key: `d/${key}`, value: toJson({ ...stored, outcome }) },
          { type: "del", key: `p/${key}` },
          ...met,
        ],
        done() {
          pending.delete(stored.sequence);
          if (met.length === 0) return;
          for (const id of outcome.indicators) metBy.set(id, (metBy.get(id) ?? new Set()).add(detector));
        },
      };
    },
    pending: () => [...pending.values()],
    pendingCount: () => pending.size,
    detectorsOf: (id) => [...(metBy.get(id) ?? [])].sort(),
    queued: () => [...queue.values()],
    candidate: (id) => queue.get(id),
    stageCandidate: (candidate) => ({
      op: { type: "put", key: `q/${candidate.id}`, value: toJson(candidate) },
      done: () => void queue.set(candidate.id, candidate),
    }),
    dropCandidate: (id) => ({ op: { type: "del", key: `q/${id}` }, done: () => void queue.delete(id) }),
    async recent(limit, before) {
      const found: StoredDetection[] = [];
      const lt = before === undefined ? "d/\uffff" : `d/${ordinal(before)}`;
      for await (const [, bytes] of store.entries({ gte: "d/", lt, reverse: true, limit })) {
        found.push(fromJson<StoredDetection>(bytes));
      }
      return found;
    },
  };
}

function addCounts(counts: DetectorCounts, batch: LineBatch): DetectorCounts {
  const rejected: Partial<Record<LineReason, number>> = { ...counts.rejected };
  const examples: Partial<Record<LineReason, string>> = { ...counts.examples };
  let { lines, detections, context, duplicates } = counts;
  for (const line of batch.lines) {
    const count = line.kind === "rejected" ? (line.count ?? 1) : 1;
    lines += count;
    if (line.kind === "detection") detections++;
    else if (line.kind === "context") context++;
    else if (line.kind === "duplicate") duplicates++;
    else {
      rejected[line.reason] = (rejected[line.reason] ?? 0) + count;
      examples[line.reason] = line.example;
    }
  }
  return { lines, detections, context, duplicates, rejected, examples };
}
