import { setTimeout as delay } from "node:timers/promises";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex, MemberNumber } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import { GOVERNOR } from "../../adapters/chain/abi.ts";
import type { Governance, MemberFacts, Proposal } from "../../adapters/chain/governance.ts";
import type { Result } from "../program.ts";
import {
  type Constitution,
  decodeCall,
  descriptionHash,
  encodeActions,
  parseActions,
  tellAction,
  tellCalls,
  tryActions,
} from "./admin-actions.ts";
import { type AdminPlace, openSpeaker, perform, type Speaker } from "./admin-place.ts";
import { showMembers, showProposal, showProposals } from "./admin-show.ts";

const VOTES = ["against", "for", "abstain"] as const;
export type Vote = (typeof VOTES)[number];

/** How long a vote waits for the block after the proposal's, ms. */
const NEXT_BLOCK_MS = 120_000;

/** Every member, and what is asked of them. */
export async function listMembers({ governance }: AdminPlace): Promise<Result> {
  return showMembers(await constitutionOf(governance));
}

/** Every proposal, or one in full. */
export async function showOne({ governance }: AdminPlace, which: string | undefined): Promise<Result> {
  const [members, proposals] = await Promise.all([governance.members(), governance.proposals()]);
  const view = { registry: governance.registry, members };
  if (which === undefined) return showProposals(view, proposals);
  return showProposal(view, findProposal(proposals, which));
}

/** Proposes what the words say. It votes for nothing. */
export async function propose(
  place: AdminPlace,
  words: readonly string[],
  because: string | undefined,
): Promise<Result> {
  const { governance } = place;
  const constitution = await constitutionOf(governance);
  const actions = parseActions(words, constitution);
  tryActions(constitution, actions);
  const speaker = await openSpeaker(place);
  requireMember(constitution.members, speaker);

  const calls = encodeActions(governance.registry, actions);
  const { number } = await governance.head();
  const told = actions.map((action) => tellAction(action)).join(" and ");
  // The block keeps apart proposals of one content: each may be made once only.
  const description = `${told}${because === undefined ? "" : `: ${because}`} (after block ${number})`;
  const data = GOVERNOR.encodeFunctionData("propose", [
    calls.map(({ target }) => target),
    calls.map(() => 0),
    calls.map((call) => call.data),
    description,
  ]) as Hex;
  const deed = { to: await governance.governor(), data, words: `propose to ${told}` };
  return perform(place, speaker, deed, async () => {
    const proposals = await governance.proposals();
    const made = proposals.findLast((proposal) => proposal.description === description);
    if (made === undefined) return {};
    const shown = showProposal({ registry: governance.registry, members: constitution.members }, made);
    return { json: { proposal: shown.json }, raw: [String(made.number)], human: shown.human };
  });
}

/** Votes on a proposal. */
export async function vote(
  place: AdminPlace,
  which: string,
  choice: string,
  because: string | undefined,
): Promise<Result> {
  const { governance } = place;
  const support = VOTES.indexOf(choice as Vote);
  if (support < 0)
    throw new AnamnesisError("config.invalid", `"${choice}" is no vote; say for, against or abstain`);
  const [members, proposals] = await Promise.all([governance.members(), governance.proposals()]);
  const proposal = findProposal(proposals, which);
  requireOpen(proposal);
  const speaker = await openSpeaker(place);
  requireMember(members, speaker);
  if (proposal.ballots.some(({ account }) => account === speaker.address))
    throw new AnamnesisError("api.conflict", `${speaker.address} has voted on proposal ${proposal.number}`);
  if (speaker.address !== undefined && !proposal.voters.includes(speaker.address))
    throw new AnamnesisError(
      "api.conflict",
      `${speaker.address} was no active member when proposal ${proposal.number} was made, and has no vote on it`,
    );
  await nextBlock(governance, proposal);
  const { registry } = governance;
  const { words } = tellCalls(registry, proposal.calls);
  const deed = {
    to: await governance.governor(),
    data: GOVERNOR.encodeFunctionData("castVoteWithReason", [proposal.id, support, because ?? ""]) as Hex,
    words: `vote ${choice === "abstain" ? "with neither on" : choice} proposal ${proposal.number}, to ${words}`,
  };
  return perform(place, speaker, deed, async () => {
    const shown = showProposal({ registry, members }, findProposal(await governance.proposals(), which));
    return { json: { proposal: shown.json }, human: shown.human };
  });
}

/** Carries out a proposal that has passed. Anybody may. */
export async function execute(place: AdminPlace, which: string): Promise<Result> {
  const { governance } = place;
  const [constitution, proposals] = await Promise.all([constitutionOf(governance), governance.proposals()]);
  const proposal = findProposal(proposals, which);
  requirePassed(proposal);
  const { registry } = governance;
  const actions = proposal.calls.map((call) => decodeCall(registry, call));
  const { words } = tellCalls(registry, proposal.calls, constitution.members.length);
  // What is not understood is left to the contract's own word.
  if (actions.every((action) => action !== undefined)) tryActions(constitution, actions);
  const speaker = await openSpeaker(place);
  const data = GOVERNOR.encodeFunctionData("execute", [
    proposal.calls.map(({ target }) => target),
    proposal.calls.map(() => 0),
    proposal.calls.map((call) => call.data),
    descriptionHash(proposal.description),
  ]) as Hex;
  const deed = {
    to: await governance.governor(),
    data,
    words: `execute proposal ${proposal.number}: ${words}`,
  };
  return perform(place, speaker, deed, async () => showMembers(await constitutionOf(governance)));
}

async function constitutionOf(
  governance: Governance,
): Promise<Constitution & { readonly members: readonly MemberFacts[] }> {
  const [members, parameters] = await Promise.all([governance.members(), governance.parameters()]);
  return { members, parameters };
}

/** By its number, or by its id in full. Throws `api.notFound`. */
function findProposal(proposals: readonly Proposal[], which: string): Proposal {
  const wanted = /^(\d{1,78}|0x[0-9a-f]{1,64})$/i.test(which) ? BigInt(which) : undefined;
  const found = proposals.find(({ number, id }) => BigInt(number) === wanted || id === wanted);
  if (found !== undefined) return found;
  const known = proposals.length === 0 ? "none was made yet" : `they are 1 to ${proposals.length}`;
  throw new AnamnesisError("api.notFound", `there is no proposal ${which}; ${known}`);
}

function requireOpen({ number, state }: Proposal): void {
  if (state === "pending" || state === "active") return;
  const next =
    state === "succeeded"
      ? `; execute it: anamnesis admin members execute ${number}`
      : "; propose again if need be";
  const words =
    state === "succeeded" ? "has passed already" : state === "executed" ? "was executed" : `is ${state}`;
  throw new AnamnesisError("api.conflict", `proposal ${number} ${words}${state === "executed" ? "" : next}`);
}

function requirePassed(proposal: Proposal): void {
  const { number, state, votes, needed } = proposal;
  if (state === "succeeded") return;
  const why: Partial<Record<Proposal["state"], string>> = {
    pending: `has ${votes.for} of ${needed} votes it needs`,
    active: `has ${votes.for} of ${needed} votes it needs`,
    executed: "was executed already; nothing is left to do",
    expired: "passed and was not executed in time; propose again",
    defeated: "did not pass; propose again if need be",
  };
  throw new AnamnesisError("api.conflict", `proposal ${number} ${why[state] ?? `is ${state}`}`);
}

function requireMember(members: readonly MemberFacts[], { address }: Speaker): void {
  if (address === undefined) return;
  const member = memberWith(members, address);
  if (member === undefined)
    throw new AnamnesisError(
      "config.invalid",
      `account ${getAddress(address)} is no member of this consortium; see anamnesis admin members list`,
    );
  if (member.state === "active") return;
  throw new AnamnesisError("config.invalid", `member ${member.number} is suspended and has no vote`);
}

/** The member with an account; accounts of removed members are nobody's. */
export function memberWith(members: readonly MemberFacts[], account: Address): MemberFacts | undefined {
  return members.find((member) => member.account === account && member.state !== "removed");
}

/** The number of that member. Throws `config.invalid`. */
export function numberOf(members: readonly MemberFacts[], account: Address): MemberNumber {
  requireMember(members, { how: "print", address: account });
  return memberWith(members, account)?.number as MemberNumber;
}

/** A proposal can be voted on from the second after its own on. Throws `chain.unreachable` when no block comes. */
async function nextBlock(governance: Governance, { startsAt, number }: Proposal): Promise<void> {
  const deadline = performance.now() + NEXT_BLOCK_MS;
  while ((await governance.head()).timestamp <= startsAt) {
    if (performance.now() > deadline)
      throw new AnamnesisError(
        "chain.unreachable",
        `no block came after proposal ${number}; try again later`,
      );
    await delay(500);
  }
}
