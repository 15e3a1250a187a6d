/**
 * What a plant answers: the one set of questions and commands behind HTTP, the command line and the
 * SDK. The answers' shapes are the core's views; `createApi` in `flows/answer.ts` implements them over
 * the state rooms, and the command line uses it directly on a stopped plant's store.
 */
import type { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { IndicatorId, Proposal, Stance } from "@anamnesis/sdk/core/types";
import type {
  ApprovalRequest,
  Audit,
  Change,
  ChangesPage,
  DoctorView,
  EvidenceSelection,
  EvidenceView,
  HealthView,
  ImmunityView,
  IndicatorFilter,
  IndicatorView,
  KnowledgePage,
  Order,
  OrdersView,
  ProposedView,
  QueuedCandidate,
  RebuildView,
  RecallAnswer,
  SharedPage,
  SharedQuery,
  Stop,
  StoredDetection,
  VaccineView,
  WhyAnswer,
} from "@anamnesis/sdk/core/views";

export type * from "@anamnesis/sdk/core/views";

/** An alert that a program publishes instead of writing a log file: one EVE object, as text. */
export interface PublishedLine {
  /** The detector's raw line. */
  readonly line: string;
}

/**
 * @throws AnamnesisError `api.notFound` for an unknown id, `api.conflict` when a candidate is not in
 * the state the command needs, `api.unavailable` when the node is not running (offline store) or waits for something
 */
export interface PlantApi {
  health(): HealthView;
  doctor(): Promise<DoctorView>;
  /**
   * Reads chain and feeds again and compares; asked again until it is `done`. `replace` puts the rebuilt
   * projection in the place of the one in use where they differ.
   * @throws AnamnesisError those of the chain
   */
  rebuild(replace: boolean): Promise<RebuildView>;
  indicators(filter: IndicatorFilter): readonly IndicatorView[];
  /** By id, STIX id or a unique prefix of at least 8 hexadecimal digits. */
  indicator(id: string): IndicatorView | undefined;
  recall(value: string): RecallAnswer;
  detections(limit: number, before?: number): Promise<readonly StoredDetection[]>;
  candidates(): readonly QueuedCandidate[];
  /** Knowledge from outside: what passes selection awaits release; resolves when durable. */
  propose(proposals: readonly Proposal[]): Promise<ProposedView>;
  /** Indicators as they travel, in the order of their ids, at most `limit` after one. */
  knowledge(after: IndicatorId | undefined, limit: number): KnowledgePage;
  /** Records as they are handed to others, in the order in which their newest versions came. */
  shared(query: SharedQuery): Promise<SharedPage>;
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
  vaccines(): readonly VaccineView[];
  why(value: string): WhyAnswer;
  /** How immune all plants are, counted from receipts and sightings: against one record, or against all. */
  immunity(id: string | undefined, limit?: number): Promise<ImmunityView>;
  /** What waits for an operator, and what operators said. */
  orders(): OrdersView;
  /** An operator's words; see `OrderCommands`. */
  approve(id: string, request: ApprovalRequest, who: string): Promise<Order>;
  refuse(id: string, control: string, reason: string, who: string): Promise<Order>;
  rollback(id: string, control: string | undefined, reason: string, who: string): Promise<readonly Order[]>;
  stopControls(control: string | undefined, reason: string, who: string): Promise<readonly Stop[]>;
  resumeControls(control: string | undefined, who: string): Promise<readonly string[]>;
  changes(after: number, limit: number): Promise<ChangesPage>;
  subscribe(listener: (change: Change) => void): () => void;
  audit(): Promise<Audit>;
  /**
   * Proves records for an auditor; asked again until it is `done`.
   * @throws AnamnesisError `api.notFound` | `blindingKey.missing` | `input.tooLarge` | `evidence.incomplete`
   */
  evidence(selection: EvidenceSelection): Promise<EvidenceView>;
  /** The bundle that was just made, by its SHA-256. */
  evidenceFile(sha256: string): Uint8Array | undefined;
}

/** A request to a service that stands beside the API on the same port, after the guards against foreign pages. */
export interface MountedRequest {
  readonly method: string;
  /** Below the service's own path, beginning with a slash. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** Throws `api.unauthorized` | `api.forbidden`. Basic credentials count as their password. */
  authorize(access: "read" | "command"): void;
  /** The body as JSON. Throws `input.tooLarge` | `input.invalid`. */
  json(): Promise<unknown>;
}

/** Its answer. */
export interface MountedAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A service that stands beside the API. */
export interface Mounted {
  /** Begins with a slash and ends without one. */
  readonly path: string;
  /** `statusOf`: the HTTP status of an error; it answers its errors by itself. */
  answer(request: MountedRequest, statusOf: (error: AnamnesisError) => number): Promise<MountedAnswer>;
}
