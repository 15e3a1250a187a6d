/** Bench "push": feed messages over our push streams against stock gossipsub, one record a message. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import type { Answer, Order } from "./push-node.ts";
import { atLeast, atMost, type Figure, median, printed } from "./support.ts";

const PROCESSES = 5;
const KINDS = ["ours", "gossipsub"] as const;
type Kind = (typeof KINDS)[number];
/** A message lost by gossipsub must end the bench, not hang it. */
const ROUND_MS = 60_000;

/** One process and a way to ask it; answers come in the order of the orders. */
interface Worker {
  ask(order: Order): Promise<Answer>;
}

function startWorker(children: ChildProcess[]): Worker {
  const child = fork(join(import.meta.dirname, "push-node.ts"), { serialization: "advanced" });
  children.push(child);
  const waiting: { resolve: (answer: Answer) => void; reject: (error: Error) => void }[] = [];
  child.on("message", (answer: Answer) => waiting.shift()?.resolve(answer));
  child.on("exit", (code) => {
    for (const one of waiting.splice(0)) one.reject(new Error(`a process of the bench ended with ${code}`));
  });
  return {
    ask: (order) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`no answer to ${order.order}`)), ROUND_MS);
        waiting.push({
          resolve(answer) {
            clearTimeout(timer);
            resolve(answer);
          },
          reject(error) {
            clearTimeout(timer);
            reject(error);
          },
        });
        child.send(order);
      }),
  };
}

/** Five processes, everybody connected with everybody. */
async function startMesh(kind: Kind, children: ChildProcess[]): Promise<readonly Worker[]> {
  const workers: Worker[] = [];
  const dial: string[] = [];
  for (let index = 0; index < PROCESSES; index++) {
    const worker = startWorker(children);
    const { addresses = [] } = await worker.ask({ order: "start", kind, index, dial: [...dial] });
    dial.push(...addresses);
    workers.push(worker);
  }
  await Promise.all(workers.map((worker) => worker.ask({ order: "ready", peers: PROCESSES - 1 })));
  return workers;
}

/** Sends from the first process and waits until all others have verified every record. */
async function send(
  workers: readonly Worker[],
  order: Order & { readonly records: number },
): Promise<{ recordsPerSecond: number; latenciesMs: number[] }> {
  const [sender, ...receivers] = workers as [Worker, ...Worker[]];
  await Promise.all(receivers.map((worker) => worker.ask({ order: "expect", records: order.records })));
  const collected = receivers.map((worker) => worker.ask({ order: "collect" }));
  const [{ atMs: began = 0 }, ...done] = await Promise.all([sender.ask(order), ...collected]);
  const ended = Math.max(...done.map(({ atMs = 0 }) => atMs));
  return {
    recordsPerSecond: order.records / ((ended - began) / 1000),
    latenciesMs: done.flatMap(({ latenciesMs = [] }) => latenciesMs),
  };
}

/**
 * BENCH.md row 5: records/s and p99 of one-way latency, sender to four receivers that verify every record,
 * five processes on loopback. Ours are feed messages under one signed head each, as the feed sends them: up
 * to 64 records in a burst, one when paced. Gossipsub is stock: StrictSign, one record a message.
 */
export async function run(options: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const rounds = options.tiny ? 1 : 5;
  const burst = options.tiny ? { ours: 128, gossipsub: 32 } : { ours: 8192, gossipsub: 512 };
  const paced = options.tiny ? 5 : 100;
  const children: ChildProcess[] = [];
  try {
    const meshes = {
      ours: await startMesh("ours", children),
      gossipsub: await startMesh("gossipsub", children),
    };
    const rates: Record<Kind, number[]> = { ours: [], gossipsub: [] };
    const latencies: Record<Kind, number[]> = { ours: [], gossipsub: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const kind of KINDS) {
        const fast = await send(meshes[kind], { order: "burst", records: burst[kind] });
        const slow = await send(meshes[kind], { order: "paced", records: paced, everyMs: 20 });
        if (round === 0) continue; // warm-up
        rates[kind].push(fast.recordsPerSecond);
        latencies[kind].push(...slow.latenciesMs);
      }
    }
    await Promise.all(KINDS.flatMap((kind) => meshes[kind].map((worker) => worker.ask({ order: "stop" }))));
    const [ours, theirs] = KINDS.map((kind) => quantile(latencies[kind], 0.99)) as [number, number];
    const ratios = rates.ours.map((rate, i) => rate / rates.gossipsub[i]!);
    return [
      atLeast("push", "records/s ÷ StrictSign gossipsub's", median(ratios), 20),
      printed("push", "the same, worst round", Math.min(...ratios)),
      printed("push", "records/s, ours", median(rates.ours)),
      printed("push", "records/s, gossipsub", median(rates.gossipsub)),
      atMost("push", "p99 ÷ gossipsub's p99, one record a message", ours / theirs, 1),
      printed("push", "p50 ms, ours", quantile(latencies.ours, 0.5)),
      printed("push", "p99 ms, ours", ours),
      printed("push", "p50 ms, gossipsub", quantile(latencies.gossipsub, 0.5)),
      printed("push", "p99 ms, gossipsub", theirs),
    ];
  } finally {
    for (const child of children) child.kill();
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
