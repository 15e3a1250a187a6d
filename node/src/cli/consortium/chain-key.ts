/** The key of a chain node, and the request by which a company has it listed without giving it away. */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { canonicalBytes } from "@anamnesis/sdk/core/canonical";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { addressOfPublicKey, recoverSigner, signDigest } from "@anamnesis/sdk/core/signature";
import type { Address, Hex, Signature } from "@anamnesis/sdk/core/types";
import { SigningKey } from "ethers";
import { z } from "zod";

/** What the first field of a request says. */
export const REQUEST_FORMAT = "anamnesis/chain-node-request/1";

const requestSchema = z.strictObject({
  format: z.literal(REQUEST_FORMAT, { error: `expected ${REQUEST_FORMAT}` }),
  consortium: z.string(),
  node: z.string(),
  publicKey: z.string().regex(/^0x04[0-9a-f]{128}$/, "expected an uncompressed public key: 65 bytes, 0x04…"),
  signature: z.string().regex(/^0x[0-9a-f]{130}$/, "expected a signature of 65 bytes"),
});

/** Asks for a node to be listed; signed by its key, which proves that whoever asks holds it. */
export type ChainNodeRequest = z.infer<typeof requestSchema>;

/** What others know of a chain node. */
export interface ChainIdentity {
  /** 65 bytes, uncompressed. */
  readonly publicKey: Hex;
  readonly address: Address;
}

/** 32 random bytes that are a secp256k1 key. */
export function makeChainKey(): Uint8Array {
  for (;;) {
    const key = new Uint8Array(randomBytes(32));
    try {
      SigningKey.computePublicKey(key);
      return key;
    } catch {
      // zero, or not below the order: about once in 2^127
    }
  }
}

/** The public side of a chain node's key. */
export function identityOf(key: Uint8Array): ChainIdentity {
  return identityOfPublic(SigningKey.computePublicKey(key, false) as Hex);
}

/** Signs a request. */
export function signRequest(consortium: string, node: string, key: Uint8Array): ChainNodeRequest {
  const { publicKey } = identityOf(key);
  const unsigned = { format: REQUEST_FORMAT, consortium, node, publicKey } as const;
  return { ...unsigned, signature: signDigest(digestOf(unsigned), key) };
}

/**
 * Reads a request and checks that it is for this node of this consortium and signed by its own key.
 *
 * @throws AnamnesisError `config.invalid`
 */
export function readRequest(path: string, consortium: string, node: string): ChainIdentity {
  const refuse = (why: string, cause?: unknown) =>
    new AnamnesisError("config.invalid", `request ${path} of node ${node}: ${why}`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, "utf8"));
  } catch (cause) {
    throw refuse("it cannot be read as JSON; make it with `anamnesis consortium request`", cause);
  }
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(`${issue?.path.join(".") || "the file"}: ${issue?.message ?? "invalid"}`);
  }
  const { signature, ...unsigned } = parsed.data;
  if (unsigned.consortium !== consortium)
    throw refuse(`it is for consortium ${unsigned.consortium}, not ${consortium}`);
  if (unsigned.node !== node) throw refuse(`it is for node ${unsigned.node}`);
  const identity = identityOfPublic(unsigned.publicKey as Hex);
  if (recoverSigner(digestOf(unsigned), signature as Signature) !== identity.address)
    throw refuse("its signature is not by the key that it names; whoever sent it may not hold that key");
  return identity;
}

function identityOfPublic(publicKey: Hex): ChainIdentity {
  return { publicKey, address: addressOfPublicKey(fromHex(publicKey)) };
}

function digestOf(request: Omit<ChainNodeRequest, "signature">): Uint8Array {
  return keccak256(canonicalBytes(request));
}

/** `enode://…`, by which engines find each other. */
export function enodeOf({ publicKey }: ChainIdentity, ip: string, port: number): string {
  return `enode://${publicKey.slice(4)}@${ip.includes(":") ? `[${ip}]` : ip}:${port}`;
}

/** A private key as engines read it from a file. */
export function keyText(key: Uint8Array): string {
  return `${toHex(key)}\n`;
}
