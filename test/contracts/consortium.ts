import { Signature, type TransactionReceipt, Wallet } from "ethers";
import { network } from "hardhat";
import type { ImmuneMemory } from "../../types/ImmuneMemory.ts";
import type { MemberRegistry } from "../../types/MemberRegistry.ts";
import * as oracle from "../vectors/oracle.ts";

/** Seconds since the epoch at which every consortium is founded. */
export const FOUNDED = 1_800_000_000;

export const BLINDING_KEY_HASH = oracle.hex(oracle.sha256(oracle.sha256("anamnesis/test/blinding/1")));

export interface Thresholds {
  members: number;
  witnesses: number;
  refutes: number;
  maxBatch: number;
}

export const DEFAULTS: Thresholds = { members: 3, witnesses: 2, refutes: 2, maxBatch: 100 };

/**
 * A consortium of `size` members on a chain of its own, in this process: member m has the account `accounts[m - 1]` and
 * the node key `keys[m - 1]`; `governor` is an account that may do what a vote of the members may.
 */
export async function makeConsortium(size: number, thresholds: Thresholds = DEFAULTS) {
  const connection = await network.create({
    override: { initialDate: new Date(FOUNDED * 1000).toISOString() },
  });
  const { ethers, networkHelpers } = connection;
  const [governor, stranger] = await ethers.getSigners();
  if (governor === undefined || stranger === undefined) throw new Error("the network has no accounts");

  const accounts = Array.from(
    { length: size },
    (_, i) => new Wallet(oracle.privateKey(1000 + i), ethers.provider),
  );
  const keys = Array.from({ length: size }, (_, i) => oracle.privateKey(i + 1));
  const registry = (await ethers.deployContract("MemberRegistry", [
    governor.address,
    accounts.map((account) => account.address),
    thresholds,
  ])) as unknown as MemberRegistry;
  const memory = (await ethers.deployContract("ImmuneMemory", [
    await registry.getAddress(),
    BLINDING_KEY_HASH,
  ])) as unknown as ImmuneMemory;
  const domain: oracle.Domain = {
    name: "Anamnesis",
    version: "1",
    chainId: Number((await ethers.provider.getNetwork()).chainId),
    verifyingContract: await registry.getAddress(),
  };
  /** What an account hands in to add the node key `key`. */
  const possession = (account: { address: string }, key: string): [key: string, possession: string] => [
    oracle.addressOf(key),
    oracle.sign(oracle.possessionDigest(domain, account.address), key),
  ];
  for (const [i, account] of accounts.entries()) {
    await networkHelpers.setBalance(account.address, 10n ** 18n);
    await registry.connect(account).addNodeKey(...possession(account, keys[i] as string));
  }

  /** A head of the feed whose key is `key`, and its signature. */
  const signHead = (key: string, size: number, root: Uint8Array): [oracle.FeedHead, signature: string] => {
    const head = { feed: oracle.addressOf(key), size, root: oracle.hex(root) };
    return [head, oracle.sign(oracle.headDigest(domain, head), key)];
  };
  const consortium = {
    ethers,
    networkHelpers,
    governor,
    stranger,
    accounts,
    keys,
    registry: registry.connect(governor),
    memory: memory.connect(governor),
    possession,
    signHead,
    /** The same as `anchor` takes it. */
    signedHead(key: string, size: number, root: Uint8Array) {
      const [head, signature] = signHead(key, size, root);
      const { r, s, v } = Signature.from(signature);
      return { ...head, r, s, v };
    },
    signAttestation: (key: string, attestation: oracle.Attestation) =>
      oracle.sign(oracle.attestationDigest(domain, attestation), key),
    uid: (attestation: oracle.Attestation) => oracle.attestationDigest(domain, attestation),
    /** What a call or a transaction comes to: `done`, or the error's name and arguments. */
    async outcome(call: Promise<unknown>): Promise<"done" | [error: string, ...args: unknown[]]> {
      try {
        await call;
        return "done";
      } catch (error) {
        const data = (error as { data?: unknown }).data;
        if (typeof data !== "string") throw error;
        const revert = registry.interface.parseError(data) ?? memory.interface.parseError(data);
        if (revert === null) throw error;
        return [revert.name, ...revert.args.toArray(true)];
      }
    },
    /** The events of a transaction, in order. */
    async events(sent: Promise<{ wait(): Promise<TransactionReceipt | null> }>) {
      const receipt = await (await sent).wait();
      return (receipt?.logs ?? []).flatMap((log) => {
        const event = registry.interface.parseLog(log) ?? memory.interface.parseLog(log);
        return event === null ? [] : [[event.name, ...event.args.toArray(true)]];
      });
    },
  };
  return [consortium, () => connection.close()] as const;
}

export type Consortium = Awaited<ReturnType<typeof makeConsortium>>[0];

/** A support of an observed subject that lasts a day from the founding; `changes` say what is different. */
export function makeAttestation(changes: Partial<oracle.Attestation> = {}): oracle.Attestation {
  return {
    subject: oracle.hex(oracle.sha256("subject")),
    stance: 1,
    basis: 1,
    confidence: 80,
    validUntil: FOUNDED + 86_400,
    version: FOUNDED * 1000,
    content: oracle.hex(oracle.sha256("content")),
    ...changes,
  };
}
