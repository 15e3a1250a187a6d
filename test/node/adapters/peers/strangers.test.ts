import { generateKeyPair } from "@libp2p/crypto/keys";
import type { Connection, PrivateKey, Stream } from "@libp2p/interface";
import { afterEach, expect, test, vi } from "vitest";
import { frame } from "../../../../node/src/adapters/peers/framing.ts";
import type { PeerLimits } from "../../../../node/src/adapters/peers/limits.ts";
import { addressOf, type CountedPeers, keyOf, type Recorder, recorder, text, until } from "./harness.ts";
import { peersOf, portOf, strangerTo } from "./wire.ts";

// Bounds how long a condition is awaited on a busy machine; nothing here measures speed.
vi.setConfig({ testTimeout: 30_000 });

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function victim(limits: Partial<PeerLimits> = {}): Promise<[CountedPeers, Recorder]> {
  const peers = peersOf(1, { limits });
  const handlers = recorder([addressOf(2)]);
  await peers.start(handlers);
  cleanups.push(() => peers.stop());
  return [peers, handlers];
}

async function meet(peers: CountedPeers, key: PrivateKey | Uint8Array = keyOf(2)): Promise<Connection> {
  const [connection, node] = await strangerTo(peers, key);
  cleanups.push(async () => node.stop());
  return connection;
}

/** A member's connection that the victim counts as connected. */
async function member(peers: CountedPeers): Promise<Connection> {
  const connection = await meet(peers);
  await until(() => peers.connected().length === 1, "the member connected");
  return connection;
}

const closed = (stream: Stream): Promise<void> => until(() => stream.status !== "open", "the stream closed");
const pushes = (connection: Connection): Promise<Stream> => connection.newStream(["/anamnesis/push/1"]);
const asks = (connection: Connection): Promise<Stream> => connection.newStream(["/anamnesis/sync/1"]);

test("a stranger's connection ends before any stream opens", async () => {
  const [peers, handlers] = await victim();
  const connection = await meet(peers, keyOf(9));
  await expect(pushes(connection)).rejects.toThrow();
  await until(() => connection.status !== "open", "the connection closed");
  expect(peers.stats().refused).toBe(1);
  expect(handlers.connects).toEqual([]);
});

test("a key of another kind is nobody", async () => {
  const [peers] = await victim();
  const connection = await meet(peers, await generateKeyPair("Ed25519"));
  await until(() => connection.status !== "open", "the connection closed");
  expect(peers.stats().refused).toBe(1);
});

test("a fault of the gater refuses", async () => {
  const [peers, handlers] = await victim();
  handlers.isMember = () => {
    throw new Error("the registry is not read yet");
  };
  const connection = await meet(peers);
  await until(() => connection.status !== "open", "the connection closed");
  expect(peers.stats().faults).toBeGreaterThan(0);
});

test("an oversized frame is refused by its length and counted", async () => {
  const [peers, handlers] = await victim({ messageBytes: 1000 });
  const stream = await pushes(await member(peers));
  stream.send(frame(text.bytes("fine")));
  await until(() => handlers.messages.length === 1, "the fine message");
  stream.send(Uint8Array.of(0, 0, 3, 233));
  await closed(stream);
  expect(peers.stats().rejected).toEqual({ "message.tooLarge": 1 });
  expect(peers.connected()).toEqual([addressOf(2)]);
});

test("garbage on the push stream ends in the cool-down, never in a crash", async () => {
  const [peers, handlers] = await victim({ rejects: 3 });
  const connection = await member(peers);
  for (let i = 0; i < 3; i++) {
    const stream = await pushes(connection);
    stream.send(new Uint8Array(5000).fill(255));
    await closed(stream);
  }
  await until(() => peers.connected().length === 0, "the offender cut");
  expect(peers.stats().rejected).toEqual({ "message.tooLarge": 3 });
  expect(handlers.messages).toEqual([]);
});

test("an offender's waiting messages are forgotten, and it may come back after the cool-down", async () => {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs };
  const peers = peersOf(1, { clock, limits: { rejects: 2, coolDownMs: 30_000 } });
  const handlers = recorder([addressOf(2)]);
  handlers.verdict = () => ({ verdict: "reject", code: "head.signature" });
  await peers.start(handlers);
  cleanups.push(() => peers.stop());
  const member = peersOf(2, { dial: peers.addresses(), limits: { dialCapMs: 50 } });
  await member.start(recorder([addressOf(1)]));
  cleanups.push(() => member.stop());
  await until(() => peers.connected().length === 1 && member.connected().length === 1, "connected");
  for (let i = 0; i < 20; i++) member.broadcast(text.bytes(`${i}`));
  await until(() => peers.connected().length === 0, "the offender cut");
  expect(handlers.messages.length).toBe(2);
  const refused = peers.stats().refused;
  await until(() => peers.stats().refused > refused, "still refused");
  nowMs = 30_001;
  await until(() => peers.connected().length === 1, "back after the cool-down");
});

test("garbage as a request is refused and nothing else happens", async () => {
  const [peers] = await victim({ requestTimeoutMs: 300 });
  const connection = await member(peers);
  for (const bytes of [Uint8Array.of(3, 9, 9, 9), new Uint8Array(300).fill(255), Uint8Array.of(0)]) {
    const stream = await asks(connection);
    stream.send(bytes);
    await closed(stream);
  }
  expect(peers.connected()).toEqual([addressOf(2)]);
});

test("a half-open request is given up", async () => {
  const [peers] = await victim({ requestTimeoutMs: 100 });
  const connection = await member(peers);
  const silent = await asks(connection);
  const half = await asks(connection);
  half.send(Uint8Array.of(86, 1));
  await Promise.all([closed(silent), closed(half)]);
  expect(peers.connected()).toEqual([addressOf(2)]);
});

test("a message that is begun and never completed is given up", async () => {
  const [peers] = await victim({ frameTimeoutMs: 100 });
  const stream = await pushes(await member(peers));
  stream.send(Uint8Array.of(0, 0, 1, 0, 7));
  await closed(stream);
  expect(peers.stats().rejected).toEqual({ "peer.protocol": 1 });
});

test("streams of one connection are bounded", async () => {
  const [peers] = await victim({ requestsInFlight: 4, requestTimeoutMs: 60_000 });
  const connection = await member(peers);
  const opened = await Promise.allSettled(Array.from({ length: 40 }, () => asks(connection)));
  const streams = opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  await until(() => streams.filter((stream) => stream.status === "open").length <= 4, "the rest reset");
  expect(peers.connected()).toEqual([addressOf(2)]);
});

test("requests are limited per second", async () => {
  const [peers] = await victim({ requestsPerSecond: 0, requestBurst: 2 });
  const connection = await member(peers);
  for (let i = 0; i < 3; i++) {
    const stream = await asks(connection);
    // blindingKey: length, version, kind.
    stream.send(Uint8Array.of(2, 1, 3));
    await until(() => stream.remoteWriteStatus !== "writable", "the answer");
  }
  expect(peers.stats().requestsIn).toBe(2);
  expect(peers.stats().ignored).toEqual({ "peer.flood": 1 });
});

test("one key holds a bounded number of connections", async () => {
  const [peers, handlers] = await victim({ connectionsPerKey: 3 });
  const connections: Connection[] = [];
  for (let i = 0; i < 6; i++) connections.push(await meet(peers));
  await until(() => connections.filter(({ status }) => status === "open").length <= 3, "the oldest closed");
  await until(() => peers.connected().length === 1, "still connected");
  expect(handlers.disconnects).toEqual([]);
});

test("a peer that reads nothing costs a bounded queue; the newest messages survive", async () => {
  const [peers] = await victim({ sendQueueBytes: 2_000_000 });
  const [, node] = await strangerTo(peers, keyOf(2));
  cleanups.push(async () => node.stop());
  let incoming: Stream | undefined;
  await node.unhandle("/anamnesis/push/1");
  await node.handle("/anamnesis/push/1", (stream) => {
    stream.pause();
    incoming = stream;
  });
  // The first stream went to the old handler; a reset brings the next one to ours.
  for (const connection of node.getConnections()) {
    for (const stream of connection.streams) stream.abort(new Error("again"));
  }
  await until(() => incoming !== undefined, "our stream");
  for (let i = 0; i < 1000; i++) {
    peers.broadcast(new Uint8Array(50_000).fill(i % 251));
    if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  peers.broadcast(text.bytes("the newest"));
  expect(peers.stats().dropped).toBeGreaterThan(800);
  const received: Buffer[] = [];
  incoming!.addEventListener("message", ({ data }) => void received.push(Buffer.from(data.subarray())));
  incoming!.resume();
  await until(() => Buffer.concat(received.slice(-4)).includes("the newest"), "the newest message");
});

test("a handler that is slow stops the sender, not the node", async () => {
  const [peers, handlers] = await victim({ inboxBytes: 200_000 });
  let release = (): void => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  handlers.verdict = async () => {
    await gate;
    return { verdict: "accept" };
  };
  const connection = await member(peers);
  const stream = await pushes(connection);
  const total = 200;
  for (let i = 0; i < total; i++) stream.send(frame(new Uint8Array(50_000).fill(i)));
  // Every answer crosses the same connection: enough of them to carry all that the window lets through.
  for (let i = 0; i < 100; i++) {
    const ask = await asks(connection);
    ask.send(Uint8Array.of(2, 1, 3));
    await until(() => ask.remoteWriteStatus !== "writable", "an answer although the handler is slow");
    await ask.close();
  }
  expect(peers.stats().bytesIn).toBeLessThan(5_000_000);
  release();
  await until(() => handlers.messages.length === total, "everything delivered in the end");
  expect(handlers.messages.map(({ bytes }) => bytes[0])).toEqual(Array.from({ length: total }, (_, i) => i));
});

test("dialling oneself is no alarm; a second process with our key is one", async () => {
  const peers = peersOf(1);
  await peers.start(recorder([]));
  const listen = `127.0.0.1:${portOf(peers)}`;
  await peers.stop();
  const itself = peersOf(1, { listen, dial: [listen] });
  const handlers = recorder([addressOf(1)]);
  await itself.start(handlers);
  cleanups.push(() => itself.stop());
  const twin = peersOf(1, { dial: [listen] });
  const twins = recorder([addressOf(1)]);
  await twin.start(twins);
  cleanups.push(() => twin.stop());
  await until(() => twins.selves.length === 1 && handlers.selves.length === 1, "both alarmed");
  expect(itself.connected()).toEqual([]);
  expect(twin.connected()).toEqual([]);
});
