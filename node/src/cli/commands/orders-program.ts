import { type Command, Option } from "commander";
import type { AnswerCommand } from "../program.ts";

interface ApproveOptions {
  readonly control: string;
  readonly ticket?: string;
  readonly owner?: string;
  readonly action?: "deny" | "block" | "isolate";
  readonly from?: string;
  readonly until?: string;
}

/** Adds what operators say to `anamnesis vaccines`: inbox, approve, refuse, rollback, stop, resume. */
export function addOrders(vaccines: Command, answer: AnswerCommand): void {
  const RUNNING = { running: true };
  vaccines
    .command("inbox")
    .description("what waits for your word, what was said, and which controls are stopped")
    .action(async (_options, command: Command) =>
      answer(command, async ({ ask }) => (await import("./orders.ts")).showInbox(await ask.orders())),
    );
  vaccines
    .command("approve <id>")
    .description(
      "allow a response at a control; below level 4 a second person says the same. 1 while one is missing",
    )
    .requiredOption("--control <name>", "where")
    .option("--ticket <ticket>", "the change's ticket")
    .option("--owner <name>", "who answers for the process")
    .option("--until <time>", "as 2026-01-31T18:00Z, or 8h")
    .option("--from <time>", "a window that begins later")
    .addOption(new Option("--action <action>", "at most this").choices(["deny", "block", "isolate"]))
    .action(async (id: string, { owner, from, until, ...rest }: ApproveOptions, command: Command) =>
      answer(
        command,
        async ({ ask }) => {
          const { showOrders, timeOf } = await import("./orders.ts");
          const nowMs = Date.now();
          const order = await ask.approve((await ask.indicator(id)).id, {
            ...rest,
            ...(owner !== undefined && { processOwner: owner }),
            ...(from !== undefined && { fromMs: timeOf("--from", from, nowMs) }),
            ...(until !== undefined && { untilMs: timeOf("--until", until, nowMs) }),
          });
          return showOrders([order]);
        },
        RUNNING,
      ),
    );
  vaccines
    .command("refuse <id>")
    .description("no more than alert at a control, until somebody approves")
    .requiredOption("--control <name>", "where")
    .requiredOption("--reason <text>", "why")
    .action(async (id: string, { control, reason }: { control: string; reason: string }, command: Command) =>
      answer(
        command,
        async ({ ask }) => {
          const order = await ask.refuse((await ask.indicator(id)).id, control, reason);
          return (await import("./orders.ts")).showOrders([order]);
        },
        RUNNING,
      ),
    );
  vaccines
    .command("rollback <id>")
    .description("take a record out of force now, at a control or everywhere, until somebody approves")
    .option("--control <name>", "only there")
    .requiredOption("--reason <text>", "why")
    .action(async (id: string, { control, reason }: { control?: string; reason: string }, command: Command) =>
      answer(
        command,
        async ({ ask }) => {
          const orders = await ask.rollback((await ask.indicator(id)).id, control, reason);
          return (await import("./orders.ts")).showOrders(orders);
        },
        RUNNING,
      ),
    );
  vaccines
    .command("stop")
    .description("take everything of ours out of a control, or of all; needs neither chain nor peers")
    .option("--control <name>", "only this one")
    .requiredOption("--reason <text>", "why")
    .action(async ({ control, reason }: { control?: string; reason: string }, command: Command) =>
      answer(
        command,
        async ({ ask }) => (await import("./orders.ts")).showStops(await ask.stopControls(control, reason)),
        RUNNING,
      ),
    );
  vaccines
    .command("resume")
    .description("end a stop: what is attested and permitted is put in force again")
    .option("--control <name>", "only this one")
    .action(async ({ control }: { control?: string }, command: Command) =>
      answer(
        command,
        async ({ ask }) => (await import("./orders.ts")).showResumed(await ask.resumeControls(control)),
        RUNNING,
      ),
    );
}
