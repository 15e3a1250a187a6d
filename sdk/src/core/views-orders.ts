/** What operators say, and what waits for them, as answers show it. */
import type { ActionClass, IndicatorId, PurdueLevel } from "./types.ts";

/** An operator's word on one record at one control. */
export interface Order {
  readonly indicator: IndicatorId;
  readonly control: string;
  /** approve: up to `action`. refuse: no more than alert. rollback: nothing. */
  readonly word: "approve" | "refuse" | "rollback";
  readonly action: ActionClass;
  /** Of approvals; empty otherwise. */
  readonly ticket: string;
  /** Who answers for the process that may be touched; of approvals. */
  readonly processOwner: string;
  /** Of refusals and rollbacks. */
  readonly reason: string;
  /** An approval holds from one to the other, ms since the epoch. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Who said so and when; an approval holds once there are `persons` different ones. */
  readonly by: readonly { readonly who: string; readonly atMs: number }[];
  readonly persons: number;
}

/** A control that an operator stopped. */
export interface Stop {
  readonly control: string;
  readonly reason: string;
  readonly who: string;
  readonly atMs: number;
}

/** What waits for an operator: an attested response that needs a permission here. */
export interface AwaitedView {
  readonly indicator: IndicatorId;
  readonly name: string;
  readonly control: string;
  readonly level: PurdueLevel;
  /** What may be approved, and what stands without it. */
  readonly wanted: ActionClass;
  readonly now: ActionClass;
  /** What the control would be told, and what follows. */
  readonly statement: string;
  readonly consequences: readonly string[];
  /** How many people have to approve. */
  readonly persons: number;
  /** The order of whoever approved first. */
  readonly order: Order | null;
}

/** The operator's inbox. */
export interface OrdersView {
  readonly awaited: readonly AwaitedView[];
  readonly orders: readonly Order[];
  readonly stops: readonly Stop[];
}

/** What an approval states; all of it may be left out by the second person. */
export interface ApprovalRequest {
  readonly control: string;
  readonly ticket?: string | undefined;
  readonly processOwner?: string | undefined;
  readonly action?: "deny" | "block" | "isolate" | undefined;
  readonly fromMs?: number | undefined;
  readonly untilMs?: number | undefined;
}
