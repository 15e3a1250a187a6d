/* A consortium on this machine: chain, contracts, members, plants. Used by `npm start`, tests and benches. */
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Parameters } from "@anamnesis/sdk/core/types";
import { TRUST_FORMAT, type Trust } from "@anamnesis/sdk/evidence/types";
import type { Log } from "../../node/src/ports.ts";
import { type ConsortiumAccounts, openAccounts } from "./accounts.ts";
import { type Anvil, startAnvil } from "./anvil.ts";
import { type Consortium, deployConsortium } from "./deploy.ts";
import { type GatewayProcess, startGatewayProcess } from "./gateway-process.ts";
import { type NodeProcess, startNodeProcess } from "./node-process.ts";
import { type CellSettings, configurePlant, type LocalPlant, openPlant } from "./plants.ts";
import { freePort, isFree } from "./ports.ts";
import { enrolNodeKey } from "./registry.ts";

/** The project's root directory. */
export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** The local consortium: of four plants only one is attacked, so one witness has to do (DESIGN §4). */
export const LOCAL_PARAMETERS: Parameters = { members: 3, witnesses: 1, refutes: 2, maxBatch: 100 };

/** How to set a consortium up. */
export interface ConsortiumOptions {
  readonly directory: string;
  readonly plants: number;
  readonly log: Log;
  /** New blocks an hour at each plant; the local default is stated and raised for benches. */
  readonly blocksPerHour?: number;
  readonly parameters?: Parameters;
  /** Ranges that stand for the Internet; 203.0.113.0/24 by default. */
  readonly labPublic?: readonly string[];
  /** First port tried for each kind; others are taken when it is in use. */
  readonly ports?: { readonly chain: number; readonly http: number; readonly peer: number };
  readonly blockMs?: number;
  /** Cells behind gateways, by plant; none by default. */
  readonly cells?: readonly CellSettings[];
  /** Whether plant A lets anything out, and whether conduits may block by a standing change; both by default. */
  readonly isSharing?: boolean;
  readonly isStanding?: boolean;
}

/** A consortium that is set up; its nodes run once started. */
export interface LocalConsortium {
  readonly directory: string;
  readonly chain: () => Anvil;
  readonly consortium: Consortium;
  readonly accounts: ConsortiumAccounts;
  readonly plants: readonly LocalPlant[];
  /** Starts the node of a plant as a process; resolves when its API answers. */
  startPlant(index: number): Promise<NodeProcess>;
  /** Kills the chain and starts it again from its last dump. */
  restartChain(how: "kill" | "stop"): Promise<void>;
  stopChain(): Promise<void>;
  /** Stops nodes, then the chain. */
  stop(): Promise<void>;
}

/** Compiles the contracts when their artifacts are missing or older. Throws `config.invalid`. */
export async function buildContracts(): Promise<void> {
  const artifact = join(ROOT, "artifacts/contracts/ConsortiumGovernor.sol/ConsortiumGovernor.json");
  const hardhat = join(ROOT, "node_modules/hardhat/dist/src/cli.js");
  if (existsSync(artifact) && process.env.ANAMNESIS_BUILD !== "always") return;
  try {
    await promisify(execFile)(process.execPath, [hardhat, "build", "--no-tests", "--quiet"], { cwd: ROOT });
  } catch (cause) {
    throw new AnamnesisError(
      "config.invalid",
      "the contracts do not compile; run `npx hardhat build` to see why",
      { cause },
    );
  }
}

/** Sets a consortium up, or goes on with the one that the directory holds. */
export async function openConsortium(options: ConsortiumOptions): Promise<LocalConsortium> {
  const directory = resolve(options.directory);
  const { log } = options;
  const parameters = options.parameters ?? LOCAL_PARAMETERS;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const count = await plantCount(directory, options.plants);
  await writeFile(join(directory, "plants.json"), `${count}\n`);
  await buildContracts();
  const accounts = await openAccounts(join(directory, "accounts"), count);
  const ports = await choosePorts(count, options.ports ?? { chain: 8545, http: 8601, peer: 9601 });
  const plants = await Promise.all(
    Array.from({ length: count }, (_, i) =>
      openPlant(directory, i, { http: ports.http[i] as number, peer: ports.peer[i] as number }),
    ),
  );
  const blindingKey = await openBlindingKey(join(plants[0]?.directory ?? directory, "blinding.key"));

  const chainOptions = {
    dir: join(directory, "chain"),
    port: ports.chain,
    log,
    ...(options.blockMs !== undefined && { blockMs: options.blockMs }),
  };
  // Somebody else may take a port between the look and the start: the chain's may be any.
  let anvil = await startAnvil(chainOptions).catch((error: unknown) => {
    if (!isAnamnesisError(error, "port.taken")) throw error;
    return startAnvil({ ...chainOptions, port: 0 });
  });
  chainOptions.port = anvil.port;
  const nodes = new Set<NodeProcess>();
  const gateways: GatewayProcess[] = [];

  try {
    const consortium = await deployConsortium({
      url: anvil.url,
      file: join(directory, "consortium.json"),
      deployer: accounts.deployer,
      founders: accounts.members.map(({ address }) => address),
      parameters,
      blindingKeyHash: blindingKeyHash(blindingKey),
      durable: () => anvil.dump(),
    });
    await writeFile(join(directory, "trust.json"), `${JSON.stringify(trustOf(consortium), null, 2)}\n`);
    const place = { url: anvil.url, consortium };
    await Promise.all(
      plants.map((plant, i) => enrolNodeKey(place, accounts.members[i] as never, plant.node)),
    );
    await anvil.dump();
    const hasher = createHasher({
      chainId: consortium.chainId,
      verifyingContract: consortium.registry as Address,
    });
    await Promise.all(
      plants.map((plant, i) =>
        configurePlant(
          plant,
          plants.filter((other) => other !== plant),
          accounts.members[i] as never,
          hasher,
          {
            chainUrl: anvil.url,
            consortiumFile: join(directory, "consortium.json"),
            blocksPerHour: options.blocksPerHour ?? 100,
            labPublic: options.labPublic ?? ["203.0.113.0/24"],
            benignDirectory: join(ROOT, "fixtures/benign"),
            ...(options.cells?.[i] !== undefined && { cell: options.cells[i] }),
            isSharing: options.isSharing ?? true,
            isStanding: options.isStanding ?? true,
          },
        ),
      ),
    );

    return {
      directory,
      chain: () => anvil,
      consortium,
      accounts,
      plants,
      async startPlant(index) {
        if (options.cells?.[index] !== undefined)
          gateways.push(await startGatewayProcess(plants[index] as LocalPlant));
        const node = await startNodeProcess(plants[index] as LocalPlant);
        nodes.add(node);
        void node.exited.then(() => nodes.delete(node));
        return node;
      },
      async restartChain(how) {
        await anvil[how]();
        anvil = await startAnvil(chainOptions);
      },
      stopChain: () => anvil.stop(),
      async stop() {
        await Promise.all([...nodes, ...gateways].map((one) => one.stop()));
        await anvil.stop();
      },
    };
  } catch (error) {
    await anvil.stop();
    throw error;
  }
}

/**
 * How many plants the consortium of a directory has: it keeps its size, because members are admitted by
 * vote, not by a launcher's option. Nothing asked means four in a new one. Throws `config.invalid`.
 */
export async function plantCount(directory: string, wanted: number | undefined): Promise<number> {
  const held = await readFile(join(directory, "plants.json"), "utf8").catch(() => undefined);
  const asked = wanted ?? Number(held ?? 4);
  if (!Number.isInteger(asked) || asked < 3 || asked > 16) {
    throw new AnamnesisError(
      "config.invalid",
      `--plants is ${asked}; give 3 to 16 (three members have to agree)`,
    );
  }
  if (held !== undefined && Number(held) !== asked) {
    throw new AnamnesisError(
      "config.invalid",
      `${directory} holds a consortium of ${held.trim()} plants, --plants is ${asked}; use the same, another --data, or --fresh`,
    );
  }
  return asked;
}

/** What an auditor of a local consortium believes: nobody seals its blocks, and the file says so. */
function trustOf({ chainId, genesisHash, registry, memory, codeHashes }: Consortium): Trust {
  return {
    format: TRUST_FORMAT,
    chainId,
    genesisHash,
    memory: { address: memory, codeHash: codeHashes.memory },
    registry: { address: registry, codeHash: codeHashes.registry },
    validators: [],
    allowUnsealed: true,
  };
}

/** Plant A has the blinding key in a file; the others fetch it from peers. */
async function openBlindingKey(path: string): Promise<Uint8Array> {
  const held = await readFile(path, "utf8").catch(() => undefined);
  if (held !== undefined) return fromHex(held.trim());
  const key = new Uint8Array(randomBytes(32));
  await writeFile(path, `${toHex(key)}\n`, { mode: 0o600 });
  return key;
}

async function choosePorts(count: number, first: { chain: number; http: number; peer: number }) {
  const taken = new Set<number>();
  const choose = async (wanted: number): Promise<number> => {
    const port = wanted !== 0 && !taken.has(wanted) && (await isFree(wanted)) ? wanted : await freePort();
    if (taken.has(port)) return choose(0);
    taken.add(port);
    return port;
  };
  const many = async (base: number): Promise<number[]> => {
    const ports: number[] = [];
    for (let i = 0; i < count; i++) ports.push(await choose(base === 0 ? 0 : base + i));
    return ports;
  };
  return { chain: await choose(first.chain), http: await many(first.http), peer: await many(first.peer) };
}
