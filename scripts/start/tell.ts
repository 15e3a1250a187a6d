/* What the launcher says before, after, and how it stays. */
import { relative } from "node:path";
import type { Config } from "../../node/src/config.ts";
import { LOCAL_PARAMETERS, type LocalConsortium } from "../consortium/consortium.ts";
import { formatMs } from "./names.ts";
import type { Paint } from "./paint.ts";
import type { RunResult } from "./run.ts";
import type { Screen } from "./screen.ts";
import type { PlantWatch } from "./watch.ts";

/** What is played: the twin and then the recorded attacks, unless something narrower was asked for. */
export interface Course {
  readonly hasTwin: boolean;
  readonly input: string | undefined;
}

/** How the launcher speaks, and when it was told to stop. */
export interface Voice {
  readonly screen: Screen;
  readonly paint: Paint;
  readonly signal: AbortSignal;
}

/** Chain, agreement, and what the plants let out and stop by themselves; configurations in the order of the plants. */
export function introduction(local: LocalConsortium, configs: readonly Config[]): string[] {
  const config = configs[0] as Config;
  const names = new Map(configs.flatMap(({ standing }) => standing.map((each) => [each.name, each])));
  const signers = (name: string): string => {
    const all = configs.filter(({ standing }) => standing.some((each) => each.name === name));
    return all.length === configs.length
      ? "every member"
      : `the members of ${all.map(({ plant }) => plant).join(", ")}`;
  };
  const { members, witnesses, refutes } = LOCAL_PARAMETERS;
  return [
    `Chain      ${local.chain().url} (anvil, id ${local.consortium.chainId}), registry ${local.consortium.registry}`,
    `Agreement  M ${members} members attest a record, W ${witnesses} of them saw it (only one plant is attacked); R ${refutes} refute it`,
    `Released   automatically: ${config.release.automatic.map((rule) => rule.class).join(", ") || "nothing"}`,
    `Laboratory ${config.lab.public.join(", ")} plays the Internet; at most ${config.budget.blocksPerHour} new blocks an hour`,
    ...[...names.values()].map(
      ({ name, action, maxHours }) =>
        `Standing   "${name}": ${action}, at most ${maxHours} h; signed by ${signers(name)}`,
    ),
  ];
}

/** What is about to happen. */
export function announcement({ hasTwin, input }: Course): string[] {
  return [
    ...(hasTwin
      ? [
          "Four machines at each plant: a tank's controller, the gateway before it, the station, and a stranger",
          "In ten seconds the stranger at plant A takes over the valve; the others follow fifteen seconds later",
          "The safety system's high trip at 1.50 m is drawn only: it has no Modbus interface and stays untouched",
        ]
      : []),
    ...(input === undefined
      ? []
      : [`${hasTwin ? "Then r" : "R"}eplaying ${near(input)} into plant A's detector log`]),
  ];
}

/** The last lines; whether all is well, `wanted` plants being immune. */
export function tell(
  result: RunResult,
  wanted: number,
  names: ReadonlyMap<string, string>,
  ofTwin: readonly string[],
  { screen: { say }, paint }: Voice,
): boolean {
  const { figures, kept } = result;
  const complaints = [...result.complaints, ...ofTwin];
  const isWell =
    figures.immune === wanted && figures.lost === 0 && figures.duplicated === 0 && complaints.length === 0;
  for (const { id, reason } of kept) say(`Kept at plant A: ${names.get(id) ?? id} (${reason})`);
  const summary = `${figures.immune} of ${figures.plants} plants immune, ${figures.records} records, ${figures.lost} lost, ${figures.duplicated} duplicated`;
  if (names.size === 0) say("Nothing to release, so nothing to become immune against.");
  say(isWell ? paint.good(summary) : paint.bad(summary));
  for (const [name, value] of [
    ["warned", figures.warnedMs],
    ["protected", figures.protectedMs],
    ["recorded", figures.recordedMs],
    ["met again", figures.reencounterMs],
    ["caught up", figures.caughtUpMs],
  ] as const)
    if (value !== null) say(`  ${name.padEnd(9)}  p50 ${formatMs(value.p50)}, p99 ${formatMs(value.p99)}`);
  for (const complaint of isWell ? [] : complaints) say(paint.bad(`  ${complaint}`));
  return isWell;
}

/** Stays until it is told to stop. */
export async function stay(
  watches: readonly PlantWatch[],
  data: string,
  say: Screen["say"],
  signal: AbortSignal,
): Promise<void> {
  const where = near(data) === ".anamnesis" ? "" : ` --data ${near(data)}`;
  say();
  for (const { plant, url } of watches) say(`Plant ${plant.letter}  ${url}/`);
  say(`Try it in another terminal: npx anamnesis${where} --plant B status`);
  say("Ctrl-C stops everything; the next start goes on with this history.");
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    signal.addEventListener("abort", () => done(), { once: true });
  });
}

/** A path as a person at this place would type it. */
export function near(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" ? "." : short.startsWith("..") ? path : short;
}
