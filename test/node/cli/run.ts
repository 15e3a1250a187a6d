import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Started, startHttp, TOKENS } from "../adapters/http/start.ts";

export const BIN = fileURLToPath(new URL("../../../node/bin/anamnesis.mjs", import.meta.url));

/** What a run of the command left. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A running command. */
export interface Running {
  readonly done: Promise<Outcome>;
  /** What it wrote so far. */
  out(): string;
  kill(signal: NodeJS.Signals): void;
}

/** Starts the command as a user would, in a directory. */
export function spawnCli(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (data) => {
    out += data;
  });
  child.stderr.on("data", (data) => {
    err += data;
  });
  const done = new Promise<Outcome>((resolve) => child.once("close", (code) => resolve({ code, out, err })));
  return { done, out: () => out, kill: (signal) => void child.kill(signal) };
}

/** A machine with plant D: its directory, and its API when it runs. */
export interface Machine {
  readonly directory: string;
  readonly plant: string;
  readonly started: Started;
  run(...args: string[]): Promise<Outcome>;
  spawn(...args: string[]): Running;
}

/** A temporary machine on which plant D runs behind a fake plant: `[machine, close]`. */
export async function makeMachine(): Promise<[machine: Machine, close: () => Promise<void>]> {
  const [started, stop] = await startHttp();
  const directory = mkdtempSync(join(tmpdir(), "anamnesis-cli-"));
  const plant = join(directory, ".anamnesis", "plants", "d");
  mkdirSync(plant, { recursive: true });
  writeFileSync(join(plant, "plant.yaml"), "plant: D\n");
  writeFileSync(join(plant, "operator.token"), `${TOKENS.operator}\n`, { mode: 0o600 });
  writeFileSync(join(plant, "run.json"), JSON.stringify({ pid: process.pid, url: started.url }));
  return [
    {
      directory,
      plant,
      started,
      run: (...args) => spawnCli(directory, args).done,
      spawn: (...args) => spawnCli(directory, args),
    },
    async () => {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    },
  ];
}
