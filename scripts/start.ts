/* `npm start`: four plants on this machine, one attack, everybody immune. */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { Command, InvalidArgumentError } from "commander";
import { createLog } from "../node/src/adapters/system.ts";
import { readConfig } from "../node/src/config.ts";
import { LOCAL_PARAMETERS, openConsortium, ROOT } from "./consortium/consortium.ts";
import { expectLines } from "./start/expectation.ts";
import { runAttack } from "./start/run.ts";
import { formatMs, tableOf } from "./start/table.ts";
import { until, watchPlant } from "./start/watch.ts";

interface StartOptions {
  plants: number;
  input: string;
  data: string;
  once: boolean;
  json: boolean;
  fresh: boolean;
  pace: number;
}

/** Steps worth a line while they happen. */
const LIVE: ReadonlySet<string> = new Set([
  "alert",
  "released",
  "signed",
  "admitted",
  "warned",
  "attested",
  "protected",
  "recorded",
  "refused",
  "deferred",
  "undone",
]);

const whole = (text: string): number => {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError("give a whole number");
  return Number(text);
};

const program = new Command("npm start --")
  .description("A consortium on this machine: an attack at plant A, and every other plant becomes immune.")
  .option("--plants <number>", "number of plants, 3 to 16", whole, 4)
  .option(
    "--input <file>",
    "EVE file that is replayed into plant A's detector log",
    join(ROOT, "fixtures/attacks/all.eve.json"),
  )
  .option("--data <directory>", "where chain, keys and stores live", join(ROOT, ".anamnesis"))
  .option("--fresh", "forget the history in --data first", false)
  .option("--once", "stop when done; exit 0 only if every plant became immune and nothing was lost", false)
  .option("--json", "one JSON object on standard output and nothing else", false)
  .option("--pace <ms>", "pause between two lines of the input", whole, 5);

try {
  process.exitCode = await start(program.parse().opts<StartOptions>());
} catch (error) {
  if (!isAnamnesisError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}

async function start(options: StartOptions): Promise<number> {
  const say = (line = "") => void (options.json ? process.stderr : process.stdout).write(`${line}\n`);
  const directory = resolve(options.data);
  const input = await readInput(options.input);
  if (options.fresh) await forget(directory);
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);

  const log = createLog("launcher");
  const quiet = { ...log, info: () => undefined, debug: () => undefined };
  const isFirst = !existsSync(join(directory, "consortium.json"));
  say(
    isFirst
      ? `Founding a consortium of ${options.plants} plants in ${directory}`
      : `Going on with the consortium in ${directory}`,
  );
  const local = await openConsortium({ directory, plants: options.plants, log: quiet });
  try {
    const { members, witnesses, refutes } = LOCAL_PARAMETERS;
    say(
      `Chain ${local.chain().url} (anvil, chain id ${local.consortium.chainId}); registry ${local.consortium.registry}`,
    );
    say(
      `A record is attested by M ${members} members, W ${witnesses} of them a witness; R ${refutes} refute it. Only one of these plants is attacked, so one witness has to do.`,
    );
    await Promise.all(local.plants.map((_, i) => local.startPlant(i)));
    const watches = local.plants.map(watchPlant);
    await until(
      async () =>
        (await Promise.all(watches.map((watch) => watch.health()))).every(
          ({ alarms }) => alarms.length === 0,
        ),
      30_000,
      stopping.signal,
    );
    const config = readConfig(join((local.plants[0] as { directory: string }).directory, "plant.yaml"));
    say(
      `Released automatically: ${config.release.automatic.map((rule) => rule.class).join(", ")}. Laboratory: ${config.lab.public.join(", ")} plays the Internet. New blocks an hour: at most ${config.budget.blocksPerHour}.`,
    );
    say(
      `Standing change: "${config.standing[0]?.name}" (${config.standing[0]?.action}, at most ${config.standing[0]?.maxHours} h).`,
    );
    say();
    say(`Replaying ${options.input} into plant A's detector log`);
    const result = await runAttack({
      watches,
      lines: expectLines(input, config),
      paceMs: options.pace,
      timeoutMs: 60_000,
      signal: stopping.signal,
      onChange(plant, change, sinceMs) {
        if (sinceMs === null || !LIVE.has(change.type)) return;
        const what = change.action === undefined ? "" : ` ${change.action} at ${change.control}`;
        say(
          `  ${formatMs(sinceMs).padStart(10)}  ${plant}  ${change.type}${what}  ${change.indicator?.slice(0, 10)}`,
        );
      },
    });
    for (const line of tableOf(result)) say(line);
    const { figures } = result;
    const ok =
      figures.immune === figures.plants &&
      figures.lost === 0 &&
      figures.duplicated === 0 &&
      result.complaints.length === 0;
    say();
    const time = (name: string, value: typeof figures.warnedMs) =>
      value === null ? [] : [`${name} p50 ${formatMs(value.p50)}, p99 ${formatMs(value.p99)}`];
    say(
      [
        `${figures.immune} of ${figures.plants} plants immune, ${figures.records} records, ${figures.lost} lost, ${figures.duplicated} duplicated`,
        ...time("warned", figures.warnedMs),
        ...time("protected", figures.protectedMs),
        ...time("recorded", figures.recordedMs),
        ...time("met again", figures.reencounterMs),
      ].join("; "),
    );
    for (const complaint of ok ? [] : result.complaints) say(`  ${complaint}`);
    if (options.json) process.stdout.write(`${JSON.stringify(figures)}\n`);
    if (!options.once && !stopping.signal.aborted) {
      say();
      for (const watch of watches)
        say(
          `Plant ${watch.plant.letter}: ${watch.url}/  (try: npx anamnesis status --plant ${watch.plant.letter})`,
        );
      say("Ctrl-C stops everything; the next start goes on with this history.");
      await new Promise<void>((done) =>
        stopping.signal.addEventListener("abort", () => done(), { once: true }),
      );
    }
    return ok || (stopping.signal.aborted && !options.once) ? 0 : 1;
  } finally {
    await local.stop();
  }
}

async function readInput(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    process.stderr.write(`--input ${path} cannot be read; give an EVE file\n`);
    process.exit(2);
  }
}

/** Removes what the launcher made, and nothing else: a wrong --data must not cost anybody files. */
async function forget(directory: string): Promise<void> {
  for (const name of ["accounts", "chain", "plants", "consortium.json", "plants.json"]) {
    await rm(join(directory, name), { recursive: true, force: true });
  }
}
