import { concat, fromHex, toHex, uintBytes, utf8 } from "./bytes.ts";
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
}

/** EIP-712 type of an attestation, as in `ImmuneMemory`. */
export const ATTESTATION_TYPE =
  "Attestation(bytes32 subject,uint8 stance,uint8 basis,uint8 confidence,uint40 validUntil,uint48 version,bytes32 content)";
/** EIP-712 type of a feed head, as in `MemberRegistry`. */
export const FEED_HEAD_TYPE = "FeedHead(address feed,uint64 size,bytes32 root)";

/** EIP-712 type of a signed configuration; it never reaches a contract. */
export const CONFIGURATION_TYPE = "Configuration(bytes32 digest)";

const DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";

/** Builds the digest functions of a domain (EIP-712). */
export function createHasher(domain: Domain): TypedDataHasher {
  const attestationType = keccak256(utf8(ATTESTATION_TYPE));
  const headType = keccak256(utf8(FEED_HEAD_TYPE));
  const configurationType = keccak256(utf8(CONFIGURATION_TYPE));
  const prefix = concat(Uint8Array.of(0x19, 0x01), separatorOf(domain));
  const digest = (struct: Uint8Array) => keccak256(concat(prefix, keccak256(struct)));
  return {
    attestation(a) {
      const struct = new Uint8Array(8 * 32);
      struct.set(attestationType, 0);
      struct.set(fromHex(a.subject), 32);
      struct[95] = a.stance;
      struct[127] = a.basis;
      struct[159] = a.confidence;
      struct.set(uintBytes(a.validUntil, 5), 187);
      struct.set(uintBytes(a.version, 6), 218);
      struct.set(fromHex(a.content), 224);
      return digest(struct);
    },
    head(h) {
      const struct = new Uint8Array(4 * 32);
      struct.set(headType, 0);
      struct.set(fromHex(h.feed), 44);
      struct.set(uintBytes(h.size, 8), 88);
      struct.set(fromHex(h.root), 96);
      return digest(struct);
    },
    configuration: (hash) => digest(concat(configurationType, fromHex(hash))),
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
