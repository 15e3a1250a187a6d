import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { ROOT } from "./consortium.ts";
import type { LocalPlant } from "./plants.ts";

/** A node as a child process of the launcher. Its log is node.log in the plant's directory. */
export interface NodeProcess {
  readonly plant: LocalPlant;
  readonly pid: number;
  readonly url: string;
  /** Resolves with the exit code (null after a signal) when the process is gone. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, and wait. */
  stop(): Promise<void>;
  /** SIGKILL, and wait. */
  kill(): Promise<void>;
}

/** Most of what a message makes dies young: with room for it the collector copies less (measured: 1 ms less CPU an attack). */
const YOUNG_SPACE = "--max-semi-space-size=64";

/** How long a node may take to answer on a machine that does much else, ms. */
const START_MS = 120_000;

/** Starts `anamnesis node start` for a plant; resolves when its API answers. Throws `api.unavailable` with the node's last words. */
export async function startNodeProcess(plant: LocalPlant): Promise<NodeProcess> {
  const logPath = join(plant.directory, "node.log");
  const command = ["node", "start", "--config", join(plant.directory, "plant.yaml")];
  const { child, exited, end } = spawnCommand([YOUNG_SPACE], command, logPath);
  const url = `http://127.0.0.1:${plant.http}`;
  const gone = exited.then((code) => ({ code }));
  const deadline = Date.now() + START_MS;
  for (;;) {
    const state = await Promise.race([gone, isUp(url, child.pid)]);
    if (state === true) break;
    if (typeof state === "object" || Date.now() > deadline) {
      await end("SIGKILL");
      throw new AnamnesisError(
        "api.unavailable",
        `the node of plant ${plant.letter} did not start: ${await lastWords(logPath)}`,
      );
    }
    await delay(25);
  }
  return {
    plant,
    pid: child.pid as number,
    url,
    exited,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

/** Starts `anamnesis` with a command as a child whose output goes to a log file. */
export function spawnCommand(flags: readonly string[], command: readonly string[], logPath: string) {
  const log = openSync(logPath, "a", 0o600);
  const child = spawn(process.execPath, [...flags, join(ROOT, "node/bin/anamnesis.mjs"), ...command], {
    cwd: ROOT,
    // The channel is the leash: when the launcher dies, however it dies, the child stops.
    stdio: ["ignore", log, log, "ipc"],
    env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/compile") },
  });
  closeSync(log);
  const exited = new Promise<number | null>((resolve) => {
    child.once("exit", resolve);
    child.once("error", () => resolve(null));
  });
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return { child, exited, end };
}

async function isUp(url: string, pid: number | undefined): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/api/v1/health`, { signal: AbortSignal.timeout(2000) });
    return answer.ok && pid !== undefined;
  } catch {
    return false;
  }
}

async function lastWords(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8").catch(() => "")).trim().split("\n");
  return lines.at(-1)?.slice(0, 500) ?? "";
}
