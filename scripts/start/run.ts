/* One run: the attack is written into plant A's log, and every plant is watched until it is immune. */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import { systemClock } from "../../node/src/adapters/system.ts";
import type { Audit, IndicatorView } from "../../node/src/api.ts";
import type { Change } from "../../node/src/state/changes.ts";
import type { ExpectedLine } from "./expectation.ts";
import { percentiles, type RunFigures } from "./figures.ts";
import { type PlantWatch, until } from "./watch.ts";

/** What a run needs. */
export interface RunOptions {
  readonly watches: readonly PlantWatch[];
  readonly lines: readonly ExpectedLine[];
  /** Pause between two lines of the input, ms. */
  readonly paceMs: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called for every change at every plant, as it comes. */
  onChange(plant: string, change: Change, sinceAlertMs: number | null): void;
}

/** What a run found. */
export interface RunResult {
  readonly figures: RunFigures;
  /** For the table: per plant, its records of this input. */
  readonly views: ReadonlyMap<string, readonly IndicatorView[]>;
  /** When the first alert of each record was appended, ms since the epoch. */
  readonly appendedMs: ReadonlyMap<IndicatorId, number>;
  /** Records known before this run: met again, not new. */
  readonly metAgain: ReadonlySet<IndicatorId>;
  /** What is missing, in words; empty when all is well. */
  readonly complaints: readonly string[];
}

/** Replays the lines and watches until every plant is as immune as it can be, all is recorded, or the time is up. */
export async function runAttack(options: RunOptions): Promise<RunResult> {
  const { watches, lines, signal } = options;
  const attacked = watches[0] as PlantWatch;
  const before = new Map((await attacked.indicators()).map((view) => [view.id, view]));
  const linesBefore = (await attacked.audit()).lines;
  const appendedMs = new Map<IndicatorId, number>();
  const sightedMs = new Map<IndicatorId, number>();
  const following = new AbortController();
  const followers = watches.map(async (watch) => {
    const { cursor } = await watch.health();
    return watch.follow(
      cursor,
      (change) => {
        const since = change.indicator === undefined ? undefined : appendedMs.get(change.indicator);
        if (
          watch === attacked &&
          change.type === "sighting" &&
          change.indicator !== undefined &&
          !sightedMs.has(change.indicator)
        ) {
          sightedMs.set(change.indicator, change.atMs);
        }
        options.onChange(watch.plant.letter, change, since === undefined ? null : change.atMs - since);
      },
      following.signal,
    );
  });

  for (const line of lines) {
    if (signal.aborted) break;
    const at = systemClock.nowMs();
    for (const id of line.releases) if (!appendedMs.has(id)) appendedMs.set(id, at);
    await appendFile(join(attacked.plant.directory, "eve.json"), `${line.text}\n`);
    if (options.paceMs > 0) await delay(options.paceMs);
  }

  const expected = [...appendedMs.keys()];
  let last: Awaited<ReturnType<typeof look>> | undefined;
  const done = async (): Promise<boolean> => {
    last = await look(watches, expected, attacked, linesBefore + lines.length);
    return last.complaints.length === 0;
  };
  await until(done, options.timeoutMs, signal);
  following.abort();
  await Promise.allSettled(followers);
  if (last === undefined) await done();
  const found = last as unknown as Awaited<ReturnType<typeof look>>;

  const metAgain = new Set(expected.filter((id) => before.get(id)?.timeline.alert !== undefined));
  const times = (step: "warned" | "protected" | "recorded"): number[] =>
    [...found.views.values()].flat().flatMap((view) => {
      const since = appendedMs.get(view.id);
      const at = step === "warned" ? (view.timeline.warned ?? view.timeline.protected) : view.timeline[step];
      return since === undefined || at === undefined || metAgain.has(view.id) ? [] : [at - since];
    });
  const again = [...metAgain].flatMap((id) => {
    const at = sightedMs.get(id);
    return at === undefined ? [] : [at - (appendedMs.get(id) as number)];
  });
  const perPlant = [...found.views.values()];
  const figures: RunFigures = {
    plants: watches.length,
    able: perPlant.filter((views) => views.some(({ able }) => able === "protected")).length,
    immune: perPlant.filter((views) => views.length === found.released.length && views.every(isImmune))
      .length,
    enforced: perPlant.filter(
      (views) =>
        views.some(({ state }) => state === "protected") && views.every(({ proof }) => proof === "enforced"),
    ).length,
    watched: perPlant.filter(
      (views) =>
        views.length > 0 && views.every(({ able, state }) => able === "watched" && state === "watched"),
    ).length,
    warnedMs: percentiles(times("warned")),
    protectedMs: percentiles(times("protected")),
    recordedMs: percentiles(times("recorded")),
    reencounterMs: percentiles(again),
    caughtUpMs: null,
    records: found.records,
    lost: found.lost,
    duplicated: found.duplicated,
  };
  return { figures, views: found.views, appendedMs, metAgain, complaints: found.complaints };
}

function isImmune(view: IndicatorView): boolean {
  return view.able === "none" || view.state === view.able;
}

/** One look at everything: states, counts, and what is missing. */
async function look(
  watches: readonly PlantWatch[],
  expected: readonly IndicatorId[],
  attacked: PlantWatch,
  lines: number,
) {
  const audits = await Promise.all(watches.map((watch) => watch.audit()));
  const all = await Promise.all(watches.map((watch) => watch.indicators()));
  // What the company's review or its own benign traffic has stopped was not released.
  const stopped = new Set((await attacked.candidates()).map(({ id }) => id));
  const released = expected.filter((id) => !stopped.has(id));
  const views = new Map(
    watches.map((watch, i) => [watch.plant.letter, (all[i] ?? []).filter(({ id }) => released.includes(id))]),
  );
  const mine = audits[0] as Audit;
  const complaints: string[] = [];
  let lost = 0;
  const lose = (count: number, what: string) => {
    lost += count;
    if (count > 0) complaints.push(`${count} ${what}`);
  };
  lose(mine.lines - mine.outcomes, "acknowledged lines without an outcome at plant A");
  if (mine.lines < lines) complaints.push(`${lines - mine.lines} lines not read yet at plant A`);
  const everywhere = new Set(audits.flatMap(({ attestations }) => attestations));
  audits.forEach((audit, i) => {
    const letter = watches[i]?.plant.letter ?? "?";
    const held = new Set(audit.held);
    lose(released.filter((id) => !held.has(id)).length, `released records not held at plant ${letter}`);
    const attested = new Set(audit.attestations);
    lose(
      [...everywhere].filter((each) => !attested.has(each)).length,
      `attestations not held at plant ${letter}`,
    );
  });
  for (const [letter, mineViews] of views) {
    for (const view of mineViews) {
      if (!isImmune(view))
        complaints.push(`plant ${letter}: ${view.name} is ${view.state}, could be ${view.able}`);
      if (!view.recorded && view.status.name === "attested")
        complaints.push(`plant ${letter}: ${view.name} is not recorded yet`);
    }
  }
  const duplicated = audits.reduce(
    (sum, audit) => sum + audit.duplicateAttestations + audit.duplicateApplications,
    0,
  );
  if (duplicated > 0) complaints.push(`${duplicated} duplicates`);
  return { views, complaints, lost, duplicated, released, records: mine.held.length };
}
