import { Interface } from "ethers";

/** What a node uses of `MemberRegistry`: a test holds it against the compiled contract. */
export const REGISTRY_ABI = [
  "function anchor((address feed, uint64 size, bytes32 root)[] heads, bytes[] signatures)",
  "function reportEquivocation((address feed, uint64 size, bytes32 root) a, bytes signatureA, (address feed, uint64 size, bytes32 root) b, bytes signatureB, bytes32[] path)",
  "function addNodeKey(address key)",
  "function revokeNodeKey(address key)",
  "function admit(address account) returns (uint16 member)",
  "function suspend(uint16 member)",
  "function reinstate(uint16 member)",
  "function setParameters((uint16 members, uint16 witnesses, uint16 refutes, uint16 maxBatch) newParameters)",
  "function governor() view returns (address)",
  "function memberOf(address account) view returns (uint16)",
  "function nodeKey(address key) view returns ((uint16 member, uint32 revokedAtBlock, uint40 size, bytes21 root))",
  "function parameters() view returns ((uint16 members, uint16 witnesses, uint16 refutes, uint16 maxBatch))",
  "event MemberAdmitted(uint16 indexed member, address indexed account)",
  "event MemberSuspended(uint16 indexed member)",
  "event MemberReinstated(uint16 indexed member)",
  "event ParametersChanged(uint16 members, uint16 witnesses, uint16 refutes, uint16 maxBatch)",
  "event NodeKeyAdded(uint16 indexed member, address indexed key)",
  "event NodeKeyRevoked(uint16 indexed member, address indexed key)",
  "event FeedAnchored(address indexed feed, uint64 size, bytes32 root)",
  "event EquivocationProven(address indexed feed, uint64 sizeA, bytes32 rootA, uint64 sizeB, bytes32 rootB)",
  "event Skipped(uint256 index, uint8 code)",
  "error MemberRegistryNotGovernor(address caller)",
  "error MemberRegistryInvalidGovernor(address governor)",
  "error MemberRegistryInvalidAccount(address account)",
  "error MemberRegistryAccountTaken(address account, uint16 member)",
  "error MemberRegistryUnknownMember(uint16 member)",
  "error MemberRegistryMemberActive(uint16 member)",
  "error MemberRegistryMemberSuspended(uint16 member)",
  "error MemberRegistryTooFewMembers(uint16 active)",
  "error MemberRegistryInvalidParameters((uint16 members, uint16 witnesses, uint16 refutes, uint16 maxBatch) parameters, uint16 active)",
  "error MemberRegistryNotMember(address caller)",
  "error MemberRegistryInvalidKey(address key)",
  "error MemberRegistryKeyTaken(address key, uint16 member)",
  "error MemberRegistryUnknownKey(address key)",
  "error MemberRegistryKeyRevoked(address key)",
  "error MemberRegistryForeignKey(address key, uint16 member)",
  "error MemberRegistryLengthMismatch(uint256 items, uint256 signatures)",
  "error MemberRegistryBatchTooLarge(uint256 items, uint16 maximum)",
  "error MemberRegistryMalformedSignature(bytes signature)",
  "error MemberRegistryWrongSigner(address feed, address signer)",
  "error MemberRegistryFeedTooLarge(address feed, uint64 size)",
  "error MemberRegistryDifferentFeeds(address a, address b)",
  "error MemberRegistryUnprovableSizes(uint64 sizeA, uint64 sizeB)",
  "error MemberRegistryForeignPath(bytes32 rebuilt)",
  "error MemberRegistryConsistentHeads(address feed, uint64 sizeA, uint64 sizeB)",
] as const;

/** What a node uses of `ImmuneMemory`. */
export const MEMORY_ABI = [
  "function attest((bytes32 subject, uint8 stance, uint8 basis, uint8 confidence, uint40 validUntil, uint48 version, bytes32 content)[] attestations, bytes[] signatures)",
  "function registry() view returns (address)",
  "function blindingKeyHash() view returns (bytes32)",
  "function status(bytes32 subject, uint40 time) view returns (uint8 verdict, bool disputed, uint16 supporters, uint16 witnesses, uint16 refuters)",
  "event Attested(bytes32 indexed subject, uint16 indexed member, address indexed key, uint8 stance, uint8 basis, uint8 confidence, uint40 validUntil, uint48 version, bytes32 content)",
  "event Skipped(uint256 index, uint8 code)",
  "error ImmuneMemoryLengthMismatch(uint256 items, uint256 signatures)",
  "error ImmuneMemoryBatchTooLarge(uint256 items, uint16 maximum)",
  "error ImmuneMemoryInvalidStance(uint8 stance)",
  "error ImmuneMemoryInvalidBasis(uint8 basis)",
  "error ImmuneMemoryInvalidConfidence(uint8 confidence)",
  "error ImmuneMemoryInvalidValidUntil(uint8 stance, uint40 validUntil)",
  "error ImmuneMemoryMalformedSignature(bytes signature)",
] as const;

/** Codec of `MemberRegistry`. */
export const REGISTRY = new Interface(REGISTRY_ABI);
/** Codec of `ImmuneMemory`. */
export const MEMORY = new Interface(MEMORY_ABI);
