import { statSync } from "node:fs";
import type { KnowledgeFormat } from "@anamnesis/sdk/core/types";
import { type Command, Option } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { AnswerCommand, Globals } from "../program.ts";
import type { ImportOptions } from "./knowledge.ts";

const formats = () =>
  new Option("--format <name>").choices(["stix", "misp", "zeek-intel", "suricata", "sigma", "yara"]);

/** `indicators import` and `indicators export`. */
export function addKnowledge(
  indicators: Command,
  answer: AnswerCommand,
  exit: (code: ExitCode) => void,
): void {
  indicators
    .command("import <file>")
    .description(
      "propose what others know (STIX, MISP, Zeek intel, Suricata, Sigma, YARA); it awaits release; - is stdin",
    )
    .addOption(formats())
    .option("--dry-run", "tell what is in it, and propose nothing")
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { importKnowledge } = await import("./knowledge.ts");
      if (options.dryRun !== true)
        return answer(command, ({ ask }) => importKnowledge(ask, file, options, Date.now()), {
          running: true,
        });
      const result = await importKnowledge(undefined, file, options, Date.now());
      write(result, command.optsWithGlobals<Globals>().output);
      exit(result.exit ?? 0);
    });
  indicators
    .command("receive <path>")
    .description(
      "bundles of evidence from a disk or a one-way line: what one, or each in a folder, proves awaits release",
    )
    .requiredOption("--trust <file>", "trust.json of the consortium that they come from")
    .action(async (path: string, { trust }: { trust: string }, command: Command) =>
      answer(
        command,
        async ({ ask }) => {
          const { importEvidence, importSpool } = await import("./evidence-import.ts");
          return isFolder(path) ? importSpool(ask, path, trust) : importEvidence(ask, path, trust);
        },
        { running: true },
      ),
    );
  indicators
    .command("feed <folder>")
    .description("a MISP feed as static files, in a new folder or over the feed that is there")
    .action(async (folder: string, _options, command: Command) =>
      answer(command, async ({ ask }) => (await import("./misp-feed.ts")).writeFeed(ask, folder)),
    );
  indicators
    .command("export")
    .description("indicators in a format: those that came in it as they were written; stix holds all")
    .addOption(formats().default("stix"))
    .option("--out <file>", "a new file, instead of standard output")
    .action(async (options: { format: KnowledgeFormat; out?: string }, command: Command) =>
      answer(command, async ({ ask }) =>
        (await import("./knowledge.ts")).exportKnowledge(ask, options.format, options.out),
      ),
    );
}

/** A path that is not there is told by who opens it. */
function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
