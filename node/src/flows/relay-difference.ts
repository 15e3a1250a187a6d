/** What the chain lacks: the difference between what is held and what the registry says, and whose turn it is. */
import { wins } from "@anamnesis/sdk/core/status";
import { stricterTlp } from "@anamnesis/sdk/core/tlp";
import type {
  Address,
  AttestationBody,
  MemberNumber,
  Register,
  SignedHead,
  Subject,
} from "@anamnesis/sdk/core/types";
import type { HeldStance, Memory } from "../state/memory.ts";
import type { Registry } from "../state/registry.ts";

/** A member's last word as held, with what proves it. */
export interface HeldWord {
  readonly register: Register;
  readonly attestation: AttestationBody;
  readonly key: Address;
}

/** A word the chain lacks. */
export interface MissingWord {
  /** Its uid: its name in the log and in the relay's books. */
  readonly id: string;
  /** While this stays the same, it has been missing all the time. */
  readonly place: string;
  readonly member: MemberNumber;
  readonly key: Address;
  readonly word: HeldWord;
}

/** A head the chain lacks. `id` is feed and size; `place` changes when the feed's anchor moves on. */
export interface MissingHead extends Omit<MissingWord, "word"> {
  readonly head: SignedHead;
}

/** The chain takes versions up to ten minutes ahead of its block (DESIGN §4). */
const MAX_LEAD_MS = 600_000;

/** Words that the chain lacks and would take at the indexed block. */
export function missingWords(
  registry: Registry,
  held: Iterable<readonly [Subject, HeldWord]>,
): MissingWord[] {
  const latest = (registry.recordedAt()?.timestamp ?? 0) * 1000 + MAX_LEAD_MS;
  const missing: MissingWord[] = [];
  for (const [subject, word] of held) {
    const { register, key } = word;
    if (!wins(register, registry.recordedRegister(subject, register.member))) continue;
    if (!canRecord(registry, key) || register.version > latest) continue;
    missing.push({ id: register.uid, place: register.uid, member: register.member, key, word });
  }
  return missing;
}

/** Heads that are greater than what is anchored. */
export function missingHeads(registry: Registry, heads: Iterable<SignedHead>): MissingHead[] {
  const missing: MissingHead[] = [];
  for (const head of heads) {
    const record = registry.key(head.feed);
    const anchored = record?.anchored?.size ?? 0;
    if (record === undefined || !canRecord(registry, head.feed) || head.size <= anchored) continue;
    const names = { id: `${head.feed}/${head.size}`, place: `${head.feed}@${anchored}` };
    missing.push({ ...names, member: record.member, key: head.feed, head });
  }
  return missing;
}

/** A suspended member's words are recorded too: it may take back what would count again after its return. */
export function canRecord(registry: Registry, key: Address): boolean {
  const state = registry.keyState(key);
  return state === "open" || state === "suspended";
}

/**
 * After how many patiences the node with key `self` sends something of `key`: 0 for its own, 1 for the
 * next member around the circle and for siblings, and one more for each member further on.
 */
export function turnOf(registry: Registry, self: Address, key: Address, member: MemberNumber): number {
  if (key === self) return 0;
  const own = registry.key(self)?.member;
  if (own === member) return 1;
  const circle = circleOf(registry.activeMembers());
  const at = own === undefined ? -1 : circle.indexOf(own);
  if (at < 0) return circle.length + 1;
  const next = circle.filter((number) => number <= member).length;
  return 1 + ((at - next + circle.length) % circle.length);
}

const circles = new WeakMap<ReadonlySet<MemberNumber>, readonly MemberNumber[]>();

/** Active members in order; the registry gives the same set until membership changes. */
function circleOf(active: ReadonlySet<MemberNumber>): readonly MemberNumber[] {
  const known = circles.get(active) ?? [...active].sort((a, b) => a - b);
  circles.set(active, known);
  return known;
}

/** What may stand on the chain: AMBER+STRICT subjects are never attested there (DESIGN §4). */
export function* recordable(
  memory: Memory,
  subjects?: Iterable<Subject>,
): Generator<readonly [Subject, HeldStance]> {
  for (const [subject, stance] of subjects === undefined
    ? memory.allStances()
    : stancesOn(memory, subjects)) {
    const id = memory.indicatorOf(subject);
    const marking = stricterTlp(stance.tlp, id === undefined ? undefined : memory.record(id)?.tlp);
    if (marking !== "amber+strict") yield [subject, stance];
  }
}

function* stancesOn(memory: Memory, subjects: Iterable<Subject>): Generator<readonly [Subject, HeldStance]> {
  for (const subject of subjects)
    for (const stance of memory.stances(subject).values()) yield [subject, stance];
}
