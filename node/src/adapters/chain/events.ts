import { type TypedDataHasher, uidOf } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, Bytes32, MemberNumber, Subject } from "@anamnesis/sdk/core/types";
import type { Result } from "ethers";
import type { ChainEvent, WriteOutcome } from "../../ports.ts";
import { MEMORY, REGISTRY } from "./abi.ts";

/** A log as JSON-RPC gives it; quantities are hexadecimal. */
export interface RpcLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: string;
  readonly logIndex: string;
}

/** Decodes the logs of both contracts in log order; what is not ours (OpenZeppelin's vote events) is left out. */
export function decodeLogs(logs: readonly RpcLog[], memory: Address, hasher: TypedDataHasher): ChainEvent[] {
  const ordered = logs.toSorted(
    (a, b) => Number(a.blockNumber) - Number(b.blockNumber) || Number(a.logIndex) - Number(b.logIndex),
  );
  const events: ChainEvent[] = [];
  for (const log of ordered) {
    const codec = log.address.toLowerCase() === memory ? MEMORY : REGISTRY;
    const parsed = codec.parseLog({ topics: [...log.topics], data: log.data });
    if (parsed === null) continue;
    const event = decode(parsed.name, parsed.args, Number(log.blockNumber), hasher);
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** The items a transaction's receipt says were passed over. */
export function decodeSkipped(logs: readonly RpcLog[]): WriteOutcome["skipped"] {
  const skipped: { index: number; skipCode: number }[] = [];
  for (const log of logs) {
    const parsed = MEMORY.parseLog({ topics: [...log.topics], data: log.data });
    if (parsed?.name === "Skipped")
      skipped.push({ index: Number(parsed.args.index), skipCode: Number(parsed.args.code) });
  }
  return skipped;
}

function decode(name: string, args: Result, block: number, hasher: TypedDataHasher): ChainEvent | undefined {
  const member = () => Number(args.member) as MemberNumber;
  switch (name) {
    case "MemberAdmitted":
      return { block, type: name, member: member(), account: address(args.account) };
    case "MemberSuspended":
    case "MemberReinstated":
      return { block, type: name, member: member() };
    case "ParametersChanged": {
      const [members, witnesses, refutes, maxBatch] = [...args].map(Number) as [
        number,
        number,
        number,
        number,
      ];
      return { block, type: name, parameters: { members, witnesses, refutes, maxBatch } };
    }
    case "NodeKeyAdded":
    case "NodeKeyRevoked":
      return { block, type: name, member: member(), key: address(args.key) };
    case "FeedAnchored":
      return {
        block,
        type: name,
        feed: address(args.feed),
        size: Number(args.size),
        root: args.root as Bytes32,
      };
    case "EquivocationProven":
      return { block, type: name, feed: address(args.feed) };
    case "Skipped":
      return { block, type: name, index: Number(args.index), skipCode: Number(args.code) };
    case "Attested": {
      const attestation = attestationOf(args);
      const { subject, content, ...rest } = attestation;
      const register = { member: member(), ...rest, uid: uidOf(hasher, attestation) };
      return { block, type: name, subject, key: address(args.key), register, content };
    }
    default:
      return undefined;
  }
}

function attestationOf(args: Result): Attestation {
  return {
    subject: args.subject as Subject,
    stance: Number(args.stance) as Attestation["stance"],
    basis: Number(args.basis) as Attestation["basis"],
    confidence: Number(args.confidence),
    validUntil: Number(args.validUntil),
    version: Number(args.version),
    content: args.content as Bytes32,
  };
}

function address(value: unknown): Address {
  return String(value).toLowerCase() as Address;
}
