/** A bundle from its bytes in one pass: the same bundles as `parseBundle` reads, ready to be verified. */
import { utf8 } from "../core/bytes.ts";
import { MAX_ENTRY_BYTES } from "../core/entry.ts";
import { AnamnesisError } from "../core/errors.ts";
import type {
  Address,
  Basis,
  Bytes32,
  Entry,
  Hex,
  IndicatorId,
  MemberNumber,
  PatternType,
  Stance,
} from "../core/types.ts";
import { type Cursor, createCursor, jsonOf, NOT_CANONICAL } from "./cursor.ts";
import {
  courseOfActionShape,
  MAX_BUNDLE_BYTES,
  MAX_HEADER_BYTES,
  MAX_LEAVES,
  MAX_NODE_BYTES,
  MAX_PATTERN_CHARACTERS,
  PATTERN_TYPES,
  parseBundle,
} from "./parse.ts";
import { readEntry } from "./read-entry.ts";
import { type AttestationEvidence, BUNDLE_FORMAT, type ChainIdentity, type RecordName } from "./types.ts";

/** What `EvidenceBundle` says, with bytes where bytes are needed. */
export interface ReadBundle {
  readonly chain: ChainIdentity;
  readonly headers: readonly Uint8Array[];
  readonly snapshots: readonly ReadSnapshot[];
}

/** What `Snapshot` says. */
export interface ReadSnapshot {
  readonly block: { readonly hash: Bytes32; readonly number: number };
  readonly contents: readonly ReadEntry[];
  readonly feeds: readonly ReadFeed[];
  readonly keys: readonly Hex[];
  readonly memberCount: number;
  readonly proof: {
    readonly accounts: readonly Uint8Array[];
    readonly memory: readonly Uint8Array[];
    readonly registry: readonly Uint8Array[];
  };
  readonly records: readonly ReadRecord[];
}

/** An entry with its canonical bytes. */
export interface ReadEntry {
  readonly entry: Entry;
  readonly bytes: Uint8Array;
  readonly salt: Uint8Array;
}

/** What `RecordEvidence` says. */
export interface ReadRecord {
  readonly attestations: readonly ReadAttestation[];
  readonly blind: Uint8Array;
  readonly name: RecordName;
}

/** What `AttestationEvidence` says. */
export type ReadAttestation = Omit<AttestationEvidence, "signature"> & { readonly signature: Uint8Array };

/** What `FeedEvidence` says. */
export interface ReadFeed {
  readonly feed: Address;
  readonly items: readonly (ReadEntry & { readonly index: number })[];
  readonly path: readonly Uint8Array[];
  readonly root: Bytes32;
  readonly signature: Uint8Array;
  readonly size: number;
}

/**
 * Reads a bundle. Nothing is verified yet.
 *
 * Memory and time are bounded by the size: only entries become objects, one after the other.
 * @throws AnamnesisError `evidence.unreadable`, in the words of `parseBundle`
 */
export function readBundle(bytes: Uint8Array): ReadBundle {
  if (bytes.length <= MAX_BUNDLE_BYTES) {
    try {
      return bundleAt(createCursor(bytes));
    } catch (error) {
      if (error !== NOT_CANONICAL) throw error;
    }
  }
  parseBundle(bytes);
  throw new AnamnesisError("evidence.unreadable", "the bundle is not in canonical form (RFC 8785)");
}

const L = {
  chain: utf8('{"chain":{"chainId":'),
  genesisHash: utf8(',"genesisHash":'),
  memory: utf8(',"memory":'),
  registry: utf8(',"registry":'),
  headers: utf8(`},"format":"${BUNDLE_FORMAT}","headers":`),
  snapshots: utf8(',"snapshots":'),
  block: utf8('{"block":{"hash":'),
  number: utf8(',"number":'),
  contents: utf8('},"contents":'),
  feeds: utf8(',"feeds":'),
  keys: utf8(',"keys":'),
  memberCount: utf8(',"memberCount":'),
  accounts: utf8(',"proof":{"accounts":'),
  records: utf8('},"records":'),
  entry: utf8('{"entry":'),
  index: utf8(',"index":'),
  salt: utf8(',"salt":'),
  feed: utf8('{"feed":'),
  items: utf8(',"items":'),
  path: utf8(',"path":'),
  root: utf8(',"root":'),
  signature: utf8(',"signature":'),
  size: utf8(',"size":'),
  attestations: utf8('{"attestations":'),
  basis: utf8('{"basis":'),
  confidence: utf8(',"confidence":'),
  content: utf8(',"content":'),
  key: utf8(',"key":'),
  member: utf8(',"member":'),
  stance: utf8(',"stance":'),
  validUntil: utf8(',"validUntil":'),
  version: utf8(',"version":'),
  blind: utf8(',"blind":'),
  name: utf8(',"name":'),
  pattern: utf8('{"pattern":'),
  patternType: utf8(',"patternType":'),
  indicator: utf8('{"indicator":'),
  object: utf8(',"object":'),
  isIndicator: utf8(',"type":"indicator"}'),
  isResponse: utf8(',"type":"response"}'),
  close: utf8("}"),
} as const;

function bundleAt(c: Cursor): ReadBundle {
  c.expect(L.chain);
  const chainId = c.whole(0, Number.MAX_SAFE_INTEGER);
  const genesisHash = hashAfter(c, L.genesisHash);
  const memory = addressAfter(c, L.memory);
  const registry = addressAfter(c, L.registry);
  c.expect(L.headers);
  const headers = c.list(() => c.hex(1, MAX_HEADER_BYTES), 1);
  c.expect(L.snapshots);
  const snapshots = c.list(() => snapshotAt(c), 1);
  c.expect(L.close);
  c.end();
  return { chain: { chainId, genesisHash, memory, registry }, headers, snapshots };
}

function snapshotAt(c: Cursor): ReadSnapshot {
  const hash = hashAfter(c, L.block);
  c.expect(L.number);
  const number = c.whole(0, Number.MAX_SAFE_INTEGER);
  c.expect(L.contents);
  const contents = c.list(() => {
    const read = entryAt(c);
    const salt = saltAt(c);
    return { ...read, salt };
  });
  c.expect(L.feeds);
  const feeds = c.list(() => feedAt(c));
  c.expect(L.keys);
  const keys = c.list(() => c.hexText(33) as Hex);
  c.expect(L.memberCount);
  const memberCount = c.whole(0, 65_535);
  const accounts = nodesAfter(c, L.accounts);
  const memory = nodesAfter(c, L.memory);
  const registry = nodesAfter(c, L.registry);
  c.expect(L.records);
  const records = c.list(() => recordAt(c));
  c.expect(L.close);
  return {
    block: { hash, number },
    contents,
    feeds,
    keys,
    memberCount,
    proof: { accounts, memory, registry },
    records,
  };
}

function entryAt(c: Cursor): { readonly entry: Entry; readonly bytes: Uint8Array } {
  c.expect(L.entry);
  return readEntry(c);
}

function saltAt(c: Cursor): Uint8Array {
  c.expect(L.salt);
  const salt = c.hex(32);
  c.expect(L.close);
  return salt;
}

function feedAt(c: Cursor): ReadFeed {
  const feed = addressAfter(c, L.feed);
  c.expect(L.items);
  const items = c.list(() => {
    const { entry, bytes } = entryAt(c);
    c.expect(L.index);
    const index = c.whole(0, MAX_LEAVES);
    return { entry, bytes, index, salt: saltAt(c) };
  }, 1);
  c.expect(L.path);
  const path = c.list(() => c.hex(32));
  const root = hashAfter(c, L.root);
  c.expect(L.signature);
  const signature = c.hex(64);
  c.expect(L.size);
  const size = c.whole(1, MAX_LEAVES);
  c.expect(L.close);
  return { feed, items, path, root, signature, size };
}

function recordAt(c: Cursor): ReadRecord {
  c.expect(L.attestations);
  const attestations = c.list(() => attestationAt(c), 1);
  c.expect(L.blind);
  const blind = c.hex(32);
  c.expect(L.name);
  const name = nameAt(c);
  c.expect(L.close);
  return { attestations, blind, name };
}

function attestationAt(c: Cursor): ReadAttestation {
  c.expect(L.basis);
  const basis = c.whole(1, 3) as Basis;
  c.expect(L.confidence);
  const confidence = c.whole(0, 100);
  const content = hashAfter(c, L.content);
  const key = addressAfter(c, L.key);
  c.expect(L.member);
  const member = c.whole(1, 65_535) as MemberNumber;
  c.expect(L.signature);
  const signature = c.hex(64);
  c.expect(L.stance);
  const stance = c.whole(1, 3) as Stance;
  c.expect(L.validUntil);
  const validUntil = c.whole(0, 2 ** 40 - 1);
  c.expect(L.version);
  const version = c.whole(1, 2 ** 48 - 1);
  c.expect(L.close);
  return { basis, confidence, content, key, member, signature, stance, validUntil, version };
}

function nameAt(c: Cursor): RecordName {
  if (c.skip(L.pattern)) {
    const pattern = textAt(c);
    c.expect(L.patternType);
    const patternType = textAt(c) as PatternType;
    if (!PATTERN_TYPES.includes(patternType)) throw NOT_CANONICAL;
    c.expect(L.isIndicator);
    return { type: "indicator", pattern, patternType };
  }
  const indicator = hashAfter(c, L.indicator) as Bytes32 as IndicatorId;
  c.expect(L.object);
  const { text } = c.json(MAX_ENTRY_BYTES);
  const object = jsonOf(text);
  if (courseOfActionShape(object) !== undefined || JSON.stringify(object) !== text) throw NOT_CANONICAL;
  c.expect(L.isResponse);
  return { type: "response", indicator, object } as RecordName;
}

function textAt(c: Cursor): string {
  const start = c.place();
  try {
    const text = c.plain(MAX_PATTERN_CHARACTERS);
    if (text !== "") return text;
  } catch (error) {
    if (error !== NOT_CANONICAL) throw error;
  }
  c.back(start);
  const { text } = c.json(6 * MAX_PATTERN_CHARACTERS + 2);
  const value = jsonOf(text);
  if (typeof value !== "string" || value.length < 1 || value.length > MAX_PATTERN_CHARACTERS)
    throw NOT_CANONICAL;
  if (JSON.stringify(value) !== text || !value.isWellFormed()) throw NOT_CANONICAL;
  return value;
}

function nodesAfter(c: Cursor, literal: Uint8Array): Uint8Array[] {
  c.expect(literal);
  return c.list(() => c.hex(1, MAX_NODE_BYTES));
}

function hashAfter(c: Cursor, literal: Uint8Array): Bytes32 {
  c.expect(literal);
  return c.hexText(32) as Bytes32;
}

function addressAfter(c: Cursor, literal: Uint8Array): Address {
  c.expect(literal);
  return c.hexText(20) as Address;
}
