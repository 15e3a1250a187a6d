import { decodeEntry } from "@anamnesis/sdk/core/entry";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { createImmunityCount, type ImmunityRecord } from "@anamnesis/sdk/core/immunity";
import type { Entry, IndicatorId } from "@anamnesis/sdk/core/types";
import type { ImmunityView } from "../api.ts";
import type { AnswerRecords } from "./answer-records.ts";
import type { AnswerPorts } from "./answer-types.ts";

/** Records that are listed unless more are asked for; sums count all. */
const LISTED = 100;

/**
 * How immune all plants are, counted from the feeds as they are stored, so that an auditor with the same
 * entries gets the same figures. Reads every entry of every feed that counts. Throws `api.notFound`.
 */
export async function immunityOf(
  { clock, rooms }: Pick<AnswerPorts, "clock" | "rooms">,
  records: Pick<AnswerRecords, "need">,
  id: string | undefined,
  limit = LISTED,
): Promise<ImmunityView> {
  const { feeds, memory, registry, rights } = rooms;
  const only = id === undefined ? undefined : records.need(id).id;
  const count = createImmunityCount();
  for (const { feed } of feeds.list()) {
    const member = registry.key(feed)?.member;
    const end = rights.limitOf(feed).size;
    for await (const [index, item] of feeds.items(feed)) {
      if (index >= end) break;
      const entry = "entry" in item ? readable(item.entry) : undefined;
      if (entry !== undefined) count.add(feed, member, entry);
    }
  }
  const nowMs = clock.nowMs();
  const recordOf = (indicator: IndicatorId): ImmunityRecord | undefined => {
    const record = memory.record(indicator);
    if (record === undefined || (only !== undefined && indicator !== only)) return undefined;
    return { name: record.object.name, status: memory.indicatorStatus(indicator, nowMs / 1000).name };
  };
  return count.view(nowMs, recordOf, limit);
}

/** An entry that a newer version wrote is nothing that can be counted. */
function readable(bytes: Uint8Array): Entry | undefined {
  try {
    return decodeEntry(bytes);
  } catch (error) {
    if (isAnamnesisError(error, "entry.malformed")) return undefined;
    throw error;
  }
}
