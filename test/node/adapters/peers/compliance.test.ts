import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { PeerLimits } from "../../../../node/src/adapters/peers/limits.ts";
import {
  addressOf,
  type CountedPeers,
  fakeNetwork,
  HAVE,
  hash,
  libp2pNetwork,
  type Network,
  type Recorder,
  recorder,
  text,
  until,
} from "./harness.ts";

// Bounds how long a condition is awaited on a busy machine; nothing here measures speed.
vi.setConfig({ testTimeout: 30_000 });

describe.each([
  ["fake", fakeNetwork],
  ["libp2p", libp2pNetwork],
] as const)("Peers over %s", (_name, createNetwork) => {
  let network: Network;
  beforeEach(() => {
    network = createNetwork();
  });
  afterEach(() => network.close());

  const members = [1, 2, 3, 4].map(addressOf);
  const [a, b] = members as [Address, Address];

  async function node(
    number: number,
    limits?: Partial<PeerLimits>,
    known: readonly Address[] = members,
  ): Promise<[CountedPeers, Recorder]> {
    const peers = network.make(number, limits);
    const handlers = recorder(known);
    await peers.start(handlers);
    return [peers, handlers];
  }

  /** Nodes 1 and 2, connected. */
  async function pair(
    limits?: Partial<PeerLimits>,
  ): Promise<[CountedPeers, Recorder, CountedPeers, Recorder]> {
    const [one, first] = await node(1, limits);
    const [two, second] = await node(2, limits);
    await until(() => one.connected().includes(b) && two.connected().includes(a), "1 and 2 connected");
    return [one, first, two, second];
  }

  test("members find each other and are told so once", async () => {
    const [one, first, two, second] = await pair();
    expect(one.connected()).toEqual([b]);
    expect(two.connected()).toEqual([a]);
    expect(first.connects).toEqual([b]);
    expect(second.connects).toEqual([a]);
    expect(one.stats().connected).toBe(1);
  });

  test("a broadcast reaches every peer, in order, byte for byte", async () => {
    const all = [await node(1), await node(2), await node(3)];
    await until(() => all.every(([peers]) => peers.connected().length === 2), "three nodes connected");
    for (let i = 0; i < 500; i++) all[0]![0].broadcast(text.bytes(`message ${i}`));
    for (const [, handlers] of all.slice(1)) {
      await until(() => handlers.messages.length === 500, "500 messages");
      expect(handlers.messages.map(({ bytes }) => text.of(bytes))).toEqual(
        Array.from({ length: 500 }, (_, i) => `message ${i}`),
      );
      expect(new Set(handlers.messages.map(({ from }) => from))).toEqual(new Set([a]));
    }
    expect(all[0]![0].stats().messagesOut).toBe(1000);
    expect(all[1]![0].stats()).toMatchObject({ messagesIn: 500, accepted: 500 });
  });

  test("the largest message passes and a larger one is not sent", async () => {
    const [one, , , second] = await pair();
    const largest = new Uint8Array(1_048_576 + 131_072).map((_, i) => i * 31);
    one.broadcast(new Uint8Array(largest.length + 1));
    one.broadcast(largest);
    await until(() => second.messages.length === 1, "the largest message");
    expect(Buffer.compare(second.messages[0]!.bytes, largest)).toBe(0);
    expect(one.stats().dropped).toBe(1);
  });

  test("a stranger is refused, in both directions", async () => {
    const [one, first] = await node(1);
    const [five] = await node(5, undefined, [...members, addressOf(5)]);
    await until(() => one.stats().refused > 0, "the refusal");
    expect(one.connected()).toEqual([]);
    expect(five.connected()).toEqual([]);
    expect(first.connects).toEqual([]);
    await expect(one.have(addressOf(5), HAVE)).rejects.toMatchObject({ code: "peer.stranger" });
    await expect(one.blindingKey(addressOf(5))).rejects.toMatchObject({ code: "peer.stranger" });
  });

  test("a newly admitted key gets in after recheck", async () => {
    const [one, first] = await node(1, undefined, []);
    const [two] = await node(2);
    await until(() => one.stats().refused > 0, "the refusal");
    first.members.add(b);
    one.recheck();
    two.recheck();
    await until(() => one.connected().includes(b), "the admitted key connected");
  });

  test("a revoked key is cut by recheck and stays out", async () => {
    const [one, first, two, second] = await pair();
    first.members.delete(b);
    one.recheck();
    await until(() => two.connected().length === 0, "the revoked key disconnected");
    expect(one.connected()).toEqual([]);
    expect(first.disconnects).toEqual([b]);
    const refused = one.stats().refused;
    two.recheck();
    await until(() => one.stats().refused > refused, "the next attempt refused");
    two.broadcast(text.bytes("still here?"));
    expect(second.disconnects).toEqual([a]);
    expect(first.messages).toEqual([]);
    await expect(one.have(b, HAVE)).rejects.toMatchObject({ code: "peer.stranger" });
  });

  test("have, get, prove and blindingKey carry their values", async () => {
    const [one, , , second] = await pair();
    const asked: unknown[] = [];
    const items = [{ feed: a, size: 2 ** 40, root8: "0x0102030405060708" as const }];
    second.answers = {
      onHave: (from, have) => {
        asked.push([from, have]);
        return { answer: "vector", items };
      },
      onGet: async (...args) => {
        asked.push(args);
        return [text.bytes("first"), text.bytes("second")];
      },
      onProve: async (...args) => {
        asked.push(args);
        return [hash(3), hash(4)];
      },
    };
    expect(await one.have(b, HAVE)).toEqual({ answer: "vector", items });
    expect((await one.get(b, a, 7, 65_536)).map(text.of)).toEqual(["first", "second"]);
    expect(await one.prove(b, a, 3, 9)).toEqual([hash(3), hash(4)]);
    expect(await one.blindingKey(b)).toEqual(new Uint8Array(32).fill(7));
    expect(asked).toEqual([
      [a, HAVE],
      [a, a, 7, 65_536],
      [a, a, 3, 9],
    ]);
    second.answers = { onHave: () => ({ answer: "foreign", reason: "another registry" }) };
    expect(await one.have(b, HAVE)).toEqual({ answer: "foreign", reason: "another registry" });
    second.answers = {};
    expect(await one.have(b, HAVE)).toEqual({ answer: "same" });
  });

  test("a page holds at most maxBytes, but always the first message", async () => {
    const [one, , , second] = await pair();
    const messages = [600, 300, 200].map((length) => new Uint8Array(length).fill(length));
    second.answers = { onGet: async () => messages };
    expect((await one.get(b, a, 0, 1000)).map((message) => message.length)).toEqual([600, 300]);
    expect((await one.get(b, a, 0, 1)).map((message) => message.length)).toEqual([600]);
  });

  test("a refusal carries the peer's code; a fault of its own is never told as one", async () => {
    const [one, , two, second] = await pair();
    second.answers = {
      onGet: async () => {
        throw new AnamnesisError("feed.unknown", "no such feed");
      },
      onProve: async () => {
        throw new TypeError("a bug");
      },
    };
    await expect(one.get(b, a, 0, 1000)).rejects.toMatchObject({
      code: "peer.protocol",
      details: { refused: "feed.unknown" },
    });
    await expect(one.prove(b, a, 0, 1)).rejects.toMatchObject({ details: { refused: "api.unavailable" } });
    expect(two.stats().faults).toBe(1);
    expect(one.connected()).toEqual([b]);
    expect(one.stats().requestsFailed).toBe(2);
  });

  test("a request to a peer that is not connected fails at once", async () => {
    const [one] = await node(1);
    await expect(one.have(b, HAVE)).rejects.toMatchObject({ code: "peer.timeout" });
  });

  test("ignored messages are counted by code and never held against the peer", async () => {
    const [one, , two, second] = await pair({ rejects: 2 });
    second.verdict = () => ({ verdict: "ignore", code: "head.stale" });
    for (let i = 0; i < 20; i++) one.broadcast(text.bytes(`${i}`));
    await until(() => two.stats().ignored["head.stale"] === 20, "20 ignored");
    expect(two.connected()).toEqual([a]);
  });

  test("a fault of ours never punishes the peer", async () => {
    const [one, , two, second] = await pair({ rejects: 2 });
    second.verdict = () => {
      throw new Error("disk on fire");
    };
    for (let i = 0; i < 20; i++) one.broadcast(text.bytes(`${i}`));
    await until(() => two.stats().faults === 20, "20 faults");
    expect(two.connected()).toEqual([a]);
    expect(two.stats().rejected).toEqual({});
  });

  test("a peer whose messages are rejected is cut and stays out for the cool-down", async () => {
    const [one, first, two] = await pair({ rejects: 3 });
    first.verdict = () => ({ verdict: "reject", code: "head.signature" });
    for (let i = 0; i < 3; i++) two.broadcast(text.bytes(`${i}`));
    await until(() => one.connected().length === 0, "the offender cut");
    expect(one.stats().rejected).toEqual({ "head.signature": 3 });
    expect(one.stats().cut).toBe(1);
    const refused = one.stats().refused;
    two.recheck();
    await until(() => one.stats().refused > refused, "the offender refused");
    expect(first.disconnects).toEqual([b]);
  });

  test("a flood is ignored as peer.flood before the handler sees it", async () => {
    const [one, , two, second] = await pair({ messagesPerSecond: 0, messageBurst: 10 });
    for (let i = 0; i < 50; i++) one.broadcast(text.bytes(`${i}`));
    await until(() => two.stats().ignored["peer.flood"] === 40, "40 ignored");
    expect(second.messages.map(({ bytes }) => text.of(bytes))).toEqual(
      Array.from({ length: 10 }, (_, i) => `${i}`),
    );
    expect(two.connected()).toEqual([a]);
  });

  test("bytes are limited like messages", async () => {
    const [one, , two, second] = await pair({ bytesPerSecond: 0, byteBurst: 1000 });
    for (let i = 0; i < 3; i++) one.broadcast(new Uint8Array(400).fill(i));
    await until(() => two.stats().messagesIn === 3, "three messages");
    expect(two.stats().ignored).toEqual({ "peer.flood": 1 });
    expect(second.messages.length).toBe(2);
  });

  test("messages are handed over one at a time", async () => {
    const [one, , , second] = await pair();
    let running = 0;
    let most = 0;
    second.verdict = async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      return { verdict: "accept" };
    };
    for (let i = 0; i < 50; i++) one.broadcast(text.bytes(`${i}`));
    await until(() => second.messages.length === 50, "50 messages");
    expect(most).toBe(1);
    expect(second.messages.map(({ bytes }) => text.of(bytes))).toEqual(
      Array.from({ length: 50 }, (_, i) => `${i}`),
    );
  });

  test("a second process with our key raises the alarm on the one that runs", async () => {
    const [, first] = await node(1);
    const twin = network.make(1);
    await twin.start(recorder(members));
    await until(() => first.selves.length > 0, "the alarm");
  });

  test("after stop nothing is delivered, asked or connected", async () => {
    const [one, first, two, second] = await pair();
    await two.stop();
    await until(() => first.disconnects.length === 1, "the disconnect");
    one.broadcast(text.bytes("too late"));
    expect(second.messages).toEqual([]);
    expect(two.connected()).toEqual([]);
    await expect(two.have(a, HAVE)).rejects.toBeInstanceOf(AnamnesisError);
  });
});
