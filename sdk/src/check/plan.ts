/**
 * The second opinion before anything is blocked: does a plan's exact set touch Self?
 *
 * It shares no code with what compiles plans, so that one mistake cannot be made twice. What it cannot
 * read it refuses. docs/safety-case.md says what it proves and what not.
 */
import type { Self } from "../core/types.ts";
import { type Line, lineOf, shares, Unreadable } from "./line.ts";
import { type Own, ownOf } from "./own.ts";

/** What a plan stops: sources × destinations × ports × functions, or names. */
export interface BlockSet {
  readonly sources: readonly string[]; // addresses or CIDR ranges; `any` on one side only
  readonly destinations: readonly string[];
  readonly ports: readonly number[]; // empty: every port
  readonly functions: readonly number[]; // empty: the whole conversation
  readonly names?: readonly string[]; // domain names, each with everything below it; the rest is empty
}

/** The checker's answer; `entry` names what of Self would be hit. */
export type PlanVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: "plan.self"; readonly reason: string; readonly entry: string };

/** By port: the functions that command. All others are reads or unknown, and those are never refused. */
const COMMANDS: ReadonlyMap<number, readonly number[]> = new Map([[502, [5, 6, 15, 16, 21, 22, 23]]]);

/**
 * Proves a plan that blocks disjoint from Self (DESIGN §6).
 *
 * Self is what passes between the plant's own addresses and its services. Of that a plan may stop the
 * commands of who is no writer, and conversations begun by who is no machine of the plant; services,
 * engineering stations and safety systems it may not touch at all. A set open on one side may hold no
 * address of Self, a name may be neither below nor above one of Self. A plan that states no set is refused.
 */
export function checkPlan(blocks: readonly BlockSet[], self: Self): PlanVerdict {
  try {
    const own = ownOf(self);
    if (blocks.length === 0) return refuse("the plan blocks and states no set", "plan");
    for (const block of blocks) {
      const hit = block.names === undefined ? hitAddress(block, own) : hitName(block, own);
      if (hit !== undefined) return refuse(`the plan would stop ${hit}, which belongs to the plant`, hit);
    }
    return { ok: true };
  } catch (error) {
    const why = error instanceof Unreadable ? error.message : String(error);
    return refuse(`the plan cannot be checked: ${why}`, "plan");
  }
}

function refuse(reason: string, entry: string): PlanVerdict {
  return { ok: false, code: "plan.self", reason, entry };
}

function hitAddress(block: BlockSet, own: Own): string | undefined {
  const source = sideOf(block.sources);
  const destination = sideOf(block.destinations);
  checkNumbers("port", block.ports, 65_535);
  checkNumbers("function", block.functions, 255);
  if (source === "any" || destination === "any") {
    const stated = source === "any" ? destination : source;
    if (stated === "any") return "every address";
    return shares(stated, own.all) ? own.label(stated) : undefined;
  }
  if (!shares(source, own.all) || !shares(destination, own.all)) return undefined;
  if (!own.hasRoles) throw new Unreadable("Self has no writers or controllers");
  const isNeeded =
    shares(source, own.untouchable) ||
    shares(destination, own.untouchable) ||
    (!isCommand(block) && shares(source, own.named)) ||
    own.pairs.some(
      ({ from, to, functions }) =>
        meet(functions, block.functions) && shares(source, from) && shares(destination, to),
    );
  return isNeeded ? `${own.label(source)} to ${own.label(destination)}` : undefined;
}

/** Whether a set stops commands and nothing else. */
function isCommand({ ports, functions }: BlockSet): boolean {
  if (ports.length === 0 || functions.length === 0) return false;
  return ports.every((port) => functions.every((code) => COMMANDS.get(port)?.includes(code)));
}

/** Whether two lists of functions share one; an empty one is every function. */
function meet(some: readonly number[], others: readonly number[]): boolean {
  return some.length * others.length === 0 || some.some((code) => others.includes(code));
}

function hitName({ names = [], ...block }: BlockSet, own: Own): string | undefined {
  const { sources, destinations, ports, functions } = block;
  const others = sources.length + destinations.length + ports.length + functions.length;
  if (names.length === 0 || others !== 0) throw new Unreadable("a set of names that states more or less");
  return names.map(own.nameHit).find((hit) => hit !== undefined);
}

function sideOf(side: readonly string[]): Line | "any" {
  if (!Array.isArray(side) || side.length === 0) throw new Unreadable("one side of the set is empty");
  return side.includes("any") ? "any" : lineOf(side);
}

function checkNumbers(what: string, numbers: readonly number[], most: number): void {
  if (numbers.every((number) => Number.isInteger(number) && number >= 0 && number <= most)) return;
  throw new Unreadable(`a ${what} of ${JSON.stringify(numbers)}`);
}
