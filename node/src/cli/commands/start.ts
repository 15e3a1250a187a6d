import { join } from "node:path";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { type ExitCode, errorLine } from "../exit.ts";
import { locate, type Where } from "../locate.ts";

/** Runs the node of a plant until SIGINT or SIGTERM; whatever keeps it from starting is exit code 2. */
export async function runNode(where: Where, config: string | undefined): Promise<ExitCode> {
  const path = config ?? join(locate({ ...where, url: undefined }).directory ?? "", "plant.yaml");
  const { startNode } = await import("../../main.ts");
  const asked = new Promise<void>((resolve) => {
    process.once("SIGINT", () => resolve());
    process.once("SIGTERM", () => resolve());
    // A launcher that dies, however it dies, lets go of its channel.
    process.once("disconnect", () => resolve());
  });
  try {
    const node = await startNode(path);
    await asked;
    await node.stop();
    return 0;
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    process.stderr.write(errorLine(error));
    return 2;
  } finally {
    if (process.connected) process.disconnect(); // an open channel would keep the process
  }
}
