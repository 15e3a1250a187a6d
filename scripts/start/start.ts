/* The launcher's course: found or go on, attack, watch, tell, stay, stop. */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createLog } from "../../node/src/adapters/system.ts";
import { readConfig } from "../../node/src/config.ts";
import {
  LOCAL_PARAMETERS,
  type LocalConsortium,
  openConsortium,
  plantCount,
} from "../consortium/consortium.ts";
import { expectLines } from "./expectation.ts";
import { createLive } from "./live.ts";
import { lockDirectory } from "./lock.ts";
import { formatMs, nameForm } from "./names.ts";
import { type Paint, paintFor } from "./paint.ts";
import { type AbsentPlant, type RunResult, runAttack } from "./run.ts";
import { tableOf } from "./table.ts";
import { type PlantWatch, until, watchPlant } from "./watch.ts";

/** What the command line says. */
export interface StartOptions {
  readonly plants?: number;
  readonly input: string;
  readonly data: string;
  readonly once: boolean;
  readonly json: boolean;
  readonly fresh: boolean;
  readonly absent?: string;
  /** Pause between two lines of the input, ms. */
  readonly pace: number;
}

type Say = (line?: string) => void;

/** How long plants may take to find each other, and to become immune. */
const READY_MS = 60_000;
const IMMUNE_MS = 60_000;

/**
 * Runs the main job; resolves with the exit code: 0 when every plant became immune and nothing was lost
 * or repeated, or when it was asked to stop, else 1. Throws `config.invalid`, `store.locked`, `api.unavailable`.
 */
export async function start(options: StartOptions, signal: AbortSignal): Promise<number> {
  const stream = options.json ? process.stderr : process.stdout;
  const say: Say = (line = "") => void stream.write(`${line}\n`);
  const directory = resolve(options.data);
  const input = await readInput(options.input);
  const log = createLog("launcher");
  const quiet = { ...log, info: () => undefined, debug: () => undefined };
  const unlock = await lockDirectory(directory, quiet);
  try {
    if (options.fresh) await forget(directory);
    const plants = await plantCount(directory, options.plants);
    requireAbsent(options.absent, plants);
    const isFirst = !existsSync(join(directory, "consortium.json"));
    say(
      `${isFirst ? `Founding a consortium of ${plants} plants` : "Going on with the consortium"} in ${near(directory)}`,
    );
    const local = await openConsortium({ directory, plants, log: quiet });
    try {
      return signal.aborted
        ? 0
        : await attack(local, { ...options, text: input }, { say, paint: paintFor(stream), signal });
    } finally {
      await local.stop();
    }
  } finally {
    await unlock();
  }
}

interface Voice {
  readonly say: Say;
  readonly paint: Paint;
  readonly signal: AbortSignal;
}

async function attack(
  local: LocalConsortium,
  options: StartOptions & { readonly text: string },
  { say, paint, signal }: Voice,
): Promise<number> {
  const away = local.plants.findIndex(({ letter }) => letter === options.absent);
  const startPlant = async (index: number): Promise<void> => {
    const node = await local.startPlant(index);
    void node.exited.then((code) => {
      if (!signal.aborted && code !== 0)
        say(
          paint.bad(
            `The node of plant ${node.plant.letter} ended by itself; see ${near(node.plant.directory)}/node.log`,
          ),
        );
    });
  };
  await Promise.all(local.plants.flatMap((_, i) => (i === away ? [] : [startPlant(i)])));
  const all = local.plants.map(watchPlant);
  const watches = all.filter((_, i) => i !== away);
  await untilReady(watches, signal);
  const config = readConfig(join((local.plants[0] as { directory: string }).directory, "plant.yaml"));
  const lines = expectLines(options.text, config);
  const names = new Map(
    lines.flatMap(({ releases }) => releases.map(({ id, form }) => [id, nameForm(form)])),
  );
  for (const line of introduction(local, config)) say(line);
  say();
  say(paint.strong(`Replaying ${near(options.input)} into plant A's detector log`));
  say(paint.soft("Times count from the moment a record's first alert was appended."));
  if (names.size === 0)
    say("Nothing to release: no line of this input is an alert that may leave the plant.");
  const live = createLive({ letters: watches.map(({ plant }) => plant.letter), names, say, paint });
  const result = await runAttack({
    watches,
    ...(away >= 0 && {
      absent: { watch: all[away] as PlantWatch, start: () => startPlant(away) } satisfies AbsentPlant,
    }),
    lines,
    paceMs: options.pace,
    timeoutMs: IMMUNE_MS,
    signal,
    onChange: live.onChange,
    onReturn(letter) {
      live.flush();
      say(paint.strong(`  Plant ${letter} was off during the attack and starts now`));
    },
  });
  live.flush();
  for (const line of tableOf(result, paint)) say(line);
  say();
  const isWell = tell(result, names, { say, paint, signal });
  if (options.json) process.stdout.write(`${JSON.stringify(result.figures)}\n`);
  if (!options.once && !signal.aborted) await stay(all, local.directory, say, signal);
  return isWell || (signal.aborted && !options.once) ? 0 : 1;
}

/** Waits until no plant has anything to wait for. */
async function untilReady(watches: readonly PlantWatch[], signal: AbortSignal): Promise<void> {
  let waiting: readonly string[] = [];
  const isReady = await until(
    async () => {
      const healths = await Promise.all(watches.map((watch) => watch.health()));
      waiting = healths.flatMap(({ plant, alarms }) =>
        alarms.map(({ message }) => `plant ${plant}: ${message}`),
      );
      return waiting.length === 0;
    },
    READY_MS,
    signal,
  );
  if (isReady || signal.aborted) return;
  throw new AnamnesisError(
    "api.unavailable",
    `the plants are not ready: ${waiting.join("; ") || "no answer"}`,
  );
}

function introduction(local: LocalConsortium, config: ReturnType<typeof readConfig>): string[] {
  const { members, witnesses, refutes } = LOCAL_PARAMETERS;
  const standing = config.standing[0];
  return [
    `Chain      ${local.chain().url} (anvil, id ${local.consortium.chainId}), registry ${local.consortium.registry}`,
    `Agreement  M ${members} members attest a record, W ${witnesses} of them saw it (only one plant is attacked); R ${refutes} refute it`,
    `Released   automatically: ${config.release.automatic.map((rule) => rule.class).join(", ")}`,
    `Laboratory ${config.lab.public.join(", ")} plays the Internet; at most ${config.budget.blocksPerHour} new blocks an hour`,
    ...(standing === undefined
      ? []
      : [`Standing   "${standing.name}": ${standing.action}, at most ${standing.maxHours} h`]),
  ];
}

/** The last lines; whether all is well. */
function tell(result: RunResult, names: ReadonlyMap<string, string>, { say, paint }: Voice): boolean {
  const { figures, complaints, kept } = result;
  const isWell =
    figures.immune === figures.plants &&
    figures.lost === 0 &&
    figures.duplicated === 0 &&
    complaints.length === 0;
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

async function stay(
  watches: readonly PlantWatch[],
  data: string,
  say: Say,
  signal: AbortSignal,
): Promise<void> {
  const where = near(data) === ".anamnesis" ? "" : ` --data ${near(data)}`;
  say();
  for (const { plant, url } of watches) say(`Plant ${plant.letter}  ${url}/api/v1/health`);
  say(`Try it in another terminal: npx anamnesis${where} --plant B status`);
  say("Ctrl-C stops everything; the next start goes on with this history.");
  await new Promise<void>((done) => {
    if (signal.aborted) done();
    signal.addEventListener("abort", () => done(), { once: true });
  });
}

/** A path as a person at this place would type it. */
function near(path: string): string {
  const short = relative(process.cwd(), path);
  return short === "" ? "." : short.startsWith("..") ? path : short;
}

async function readInput(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `--input ${path} cannot be read; give an EVE file`, { cause });
  }
}

function requireAbsent(absent: string | undefined, plants: number): void {
  if (absent === undefined) return;
  const count = absent.charCodeAt(0) - 64;
  if (count > plants)
    throw new AnamnesisError(
      "config.invalid",
      `--absent ${absent}: there are ${plants} plants, A to ${String.fromCharCode(64 + plants)}`,
    );
  if (plants - 1 < LOCAL_PARAMETERS.members)
    throw new AnamnesisError(
      "config.invalid",
      `--absent ${absent}: ${plants - 1} plants cannot attest anything without it (M is ${LOCAL_PARAMETERS.members}); give --plants ${LOCAL_PARAMETERS.members + 1} or more`,
    );
}

/** Removes what the launcher made, and nothing else: a wrong --data must not cost anybody files. */
async function forget(directory: string): Promise<void> {
  for (const name of ["accounts", "chain", "plants", "consortium.json", "plants.json", "trust.json"])
    await rm(join(directory, name), { recursive: true, force: true });
}
