import { decodeEntry } from "@anamnesis/sdk/core/entry";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { Audit } from "../api.ts";
import type { AnswerPorts } from "./answer-types.ts";

/** Sums and digests for an independent count, read from the feeds themselves. */
export async function auditOf({ config, key, rooms }: AnswerPorts): Promise<Audit> {
  const { memory, detections, registry, vaccinations, feeds } = rooms;
  const counts = [...detections.counts().values()];
  const lines = counts.reduce((sum, each) => sum + each.lines, 0);
  const attestations: string[] = [];
  const released = new Set<IndicatorId>();
  for (const { feed } of feeds.list()) {
    const member = registry.key(feed)?.member ?? 0;
    for await (const [, item] of feeds.items(feed)) {
      if (!("entry" in item)) continue;
      const entry = decodeEntry(item.entry);
      if (entry.kind === "attestation")
        attestations.push(`${member}/${entry.body.subject}/${entry.body.version}`);
      if (entry.kind === "content" && entry.body.type === "indicator" && feed === key) {
        released.add(
          indicatorId({ patternType: entry.body.object.pattern_type, pattern: entry.body.object.pattern }),
        );
      }
    }
  }
  const active = config.controls.flatMap(({ name }) => [...vaccinations.active(name).values()]);
  return {
    lines,
    outcomes: lines - detections.pendingCount(),
    attestations: [...new Set(attestations)].sort(),
    released: [...released],
    held: [...memory.records()].map(({ id }) => id),
    duplicateAttestations: attestations.length - new Set(attestations).size,
    duplicateApplications:
      active.length - new Set(active.map(({ indicator, control }) => `${indicator}/${control}`)).size,
  };
}
