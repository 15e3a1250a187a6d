/* The launcher's course: found or go on, attack, watch, tell, stay, stop. */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createLog } from "../../node/src/adapters/system.ts";
import { type Config, readConfig } from "../../node/src/config.ts";
import {
  LOCAL_PARAMETERS,
  type LocalConsortium,
  openConsortium,
  plantCount,
  ROOT,
} from "../consortium/consortium.ts";
import type { CellSettings, LocalPlant } from "../consortium/plants.ts";
import { placeCell } from "../twin/cell.ts";
import { complaintsOf, complaintsOfUnprotected } from "../twin/scenario.ts";
import { tableOfCells } from "../twin/view.ts";
import { inTurn, replay } from "./attack.ts";
import { expectLines } from "./expectation.ts";
import { requireFitting } from "./history.ts";
import { createLive } from "./live.ts";
import { lockDirectory } from "./lock.ts";
import { formatMs, nameForm } from "./names.ts";
import { paintFor } from "./paint.ts";
import { complaintsOfRefutation, refuteAll } from "./refutation.ts";
import { type AbsentPlant, runAttack } from "./run.ts";
import { createScreen } from "./screen.ts";
import { tableOf } from "./table.ts";
import { announcement, type Course, introduction, near, stay, tell, type Voice } from "./tell.ts";
import { startTwin, type Twin } from "./twin.ts";
import { type PlantWatch, until, watchPlant } from "./watch.ts";

/** What the command line says. */
export interface StartOptions {
  readonly plants?: number;
  /** Only this is replayed, without the twin. */
  readonly input?: string | undefined;
  readonly data: string;
  readonly once: boolean;
  readonly json: boolean;
  readonly fresh: boolean;
  readonly absent?: string;
  /** Pause between two lines of the input, ms. */
  readonly pace: number;
  /** False: nothing leaves a plant. */
  readonly share: boolean;
  /** default: no standing changes. */
  readonly policy?: "default" | "standing";
  /** Refute what the twin's minute led to, and attack again. */
  readonly refute: boolean;
}

/** What is replayed when nothing else is asked for. */
const RECORDED = join(ROOT, "fixtures/attacks/all.eve.json");

/** How long plants may take to find each other, and to become immune. */
const READY_MS = 60_000;
const IMMUNE_MS = 60_000;

/**
 * Runs the main job; resolves with the exit code: 0 when every plant became immune and nothing was lost
 * or repeated, or when it was asked to stop, else 1. Throws `config.invalid`, `store.locked`, `api.unavailable`.
 */
export async function start(options: StartOptions, signal: AbortSignal): Promise<number> {
  const stream = options.json ? process.stderr : process.stdout;
  const screen = createScreen(stream);
  const { say } = screen;
  const course = courseOf(options);
  const directory = resolve(options.data);
  const text = course.input === undefined ? "" : await readInput(course.input);
  const quiet = { ...createLog("launcher"), info: () => undefined, debug: () => undefined };
  const unlock = await lockDirectory(directory, quiet);
  try {
    if (options.fresh) await forget(directory);
    const plants = await plantCount(directory, options.plants);
    requireAbsent(options.absent, plants);
    const isFirst = !existsSync(join(directory, "consortium.json"));
    say(
      `${isFirst ? `Founding a consortium of ${plants} plants` : "Going on with the consortium"} in ${near(directory)}`,
    );
    // Plant A only looks on, so that there is something to see; the others rest on a standing change.
    const cells = course.hasTwin
      ? await Promise.all(Array.from({ length: plants }, (_, i) => placeCell(i, i > 0)))
      : [];
    const local = await openConsortium({
      directory,
      plants,
      log: quiet,
      cells,
      isSharing: options.share,
      isStanding: options.policy !== "default",
    });
    try {
      return signal.aborted
        ? 0
        : await run(
            local,
            cells,
            { ...options, ...course, text },
            { screen, paint: paintFor(stream), signal },
          );
    } finally {
      await local.stop();
    }
  } finally {
    await unlock();
  }
}

function courseOf({ input, absent, share, policy, refute }: StartOptions): Course {
  const isVariant = !share || policy === "default" || refute;
  if (isVariant && (input !== undefined || absent !== undefined))
    throw new AnamnesisError(
      "config.invalid",
      "--no-share, --policy default and --refute are about the twin; leave out --input and --absent",
    );
  if (input !== undefined || absent !== undefined) return { hasTwin: false, input: input ?? RECORDED };
  return { hasTwin: true, input: isVariant ? undefined : RECORDED };
}

async function run(
  local: LocalConsortium,
  cells: readonly CellSettings[],
  options: StartOptions & Course & { readonly text: string },
  voice: Voice,
): Promise<number> {
  const { screen, paint, signal } = voice;
  const { say } = screen;
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
  const config = configOf(local.plants[0]);
  const twin = options.hasTwin ? await startTwin(cells, local, config, voice) : undefined;
  try {
    await Promise.all(local.plants.flatMap((_, i) => (i === away ? [] : [startPlant(i)])));
    const all = local.plants.map(watchPlant);
    const watches = all.filter((_, i) => i !== away);
    await untilReady(watches, signal);
    const recorded = replay(
      expectLines(options.text, config),
      join((local.plants[0] as LocalPlant).directory, "eve.json"),
      options.pace,
    );
    const attack = inTurn([...(twin === undefined ? [] : [twin.attack]), recorded]);
    await requireFitting(all[0] as PlantWatch, twin?.attack.records ?? [], options.share);
    const names = new Map(attack.records.map(({ id, form }) => [id, nameForm(form)]));
    const configs = local.plants.map(configOf);
    for (const line of introduction(local, configs)) say(line);
    say();
    for (const line of announcement(options)) say(paint.strong(line));
    say(paint.soft("Times count from the moment a record's first alert was appended."));
    if (names.size === 0) say("Nothing to release: nothing here may leave the plant.");
    const live = createLive({ letters: watches.map(({ plant }) => plant.letter), names, say, paint });
    const result = await runAttack({
      watches,
      ...(away >= 0 && {
        absent: { watch: all[away] as PlantWatch, start: () => startPlant(away) } satisfies AbsentPlant,
      }),
      attack,
      timeoutMs: IMMUNE_MS,
      signal,
      onChange: live.onChange,
      onReturn(letter) {
        live.flush();
        say(paint.strong(`  Plant ${letter} was off during the attack and starts now`));
      },
    });
    live.flush();
    // Where nothing leaves a plant, nobody is immune against anything.
    const figures = options.share ? result.figures : { ...result.figures, able: 0, immune: 0 };
    for (const line of tableOf(result, paint)) say(line);
    say();
    const ofTwin = twin && (await closeTwin(twin, watches, options, voice));
    const isWell = tell(
      { ...result, figures },
      options.share ? local.plants.length : 0,
      names,
      ofTwin?.complaints ?? [],
      voice,
    );
    if (options.json) process.stdout.write(`${JSON.stringify({ ...figures, ...ofTwin?.figures })}\n`);
    if (!options.once && !signal.aborted) await stay(all, local.directory, say, signal);
    return isWell || (signal.aborted && !options.once) ? 0 : 1;
  } finally {
    await twin?.stop();
  }
}

function configOf(plant: LocalPlant | undefined): Config {
  return readConfig(join(plant?.directory ?? "", "plant.yaml"));
}

/** Tells what became of the tanks, and refutes when that was asked for. */
async function closeTwin(
  twin: Twin,
  watches: readonly PlantWatch[],
  { share, policy, refute }: StartOptions,
  { screen: { say }, paint, signal }: Voice,
) {
  const records = twin.records();
  for (const line of tableOfCells(records, paint)) say(line);
  say();
  const isProtected = share && policy !== "default";
  const found = isProtected
    ? records.slice(1).flatMap(complaintsOf)
    : records.flatMap(complaintsOfUnprotected);
  const complaints = signal.aborted ? [] : found;
  if (!refute || signal.aborted) return { figures: { twin: records }, complaints };
  say(paint.strong("Two members refute what was shared; then every other plant is attacked again"));
  const refuted = await refuteAll(twin, watches, LOCAL_PARAMETERS.refutes, IMMUNE_MS, signal);
  for (const line of tableOfCells(refuted.twin, paint)) say(line);
  say(
    `Of ${refuted.applied} applications ${refuted.residual} still in force; ${refuted.receipts} receipts of undos after ${formatMs(refuted.undoneMs)}`,
  );
  say();
  const wrong = signal.aborted ? [] : complaintsOfRefutation(refuted);
  return { figures: { twin: records, refuted }, complaints: [...complaints, ...wrong] };
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
