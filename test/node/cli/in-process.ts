import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { type ExitCode, errorLine, exitCodeOf } from "../../../node/src/cli/exit.ts";
import { createProgram } from "../../../node/src/cli/program.ts";
import type { Outcome } from "./run.ts";

/**
 * Runs the command in this process, as `runCli` does: a hundred of them take seconds instead of minutes.
 * One at a time, because it takes over what is written.
 */
export async function runInProcess(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const written = { out: "", err: "" };
  const held = { out: process.stdout.write, err: process.stderr.write };
  const heldEnv = { ...process.env };
  Object.assign(process.env, env);
  process.stdout.write = (text) => {
    written.out += String(text);
    return true;
  };
  process.stderr.write = (text) => {
    written.err += String(text);
    return true;
  };
  let code: ExitCode = 0;
  try {
    const program = createProgram((said) => {
      code = said;
    });
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof Error && error.name === "CommanderError")
      code = "exitCode" in error && error.exitCode === 0 ? 0 : 2;
    else {
      process.stderr.write(errorLine(error));
      code = code !== 0 ? code : isAnamnesisError(error) ? exitCodeOf(error) : 2;
    }
  } finally {
    process.stdout.write = held.out;
    process.stderr.write = held.err;
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, heldEnv);
  }
  return { code, ...written };
}
