import { concat, getAddress, ZeroAddress, ZeroHash } from "ethers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as oracle from "../vectors/oracle.ts";
import {
  BLINDING_KEY_HASH,
  type Consortium,
  DEFAULTS,
  FOUNDED,
  makeAttestation,
  makeConsortium,
} from "./consortium.ts";

const HEAD = oracle.mth(oracle.commitments(8));
const FORGED = oracle.mth(oracle.commitments(8, 7));
const NOBODY = getAddress("0x000000000000000000000000000000000000bad0");

/** Errors of OpenZeppelin, which its own tests cover. */
const INHERITED = [
  "CheckpointUnorderedInsertion",
  "ERC5805FutureLookup",
  "InvalidAccountNonce",
  "InvalidShortString",
  "SafeCastOverflowedUintDowncast",
  "StringTooLong",
  "VotesExpiredSignature",
];

type Case = (c: Consortium) => Promise<[call: Promise<unknown>, ...args: unknown[]]>;

const key = (c: Consortium, member: number) => c.keys[member - 1] as string;
const address = (c: Consortium, member: number) => c.accounts[member - 1]?.address as string;
const as = (c: Consortium, member: number) =>
  c.registry.connect(c.accounts[member - 1] as (typeof c.accounts)[0]);
const checksum = (c: Consortium, member: number) => c.ethers.getAddress(oracle.addressOf(key(c, member)));
const parameters = (changes: object) => Object.values({ ...DEFAULTS, ...changes }).map(BigInt);

/** For every error, a call that ends with it and the arguments it must carry. Member 4 is suspended, 6 removed. */
const CASES: Record<string, Case> = {
  MemberRegistryNotGovernor: async (c) => [as(c, 1).admit(NOBODY), address(c, 1)],
  MemberRegistryInvalidGovernor: async (c) => [
    c.ethers.deployContract("MemberRegistry", [ZeroAddress, c.accounts.map((a) => a.address), DEFAULTS]),
    ZeroAddress,
  ],
  MemberRegistryInvalidAccount: async (c) => [c.registry.admit(ZeroAddress), ZeroAddress],
  MemberRegistryAccountTaken: async (c) => [c.registry.admit(address(c, 4)), address(c, 4), 4n],
  MemberRegistryUnknownMember: async (c) => [c.registry.suspend(7), 7n],
  MemberRegistryMemberActive: async (c) => [c.registry.reinstate(1), 1n],
  MemberRegistryMemberSuspended: async (c) => [c.registry.suspend(4), 4n],
  MemberRegistryTooFewMembers: async (c) => [
    c.ethers.deployContract("MemberRegistry", [NOBODY, [address(c, 1), address(c, 2)], DEFAULTS]),
    2n,
  ],
  MemberRegistryInvalidParameters: async (c) => [
    c.registry.setParameters({ ...DEFAULTS, members: 5 }),
    parameters({ members: 5 }),
    4n,
  ],
  MemberRegistryMemberRemoved: async (c) => [c.registry.reinstate(6), 6n],
  MemberRegistryNotMember: async (c) => [
    c.registry.addNodeKey(...c.possession(c.governor, key(c, 1))),
    c.governor.address,
  ],
  MemberRegistryKeyNotPossessed: async (c) => [
    as(c, 1).addNodeKey(NOBODY, c.possession(c.accounts[0] as (typeof c.accounts)[0], key(c, 2))[1]),
    NOBODY,
    checksum(c, 2),
  ],
  MemberRegistryKeyTaken: async (c) => [
    as(c, 1).addNodeKey(...c.possession(c.accounts[0] as (typeof c.accounts)[0], key(c, 2))),
    checksum(c, 2),
    2n,
  ],
  MemberRegistryUnknownKey: async (c) => [as(c, 1).revokeNodeKey(NOBODY), NOBODY],
  MemberRegistryKeyRevoked: async (c) => [as(c, 5).revokeNodeKey(checksum(c, 5)), checksum(c, 5)],
  MemberRegistryForeignKey: async (c) => [as(c, 1).revokeNodeKey(checksum(c, 2)), checksum(c, 2), 2n],
  MemberRegistryDelegationForbidden: async (c) => [as(c, 1).delegate(address(c, 2)), address(c, 2)],
  MemberRegistryBatchTooLarge: async (c) => [
    c.registry.anchor(Array(101).fill(c.signedHead(key(c, 1), 8, HEAD))),
    101n,
    100n,
  ],
  MemberRegistryMalformedSignature: async (c) => {
    const head = { ...c.signedHead(key(c, 1), 8, HEAD), v: 29 };
    return [c.registry.anchor([head]), concat([head.r, head.s, "0x1d"])];
  },
  MemberRegistryWrongSigner: async (c) => [
    c.registry.anchor([{ ...c.signedHead(key(c, 1), 8, HEAD), feed: checksum(c, 2) }]),
    checksum(c, 2),
    expect.any(String),
  ],
  MemberRegistryFeedTooLarge: async (c) => [
    c.registry.anchor([c.signedHead(key(c, 1), 2 ** 40, HEAD)]),
    checksum(c, 1),
    2n ** 40n,
  ],
  MemberRegistryDifferentFeeds: async (c) => {
    const [a, b] = [c.signHead(key(c, 1), 8, HEAD), c.signHead(key(c, 2), 8, FORGED)];
    return [c.registry.reportEquivocation(a[0], a[1], b[0], b[1], []), checksum(c, 1), checksum(c, 2)];
  },
  MemberRegistryUnprovableSizes: async (c) => {
    const [a, b] = [c.signHead(key(c, 1), 8, HEAD), c.signHead(key(c, 1), 7, FORGED)];
    return [c.registry.reportEquivocation(a[0], a[1], b[0], b[1], []), 8n, 7n];
  },
  MemberRegistryForeignPath: async (c) => {
    const [a, b] = [c.signHead(key(c, 1), 1, FORGED), c.signHead(key(c, 1), 2, HEAD)];
    const rebuilt = oracle.hex(oracle.sha256(Buffer.of(1), HEAD, FORGED));
    return [c.registry.reportEquivocation(a[0], a[1], b[0], b[1], [HEAD, FORGED]), rebuilt];
  },
  MemberRegistryConsistentHeads: async (c) => {
    const [head, signature] = c.signHead(key(c, 1), 8, HEAD);
    return [c.registry.reportEquivocation(head, signature, head, signature, []), checksum(c, 1), 8n, 8n];
  },
  MerkleHistoryPathLength: async (c) => {
    const [a, b] = [c.signHead(key(c, 1), 8, HEAD), c.signHead(key(c, 1), 8, FORGED)];
    return [c.registry.reportEquivocation(a[0], a[1], b[0], b[1], [HEAD]), 1n];
  },
  ImmuneMemoryInvalidRegistry: async (c) => [
    c.ethers.deployContract("ImmuneMemory", [NOBODY, BLINDING_KEY_HASH]),
    NOBODY,
  ],
  ImmuneMemoryInvalidBlindingKeyHash: async (c) => [
    c.ethers.deployContract("ImmuneMemory", [await c.registry.getAddress(), ZeroHash]),
    ZeroHash,
  ],
  ImmuneMemoryLengthMismatch: async (c) => [c.memory.attest([makeAttestation()], []), 1n, 0n],
  ImmuneMemoryBatchTooLarge: async (c) => {
    const signature = c.signAttestation(key(c, 1), makeAttestation());
    return [c.memory.attest(Array(101).fill(makeAttestation()), Array(101).fill(signature)), 101n, 100n];
  },
  ImmuneMemoryInvalidStance: async (c) => [check(c, { stance: 4 }), 4n],
  ImmuneMemoryInvalidBasis: async (c) => [check(c, { basis: 0 }), 0n],
  ImmuneMemoryInvalidConfidence: async (c) => [check(c, { confidence: 101 }), 101n],
  ImmuneMemoryInvalidValidUntil: async (c) => [check(c, { stance: 2, validUntil: 9 }), 2n, 9n],
  ImmuneMemoryMalformedSignature: async (c) => [c.memory.attest([makeAttestation()], ["0x1234"]), "0x1234"],
  ImmuneMemoryUnknownKey: async (c) => {
    const stranger = oracle.privateKey(99);
    return [check(c, {}, stranger), c.ethers.getAddress(oracle.addressOf(stranger))];
  },
  ImmuneMemoryRevokedKey: async (c) => [check(c, {}, key(c, 5)), checksum(c, 5)],
  ImmuneMemoryStaleVersion: async (c) => {
    const newer = makeAttestation({ version: FOUNDED * 1000 + 1 });
    await c.memory.attest([newer], [c.signAttestation(key(c, 1), newer)]);
    return [check(c, {}), BigInt(FOUNDED * 1000), BigInt(FOUNDED * 1000 + 1)];
  },
  ImmuneMemoryFutureVersion: async (c) => {
    const version = 2 ** 48 - 1;
    const latest = BigInt((await c.networkHelpers.time.latest()) * 1000 + 600_000);
    return [check(c, { version }), BigInt(version), latest];
  },
};

function check(c: Consortium, changes: Partial<oracle.Attestation>, signer = key(c, 1)) {
  const attestation = makeAttestation(changes);
  return c.memory.check(attestation, c.signAttestation(signer, attestation));
}

describe("errors", () => {
  let consortium: Consortium;
  let close: () => Promise<void>;

  beforeAll(async () => {
    [consortium, close] = await makeConsortium(6);
    await consortium.registry.suspend(4);
    await consortium.registry.remove(6);
    await as(consortium, 5).revokeNodeKey(checksum(consortium, 5));
  });
  afterAll(() => close());

  it("are all provoked here", () => {
    const { registry, memory } = consortium;
    const declared = [registry, memory].flatMap((contract) =>
      contract.interface.fragments
        .filter((f) => f.type === "error")
        .map((f) => (f as unknown as { name: string }).name),
    );
    expect(Object.keys(CASES).concat(INHERITED).toSorted()).toEqual(declared.toSorted());
  });

  it.for(Object.entries(CASES))("%s", async ([name, provoke]) => {
    const [call, ...args] = await provoke(consortium);
    expect(await consortium.outcome(call)).toEqual([name, ...args]);
  });
});
