/** The doubles a plant of a test stands on: time, chance, log, a store that can be torn, a scripted detector. */
import { toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { sha256 } from "@anamnesis/sdk/core/hash";
import type { Bytes32, Detection, LineOutcome } from "@anamnesis/sdk/core/types";
import { createMemoryStore, type MemoryStore } from "../../../node/src/adapters/store/memory.ts";
import type { Clock, Detector, LineBatch, Log, Randomness, Store } from "../../../node/src/ports.ts";

/** True time, which every plant's clock follows with an offset of its own. */
export interface World {
  nowMs(): number;
  monotonicMs(): number;
  advance(ms: number): void;
}

export function createWorld(startMs: number): World {
  let elapsed = 0;
  return {
    nowMs: () => startMs + elapsed,
    monotonicMs: () => elapsed,
    advance(ms) {
      elapsed += ms;
    },
  };
}

/** A plant's clock: its wall time can be set wrong, its monotonic time cannot. */
export interface SteeredClock extends Clock {
  offsetMs: number;
}

export function createSteeredClock(world: World): SteeredClock {
  const clock: SteeredClock = {
    offsetMs: 0,
    nowMs: () => world.nowMs() + clock.offsetMs,
    monotonicMs: () => world.monotonicMs(),
  };
  return clock;
}

/** Bytes that are different at every call and equal in every run of a test. */
export function createChance(seed: string): Randomness {
  let calls = 0;
  return {
    bytes: (length) => sha256(utf8(`${seed} ${calls++}`)).slice(0, length),
  };
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps what was said above debug. */
export function createKeptLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (event: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, event, fields });
  return { lines, debug() {}, info: at("info"), warn: at("warn"), error: at("error") };
}

/** Where a power cut falls: `before` loses the k-th commit, `after` keeps it and nobody is told. */
export interface PowerCut {
  readonly commit: number;
  readonly when: "before" | "after";
}

/** A store that can lose its power at a chosen commit. */
export interface TornStore extends Store {
  /** Commits asked for so far. */
  readonly commits: number;
  failWith(error: Error | undefined): void;
  /** The power is gone now; the returned disk is what the next start finds. */
  cutPower(): MemoryStore;
  /** A copy of the disk as it is: a backup. */
  backup(): Promise<MemoryStore>;
}

export function createTornStore(disk: MemoryStore, cut?: PowerCut, onCut?: () => void): TornStore {
  let commits = 0;
  let isDead = false;
  return {
    get commits() {
      return commits;
    },
    get: (key) => disk.get(key),
    entries: (range) => disk.entries(range),
    async commit(ops, options) {
      if (isDead) return new Promise(() => {});
      commits++;
      if (cut !== undefined && commits === cut.commit) {
        isDead = true;
        if (cut.when === "after") await disk.commit(ops);
        onCut?.();
        return new Promise(() => {});
      }
      await disk.commit(ops, options);
      if (isDead) return new Promise(() => {}); // durable, and nobody is left to hear of it
    },
    failWith: (error) => disk.failWith(error),
    cutPower() {
      isDead = true;
      return disk.crash();
    },
    async backup() {
      const copy = new Map<string, Uint8Array>();
      for await (const [key, value] of disk.entries({ gte: "", lt: "\uffff" })) copy.set(key, value.slice());
      return createMemoryStore({ from: copy });
    },
  };
}

/** A detector whose file is an array that survives the plant: it goes on after the position it is given. */
export interface ScriptedDetector extends Detector {
  /** Resolves when the lines so far are acknowledged. */
  drained(): Promise<void>;
}

export function createScriptedDetector(name: string, lines: readonly LineOutcome[]): ScriptedDetector {
  let sink: ((batch: LineBatch) => Promise<void>) | undefined;
  let read = 0;
  let running: Promise<void> | undefined;

  async function pump(): Promise<void> {
    while (sink !== undefined && read < lines.length) {
      const taken = lines.slice(read, read + 8);
      await sink({ detector: name, position: { line: read + taken.length }, lines: taken });
      read += taken.length;
    }
  }

  return {
    name,
    async start(position, to) {
      read = (position as { line: number } | undefined)?.line ?? 0;
      sink = to;
    },
    async stop() {
      sink = undefined;
    },
    async drained() {
      running ??= pump().finally(() => {
        running = undefined;
      });
      await running;
    },
  };
}

/** An alert about an attack from an address, as a detector's adapter hands it on. */
export function detectionOf(
  address: string,
  change: Partial<Detection> & { readonly line?: number } = {},
): Detection {
  const { line = 0, ...rest } = change;
  const isSix = address.includes(":");
  return {
    id: toHex(sha256(utf8(`alert ${address} ${line}`))) as Bytes32,
    atMs: 1_700_000_000_000 + line * 1000,
    readAtMs: 1_700_000_000_000 + line * 1000,
    detector: "ids",
    rule: {
      engine: "suricata",
      gid: 1,
      id: 9_000_001,
      rev: 1,
      name: `Attack from ${address}`,
      category: "misc",
    },
    severity: 90,
    action: "allowed",
    attacker: { address, port: 40_000 },
    victim: { address: "10.2.5.80", port: 443 },
    transport: "tcp",
    observables: [{ kind: isSix ? "ipv6-addr" : "ipv4-addr", value: address }],
    attackIds: ["T0866"],
    ...rest,
  };
}

/** Lets everything that is ready run: microtasks, and what fakes deliver in the next turns. */
export async function turns(count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
