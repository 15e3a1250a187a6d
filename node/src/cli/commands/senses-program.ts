/** The commands around what detectors write: `detect`, and `detections publish`. */
import type { Command } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { Globals } from "../program.ts";
import type { DetectOptions } from "./detect.ts";

/** Adds them. */
export function addSenses(program: Command, detections: Command, exit: (code: ExitCode) => void): void {
  program
    .command("detect <file>")
    .description(
      "what format a log file (- for standard input) is in, why, and what each of its lines becomes; 1 when unknown",
    )
    .option("--format <name>", "read it as this format instead of finding out")
    .option("--mapping <file>", "a site's own JSON: how its records are read")
    .option("--zone <zone>", "of times that name none: UTC, an IANA name, or an offset as +02:00")
    .option("--config <file>", "plant.yaml, whose Self tells the plant's own ends")
    .action(async (file: string, options: DetectOptions, command: Command) => {
      const { detectFile } = await import("./detect.ts");
      const result = await detectFile(file, options, Date.now());
      write(result, command.optsWithGlobals<Globals>().output);
      exit(result.exit ?? 0);
    });

  detections
    .command("publish <file>")
    .description(
      "hand the lines of a file (- for standard input) to the node; done when all of them are durable",
    )
    .option("--key <key>", "names this publication: the same input under the same key counts once")
    .action(async (file: string, options: { key?: string }, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      const { publishFile } = await import("./detections-publish.ts");
      write(await publishFile(file, globals, options), globals.output);
    });
}
