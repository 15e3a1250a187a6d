/** `anamnesis admin`: what a member does by its account. Commands load their code when they run. */
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Command } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { Result } from "../program.ts";
import type { AdminOptions, AdminPlace } from "./admin-place.ts";

const HELP = `
Who speaks: --keystore FILE (password in --password-file FILE or ANAMNESIS_ACCOUNT_PASSWORD), or --signer URL
--account ADDRESS (web3signer's JSON-RPC), or --print for a contract: the call is printed and nothing is sent.
Where: --plant NAME, or --chain URL with --consortium FILE. All of it may stand in plant.yaml: chain, member.
Exit codes: 0 done; 1 the answer is no or unknown; 2 usage or configuration; 3 chain or signer is unreachable.`;

/** Adds the commands. `exit` is told the exit code of what ran. */
export function addAdmin(
  program: Command,
  exit: (code: ExitCode) => void,
  wholeNumber: (option: string, max: number) => (text: string) => number,
): void {
  const admin = program
    .command("admin")
    .description("members, votes and node keys, by the member account")
    .option("--chain <url>", "JSON-RPC address of the chain, instead of the plant's")
    .option("--consortium <file>", "consortium.json, instead of the plant's")
    .option("--registry <address>", "the registry by its address alone, unchecked")
    .option("--keystore <file>", "the member account's keystore")
    .option("--password-file <file>", "its password; or ANAMNESIS_ACCOUNT_PASSWORD")
    .option("--signer <url>", "a signer that holds the member account")
    .option("--account <address>", "the member account: which of the signer's, or a contract")
    .option("--print", "print the call for a contract account instead of sending it")
    .addHelpText("after", HELP);

  /** Runs against the consortium, writes what came of it. A chain that is away is not the user's fault. */
  const run = async (command: Command, work: (place: AdminPlace) => Promise<Result>): Promise<void> => {
    const options = command.optsWithGlobals<AdminOptions>();
    const { withPlace } = await import("./admin-place.ts");
    try {
      const result = await withPlace(options, work);
      write(result, options.output);
      exit(result.exit ?? 0);
    } catch (error) {
      if (isAnamnesisError(error, "chain.unreachable") || isAnamnesisError(error, "signer.unreachable"))
        exit(3);
      throw error;
    }
  };

  const members = admin.command("members").description("who the members are, and how they decide");
  members
    .command("list")
    .description("every member, and what is asked of them")
    .action((_options, command: Command) =>
      run(command, async (place) => (await import("./admin-members.ts")).listMembers(place)),
    );
  members
    .command("show [proposal]")
    .description("every proposal; or one: what it does, who voted, what is missing, what to do next")
    .action((which: string | undefined, _options, command: Command) =>
      run(command, async (place) => (await import("./admin-members.ts")).showOne(place, which)),
    );
  members
    .command("propose <words...>")
    .description(
      "admit ADDRESS, suspend N, reinstate N, remove N, set M 3 W 1 R 2 maxBatch 100; joined by and",
    )
    .option("--because <text>", "why, for the others")
    .action((words: string[], { because }: { because?: string }, command: Command) =>
      run(command, async (place) => (await import("./admin-members.ts")).propose(place, words, because)),
    );
  members
    .command("vote <proposal> <vote>")
    .description("for, against or abstain")
    .option("--because <text>", "why, for the others")
    .action((which: string, choice: string, { because }: { because?: string }, command: Command) =>
      run(command, async (place) => (await import("./admin-members.ts")).vote(place, which, choice, because)),
    );
  members
    .command("execute <proposal>")
    .description("carry out what has passed; any account may")
    .action((which: string, _options, command: Command) =>
      run(command, async (place) => (await import("./admin-members.ts")).execute(place, which)),
    );

  const keys = admin.command("keys").description("node keys: the member's own affair, effective at once");
  keys
    .command("list")
    .description("every node key ever added")
    .option("--member <n>", "of one member", wholeNumber("--member", 65_535))
    .action(({ member }: { member?: number }, command: Command) =>
      run(command, async (place) => (await import("./admin-keys.ts")).listKeys(place, member)),
    );
  keys
    .command("active <key>")
    .description("was this key active at a block? 1 when it was not")
    .option("--block <n>", "the latest by default", wholeNumber("--block", 999_999_999))
    .action((key: string, { block }: { block?: number }, command: Command) =>
      run(command, async (place) => (await import("./admin-keys.ts")).showActive(place, key, block)),
    );
  keys
    .command("add [key]")
    .description("let a node key speak for the member; without a key the plant's own")
    .option("--proof <signature>", "the key's word, from anamnesis node proof at another machine")
    .action((key: string | undefined, options: { proof?: string }, command: Command) =>
      run(command, async (place) => (await import("./admin-keys.ts")).addKey(place, key, options)),
    );
  keys
    .command("revoke <key>")
    .description("close a node key for ever: stolen, lost or replaced")
    .action((key: string, _options, command: Command) =>
      run(command, async (place) => (await import("./admin-keys.ts")).revokeKey(place, key)),
    );

  admin
    .command("sign")
    .description("sign the plant's configuration (plant.yaml.sig)")
    .option(
      "--signature <bytes>",
      "what the owners of a contract made of it; without it, shows what they sign",
    )
    .action((options: { signature?: string }, command: Command) =>
      run(command, async (place) => (await import("./admin-sign.ts")).signConfiguration(place, options)),
    );
}
