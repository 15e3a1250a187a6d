/** QBFT validators as processes on loopback: a real BFT chain to test against, with real seals and real faults. */
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import { enodeOf, identityOf } from "../../node/src/cli/consortium/chain-key.ts";
import { genesisExtraData } from "../../node/src/cli/consortium/extra-data.ts";
import { freePort } from "../consortium/ports.ts";
import { callRpc } from "../consortium/rpc.ts";
import { spawnWatched } from "../consortium/watched.ts";
import { goQuorumGenesis } from "./genesis.ts";
import { isWhole, tellHealth } from "./health.ts";
import { isOneOrder, makeValidatorKeys } from "./order.ts";

export interface QbftOptions {
  /** Where chains, keys and logs live; created if missing. */
  readonly directory: string;
  /** Path of GoQuorum's `geth`. */
  readonly geth: string;
  readonly chainId: number;
  /** Of the validators, 32 bytes each and in one order ({@link isOneOrder}); four new ones by default, of which one may fail. */
  readonly keys?: readonly Uint8Array[];
  /** The genesis header's; made from the keys by default. */
  readonly extraData?: Hex;
  /** Default 1. */
  readonly blockPeriodSeconds?: number;
  /** Default 2. */
  readonly requestTimeoutSeconds?: number;
}

/** One validator. Its log is geth.log in its directory. */
export interface Validator {
  readonly address: Address;
  readonly url: string;
  readonly directory: string;
  /** Undefined while it is down. */
  pid(): number | undefined;
  /** Starts it, or does nothing when it runs; resolves when its API answers. Throws `chain.unreachable`. */
  start(): Promise<void>;
  /** SIGKILL, and wait. */
  kill(): Promise<void>;
  /** SIGTERM, and wait. */
  stop(): Promise<void>;
}

/** A network. */
export interface QbftNetwork {
  readonly validators: readonly Validator[];
  readonly urls: readonly string[];
  readonly chainId: number;
  /** Height of the first validator that answers. Throws `chain.unreachable`. */
  height(): Promise<number>;
  /** Whether one validator may be stopped and the others go on, or why not: {@link isWhole}. */
  whole(): Promise<true | string>;
  /** How each validator is, in words. */
  tell(): Promise<string>;
  stop(): Promise<void>;
}

/** For machines that do much else. */
const START_MS = 120_000;

/**
 * Creates keys, genesis and static nodes and starts all validators; resolves when the first block is sealed.
 *
 * @throws AnamnesisError `config.invalid`, `chain.unreachable`
 */
export async function startQbft(options: QbftOptions): Promise<QbftNetwork> {
  const { directory, geth, chainId, blockPeriodSeconds = 1, requestTimeoutSeconds = 2 } = options;
  await mkdir(directory, { recursive: true });
  const keys = options.keys ?? makeValidatorKeys(4);
  if (!isOneOrder(keys.map(addressOfPrivateKey)))
    throw new AnamnesisError(
      "config.invalid",
      "the engine would put these validators into two orders: make other keys",
    );
  const seeds = await Promise.all(
    keys.map(async (key, i) => ({
      key,
      address: addressOfPrivateKey(key),
      directory: join(directory, `validator-${i + 1}`),
      http: await freePort(),
      peer: await freePort(),
    })),
  );
  const genesisFile = join(directory, "genesis.json");
  const genesis = goQuorumGenesis({
    chainId,
    extraData: options.extraData ?? genesisExtraData(seeds.map(({ address }) => address)),
    blockPeriodSeconds,
    requestTimeoutSeconds,
    timestampSeconds: Math.floor(Date.now() / 1000) - 1,
  });
  await writeFile(genesisFile, `${JSON.stringify(genesis, null, 2)}\n`);
  const enodes = seeds.map(({ key, peer }) => `${enodeOf(identityOf(key), "127.0.0.1", peer)}?discport=0`);
  const validators = await Promise.all(
    seeds.map(async (seed) => {
      await mkdir(join(seed.directory, "geth"), { recursive: true, mode: 0o700 });
      await writeFile(join(seed.directory, "geth/nodekey"), toHex(seed.key).slice(2), { mode: 0o600 });
      await writeFile(join(seed.directory, "static-nodes.json"), JSON.stringify(enodes));
      // The peer port on loopback only, which no flag can say.
      await writeFile(
        join(seed.directory, "config.toml"),
        `[Node.P2P]\nListenAddr = "127.0.0.1:${seed.peer}"\nNoDiscovery = true\nMaxPeers = 25\n`,
      );
      const args = ["--datadir", seed.directory, "--nousb", "init", genesisFile];
      await promisify(execFile)(geth, args, { env: environment() });
      return validatorOf(geth, chainId, seed);
    }),
  );
  const network: QbftNetwork = {
    validators,
    urls: validators.map(({ url }) => url),
    chainId,
    height: () => firstHeight(validators),
    whole: () => isWhole(validators),
    tell: () => tellHealth(validators),
    async stop() {
      await Promise.all(validators.map((validator) => validator.stop()));
    },
  };
  try {
    // One after the other: who dials a validator that does not listen yet tries again 35 s later.
    for (const validator of validators) await validator.start();
    await sealing(network, directory);
  } catch (error) {
    await network.stop();
    throw error;
  }
  return network;
}

interface Seed {
  readonly address: Address;
  readonly directory: string;
  readonly http: number;
}

function validatorOf(geth: string, chainId: number, seed: Seed): Validator {
  const url = `http://127.0.0.1:${seed.http}`;
  let running:
    | { readonly pid: number; readonly exited: Promise<void>; end(signal: NodeJS.Signals): void }
    | undefined;
  const end = async (signal: NodeJS.Signals) => {
    const ended = running;
    ended?.end(signal);
    await ended?.exited;
  };
  return {
    address: seed.address,
    url,
    directory: seed.directory,
    pid: () => running?.pid,
    async start() {
      if (running !== undefined) return;
      const log = join(seed.directory, "geth.log");
      const child = await spawnWatched(log, geth, engineArguments(seed, chainId), environment());
      const exited = new Promise<void>((resolve) => {
        child.once("exit", () => {
          running = undefined;
          resolve();
        });
      });
      running = { pid: child.pid as number, exited, end: (signal) => void child.kill(signal) };
      const deadline = performance.now() + START_MS;
      while (!(await answers(url))) {
        if (running === undefined || performance.now() > deadline) {
          await end("SIGKILL");
          throw new AnamnesisError("chain.unreachable", `a validator did not start: ${await lastWords(log)}`);
        }
        await delay(50);
      }
    },
    kill: () => end("SIGKILL"),
    stop: () => end("SIGTERM"),
  };
}

function engineArguments(seed: Seed, chainId: number): string[] {
  const { directory, http } = seed;
  return [
    ...["--config", join(directory, "config.toml"), "--datadir", directory, "--networkid", String(chainId)],
    ...["--nousb", "--ipcdisable", "--nat", "none", "--verbosity", "3"],
    ...[
      "--syncmode",
      "full",
      "--gcmode",
      "archive",
      "--mine",
      "--miner.threads",
      "1",
      "--miner.gasprice",
      "0",
    ],
    ...[
      "--http",
      "--http.addr",
      "127.0.0.1",
      "--http.port",
      String(http),
      "--http.api",
      "eth,net,web3,txpool,istanbul",
    ],
  ];
}

/** No private transaction manager. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PRIVATE_CONFIG: "ignore" };
}

const answers = (url: string) =>
  callRpc(url, "eth_chainId", [], 2_000).then(
    () => true,
    () => false,
  );

async function firstHeight(validators: readonly Validator[]): Promise<number> {
  for (const { url, pid } of validators) {
    if (pid() !== undefined) return Number(await callRpc(url, "eth_blockNumber", [], 2_000));
  }
  throw new AnamnesisError("chain.unreachable", "no validator runs");
}

async function sealing(network: QbftNetwork, directory: string): Promise<void> {
  const deadline = performance.now() + START_MS;
  while ((await network.height()) < 1) {
    if (performance.now() > deadline) {
      const words = await lastWords(join(directory, "validator-1/geth.log"));
      throw new AnamnesisError("chain.unreachable", `the validators seal no block: ${words}`);
    }
    await delay(100);
  }
}

async function lastWords(path: string): Promise<string> {
  const lines = (await readFile(path, "utf8").catch(() => "")).trim().split("\n");
  return lines.at(-1)?.slice(0, 500) ?? "";
}
