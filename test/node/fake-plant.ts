/** A plant in memory that answers PlantApi, for the tests of everything that stands on it. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { createImmunityCount } from "@anamnesis/sdk/core/immunity";
import type { Address, Bytes32, IndicatorId, MemberNumber, Subject } from "@anamnesis/sdk/core/types";
import type { EvidenceReport, IndicatorView, Order, PlantApi, PublishedLine } from "../../node/src/api.ts";
import type { Change, NewChange } from "../../node/src/state/changes.ts";
import type { QueuedCandidate, StoredDetection } from "../../node/src/state/detections.ts";

export const START_MS = Date.UTC(2026, 10, 24, 12, 0, 0);
export const bytes32 = (fill: string) => `0x${fill.repeat(64).slice(0, 64)}` as Bytes32;
export const KEY = `0x${"a1".repeat(20)}` as Address;
export const KNOWN_ID = bytes32("12ab34cd") as IndicatorId;
export const CANDIDATE_ID = bytes32("99887766") as IndicatorId;

/** A protected record about 203.0.113.7. */
export function makeIndicator(): IndicatorView {
  return {
    id: KNOWN_ID,
    stixId: "indicator--6f9bd1d5-8d33-5a3c-9a5c-2b8f0e3c1d2e",
    subject: bytes32("cd") as Subject,
    name: "Exploit of the remote access gateway",
    class: "observable",
    patternType: "stix",
    pattern: "[ipv4-addr:value = '203.0.113.7']",
    form: { form: "observable", observable: { kind: "ipv4-addr", value: "203.0.113.7" } },
    tlp: "green",
    origin: { feed: KEY, member: 1 },
    status: { name: "attested", disputed: false, supports: 3, witnesses: 1, refutes: 0 },
    responseStatus: { name: "attested", disputed: false, supports: 3, witnesses: 0, refutes: 0 },
    responseAction: "block",
    recorded: true,
    score: 812,
    members: [1, 2, 3],
    stances: [
      {
        member: 1,
        key: KEY,
        stance: "support",
        basis: "observed",
        confidence: 90,
        signedAtMs: START_MS,
        validUntilMs: START_MS + 86_400_000,
        recorded: true,
        counts: true,
      },
    ],
    sightings: { count: 4, firstMs: START_MS, lastMs: START_MS + 4000, plants: 1 },
    detectors: ["ids"],
    recordedScore: { block: 7, score: 500 },
    state: "protected",
    able: "protected",
    proof: "staged",
    applications: [makeApplication()],
    timeline: { admitted: START_MS + 10, warned: START_MS + 12, protected: START_MS + 60 },
  };
}

/** A bundle that proves nothing, with its report. */
export function makeEvidence(): EvidenceReport & { readonly bundle: Uint8Array } {
  const bundle = new TextEncoder().encode('{"format":"anamnesis/evidence/1"}');
  return {
    bundle,
    bytes: bundle.length,
    sha256: toHex(sha256(bundle)) as Bytes32,
    snapshots: [{ block: 12, source: "chain", records: 1, entries: 2 }],
    withheld: [],
    left: [],
  };
}

function makeApplication() {
  return {
    control: "edge-list",
    kind: "edl",
    level: 4 as const,
    phase: "protecting" as const,
    action: "block" as const,
    proof: "staged" as const,
    because: [],
    appliedAtMs: START_MS + 60,
    expiresAtMs: START_MS + 86_400_000,
  };
}

function makeCandidate(): QueuedCandidate {
  return {
    id: CANDIDATE_ID,
    form: { form: "observable", observable: { kind: "domain-name", value: "bad.example" } },
    class: "observable",
    severity: 80,
    name: "Implant calls home",
    attackIds: ["T0869"],
    firstMs: START_MS,
    lastMs: START_MS + 1000,
    count: 2,
    state: "review",
    reason: "release.review",
  };
}

export function makeDetection(sequence: number): StoredDetection {
  return {
    sequence,
    detection: {
      id: bytes32("d0"),
      atMs: START_MS + sequence * 1000,
      readAtMs: START_MS + sequence * 1000 + 5,
      detector: "ids",
      rule: {
        engine: "suricata",
        gid: 1,
        id: 9_000_001,
        rev: 2,
        name: `Attack ${sequence}`,
        category: "misc",
      },
      severity: 90,
      action: "allowed",
      attacker: { address: "203.0.113.7", port: 40_000 },
      victim: { address: "198.51.100.10", port: 443 },
      transport: "tcp",
      observables: [{ kind: "ipv4-addr", value: "203.0.113.7" }],
      attackIds: ["T0866"],
    },
    outcome: { kind: "released", indicators: [KNOWN_ID], stopped: [] },
  };
}

/** What a test can see and steer beside the API. */
export interface FakePlant {
  readonly api: PlantApi;
  readonly calls: { readonly name: string; readonly args: readonly unknown[] }[];
  readonly published: { detector: string; lines: readonly PublishedLine[]; key: string }[];
  /** Makes the next call of a question or command throw. */
  failNext(name: keyof PlantApi, error: unknown): void;
  /** Writes a change and tells the listeners. */
  change(change?: Partial<NewChange>): Change;
  addDetection(): StoredDetection;
  setStateHash(hash: Bytes32): void;
  listeners(): number;
}

/** Makes a fake plant D. */
export function makePlant(): FakePlant {
  const calls: { name: string; args: readonly unknown[] }[] = [];
  const published: FakePlant["published"] = [];
  const failures = new Map<string, unknown>();
  const changes: Change[] = [];
  const detections: StoredDetection[] = [1, 2, 3].map(makeDetection);
  const listeners = new Set<(change: Change) => void>();
  const keys = new Map<string, number>();
  let candidate: QueuedCandidate | undefined = makeCandidate();
  let stateHash = bytes32("5a");

  const noted = (name: string, ...args: unknown[]): void => {
    calls.push({ name, args });
    if (!failures.has(name)) return;
    const failure = failures.get(name);
    failures.delete(name);
    throw failure;
  };
  const pick = (id: string): QueuedCandidate => {
    if (candidate === undefined || candidate.id !== id)
      throw new AnamnesisError("api.notFound", `no candidate ${id.slice(0, 12)} awaits a word`);
    return candidate;
  };
  const find = (id: string): IndicatorView | undefined => {
    const known = makeIndicator();
    return id === known.id || id === known.stixId || (id.length >= 10 && known.id.startsWith(id))
      ? known
      : undefined;
  };

  const orderOf = (id: string, control: string, word: Order["word"]): Order => ({
    indicator: (find(id) ?? makeIndicator()).id,
    control,
    word,
    action: word === "approve" ? "block" : word === "refuse" ? "alert" : "observe",
    ticket: word === "approve" ? "CHG-1" : "",
    processOwner: word === "approve" ? "rolling mill" : "",
    reason: word === "approve" ? "" : "wrong",
    fromMs: START_MS,
    untilMs: word === "approve" ? START_MS + 3_600_000 : 0,
    by: [{ who: "one", atMs: START_MS }],
    persons: word === "approve" ? 2 : 1,
  });

  const api: PlantApi = {
    orders() {
      noted("orders");
      const order = orderOf(KNOWN_ID, "cell", "approve");
      return {
        awaited: [
          {
            indicator: KNOWN_ID as IndicatorId,
            name: "an address",
            control: "cell",
            level: 2,
            wanted: "block",
            now: "alert",
            statement: "drop",
            consequences: ["the flow ends, reads included"],
            persons: 2,
            order,
          },
        ],
        orders: [order],
        stops: [{ control: "edge", reason: "test", who: "one", atMs: START_MS }],
      };
    },
    async approve(id, request, who) {
      noted("approve", id, request, who);
      return orderOf(id, request.control, "approve");
    },
    async refuse(id, control, reason, who) {
      noted("refuse", id, control, reason, who);
      return orderOf(id, control, "refuse");
    },
    async rollback(id, control, reason, who) {
      noted("rollback", id, control, reason, who);
      return [orderOf(id, control ?? "edge", "rollback")];
    },
    async stopControls(control, reason, who) {
      noted("stopControls", control, reason, who);
      return [{ control: control ?? "edge", reason, who, atMs: START_MS }];
    },
    async resumeControls(control, who) {
      noted("resumeControls", control, who);
      return [control ?? "edge"];
    },
    health() {
      noted("health");
      return {
        ok: true,
        plant: "D",
        member: 4,
        key: KEY,
        version: "0.1.0",
        alarms: [],
        armed: true,
        records: 1,
        warned: 0,
        watched: 0,
        protected: 1,
        awaitingMe: candidate === undefined ? 0 : 1,
        peers: [{ key: bytes32("b2").slice(0, 42) as Address, member: 1, connected: true }],
        feedSize: 7,
        heldHash: stateHash,
        chain: {
          reachable: true,
          block: 12,
          lagBlocks: 0,
          recordedHash: stateHash,
          headAgeSeconds: 3,
          endpoints: [{ name: "127.0.0.1:8545", state: "answering", current: true }],
          senders: [],
        },
        cursor: changes.length,
      };
    },
    async doctor() {
      noted("doctor");
      return {
        health: api.health(),
        labPublic: ["203.0.113.0/24"],
        configSignedBy: KEY,
        parameters: { members: 3, witnesses: 1, refutes: 2, maxBatch: 100 },
        detectors: {
          ids: {
            lines: 10,
            detections: 3,
            context: 5,
            duplicates: 1,
            rejected: { "line.notJson": 1 },
            examples: { "line.notJson": 'half a "line' },
          },
        },
        outcomes: { released: 3 },
        ignored: { "attestation.stale": 2 },
        rejected: { "message.root": 1 },
        controls: [
          { name: "edge-list", kind: "edl", level: 4, phase: "protecting", ok: true, detail: "1 entry" },
        ],
        self: { confirmedAtMs: START_MS, stale: false, incomplete: [] },
        validation: { events: 1200, hours: 1, dataset: bytes32("da") },
        differences: { total: 0, counts: {}, listed: [] },
      };
    },
    async rebuild(replace) {
      noted("rebuild", replace);
      return {
        state: "done",
        block: 12,
        recorded: { inUse: stateHash, stored: stateHash, rebuilt: stateHash },
        held: { inUse: stateHash, rebuilt: stateHash },
        equal: true,
        replaced: false,
        differences: { total: 0, counts: {}, listed: [] },
      };
    },
    indicators(filter) {
      noted("indicators", filter);
      return [makeIndicator()].slice(0, filter.limit);
    },
    indicator(id) {
      noted("indicator", id);
      return find(id);
    },
    recall(value) {
      noted("recall", value);
      const known = value === "203.0.113.7";
      return { value, known, indicators: known ? [makeIndicator()] : [] };
    },
    async detections(limit, before) {
      noted("detections", limit, before);
      return detections
        .filter(({ sequence }) => before === undefined || sequence < before)
        .reverse()
        .slice(0, limit);
    },
    candidates() {
      noted("candidates");
      return candidate === undefined ? [] : [candidate];
    },
    async propose(proposals) {
      noted("propose", proposals.length);
      return { queued: proposals.length, known: 0, stopped: [] };
    },
    knowledge(after, limit) {
      noted("knowledge", after, limit);
      return { indicators: [], withheld: 0, next: null };
    },
    async shared(query) {
      noted("shared", query);
      return { records: [], more: false, withheld: 0 };
    },
    async release(id) {
      noted("release", id);
      pick(id);
      candidate = undefined;
      return { ...makeIndicator(), id: id as IndicatorId };
    },
    async hold(id, untilMs) {
      noted("hold", id, untilMs);
      candidate = { ...pick(id), state: "held", holdUntilMs: untilMs };
      return candidate;
    },
    async attest(id, stance, confidence) {
      noted("attest", id, stance, confidence);
      const known = find(id);
      if (known === undefined) throw new AnamnesisError("api.notFound", `no indicator ${id} is known here`);
      return known;
    },
    async publish(detector, lines, key) {
      noted("publish", detector, lines, key);
      const before = keys.get(key);
      if (before !== undefined) return { accepted: before, duplicate: true };
      keys.set(key, lines.length);
      published.push({ detector, lines, key });
      return { accepted: lines.length, duplicate: false };
    },
    vaccines() {
      noted("vaccines");
      return [{ ...makeApplication(), indicator: KNOWN_ID, name: makeIndicator().name }];
    },
    why(value) {
      noted("why", value);
      const us = value === "203.0.113.7";
      return {
        value,
        us,
        answer: us ? "Yes: edge-list blocks it" : "No, not us: nothing in force here touches it",
        applications: us
          ? [{ ...makeApplication(), indicator: KNOWN_ID, name: "Exploit", statement: "203.0.113.7" }]
          : [],
      };
    },
    async changes(after, limit) {
      noted("changes", after, limit);
      const page = changes.filter(({ sequence }) => sequence > after).slice(0, limit);
      return { changes: page, cursor: page.at(-1)?.sequence ?? after, stateHash };
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async evidence(selection) {
      noted("evidence", selection);
      const { bundle: _, ...report } = makeEvidence();
      return { state: "done", ...report };
    },
    evidenceFile(sha256) {
      noted("evidenceFile", sha256);
      const { bundle, sha256: known } = makeEvidence();
      return sha256 === known ? bundle : undefined;
    },
    async immunity(id, limit) {
      noted("immunity", id, limit);
      const count = createImmunityCount();
      const receipt = { indicator: KNOWN_ID, control: "edge", kind: "edl", action: "block" } as const;
      count.add(KEY, 1 as MemberNumber, {
        at: START_MS,
        tlp: "green",
        kind: "receipt",
        body: { ...receipt, state: "verified", proof: "enforced" },
      });
      return count.view(START_MS, () => ({ name: "Exploit", status: "attested" }), limit);
    },
    async audit() {
      noted("audit");
      return {
        lines: 10,
        outcomes: 10,
        attestations: ["1/0xcd/1"],
        released: [KNOWN_ID],
        held: [KNOWN_ID],
        duplicateAttestations: 0,
        duplicateApplications: 0,
      };
    },
  };

  return {
    api,
    calls,
    published,
    failNext: (name, error) => void failures.set(name, error),
    change(change = {}) {
      const made: Change = {
        sequence: changes.length + 1,
        atMs: START_MS + changes.length,
        type: "warned",
        indicator: KNOWN_ID,
        member: 1 as MemberNumber,
        ...change,
      };
      changes.push(made);
      for (const listener of listeners) listener(made);
      return made;
    },
    addDetection() {
      const made = makeDetection(detections.length + 1);
      detections.push(made);
      return made;
    },
    setStateHash(hash) {
      stateHash = hash;
    },
    listeners: () => listeners.size,
  };
}
