/* One run: the attack is played, and every plant is watched until it is immune. */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import { systemClock } from "../../node/src/adapters/system.ts";
import type { IndicatorView } from "../../node/src/api.ts";
import type { Change } from "../../node/src/state/changes.ts";
import type { Attack } from "./attack.ts";
import { percentiles, type RunFigures } from "./figures.ts";
import { isImmune, type Look, look, type Wanted } from "./look.ts";
import { type PlantWatch, until } from "./watch.ts";

/** A plant that is off during the attack. */
export interface AbsentPlant {
  readonly watch: PlantWatch;
  /** Starts its node; resolves when its API answers. */
  start(): Promise<void>;
}

/** What a run needs. */
export interface RunOptions {
  /** Plants that run during the attack, the attacked one first. */
  readonly watches: readonly PlantWatch[];
  readonly absent?: AbsentPlant;
  readonly attack: Attack;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Called for every change at every plant, as it comes; ms since the first alert of its record was appended. */
  onChange(plant: string, change: Change, sinceAlertMs: number | null): void;
  /** Called before the absent plant is started. */
  onReturn(letter: string): void;
}

/** What a run found. */
export interface RunResult extends Pick<Look, "views" | "kept" | "complaints"> {
  readonly figures: RunFigures;
  /** When the first alert of each record was appended, ms since the epoch. */
  readonly appendedMs: ReadonlyMap<IndicatorId, number>;
  /** Records known before this run: met again, not new. */
  readonly metAgain: ReadonlySet<IndicatorId>;
  /** When the process of a plant that was off during the attack was started. */
  readonly startedMs: ReadonlyMap<string, number>;
}

/** Plays the attack and watches until every plant is as immune as it can be, all is recorded, or the time is up. */
export async function runAttack(options: RunOptions): Promise<RunResult> {
  const { watches, absent, attack, signal } = options;
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
        const { indicator: id, atMs } = change;
        const since = id === undefined ? undefined : appendedMs.get(id);
        if (watch === attacked && change.type === "sighting" && id !== undefined && !sightedMs.has(id))
          sightedMs.set(id, atMs);
        options.onChange(watch.plant.letter, change, since === undefined ? null : atMs - since);
      },
      following.signal,
    );
  });

  const played = await attack.play((appended, atMs) => {
    for (const { id } of appended) if (!appendedMs.has(id)) appendedMs.set(id, atMs);
  }, signal);

  const records = [...appendedMs.keys()];
  const metAgain = new Set(records.filter((id) => before.get(id)?.timeline.alert !== undefined));
  const wanted: Wanted = {
    records,
    lines: linesBefore + played,
    sighted: new Map([...metAgain].map((id) => [id, before.get(id)?.sightings.count ?? 0])),
  };
  let found: Look | undefined;
  const settle = async (plants: readonly PlantWatch[]): Promise<void> => {
    await until(
      async () => {
        found = await look(plants, wanted);
        return found.complaints.length === 0;
      },
      options.timeoutMs,
      signal,
    );
  };
  await settle(watches);
  const startedMs = new Map<string, number>();
  const everybody = absent === undefined ? watches : [...watches, absent.watch];
  if (absent !== undefined && !signal.aborted) {
    const { letter } = absent.watch.plant;
    options.onReturn(letter);
    startedMs.set(letter, systemClock.nowMs());
    await absent.start();
    await settle(everybody);
  }
  following.abort();
  await Promise.allSettled(followers);
  found ??= await look(watches, wanted);

  const times: Times = { appendedMs, sightedMs, startedMs, metAgain };
  return { ...found, figures: figuresOf(everybody.length, found, times), appendedMs, metAgain, startedMs };
}

interface Times {
  readonly appendedMs: ReadonlyMap<IndicatorId, number>;
  /** The first sighting of each record at the attacked plant in this run. */
  readonly sightedMs: ReadonlyMap<IndicatorId, number>;
  readonly startedMs: ReadonlyMap<string, number>;
  readonly metAgain: ReadonlySet<IndicatorId>;
}

function figuresOf(plants: number, found: Look, times: Times): RunFigures {
  const { appendedMs, sightedMs, startedMs, metAgain } = times;
  const perPlant = [...found.views.values()];
  const present = [...found.views].filter(([letter]) => !startedMs.has(letter)).flatMap(([, views]) => views);
  const since = (step: "warned" | "protected" | "recorded"): number[] =>
    present.flatMap((view) => {
      const from = appendedMs.get(view.id);
      const at = step === "warned" ? warnedMs(view) : view.timeline[step];
      return from === undefined || at === undefined || metAgain.has(view.id) ? [] : [at - from];
    });
  const again = [...metAgain].flatMap((id) => {
    const at = sightedMs.get(id);
    return at === undefined ? [] : [at - (appendedMs.get(id) as number)];
  });
  // What a plant was immune against before it was switched off, it did not have to catch up with.
  const caughtUp = [...startedMs].flatMap(([letter, startMs]) =>
    (found.views.get(letter) ?? []).flatMap((view) => {
      const at = view.able === "protected" ? view.timeline.protected : warnedMs(view);
      return isImmune(view) && at !== undefined && at >= startMs ? [at - startMs] : [];
    }),
  );
  const isEvery = (views: readonly IndicatorView[], holds: (view: IndicatorView) => boolean) =>
    views.length > 0 && views.every(holds);
  return {
    plants,
    able: perPlant.filter((views) => views.some(({ able }) => able === "protected")).length,
    immune: perPlant.filter((views) => views.length === found.released.length && views.every(isImmune))
      .length,
    enforced: perPlant.filter(
      (views) =>
        views.some(({ state }) => state === "protected") && views.every(({ proof }) => proof === "enforced"),
    ).length,
    watched: perPlant.filter((views) =>
      isEvery(views, ({ able, state }) => able === "watched" && state === "watched"),
    ).length,
    warnedMs: percentiles(since("warned")),
    protectedMs: percentiles(since("protected")),
    recordedMs: percentiles(since("recorded")),
    reencounterMs: percentiles(again),
    caughtUpMs: percentiles(caughtUp),
    records: found.records,
    lost: found.lost,
    duplicated: found.duplicated,
  };
}

/** Whoever blocks at once was never without a warning. */
function warnedMs({ timeline }: IndicatorView): number | undefined {
  return timeline.warned ?? timeline.protected;
}
