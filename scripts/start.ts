/* `npm start`: four plants on this machine, one attack, everybody immune. */
import { join } from "node:path";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { Command, InvalidArgumentError, Option } from "commander";
import { ROOT } from "./consortium/consortium.ts";
import { type StartOptions, start } from "./start/start.ts";

const whole = (text: string): number => {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("give a whole number");
  return Number(text);
};
const letter = (text: string): string => {
  if (!/^[b-p]$/i.test(text)) throw new InvalidArgumentError("give the letter of a plant other than A");
  return text.toUpperCase();
};

const program = new Command("npm start --")
  .description("A consortium on this machine: an attack at plant A, and every other plant becomes immune.")
  .option("--plants <number>", "number of plants, 3 to 16 (default: 4, or as many as --data holds)", whole)
  .option(
    "--input <file>",
    "only replay this EVE file into plant A's detector log (default: the plant twin, then the recorded attacks)",
  )
  .option(
    "--data <directory>",
    "where chain, keys and stores live (default: .anamnesis)",
    join(ROOT, ".anamnesis"),
  )
  .option("--fresh", "forget the history in --data first", false)
  .option(
    "--absent <letter>",
    "this plant is off during the attack, which is the recorded one, and started afterwards",
    letter,
  )
  .option("--no-share", "the twin while nothing leaves a plant")
  .addOption(
    new Option("--policy <name>", "default: the twin without standing changes").choices([
      "default",
      "standing",
    ]),
  )
  .option("--refute", "after the twin's minute: refute what was shared, and attack again", false)
  .option("--once", "stop when done; exit 0 only if every plant became immune and nothing was lost", false)
  .option("--json", "one JSON object on standard output and nothing else", false)
  .option("--pace <ms>", "pause between two lines of the input", whole, 5)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stopping.abort());

try {
  process.exitCode = await start(program.parse().opts<StartOptions>(), stopping.signal);
} catch (error) {
  if (!isAnamnesisError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 2;
}
