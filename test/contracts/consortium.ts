import { type BaseContract, getCreateAddress, id, Signature, type TransactionReceipt, Wallet } from "ethers";
import { network } from "hardhat";
import type { ConsortiumGovernor } from "../../types/ConsortiumGovernor.ts";
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

/** How long a proposal is open, in seconds. */
export const VOTING_PERIOD = 86_400;

/** How a vote is cast. */
export const BALLOT = { against: 0, for: 1, abstain: 2 } as const;

/** What `IGovernor.state` says. */
export const STATES = [
  "pending",
  "active",
  "canceled",
  "defeated",
  "succeeded",
  "queued",
  "expired",
  "executed",
] as const;

/** One call of the registry by its governor. */
export type Action = readonly [
  method: "admit" | "suspend" | "reinstate" | "remove" | "setParameters",
  argument: unknown,
];

/**
 * A consortium of `size` members on a chain of its own, in this process: member m has the account `accounts[m - 1]` and
 * the node key `keys[m - 1]`. `governor` is an account that may do what a vote of the members may; if `governed`, it
 * only deploys, and `parliament` governs.
 */
export async function makeConsortium(
  size: number,
  thresholds: Thresholds = DEFAULTS,
  options: { readonly governed?: boolean } = {},
) {
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
  const nonce = await ethers.provider.getTransactionCount(governor.address);
  const parliamentAddress = getCreateAddress({ from: governor.address, nonce: nonce + 2 });
  const registry = (await ethers.deployContract("MemberRegistry", [
    options.governed ? parliamentAddress : governor.address,
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
  if (options.governed)
    await ethers.deployContract("ConsortiumGovernor", [await registry.getAddress(), VOTING_PERIOD]);
  const parliament = (await ethers.getContractAt(
    "ConsortiumGovernor",
    parliamentAddress,
  )) as unknown as ConsortiumGovernor;
  for (const [i, account] of accounts.entries()) {
    await networkHelpers.setBalance(account.address, 10n ** 18n);
    await registry.connect(account).addNodeKey(...possession(account, keys[i] as string));
  }

  /** A head of the feed whose key is `key`, and its signature. */
  const signHead = (key: string, size: number, root: Uint8Array): [oracle.FeedHead, signature: string] => {
    const head = { feed: oracle.addressOf(key), size, root: oracle.hex(root) };
    return [head, oracle.sign(oracle.headDigest(domain, head), key)];
  };
  const contracts: readonly BaseContract[] = [registry, memory, parliament];
  /** A proposal as `propose` and `execute` take it, and its id. */
  const proposal = async (actions: readonly Action[], description: string) => {
    const calls = [
      actions.map(() => registry.target as string),
      actions.map(() => 0n),
      actions.map(([method, argument]) =>
        registry.interface.encodeFunctionData(method as never, [argument] as never),
      ),
    ] as const;
    const hash = id(description);
    return { calls, description, hash, id: await parliament.hashProposal(...calls, hash) };
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
    parliament: parliament.connect(governor),
    proposal,
    /** Member `m` proposes. */
    async propose(actions: readonly Action[], description: string, m = 1) {
      const made = await proposal(actions, description);
      await parliament.connect(accounts[m - 1] as Wallet).propose(...made.calls, description);
      return made;
    },
    /** Members m vote. */
    async vote(proposalId: bigint, ballot: keyof typeof BALLOT, ...members: number[]) {
      for (const m of members)
        await parliament.connect(accounts[m - 1] as Wallet).castVote(proposalId, BALLOT[ballot]);
    },
    /** The first ⌊n/2⌋ + 1 of the members given, all by default, pass and execute a proposal. */
    async decide(actions: readonly Action[], description: string, members?: readonly number[]) {
      const voters = members ?? accounts.map((_, i) => i + 1);
      const needed = Math.floor(Number(await registry.activeMembers()) / 2) + 1;
      const made = await consortium.propose(actions, description, voters[0]);
      await consortium.vote(made.id, "for", ...voters.slice(0, needed));
      await parliament.execute(...made.calls, made.hash);
    },
    state: async (proposalId: bigint) => STATES[Number(await parliament.state(proposalId))],
    /** Tells two states of everything that the contracts store apart. */
    async storage(): Promise<string[]> {
      const proofs = await Promise.all(
        contracts.map(({ target }) => ethers.provider.send("eth_getProof", [target, [], "latest"])),
      );
      return proofs.map((proof: { storageHash: string }) => proof.storageHash);
    },
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
        const [revert] = contracts.flatMap((contract) => contract.interface.parseError(data) ?? []);
        if (revert === undefined) throw error;
        return [revert.name, ...revert.args.toArray(true)];
      }
    },
    /** The events of a transaction, in order. */
    async events(sent: Promise<{ wait(): Promise<TransactionReceipt | null> }>) {
      const receipt = await (await sent).wait();
      return (receipt?.logs ?? []).flatMap((log) => {
        const [event] = contracts.flatMap((contract) => contract.interface.parseLog(log) ?? []);
        return event === undefined ? [] : [[event.name, ...event.args.toArray(true)]];
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
