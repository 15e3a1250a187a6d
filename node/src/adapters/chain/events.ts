import { type TypedDataHasher, uidOf } from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, Bytes32, MemberNumber, Subject } from "@anamnesis/sdk/core/types";
import type { Result } from "ethers";
import type { ChainEvent, WriteOutcome } from "../../ports.ts";
import { MEMORY, REGISTRY } from "./abi.ts";

const ATTESTED = MEMORY.getEvent("Attested")?.topicHash;
const SKIPPED = MEMORY.getEvent("Skipped")?.topicHash;

/** A log as JSON-RPC gives it; quantities are hexadecimal. */
export interface RpcLog {
  readonly address: string;
  readonly topics: readonly string[];
  readonly data: string;
  readonly blockNumber: string;
  readonly blockHash?: string;
  readonly logIndex: string;
}

/** Decodes the logs of both contracts in log order; what is not ours (OpenZeppelin's vote events) is left out. */
export function decodeLogs(logs: readonly RpcLog[], memory: Address, hasher: TypedDataHasher): ChainEvent[] {
  const ordered = logs.toSorted(
    (a, b) => Number(a.blockNumber) - Number(b.blockNumber) || Number(a.logIndex) - Number(b.logIndex),
  );
  const events: ChainEvent[] = [];
  for (const log of ordered) {
    if (log.topics[0] === ATTESTED) {
      events.push(decodeAttested(log, hasher));
      continue;
    }
    const codec = log.address.toLowerCase() === memory ? MEMORY : REGISTRY;
    const parsed = codec.parseLog({ topics: [...log.topics], data: log.data });
    if (parsed === null) continue;
    const event = decode(parsed.name, parsed.args, Number(log.blockNumber));
    if (event !== undefined) events.push(event);
  }
  return events;
}

/** The items a transaction's receipt says were passed over. */
export function decodeSkipped(logs: readonly RpcLog[]): WriteOutcome["skipped"] {
  const skipped: { index: number; skipCode: number }[] = [];
  for (const log of logs) {
    if (log.topics[0] !== SKIPPED) continue;
    const parsed = MEMORY.parseLog({ topics: [...log.topics], data: log.data });
    if (parsed?.name === "Skipped")
      skipped.push({ index: Number(parsed.args.index), skipCode: Number(parsed.args.code) });
  }
  return skipped;
}

function decode(name: string, args: Result, block: number): ChainEvent | undefined {
  const member = () => Number(args.member) as MemberNumber;
  switch (name) {
    case "MemberAdmitted":
      return { block, type: name, member: member(), account: address(args.account) };
    case "MemberSuspended":
    case "MemberReinstated":
    case "MemberRemoved":
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
    default:
      return undefined;
  }
}

/** By hand: nearly every event is one of these, and ethers takes a third of a millisecond for each. */
function decodeAttested(log: RpcLog, hasher: TypedDataHasher): ChainEvent {
  const [, subject, member, key] = log.topics as [string, string, string, string];
  const word = (index: number) => log.data.slice(2 + 64 * index, 66 + 64 * index);
  const number = (index: number) => Number(`0x${word(index)}`);
  const attestation: Attestation = {
    subject: subject as Subject,
    stance: number(0) as Attestation["stance"],
    basis: number(1) as Attestation["basis"],
    confidence: number(2),
    validUntil: number(3),
    version: number(4),
    content: `0x${word(5)}` as Bytes32,
  };
  const { subject: _, content, ...rest } = attestation;
  return {
    block: Number(log.blockNumber),
    type: "Attested",
    subject: attestation.subject,
    key: address(`0x${key.slice(26)}`),
    register: { member: Number(member) as MemberNumber, ...rest, uid: uidOf(hasher, attestation) },
    content,
  };
}

function address(value: unknown): Address {
  return String(value).toLowerCase() as Address;
}
