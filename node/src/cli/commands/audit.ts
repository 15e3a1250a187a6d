/** The commands `anamnesis audit …`. */
import type { Command } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { Globals, Result } from "../program.ts";
import type { ExportOptions } from "./audit-export.ts";

/** Adds the commands to the program. */
export function addAudit(program: Command, exit: (code: ExitCode) => void): void {
  const answer = (command: Command, result: Result): void => {
    write(result, command.optsWithGlobals<Globals>().output);
    exit(result.exit ?? 0);
  };
  const audit = program
    .command("audit")
    .description("evidence: one file that proves records without a network");
  audit
    .command("export")
    .description("write what proves records into a file, from the running node or a stopped one's store")
    .option("--record <id...>", "these records, by id, STIX id or a prefix of 8 hexadecimal digits or more")
    .option(
      "--since <when>",
      "records of which anything was said or seen since, as 2026-11-25T18:00Z, 12h or 3d",
    )
    .option("--all", "every record")
    .requiredOption("--out <file>", "a new file")
    .option("--history", "the records at every block that is archived, not only at the newest")
    .option("--trust <file>", "the auditor's trust file: headers are given from its newest validators on")
    .option("--force", "put it in the place of a file that exists")
    .action(async (options: ExportOptions, command: Command) => {
      const { exportEvidence } = await import("./audit-export.ts");
      answer(command, await exportEvidence(command.optsWithGlobals<Globals>(), options));
    });
  audit
    .command("verify <file>")
    .description("verify such a file, offline; 0 verified, 1 not verified, 2 unreadable")
    .requiredOption("--trust <file>", "trust.json: the chain, its contracts and its validators")
    .action(async (file: string, { trust }: { trust: string }, command: Command) => {
      const { unreadable, verifyFile } = await import("./audit-verify.ts");
      try {
        answer(command, verifyFile(file, trust));
      } catch (error) {
        answer(command, unreadable(error));
      }
    });
  audit
    .command("immunity <file>")
    .description(
      "verify such a file and count immunity from the receipts in it, as `anamnesis immunity` does",
    )
    .requiredOption("--trust <file>", "trust.json: the chain, its contracts and its validators")
    .action(async (file: string, { trust }: { trust: string }, command: Command) => {
      const { unreadable } = await import("./audit-verify.ts");
      const { immunityOfFile } = await import("./immunity.ts");
      try {
        answer(command, immunityOfFile(file, trust));
      } catch (error) {
        answer(command, unreadable(error));
      }
    });
}
