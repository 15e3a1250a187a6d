/* What a course needs of the history that it goes on with. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { ExpectedRecord } from "./expectation.ts";
import type { PlantWatch } from "./watch.ts";

/**
 * The twin shows nothing where its records were refuted before, and --no-share nothing where something was shared
 * before. Throws `config.invalid`.
 */
export async function requireFitting(
  attacked: PlantWatch,
  records: readonly ExpectedRecord[],
  isSharing: boolean,
): Promise<void> {
  const held = await attacked.indicators();
  const isRefuted = held.some(
    ({ id, status }) => status.name === "refuted" && records.some((record) => record.id === id),
  );
  const isShared = !isSharing && held.length > 0;
  if (!isRefuted && !isShared) return;
  throw new AnamnesisError(
    "config.invalid",
    isRefuted
      ? "what this attack leads to was refuted in this history; begin a new one with --fresh, or give another --data"
      : `--no-share: ${held.length} records were shared in this history already; begin a new one with --fresh, or give another --data`,
  );
}
