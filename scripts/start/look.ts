/* One look at all plants: what is held where, and what is missing, counted from the input. */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { IndicatorView } from "../../node/src/api.ts";
import type { PlantWatch } from "./watch.ts";

/** What one look found. */
export interface Look {
  /** Per plant, its records of this input. */
  readonly views: ReadonlyMap<string, readonly IndicatorView[]>;
  /** Expected records that left the attacked plant. */
  readonly released: readonly IndicatorId[];
  /** Expected records that the attacked plant keeps back, with the reason. */
  readonly kept: readonly { readonly id: string; readonly reason: string }[];
  readonly records: number;
  readonly lost: number;
  readonly duplicated: number;
  /** What is missing, in words; empty when all is well. */
  readonly complaints: readonly string[];
}

/** What should be there. */
export interface Wanted {
  readonly records: readonly IndicatorId[];
  /** Lines of the attacked plant's log that must have been read. */
  readonly lines: number;
  /** Records met again, with the sightings that were known before: they must have grown everywhere. */
  readonly sighted: ReadonlyMap<IndicatorId, number>;
}

/** Whether a plant is at the highest state that its configuration allows for a record: none for what is refuted. */
export function isImmune(view: Pick<IndicatorView, "able" | "state" | "status">): boolean {
  if (view.status.name === "refuted") return view.state === "none";
  return view.able === "none" || view.state === view.able;
}

/** Looks at every plant that runs; the first is the attacked one. Throws `api.unavailable`. */
export async function look(watches: readonly PlantWatch[], wanted: Wanted): Promise<Look> {
  const attacked = watches[0] as PlantWatch;
  const plants = await Promise.all(
    watches.map(async (watch) => ({
      letter: watch.plant.letter,
      audit: await watch.audit(),
      all: await watch.indicators(),
    })),
  );
  // What the company's review or its own benign traffic has stopped was not released.
  const queued = await attacked.candidates();
  const kept = queued.filter(({ id }) => wanted.records.includes(id as IndicatorId));
  const released = wanted.records.filter((id) => !kept.some((each) => each.id === id));
  const complaints: string[] = [];
  let lost = 0;
  const lose = (count: number, what: string) => {
    lost += count;
    if (count > 0) complaints.push(`${count} ${what}`);
  };

  const mine = (plants[0] as (typeof plants)[number]).audit;
  lose(mine.lines - mine.outcomes, "acknowledged lines without an outcome at plant A");
  if (mine.lines < wanted.lines)
    complaints.push(`${wanted.lines - mine.lines} lines not read yet at plant A`);
  const everywhere = new Set(plants.flatMap(({ audit }) => audit.attestations));
  for (const { letter, audit } of plants) {
    const held = new Set(audit.held);
    lose(released.filter((id) => !held.has(id)).length, `released records not held at plant ${letter}`);
    const attested = new Set(audit.attestations);
    lose(
      [...everywhere].filter((each) => !attested.has(each)).length,
      `attestations not held at plant ${letter}`,
    );
  }

  const views = new Map(
    plants.map(({ letter, all }) => [letter, all.filter(({ id }) => released.includes(id))]),
  );
  for (const [letter, ofPlant] of views) {
    for (const view of ofPlant) {
      if (!isImmune(view))
        complaints.push(`plant ${letter}: ${view.name} is ${view.state}, could be ${view.able}`);
      if (view.sightings.count <= (wanted.sighted.get(view.id) ?? -1))
        complaints.push(`plant ${letter}: ${view.name} was met again and its sightings have not grown yet`);
      if (!view.recorded && view.status.name === "attested")
        complaints.push(`plant ${letter}: ${view.name} is not recorded yet`);
    }
  }
  const duplicated = plants.reduce(
    (sum, { audit }) => sum + audit.duplicateAttestations + audit.duplicateApplications,
    0,
  );
  if (duplicated > 0) complaints.push(`${duplicated} duplicates`);
  return { views, released, kept, records: mine.held.length, lost, duplicated, complaints };
}
