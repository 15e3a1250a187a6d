import { type Command, Option } from "commander";
import type { ExitCode } from "../exit.ts";
import { write } from "../output.ts";
import type { AnswerCommand, Globals } from "../program.ts";
import { addOrders } from "./orders-program.ts";
import type { PlanOptions } from "./vaccines-plan.ts";

/** Adds `anamnesis vaccines`: list, why, plan, and what operators say. */
export function addVaccines(program: Command, answer: AnswerCommand, exit: (code: ExitCode) => void): void {
  const vaccines = program.command("vaccines").description("what is in force at this plant");
  vaccines
    .command("list")
    .description("every application on every control")
    .action(async (_options, command: Command) =>
      answer(command, async ({ ask }) => (await import("./vaccines.ts")).listVaccines(await ask.vaccines())),
    );
  vaccines
    .command("why <value>")
    .description("is it us who stop this value? 1 when it is not")
    .action(async (value: string, _options, command: Command) =>
      answer(command, async ({ ask }) => (await import("./vaccines.ts")).showWhy(await ask.why(value))),
    );
  vaccines
    .command("plan <value>")
    .description(
      "what each control would write about a value or PROTOCOL:FUNCTION, and what follows; writes nothing",
    )
    .option("--config <file>", "plant.yaml, instead of finding it by --plant")
    .addOption(
      new Option("--action <action>", "as if this much was allowed")
        .choices(["alert", "deny", "block", "isolate"])
        .default("block"),
    )
    .action(async (value: string, options: PlanOptions, command: Command) => {
      const { planVaccine } = await import("./vaccines-plan.ts");
      const globals = command.optsWithGlobals<Globals>();
      const result = planVaccine(globals, value, options);
      write(result, globals.output);
      exit(result.exit ?? 0);
    });
  addOrders(vaccines, answer);
}
