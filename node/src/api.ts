/**
 * What a plant answers: the one set of questions and commands behind HTTP, the command line and the
 * SDK. Everything here is plain JSON; `createApi` in `flows/answer.ts` implements it over the state rooms, and the
 * command line uses it directly on a stopped plant's store.
 */
import type {
  ActionClass,
  Address,
  Bytes32,
  IndicatorForm,
  IndicatorId,
  PurdueLevel,
  ReleaseClass,
  Stance,
  Status,
  Subject,
} from "@anamnesis/sdk/core/types";
import type { Change, Timeline } from "./state/changes.ts";
import type { DetectorCounts, QueuedCandidate, StoredDetection } from "./state/detections.ts";

/** One member's stance on a record, as shown. */
export interface StanceView {
  readonly member: number;
  readonly key: Address;
  readonly stance: "support" | "refute" | "withdraw";
  readonly basis: "observed" | "validated" | "analyst";
  readonly confidence: number;
  /** When it was signed (its version), ms since the epoch. */
  readonly signedAtMs: number;
  readonly validUntilMs: number | null;
  readonly recorded: boolean;
  readonly counts: boolean;
}

/** One control's part in a record at this plant. */
export interface ApplicationView {
  readonly control: string;
  readonly kind: string;
  readonly level: PurdueLevel;
  readonly phase: "learning" | "shadow" | "protecting";
  readonly action: ActionClass | "none";
  readonly proof: "enforced" | "staged" | "none";
  /** Codes that lowered or stopped it: policy.approval, self.incomplete, deferred.budget … */
  readonly because: readonly string[];
  readonly appliedAtMs: number | null;
  readonly expiresAtMs: number | null;
}

/** A record as a plant knows it. */
export interface IndicatorView {
  readonly id: IndicatorId;
  readonly stixId: string;
  readonly subject: Subject | null;
  readonly name: string;
  readonly class: ReleaseClass;
  readonly patternType: string;
  readonly pattern: string;
  readonly form: IndicatorForm | null;
  readonly tlp: string;
  /** The key whose feed brought it here first, and its member. */
  readonly origin: { readonly feed: Address; readonly member: number | null };
  /** By signatures held, at this node's clock. */
  readonly status: Status;
  readonly responseStatus: Status | null;
  readonly responseAction: ActionClass | null;
  /** Whether everything that counts is on the chain. */
  readonly recorded: boolean;
  /** 0–1000. */
  readonly score: number;
  readonly members: readonly number[];
  readonly stances: readonly StanceView[];
  readonly sightings: {
    readonly count: number;
    readonly firstMs: number | null;
    readonly lastMs: number | null;
    readonly plants: number;
  };
  /** The highest state this plant reached: nothing, warned, watched (its ceiling is alert) or protected. */
  readonly state: "none" | "warned" | "watched" | "protected";
  /** The highest state this plant's signed configuration allows for it. */
  readonly able: "none" | "watched" | "protected";
  readonly proof: "enforced" | "staged" | "none";
  readonly applications: readonly ApplicationView[];
  readonly timeline: Timeline;
}

export interface HealthView {
  readonly ok: boolean;
  readonly plant: string;
  readonly member: number | null;
  readonly key: Address;
  readonly version: string;
  /** What this plant waits for or suffers from: feed.sizeUnknown, blindingKey.missing, self.stale … */
  readonly alarms: readonly { readonly code: string; readonly message: string }[];
  readonly armed: boolean;
  readonly records: number;
  readonly warned: number;
  readonly watched: number;
  readonly protected: number;
  readonly awaitingMe: number;
  readonly peers: readonly {
    readonly key: Address;
    readonly member: number | null;
    readonly connected: boolean;
  }[];
  readonly feedSize: number;
  readonly heldHash: Bytes32;
  readonly chain: {
    readonly reachable: boolean;
    readonly block: number | null;
    readonly lagBlocks: number | null;
    readonly recordedHash: Bytes32 | null;
  };
  readonly cursor: number;
}

/** Everything an operator asks first when something looks wrong. */
export interface DoctorView {
  readonly health: HealthView;
  readonly labPublic: readonly string[];
  readonly configSignedBy: Address | null;
  readonly parameters: {
    readonly members: number;
    readonly witnesses: number;
    readonly refutes: number;
    readonly maxBatch: number;
  } | null;
  readonly detectors: Readonly<Record<string, DetectorCounts>>;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly ignored: Readonly<Record<string, number>>;
  readonly rejected: Readonly<Record<string, number>>;
  readonly controls: readonly {
    readonly name: string;
    readonly kind: string;
    readonly level: PurdueLevel;
    readonly phase: string;
    readonly ok: boolean;
    readonly detail: string;
  }[];
  readonly self: {
    readonly confirmedAtMs: number;
    readonly stale: boolean;
    readonly incomplete: readonly string[];
  };
  readonly validation: { readonly events: number; readonly hours: number; readonly dataset: Bytes32 | null };
  /** Feeds, chain and store compared; empty when all agree. */
  readonly differences: readonly string[];
}

export interface RecallAnswer {
  readonly value: string;
  readonly known: boolean;
  readonly indicators: readonly IndicatorView[];
}

/** "Is it you who cut off the HMI?": who, why, since when, until when; or no, not us. */
export interface WhyAnswer {
  readonly value: string;
  readonly us: boolean;
  readonly answer: string;
  readonly applications: readonly (ApplicationView & {
    readonly indicator: IndicatorId;
    readonly name: string;
    readonly statement: string;
  })[];
}

/** An alert that a program publishes instead of writing a log file: one EVE object, as text. */
export interface PublishedLine {
  /** The detector's raw line. */
  readonly line: string;
}

export interface ChangesPage {
  readonly changes: readonly Change[];
  /** Ask again after this one. */
  readonly cursor: number;
  /** The memory hash at the answer: compare it after every reconnect. */
  readonly stateHash: Bytes32;
}

export interface Audit {
  /** Σ for the launcher's independent count. */
  readonly lines: number;
  readonly outcomes: number;
  /** Every (member, subject, version) held in feeds. */
  readonly attestations: readonly string[];
  /** Indicators this plant's own feed has released. */
  readonly released: readonly IndicatorId[];
  readonly held: readonly IndicatorId[];
  readonly duplicateAttestations: number;
  readonly duplicateApplications: number;
}

/** Filters every list takes. */
export interface IndicatorFilter {
  readonly class?: ReleaseClass;
  readonly status?: Status["name"];
  readonly state?: IndicatorView["state"];
  readonly limit?: number;
}

/**
 * @throws AnamnesisError `api.notFound` for an unknown id, `api.conflict` when a candidate is not in
 * the state the command needs, `api.unavailable` when the node is not running (offline store) or waits for something
 */
export interface PlantApi {
  health(): HealthView;
  doctor(): Promise<DoctorView>;
  indicators(filter: IndicatorFilter): readonly IndicatorView[];
  /** By id, STIX id or a unique prefix of at least 8 hexadecimal digits. */
  indicator(id: string): IndicatorView | undefined;
  recall(value: string): RecallAnswer;
  detections(limit: number, before?: number): Promise<readonly StoredDetection[]>;
  candidates(): readonly QueuedCandidate[];
  /** The company's word: this candidate may leave the plant. */
  release(id: string): Promise<IndicatorView>;
  hold(id: string, untilMs: number): Promise<QueuedCandidate>;
  /** An analyst's stance by this plant's member. */
  attest(id: string, stance: Stance, confidence: number): Promise<IndicatorView>;
  /** Lines by a program of role detector; resolves when durable. The key makes a retry harmless. */
  publish(
    detector: string,
    lines: readonly PublishedLine[],
    idempotencyKey: string,
  ): Promise<{ readonly accepted: number; readonly duplicate: boolean }>;
  vaccines(): readonly (ApplicationView & { readonly indicator: IndicatorId; readonly name: string })[];
  why(value: string): WhyAnswer;
  changes(after: number, limit: number): Promise<ChangesPage>;
  subscribe(listener: (change: Change) => void): () => void;
  audit(): Promise<Audit>;
}
