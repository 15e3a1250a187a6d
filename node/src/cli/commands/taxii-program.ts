import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { TaxiiSource } from "@anamnesis/sdk/client/taxii";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Command } from "commander";
import type { ExitCode } from "../exit.ts";
import { locate } from "../locate.ts";
import { table, write } from "../output.ts";
import type { AnswerCommand, Globals } from "../program.ts";

interface SourceOptions {
  readonly sourceToken?: string;
  readonly user?: string;
}
interface PullCommand extends SourceOptions {
  readonly collection?: string;
  readonly addedAfter?: string;
  readonly state?: string;
  readonly maxObjects: number;
  readonly every?: number;
}

/** Holds the token of a TAXII server, when no file does. */
const TOKEN = "ANAMNESIS_TAXII_TOKEN";

/** `taxii collections` and `taxii pull`. */
export function addTaxii(
  program: Command,
  answer: AnswerCommand,
  exit: (code: ExitCode) => void,
  wholeNumber: (option: string, max: number) => (text: string) => number,
): void {
  const taxii = program.command("taxii").description("other people's TAXII 2.1 servers");
  const withSource = (command: Command) =>
    command
      .option("--source-token <file>", `the server's token or password; or ${TOKEN}`)
      .option("--user <name>", "the server wants a user name and the token as its password");

  withSource(taxii.command("collections <url>"))
    .description("the collections of a server")
    .action(async (url: string, options: SourceOptions, command: Command) => {
      const { listCollections } = await import("@anamnesis/sdk/client/taxii");
      const collections = await listCollections(sourceOf(url, options));
      const result = {
        json: { collections },
        raw: collections.map(({ id }) => id),
        human: (style: Parameters<typeof table>[2]) =>
          table(
            ["ID", "ALIAS", "READ", "TITLE"],
            collections.map((one) => [one.id, one.alias ?? "", one.canRead ? "yes" : "no", one.title]),
            style,
          ),
      };
      write(result, command.optsWithGlobals<Globals>().output);
      exit(0);
    });

  withSource(taxii.command("pull <url>"))
    .description("propose what a collection holds, from where the last pull ended; it awaits release")
    .option("--collection <name>", "its id, alias or title")
    .option("--added-after <time>", "begin after this time instead")
    .option("--state <file>", "where the place is kept; taxii.json of the plant by default")
    .option(
      "--max-objects <n>",
      "stop after the page that has this one",
      wholeNumber("--max-objects", 10_000_000),
      100_000,
    )
    .option("--every <seconds>", "go on until interrupted", wholeNumber("--every", 604_800))
    .action(async (url: string, options: PullCommand, command: Command) => {
      const source = sourceOf(url, options);
      const { directory } = locate(command.optsWithGlobals<Globals>());
      const state = options.state ?? (directory === undefined ? undefined : join(directory, "taxii.json"));
      const pull = () =>
        answer(
          command,
          async ({ ask }) =>
            (await import("./taxii-pull.ts")).pullTaxii(ask, source, { ...options, state }, Date.now()),
          { running: true },
        );
      if (options.every === undefined) return pull();
      for (;;) {
        try {
          await pull();
        } catch (error) {
          if (!isAnamnesisError(error)) throw error;
          process.stderr.write(`${error.code}: ${error.message}\n`);
        }
        await pause(Math.max(1, options.every) * 1000);
      }
    });
}

function sourceOf(url: string, { sourceToken, user }: SourceOptions): TaxiiSource {
  const token = sourceToken === undefined ? process.env[TOKEN] : readToken(sourceToken);
  return { url, token, user };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `--source-token ${path} cannot be read`, { cause });
  }
}
