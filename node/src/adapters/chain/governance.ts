/** What a member asks the registry and the governor before it decides: views by call, history by logs. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex, MemberNumber, Parameters } from "@anamnesis/sdk/core/types";
import type { Interface, LogDescription } from "ethers";
import { GOVERNOR, REGISTRY } from "./abi.ts";
import type { RpcLog } from "./events.ts";
import { createLogReader } from "./logs.ts";
import type { Rpc } from "./rpc.ts";

/** A member as the registry has it. */
export interface MemberFacts {
  readonly number: MemberNumber;
  readonly account: Address;
  readonly state: "active" | "suspended" | "removed";
  /** Whether the account is a contract: a multisig. */
  readonly isContract: boolean;
}

/** A node key as the registry has it. */
export interface KeyFacts {
  readonly key: Address;
  readonly member: MemberNumber;
  readonly addedAtBlock: number;
  /** Absent while it is open. */
  readonly revokedAtBlock?: number;
  /** Entries of its feed that are anchored. */
  readonly anchoredSize: number;
}

/** One call of a proposal. */
export interface ProposalCall {
  readonly target: Address;
  readonly data: Hex;
}

/** OpenZeppelin's `ProposalState`, in its order. */
export const PROPOSAL_STATES = [
  "pending",
  "active",
  "canceled",
  "defeated",
  "succeeded",
  "queued",
  "expired",
  "executed",
] as const;
export type ProposalState = (typeof PROPOSAL_STATES)[number];

/** A vote that was cast. */
export interface Ballot {
  readonly account: Address;
  readonly vote: "against" | "for" | "abstain";
  readonly reason: string;
}

/** A proposal and what became of it, at the latest block. Times are seconds since the epoch. */
export interface Proposal {
  /** In the order in which they were made, from 1. */
  readonly number: number;
  readonly id: bigint;
  readonly proposer: Address;
  readonly calls: readonly ProposalCall[];
  readonly description: string;
  readonly block: number;
  readonly startsAt: number;
  readonly endsAt: number;
  /** The last second at which it may be executed once it has passed. */
  readonly expiresAt: number;
  readonly state: ProposalState;
  readonly votes: { readonly for: number; readonly against: number; readonly abstain: number };
  /** Votes For that make it pass: by the members there were when it was made. */
  readonly needed: number;
  /** While it is open, who has a vote on it: a member at that time, and now. */
  readonly voters: readonly Address[];
  readonly ballots: readonly Ballot[];
}

/** Reads the registry and its governor. Rejects with `chain.unreachable` | `chain.reverted` | `chain.mismatch`. */
export interface Governance {
  readonly registry: Address;
  head(): Promise<{ readonly number: number; readonly timestamp: number }>;
  /** Throws `chain.mismatch` when the registry's governor is no contract. */
  governor(): Promise<Address>;
  members(): Promise<readonly MemberFacts[]>;
  parameters(): Promise<Parameters>;
  /** Undefined for a key that was never added. */
  key(key: Address): Promise<KeyFacts | undefined>;
  /** Every key ever added, in that order. */
  keys(): Promise<readonly KeyFacts[]>;
  /** The contract's answer, at any block up to the head. */
  isKeyActive(key: Address, block: number): Promise<boolean>;
  proposals(): Promise<readonly Proposal[]>;
}

/** @param rpc of the chain, checked to be the right one */
export function createGovernance(rpc: Rpc, registry: Address): Governance {
  const view = async (codec: Interface, to: Address, method: string, args: readonly unknown[] = []) => {
    const data = codec.encodeFunctionData(method, [...args]);
    const result = String(await rpc.call("eth_call", [{ to, data }, "latest"]));
    if (result === "0x")
      throw new AnamnesisError("chain.mismatch", `there is no contract that knows ${method} at ${to}`);
    return codec.decodeFunctionResult(method, result);
  };
  const ask = async (method: string, ...args: readonly unknown[]) =>
    (await view(REGISTRY, registry, method, args))[0] as unknown;

  const head = async () => {
    const block = (await rpc.call("eth_getBlockByNumber", ["latest", false])) as RpcBlock | null;
    if (block === null) throw new AnamnesisError("chain.unreachable", "the chain has no latest block");
    return { number: Number(block.number), timestamp: Number(block.timestamp) };
  };

  /** The logs of one contract with one of these events, oldest first. */
  const logs = async (codec: Interface, contract: Address, names: readonly string[]) => {
    const topics = [names.map((name) => codec.getEvent(name)?.topicHash)];
    const read = createLogReader(
      (method, [filter]) => rpc.call(method, [{ ...(filter as object), topics }]),
      [contract],
    );
    const found = await read(0, (await head()).number);
    return found.toSorted(inOrder).flatMap((log) => {
      const parsed = codec.parseLog({ topics: [...log.topics], data: log.data });
      return parsed === null ? [] : [{ ...log, parsed }];
    });
  };

  const governor = async (): Promise<Address> => {
    const address = String(await ask("governor")).toLowerCase() as Address;
    const code = await rpc.call("eth_getCode", [address, "latest"]);
    if (code !== "0x") return address;
    throw new AnamnesisError(
      "chain.mismatch",
      `the governor ${address} of registry ${registry} is no contract: this consortium is not governed by votes`,
    );
  };

  const key = async (address: Address): Promise<KeyFacts | undefined> => {
    const [held, added] = await Promise.all([
      ask("nodeKey", address) as Promise<{ member: bigint; revokedAtBlock: bigint; size: bigint }>,
      ask("nodeKeyAddedAtBlock", address),
    ]);
    if (held.member === 0n) return undefined;
    const revokedAtBlock = Number(held.revokedAtBlock);
    return {
      key: address,
      member: Number(held.member) as MemberNumber,
      addedAtBlock: Number(added),
      ...(revokedAtBlock !== 0 && { revokedAtBlock }),
      anchoredSize: Number(held.size),
    };
  };

  const member = async (number: number): Promise<MemberFacts> => {
    const [account, isActive, isRemoved] = await Promise.all([
      ask("memberAccount", number).then((value) => String(value).toLowerCase() as Address),
      ask("isActiveMember", number),
      ask("isRemovedMember", number),
    ]);
    const isContract = (await rpc.call("eth_getCode", [account, "latest"])) !== "0x";
    const state = isActive === true ? "active" : isRemoved === true ? "removed" : "suspended";
    return { number: number as MemberNumber, account, state, isContract };
  };

  const standing = async (to: Address, id: bigint, accounts: readonly Address[]) => {
    const [[snapshot], state, votes, expiry] = await Promise.all([
      view(GOVERNOR, to, "proposalSnapshot", [id]),
      view(GOVERNOR, to, "state", [id]),
      view(GOVERNOR, to, "proposalVotes", [id]),
      view(GOVERNOR, to, "proposalExpiry", [id]),
    ]);
    const current = PROPOSAL_STATES[Number(state[0])] ?? "canceled";
    const asked = current === "pending" || current === "active" ? accounts : [];
    const [quorum, ...weights] = await Promise.all([
      view(GOVERNOR, to, "quorum", [snapshot]),
      ...asked.map((account) => view(GOVERNOR, to, "getVotes", [account, snapshot])),
    ]);
    return {
      state: current,
      votes: { against: Number(votes[0]), for: Number(votes[1]), abstain: Number(votes[2]) },
      needed: Number(quorum[0]),
      voters: asked.filter((_, i) => weights[i]?.[0] !== 0n),
      expiresAt: Number(expiry[0]),
    };
  };
  const members = async () => {
    const count = Number(await ask("memberCount"));
    return Promise.all(Array.from({ length: count }, (_, i) => member(i + 1)));
  };

  return {
    registry,
    head,
    governor,
    members,
    async parameters() {
      const held = (await ask("parameters")) as Record<keyof Parameters, bigint>;
      const { members, witnesses, refutes, maxBatch } = held;
      return {
        members: Number(members),
        witnesses: Number(witnesses),
        refutes: Number(refutes),
        maxBatch: Number(maxBatch),
      };
    },
    key,
    async keys() {
      const added = await logs(REGISTRY, registry, ["NodeKeyAdded"]);
      const keys = added.map(({ parsed }) => String(parsed.args.key).toLowerCase() as Address);
      const facts = await Promise.all(keys.map(key));
      return facts.filter((each) => each !== undefined);
    },
    isKeyActive: async (address, block) => (await ask("isNodeKeyActive", address, block)) === true,
    async proposals() {
      const to = await governor();
      const found = await logs(GOVERNOR, to, ["ProposalCreated", "VoteCast", "VoteCastWithParams"]);
      const ballots = Map.groupBy(
        found.filter(({ parsed }) => parsed.name !== "ProposalCreated"),
        ({ parsed }) => parsed.args.proposalId as bigint,
      );
      const created = found.filter(({ parsed }) => parsed.name === "ProposalCreated");
      const active = created.length === 0 ? [] : (await members()).filter(({ state }) => state === "active");
      const accounts = active.map(({ account }) => account);
      return Promise.all(
        created.map(async (log, i) => {
          const made = createdOf(log.parsed);
          return {
            number: i + 1,
            ...made,
            block: Number(log.blockNumber),
            ...(await standing(to, made.id, accounts)),
            ballots: (ballots.get(made.id) ?? []).map(({ parsed }) => ballotOf(parsed)),
          };
        }),
      );
    },
  };
}

interface RpcBlock {
  readonly number: string;
  readonly timestamp: string;
}

function inOrder(a: RpcLog, b: RpcLog): number {
  return Number(a.blockNumber) - Number(b.blockNumber) || Number(a.logIndex) - Number(b.logIndex);
}

function createdOf({ args }: LogDescription) {
  const targets = args.targets as readonly string[];
  const calldatas = args.calldatas as readonly string[];
  return {
    id: args.proposalId as bigint,
    proposer: String(args.proposer).toLowerCase() as Address,
    calls: targets.map((target, i) => ({
      target: target.toLowerCase() as Address,
      data: (calldatas[i] ?? "0x") as Hex,
    })),
    description: String(args.description),
    startsAt: Number(args.voteStart),
    endsAt: Number(args.voteEnd),
  };
}

function ballotOf({ args }: LogDescription): Ballot {
  return {
    account: String(args.voter).toLowerCase() as Address,
    vote: (["against", "for", "abstain"] as const)[Number(args.support)] ?? "abstain",
    reason: String(args.reason),
  };
}
