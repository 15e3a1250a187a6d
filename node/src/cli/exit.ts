import { type AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";

/**
 * Exit codes: 0 done; 1 the answer is no or unknown; 2 usage, configuration or an unreadable file; 3 the node
 * is unreachable.
 */
export type ExitCode = 0 | 1 | 2 | 3;

/** The exit code of an error. */
export function exitCodeOf(error: AnamnesisError): ExitCode {
  switch (error.code) {
    case "api.notFound":
      return 1;
    // A store locked by a node that does not answer is a node that cannot be reached.
    case "api.unavailable":
    case "store.locked":
      return 3;
    default:
      return 2;
  }
}

/** The one line that tells an error, without control characters. */
export function errorLine(error: unknown): string {
  const text = isAnamnesisError(error)
    ? `${error.message} (${error.code})`
    : `unexpected fault: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  return `anamnesis: ${isAnamnesisError(error) ? text.replaceAll(/\s*\n\s*/g, " ") : text}\n`;
}
