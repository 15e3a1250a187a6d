/* A plant's conduit gateway as a child process. */
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { spawnCommand } from "./node-process.ts";
import type { LocalPlant } from "./plants.ts";

/** A gateway that runs. */
export interface GatewayProcess {
  readonly pid: number;
  readonly exited: Promise<number | null>;
  stop(): Promise<void>;
}

/** How long a gateway may take to answer on a machine that does much else, ms. */
const START_MS = 60_000;

/** Starts `anamnesis gateway` for a plant; resolves when it answers. Throws `control.io`. Its log is gateway.log. */
export async function startGatewayProcess(plant: LocalPlant): Promise<GatewayProcess> {
  const command = ["gateway", "--config", join(plant.directory, "plant.yaml")];
  const { child, exited, end } = spawnCommand([], command, join(plant.directory, "gateway.log"));
  const stop = () => end("SIGTERM");
  let isGone = false;
  void exited.then(() => {
    isGone = true;
  });
  const socket = join(plant.directory, "controls/cell.rules.sock");
  for (const deadline = Date.now() + START_MS; !(await answers(socket)); await delay(25)) {
    if (!isGone && Date.now() < deadline) continue;
    await stop();
    throw new AnamnesisError(
      "control.io",
      `the gateway of plant ${plant.letter} did not start; see ${plant.directory}/gateway.log`,
    );
  }
  return { pid: child.pid as number, exited, stop };
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const end = (isUp: boolean): void => {
      socket.destroy();
      resolve(isUp);
    };
    socket.once("data", () => end(true));
    socket.once("error", () => end(false));
    socket.setTimeout(1000, () => end(false));
    socket.write("status\n");
  });
}
