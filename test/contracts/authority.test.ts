import { ZeroAddress } from "ethers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, makeAttestation, makeConsortium } from "./consortium.ts";

const HEAD = oracle.mth(oracle.commitments(8));
const STRANGERS_KEY = oracle.privateKey(99);
const DISABLED = "GovernorDisabledDeposit";
const NO_VOTE = "ConsortiumGovernorNoVote";

type Contracts = Pick<Consortium, "registry" | "memory" | "parliament">;
type Caller = Parameters<Consortium["registry"]["connect"]>[0] & { address: string };
type Attempt = (c: Consortium, as: Contracts, caller: Caller) => Promise<unknown>;
type Proposal = Awaited<ReturnType<Consortium["propose"]>>;

/** Proposals that lie about: not voted on yet, one vote short, never voted on in time, executed. */
let open: Proposal, near: Proposal, defeated: Proposal, executed: Proposal;

const execute = (as: Contracts, made: Proposal) => as.parliament.execute(...made.calls, made.hash);

/**
 * Every function that could change something, called with what anybody can get hold of, and how that ends for a
 * stranger, for a suspended member and for a removed one.
 */
const ATTEMPTS: Record<string, readonly [ending: string | readonly string[], attempt: Attempt]> = {
  "registry.admit": [
    "MemberRegistryNotGovernor",
    (_, { registry }, caller) => registry.admit(caller.address),
  ],
  "registry.suspend": ["MemberRegistryNotGovernor", (_, { registry }) => registry.suspend(1)],
  "registry.reinstate": ["MemberRegistryNotGovernor", (_, { registry }) => registry.reinstate(4)],
  "registry.remove": ["MemberRegistryNotGovernor", (_, { registry }) => registry.remove(4)],
  "registry.setParameters": [
    "MemberRegistryNotGovernor",
    (_, { registry }) => registry.setParameters({ ...DEFAULTS, members: 1, witnesses: 1 }),
  ],
  "registry.addNodeKey": [
    "MemberRegistryNotMember",
    (c, { registry }, caller) => registry.addNodeKey(...c.possession(caller, STRANGERS_KEY)),
  ],
  "registry.revokeNodeKey": [
    "MemberRegistryForeignKey",
    (c, { registry }) => registry.revokeNodeKey(oracle.addressOf(c.keys[1] as string)),
  ],
  "registry.delegate": [
    "MemberRegistryDelegationForbidden",
    (_, { registry }, caller) => registry.delegate(caller.address),
  ],
  "registry.delegateBySig": [
    "MemberRegistryDelegationForbidden",
    (_, { registry }, caller) => registry.delegateBySig(caller.address, 0, 2n ** 40n, 27, HEAD, HEAD),
  ],
  "registry.anchor": [
    "MemberRegistryWrongSigner",
    (c, { registry }) => {
      const head = c.signedHead(STRANGERS_KEY, 8, HEAD);
      return registry.anchor([{ ...head, feed: oracle.addressOf(c.keys[0] as string) }]);
    },
  ],
  "registry.reportEquivocation": [
    "MemberRegistryWrongSigner",
    (c, { registry }) => {
      const a = c.signHead(c.keys[0] as string, 8, HEAD);
      const b = c.signHead(STRANGERS_KEY, 8, oracle.mth(oracle.commitments(8, 7)));
      return registry.reportEquivocation(a[0], a[1], { ...b[0], feed: a[0].feed }, b[1], []);
    },
  ],
  "memory.attest": [
    ["Skipped"],
    (c, { memory }) => {
      const attestation = makeAttestation();
      return memory.attest([attestation], [c.signAttestation(STRANGERS_KEY, attestation)]);
    },
  ],
  "parliament.propose": [
    "GovernorInsufficientProposerVotes",
    async (c, { parliament }, caller) => {
      const made = await c.proposal([["admit", caller.address]], "let me in");
      return parliament.propose(...made.calls, made.description);
    },
  ],
  "parliament.castVote": [NO_VOTE, (_, { parliament }) => parliament.castVote(near.id, 1)],
  "parliament.castVoteWithReason": [
    NO_VOTE,
    (_, { parliament }) => parliament.castVoteWithReason(near.id, 1, "why not"),
  ],
  "parliament.castVoteWithReasonAndParams": [
    NO_VOTE,
    (_, { parliament }) => parliament.castVoteWithReasonAndParams(near.id, 1, "why not", "0x01"),
  ],
  "parliament.castVoteBySig": [
    "GovernorInvalidSignature",
    (c, { parliament }) =>
      parliament.castVoteBySig(
        near.id,
        1,
        c.accounts[2]?.address as string,
        oracle.sign(near.hash, STRANGERS_KEY),
      ),
  ],
  "parliament.castVoteWithReasonAndParamsBySig": [
    "GovernorInvalidSignature",
    (c, { parliament }) => {
      const signature = oracle.sign(near.hash, STRANGERS_KEY);
      const voter = c.accounts[2]?.address as string;
      return parliament.castVoteWithReasonAndParamsBySig(near.id, 1, voter, "", "0x", signature);
    },
  ],
  "parliament.execute": ["GovernorUnexpectedProposalState", (_, as) => execute(as, near)],
  "parliament.queue": [
    "GovernorUnexpectedProposalState",
    (_, { parliament }) => parliament.queue(...near.calls, near.hash),
  ],
  "parliament.cancel": [
    "GovernorUnableToCancel",
    (_, { parliament }) => parliament.cancel(...near.calls, near.hash),
  ],
  "parliament.relay": [
    "GovernorOnlyExecutor",
    (c, { parliament, registry }, caller) =>
      parliament.relay(
        registry.target,
        0,
        c.registry.interface.encodeFunctionData("admit", [caller.address]),
      ),
  ],
  "parliament.onERC721Received": [
    DISABLED,
    (_, { parliament }) => parliament.onERC721Received.send(ZeroAddress, ZeroAddress, 1, "0x"),
  ],
  "parliament.onERC1155Received": [
    DISABLED,
    (_, { parliament }) => parliament.onERC1155Received.send(ZeroAddress, ZeroAddress, 1, 1, "0x"),
  ],
  "parliament.onERC1155BatchReceived": [
    DISABLED,
    (_, { parliament }) => parliament.onERC1155BatchReceived.send(ZeroAddress, ZeroAddress, [1], [1], "0x"),
  ],
};

/** What ends otherwise for a member that has a vote, and for the account of one that was suspended or removed. */
const MEMBER: Record<string, string> = { "parliament.propose": "done", "registry.addNodeKey": "done" };
const SUSPENDED: Record<string, string> = { "registry.addNodeKey": "MemberRegistryMemberSuspended" };

describe("authority", () => {
  let c: Consortium;
  let close: () => Promise<void>;

  beforeAll(async () => {
    [c, close] = await makeConsortium(6, DEFAULTS, { governed: true });
    defeated = await c.propose([["admit", c.stranger.address]], "defeated");
    await c.vote(defeated.id, "for", 1, 2, 3);
    await c.networkHelpers.time.increase(90_000);
    const cleaning = [
      ["suspend", 4],
      ["remove", 5],
    ] as const;
    await c.decide(cleaning, "cleaning");
    executed = await c.proposal(cleaning, "cleaning");
    open = await c.propose([["admit", c.stranger.address]], "open");
    near = await c.propose([["admit", c.stranger.address]], "near");
    await c.vote(near.id, "for", 1, 2);
  });
  afterAll(() => close());

  /** How one of the attempts ends for a caller: an error's name, or the events that were all there was. */
  async function attempt(name: string, caller: Caller) {
    const as = {
      registry: c.registry.connect(caller),
      memory: c.memory.connect(caller),
      parliament: c.parliament.connect(caller),
    };
    const [, call] = ATTEMPTS[name] as (typeof ATTEMPTS)[string];
    const [ended] = [await c.outcome(call(c, as, caller))].flat();
    if (ended !== "done") return ended;
    const block = await c.ethers.provider.getBlockNumber();
    const logs = await c.ethers.provider.getLogs({ fromBlock: block, toBlock: block });
    return logs.map(
      (log) => (c.registry.interface.parseLog(log) ?? c.parliament.interface.parseLog(log))?.name,
    );
  }

  it("is tried at every function that is not a view", () => {
    const functions = Object.entries({
      registry: c.registry,
      memory: c.memory,
      parliament: c.parliament,
    }).flatMap(([name, contract]) =>
      contract.interface.fragments.flatMap((f) => {
        const { stateMutability, name: method } = f as unknown as { stateMutability?: string; name: string };
        return f.type === "function" && (stateMutability === "nonpayable" || stateMutability === "payable")
          ? [`${name}.${method}`]
          : [];
      }),
    );
    // Pure, because all they do is revert.
    const receivers = Object.keys(ATTEMPTS).filter((name) => /onERC/.test(name));
    const delegations = ["registry.delegate", "registry.delegateBySig"];
    expect(Object.keys(ATTEMPTS).toSorted()).toEqual([...functions, ...receivers, ...delegations].toSorted());
  });

  describe.for([
    ["a stranger", () => c.stranger, {}],
    ["who deployed it", () => c.governor, {}],
    ["a suspended member", () => c.accounts[3], SUSPENDED],
    ["a removed member", () => c.accounts[4], {}],
  ] as const)("%s changes nothing", ([, caller, others]) => {
    it.for(Object.keys(ATTEMPTS))("%s", async (name) => {
      const before = await c.storage();
      const [ending] = ATTEMPTS[name] as (typeof ATTEMPTS)[string];
      expect(await attempt(name, caller() as Caller)).toEqual(
        (others as Record<string, string>)[name] ?? ending,
      );
      expect(await c.storage()).toEqual(before);
    });
  });

  it("a member alone proposes, votes and adds keys of its own, and nothing else", async () => {
    const member = c.accounts[5] as Caller;
    for (const [name, [ending]] of Object.entries(ATTEMPTS)) {
      const fresh = await c.networkHelpers.takeSnapshot();
      const ended = await attempt(name, member);
      if (name.startsWith("parliament.castVote") && !name.endsWith("BySig")) {
        expect(ended, name).toEqual([expect.stringMatching(/^VoteCast/)]);
      } else if (MEMBER[name] === "done") {
        expect(ended, name).toEqual([expect.stringMatching(/^(ProposalCreated|NodeKeyAdded)$/)]);
      } else {
        expect(ended, name).toEqual(ending);
      }
      expect(await c.registry.memberOf(c.stranger.address)).toBe(0n);
      await fresh.restore();
    }
  });

  it("the governor does not speak for a member", async () => {
    const address = c.parliament.target as string;
    await c.networkHelpers.impersonateAccount(address);
    await c.networkHelpers.setBalance(address, 10n ** 18n);
    const governor = await c.ethers.getSigner(address);
    for (const name of [
      "registry.addNodeKey",
      "registry.revokeNodeKey",
      "memory.attest",
      "parliament.castVote",
    ]) {
      const [ending] = ATTEMPTS[name] as (typeof ATTEMPTS)[string];
      expect(await attempt(name, governor as unknown as Caller), name).toEqual(ending);
    }
    await c.networkHelpers.stopImpersonatingAccount(address);
  });

  it("neither accepts money nor keeps any", async () => {
    const { stranger, parliament, registry, memory } = c;
    const before = await c.storage();
    expect(await c.outcome(stranger.sendTransaction({ to: parliament.target, value: 1 }))).toEqual([
      DISABLED,
    ]);
    for (const contract of [registry, memory]) {
      await expect(stranger.sendTransaction({ to: contract.target, value: 1 })).rejects.toThrow();
      await expect(stranger.sendTransaction({ to: contract.target, data: "0x12345678" })).rejects.toThrow();
    }
    expect(await c.storage()).toEqual(before);
  });

  it("nothing but a majority executes, and nothing twice", async () => {
    const [as, before] = [{ ...c, parliament: c.parliament.connect(c.stranger) }, await c.storage()];
    for (const made of [open, near, defeated, executed])
      expect([await c.outcome(execute(as, made))].flat()[0]).toBe("GovernorUnexpectedProposalState");
    // The proposal's own words only: another target, value, call or description is another proposal.
    const [targets, values, calldatas] = near.calls;
    for (const call of [
      () => as.parliament.execute([c.memory.target, ...targets.slice(1)], values, calldatas, near.hash),
      () => as.parliament.execute(targets, [1n], calldatas, near.hash, { value: 1 }),
      () =>
        as.parliament.execute(
          targets,
          values,
          [c.registry.interface.encodeFunctionData("remove", [1])],
          near.hash,
        ),
      () => as.parliament.execute(targets, values, calldatas, executed.hash),
    ])
      expect([await c.outcome(call())].flat()[0]).toBe("GovernorNonexistentProposal");
    expect(await c.storage()).toEqual(before);
  });

  it("once a majority has voted for it, anybody carries it out, exactly as it was put", async () => {
    const fresh = await c.networkHelpers.takeSnapshot();
    await c.vote(near.id, "for", 3);
    expect(await c.state(near.id)).toBe("succeeded");
    const { stranger } = c;
    const sent = c.parliament.connect(stranger).execute(...near.calls, near.hash, { value: 1 });
    expect(await c.outcome(sent)).toEqual([DISABLED]);
    await execute({ ...c, parliament: c.parliament.connect(stranger) }, near);
    expect(await c.registry.memberOf(stranger.address)).toBe(7n);
    expect([await c.outcome(execute(c, near))].flat()[0]).toBe("GovernorUnexpectedProposalState");
    await fresh.restore();
  });

  it("an attestation changed on its way is nobody's", async () => {
    const { memory, keys, signAttestation, events } = c;
    const signed = makeAttestation();
    const signature = signAttestation(keys[0] as string, signed);
    for (const change of [
      { subject: oracle.hex(oracle.sha256("other")) },
      { stance: 2, validUntil: 0 },
      { basis: 2 },
      { confidence: 81 },
      { validUntil: signed.validUntil + 1 },
      { version: signed.version + 1 },
      { content: oracle.hex(oracle.sha256("other")) },
    ]) {
      expect(await events(memory.attest([{ ...signed, ...change }], [signature]))).toEqual([
        ["Skipped", 0n, 1n],
      ]);
    }
    expect(await events(memory.attest([signed], [signature]))).toEqual([
      ["Attested", ...Array(9).fill(expect.anything())],
    ]);
  });
});
