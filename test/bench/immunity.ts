/*
 * BENCH 1: from the alert line appended at plant A to an acknowledged control at every other plant,
 * four node processes on loopback, novel attacks paced at 20 a second and then one burst; in turn with
 * it the floor: append → watch → parse → sign → durable → TCP → verify → atomic rule file, nothing else.
 */
import { readFileSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import { systemClock } from "../../node/src/adapters/system.ts";
import { readConfig } from "../../node/src/config.ts";
import type { Change } from "../../node/src/state/changes.ts";
import { type LocalConsortium, openConsortium, ROOT } from "../../scripts/consortium/consortium.ts";
import { percentiles } from "../../scripts/start/figures.ts";
import { until, watchPlant } from "../../scripts/start/watch.ts";
import { openFloor } from "./floor.ts";
import { atMost, type Figure, inTemporary, median, printed } from "./support.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
const NAME = "immunity";
/** Documentation addresses that play the Internet: enough novel attackers, and nobody's. */
const LAB = ["203.0.113.0/24", "2001:db8::/32"];
/** CrowdSec's bouncers poll every 10 s. */
const POLL_MS = 10_000;
const PER_SECOND = 20;

/** Novel attacks at a pace, in turn with the floor's, then a burst of each. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const [rounds, paced, burst] = tiny ? [2, 5, 20] : [5, 200, 1000];
  const template = await attackTemplate();
  return inTemporary(async (directory) => {
    const local = await openConsortium({
      directory,
      plants: 4,
      log: SILENT,
      blocksPerHour: 1_000_000,
      labPublic: LAB,
      ports: { chain: 0, http: 0, peer: 0 },
    });
    const floor = await openFloor(directory, template);
    try {
      const nodes = await Promise.all(local.plants.map((_, i) => local.startPlant(i)));
      const watches = local.plants.map(watchPlant);
      await until(
        async () =>
          (await Promise.all(watches.map((watch) => watch.health()))).every(
            ({ alarms }) => alarms.length === 0,
          ),
        60_000,
        new AbortController().signal,
      );
      // The first of everything is slow.
      await floor.run(5, PER_SECOND);
      await attack(local, template, 0, 5, PER_SECOND);
      const turns: Turn[] = [];
      for (let i = 0; i < rounds; i++) {
        const bare = await floor.run(paced, PER_SECOND);
        const before = cpuMs(nodes);
        const ours = await attack(local, template, 1000 + i * paced, paced, PER_SECOND);
        turns.push({ floor: bare, ours, cpuMs: (cpuMs(nodes) - before) / paced / nodes.length });
      }
      const bare = Math.max(...(await floor.run(burst, Number.POSITIVE_INFINITY)));
      const drained = await attack(local, template, 100_000, burst, Number.POSITIVE_INFINITY);
      return figuresOf(turns, drained.drainMs, bare);
    } finally {
      await floor.close();
      await local.stop();
    }
  });
}

/** One round: the floor's times and ours. */
interface Turn {
  readonly floor: readonly number[];
  readonly ours: Times;
  /** CPU of one node for one attack, all that a node does meanwhile included. */
  readonly cpuMs: number;
}

/** User and system time of processes, ms; 0 where there is no /proc. */
function cpuMs(processes: readonly { readonly pid: number }[]): number {
  let ticks = 0;
  for (const { pid } of processes) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      ticks += Number(fields[11]) + Number(fields[12]);
    } catch {
      return 0;
    }
  }
  return ticks * 10; // USER_HZ is 100
}

interface Times {
  readonly warned: readonly number[];
  readonly protected: readonly number[];
  readonly recorded: readonly number[];
  /** From the first append to the last plant protected, ms. */
  readonly drainMs: number;
}

async function attack(
  local: LocalConsortium,
  template: string,
  from: number,
  count: number,
  perSecond: number,
): Promise<Times> {
  const config = readConfig(join(local.plants[0]?.directory ?? "", "plant.yaml"));
  const log = join(local.plants[0]?.directory ?? "", "eve.json");
  const watches = local.plants.map(watchPlant);
  const cursors = await Promise.all(watches.map(async (watch) => (await watch.health()).cursor));
  const lines = Array.from({ length: count }, (_, i) => novel(template, from + i));
  const ids = lines.map((line) => idOf(line, config));
  const appended = new Map<IndicatorId, number>();
  const startMs = systemClock.nowMs();
  if (Number.isFinite(perSecond)) {
    for (let i = 0; i < count; i++) {
      const due = startMs + (i * 1000) / perSecond;
      await delay(Math.max(0, due - systemClock.nowMs()));
      appended.set(ids[i] as IndicatorId, systemClock.nowMs());
      await appendFile(log, `${lines[i]}\n`);
    }
  } else {
    for (const id of ids) appended.set(id, startMs);
    await appendFile(log, `${lines.join("\n")}\n`);
  }
  const others = watches.slice(1);
  const seen: Change[][] = others.map(() => []);
  const isDone = () => seen.every((changes) => recordedOf(changes, appended) === appended.size);
  const deadline = Date.now() + 180_000;
  const after = [...cursors.slice(1)];
  while (!isDone() && Date.now() < deadline) {
    await delay(250);
    for (const [i, watch] of others.entries())
      after[i] = await watch.collect(after[i] as number, seen[i] as Change[]);
  }
  const times = (type: Change["type"]) => {
    const values: number[] = [];
    for (const changes of seen) {
      const first = new Map<string, number>();
      for (const change of changes) {
        const counts = change.type === type || (type === "warned" && change.type === "protected");
        if (counts && change.indicator !== undefined && !first.has(change.indicator))
          first.set(change.indicator, change.atMs);
      }
      for (const [id, at] of appended) values.push((first.get(id) ?? Number.POSITIVE_INFINITY) - at);
    }
    return values;
  };
  const protectedMs = times("protected");
  return {
    warned: times("warned"),
    protected: protectedMs,
    recorded: times("recorded"),
    drainMs: Math.max(...protectedMs),
  };
}

function recordedOf(changes: readonly Change[], wanted: ReadonlyMap<IndicatorId, number>): number {
  const ids = changes.flatMap(({ type, indicator }) =>
    type === "recorded" && indicator !== undefined && wanted.has(indicator) ? [indicator] : [],
  );
  return new Set(ids).size;
}

function figuresOf(turns: readonly Turn[], drainMs: number, floorDrainMs: number): Figure[] {
  const p50s = (of: (turn: Turn) => readonly number[]) =>
    turns.map((turn) => percentiles(of(turn))?.p50 ?? 0);
  const p99 = (of: (turn: Turn) => readonly number[]) => percentiles(turns.flatMap(of))?.p99 ?? 0;
  const floor = p50s((turn) => turn.floor);
  const warned = p50s(({ ours }) => ours.warned);
  const ratios = warned.map((ms, i) => ms / (floor[i] as number));
  return [
    printed(NAME, "floor pipeline, ms p50", median(floor)),
    printed(
      NAME,
      "floor pipeline, ms p99",
      p99((turn) => turn.floor),
    ),
    atMost(NAME, "warned (alert rule active elsewhere), ms p50", median(warned), 10),
    printed(NAME, "warned, ms p50, quickest round", Math.min(...warned)),
    printed(NAME, "warned, ms p50, slowest round", Math.max(...warned)),
    atMost(
      NAME,
      "warned, ms p99",
      p99(({ ours }) => ours.warned),
      100,
    ),
    atMost(NAME, "warned p50 against the floor, ratio", median(ratios), 5),
    printed(NAME, "warned p50 against the floor, best round", Math.min(...ratios)),
    printed(NAME, "warned p50 against the floor, worst round", Math.max(...ratios)),
    atMost(NAME, "warned p50 against a 10 s poll, ratio", median(warned) / POLL_MS, 0.01),
    atMost(
      NAME,
      "protected (block, attested by signatures, validated), ms p50",
      median(p50s(({ ours }) => ours.protected)),
      50,
    ),
    atMost(
      NAME,
      "protected, ms p99",
      p99(({ ours }) => ours.protected),
      250,
    ),
    atMost(
      NAME,
      "recorded on chain, ms p99 (block time 1,000 ms)",
      p99(({ ours }) => ours.recorded),
      2000,
    ),
    printed(NAME, "CPU of a node for one attack, ms", median(turns.map((turn) => turn.cpuMs))),
    printed(NAME, "burst: drain until protected everywhere, ms", drainMs),
    printed(NAME, "burst: drain against the floor's, ratio", drainMs / floorDrainMs),
  ];
}

/** The path-traversal alert of the recording, with its attacker and times to be replaced. */
async function attackTemplate(): Promise<string> {
  const text = await readFile(join(ROOT, "fixtures/attacks/internet-exploit.eve.json"), "utf8");
  const line = text.split("\n").find((each) => each.includes('"signature_id":9000101'));
  if (line === undefined) throw new Error("the recording has no alert 9000101");
  return line;
}

/** The same alert from an attacker nobody has met. */
function novel(template: string, i: number): string {
  return template.replaceAll(
    "203.0.113.7",
    `2001:db8::${((i >> 16) & 0xffff).toString(16)}:${(i & 0xffff).toString(16)}`,
  );
}

function idOf(line: string, config: ReturnType<typeof readConfig>): IndicatorId {
  const outcome = parseEveLine(line, {
    detector: "bench",
    readAtMs: 0,
    stream: "bench",
    offset: 0,
    self: config.self,
  });
  if (outcome.kind !== "detection") throw new Error("the template is no alert");
  const [candidate] = deriveCandidates(outcome.detection, {
    self: config.self,
    labPublic: config.lab.public,
  }).candidates;
  if (candidate === undefined) throw new Error("the template gives no candidate");
  return indicatorId(toPattern(candidate.form));
}
