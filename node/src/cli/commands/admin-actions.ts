/** Proposals in words and as calls. The words shown always come from the calls, never from a description. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import type { Address, Hex, MemberNumber, Parameters } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import { REGISTRY } from "../../adapters/chain/abi.ts";
import type { MemberFacts, ProposalCall } from "../../adapters/chain/governance.ts";

/** What a vote may do. */
export type Action =
  | { readonly do: "admit"; readonly account: Address }
  | { readonly do: "suspend" | "reinstate" | "remove"; readonly member: MemberNumber }
  | { readonly do: "set"; readonly parameters: Parameters };

/** Who the members are and what is asked of them: what actions change. */
export interface Constitution {
  readonly members: readonly Pick<MemberFacts, "number" | "account" | "state">[];
  readonly parameters: Parameters;
}

const MIN_MEMBERS = 3;
const MAX_U16 = 65_535;
const USAGE =
  "say: admit ADDRESS, suspend N, reinstate N, remove N, or set M 3 W 1 R 2 maxBatch 100; several joined by and";

const PARAMETER_NAMES: Readonly<Record<string, keyof Parameters>> = {
  m: "members",
  w: "witnesses",
  r: "refutes",
  maxbatch: "maxBatch",
};

/**
 * Reads words like `admit 0x… and remove member 2`. What `set` leaves out stays as it is.
 *
 * @throws AnamnesisError `config.invalid` with what is wrong, as it stands in the words
 */
export function parseActions(words: readonly string[], { parameters }: Constitution): readonly Action[] {
  const text = words.flatMap((word) => word.split(/[\s,]+/)).filter((word) => word !== "");
  if (text.length === 0) throw wrong("a proposal needs words");
  const parts: string[][] = [[]];
  for (const word of text) {
    if (word.toLowerCase() === "and") parts.push([]);
    else parts.at(-1)?.push(word);
  }
  let then = parameters;
  return parts.map((part) => {
    const action = parseAction(part, then);
    if (action.do === "set") then = action.parameters;
    return action;
  });
}

function parseAction(words: readonly string[], parameters: Parameters): Action {
  const [verb = "", ...rest] = words;
  switch (verb.toLowerCase()) {
    case "admit":
      if (rest.length !== 1) throw wrong(`"${words.join(" ")}" does not name one account`);
      return { do: "admit", account: parseChecked(rest[0] as string, "the account to admit") };
    case "suspend":
    case "reinstate":
    case "remove": {
      const number = rest[0]?.toLowerCase() === "member" ? rest.slice(1) : rest;
      if (number.length !== 1) throw wrong(`"${words.join(" ")}" does not name one member`);
      const action = verb.toLowerCase() as "suspend" | "reinstate" | "remove";
      return { do: action, member: parseNumber(number[0] as string, "member") as MemberNumber };
    }
    case "set":
      return { do: "set", parameters: parseParameters(rest, parameters) };
    default:
      throw wrong(`"${verb}" is nothing that can be proposed`);
  }
}

function parseParameters(words: readonly string[], held: Parameters): Parameters {
  const pairs = words.flatMap((word) => word.split(/[=:]/)).filter((word) => word !== "");
  if (pairs.length === 0 || pairs.length % 2 !== 0)
    throw wrong(`"set ${words.join(" ")}" does not give each name a number`);
  const changed: Partial<Record<keyof Parameters, number>> = {};
  for (let i = 0; i < pairs.length; i += 2) {
    const name = PARAMETER_NAMES[(pairs[i] as string).toLowerCase()];
    if (name === undefined) throw wrong(`"${pairs[i]}" is no parameter`);
    changed[name] = parseNumber(pairs[i + 1] as string, pairs[i] as string);
  }
  return { ...held, ...changed };
}

function parseNumber(text: string, what: string): number {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) <= MAX_U16) return Number(text);
  throw wrong(`${what} is "${text}", which is no number from 1 to ${MAX_U16}`);
}

function wrong(what: string): AnamnesisError {
  return new AnamnesisError("config.invalid", `${what}; ${USAGE}`);
}

/**
 * An address as people paste it: all of one case, or with its checksum (EIP-55) right.
 *
 * @throws AnamnesisError `config.invalid`
 */
export function parseChecked(text: string, what: string): Address {
  if (/^0x[0-9a-f]{40}$/i.test(text)) {
    try {
      return getAddress(text).toLowerCase() as Address;
    } catch {
      throw new AnamnesisError(
        "config.invalid",
        `${what} ${text} has a wrong checksum: a digit is mistaken; copy it again`,
      );
    }
  }
  throw new AnamnesisError("config.invalid", `${what} "${text}" is no address; write 0x and 40 digits`);
}

/** The calls of a proposal, in order. */
export function encodeActions(registry: Address, actions: readonly Action[]): readonly ProposalCall[] {
  return actions.map((action) => ({ target: registry, data: encodeAction(action) }));
}

function encodeAction(action: Action): Hex {
  if (action.do === "set") return REGISTRY.encodeFunctionData("setParameters", [action.parameters]) as Hex;
  const argument = action.do === "admit" ? action.account : action.member;
  return REGISTRY.encodeFunctionData(action.do, [argument]) as Hex;
}

/** What calls do, or undefined for one that is none of ours. */
export function decodeCall(registry: Address, { target, data }: ProposalCall): Action | undefined {
  if (target !== registry) return undefined;
  try {
    const parsed = REGISTRY.parseTransaction({ data });
    if (parsed === null || encodeAgain(parsed.name, parsed.args.toArray()) !== data) return undefined;
    const [argument] = parsed.args.toArray() as [unknown];
    switch (parsed.name) {
      case "admit":
        return { do: "admit", account: String(argument).toLowerCase() as Address };
      case "suspend":
      case "reinstate":
      case "remove":
        return { do: parsed.name, member: Number(argument) as MemberNumber };
      case "setParameters": {
        const [members, witnesses, refutes, maxBatch] = [...(argument as bigint[])].map(Number);
        return { do: "set", parameters: { members, witnesses, refutes, maxBatch } as Parameters };
      }
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}

/** Bytes after the arguments would not be in the words. */
function encodeAgain(name: string, args: readonly unknown[]): string {
  return REGISTRY.encodeFunctionData(name, [...args]);
}

/** Calls in words: `admit 0x… as member 5 and remove member 2`; `as member` only while `members` are known. */
export function tellCalls(
  registry: Address,
  calls: readonly ProposalCall[],
  members?: number,
): { readonly words: string; readonly understood: boolean } {
  let next = members;
  let understood = calls.length > 0;
  const parts = calls.map((call) => {
    const action = decodeCall(registry, call);
    if (action === undefined) {
      understood = false;
      return `call ${call.target} with ${call.data.slice(0, 10)}…, which is not understood here`;
    }
    if (action.do === "admit" && next !== undefined) return tellAction(action, ++next);
    return tellAction(action);
  });
  return { words: parts.join(" and ") || "do nothing", understood };
}

/** One action in words. */
export function tellAction(action: Action, number?: number): string {
  if (action.do === "admit")
    return `admit ${getAddress(action.account)}${number === undefined ? "" : ` as member ${number}`}`;
  if (action.do !== "set") return `${action.do} member ${action.member}`;
  const { members, witnesses, refutes, maxBatch } = action.parameters;
  return `set M ${members} W ${witnesses} R ${refutes} maxBatch ${maxBatch}`;
}

/**
 * Goes through a proposal as the registry would, and says in words what it would refuse.
 *
 * @throws AnamnesisError `api.notFound` for a member that does not exist, `config.invalid` for the rest
 */
export function tryActions(constitution: Constitution, actions: readonly Action[]): void {
  let { members, parameters } = constitution;
  for (const action of actions) {
    try {
      ({ members, parameters } = tryAction({ members, parameters }, action));
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      throw new AnamnesisError(error.code, `this cannot be done: ${tellAction(action)}: ${error.message}`);
    }
  }
}

function tryAction({ members, parameters }: Constitution, action: Action): Constitution {
  const refuse = (why: string) => new AnamnesisError("config.invalid", why);
  if (action.do === "admit") {
    const { account } = action;
    const holder = members.find((member) => member.account === account && member.state !== "removed");
    if (holder !== undefined) throw refuse(`the account is that of member ${holder.number}, ${holder.state}`);
    const number = (members.length + 1) as MemberNumber;
    return { members: [...members, { number, account, state: "active" }], parameters };
  }
  if (action.do === "set") {
    requireFeasible(action.parameters, activeCount(members));
    return { members, parameters: action.parameters };
  }
  const member = members.find(({ number }) => number === action.member);
  if (member === undefined)
    throw new AnamnesisError(
      "api.notFound",
      `there is no member ${action.member}; members are 1 to ${members.length}`,
    );
  const wanted = { suspend: "active", reinstate: "suspended", remove: undefined }[action.do];
  if (member.state === "removed" || (wanted !== undefined && member.state !== wanted))
    throw refuse(`member ${member.number} is ${member.state}`);
  const state = { suspend: "suspended", reinstate: "active", remove: "removed" } as const;
  const after = members.map((each) => (each === member ? { ...member, state: state[action.do] } : each));
  if (member.state === "active") requireFeasible(parameters, activeCount(after));
  return { members: after, parameters };
}

function requireFeasible({ members, witnesses, refutes }: Parameters, active: number): void {
  const refuse = (why: string, advice: string) => new AnamnesisError("config.invalid", `${why}; ${advice}`);
  if (active < MIN_MEMBERS)
    throw refuse(
      `${active} active members would be left, and three have to be`,
      "admit another in the same proposal",
    );
  if (members > active)
    throw refuse(
      `M is ${members} and ${active} active members would be left`,
      "set a lower M in the same proposal, before this",
    );
  if (refutes > active)
    throw refuse(
      `R is ${refutes} and ${active} active members would be left`,
      "set a lower R in the same proposal, before this",
    );
  if (witnesses > members)
    throw refuse(`W ${witnesses} is more than M ${members}`, "witnesses are among the members");
}

function activeCount(members: Constitution["members"]): number {
  return members.filter(({ state }) => state === "active").length;
}

/** Keccak-256 of a description, as `execute` wants it. */
export function descriptionHash(description: string): Hex {
  return toHex(keccak256(new TextEncoder().encode(description)));
}
