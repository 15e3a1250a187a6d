/**
 * A consortium of real processes for a test: chain, node processes, LevelDB, libp2p, on free loopback
 * ports and in a directory of its own.
 *
 *   const [c, close] = await makeConsortium();
 *   const [id] = await c.attack(1);
 *   await c.until(async () => (await c.view(3, id))?.state === "protected");
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { appendFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, createClient } from "@anamnesis/sdk/client/client";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { IndicatorView } from "@anamnesis/sdk/core/views";
import { type LocalConsortium, openConsortium, ROOT } from "../../scripts/consortium/consortium.ts";
import type { NodeProcess } from "../../scripts/consortium/node-process.ts";
import type { LocalPlant } from "../../scripts/consortium/plants.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
/** Enough documentation addresses that play the Internet. */
const LAB = ["203.0.113.0/24", "2001:db8::/32"];
/** For machines that do much else: what takes 20 s on one of them takes a minute on another. Paid by failures only. */
export const PATIENCE_MS = 240_000;

/** An attack by an address that nobody has met. */
export interface Attack {
  readonly address: string;
  readonly id: IndicatorId;
}

/** Yes, or what is missing. */
export type Answer = true | string;

/** What a consortium under test is driven by, whatever its chain is. */
export type Driven = Pick<LocalConsortium, "plants" | "startPlant" | "stop">;

/** A consortium under test. Plants are numbered from 0, as A, B, C, D. */
export interface TestConsortium<Local extends Driven = LocalConsortium> {
  readonly local: Local;
  readonly plants: readonly LocalPlant[];
  start(...plants: number[]): Promise<void>;
  /** Ends a node's process, by SIGTERM or SIGKILL, and waits. */
  end(plant: number, how: "stop" | "kill"): Promise<void>;
  /** Appends that many alerts, each of a new attacker, to plant A's detector log. */
  attack(count: number): Promise<Attack[]>;
  ask(plant: number): Client;
  view(plant: number, id: IndicatorId): Promise<IndicatorView | undefined>;
  /** Whether every plant that runs has blocked these attackers, with all of it on the chain. */
  isImmune(attacks: readonly Attack[], plants?: readonly number[]): Promise<Answer>;
  /** Whether all plants hold and have read the same. */
  isAlike(): Promise<Answer>;
  /** Every file of a plant's controls as one text. */
  controls(plant: number): Promise<string>;
}

/** Founds a consortium of four; its nodes are not started. */
export async function makeConsortium(): Promise<[TestConsortium, () => Promise<void>]> {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-e2e-"));
  const options = {
    directory,
    plants: 4,
    log: SILENT,
    blocksPerHour: 1_000_000,
    labPublic: LAB,
    ports: { chain: 0, http: 0, peer: 0 },
    blockMs: 200,
  };
  const local = await openConsortium(options).catch(async (error: unknown) => {
    await rm(directory, { recursive: true, force: true });
    throw error;
  });
  const close = async (): Promise<void> => {
    await local.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return [await driveConsortium(local), close];
}

/** Drives a consortium that is set up. */
export async function driveConsortium<Local extends Driven>(local: Local): Promise<TestConsortium<Local>> {
  const template = await attackTemplate();
  const nodes = new Map<number, NodeProcess>();
  const { plants } = local;
  let attackers = 0;
  const plant = (index: number): LocalPlant => plants[index] as LocalPlant;

  const c: TestConsortium<Local> = {
    local,
    plants,
    async start(...indexes) {
      await Promise.all(indexes.map(async (index) => nodes.set(index, await local.startPlant(index))));
    },
    async end(index, how) {
      await nodes.get(index)?.[how]();
      nodes.delete(index);
    },
    async attack(count) {
      const attacks = Array.from({ length: count }, () => attackOf(++attackers));
      const lines = attacks.map(({ address }) => `${template.replaceAll("203.0.113.7", address)}\n`);
      await appendFile(join(plant(0).directory, "eve.json"), lines.join(""));
      return attacks;
    },
    ask: (index) => clientOf(plant(index)),
    view: (index, id) =>
      c
        .ask(index)
        .indicator(id)
        .catch(() => undefined),
    async isImmune(attacks, among = [...nodes.keys()]) {
      for (const index of among) {
        const all = await c.ask(index).indicators({ limit: 1000 });
        const views = new Map(all.map((view) => [view.id, view]));
        for (const { id, address } of attacks) {
          const view = views.get(id);
          if (view?.state === "protected" && view.recorded) continue;
          const found = view && `${view.status.name}, ${view.state}, recorded: ${view.recorded}`;
          const because = view?.applications.flatMap((each) => each.because).join(" ") ?? "";
          return `plant ${plant(index).letter}: ${address} is ${found ?? "unknown"} ${because}`;
        }
      }
      return true;
    },
    async isAlike() {
      const all = await Promise.all([...nodes.keys()].map((index) => c.ask(index).health()));
      const tellings = all.map(({ plant: letter, heldHash, chain }) => ({
        letter,
        state: `${heldHash} ${chain.recordedHash} ${chain.reachable}`,
      }));
      const isOne = new Set(tellings.map(({ state }) => state)).size === 1;
      return isOne || tellings.map(({ letter, state }) => `plant ${letter}: ${state}`).join("; ");
    },
    async controls(index) {
      const files = ["conduit.rules", "edge.edl", "edge.edl.domains", "edge.nft"];
      const texts = files.map((name) => readFile(join(plant(index).directory, "controls", name), "utf8"));
      return (await Promise.all(texts.map((text) => text.catch(() => "")))).join("\n");
    },
  };
  return c;
}

/** A plant's API with its operator's token. */
export function clientOf({ directory, http }: LocalPlant): Client {
  const token = readFileSync(join(directory, "operator.token"), "utf8").trim();
  return createClient({ url: `http://127.0.0.1:${http}`, token });
}

/**
 * Waits until a question is answered with yes. Fails with the last other answer, or error, when the time
 * is up, and with what `look` then sees.
 */
export async function until(
  what: string,
  question: () => Promise<boolean | string>,
  look?: () => Promise<string>,
): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  let last: unknown;
  while (Date.now() < deadline) {
    try {
      last = await question();
      if (last === true) return;
    } catch (error) {
      last = error;
    }
    await delay(50);
  }
  const seen = look === undefined ? "" : `; ${await look().catch(String)}`;
  throw new Error(`not within ${PATIENCE_MS / 1000} s: ${what} (${String(last)})${seen}`, { cause: last });
}

/** A program that ran to its end. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has written to standard output so far. */
  stdout(): string;
  readonly ended: Promise<Ended>;
}

/** Runs one of the project's own programs with this Node. `group`: in a process group of its own, as a terminal would. */
export function run(script: string, args: readonly string[], group = false): Running {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(ROOT, script), ...args],
    {
      cwd: ROOT,
      detached: group,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NODE_COMPILE_CACHE: join(ROOT, "node_modules/.cache/compile") },
    },
  );
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, stdout, stderr }));
  });
  return { child, stdout: () => stdout, ended };
}

/** Runs the command line to its end. */
export function cli(...args: string[]): Promise<Ended> {
  return run("node/bin/anamnesis.mjs", args).ended;
}

/** The path-traversal alert of the recording. */
async function attackTemplate(): Promise<string> {
  const text = await readFile(join(ROOT, "fixtures/attacks/internet-exploit.eve.json"), "utf8");
  const line = text.split("\n").find((each) => each.includes('"signature_id":9000101'));
  if (line === undefined) throw new Error("the recording has no alert 9000101");
  return line;
}

function attackOf(number: number): Attack {
  const address = `2001:db8::a:${number.toString(16)}`;
  return {
    address,
    id: indicatorId(toPattern({ form: "observable", observable: { kind: "ipv6-addr", value: address } })),
  };
}
