/* The floor: what the same hops cost with nothing of ours in between. Three processes receive, as in the real run. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, fdatasyncSync, openSync, writeSync } from "node:fs";
import { appendFile, open, watch, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { keccak256, sha256 } from "@anamnesis/sdk/core/hash";
import secp256k1 from "secp256k1";
import { systemClock } from "../../node/src/adapters/system.ts";

const KEY = keccak256(Uint8Array.of(3));
const RECEIVERS = 3;

/** The floor pipeline, running. */
export interface Floor {
  /** Times from append to the renamed rule file over all receivers, ms; all at once when `perSecond` is infinite. */
  run(count: number, perSecond: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Starts the floor pipeline: this process sends, three others receive. */
export async function openFloor(directory: string, template: string): Promise<Floor> {
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
  let made = 0;
  return {
    async run(count, perSecond) {
      const acks = receivers.map(({ child }) => collect(child, count));
      const lines = Array.from({ length: count }, () =>
        template.replaceAll("203.0.113.7", `2001:db8::${(made++).toString(16)}`),
      );
      const appended: number[] = [];
      const startMs = systemClock.nowMs();
      if (!Number.isFinite(perSecond)) {
        for (let i = 0; i < count; i++) appended.push(startMs);
        await appendFile(log, `${lines.join("\n")}\n`);
      }
      for (const [i, line] of Number.isFinite(perSecond) ? lines.entries() : []) {
        await delay(Math.max(0, startMs + (i * 1000) / perSecond - systemClock.nowMs()));
        appended.push(systemClock.nowMs());
        await appendFile(log, `${line}\n`);
      }
      const done = await Promise.all(acks);
      return done.flatMap((times) => times.map((at, i) => at - (appended[i] as number)));
    },
    async close() {
      stop.abort();
      await sender;
      for (const { child, socket } of receivers) {
        socket.destroy();
        child.kill();
      }
    },
  };
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

/** append → watch → parse → sign → durable → TCP: nothing leaves that a power cut could take back. */
async function followAndSend(path: string, sockets: readonly Socket[], signal: AbortSignal): Promise<void> {
  const file = await open(path, "r");
  const feed = openSync(`${path}.feed`, "a");
  let position = 0;
  let rest = "";
  const drain = async (): Promise<void> => {
    for (;;) {
      const { bytesRead, buffer } = await file.read({ buffer: Buffer.alloc(262_144), position });
      if (bytesRead === 0) return;
      position += bytesRead;
      const lines = (rest + buffer.toString("utf8", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      const frames: Buffer[] = [];
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
        writeSync(feed, frame);
        frames.push(frame);
      }
      if (frames.length === 0) continue;
      fdatasyncSync(feed);
      for (const socket of sockets) socket.write(Buffer.concat(frames));
    }
  };
  try {
    for await (const _ of watch(path, { signal })) await drain();
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await file.close();
    closeSync(feed);
  }
}
