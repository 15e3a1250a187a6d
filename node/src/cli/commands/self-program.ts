import type { Command } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { Globals } from "../program.ts";

/** `self check`, `self learn`, `self diff` and `self drift`: all of them read files, and need no running node. */
export function addSelf(program: Command, exit: (code: ExitCode) => void): void {
  const self = program.command("self").description("what belongs to this plant and is never blocked");
  self
    .command("check <value-or-file>")
    .description("what of Self or its warninglists a value touches, offline; 1 when nothing does")
    .option("--config <file>", "plant.yaml, instead of finding it by --plant")
    .action(async (given: string, options: { config?: string }, command: Command) => {
      const { checkAgainstSelf } = await import("./self-check.ts");
      const globals = command.optsWithGlobals<Globals>();
      const result = checkAgainstSelf(globals, given, options.config);
      write(result, globals.output);
      exit(result.exit ?? 0);
    });
  self
    .command("learn <log...>")
    .description(
      "a draft of Self from logs of ordinary operation (Suricata's eve.json, Zeek's logs), with a report",
    )
    .option("--out <file>", "a new file for the draft; without it nothing is written")
    .action(async (logs: string[], options: { out?: string }, command: Command) => {
      const { learn } = await import("./self-learn.ts");
      const result = await learn(logs, options.out);
      write(result, command.optsWithGlobals<Globals>().output);
      exit(result.exit ?? 0);
    });
  self
    .command("diff <before> <after>")
    .description("what one self.yaml or plant.yaml says and the other does not; 1 when they differ")
    .action(async (before: string, after: string, _options, command: Command) => {
      const { diff } = await import("./self-learn.ts");
      const result = diff(before, after);
      write(result, command.optsWithGlobals<Globals>().output);
      exit(result.exit ?? 0);
    });
  self
    .command("drift <log...>")
    .description(
      "what of Self no longer fits the traffic of these logs, and its age; 1 when something does not",
    )
    .option("--config <file>", "plant.yaml, instead of finding it by --plant")
    .action(async (logs: string[], options: { config?: string }, command: Command) => {
      const { drift } = await import("./self-learn.ts");
      const globals = command.optsWithGlobals<Globals>();
      const result = await drift(globals, options.config, logs, Date.now());
      write(result, globals.output);
      exit(result.exit ?? 0);
    });
}
