/**
 * Second implementations, written from the specifications and sharing no code with the SDK or the contracts: what all
 * three agree on is unlikely to be the same mistake. Slow and literal on purpose.
 */
import { createHash, createHmac } from "node:crypto";
import { SigningKey, TypedDataEncoder, computeAddress, hexlify } from "ethers";

export const sha256 = (...parts: (Uint8Array | string)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

export const hex = (bytes: Uint8Array): string => hexlify(bytes);
export const bytes = (text: string): Buffer => Buffer.from(text.slice(2), "hex");

// ── ids (DESIGN: Ids; RFC 8785) ──────────────────────────────────────────────────────────────

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** RFC 8785 for values whose numbers are integers. */
export function jcs(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(jcs).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.keys(value).sort(); // by UTF-16 code units, as RFC 8785 §3.2.3 asks
    return `{${members.map((key) => `${JSON.stringify(key)}:${jcs(value[key] as Json)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

export const indicatorId = (canonical: string): Buffer => sha256("anamnesis/indicator/1\0", canonical);
export const responseId = (indicator: Uint8Array, canonical: string): Buffer =>
  sha256("anamnesis/response/1\0", indicator, canonical);
export const commitment = (salt: Uint8Array, entry: string): Buffer => sha256("anamnesis/entry/1\0", salt, entry);
export const blind = (key: Uint8Array, id: Uint8Array): Buffer => createHmac("sha256", key).update(id).digest();
export const subject = (key: Uint8Array, id: Uint8Array): Buffer => sha256(blind(key, id), id);

// ── trees (RFC 9162 §2.1, D being the list of commitments) ───────────────────────────────────

const node = (left: Uint8Array, right: Uint8Array): Buffer => sha256(Buffer.of(1), left, right);

/** The largest power of two smaller than n. */
const split = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1);

/** MTH(D), §2.1.1. */
export function mth(d: Uint8Array[]): Buffer {
  if (d.length === 0) return sha256();
  if (d.length === 1) return sha256(Buffer.of(0), d[0] as Uint8Array);
  const k = split(d.length);
  return node(mth(d.slice(0, k)), mth(d.slice(k)));
}

/** PATH(m, D), §2.1.3.1. */
export function path(m: number, d: Uint8Array[]): Buffer[] {
  if (d.length === 1) return [];
  const k = split(d.length);
  return m < k ? [...path(m, d.slice(0, k)), mth(d.slice(k))] : [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
}

/** SUBPROOF(m, D, b), §2.1.4.1. */
export function subproof(m: number, d: Uint8Array[], b: boolean): Buffer[] {
  if (m === d.length) return b ? [] : [mth(d)];
  const k = split(d.length);
  return m <= k
    ? [...subproof(m, d.slice(0, k), b), mth(d.slice(k))]
    : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))];
}

/** A feed's commitments: `size` of them, those from `fork` on belonging to another history. */
export const commitments = (size: number, fork = size): Buffer[] =>
  Array.from({ length: size }, (_, i) => sha256(i < fork ? "commitment " : "forged ", String(i)));

// ── typed data (EIP-712, through ethers) ─────────────────────────────────────────────────────

export interface Domain {
  name: "Anamnesis";
  version: "1";
  chainId: number;
  verifyingContract: string;
}

export interface Attestation {
  subject: string;
  stance: number;
  basis: number;
  confidence: number;
  validUntil: number;
  version: number;
  content: string;
}

export interface FeedHead {
  feed: string;
  size: number;
  root: string;
}

const TYPES = {
  Attestation: [
    { name: "subject", type: "bytes32" },
    { name: "stance", type: "uint8" },
    { name: "basis", type: "uint8" },
    { name: "confidence", type: "uint8" },
    { name: "validUntil", type: "uint40" },
    { name: "version", type: "uint48" },
    { name: "content", type: "bytes32" },
  ],
  FeedHead: [
    { name: "feed", type: "address" },
    { name: "size", type: "uint64" },
    { name: "root", type: "bytes32" },
  ],
  NodeKeyPossession: [{ name: "account", type: "address" }],
};

export const attestationDigest = (domain: Domain, attestation: Attestation): string =>
  TypedDataEncoder.hash(domain, { Attestation: TYPES.Attestation }, attestation);
export const headDigest = (domain: Domain, head: FeedHead): string =>
  TypedDataEncoder.hash(domain, { FeedHead: TYPES.FeedHead }, head);

export const possessionDigest = (domain: Domain, account: string): string =>
  TypedDataEncoder.hash(domain, { NodeKeyPossession: TYPES.NodeKeyPossession }, { account });

/** Deterministic private keys for tests; worth nothing anywhere else. */
export const privateKey = (index: number): string => hex(sha256("anamnesis/test/key/", String(index)));
export const addressOf = (key: string): string => computeAddress(key).toLowerCase();
export const sign = (digest: string, key: string): string => new SigningKey(key).sign(digest).serialized;
