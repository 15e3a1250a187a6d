import { blindOf, indicatorId, responseId, subjectOf } from "@anamnesis/sdk/core/ids";
import { parsePattern } from "@anamnesis/sdk/core/pattern";
import { responseStatus, status, wins } from "@anamnesis/sdk/core/status";
import { stricterTlp } from "@anamnesis/sdk/core/tlp";
import type {
  Address,
  AttestationBody,
  Bytes32,
  ContentBody,
  IndicatorForm,
  IndicatorId,
  IndicatorKey,
  MemberNumber,
  Parameters,
  ReceiptBody,
  Register,
  ReleaseClass,
  ResponseId,
  SightingBody,
  Status,
  StixCourseOfAction,
  StixIndicator,
  Subject,
  Tlp,
} from "@anamnesis/sdk/core/types";
import { createHeldRows } from "./held-rows.ts";
import { namesOf } from "./names-of.ts";
import { createOrderedIds } from "./ordered-ids.ts";

/** A member's last stance as held, with what proves it. */
export interface HeldStance {
  readonly register: Register;
  readonly attestation: AttestationBody;
  /** The marking of the entry that carried it. */
  readonly tlp: Tlp;
  /** The node key that signed, which is also the feed it stands in. */
  readonly key: Address;
  readonly index: number;
}

/** A response known for an indicator. */
export interface KnownResponse {
  readonly id: ResponseId;
  readonly object: StixCourseOfAction;
}

/** All that is known of one attack. */
export interface MemoryRecord {
  readonly id: IndicatorId;
  readonly key: IndicatorKey;
  /** Absent when this version compiles nothing from the pattern. */
  readonly form?: IndicatorForm;
  readonly class: ReleaseClass;
  /** The content as first held. */
  readonly object: StixIndicator;
  /** The strictest marking that any feed gave it. */
  tlp: Tlp;
  /** The feed its content was first held from. */
  readonly origin: Address;
  readonly responses: Map<ResponseId, KnownResponse>;
  /** Cumulative sightings, by feed. */
  readonly sightings: Map<Address, SightingBody>;
  /** The last receipt of each control, by feed/control. */
  readonly receipts: Map<
    string,
    { readonly feed: Address; readonly at: number; readonly receipt: ReceiptBody }
  >;
}

/** What a stance did: whether it won, and which stance of the same member lost to the other. */
export interface StanceEffect {
  readonly won: boolean;
  readonly member: MemberNumber;
  readonly winner: HeldStance;
  readonly beaten?: HeldStance;
  readonly indicator?: IndicatorId;
}

/** Who counts, at what thresholds: read from the registry at every question. */
export interface Membership {
  activeMembers(): ReadonlySet<MemberNumber>;
  parameters(): Parameters;
}

/** What all feeds together say: a projection, rebuilt from the feeds at every start. */
export interface Memory {
  /** Forgets everything but the blinding key, before the feeds are projected again. */
  clear(): void;
  /** From now on ids have subjects. */
  setBlindingKey(key: Uint8Array): void;
  hasBlindingKey(): boolean;
  /** The subject of an id; undefined before the blinding key is known. */
  subject(id: IndicatorId | ResponseId): Subject | undefined;
  /** What reveals one subject and no other, 32 bytes; undefined before the blinding key is known. */
  blind(id: IndicatorId | ResponseId): Uint8Array | undefined;
  /** Each returns the indicator that changed, if any. */
  applyContent(feed: Address, tlp: Tlp, body: ContentBody): IndicatorId | undefined;
  /** `member`: who the key spoke for. A stance that does not win changes nothing. */
  applyStance(member: MemberNumber, stance: Omit<HeldStance, "register">, uid: Register["uid"]): StanceEffect;
  applySighting(feed: Address, body: SightingBody): IndicatorId | undefined;
  applyReceipt(feed: Address, at: number, body: ReceiptBody): IndicatorId | undefined;
  record(id: IndicatorId): MemoryRecord | undefined;
  records(): Iterable<MemoryRecord>;
  recordCount(): number;
  /** At most `limit` ids of records after one, in their order. */
  idsAfter(id: IndicatorId | undefined, limit: number): readonly IndicatorId[];
  indicatorOf(subject: Subject): IndicatorId | undefined;
  stances(subject: Subject): ReadonlyMap<MemberNumber, HeldStance>;
  allStances(): Iterable<readonly [Subject, HeldStance]>;
  /** Status by signatures held, at seconds since the epoch. */
  indicatorStatus(id: IndicatorId, at: number): Status;
  /** The response that counts: the one with most supports, smallest id first. */
  bestResponse(
    id: IndicatorId,
    at: number,
  ): { readonly response: KnownResponse; readonly status: Status } | undefined;
  heldHash(): Bytes32;
  /** Records whose observable, name, id or STIX id equals the value, domains also by suffix. */
  recall(value: string): readonly MemoryRecord[];
}

/** The status of what nobody has said anything about. */
export const NO_STATUS: Status = { name: "none", disputed: false, supports: 0, witnesses: 0, refutes: 0 };
const NO_STANCES: ReadonlyMap<MemberNumber, HeldStance> = new Map();

/** Creates an empty memory. */
export function createMemory(membership: Membership): Memory {
  const records = new Map<IndicatorId, MemoryRecord>();
  const order = createOrderedIds();
  const stances = new Map<Subject, Map<MemberNumber, HeldStance>>();
  const bySubject = new Map<Subject, IndicatorId>();
  const subjects = new Map<IndicatorId | ResponseId, Subject>();
  const byValue = new Map<string, Set<IndicatorId>>();
  /** By indicator, held or not yet: feeds arrive in any order. */
  const sightings = new Map<IndicatorId, MemoryRecord["sightings"]>();
  const receipts = new Map<IndicatorId, MemoryRecord["receipts"]>();
  /** Responses whose indicator is not held yet. */
  const orphans = new Map<IndicatorId, StixCourseOfAction[]>();
  let blindingKey: Uint8Array | undefined;
  const rows = createHeldRows();

  function subject(id: IndicatorId | ResponseId): Subject | undefined {
    const known = subjects.get(id);
    if (known !== undefined || blindingKey === undefined) return known;
    const fresh = subjectOf(blindingKey, id);
    subjects.set(id, fresh);
    return fresh;
  }

  function bind(id: IndicatorId | ResponseId, indicator: IndicatorId): void {
    const of = subject(id);
    if (of !== undefined) bySubject.set(of, indicator);
  }

  function remember(value: string, id: IndicatorId): void {
    const ids = byValue.get(value) ?? new Set();
    byValue.set(value, ids.add(id));
  }

  function registersOf(id: IndicatorId | ResponseId): Iterable<Register> {
    const of = subject(id);
    const held = of === undefined ? undefined : stances.get(of);
    return [...(held ?? NO_STANCES).values()].map((stance) => stance.register);
  }

  function indicatorStatus(id: IndicatorId, at: number): Status {
    return status(registersOf(id), membership.activeMembers(), membership.parameters(), at);
  }

  function addIndicator(feed: Address, tlp: Tlp, object: StixIndicator): IndicatorId {
    const key: IndicatorKey = { patternType: object.pattern_type, pattern: object.pattern };
    const id = indicatorId(key);
    const known = records.get(id);
    if (known !== undefined) {
      known.tlp = stricterTlp(known.tlp, tlp);
      return id;
    }
    const form = parsePattern(key);
    records.set(id, {
      id,
      key,
      ...(form && { form }),
      class: form?.form === "behaviour" ? form.behaviour.class : "observable",
      object,
      tlp,
      origin: feed,
      responses: new Map(),
      sightings: ofIndicator(sightings, id),
      receipts: ofIndicator(receipts, id),
    });
    order.add(id);
    bind(id, id);
    remember(id, id);
    remember(object.id, id);
    if (form?.form === "observable") remember(form.observable.value, id);
    if (form?.form === "behaviour") remember(form.behaviour.class, id);
    for (const response of orphans.get(id) ?? []) addResponse(id, response);
    orphans.delete(id);
    return id;
  }

  function addResponse(indicator: IndicatorId, object: StixCourseOfAction): IndicatorId | undefined {
    const record = records.get(indicator);
    if (record === undefined) {
      orphans.set(indicator, [...(orphans.get(indicator) ?? []), object]);
      return undefined;
    }
    const id = responseId(indicator, object);
    if (!record.responses.has(id)) record.responses.set(id, { id, object });
    bind(id, indicator);
    return indicator;
  }

  return {
    clear() {
      rows.clear();
      for (const index of [records, order, stances, bySubject, byValue, orphans, sightings, receipts])
        index.clear();
    },
    setBlindingKey(key) {
      blindingKey = key;
      for (const record of records.values()) {
        bind(record.id, record.id);
        for (const id of record.responses.keys()) bind(id, record.id);
      }
    },
    hasBlindingKey: () => blindingKey !== undefined,
    subject,
    blind: (id) => blindingKey && blindOf(blindingKey, id),
    applyContent(feed, tlp, body) {
      if (body.type === "indicator") return addIndicator(feed, tlp, body.object);
      if (body.type === "validation") return records.has(body.indicator) ? body.indicator : undefined;
      return addResponse(body.indicator, body.object);
    },
    applyStance(member, { attestation, tlp, key, index }, uid) {
      const { subject: of, stance, basis, confidence, validUntil, version } = attestation;
      const register: Register = { member, stance, basis, confidence, validUntil, version, uid };
      const ofSubject = stances.get(of) ?? new Map<MemberNumber, HeldStance>();
      const previous = ofSubject.get(member);
      const next: HeldStance = { register, attestation, tlp, key, index };
      const won = wins(register, previous?.register);
      if (won) rows.put(of, register);
      if (won) stances.set(of, ofSubject.set(member, next));
      const indicator = bySubject.get(of);
      const beaten = won ? previous : next;
      const same = previous !== undefined && previous.register.uid === uid;
      return {
        won,
        member,
        winner: won ? next : (previous as HeldStance),
        ...(beaten && !same && { beaten }),
        ...(indicator && { indicator }),
      };
    },
    applySighting(feed, body) {
      ofIndicator(sightings, body.indicator).set(feed, body);
      return records.get(body.indicator)?.id;
    },
    applyReceipt(feed, at, receipt) {
      ofIndicator(receipts, receipt.indicator).set(`${feed}/${receipt.control}`, { feed, at, receipt });
      return records.get(receipt.indicator)?.id;
    },
    record: (id) => records.get(id),
    records: () => records.values(),
    recordCount: () => records.size,
    idsAfter: order.after,
    indicatorOf: (of) => bySubject.get(of),
    stances: (of) => stances.get(of) ?? NO_STANCES,
    *allStances() {
      for (const [of, held] of stances) for (const stance of held.values()) yield [of, stance];
    },
    indicatorStatus,
    bestResponse(id, at) {
      const record = records.get(id);
      if (record === undefined) return undefined;
      const indicator = indicatorStatus(id, at);
      let best: { response: KnownResponse; status: Status } | undefined;
      for (const response of record.responses.values()) {
        const of = responseStatus(
          indicator,
          registersOf(response.id),
          membership.activeMembers(),
          membership.parameters(),
          at,
        );
        const better =
          best === undefined ||
          of.supports > best.status.supports ||
          (of.supports === best.status.supports && response.id < best.response.id);
        if (better) best = { response, status: of };
      }
      return best ?? undefined;
    },
    heldHash: rows.hash,
    recall(value) {
      const found = new Set<MemoryRecord>();
      for (const name of namesOf(value)) {
        for (const id of byValue.get(name) ?? []) found.add(records.get(id) as MemoryRecord);
      }
      return [...found];
    },
  };
}

/** The part of an index that belongs to an indicator, made when it is first asked for. */
function ofIndicator<Key, Value>(index: Map<IndicatorId, Map<Key, Value>>, id: IndicatorId): Map<Key, Value> {
  const held = index.get(id) ?? new Map<Key, Value>();
  index.set(id, held);
  return held;
}
