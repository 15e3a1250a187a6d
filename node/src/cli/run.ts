import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { CommanderError } from "commander";
import { type ExitCode, errorLine, exitCodeOf } from "./exit.ts";
import { createProgram } from "./program.ts";

/** Runs the command line and gives its exit code; it writes to standard output and error. */
export async function runCli(args: readonly string[]): Promise<ExitCode> {
  // `anamnesis … | head` closes the pipe early: nobody reads any more, and that is no fault.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  let exitCode: ExitCode = 0;
  try {
    const program = createProgram((code) => {
      exitCode = code;
    });
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    // Commander has written its own message by now.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(errorLine(error));
    // A command may have said already what its failing means.
    if (exitCode !== 0) return exitCode;
    return isAnamnesisError(error) ? exitCodeOf(error) : 2;
  }
  return exitCode;
}
