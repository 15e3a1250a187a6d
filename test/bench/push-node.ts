/** One process of the bench "push": a node of ours, or stock gossipsub, driven over IPC. */
import { randomBytes } from "node:crypto";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { commitmentOf, type Item } from "@anamnesis/sdk/core/entry";
import { appendLeaves, EMPTY_FRONTIER, leafHash, rootOf } from "@anamnesis/sdk/core/merkle";
import { decodeMessage, encodeMessage, verifyMessage } from "@anamnesis/sdk/core/message";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, FeedHead } from "@anamnesis/sdk/core/types";
import { noise } from "@chainsafe/libp2p-noise";
import { yamux } from "@chainsafe/libp2p-yamux";
import { gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import { tcp } from "@libp2p/tcp";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { createPeers } from "../../node/src/adapters/peers/libp2p-peers.ts";

/** What the parent asks: start, send in bursts or paced, expect so many records. */
export type Order =
  | {
      readonly order: "start";
      readonly kind: "ours" | "gossipsub";
      readonly index: number;
      readonly dial: readonly string[];
    }
  | { readonly order: "ready"; readonly peers: number }
  | { readonly order: "burst"; readonly records: number }
  | { readonly order: "paced"; readonly records: number; readonly everyMs: number }
  | { readonly order: "expect"; readonly records: number }
  | { readonly order: "collect" }
  | { readonly order: "stop" };

/** What the process answers: addresses, or when the last expected record was verified and how late each was. */
export interface Answer {
  readonly addresses?: readonly string[];
  /** CLOCK_MONOTONIC in ms, one clock for all processes of a machine. */
  readonly atMs?: number;
  readonly latenciesMs?: readonly number[];
}

const RECORD_BYTES = 1024;
/** Records under one signed head at most, as the feed sends them. */
const BATCH = 64;
const TOPIC = "bench";

interface Driver {
  readonly addresses: readonly string[];
  peers(): number;
  send(records: readonly Uint8Array[]): Promise<void>;
  stop(): Promise<void>;
}

const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
let latencies: number[] = [];
let onRecord = (): void => {};
let complete: Promise<number> | undefined;

function received(record: Uint8Array): void {
  latencies.push(monotonicMs() - new DataView(record.buffer, record.byteOffset).getFloat64(0));
  onRecord();
}

function newRecord(): Uint8Array {
  const record = new Uint8Array(randomBytes(RECORD_BYTES));
  new DataView(record.buffer).setFloat64(0, monotonicMs());
  return record;
}

async function startOurs(index: number, dial: readonly string[]): Promise<Driver> {
  const privateKey = new Uint8Array(32).fill(index + 1);
  const feed = addressOfPrivateKey(privateKey);
  const hasher = createHasher({ chainId: 1, verifyingContract: `0x${"11".repeat(20)}` as Address });
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const peers = createPeers({
    privateKey,
    listen: "127.0.0.1:0",
    dial,
    clock: { monotonicMs },
    randomness: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    log: silent,
  });
  let frontier = EMPTY_FRONTIER;
  await peers.start({
    isMember: () => true,
    async onMessage(_from, bytes) {
      for (const item of verifyMessage(hasher, decodeMessage(bytes)).message.items) {
        if ("entry" in item) received(item.entry);
      }
      return { verdict: "accept" };
    },
    onHave: () => ({ answer: "same" }),
    onGet: async () => [],
    onProve: async () => [],
    onBlindingKey: () => new Uint8Array(32),
    onSelf() {},
    onConnect() {},
    onDisconnect() {},
  });
  return {
    addresses: peers.addresses(),
    peers: () => peers.connected().length,
    async send(records) {
      const { size: start, peaks } = frontier;
      const items = records.map((entry): Item => ({ salt: new Uint8Array(randomBytes(32)), entry }));
      frontier = appendLeaves(
        frontier,
        items.map((item) => leafHash(commitmentOf(item))),
      ).frontier;
      const head: FeedHead = { feed, size: frontier.size, root: toHex(rootOf(frontier)) as Bytes32 };
      const signature = signDigest(hasher.head(head), privateKey);
      peers.broadcast(encodeMessage({ feed, start, peaks, items, path: [], head: { ...head, signature } }));
    },
    stop: () => peers.stop(),
  };
}

async function startGossipsub(dial: readonly string[]): Promise<Driver> {
  const node = await createLibp2p({
    addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify(), pubsub: gossipsub() },
  });
  const { pubsub } = node.services;
  pubsub.addEventListener("message", ({ detail }) => received(detail.data));
  pubsub.subscribe(TOPIC);
  for (const address of dial) await node.dial(multiaddr(address));
  return {
    addresses: node.getMultiaddrs().map(String),
    peers: () => pubsub.getSubscribers(TOPIC).length,
    async send(records) {
      for (const record of records) await pubsub.publish(TOPIC, record);
    },
    stop: async () => node.stop(),
  };
}

let driver: Driver;

async function obey(order: Order): Promise<Answer> {
  switch (order.order) {
    case "start":
      driver = await (order.kind === "ours"
        ? startOurs(order.index, order.dial)
        : startGossipsub(order.dial));
      return { addresses: driver.addresses };
    case "ready":
      while (driver.peers() < order.peers) await turn();
      return {};
    case "burst": {
      const atMs = monotonicMs();
      for (let sent = 0; sent < order.records; sent += BATCH) {
        await driver.send(Array.from({ length: Math.min(BATCH, order.records - sent) }, newRecord));
        await turn();
      }
      return { atMs };
    }
    case "paced":
      for (let sent = 0; sent < order.records; sent++) {
        await driver.send([newRecord()]);
        await new Promise((resolve) => setTimeout(resolve, order.everyMs));
      }
      return {};
    case "expect":
      latencies = [];
      complete = new Promise((resolve) => {
        onRecord = () => {
          if (latencies.length === order.records) resolve(monotonicMs());
        };
      });
      return {};
    case "collect":
      return { atMs: (await complete) ?? 0, latenciesMs: latencies };
    case "stop":
      await driver.stop();
      return {};
  }
}

process.on("message", (order: Order) => {
  void obey(order).then((answer) => {
    process.send?.(answer);
    if (order.order === "stop") process.disconnect();
  });
});
