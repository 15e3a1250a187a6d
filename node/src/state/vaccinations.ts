/** What is in force at this plant, per (indicator, control): never two for one pair. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Authority } from "@anamnesis/sdk/core/policy";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Application, Store, StoreOp, Verification } from "../ports.ts";
import { fromJson, rangeOf, toJson } from "./keys.ts";

/** The last word on one indicator at one control. */
export interface Vaccination extends Application {
  /** `active`: in force and verified. `ended`: undone. `held`: refused or deferred, nothing in force. */
  readonly state: "active" | "ended" | "held";
  readonly proof: Verification["proof"] | "none";
  readonly authority: Authority["by"];
  /** When it last began to stop traffic, ms since the epoch: what the hourly budget counts. */
  readonly blockedAtMs?: number;
  /** The record's validity when this was written: more of it later means that members restated it. */
  readonly validUntilMs: number;
  /** Why it ended, was lowered, refused or deferred; what was already told in a receipt. */
  readonly reason?: string;
}

/** Applications in memory, mirrored in the store under `v/INDICATOR/CONTROL`. */
export interface Vaccinations {
  get(indicator: IndicatorId, control: string): Vaccination | undefined;
  /** What is in force on a control. */
  active(control: string): ReadonlyMap<IndicatorId, Vaccination>;
  all(): Iterable<Vaccination>;
  /**
   * Writes to be committed. Memory MUST be changed by `settle`, and only after the commit: what
   * memory says is durable.
   */
  stage(changes: readonly Vaccination[]): { readonly ops: readonly StoreOp[]; settle(): void };
}

const PREFIX = "v/";
const NONE: ReadonlyMap<IndicatorId, Vaccination> = new Map();

/** Loads what the store holds. Throws `store.corrupt` for a value that cannot be read. */
export async function createVaccinations(store: Store): Promise<Vaccinations> {
  const rows = new Map<string, Vaccination>();
  const active = new Map<string, Map<IndicatorId, Vaccination>>();

  function remember(vaccination: Vaccination): void {
    rows.set(keyOf(vaccination), vaccination);
    const own = active.get(vaccination.control) ?? new Map<IndicatorId, Vaccination>();
    active.set(vaccination.control, own);
    if (vaccination.state === "active") own.set(vaccination.indicator, vaccination);
    else own.delete(vaccination.indicator);
  }

  for await (const [key, value] of store.entries(rangeOf(PREFIX))) remember(parse(key, value));

  return {
    get: (indicator, control) => rows.get(keyOf({ indicator, control })),
    active: (control) => active.get(control) ?? NONE,
    all: () => rows.values(),
    stage(changes) {
      const ops = changes.map((change): StoreOp => {
        return { type: "put", key: keyOf(change), value: toJson(change) };
      });
      return { ops, settle: () => changes.forEach(remember) };
    },
  };
}

function keyOf({ indicator, control }: Pick<Vaccination, "indicator" | "control">): string {
  return `${PREFIX}${indicator}/${control}`;
}

function parse(key: string, value: Uint8Array): Vaccination {
  try {
    const row = fromJson<Vaccination>(value);
    if (keyOf(row) === key) return row;
  } catch (cause) {
    throw corrupt(key, cause);
  }
  throw corrupt(key);
}

function corrupt(key: string, cause?: unknown): AnamnesisError {
  const message = `the value of ${key} is not what was written; restore the store or start fresh`;
  return new AnamnesisError("store.corrupt", message, { details: { key }, cause });
}
