import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { uidOf } from "@anamnesis/sdk/core/typed-data";
import type { MemberNumber, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import { afterEach, describe, expect, it } from "vitest";
import { createMemoryStore } from "../../node/src/adapters/store/memory.ts";
import { createIndexer } from "../../node/src/flows/index-chain.ts";
import { createRelay } from "../../node/src/flows/relay.ts";
import type { HeldWord } from "../../node/src/flows/relay-difference.ts";
import type { Chain } from "../../node/src/ports.ts";
import { createRegistry, type Registry } from "../../node/src/state/registry.ts";
import { startAnvil } from "../../scripts/consortium/anvil.ts";
import { deployConsortium, readConsortium } from "../../scripts/consortium/deploy.ts";
import { freePort } from "../../scripts/consortium/ports.ts";
import { callRpc } from "../../scripts/consortium/rpc.ts";
import {
  account,
  makeRealConsortium,
  SILENT,
  type TestConsortium,
} from "../node/adapters/chain/consortium.ts";
import { addressOf, FOUNDERS, node, sign, signHead } from "../node/adapters/chain/fixtures.ts";

const CLOCK = { nowMs: () => Date.now(), monotonicMs: () => performance.now() };

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function makeConsortium(
  options: Parameters<typeof makeRealConsortium>[0] = {},
): Promise<TestConsortium> {
  const [made, close] = await makeRealConsortium(options);
  cleanups.push(close);
  return made;
}

async function temporary(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "anamnesis-anvil-"));
  cleanups.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Resolves at the first change of the registry after which `condition` holds. */
function until(registry: Registry, condition: () => boolean): Promise<void> {
  if (condition()) return Promise.resolve();
  return new Promise((resolve) => {
    const unsubscribe = registry.onChange(() => {
      if (!condition()) return;
      unsubscribe();
      resolve();
    });
  });
}

/** A node's chain side on a real chain: it says words and heads for all four members and follows what is recorded. */
async function follow(c: TestConsortium) {
  const chain = await c.connect("relay");
  const registry = await createRegistry(createMemoryStore());
  const indexer = createIndexer({ chain, registry, log: SILENT });
  const words: [Subject, HeldWord][] = [];
  const heads = new Map<string, SignedHead>();
  const relay = createRelay(
    { chain, registry, clock: CLOCK, log: SILENT, held: () => words, heads: () => heads.values() },
    { self: addressOf(node(1)), patienceMs: 0, anchorMs: 0 },
  );
  cleanups.push(() => Promise.all([relay.stop(), indexer.stop()]));
  indexer.start();
  relay.start();
  return {
    chain,
    registry,
    words,
    say(round: number) {
      for (let member = 1; member <= 4; member++) {
        const { attestation, signature } = sign(c.hasher, node(member));
        const { subject, content: _, ...word } = attestation;
        const register = { member: member as MemberNumber, ...word, uid: uidOf(c.hasher, attestation) };
        const held = { register, attestation: { ...attestation, signature }, key: addressOf(node(member)) };
        words.push([subject, held]);
        heads.set(node(member), signHead(c.hasher, node(member), round));
      }
      relay.kick();
    },
    isRecorded: () =>
      words.every(([, { register }]) => registry.recordedUids.has(register.uid)) &&
      [...heads.values()].every(({ feed, size }) => registry.anchored(feed)?.size === size),
  };
}

/** What a node that starts now would read from the chain. */
async function freshRegistry(chain: Chain): Promise<Registry> {
  const fresh = await createRegistry(createMemoryStore());
  await createIndexer({ chain, registry: fresh, log: SILENT }).kick();
  return fresh;
}

describe("local chain", () => {
  it("loses nothing that was dumped and sends the lost tail again, killed ten times", {
    timeout: 60_000,
  }, async () => {
    const c = await makeConsortium({ dumpMs: 50 });
    const { chain, registry, words, say, isRecorded } = await follow(c);
    for (let round = 1; round <= 10; round++) {
      say(round);
      if (round % 2 === 0) await until(registry, isRecorded);
      process.kill(c.anvil.pid, "SIGKILL"); // odd rounds: with transactions on their way
      await c.anvil.exited;
      say(round);
      await c.restart();
    }
    await until(registry, isRecorded);
    expect(words).toHaveLength(80);
    const fresh = await freshRegistry(chain);
    expect(fresh.recordedHash()).toBe(registry.recordedHash());
    expect(fresh.recordedUids.size).toBe(80);
  });

  it("is followed over a rollback of ten blocks, and everything is recorded again", {
    timeout: 60_000,
  }, async () => {
    const c = await makeConsortium();
    const { chain, registry, say, isRecorded } = await follow(c);
    for (let round = 1; round <= 4; round++) {
      say(round);
      await until(registry, isRecorded);
    }
    while ((await chain.head()).number < 20) await c.anvil.mine(); // enrolment is older than ten blocks
    // An index that has not come so far has nothing to walk back.
    await until(registry, () => (registry.recordedAt()?.number ?? 0) >= 20);
    const rolledBack = new Promise<void>((resolve) => {
      registry.onChange((change) => change.rolledBack && resolve());
    });
    await callRpc(c.anvil.url, "anvil_rollback", [10]);
    await rolledBack;
    say(5);
    await until(registry, isRecorded);
    const fresh = await freshRegistry(chain);
    expect(fresh.recordedHash()).toBe(registry.recordedHash());
    expect(fresh.recordedUids.size).toBe(20);
  });

  it("starts after its launcher was killed at any moment, ten times, and never outlives it", {
    timeout: 60_000,
  }, async () => {
    const dir = await temporary();
    const port = await freePort();
    let height = 0;
    for (let round = 0; round < 10; round++) {
      const launcher = await launch(dir, port);
      const number = Number(await callRpc(launcher.url, "eth_blockNumber"));
      expect(number).toBeGreaterThan(height); // what was dumped is there
      height = number;
      await launcher.lines(3 + round); // somewhere between two dumps, or in one
      launcher.child.kill("SIGKILL");
      await launcher.closed;
    }
    const anvil = await startAnvil({ dir, port, log: SILENT }); // the port is free: no chain was left behind
    expect(Number(await callRpc(anvil.url, "eth_blockNumber"))).toBeGreaterThan(height);
    await anvil.stop();
  });

  it("starts with the dump before when the newest is torn, and says when none can be read", async () => {
    const dir = await temporary();
    const options = { dir, port: 0, log: SILENT };
    const first = await startAnvil(options);
    for (let i = 0; i < 3; i++) {
      await first.mine();
      await first.dump();
    }
    await first.kill();
    const newest = join(dir, "state.json.gz");
    const whole = await readFile(newest);
    await writeFile(newest, whole.subarray(0, whole.length / 2));
    const second = await startAnvil(options);
    expect(await callRpc(second.url, "eth_blockNumber")).toBe("0x4"); // three of four, and the one of the start
    await second.kill();
    await writeFile(join(dir, "state.previous.json.gz"), "");
    await expect(startAnvil(options)).rejects.toMatchObject({ code: "store.corrupt" });
  });

  it("says that its port is taken", async () => {
    const anvil = await startAnvil({ dir: await temporary(), port: 0, log: SILENT });
    cleanups.push(() => anvil.stop());
    await expect(startAnvil({ dir: await temporary(), port: anvil.port, log: SILENT })).rejects.toMatchObject(
      {
        code: "port.taken",
      },
    );
  });

  it("has the same genesis at every start, and blocks that follow the clock, also when it is set back", async () => {
    const hashes = new Set<unknown>();
    let now = 1_800_000_000_000;
    const timestamp = async (url: string) =>
      Number(
        ((await callRpc(url, "eth_getBlockByNumber", ["latest", false])) as { timestamp: string }).timestamp,
      );
    for (const _ of [1, 2]) {
      const anvil = await startAnvil({ dir: await temporary(), port: 0, log: SILENT, nowMs: () => now });
      hashes.add(
        ((await callRpc(anvil.url, "eth_getBlockByNumber", ["0x0", false])) as { hash: string }).hash,
      );
      const times = [await timestamp(anvil.url)];
      for (const jump of [400 * 86_400_000, -800 * 86_400_000, 400 * 86_400_000 + 5_000]) {
        now += jump;
        await anvil.mine();
        times.push(await timestamp(anvil.url));
      }
      await anvil.stop();
      const later = 1_800_000_000 + 400 * 86_400;
      expect(times.slice(0, 3)).toEqual([1_800_000_000, later, later]);
      now = 1_800_000_000_000;
    }
    expect(hashes.size).toBe(1);
  });
});

describe("deployment", () => {
  it("goes on where it was interrupted, and never deploys again silently", async () => {
    const c = await makeConsortium();
    const file = join(c.dir, "consortium.json");
    const founding = {
      url: c.anvil.url,
      file,
      deployer: account("deployer"),
      founders: FOUNDERS,
      parameters: c.consortium.parameters,
      blindingKeyHash: c.consortium.blindingKeyHash,
    };
    const nonce = () => callRpc(c.anvil.url, "eth_getTransactionCount", [addressOf("deployer"), "latest"]);
    expect(await deployConsortium(founding)).toEqual(c.consortium);
    await rm(file); // killed before it was written
    expect(await deployConsortium(founding)).toEqual(c.consortium);
    expect(await readConsortium(file)).toEqual(c.consortium);
    expect(await nonce()).toBe("0x3");
    const usurper = [addressOf("usurper"), ...FOUNDERS.slice(1)];
    for (const other of [{ founders: usurper }, { votingPeriodSeconds: 3_600 }]) {
      await expect(deployConsortium({ ...founding, ...other })).rejects.toMatchObject({
        code: "chain.mismatch",
      });
    }
    const empty = await startAnvil({ dir: await temporary(), port: 0, log: SILENT });
    cleanups.push(() => empty.stop());
    await expect(deployConsortium({ ...founding, url: empty.url })).rejects.toMatchObject({
      code: "chain.mismatch",
    });
    expect(await callRpc(empty.url, "eth_getTransactionCount", [addressOf("deployer"), "latest"])).toBe(
      "0x0",
    );
    // Killed after the first of the three contracts.
    const other = { ...founding, file: join(c.dir, "other.json"), deployer: account("second deployer") };
    await callRpc(c.anvil.url, "anvil_setNonce", [other.deployer.address, "0x5"]);
    await expect(deployConsortium(other)).rejects.toThrow(/no contract/);
  });
});

interface Launcher {
  readonly child: ChildProcess;
  readonly url: string;
  /** Waits for that many lines, one for each dump. */
  lines(count: number): Promise<void>;
  readonly closed: Promise<unknown>;
}

async function launch(dir: string, port: number): Promise<Launcher> {
  const script = fileURLToPath(new URL("anvil-launcher.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dir, String(port)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "exit");
  const reader = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  const iterator = reader[Symbol.asyncIterator]();
  const { url } = JSON.parse((await iterator.next()).value as string) as { url: string };
  return {
    child,
    url,
    closed,
    async lines(count) {
      for (let i = 0; i < count; i++) await iterator.next();
    },
  };
}
