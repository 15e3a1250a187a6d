/* The parts of a plant that a running node and an offline look share: identity, controls, policy. */
import { readFileSync } from "node:fs";
import { parseAddress, parseBytes32, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { blindingKeyHash } from "@anamnesis/sdk/core/ids";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import { createHasher, type TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, Signature } from "@anamnesis/sdk/core/types";
import { parseContractSignature } from "./adapters/chain/contract-signature.ts";
import { type ConsortiumAddress, createEthersChain } from "./adapters/chain/ethers-chain.ts";
import { createCommand } from "./adapters/controls/command.ts";
import { createCrowdsec } from "./adapters/controls/crowdsec.ts";
import { createEdl } from "./adapters/controls/edl.ts";
import { createGateway } from "./adapters/controls/gateway.ts";
import { nftByHelper } from "./adapters/controls/nft-client.ts";
import { createNftables } from "./adapters/controls/nftables.ts";
import { createSuricata } from "./adapters/controls/suricata.ts";
import { createZeekIntel } from "./adapters/controls/zeek-intel.ts";
import { readSecretFile } from "./adapters/keys/keystore.ts";
import { assembleElsewhere } from "./assembler.ts";
import type { Config } from "./config.ts";
import type { AnswerPorts } from "./flows/answer-types.ts";
import { exportEvidence } from "./flows/archive-export.ts";
import type { ExportPorts } from "./flows/archive-types.ts";
import type { VaccinateOptions } from "./flows/vaccinate-types.ts";
import type { Chain, Clock, Control, InFlightBook, Log } from "./ports.ts";
import type { Registry } from "./state/registry.ts";

/** Where a consortium lives; every member has the same file. */
export type ConsortiumFile = ConsortiumAddress & { readonly blindingKeyHash: Bytes32 };

/** Reads consortium.json. Throws `config.invalid`. */
export function readConsortium(path: string): ConsortiumFile {
  try {
    const value = JSON.parse(readFileSync(path, "utf8")) as ConsortiumFile;
    return {
      chainId: Number(value.chainId),
      genesisHash: parseBytes32(value.genesisHash, "genesisHash"),
      registry: parseAddress(value.registry, "registry"),
      memory: parseAddress(value.memory, "memory"),
      governor: parseAddress(value.governor, "governor"),
      codeHashes: {
        registry: parseBytes32(value.codeHashes?.registry, "codeHashes.registry"),
        memory: parseBytes32(value.codeHashes?.memory, "codeHashes.memory"),
        governor: parseBytes32(value.codeHashes?.governor, "codeHashes.governor"),
      },
      blindingKeyHash: parseBytes32(value.blindingKeyHash, "blindingKeyHash"),
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AnamnesisError(
      "config.invalid",
      `chain.consortium: ${path}: ${why}; it is the file that the consortium's foundation wrote`,
      { cause },
    );
  }
}

/** The consortium's blinding key as kept here, or undefined. Throws `blindingKey.mismatch` when it is another one. */
export function readBlindingKey(path: string, expected: Bytes32): Uint8Array | undefined {
  const key = readSecretFile(path, "blindingKey");
  if (key !== undefined && blindingKeyHash(key) !== expected) {
    throw new AnamnesisError(
      "blindingKey.mismatch",
      `blindingKey: ${path} is not this consortium's key; remove it and the node fetches it from a peer`,
    );
  }
  return key;
}

/** The EIP-712 digests of a consortium. */
export function hasherOf(consortium: ConsortiumAddress): TypedDataHasher {
  return createHasher({ chainId: consortium.chainId, verifyingContract: consortium.registry });
}

/** The keys of the accounts that pay. Throws `keystore.missing`. */
export function readRelayKeys(config: Config): readonly Uint8Array[] {
  return config.chain.relayKey.map((file) => {
    const key = readSecretFile(file, "chain.relayKey");
    if (key !== undefined) return key;
    throw new AnamnesisError(
      "keystore.missing",
      `chain.relayKey: ${file} does not exist; create one with \`anamnesis node init\``,
    );
  });
}

/** The chain of a configuration, not started; without `senders` it only reads. */
export function createChain(
  config: Config,
  consortium: ConsortiumAddress,
  log: Log,
  writing: { readonly senders: readonly Uint8Array[]; readonly book?: InFlightBook } = { senders: [] },
): Chain {
  const { urls, check, emptyBlockPeriodSeconds } = config.chain;
  const stalledMs = 3000 * emptyBlockPeriodSeconds;
  return createEthersChain({ urls, check, stalledMs, consortium, log, ...writing });
}

/** Makes bundles of evidence from a plant's rooms and its chain. */
export function exporterOf(
  ports: Omit<ExportPorts, "trust" | "need" | "assemble">,
  { chainId, genesisHash, registry, memory, codeHashes }: ConsortiumAddress,
): AnswerPorts["exportEvidence"] {
  const trust = {
    chainId,
    genesisHash,
    registry: { address: registry, codeHash: codeHashes.registry },
    memory: { address: memory, codeHash: codeHashes.memory },
  };
  return (selection, need, onStep) =>
    exportEvidence({ ...ports, trust, need, assemble: assembleElsewhere }, selection, onStep);
}

/** The controls of a configuration. */
export function createControls(config: Config, clock: Clock): Control[] {
  return config.controls.map((setting) => {
    const { name, kind, level, path, load, helper, crowdsec, run, ask } = setting;
    const options = { name, level, path };
    if (kind === "edl") return createEdl(options, { clock });
    if (run !== undefined) return createCommand({ ...options, run, ...(ask && { ask }) }, { clock });
    if (crowdsec !== undefined) return createCrowdsec({ name, level, ...crowdsec }, { clock });
    if (kind === "zeek-intel") return createZeekIntel(options, { clock });
    if (kind === "gateway") return createGateway(options, { clock });
    if (kind === "nftables")
      return createNftables(
        { ...options, ...((load || helper !== undefined) && { apply: "exec" as const }) },
        { clock, ...(helper !== undefined && { nft: nftByHelper(helper) }) },
      );
    const { sensor, socket, test } = setting;
    return createSuricata(
      { ...options, ...(sensor && { sensor }), ...(socket && { socket }), ...(test && { test }) },
      { clock },
    );
  });
}

/**
 * The member account that signed this configuration for this node's member, or undefined. Only a
 * signed configuration may act above alert: whoever can edit a file must not be able to block a plant.
 */
export function configSigner(
  config: Config,
  hasher: TypedDataHasher,
  registry: Registry,
  key: Address,
): Address | undefined {
  if (config.signature === undefined) return undefined;
  const member = registry.key(key)?.member;
  const account = registry.members().find(({ number }) => number === member)?.account;
  const signer = recoverSigner(hasher.configuration(config.digest), config.signature.signature as Signature);
  return signer !== undefined && signer === account ? signer : undefined;
}

/**
 * The same for a node that runs, also where the member's account is a contract: that is asked (EIP-1271) at
 * the block up to which the chain was read. Undefined, and a warning, when nobody can be asked.
 */
export async function askConfigSigner(
  config: Config,
  hasher: TypedDataHasher,
  registry: Registry,
  key: Address,
  { chain, log }: { readonly chain: Pick<Chain, "isSignedByContract">; readonly log: Log },
): Promise<Address | undefined> {
  const signer = configSigner(config, hasher, registry, key);
  const member = registry.key(key)?.member;
  const account = registry.members().find(({ number }) => number === member)?.account;
  const block = registry.recordedAt()?.number;
  if (signer !== undefined || account === undefined || block === undefined) return signer;
  if (config.signature?.signer !== account) return undefined;
  try {
    const digest = toHex(hasher.configuration(config.digest)) as Bytes32;
    const signature = parseContractSignature(config.signature.signature, "plant.yaml.sig: signature");
    return (await chain.isSignedByContract(account, digest, signature, block)) ? account : undefined;
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    log.warn("config.signature", { code: error.code, message: error.message });
    return undefined;
  }
}

/** What vaccination may do at this plant. Unsigned: every control is in shadow and no standing change holds. */
export function policyOf(config: Config, signed: boolean): Omit<VaccinateOptions, "commit"> {
  return {
    self: () => config.self,
    phases: Object.fromEntries(
      config.controls.map(({ name, phase }) => [name, phase === "protecting" && !signed ? "shadow" : phase]),
    ),
    safetyControls: config.controls.filter(({ safety }) => safety).map(({ name }) => name),
    budgetPerHour: config.budget.blocksPerHour,
    durationMs: config.budget.expiryHours * 3_600_000,
    requireRecorded: config.requireRecorded,
    standing: signed
      ? config.standing.map((change) => ({
          name: change.name,
          classes: [change.class],
          controls: change.controls,
          levels: [],
          action: change.action,
          maxDurationMs: change.maxHours * 3_600_000,
          validUntilMs: Date.parse(change.until),
        }))
      : [],
  };
}
