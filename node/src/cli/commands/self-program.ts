import type { Command } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { Globals } from "../program.ts";
import type { CompareOptions } from "./self-compare.ts";
import type { LearnOptions } from "./self-learn.ts";

/** Adds `anamnesis self`: check, learn, diff, drift. All of them work without a node. */
export function addSelf(
  program: Command,
  exit: (code: ExitCode) => void,
  wholeNumber: (option: string, max: number) => (text: string) => number,
): void {
  const self = program.command("self").description("what belongs to this plant and is never blocked");
  const reading = (command: Command): Command =>
    command
      .option("--format <name>", "read the logs as this format instead of finding out")
      .option("--zone <zone>", "of times that name none: UTC, an IANA name, or an offset as +02:00")
      .option("--network <range...>", "of the plant, beside the private ranges: CIDR");
  const config = "plant.yaml or self.yaml, instead of finding it by --plant";

  self
    .command("check <value-or-file>")
    .description("what of Self or its warninglists a value touches, offline; 1 when nothing does")
    .option("--config <file>", config)
    .action(async (given: string, options: { config?: string }, command: Command) => {
      const { checkAgainstSelf } = await import("./self-check.ts");
      const globals = command.optsWithGlobals<Globals>();
      const result = checkAgainstSelf(globals, given, options.config);
      write(result, globals.output);
      exit(result.exit ?? 0);
    });

  reading(
    self
      .command("learn <logs...>")
      .description("propose Self from the plant's own logs; 1 when they hold something suspicious")
      .option(
        "--out <file>",
        "a new file for the draft, which nobody has confirmed; without it nothing is written",
      ),
  ).action(async (logs: string[], options: LearnOptions, command: Command) => {
    const { learnSelf } = await import("./self-learn.ts");
    const result = await learnSelf(logs, options, Date.now());
    write(result, command.optsWithGlobals<Globals>().output);
    exit(result.exit ?? 0);
  });

  reading(
    self
      .command("diff <self> <self-or-logs...>")
      .description(
        "what differs between two Self files, or a Self and what logs would teach; 1 when they do",
      ),
  ).action(async (before: string, after: string[], options: CompareOptions, command: Command) => {
    const { diffSelves } = await import("./self-compare.ts");
    const result = await diffSelves(before, after, options, Date.now());
    write(result, command.optsWithGlobals<Globals>().output);
    exit(result.exit ?? 0);
  });

  reading(
    self
      .command("drift <logs...>")
      .description(
        "what no longer fits: entries not seen for days, traffic outside Self; 1 when there is any",
      )
      .option("--config <file>", config)
      .option("--days <n>", "not seen for so long", wholeNumber("--days", 3650), 30),
  ).action(
    async (logs: string[], options: CompareOptions & { config?: string; days: number }, command: Command) => {
      const { selfOf } = await import("./self-check.ts");
      const { showDrift } = await import("./self-compare.ts");
      const globals = command.optsWithGlobals<Globals>();
      const result = await showDrift(selfOf(globals, options.config), logs, options, Date.now());
      write(result, globals.output);
      exit(result.exit ?? 0);
    },
  );
}
