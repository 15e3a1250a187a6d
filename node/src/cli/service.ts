import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { type ExitCode, errorLine } from "./exit.ts";

/** What runs until it is told to stop. */
export interface Service {
  stop(): Promise<void>;
}

/** Starts a service and stops it at SIGINT or SIGTERM; whatever keeps it from starting is exit code 2. */
export async function runService(start: () => Promise<Service>): Promise<ExitCode> {
  const asked = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
    // A launcher that dies, however it dies, lets go of its channel.
    process.once("disconnect", () => resolve());
  });
  try {
    const service = await start();
    await asked;
    await service.stop();
    return 0;
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    process.stderr.write(errorLine(error));
    return 2;
  } finally {
    if (process.connected) process.disconnect(); // an open channel would keep the process
  }
}
