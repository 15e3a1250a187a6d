import { createHexWriter } from "#platform";
import { concat, fromHex, toHex, uintBytes, utf8 } from "./bytes.ts";
import { AnamnesisError } from "./errors.ts";
import { keccak256 } from "./hash.ts";
import type { Address, Attestation, Bytes32, FeedHead, Uid } from "./types.ts";

/** The EIP-712 domain: name "Anamnesis", version "1", and where the registry lives. */
export interface Domain {
  readonly chainId: number;
  /** The MemberRegistry. */
  readonly verifyingContract: Address;
}

/** Digests for one domain, with everything constant encoded once. */
export interface TypedDataHasher {
  /** 32 bytes; also the attestation's uid. */
  attestation(attestation: Attestation): Uint8Array;
  /** 32 bytes. */
  head(head: FeedHead): Uint8Array;
  /** 32 bytes: what a member account signs over a plant's configuration, given its SHA-256. */
  configuration(digest: Bytes32): Uint8Array;
  /** 32 bytes: what a node key signs so that the member account `account` may add it (`addNodeKey`). */
  possession(account: Address): Uint8Array;
}

/** EIP-712 type of an attestation, as in `ImmuneMemory`. */
export const ATTESTATION_TYPE =
  "Attestation(bytes32 subject,uint8 stance,uint8 basis,uint8 confidence,uint40 validUntil,uint48 version,bytes32 content)";
/** EIP-712 type of a feed head, as in `MemberRegistry`. */
export const FEED_HEAD_TYPE = "FeedHead(address feed,uint64 size,bytes32 root)";

/** EIP-712 type of a signed configuration; it never reaches a contract. */
export const CONFIGURATION_TYPE = "Configuration(bytes32 digest)";

/** EIP-712 type of a node key's word that a member account holds it, as in `MemberRegistry`. */
export const POSSESSION_TYPE = "NodeKeyPossession(address account)";

const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

/** Builds the digest functions of a domain (EIP-712). Throws `input.invalid` for a field that does not fit its type. */
export function createHasher(domain: Domain): TypedDataHasher {
  const attestation = createStruct(ATTESTATION_TYPE, 7);
  const head = createStruct(FEED_HEAD_TYPE, 3);
  const configuration = createStruct(CONFIGURATION_TYPE, 1);
  const possession = createStruct(POSSESSION_TYPE, 1);
  const message = new Uint8Array(66);
  message.set([0x19, 0x01]);
  message.set(separatorOf(domain), 2);
  const digest = (struct: Struct): Uint8Array => {
    message.set(keccak256(struct.bytes), 34);
    return keccak256(message);
  };
  return {
    attestation(a) {
      attestation.hex(0, a.subject, 32);
      attestation.uint(1, a.stance, 1);
      attestation.uint(2, a.basis, 1);
      attestation.uint(3, a.confidence, 1);
      attestation.uint(4, a.validUntil, 5);
      attestation.uint(5, a.version, 6);
      attestation.hex(6, a.content, 32);
      return digest(attestation);
    },
    head(h) {
      head.hex(0, h.feed, 20);
      head.uint(1, h.size, 8);
      head.hex(2, h.root, 32);
      return digest(head);
    },
    configuration(hash) {
      configuration.hex(0, hash, 32);
      return digest(configuration);
    },
    possession(account) {
      possession.hex(0, account, 20);
      return digest(possession);
    },
  };
}

/** The words of a struct's hash: typeHash, then 32 bytes a field; filled anew for every digest. */
interface Struct {
  readonly bytes: Uint8Array;
  hex(field: number, value: string, length: number): void;
  uint(field: number, value: number, length: number): void;
}

function createStruct(type: string, fields: number): Struct {
  const bytes = new Uint8Array(32 * (fields + 1));
  const write = createHexWriter(bytes);
  bytes.set(keccak256(utf8(type)));
  return {
    bytes,
    hex(field, value, length) {
      const written = value.length === 2 + 2 * length ? write(value.slice(2), 32 * (field + 2) - length) : 0;
      if (written !== length)
        throw new AnamnesisError("input.invalid", `a field is not ${length} bytes of hexadecimal`);
    },
    uint(field, value, length) {
      if (!Number.isSafeInteger(value) || value < 0 || (length < 7 && value >= 2 ** (8 * length))) {
        throw new AnamnesisError(
          "input.invalid",
          `${value} does not fit an unsigned integer of ${length} bytes`,
        );
      }
      const end = 32 * (field + 2);
      let rest = value;
      for (let at = end - 1; at >= end - length; at--) {
        bytes[at] = rest & 255;
        rest = rest > 0xffffffff ? Math.floor(rest / 256) : rest >>> 8;
      }
    },
  };
}

/** The uid of an attestation: its EIP-712 digest as hexadecimal. */
export function uidOf(hasher: TypedDataHasher, attestation: Attestation): Uid {
  return toHex(hasher.attestation(attestation)) as Uid;
}

function separatorOf(domain: Domain): Uint8Array {
  const contract = new Uint8Array(32);
  contract.set(fromHex(domain.verifyingContract), 12);
  const chainId = new Uint8Array(32);
  chainId.set(uintBytes(domain.chainId, 8), 24);
  return keccak256(
    concat(
      keccak256(utf8(DOMAIN_TYPE)),
      keccak256(utf8("Anamnesis")),
      keccak256(utf8("1")),
      chainId,
      contract,
    ),
  );
}
