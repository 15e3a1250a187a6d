import type { Command } from "commander";
import type { AnswerCommand } from "../program.ts";

/** Adds `anamnesis immunity`. */
export function addImmunity(program: Command, answer: AnswerCommand): void {
  program
    .command("immunity [indicator]")
    .description("how immune all plants are, counted from their receipts: against one record, or against all")
    .action(async (indicator: string | undefined, _options, command: Command) =>
      answer(command, async ({ ask }) => {
        const { showImmunity } = await import("./immunity.ts");
        return showImmunity(await ask.immunity(indicator === undefined ? {} : { indicator }));
      }),
    );
}
