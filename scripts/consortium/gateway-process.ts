/* A plant's conduit gateway as a child process. */
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { ROOT } from "./consortium.ts";
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
  const log = openSync(join(plant.directory, "gateway.log"), "a", 0o600);
  const cli = join(ROOT, "node/bin/anamnesis.mjs");
  const child = spawn(process.execPath, [cli, "gateway", "--config", join(plant.directory, "plant.yaml")], {
    cwd: ROOT,
    // The channel is the leash, as with a node.
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/compile") },
  });
  closeSync(log);
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
    child.once("error", () => resolve(null));
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    await exited;
  };
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
