/** What the suites of `Peers` share: recording handlers, keys, both networks, and waiting for conditions. */
import { randomBytes } from "node:crypto";
import { utf8 } from "@anamnesis/sdk/core/bytes";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import { createFakePeers } from "../../../../node/src/adapters/peers/fake-peers.ts";
import { createPeers } from "../../../../node/src/adapters/peers/libp2p-peers.ts";
import type { PeerLimits } from "../../../../node/src/adapters/peers/limits.ts";
import type { PeerStats } from "../../../../node/src/adapters/peers/stats.ts";
import type { Have, HaveAnswer, Log, PeerHandlers, Peers, Verdict } from "../../../../node/src/ports.ts";

export type CountedPeers = Peers & { stats(): PeerStats };

export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const randomness = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
export const clock = { nowMs: () => performance.now(), monotonicMs: () => performance.now() };

/** A deterministic node key; a lower number is not a lower address. */
export function keyOf(number: number): Uint8Array {
  return new Uint8Array(32).fill(number);
}
export function addressOf(number: number): Address {
  return addressOfPrivateKey(keyOf(number));
}

/** A 32-byte value of one repeated byte. */
export function hash(byte: number): Bytes32 {
  return `0x${byte.toString(16).padStart(2, "0").repeat(32)}` as Bytes32;
}
export const HAVE: Have = {
  genesisHash: hash(1),
  registry: addressOf(99),
  vectorHash: hash(2),
  session: "0x0102030405060708",
};

/** Handlers that remember what they were told; every answer can be replaced. */
export interface Recorder extends PeerHandlers {
  readonly members: Set<Address>;
  readonly messages: { from: Address; bytes: Uint8Array }[];
  readonly selves: string[];
  readonly connects: Address[];
  readonly disconnects: Address[];
  verdict: (message: Uint8Array) => Verdict | Promise<Verdict>;
  answers: Partial<PeerHandlers>;
}

export function recorder(members: Iterable<Address>): Recorder {
  const self: Recorder = {
    members: new Set(members),
    messages: [],
    selves: [],
    connects: [],
    disconnects: [],
    verdict: () => ({ verdict: "accept" }),
    answers: {},
    isMember: (address) => self.members.has(address),
    async onMessage(from, bytes) {
      self.messages.push({ from, bytes });
      return self.verdict(bytes);
    },
    onHave: (from, have): HaveAnswer => self.answers.onHave?.(from, have) ?? { answer: "same" },
    onGet: async (...args) => (await self.answers.onGet?.(...args)) ?? [],
    onProve: async (...args) => (await self.answers.onProve?.(...args)) ?? [],
    onBlindingKey: (from) => self.answers.onBlindingKey?.(from) ?? new Uint8Array(32).fill(7),
    onSelf: (remote) => void self.selves.push(remote),
    onConnect: (address) => void self.connects.push(address),
    onDisconnect: (address) => void self.disconnects.push(address),
  };
  return self;
}

/** Resolves when `condition` holds; rejects with `what` after a time far beyond what is normal. */
export async function until(condition: () => boolean, what: string, limitMs = 15_000): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A network of one implementation: `make(n)` is a node of key n that knows all made before it. */
export interface Network {
  make(number: number, limits?: Partial<PeerLimits>): CountedPeers;
  close(): Promise<void>;
}

export function fakeNetwork(): Network {
  const fake = createFakePeers();
  const made: CountedPeers[] = [];
  return {
    make(number, limits) {
      const peers = fake.join(addressOf(number), limits === undefined ? {} : { limits });
      made.push(peers);
      return peers;
    },
    close: async () => void (await Promise.all(made.map((peers) => peers.stop()))),
  };
}

export function libp2pNetwork(): Network {
  const made: CountedPeers[] = [];
  return {
    make(number, limits) {
      const peers = createPeers({
        privateKey: keyOf(number),
        listen: "127.0.0.1:0",
        dial: made.flatMap((other) => [...other.addresses()]),
        clock,
        randomness,
        log: silent,
        ...(limits === undefined ? {} : { limits }),
      });
      made.push(peers);
      return peers;
    },
    close: async () => void (await Promise.all(made.map((peers) => peers.stop()))),
  };
}

/** Text as bytes and back, so that failures are readable. */
export const text = { bytes: utf8, of: (bytes: Uint8Array) => Buffer.from(bytes).toString() };
