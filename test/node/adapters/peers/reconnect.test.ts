import { afterEach, describe, expect, test, vi } from "vitest";
import { addressOf, type CountedPeers, HAVE, type Recorder, recorder, text, until } from "./harness.ts";
import { freezablePath, peersOf, portOf } from "./wire.ts";

// Bounds how long a condition is awaited on a busy machine; nothing here measures speed.
vi.setConfig({ testTimeout: 30_000 });

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function started(peers: CountedPeers): Promise<[CountedPeers, Recorder]> {
  const handlers = recorder([1, 2, 3].map(addressOf));
  await peers.start(handlers);
  cleanups.push(() => peers.stop());
  return [peers, handlers];
}

const [low, high] = [1, 2].sort((x, y) => (addressOf(x) < addressOf(y) ? -1 : 1)) as [number, number];

test("a peer restarted under load misses nothing after have", async () => {
  // A feed is a list of messages here: pushed as they come, fetched from `start` on.
  const feed: Uint8Array[] = [];
  const [one, first] = await started(peersOf(1));
  first.answers = {
    onHave: () => ({
      answer: "vector",
      items: [{ feed: addressOf(1), size: feed.length, root8: "0x0000000000000000" }],
    }),
    onGet: async (_from, _feed, start) => feed.slice(start),
  };
  const publish = (): void => {
    const message = text.bytes(String(feed.length));
    feed.push(message);
    one.broadcast(message);
  };
  const load = setInterval(publish, 1);
  cleanups.push(async () => clearInterval(load));

  const held = new Set<string>();
  const keep = (bytes: Uint8Array): { verdict: "accept" } => {
    held.add(text.of(bytes));
    return { verdict: "accept" };
  };
  const dial = one.addresses();
  let port = 0;
  for (let life = 0; life < 4; life++) {
    const [two, second] = await started(peersOf(2, { dial, listen: `127.0.0.1:${port}` }));
    port = portOf(two);
    second.verdict = keep;
    await until(() => two.connected().length === 1, "connected again");
    const before = held.size;
    await until(() => second.messages.length > 20, "pushed messages on the new connection");
    expect(held.size).toBeGreaterThan(before);
    if (life < 3) {
      await two.stop();
      continue;
    }
    clearInterval(load);
    publish();
    await until(() => held.has(String(feed.length - 1)), "the last message pushed");
    expect(await two.have(addressOf(1), HAVE)).toMatchObject({ items: [{ size: feed.length }] });
    for (const message of await two.get(addressOf(1), addressOf(1), 0, 1_048_576)) keep(message);
    expect(held.size).toBe(feed.length);
  }
  await until(() => one.connected().length === 1, "one connection at the end");
  expect(one.stats().reconnects).toBe(3);
});

describe.each([
  ["lower", low, high],
  ["higher", high, low],
])("when the path of a peer with the %s address freezes", (_which, restarted, stays) => {
  test("its new connection takes over although the dead one still looks open", async () => {
    const [one, first] = await started(peersOf(stays));
    const path = await freezablePath(portOf(one));
    cleanups.push(path.close);
    const [before] = await started(peersOf(restarted, { dial: [`127.0.0.1:${path.port}`] }));
    await until(
      () => before.connected().length === 1 && one.connected().length === 1,
      "connected through the path",
    );
    path.freeze();
    await before.stop();
    expect(one.connected()).toEqual([addressOf(restarted)]);

    const [after, second] = await started(peersOf(restarted, { dial: one.addresses() }));
    await until(() => after.connected().length === 1, "connected past the path");
    // Until our side has seen the new connection come up, a push may still go into the dead one.
    await until(() => {
      one.broadcast(text.bytes("alive"));
      return second.messages.length > 0;
    }, "push over the new connection");
    expect(await one.have(addressOf(restarted), HAVE)).toEqual({ answer: "same" });
    expect(first.disconnects).toEqual([]);
    expect(first.connects).toEqual([addressOf(restarted)]);
  });
});

test("a connection on which a request waits in silence is cut", async () => {
  const [one, first] = await started(peersOf(1, { limits: { silenceMs: 100, dialCapMs: 200 } }));
  const path = await freezablePath(portOf(one));
  cleanups.push(path.close);
  const [two] = await started(peersOf(2, { dial: [`127.0.0.1:${path.port}`] }));
  await until(() => two.connected().length === 1 && one.connected().length === 1, "connected");
  path.freeze();
  await expect(one.have(addressOf(2), HAVE)).rejects.toMatchObject({ code: "peer.timeout" });
  await until(() => first.disconnects.length === 1, "the silent connection cut");
});

test("two that dial each other at the same moment keep one connection and push both ways", async () => {
  for (let round = 0; round < 5; round++) {
    const one = peersOf(1);
    const two = peersOf(2);
    await Promise.all([one.start(recorder([])), two.start(recorder([]))]);
    const listens = [one, two].map((peers) => `127.0.0.1:${portOf(peers)}`);
    await Promise.all([one.stop(), two.stop()]);

    const limits = { dialBaseMs: 1, doubledGraceMs: 50 };
    const [again, first] = await started(peersOf(1, { listen: listens[0]!, dial: [listens[1]!], limits }));
    const [other, second] = await started(peersOf(2, { listen: listens[1]!, dial: [listens[0]!], limits }));
    await until(() => again.connected().length === 1 && other.connected().length === 1, "connected");
    await until(() => {
      again.broadcast(text.bytes("a"));
      other.broadcast(text.bytes("b"));
      return first.messages.length > 0 && second.messages.length > 0;
    }, "push both ways");
    expect(first.disconnects).toEqual([]);
    expect(second.disconnects).toEqual([]);
    await Promise.all([again.stop(), other.stop()]);
  }
});

test("a peer that starts later is found by whoever knows its address", async () => {
  const two = peersOf(2);
  await two.start(recorder([]));
  const listen = `127.0.0.1:${portOf(two)}`;
  await two.stop();
  const [one] = await started(peersOf(1, { dial: [listen] }));
  const [late] = await started(peersOf(2, { listen }));
  await until(() => one.connected().length === 1 && late.connected().length === 1, "found");
});
