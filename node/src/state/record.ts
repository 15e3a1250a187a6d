import type {
  ActionClass,
  IndicatorForm,
  IndicatorId,
  ReleaseClass,
  Status,
} from "@anamnesis/sdk/core/types";

/** What vaccination must know of a record: its meaning, its response, and what members say about both. */
export interface RecordView {
  readonly indicator: IndicatorId;
  readonly name: string;
  readonly form: IndicatorForm;
  readonly class: ReleaseClass;
  /** Absent until a response is known. */
  readonly response?: { readonly action: ActionClass };
  readonly indicatorStatus: Status;
  readonly responseStatus: Status;
  /** Seen on the chain. */
  readonly recorded: boolean;
  /** Until when the support that counts is valid, ms since the epoch. */
  readonly validUntilMs: number;
}
