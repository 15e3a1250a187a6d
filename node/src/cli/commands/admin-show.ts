import type { Address } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import type { MemberFacts, Proposal } from "../../adapters/chain/governance.ts";
import { clean, count, pairs, type Style, table, time } from "../output.ts";
import type { Result } from "../program.ts";
import { type Constitution, tellCalls } from "./admin-actions.ts";

/** What proposals are shown against. */
export interface MembersView {
  readonly registry: Address;
  readonly members: readonly MemberFacts[];
}

/** The members and the agreement, as a table. */
export function showMembers({
  members,
  parameters,
}: Pick<Constitution, "parameters"> & { readonly members: readonly MemberFacts[] }): Result {
  const active = members.filter(({ state }) => state === "active").length;
  const majority = Math.floor(active / 2) + 1;
  const { members: M, witnesses: W, refutes: R, maxBatch } = parameters;
  return {
    json: { members: members.map(memberJson), parameters, activeMembers: active, votesNeeded: majority },
    raw: members.map(({ number, account, state }) => `${number} ${account} ${state}`),
    human: (style) =>
      [
        table(
          ["MEMBER", "ACCOUNT", "STATE", "KIND"],
          members.map((member) => [
            String(member.number),
            getAddress(member.account),
            member.state,
            member.isContract ? "contract" : "key",
          ]),
          style,
        ),
        "",
        `${count(active, "active member")}; ${majority} votes decide. ` +
          `A record is attested by ${M} members, ${W} of them witnesses, refuted by ${R}; ${maxBatch} items a batch.`,
      ].join("\n"),
  };
}

/** All proposals, the newest first. */
export function showProposals(view: MembersView, proposals: readonly Proposal[]): Result {
  const newest = proposals.toReversed();
  return {
    json: { proposals: newest.map((proposal) => proposalJson(view, proposal)) },
    raw: newest.map(({ number, state }) => `${number} ${state}`),
    human: (style) =>
      newest.length === 0
        ? "Nothing was ever proposed."
        : table(
            ["PROPOSAL", "STATE", "FOR", "AGAINST", "NEEDED", "TO"],
            newest.map((proposal) => [
              String(proposal.number),
              proposal.state,
              String(proposal.votes.for),
              String(proposal.votes.against),
              String(proposal.needed),
              tellCalls(view.registry, proposal.calls).words,
            ]),
            style,
          ),
  };
}

/** One proposal: what it does, who voted, what is missing, what to do next. */
export function showProposal(view: MembersView, proposal: Proposal): Result {
  const { registry, members } = view;
  const { number, votes, needed, description, ballots } = proposal;
  const { words, understood } = tellCalls(registry, proposal.calls, membersBefore(view, proposal));
  return {
    json: proposalJson(view, proposal),
    raw: [proposal.state],
    human: (style) =>
      [
        `Proposal ${number}: ${clean(words)}`,
        ...(understood ? [] : [style.bad("! Not all of it is understood here: do not vote for it.")]),
        "",
        pairs(
          [
            ["state", stateOf(proposal, style)],
            [
              "votes",
              `for ${votes.for}, against ${votes.against}, abstained ${votes.abstain}; ${needed} for are needed`,
            ],
            ["by", nameOf(members, proposal.proposer)],
            ["says", description],
            ["id", `0x${proposal.id.toString(16)}`],
          ],
          style,
        ),
        ...(ballots.length === 0
          ? []
          : [
              "",
              table(
                ["VOTE", "MEMBER", "REASON"],
                ballots.map((ballot) => [ballot.vote, nameOf(members, ballot.account), ballot.reason]),
                style,
              ),
            ]),
        "",
        nextOf(view, proposal, style),
      ].join("\n"),
  };
}

function stateOf({ state, endsAt, expiresAt }: Proposal, { nowMs }: Style): string {
  switch (state) {
    case "pending":
    case "active":
      return `open, votes until ${time(endsAt * 1000, nowMs)}`;
    case "succeeded":
      return `passed, to be executed until ${time(expiresAt * 1000, nowMs)}`;
    case "expired":
      return "expired: it passed and nobody executed it";
    case "defeated":
      return "defeated: too few votes for it in time";
    default:
      return state;
  }
}

function nextOf({ members }: MembersView, proposal: Proposal, { soft }: Style): string {
  const { number, state, votes, needed, voters, ballots } = proposal;
  const silent = members.filter(
    ({ account, state: standing }) =>
      standing === "active" &&
      voters.includes(account) &&
      !ballots.some((ballot) => ballot.account === account),
  );
  const missing = needed - votes.for;
  switch (state) {
    case "pending":
    case "active": {
      if (missing > silent.length) return "Next: nothing; it cannot pass any more.";
      const who = silent.map((member) => `member ${member.number}`).join(", ");
      return [
        `Next: ${count(missing, "vote")} for it ${missing === 1 ? "is" : "are"} missing; not voted yet: ${who}.`,
        soft(`  anamnesis admin members vote ${number} for`),
      ].join("\n");
    }
    case "succeeded":
      return `Next: anybody may carry it out.\n${soft(`  anamnesis admin members execute ${number}`)}`;
    case "executed":
      return "Next: nothing; it is done.";
    default:
      return "Next: propose it again, if it is still wanted.";
  }
}

/** How many members there are before this proposal admits any; unknown once it is over. */
function membersBefore({ members }: MembersView, { state }: Proposal): number | undefined {
  return ["pending", "active", "succeeded"].includes(state) ? members.length : undefined;
}

/** `member 2 (0x…)`; an account whose membership ended is told with it. */
function nameOf(members: readonly MemberFacts[], account: Address): string {
  const member = members.findLast((each) => each.account === account);
  const removed = member?.state === "removed" ? ", removed" : "";
  return member === undefined ? account : `member ${member.number} (${getAddress(account)}${removed})`;
}

function memberJson({ number, account, state, isContract }: MemberFacts) {
  return { number, account, state, isContract };
}

function proposalJson(view: MembersView, proposal: Proposal) {
  const { id, calls, ...rest } = proposal;
  const { words, understood } = tellCalls(view.registry, calls, membersBefore(view, proposal));
  return { ...rest, id: `0x${id.toString(16)}`, does: words, understood, calls };
}
