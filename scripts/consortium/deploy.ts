/** Founds a consortium: three contracts, in the order that leaves nobody in power in between (DESIGN §4). */
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import type { Address, Bytes32, Hex, Parameters } from "@anamnesis/sdk/core/types";
import { getCreateAddress, Interface, type InterfaceAbi } from "ethers";
import { GOVERNOR, MEMORY } from "../../node/src/adapters/chain/abi.ts";
import type { ConsortiumAddress } from "../../node/src/adapters/chain/ethers-chain.ts";
import { createRpc } from "../../node/src/adapters/chain/rpc.ts";
import { createSender } from "../../node/src/adapters/chain/sender.ts";
import type { Account } from "./accounts.ts";
import { readRegistry } from "./registry.ts";
import { callRpc } from "./rpc.ts";

/** What a consortium is founded with. */
export interface Founding {
  /** Member accounts, numbered from 1 in this order. */
  readonly founders: readonly Address[];
  readonly parameters: Parameters;
  /** SHA-256 of the blinding key. */
  readonly blindingKeyHash: Bytes32;
  /** For how long a proposal is open, in seconds; at least an hour, a week by default. */
  readonly votingPeriodSeconds?: number;
}

/** The contents of `consortium.json`: where the consortium is and what it was founded with. */
export interface Consortium extends ConsortiumAddress, Founding {
  readonly votingPeriodSeconds: number;
}

const WEEK_SECONDS = 604_800;

export interface DeployOptions extends Founding {
  readonly url: string;
  /** Path of `consortium.json`. */
  readonly file: string;
  /** A new account: nonce 0 is the registry, nonce 1 the memory, nonce 2 the governor. */
  readonly deployer: Account;
  /** Directory of the compiled contracts; the project's artifacts by default. */
  readonly artifacts?: string;
  /** Called before the file is written: whatever makes the chain survive a crash. */
  readonly durable?: () => Promise<void>;
}

/**
 * Deploys a consortium, or checks the one that is there: it is never deployed again silently.
 *
 * A deployment that was interrupted goes on where it stopped.
 * @throws AnamnesisError `chain.mismatch` when chain, code, cross-references or founding differ,
 * `config.invalid` when the contracts are not built, `chain.unreachable`, `chain.reverted`
 */
export async function deployConsortium(given: DeployOptions): Promise<Consortium> {
  const options = { ...given, votingPeriodSeconds: given.votingPeriodSeconds ?? WEEK_SECONDS };
  const held = await readConsortium(options.file);
  if (held !== undefined) requireSameFounding(held, options);
  const artifacts = {
    registry: await readArtifact("MemberRegistry", options.artifacts),
    memory: await readArtifact("ImmuneMemory", options.artifacts),
    governor: await readArtifact("ConsortiumGovernor", options.artifacts),
  };
  const addresses = {
    registry: createAddress(options.deployer.address, 0),
    memory: createAddress(options.deployer.address, 1),
    governor: createAddress(options.deployer.address, 2),
  };
  if (held === undefined) await deployMissing(options, artifacts, addresses);
  const found = await inspect(options, artifacts, addresses);
  if (held === undefined) {
    await options.durable?.();
    await writeJson(options.file, found);
    return found;
  }
  for (const field of ["chainId", "genesisHash", ...CONTRACTS] as const)
    requireSame(field, found[field], held[field]);
  for (const name of CONTRACTS) requireSame(`${name} code`, found.codeHashes[name], held.codeHashes?.[name]);
  return held;
}

/** Reads `consortium.json`, or gives undefined when there is none. Throws `config.invalid`. */
export async function readConsortium(file: string): Promise<Consortium | undefined> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Consortium;
  } catch (cause) {
    throw new AnamnesisError(
      "config.invalid",
      `${file} is not JSON; restore it or start afresh with --fresh`,
      { cause },
    );
  }
}

interface Artifact {
  readonly name: string;
  readonly abi: InterfaceAbi;
  readonly bytecode: Hex;
  readonly deployedBytecode: Hex;
  readonly immutableReferences: Readonly<Record<string, readonly { start: number; length: number }[]>>;
}

const CONTRACTS = ["registry", "memory", "governor"] as const;

type Contracts<T> = Readonly<Record<(typeof CONTRACTS)[number], T>>;

/** With everything that is optional to say. */
type Complete = DeployOptions & { readonly votingPeriodSeconds: number };

async function deployMissing(
  options: Complete,
  artifacts: Contracts<Artifact>,
  addresses: Contracts<Address>,
): Promise<void> {
  const { url, deployer, founders, parameters, blindingKeyHash, votingPeriodSeconds } = options;
  const chainId = Number(await callRpc(url, "eth_chainId"));
  const rpc = createRpc([url], 10_000);
  const sender = createSender(rpc, deployer.key, chainId, 50, 60_000);
  const create = async (artifact: Artifact, args: readonly unknown[]) => {
    const encoded = new Interface(artifact.abi).encodeDeploy([...args]);
    await sender.send(null, fromHex(artifact.bytecode + encoded.slice(2)), new AbortController().signal);
  };
  try {
    const nonce = Number(await callRpc(url, "eth_getTransactionCount", [deployer.address, "latest"]));
    if (nonce < 1) await create(artifacts.registry, [addresses.governor, founders, parameters]);
    if (nonce < 2) await create(artifacts.memory, [addresses.registry, blindingKeyHash]);
    if (nonce < 3) await create(artifacts.governor, [addresses.registry, votingPeriodSeconds]);
  } finally {
    rpc.close();
  }
}

/** Checks code and cross-references of what is deployed, so that nobody could have slipped in. */
async function inspect(
  options: Complete,
  artifacts: Contracts<Artifact>,
  addresses: Contracts<Address>,
): Promise<Consortium> {
  const { url, founders, parameters, blindingKeyHash, votingPeriodSeconds } = options;
  const chainId = Number(await callRpc(url, "eth_chainId"));
  const genesis = (await callRpc(url, "eth_getBlockByNumber", ["0x0", false])) as { hash: Bytes32 };
  const codeHashes = {
    registry: await requireCode(url, artifacts.registry, addresses.registry),
    memory: await requireCode(url, artifacts.memory, addresses.memory),
    governor: await requireCode(url, artifacts.governor, addresses.governor),
  };
  const place = { url, consortium: { chainId, registry: addresses.registry } };
  const read = (contract: "memory" | "governor", method: string) =>
    readView(url, contract === "memory" ? MEMORY : GOVERNOR, addresses[contract], method);
  const governor = (await readRegistry(place, "governor", []))[0];
  requireSame("governor", lower(governor), addresses.governor);
  requireSame("registry of the governor", lower(await read("governor", "token")), addresses.registry);
  requireSame("voting period", Number(await read("governor", "votingPeriod")), votingPeriodSeconds);
  for (const [index, founder] of founders.entries()) {
    requireSame(
      `number of founder ${founder}`,
      Number((await readRegistry(place, "memberOf", [founder]))[0]),
      index + 1,
    );
  }
  requireSame("registry of the memory", lower(await read("memory", "registry")), addresses.registry);
  requireSame("blinding key hash", await read("memory", "blindingKeyHash"), blindingKeyHash);
  return {
    chainId,
    genesisHash: genesis.hash,
    ...addresses,
    codeHashes,
    founders,
    parameters,
    blindingKeyHash,
    votingPeriodSeconds,
  };
}

/** The deployed code must be the compiled one, but for the immutables that the constructor filled in. */
async function requireCode(url: string, artifact: Artifact, address: Address): Promise<Bytes32> {
  const code = fromHex(String(await callRpc(url, "eth_getCode", [address, "latest"])));
  const masked = Uint8Array.from(code);
  for (const { start, length } of Object.values(artifact.immutableReferences).flat())
    masked.fill(0, start, start + length);
  if (toHex(masked) !== artifact.deployedBytecode) {
    const what = code.length === 0 ? "there is no contract" : "there is other code";
    throw new AnamnesisError(
      "chain.mismatch",
      `${what} at ${address}, where ${artifact.name} belongs; start afresh with --fresh`,
    );
  }
  return toHex(keccak256(code)) as Bytes32;
}

async function readView(url: string, codec: Interface, to: Address, method: string): Promise<unknown> {
  const data = codec.encodeFunctionData(method);
  const answer = String(await callRpc(url, "eth_call", [{ to, data }, "latest"]));
  return codec.decodeFunctionResult(method, answer)[0];
}

const ARTIFACTS = fileURLToPath(new URL("../../artifacts", import.meta.url));

async function readArtifact(name: string, root = ARTIFACTS): Promise<Artifact> {
  const file = join(root, `contracts/${name}.sol/${name}.json`);
  try {
    return { name, ...(JSON.parse(await readFile(file, "utf8")) as Omit<Artifact, "name">) };
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `contract ${name} is not built; run npx hardhat build`, {
      cause,
    });
  }
}

function requireSameFounding(held: Consortium, wanted: Founding): void {
  for (const field of ["founders", "parameters", "blindingKeyHash", "votingPeriodSeconds"] as const) {
    requireSame(field, JSON.stringify(wanted[field]), JSON.stringify(held[field]));
  }
}

function requireSame(what: string, found: unknown, expected: unknown): void {
  if (found === expected) return;
  throw new AnamnesisError(
    "chain.mismatch",
    `${what} is ${found} and should be ${expected}; use its data directory or start afresh with --fresh`,
  );
}

function createAddress(from: Address, nonce: number): Address {
  return lower(getCreateAddress({ from, nonce })) as Address;
}

function lower(value: unknown): string {
  return String(value).toLowerCase();
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(`${path}.tmp`, "w");
  try {
    await file.writeFile(`${JSON.stringify(value, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}
