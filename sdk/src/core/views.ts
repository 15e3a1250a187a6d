/** What a node answers, as plain JSON: the shapes behind the client, the command line and the dashboard. */
import type {
  ActionClass,
  Address,
  Bytes32,
  Detection,
  IndicatorForm,
  IndicatorId,
  MemberNumber,
  Proposal,
  PurdueLevel,
  ReleaseClass,
  Status,
  Subject,
} from "./types.ts";

import type { Stopped } from "./views-knowledge.ts";

export type * from "./views-doctor.ts";
export type * from "./views-evidence.ts";
export type * from "./views-immunity.ts";
export type * from "./views-knowledge.ts";
export type * from "./views-orders.ts";

// ── the change stream ────────────────────────────────────────────────────────────────────────

/** One step of the walk that a plant can reach for one indicator. */
export type Step =
  | "alert"
  | "released"
  | "signed"
  | "admitted"
  | "warned"
  | "attested"
  | "protected"
  | "recorded";

/** What else can happen to a record or to the node. */
export type ChangeType =
  | Step
  | "review"
  | "held"
  | "stopped"
  | "sighting"
  | "refused"
  | "deferred"
  | "undone"
  | "refuted"
  | "withdrawn"
  | "superseded"
  | "ordered"
  | "alarm";

/** One line of the change stream. */
export interface Change {
  /** Grows, never reused: the cursor of the stream. */
  readonly sequence: number;
  /** ms since the epoch, this node's clock. */
  readonly atMs: number;
  readonly type: ChangeType;
  readonly indicator?: IndicatorId;
  readonly feed?: Address;
  readonly member?: MemberNumber;
  readonly control?: string;
  readonly action?: ActionClass;
  /** An error code or a short reason. */
  readonly code?: string;
  readonly detail?: string;
}

/** When a plant reached each step for one indicator the first time, ms since the epoch. */
export type Timeline = Readonly<Partial<Record<Step, number>>>;

/** A page of the change log. */
export interface ChangesPage {
  readonly changes: readonly Change[];
  /** Ask again after this one. */
  readonly cursor: number;
  /** The memory hash at the answer: compare it after every reconnect. */
  readonly stateHash: Bytes32;
}

// ── detections ───────────────────────────────────────────────────────────────────────────────

/** What a detection led to. */
export interface DetectionOutcome {
  /** The strongest of its candidates' fates. */
  readonly kind: "released" | "sighting" | "review" | "held" | "stopped";
  readonly indicators: readonly IndicatorId[];
  readonly stopped: readonly Stopped[];
}

/** A detection as kept; the outcome is absent only between two hops. */
export interface StoredDetection {
  readonly sequence: number;
  readonly detection: Detection;
  readonly outcome?: DetectionOutcome;
}

/** A candidate that awaits the company's word. */
export interface QueuedCandidate {
  readonly id: IndicatorId;
  /** Null for a pattern of which no control applies anything. */
  readonly form: IndicatorForm | null;
  /** What somebody outside says; the detectors of this plant may have met it or not. */
  readonly proposal?: Proposal;
  readonly class: ReleaseClass;
  readonly severity: number | null;
  readonly name: string;
  readonly attackIds: readonly string[];
  readonly firstMs: number;
  readonly lastMs: number;
  /** How often this plant's detectors met it; 0 for knowledge from outside. */
  readonly count: number;
  /** Which of them. */
  readonly detectors?: readonly string[];
  readonly state: "review" | "held";
  /** Why it was not released by itself: `release.review`, `validation.hit` … */
  readonly reason: string;
  /** End of a hold, ms since the epoch; then it is back in review, louder. */
  readonly holdUntilMs?: number;
}

// ── records ──────────────────────────────────────────────────────────────────────────────────

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
  /** Of who refutes, when one record is asked for: what its word was worth so far. */
  readonly history?: MemberHistory;
}

/** A member's word on all records, by signatures held. */
export interface MemberHistory {
  /** Records it supports, refutes, and has withdrawn. */
  readonly supports: number;
  readonly refutes: number;
  readonly withdrawn: number;
  /** Of those it refutes: refuted by a quorum, and attested in spite of it. */
  readonly upheld: number;
  readonly outvoted: number;
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
  /** The newest block of which a proof of this record is archived; null when none is. */
  readonly archivedAtBlock?: number | null;
  /** 0–1000, by signatures held, at this node's clock. */
  readonly score: number;
  /** The same by what the chain had at a block, at the block's time: equal on every node. Null before the first. */
  readonly recordedScore: { readonly block: number; readonly score: number } | null;
  readonly members: readonly number[];
  readonly stances: readonly StanceView[];
  readonly sightings: {
    readonly count: number;
    readonly firstMs: number | null;
    readonly lastMs: number | null;
    readonly plants: number;
  };
  /** This plant's detectors that met it, by name. */
  readonly detectors: readonly string[];
  /** The highest state this plant reached: nothing, warned, watched (its ceiling is alert) or protected. */
  readonly state: "none" | "warned" | "watched" | "protected";
  /** The highest state this plant's signed configuration allows for it. */
  readonly able: "none" | "watched" | "protected";
  readonly proof: "enforced" | "staged" | "none";
  readonly applications: readonly ApplicationView[];
  readonly timeline: Timeline;
}

/** Filters every list takes. */
export interface IndicatorFilter {
  readonly class?: ReleaseClass;
  readonly status?: Status["name"];
  readonly state?: IndicatorView["state"];
  readonly limit?: number;
}

// ── answers ──────────────────────────────────────────────────────────────────────────────────

/** Whether a value is known as an attack. */
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

/** Sums and digests for an independent count. */
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

/** One application of a record on a control of this plant. */
export type VaccineView = ApplicationView & { readonly indicator: IndicatorId; readonly name: string };
