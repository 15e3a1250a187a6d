/** A feed written by hand: valid heads over whatever entries a test wants, hostile ones included. */
import { toHex, utf8, ZERO_BYTES32 } from "@anamnesis/sdk/core/bytes";
import { commitmentHex, commitmentOf, encodeEntry, type Item } from "@anamnesis/sdk/core/entry";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { indicatorId, stixId, subjectOf } from "@anamnesis/sdk/core/ids";
import {
  appendLeaves,
  type ClosedNode,
  consistencyPath,
  EMPTY_FRONTIER,
  type Frontier,
  frontierAt,
  leafHash,
  type NodeReader,
  rootOf,
} from "@anamnesis/sdk/core/merkle";
import { encodeMessage, type FeedMessage } from "@anamnesis/sdk/core/message";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import type { TypedDataHasher } from "@anamnesis/sdk/core/typed-data";
import type {
  Address,
  Attestation,
  Bytes32,
  Entry,
  IndicatorForm,
  Signature,
  SignedHead,
  Subject,
} from "@anamnesis/sdk/core/types";
import { BLINDING_KEY } from "./consortium.ts";
import { START_MS } from "./plant.ts";

/** A feed that a test extends as it likes. */
export interface WrittenFeed {
  readonly feed: Address;
  readonly privateKey: Uint8Array;
  size(): number;
  append(...entries: (Entry | Item)[]): void;
  /** The stretch [start, end) under the head of `size`; without arguments everything. */
  message(start?: number, end?: number, size?: number): FeedMessage;
  bytes(start?: number, end?: number, size?: number): Uint8Array;
  head(size?: number): SignedHead;
  /** Unabridged RFC 9162 path m → n. */
  prove(m: number, n: number): Bytes32[];
  /** Another feed with the same key and the same first `size` entries. */
  fork(size: number): WrittenFeed;
}

export function writeFeed(
  hasher: TypedDataHasher,
  privateKey: Uint8Array,
  past: readonly Item[] = [],
  seed = "salt",
): WrittenFeed {
  const feed = addressOfPrivateKey(privateKey);
  const items: Item[] = [];
  const nodes = new Map<string, Uint8Array>();
  let frontier: Frontier = EMPTY_FRONTIER;
  const read: NodeReader = (level, index) => nodes.get(`${level}/${index}`) as Uint8Array;

  function take(closed: readonly ClosedNode[]): void {
    for (const { level, index, hash } of closed) nodes.set(`${level}/${index}`, hash);
  }

  const written: WrittenFeed = {
    feed,
    privateKey,
    size: () => items.length,
    append(...entries) {
      for (const each of entries) {
        const item: Item =
          "salt" in each || "commitment" in each
            ? each
            : { salt: sha256(utf8(`${seed} ${items.length}`)), entry: encodeEntry(each) };
        items.push(item);
        const grown = appendLeaves(frontier, [leafHash(commitmentOf(item))]);
        frontier = grown.frontier;
        take(grown.closed);
      }
    },
    head(size = items.length) {
      const head = { feed, size, root: toHex(rootOf(frontierAt(read, size))) as Bytes32 };
      return { ...head, signature: signDigest(hasher.head(head), privateKey) };
    },
    message(start = 0, end = items.length, size = items.length) {
      return {
        feed,
        start,
        peaks: frontierAt(read, start).peaks,
        items: items.slice(start, end),
        path: end === 0 || end === size ? [] : consistencyPath(read, end, size),
        head: written.head(size),
      };
    },
    prove: (m, n) => consistencyPath(read, m, n, true).map((each) => toHex(each) as Bytes32),
    bytes: (...stretch) => encodeMessage(written.message(...stretch)),
    fork: (size) => writeFeed(hasher, privateKey, items.slice(0, size), `${seed} fork`),
  };
  written.append(...past);
  return written;
}

/** The content entry of an indicator. */
export function contentOf(form: IndicatorForm, tlp: Entry["tlp"] = "green"): Entry {
  const key = toPattern(form);
  const time = new Date(START_MS).toISOString();
  return {
    at: START_MS,
    tlp,
    kind: "content",
    body: {
      type: "indicator",
      object: {
        type: "indicator",
        spec_version: "2.1",
        id: stixId("indicator", indicatorId(key)),
        created: time,
        modified: time,
        name: "Attack",
        indicator_types: ["malicious-activity"],
        pattern: key.pattern,
        pattern_type: key.patternType,
        valid_from: time,
      },
    },
  };
}

/** The subject of a form under the consortium's blinding key. */
export function subjectOfForm(form: IndicatorForm): Subject {
  return subjectOf(BLINDING_KEY, indicatorId(toPattern(form)));
}

/** An attestation entry, signed by a key; `signature` replaces the true one. */
export function stanceOf(
  hasher: TypedDataHasher,
  privateKey: Uint8Array,
  change: Partial<Attestation> & { readonly subject: Subject },
  signature?: (true_: Signature) => Signature,
): Entry & { kind: "attestation" } {
  const stance = change.stance ?? 1;
  const attestation: Attestation = {
    stance,
    basis: 1,
    confidence: 80,
    validUntil: stance === 1 ? Math.floor(START_MS / 1000) + 30 * 86_400 : 0,
    version: START_MS,
    content: ZERO_BYTES32,
    ...change,
  };
  const signed = signDigest(hasher.attestation(attestation), privateKey);
  return {
    at: START_MS,
    tlp: "green",
    kind: "attestation",
    body: { ...attestation, signature: signature?.(signed) ?? signed },
  };
}

/** The same signature with s on the other side of n/2: valid for libraries that do not look. */
export function withHighS(signature: Signature): Signature {
  const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
  const s = order - BigInt(`0x${signature.slice(66, 130)}`);
  const v = signature.endsWith("1b") ? "1c" : "1b";
  return `${signature.slice(0, 66)}${s.toString(16).padStart(64, "0")}${v}` as Signature;
}

export { commitmentHex };
