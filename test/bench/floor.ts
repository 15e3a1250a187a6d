/* The floor: what the same hops cost with nothing of ours in between. Three processes receive, as in the real run. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { appendFile, open, watch, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { keccak256, sha256 } from "@anamnesis/sdk/core/hash";
import secp256k1 from "secp256k1";
import { systemClock } from "../../node/src/adapters/system.ts";
import { percentiles } from "../../scripts/start/figures.ts";

const KEY = keccak256(Uint8Array.of(3));
const RECEIVERS = 3;

/** Runs the floor pipeline; times from append to the renamed rule file, over all receivers. */
export async function runFloor(
  directory: string,
  template: string,
  load: { readonly paced: number; readonly burst: number; readonly perSecond: number },
): Promise<{ readonly p50: number; readonly p99: number; readonly drainMs: number }> {
  const receivers = await Promise.all(
    Array.from({ length: RECEIVERS }, (_, i) => startReceiver(join(directory, `rules-${i}`))),
  );
  const log = join(directory, "eve.json");
  await writeFile(log, "");
  const stop = new AbortController();
  const sender = followAndSend(
    log,
    receivers.map(({ socket }) => socket),
    stop.signal,
  );
  const run = async (count: number, paced: boolean): Promise<number[]> => {
    const appended: number[] = [];
    const acks = receivers.map(({ child }) => collect(child, count));
    const lines = Array.from({ length: count }, (_, i) =>
      template.replaceAll("203.0.113.7", `2001:db8::${i.toString(16)}`),
    );
    const startMs = systemClock.nowMs();
    if (!paced) {
      for (let i = 0; i < count; i++) appended.push(startMs);
      await appendFile(log, `${lines.join("\n")}\n`);
    }
    for (const [i, line] of paced ? lines.entries() : []) {
      await delay(Math.max(0, startMs + (i * 1000) / load.perSecond - systemClock.nowMs()));
      appended.push(systemClock.nowMs());
      await appendFile(log, `${line}\n`);
    }
    const done = await Promise.all(acks);
    return done.flatMap((times) => times.map((at, i) => at - (appended[i] as number)));
  };
  try {
    await run(5, true);
    const steady = percentiles(await run(load.paced, true)) ?? { p50: 0, p99: 0 };
    return { ...steady, drainMs: Math.max(...(await run(load.burst, false))) };
  } finally {
    stop.abort();
    await sender;
    for (const { child, socket } of receivers) {
      socket.destroy();
      child.kill();
    }
  }
}

async function startReceiver(path: string): Promise<{ child: ChildProcess; socket: Socket }> {
  const child = fork(fileURLToPath(new URL("./floor-receiver.ts", import.meta.url)), [path]);
  const [port] = (await once(child, "message")) as [number];
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return { child, socket };
}

function collect(child: ChildProcess, count: number): Promise<number[]> {
  const times: number[] = [];
  return new Promise((resolve) => {
    const onMessage = (at: unknown): void => {
      times.push(...(at as number[]));
      if (times.length < count) return;
      child.off("message", onMessage);
      resolve(times);
    };
    child.on("message", onMessage);
  });
}

/** append → watch → parse → sign → TCP. */
async function followAndSend(path: string, sockets: readonly Socket[], signal: AbortSignal): Promise<void> {
  const file = await open(path, "r");
  let position = 0;
  let rest = "";
  const drain = async (): Promise<void> => {
    for (;;) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(262_144), position });
      if (bytesRead === 0) return;
      position += bytesRead;
      const lines = (rest + buffer.toString("utf8", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { src_ip } = JSON.parse(line) as { src_ip: string };
        const body = Buffer.from(JSON.stringify({ src_ip }));
        const { signature, recid } = secp256k1.ecdsaSign(sha256(body), KEY);
        const frame = Buffer.concat([
          Buffer.from([body.length >> 8, body.length & 255]),
          body,
          signature,
          Buffer.from([recid]),
        ]);
        for (const socket of sockets) socket.write(frame);
      }
    }
  };
  try {
    for await (const _ of watch(path, { signal })) await drain();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await file.close();
  }
}
