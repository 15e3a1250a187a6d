import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { QueuedCandidate } from "../../state/detections.ts";
import { short, table, time } from "../output.ts";
import type { Result } from "../program.ts";

/** Candidates that await a word. */
export function showCandidates(candidates: readonly QueuedCandidate[]): Result {
  return {
    json: { candidates },
    raw: candidates.map(({ id }) => id),
    human: (style) =>
      candidates.length === 0
        ? "Nothing awaits you."
        : table(
            ["ID", "STATE", "SEVERITY", "SEEN", "LAST", "WHY", "WHAT"],
            candidates.map((one) => [
              short(one.id),
              one.holdUntilMs === undefined
                ? one.state
                : `${one.state} until ${time(one.holdUntilMs, style.nowMs)}`,
              one.severity === null ? "unknown" : String(one.severity),
              String(one.count),
              time(one.lastMs, style.nowMs),
              one.reason,
              one.form?.form === "observable" ? `${one.form.observable.value}  ${one.name}` : one.name,
            ]),
            style,
          ),
  };
}

/**
 * The full id of the one candidate that an id or a prefix means.
 * @throws AnamnesisError `api.notFound`; `input.invalid` when it means several
 */
export function findCandidate(candidates: readonly QueuedCandidate[], id: string): string {
  const wanted = (id.startsWith("0x") ? id : `0x${id}`).toLowerCase();
  const [first, ...others] = candidates.filter((one) => wanted.length >= 6 && one.id.startsWith(wanted));
  if (first === undefined)
    throw new AnamnesisError(
      "api.notFound",
      `no candidate ${id} awaits a word; see anamnesis detections review`,
    );
  if (others.length > 0)
    throw new AnamnesisError(
      "input.invalid",
      `${others.length + 1} candidates begin with ${id}; give more digits`,
    );
  return first.id;
}

const UNITS = { min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * A moment from text: ISO 8601 with its zone, or a distance from now as 90min, 12h, 3d.
 * @throws AnamnesisError `config.invalid` when it is neither, or not in the future
 */
export function parseUntil(text: string, nowMs: number): number {
  const [, amount, unit] = /^(\d{1,6})(min|h|d)$/.exec(text) ?? [];
  const zoned = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text);
  const untilMs =
    unit === undefined
      ? zoned
        ? Date.parse(text.replace(" ", "T"))
        : Number.NaN
      : Math.floor(nowMs) + Number(amount) * UNITS[unit as keyof typeof UNITS];
  if (untilMs > nowMs) return untilMs;
  throw new AnamnesisError(
    "config.invalid",
    `--until ${text}: give a moment in the future, as 2026-11-25T18:00Z, 90min, 12h or 3d`,
  );
}
