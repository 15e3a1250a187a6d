/** The vaccination flow as others see it. */
import type { AnamnesisError, ErrorCode } from "@anamnesis/sdk/core/errors";
import type { ControlPhase, ControlView, PlantWord } from "@anamnesis/sdk/core/policy";
import type {
  ActionClass,
  IndicatorForm,
  IndicatorId,
  ReceiptBody,
  ReleaseClass,
  Self,
} from "@anamnesis/sdk/core/types";
import type { Compiled, Control, Refusal, StoreOp } from "../ports.ts";
import type { NewChange } from "../state/changes.ts";
import type { Orders } from "../state/orders.ts";
import type { RecordView } from "../state/record.ts";
import type { Vaccination } from "../state/vaccinations.ts";
import type { PlantPolicy } from "./vaccinate-plan.ts";
import type { WhyAnswer } from "./vaccinate-why.ts";

/** What stands on one control for one record. */
export interface ControlState {
  readonly control: string;
  readonly kind: Control["kind"];
  readonly level: Control["level"];
  /** `observe`: nothing is in force. */
  readonly action: ActionClass;
  readonly proof: ReceiptBody["proof"];
  readonly phase: ControlPhase;
  /** The strongest action this configuration allows for the record here. */
  readonly ceiling: ActionClass;
  readonly because: readonly string[];
  readonly expiresAtMs?: number;
}

/** What stands at the plant for one record. */
export interface VaccinationState {
  readonly word: PlantWord;
  readonly controls: readonly ControlState[];
}

/** How the plant is set up; functions are asked anew every time. */
export interface VaccinateOptions extends PlantPolicy {
  readonly self: () => Self;
  /** Phase by control name; a control that is not listed is learning. */
  readonly phases: Readonly<Record<string, ControlPhase>>;
  /** Names of controls that act on a safety-system zone. */
  readonly safetyControls?: readonly string[];
  readonly budgetPerHour?: number;
  /** Nothing is put in force before `reconcile`: what peers know comes first. */
  readonly isHeld?: boolean;
  /** What operators said. */
  readonly orders?: Pick<Orders, "of" | "stops" | "all">;
  /** Makes everything of one batch durable together: application rows, receipts, changes. */
  readonly commit: (
    ops: readonly StoreOp[],
    receipts: readonly ReceiptBody[],
    changes: readonly NewChange[],
  ) => Promise<void>;
}

/** A response that a control could take and nobody has permitted. */
export interface Awaiting {
  readonly indicator: IndicatorId;
  readonly name: string;
  readonly control: string;
  readonly level: Control["level"];
  /** What stands there now; `observe`: nothing. */
  readonly now: ActionClass;
  /** What would, checked against Self. */
  readonly plan: Compiled;
}

/** The flow as others call it. */
export interface Vaccinate {
  /** A record's status or content changed. Returns at once; lanes follow. */
  consider(record: RecordView): void;
  /** The record is gone (a closed key's feed does not count that far): what rests on it ends. */
  forget(indicator: IndicatorId): void;
  /** The attack was met again: what stands, stands longer; what had expired may return. */
  renew(indicator: IndicatorId, nowMs: number): void;
  /** An operator said something about a control: all of it is decided again. */
  reconsider(control: string): void;
  /** Where less is done than was attested, because nobody has permitted it. */
  awaiting(): readonly Awaiting[];
  /** What a control would be told at an action, checked against Self; nothing is decided. */
  preview(indicator: IndicatorId, control: string, action: ActionClass): Compiled | Refusal;
  /** Once a second: expiry, budget, Self, faults. */
  tick(nowMs: number): void;
  /** At start: desired state from memory, files rendered again whatever they hold. Resolves when lanes rest. */
  reconcile(records: Iterable<RecordView>): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
  /** Resolves when the controls that are written at once have taken what they knew of, or failed at it. */
  warned(): Promise<void>;
  stateOf(indicator: IndicatorId): VaccinationState;
  /** The strongest action this plant's configuration allows on any control. */
  ableTo(form: IndicatorForm, recordClass: ReleaseClass): ActionClass;
  /** Is it us who stop this address, name or indicator? */
  why(value: string): WhyAnswer;
  list(): readonly (Vaccination & { readonly name: string })[];
  /** Faults of controls by name, while they last. */
  faults(): Readonly<Record<string, { readonly code: ErrorCode; readonly message: string }>>;
}

/** One control, what waits for it and what it suffers from. */
export interface Lane {
  readonly control: Control;
  readonly view: ControlView;
  readonly pending: Set<IndicatorId>;
  readonly renewed: Set<IndicatorId>;
  readonly deferred: Set<IndicatorId>;
  readonly because: Map<IndicatorId, readonly string[]>;
  /** Files may differ from memory: write even when no decision changed. */
  isDirty: boolean;
  /** When the control was last written, monotonic ms. */
  appliedAtMs: number;
  /** How long that took, ms. */
  tookMs: number;
  running: Promise<void> | undefined;
  /** Who waits for the end of the batch under way. */
  readonly onBatch: (() => void)[];
  fault: AnamnesisError | undefined;
}
