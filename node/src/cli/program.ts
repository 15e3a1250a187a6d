import { BEHAVIOUR_CLASSES } from "@anamnesis/sdk/core/behaviours";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { Command, Option } from "commander";
import { addAdmin } from "./commands/admin.ts";
import { addAudit } from "./commands/audit.ts";
import type { GatewayCommand } from "./commands/gateway.ts";
import { addImmunity } from "./commands/immunity-program.ts";
import { addKnowledge } from "./commands/knowledge-program.ts";
import type { NftHelperCommand } from "./commands/nft-helper.ts";
import { addSelf } from "./commands/self-program.ts";
import { addSenses } from "./commands/senses-program.ts";
import { addTaxii } from "./commands/taxii-program.ts";
import { addVaccines } from "./commands/vaccines-program.ts";
import { addConsortiumCommands } from "./consortium/program.ts";
import type { ExitCode } from "./exit.ts";
import type { Where } from "./locate.ts";
import { type Answer, type Format, write } from "./output.ts";
import type { Session } from "./session.ts";

/** The global options of every command. */
export interface Globals extends Where {
  readonly output: Format;
}

/** An answer with the exit code it means. */
export type Result = Answer & { readonly exit?: ExitCode };

/** Asks the plant that a command means, writes what it said, closes. */
export type AnswerCommand = (
  command: Command,
  run: (session: Session) => Promise<Result>,
  needs?: { readonly running?: boolean },
) => Promise<void>;

const HELP = `
Exit codes: 0 done; 1 the answer is no or unknown (audit verify: not verified); 2 usage, configuration or an
unreadable file; 3 the node is unreachable.
Without a running node, doctor, indicators, recall, detections, vaccines and audit export read the plant's store.`;

/** Makes the command line. Commands load their code when they run: help has to be quick. */
export function createProgram(exit: (code: ExitCode) => void): Command {
  const program = new Command("anamnesis")
    .description("The shared immune memory of industrial plants, from one plant's side.")
    .option("--plant <name>", "the plant, below --data; may be left out when there is one only")
    .option("--data <dir>", "the directory of the local plants, here or above", ".anamnesis")
    .option("--url <url>", "a node's address, instead of finding it by its plant")
    .option("--token-file <file>", "file with the bearer token, instead of the plant's operator.token")
    .addOption(
      new Option("-o, --output <format>", "human, json (the API's) or raw (one value per line)")
        .choices(["human", "json", "raw"])
        .default("human"),
    )
    .addHelpText("after", HELP)
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false })
    .showSuggestionAfterError();

  /** Asks the plant, writes what it said, closes. */
  async function answer(
    command: Command,
    run: (session: Session) => Promise<Result>,
    needs: { readonly running?: boolean } = {},
  ): Promise<void> {
    const globals = command.optsWithGlobals<Globals>();
    const { withSession } = await import("./session.ts");
    const offline = needs.running !== true;
    const result = await withSession(globals, { offline }, run);
    write(result, globals.output);
    exit(result.exit ?? 0);
  }

  program
    .command("status")
    .description("one line: armed, warned, awaiting you, residual (known, and stopped by nothing here), lag")
    .action(async (_options, command: Command) =>
      answer(
        command,
        async ({ ask }) => (await import("./commands/status.ts")).showStatus(await ask.health()),
        {
          running: true,
        },
      ),
    );

  program
    .command("doctor")
    .description("everything to look at when something seems wrong; 1 when it is")
    .option("--rebuild", "read chain and feeds again from the beginning and compare with what is in use")
    .option("--replace", "with --rebuild: where they differ, use what was rebuilt from now on")
    .action(async (options: { rebuild?: true; replace?: true }, command: Command) => {
      const { rebuildAndShow, showDoctor } = await import("./commands/doctor.ts");
      if (options.rebuild === true || options.replace === true)
        return answer(command, ({ ask }) => rebuildAndShow(ask, options));
      return answer(command, async ({ ask, running }) => showDoctor(await ask.doctor(), running));
    });

  program
    .command("recall <value>")
    .description("whether an address, domain, URL, hash or fingerprint is a known attack; 1 when it is not")
    .action(async (value: string, _options, command: Command) =>
      answer(command, async ({ ask }) =>
        (await import("./commands/recall.ts")).showRecall(await ask.recall(value)),
      ),
    );

  const indicators = program.command("indicators").description("records of attacks known here");
  indicators
    .command("list")
    .description("indicators known here")
    .addOption(new Option("--class <class>").choices(["observable", ...BEHAVIOUR_CLASSES]))
    .addOption(
      new Option("--status <status>").choices([
        "none",
        "withdrawn",
        "dormant",
        "proposed",
        "attested",
        "refuted",
      ]),
    )
    .addOption(
      new Option("--state <state>", "what this plant reached").choices([
        "none",
        "warned",
        "watched",
        "protected",
      ]),
    )
    .option("--limit <n>", "at most this many", wholeNumber("--limit", 1000), 100)
    .action(async (_options, command: Command) =>
      answer(command, async ({ ask }) => {
        const { listIndicators, filterOf } = await import("./commands/indicators.ts");
        return listIndicators(await ask.indicators(filterOf(command.opts())));
      }),
    );
  indicators
    .command("inspect <id>")
    .description("one indicator, by id, STIX id or a prefix of 8 hexadecimal digits or more")
    .action(async (id: string, _options, command: Command) =>
      answer(command, async ({ ask }) =>
        (await import("./commands/indicators.ts")).inspectIndicator(await ask.indicator(id)),
      ),
    );
  for (const [verb, stance, words, confidence] of [
    ["attest", "support", "support it as this plant's analyst", 80],
    ["refute", "refute", "say that it is wrong", 80],
    ["withdraw", "withdraw", "take this member's stance back", 0],
  ] as const)
    indicators
      .command(`${verb} <id>`)
      .description(words)
      .option("--confidence <n>", "0 to 100", wholeNumber("--confidence", 100), confidence)
      .action(async (id: string, options: { confidence: number }, command: Command) =>
        answer(
          command,
          async ({ ask }) => {
            const { inspectIndicator } = await import("./commands/indicators.ts");
            const { id: full } = await ask.indicator(id);
            return inspectIndicator(await ask.attest(full, stance, options.confidence));
          },
          { running: true },
        ),
      );

  addKnowledge(indicators, answer, exit);

  const detections = program.command("detections").description("what this plant's detectors saw");
  detections
    .command("tail")
    .description("the last detections and what they led to")
    .option("-n, --lines <n>", "how many", wholeNumber("--lines", 1000), 20)
    .option("-f, --follow", "go on with new ones until interrupted")
    .action(async (options: { lines: number; follow?: true }, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      const { withSession } = await import("./session.ts");
      const { tailDetections } = await import("./commands/detections-tail.ts");
      await withSession(globals, { offline: options.follow !== true }, (session) =>
        tailDetections(session, options, globals.output),
      );
    });
  detections
    .command("review")
    .description("candidates that await the company's word")
    .action(async (_options, command: Command) =>
      answer(command, async ({ ask }) =>
        (await import("./commands/detections.ts")).showCandidates(await ask.candidates()),
      ),
    );
  detections
    .command("release <id>")
    .description("the company's word: this candidate may leave the plant")
    .action(async (id: string, _options, command: Command) =>
      answer(
        command,
        async ({ ask }) => {
          const { findCandidate } = await import("./commands/detections.ts");
          const { inspectIndicator } = await import("./commands/indicators.ts");
          return inspectIndicator(await ask.release(findCandidate(await ask.candidates(), id)));
        },
        { running: true },
      ),
    );
  detections
    .command("hold <id>")
    .description("keep a candidate back until a time")
    .requiredOption("--until <when>", "a UTC time as 2026-11-25T18:00Z, or from now: 90min, 12h, 3d")
    .action(async (id: string, options: { until: string }, command: Command) =>
      answer(
        command,
        async ({ ask }) => {
          const { findCandidate, parseUntil, showCandidates } = await import("./commands/detections.ts");
          const untilMs = parseUntil(options.until, Date.now());
          return showCandidates([await ask.hold(findCandidate(await ask.candidates(), id), untilMs)]);
        },
        { running: true },
      ),
    );

  addTaxii(program, answer, exit, wholeNumber);
  addSenses(program, detections, exit);

  addVaccines(program, answer, exit);
  addImmunity(program, answer);
  addSelf(program, exit, wholeNumber);

  const node = program.command("node").description("this plant's node");
  node
    .command("init")
    .description("create a plant's directory: configuration, keystore, tokens; prints the key to enrol")
    .option("--password-file <file>", "the keystore's password; or ANAMNESIS_PASSWORD_FILE; else one is made")
    .option("--consortium <file>", "consortium.json as the foundation gave it")
    .option("--chain <url>", "JSON-RPC address of the chain", "http://127.0.0.1:8545")
    .option("--http-port <n>", "port of the API on loopback", wholeNumber("--http-port", 65_535), 8801)
    .option("--peers-port <n>", "port for the other plants", wholeNumber("--peers-port", 65_535), 9801)
    .action(async (_options, command: Command) => {
      const { initPlant } = await import("./commands/init.ts");
      const globals = command.optsWithGlobals<Globals>();
      write(initPlant(globals, command.opts(), process.env), globals.output);
    });
  node
    .command("rekey")
    .description("a new key for this plant's node, whose old one was stolen or lost; prints the key to enrol")
    .action(async (_options, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      write(await (await import("./commands/node-key.ts")).rekeyNode(globals), globals.output);
    });
  node
    .command("proof")
    .description("the node key's word that a member account may add it")
    .requiredOption("--account <address>", "the member account")
    .action(async ({ account }: { account: string }, command: Command) => {
      const globals = command.optsWithGlobals<Globals>();
      write(await (await import("./commands/node-key.ts")).showProof(globals, account), globals.output);
    });
  node
    .command("start")
    .description("run the node until interrupted")
    .option("--config <file>", "plant.yaml, instead of finding it by --plant")
    .action(async (options: { config?: string }, command: Command) => {
      const { runNode } = await import("./commands/start.ts");
      exit(await runNode(command.optsWithGlobals<Globals>(), options.config));
    });

  program
    .command("gateway")
    .description("run the Modbus gateway of this plant until interrupted; it goes on without the node")
    .option("--config <file>", "plant.yaml, instead of finding it by --plant")
    .option("--control <name>", "which of the gateways in plant.yaml")
    .action(async (options: GatewayCommand, command: Command) => {
      const { runGateway } = await import("./commands/gateway.ts");
      exit(await runGateway(command.optsWithGlobals<Globals>(), options));
    });

  program
    .command("nft-helper")
    .description("load checked scripts into the kernel's packet filter for a node that runs without rights")
    .requiredOption("--config <file>", "plant.yaml; its Self is what may never be blocked")
    .option("--control <name>", "which of the nftables controls in plant.yaml")
    .action(async (options: NftHelperCommand) => {
      const { runNftHelper } = await import("./commands/nft-helper.ts");
      exit(await runNftHelper(options));
    });

  addConsortiumCommands(program, exit, wholeNumber);
  addAdmin(program, exit, wholeNumber);
  addAudit(program, exit);
  return program;
}

function wholeNumber(option: string, max: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) <= max) return Number(text);
    throw new AnamnesisError("config.invalid", `${option} is ${text}; give a whole number from 0 to ${max}`);
  };
}
