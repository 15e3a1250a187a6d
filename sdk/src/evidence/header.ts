/** Block headers and what QBFT puts into them, as Besu and GoQuorum do. */
import { equalBytes, fromHex, toHex } from "../core/bytes.ts";
import { keccak256 } from "../core/hash.ts";
import type { Address, Bytes32 } from "../core/types.ts";
import { refuse } from "./refuse.ts";
import { bytesOf, decodeRlp, encodeRlp, type RlpItem, scalarOf } from "./rlp.ts";

/** What a block's header tells. */
export interface Header {
  readonly number: number;
  readonly hash: Bytes32;
  readonly parentHash: Bytes32;
  readonly stateRoot: Uint8Array;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  /** Absent when the block is not one of QBFT. */
  readonly qbft?: QbftHeader;
}

/** What QBFT adds. */
export interface QbftHeader {
  /** The block's author, whose the vote is. */
  readonly proposer: Address;
  /** Who may seal this block, ascending. */
  readonly validators: readonly Address[];
  readonly vote?: { readonly candidate: Address; readonly add: boolean };
  readonly round: number;
  /** Keccak-256 of the header with round and without seals: what is sealed. */
  readonly commitHash: Uint8Array;
  /** r ‖ s ‖ recovery bit, 65 bytes each. */
  readonly seals: readonly Uint8Array[];
}

/** mixHash of every QBFT block: keccak256("Istanbul practical byzantine fault tolerance"). */
const QBFT_MIX_HASH = fromHex("0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365");

/** Fields of a header, from before London (15) up to Prague (21). */
const [LEAST_FIELDS, MOST_FIELDS] = [15, 21];
const EXTRA_DATA = 12;

const NOTHING: RlpItem = new Uint8Array(0);
const ADD_VOTE = Uint8Array.of(0xff);

/**
 * Reads a header in its only encoding.
 * @param field names it in messages
 * @throws AnamnesisError `evidence.header`
 */
export function readHeader(rlp: Uint8Array, field: string): Header {
  const fields = decodeRlp(rlp);
  if (fields === undefined || fields instanceof Uint8Array || !equalBytes(encodeRlp(fields), rlp))
    throw refuse("evidence.header", field, "is not the RLP of a block header in its only form");
  if (fields.length < LEAST_FIELDS || fields.length > MOST_FIELDS)
    throw refuse("evidence.header", field, `has ${fields.length} fields, which no block header has`);
  const parentHash = bytesOf(fields[0], 32);
  const proposer = bytesOf(fields[2], 20);
  const stateRoot = bytesOf(fields[3], 32);
  const number = scalarOf(fields[8]);
  const timestamp = scalarOf(fields[11]);
  const mixHash = bytesOf(fields[13], 32);
  if (!parentHash || !proposer || !stateRoot || !mixHash || number === undefined || timestamp === undefined)
    throw refuse("evidence.header", field, "has fields of other lengths than a block header");
  const read = { number, parentHash: toHex(parentHash) as Bytes32, stateRoot, timestamp };
  if (!equalBytes(mixHash, QBFT_MIX_HASH)) return { ...read, hash: toHex(keccak256(rlp)) as Bytes32 };
  const extra = readExtraData(fields[EXTRA_DATA]);
  if (extra === undefined || scalarOf(fields[7]) !== 1)
    throw refuse("evidence.header", field, "has QBFT's mixHash and not its extraData and difficulty");
  const { parts, ...qbft } = extra;
  const hashWith = (round: RlpItem): Uint8Array => {
    const [vanity, validators, vote] = parts;
    const extraData = encodeRlp([vanity, validators, vote, round, []] as RlpItem[]);
    return keccak256(encodeRlp(fields.map((value, index) => (index === EXTRA_DATA ? extraData : value))));
  };
  return {
    ...read,
    hash: toHex(hashWith(NOTHING)) as Bytes32,
    qbft: { ...qbft, proposer: toHex(proposer) as Address, commitHash: hashWith(parts[3] as RlpItem) },
  };
}

type ExtraData = Omit<QbftHeader, "proposer" | "commitHash"> & { readonly parts: readonly RlpItem[] };

/** [vanity 32, [validator…], [] | [candidate, 0xff | empty], round, [seal65…]]; undefined for anything else. */
function readExtraData(item: RlpItem | undefined): ExtraData | undefined {
  const parts = item instanceof Uint8Array ? decodeRlp(item) : undefined;
  if (parts === undefined || parts instanceof Uint8Array || parts.length !== 5) return undefined;
  if (!equalBytes(encodeRlp(parts), item as Uint8Array)) return undefined;
  const [vanity, addresses, ballot, number, sealed] = parts;
  const validators = listOf(addresses, 20)?.map((address) => toHex(address) as Address);
  const seals = listOf(sealed, 65);
  const round = scalarOf(number);
  const vote = readVote(ballot);
  if (bytesOf(vanity, 32) === undefined || !validators || !seals || !vote || round === undefined)
    return undefined;
  if (round > 0xffffffff || !isAscending(validators)) return undefined;
  return { parts, validators, seals, round, ...(vote !== "none" && { vote }) };
}

function readVote(item: RlpItem | undefined): QbftHeader["vote"] | "none" | undefined {
  if (item === undefined || item instanceof Uint8Array) return undefined;
  if (item.length === 0) return "none";
  const candidate = bytesOf(item[0], 20);
  const kind = item[1];
  if (item.length !== 2 || candidate === undefined || !(kind instanceof Uint8Array)) return undefined;
  if (kind.length !== 0 && !equalBytes(kind, ADD_VOTE)) return undefined;
  return { candidate: toHex(candidate) as Address, add: kind.length === 1 };
}

function listOf(item: RlpItem | undefined, length: number): readonly Uint8Array[] | undefined {
  if (item === undefined || item instanceof Uint8Array) return undefined;
  const all = item.map((each) => bytesOf(each, length));
  return all.every((each) => each !== undefined) ? all : undefined;
}

function isAscending(values: readonly string[]): boolean {
  return values.every((value, index) => index === 0 || (values[index - 1] as string) < value);
}
