import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  AbiCoder,
  concat,
  type ErrorFragment,
  getAddress,
  getCreateAddress,
  ZeroAddress,
  ZeroHash,
} from "ethers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRpc } from "../../node/src/adapters/chain/rpc.ts";
import * as oracle from "../vectors/oracle.ts";
import {
  BLINDING_KEY_HASH,
  type Consortium,
  DEFAULTS,
  FOUNDED,
  makeAttestation,
  makeConsortium,
  VOTING_PERIOD,
} from "./consortium.ts";

const HEAD = oracle.mth(oracle.commitments(8));
const FORGED = oracle.mth(oracle.commitments(8, 7));
const NOBODY = getAddress("0x000000000000000000000000000000000000bad0");

/** Errors of OpenZeppelin, which its own tests cover; those that members meet are among the cases all the same. */
const INHERITED = [
  "CheckpointUnorderedInsertion",
  "ERC5805FutureLookup",
  "ERC6372InconsistentClock",
  "FailedCall",
  "GovernorAlreadyQueuedProposal",
  "GovernorInvalidProposalLength",
  "GovernorInvalidVoteParams",
  "GovernorInvalidVoteType",
  "GovernorInvalidVotingPeriod",
  "GovernorNonexistentProposal",
  "GovernorOnlyExecutor",
  "GovernorProposalQueueingFailed",
  "GovernorProposalQueueingNotRequired",
  "GovernorRestrictedProposer",
  "GovernorUnableToCancel",
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
  ConsortiumGovernorInvalidRegistry: async (c) => [
    c.ethers.deployContract("ConsortiumGovernor", [await c.registry.getAddress(), VOTING_PERIOD]),
    await c.registry.getAddress(),
  ],
  ConsortiumGovernorInvalidVotingPeriod: async (c) => {
    const next = await c.ethers.provider.getTransactionCount(c.governor.address);
    const governor = getCreateAddress({ from: c.governor.address, nonce: next + 1 });
    const founders = c.accounts.map((a) => a.address);
    const registry = await c.ethers.deployContract("MemberRegistry", [governor, founders, DEFAULTS]);
    return [c.ethers.deployContract("ConsortiumGovernor", [registry.target, 3_599]), 3_599n];
  },
  ConsortiumGovernorForeignTarget: async (c) => [
    parliament(c, 1).propose([c.memory.target], [0], ["0x"], ""),
    0n,
    c.memory.target,
  ],
  ConsortiumGovernorValueForbidden: async (c) => [
    parliament(c, 1).propose([await parliament(c, 1).token()], [1], ["0x"], ""),
    0n,
    1n,
  ],
  ConsortiumGovernorNoVote: async (c) => {
    const { id } = await c.propose([["suspend", 2]], "no vote");
    return [c.parliament.castVote(id, 1), id, c.governor.address];
  },
  GovernorAlreadyCastVote: async (c) => {
    const { id } = await c.propose([["suspend", 2]], "twice");
    await c.vote(id, "for", 1);
    return [c.vote(id, "against", 1), address(c, 1)];
  },
  GovernorInsufficientProposerVotes: async (c) => [
    c.parliament.propose([await c.parliament.token()], [0], ["0x"], ""),
    c.governor.address,
    0n,
    1n,
  ],
  GovernorInvalidSignature: async (c) => {
    const { id } = await c.propose([["suspend", 2]], "unsigned");
    return [c.parliament.castVoteBySig(id, 1, address(c, 1), "0x"), address(c, 1)];
  },
  GovernorUnexpectedProposalState: async (c) => {
    const made = await c.propose([["suspend", 2]], "too early");
    return [c.parliament.execute(...made.calls, made.hash), made.id, 1n, expect.any(String)];
  },
  GovernorDisabledDeposit: async (c) => [c.stranger.sendTransaction({ to: c.parliament.target, value: 1 })],
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

const parliament = (c: Consortium, member: number) =>
  c.parliament.connect(c.accounts[member - 1] as (typeof c.accounts)[0]);

function check(c: Consortium, changes: Partial<oracle.Attestation>, signer = key(c, 1)) {
  const attestation = makeAttestation(changes);
  return c.memory.check(attestation, c.signAttestation(signer, attestation));
}

describe("errors", () => {
  let consortium: Consortium;
  /** One that votes; the other one is governed by an account. */
  let governed: Consortium;
  let close: () => Promise<unknown>;

  beforeAll(async () => {
    const [made, closeMade] = await makeConsortium(6);
    const [voting, closeVoting] = await makeConsortium(4, DEFAULTS, { governed: true });
    [consortium, governed] = [made, voting];
    close = () => Promise.all([closeMade(), closeVoting()]);
    await consortium.registry.suspend(4);
    await consortium.registry.remove(6);
    await as(consortium, 5).revokeNodeKey(checksum(consortium, 5));
  });
  afterAll(() => close());

  it("are all provoked here", () => {
    const declared = new Set(declaredErrors(consortium).map(({ name }) => name));
    expect(Object.keys(CASES).concat(INHERITED).toSorted()).toEqual([...declared].toSorted());
  });

  it("reach programs as one code, with the contract's own word for it", async () => {
    const errors = declaredErrors(consortium).filter(({ name }) => name in CASES);
    const data = new Map(errors.map((f) => [f.name, f.selector + sample(f)]));
    const server = createServer(async (request, response) => {
      const { id, method } = JSON.parse(Buffer.concat(await request.toArray()).toString()) as Record<
        string,
        string
      >;
      const error = { code: 3, message: "execution reverted", data: data.get(method as string) };
      response.end(JSON.stringify({ jsonrpc: "2.0", id, error }));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const rpc = createRpc([`http://127.0.0.1:${(server.address() as AddressInfo).port}`], 5_000);
    for (const { name } of errors) {
      await expect(rpc.call(name, []), name).rejects.toMatchObject({
        code: "chain.reverted",
        details: { error: name },
        message: expect.stringContaining(`${name}(`),
      });
    }
    rpc.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it.for(Object.entries(CASES))("%s", async ([name, provoke]) => {
    const c = /^(Consortium)?Governor/.test(name) ? governed : consortium;
    const [call, ...args] = await provoke(c);
    expect(await c.outcome(call)).toEqual([name, ...args]);
  });
});

function declaredErrors(c: Consortium): ErrorFragment[] {
  return [c.registry, c.memory, c.parliament].flatMap((contract) => {
    const errors: ErrorFragment[] = [];
    contract.interface.forEachError((f) => errors.push(f));
    return errors;
  });
}

/** Arguments of an error, all zero. */
function sample(f: ErrorFragment): string {
  const zero = (type: ErrorFragment["inputs"][number]): unknown => {
    if (type.baseType === "tuple") return type.components?.map(zero);
    if (type.type === "bytes") return "0x";
    return type.type === "bool" ? false : `0x${"00".repeat(type.type === "address" ? 20 : 32)}`;
  };
  const bytesOf = (type: ErrorFragment["inputs"][number]) =>
    /^bytes\d+$/.test(type.type) ? `0x${"00".repeat(Number(type.type.slice(5)))}` : zero(type);
  return AbiCoder.defaultAbiCoder().encode(f.inputs, f.inputs.map(bytesOf)).slice(2);
}
