/* A command's way through the conduit gateway against the way without it, at 1,000 commands a second, in turns. */
import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { conduitLine, conduitStatement } from "@anamnesis/sdk/core/conduit-rules";
import { createSplitter } from "../../node/src/adapters/gateway/frames.ts";
import { atMost, type Figure, inTemporary, interleave, printed } from "./support.ts";

const HOUR_MS = 3_600_000;
const PER_SECOND = 1000;

/** Times reads and permitted writes of one machine while 1,000 rules are in force for others. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const seconds = tiny ? 0.2 : 4;
  const rounds = tiny ? 1 : 5;
  return inTemporary(async (directory) => {
    const path = join(directory, "gateway.rules");
    writeFileSync(path, rules());
    const controller = await start({});
    const gateway = await start({ path, controllerPort: controller.port });
    const all = new Map<string, number[]>();
    const way = (name: string, port: number) => async () => {
      const times = await drive(port, Math.round(seconds * PER_SECOND));
      all.set(name, [...(all.get(name) ?? []), ...times]);
      return percentile(times, 0.99);
    };
    const p99 = await interleave(rounds, {
      direct: way("direct", controller.port),
      gateway: way("gateway", gateway.port),
    });
    await Promise.all([controller.worker.terminate(), gateway.worker.terminate()]);
    const half = (name: string) => percentile(all.get(name) ?? [], 0.5);
    return [
      printed("gateway", "without it, at 1,000 commands/s, p99 ms", p99.direct),
      printed("gateway", "added to a command, p50 ms", half("gateway") - half("direct")),
      atMost("gateway", "added to a command, p99 ms", p99.gateway - p99.direct, 1),
    ];
  });
}

/** Rules about others, ranges and single addresses. */
function rules(): string {
  return Array.from({ length: 1000 }, (_, i) => {
    const source = `10.9.${i >> 8}.${i & 255}`;
    const statement = conduitStatement({
      action: "deny",
      sources: [i % 10 === 0 ? `${source}/32` : source],
      destinations: ["10.2.2.10"],
      functions: [6, 16],
    });
    return conduitLine(`0x${i.toString(16).padStart(64, "0")}`, Date.now() + HOUR_MS, statement);
  }).join("");
}

function start(workerData: object): Promise<{ readonly worker: Worker; readonly port: number }> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./gateway-worker.ts", import.meta.url), { workerData });
    worker.once("error", reject);
    worker.once("message", (port: number) => resolve({ worker, port }));
  });
}

/** Sends `count` commands, one a millisecond whether the last was answered or not; ms of each. */
function drive(port: number, count: number): Promise<readonly number[]> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: "127.0.0.1", port });
    const sentMs: number[] = [];
    const times: number[] = [];
    const splitter = createSplitter();
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.on("data", (bytes: Buffer) => {
      const nowMs = performance.now();
      for (const frame of splitter.push(bytes).frames)
        times.push(nowMs - (sentMs[frame.readUInt16BE(0)] ?? 0));
      if (times.length < count) return;
      socket.destroy();
      resolve(times);
    });
    socket.once("connect", () => {
      const beganMs = performance.now();
      const next = (): void => {
        for (; sentMs.length < count; ) {
          if (performance.now() - beganMs < (sentMs.length * 1000) / PER_SECOND) break;
          const command = Buffer.from("000000000006010300000001", "hex");
          command.writeUInt16BE(sentMs.length, 0);
          command[7] = sentMs.length % 2 === 0 ? 3 : 6;
          sentMs.push(performance.now());
          socket.write(command);
        }
        if (sentMs.length < count) setTimeout(next, 1);
      };
      next();
    });
  });
}

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}
