/**
 * A local chain as a child process that survives kill -9 of itself or of its launcher.
 *
 * The launcher mines (so that block times follow the real clock and idle blocks are few) and dumps the
 * state; a lost tail of blocks is to a node like a rollback, and relays send again what is missing.
 */
import type { ChildProcess } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Log } from "../../node/src/ports.ts";
import { readableStates, writeState } from "./anvil-state.ts";
import { freePort, isFree } from "./ports.ts";
import { callRpc } from "./rpc.ts";
import { spawnWatched } from "./watched.ts";

/** Chain id of a local consortium. */
export const LOCAL_CHAIN_ID = 20_261;

/** 2020-01-01T00:00:00Z: the same genesis block at every start, older than any clock that can be right. */
const GENESIS_SECONDS = 1_577_836_800;

/** A dump holds the whole history, so it takes longer and longer; between two there is this many times as much rest. */
const DUMP_REST = 20;

export interface AnvilOptions {
  /** Where state and log live; created if missing. */
  readonly dir: string;
  /** Loopback port; 0 picks a free one. */
  readonly port: number;
  readonly log: Log;
  readonly chainId?: number;
  /** Least ms between two blocks while transactions wait; the first after a pause is mined at once. Default 1,000. */
  readonly blockMs?: number;
  /** Ms between two blocks while none wait. Default 30,000. */
  readonly idleMs?: number;
  /** Least ms between two dumps of a changed state; more when a dump takes long. Default 5,000. */
  readonly dumpMs?: number;
  /** Wall time for block timestamps, ms since the epoch. Default: the machine's clock. */
  readonly nowMs?: () => number;
}

/** A running local chain. */
export interface Anvil {
  readonly url: string;
  readonly port: number;
  readonly chainId: number;
  /** Of anvil itself, so that it can be killed from outside. */
  readonly pid: number;
  /** Resolves when the process is gone, however it went. */
  readonly exited: Promise<void>;
  /** Mines one block now. */
  mine(): Promise<void>;
  /** Makes everything mined so far survive kill -9. */
  dump(): Promise<void>;
  /** Dumps, ends the process and waits for its end. */
  stop(): Promise<void>;
  /** SIGKILL without a dump. */
  kill(): Promise<void>;
}

/**
 * Starts anvil from npm on the newest state that can be read, or afresh when there is none.
 *
 * @throws AnamnesisError `port.taken`, `store.corrupt` when states exist and none can be loaded,
 * `chain.unreachable` when anvil does not start
 */
export async function startAnvil(options: AnvilOptions): Promise<Anvil> {
  await mkdir(options.dir, { recursive: true });
  const port = options.port === 0 ? await freePort() : options.port;
  await requireFree(port);
  for await (const state of readableStates(options.dir)) {
    try {
      const anvil = await launch(options, port, ["--load-state", state.file]);
      options.log.info("chain.started", { url: anvil.url, pid: anvil.pid, state: state.source });
      return anvil;
    } catch (error) {
      options.log.warn("chain.stateRefused", { state: state.source, error: String(error) });
    }
  }
  const anvil = await launch(options, port, []);
  options.log.info("chain.started", { url: anvil.url, pid: anvil.pid, state: "genesis" });
  return anvil;
}

async function launch(
  options: AnvilOptions,
  port: number,
  stateArguments: readonly string[],
): Promise<Anvil> {
  const { dir, log, chainId = LOCAL_CHAIN_ID, blockMs = 1_000, idleMs = 30_000, dumpMs = 5_000 } = options;
  const nowMs = options.nowMs ?? Date.now;
  const url = `http://127.0.0.1:${port}`;
  const child = await spawnWatched(
    join(dir, "anvil.log"),
    anvilBinary(),
    anvilArguments(port, chainId, stateArguments),
  );
  const stopping = new AbortController();
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  void exited.then(() => stopping.abort());

  let blockAt = 0;
  let busyAt = 0;
  let dumpedBlock = "";
  let dumpedAt = performance.now();
  let dumpTookMs = 0;

  // Mining and dumping never overlap: a dump is the state between two blocks.
  let tail: Promise<unknown> = Promise.resolve();
  const exclusive = <T>(action: () => Promise<T>): Promise<T> => {
    const run = tail.then(action, action);
    tail = run.catch(() => undefined);
    return run;
  };

  const mine = () =>
    exclusive(async () => {
      const latest = (await callRpc(url, "eth_getBlockByNumber", ["latest", false])) as { timestamp: string };
      // The clock may have been set back; a block is never older than the one before it.
      const timestamp = Math.max(Math.floor(nowMs() / 1000), Number(latest.timestamp));
      await callRpc(url, "evm_mine", [{ timestamp }]);
      blockAt = performance.now();
    });

  const dump = () =>
    exclusive(async () => {
      const block = String(await callRpc(url, "eth_blockNumber"));
      if (block === dumpedBlock) return;
      const startedAt = performance.now();
      await writeState(dir, fromHex(String(await callRpc(url, "anvil_dumpState"))));
      dumpedBlock = block;
      dumpedAt = performance.now();
      dumpTookMs = dumpedAt - startedAt;
    });

  const tick = async () => {
    const pool = (await callRpc(url, "txpool_status")) as { pending: string };
    const busy = Number(pool.pending) > 0;
    const due = busy ? performance.now() - busyAt >= blockMs : performance.now() - blockAt >= idleMs;
    if (busy && due) busyAt = performance.now();
    if (due) await mine();
    if (performance.now() - dumpedAt >= Math.max(dumpMs, DUMP_REST * dumpTookMs)) await dump();
  };

  const drive = async () => {
    while (!stopping.signal.aborted) {
      try {
        await tick();
      } catch (error) {
        if (!stopping.signal.aborted) log.warn("chain.tick", { error: String(error) });
      }
      await delay(Math.min(100, blockMs), undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };

  const end = async (signal: "SIGTERM" | "SIGKILL") => {
    stopping.abort();
    child.kill(signal);
    await exited;
  };

  await answering(url, child, exited);
  // anvil's clock starts at genesis again; a block with the real time sets it.
  await mine();
  const driving = drive();
  void exited.then(() => log.info("chain.exited", { pid: child.pid }));

  return {
    url,
    port,
    chainId,
    pid: child.pid as number,
    exited,
    mine,
    dump,
    async stop() {
      if (!stopping.signal.aborted) {
        stopping.abort();
        await driving;
        await dump().catch((error) => log.warn("chain.dump", { error: String(error) }));
      }
      await end("SIGTERM");
    },
    kill: () => end("SIGKILL"),
  };
}

function anvilArguments(port: number, chainId: number, more: readonly string[]): string[] {
  const fees = ["--gas-price", "0", "--block-base-fee-per-gas", "0", "--disable-min-priority-fee"];
  const chain = [
    "--chain-id",
    String(chainId),
    "--timestamp",
    String(GENESIS_SECONDS),
    "--hardfork",
    "cancun",
  ];
  const pool = ["--no-mining", "--order", "fifo", "--accounts", "0"];
  return ["--host", "127.0.0.1", "--port", String(port), ...chain, ...pool, ...fees, "--quiet", ...more];
}

/** The platform's binary itself: npm's wrapper would be one more process to kill. */
function anvilBinary(): string {
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const require = createRequire(import.meta.url);
  const wrapper = createRequire(require.resolve("@foundry-rs/anvil/package.json"));
  return wrapper.resolve(`@foundry-rs/anvil-${process.platform}-${architecture}/bin/anvil`);
}

async function answering(url: string, child: ChildProcess, exited: Promise<void>): Promise<void> {
  const deadline = performance.now() + 20_000;
  let gone = false;
  void exited.then(() => {
    gone = true;
  });
  while (!gone && performance.now() < deadline) {
    const up = await callRpc(url, "eth_chainId", [], 2_000).then(
      () => true,
      () => false,
    );
    if (up) return;
    await delay(20);
  }
  child.kill("SIGKILL");
  throw new AnamnesisError("chain.unreachable", `anvil did not start at ${url}; its log says why`);
}

/** A chain whose launcher was just killed may need a moment to let go of its port. */
async function requireFree(port: number): Promise<void> {
  const deadline = performance.now() + 3_000;
  for (;;) {
    if (await isFree(port)) return;
    if (performance.now() > deadline) {
      throw new AnamnesisError(
        "port.taken",
        `port ${port} is taken; stop what listens there or choose another chain port`,
      );
    }
    await delay(50);
  }
}
