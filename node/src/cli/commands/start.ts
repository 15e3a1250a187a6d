import { join } from "node:path";
import type { ExitCode } from "../exit.ts";
import { locate, type Where } from "../locate.ts";
import { runService } from "../service.ts";

/** Runs the node of a plant until SIGINT or SIGTERM. */
export async function runNode(where: Where, config: string | undefined): Promise<ExitCode> {
  const path = config ?? join(locate({ ...where, url: undefined }).directory ?? "", "plant.yaml");
  const { startNode } = await import("../../main.ts");
  return runService(() => startNode(path));
}
