/** The commands `anamnesis consortium …`. */
import type { Command } from "commander";
import type { TypedCheckOptions } from "../commands/consortium.ts";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { Globals, Result } from "../program.ts";

/** Adds the commands to the program. */
export function addConsortiumCommands(
  program: Command,
  exit: (code: ExitCode) => void,
  wholeNumber: (option: string, max: number) => (text: string) => number,
): void {
  const answer = (command: Command, result: Result): void => {
    write(result, command.optsWithGlobals<Globals>().output);
    exit(result.exit ?? 0);
  };
  const consortium = program.command("consortium").description("founding a consortium and its chain");
  consortium
    .command("request")
    .description("make a chain node's key, and the request to have it listed")
    .requiredOption("--consortium <name>", "the consortium's name")
    .requiredOption("--node <name>", "the chain node's name")
    .requiredOption("--out <dir>", "where the key stays")
    .action(async (options: { consortium: string; node: string; out: string }, command: Command) =>
      answer(command, (await import("./init.ts")).requestChainNode(options)),
    );
  consortium
    .command("init")
    .description("write genesis, keys, allowlists and units for all companies")
    .requiredOption("--config <file>", "consortium.yaml")
    .requiredOption("--out <dir>", "a new directory")
    .action(async (options: { config: string; out: string }, command: Command) =>
      answer(command, (await import("./init.ts")).initConsortium(options, Date.now())),
    );
  consortium
    .command("check <rpc...>")
    .description("whether a chain works and is set as it should be; 1 when something fails")
    .option("--consortium <file>", "consortium.json: hold the contracts' code against it")
    .option("--trust <file>", "trust.json: hold the seals against its validators")
    .option("--key <file>", "key of the account that sends a transaction, where accounts are listed")
    .option("--wait <s>", "seconds for the transaction to be mined", wholeNumber("--wait", 3600), 60)
    .action(async (urls: string[], options: TypedCheckOptions, command: Command) =>
      answer(command, await (await import("../commands/consortium.ts")).runCheck(urls, options)),
    );
}
