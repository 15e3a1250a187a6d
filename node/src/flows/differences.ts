/* Feeds, chain and memory held against each other: which feed, which subject, which member, which field. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import { wins } from "@anamnesis/sdk/core/status";
import type { Address, MemberNumber, Register, Subject } from "@anamnesis/sdk/core/types";
import type { Differences } from "../api.ts";
import type { Rooms } from "../rooms.ts";
import type { HeldStance } from "../state/memory.ts";
import { createDifferenceList, type DifferenceList } from "./difference-list.ts";
import { canRecord, recordable } from "./relay-difference.ts";

type Compared = Pick<Rooms, "feeds" | "registry" | "memory">;

/** The fields of a register, as differences name them. */
export const REGISTER_FIELDS = ["version", "stance", "basis", "confidence", "validUntil", "uid"] as const;

/** Compares what is held with what the chain says at the indexed block. */
export function differencesOf(rooms: Compared): Differences {
  const list = createDifferenceList();
  for (const feed of rooms.registry.keys()) compareFeed(rooms, feed, list);
  const compared = new Set<string>();
  for (const [subject, stance] of recordable(rooms.memory)) {
    compared.add(`${subject}/${stance.register.member}`);
    compareWord(rooms, subject, stance, list);
  }
  for (const subject of rooms.registry.recordedSubjects())
    for (const register of rooms.registry.recordedRegisters(subject))
      if (!compared.has(`${subject}/${register.member}`)) compareUnheld(rooms, subject, register, list);
  return list.result();
}

function compareFeed({ feeds, registry }: Compared, feed: Address, list: DifferenceList): void {
  const anchored = registry.anchored(feed);
  if (anchored === undefined) return;
  const held = feeds.size(feed);
  if (held < anchored.size)
    list.add({
      kind: "feed.short",
      feed,
      field: "size",
      here: String(held),
      there: String(anchored.size),
      mends: "sync",
      message: `feed ${feed}: the chain anchored ${anchored.size} entries, ${held} are held (sync fetches them)`,
    });
  else if (anchored.size > 0) {
    const root = toHex(rootOf(feeds.frontierAt(feed, anchored.size)));
    if (root === anchored.root) return;
    list.add({
      kind: "feed.root",
      feed,
      field: `root at ${anchored.size}`,
      here: root,
      there: anchored.root,
      mends: "nobody",
      message: `feed ${feed}: its root at ${anchored.size} entries is ${root} here and ${anchored.root} on the chain; its key signed two histories`,
    });
  }
}

function compareWord(
  { registry }: Compared,
  subject: Subject,
  { register, key }: HeldStance,
  list: DifferenceList,
): void {
  const { member } = register;
  const recorded = registry.recordedRegister(subject, member);
  if (recorded?.uid === register.uid) return;
  const name = `subject ${subject}: member ${member}'s stance`;
  const isRecordable = canRecord(registry, key);
  if (recorded !== undefined) compareRegisters(subject, register, recorded, list);
  else
    list.add({
      kind: isRecordable ? "register.unrecorded" : "register.unrecordable",
      feed: key,
      subject,
      member,
      field: "register",
      here: register.uid,
      there: "none",
      mends: isRecordable ? "relay" : "nobody",
      message: isRecordable
        ? `${name} is held and not recorded (relay sends it)`
        : `${name} is held and cannot be recorded: key ${key} is closed; the member states it again with another key`,
    });
}

function compareRegisters(subject: Subject, here: Register, there: Register, list: DifferenceList): void {
  const { fields, ours, theirs } = differing(here, there);
  const isNewer = wins(here, there);
  list.add({
    kind: "register.field",
    subject,
    member: here.member,
    field: fields,
    here: ours,
    there: theirs,
    mends: isNewer ? "relay" : "sync",
    message: `subject ${subject}: member ${here.member}'s stance differs in ${fields}: held ${ours}, recorded ${theirs} (${isNewer ? "relay sends the held one" : "the held one is older; sync fetches the other"})`,
  });
}

function compareUnheld(
  { feeds, registry }: Compared,
  subject: Subject,
  register: Register,
  list: DifferenceList,
): void {
  const { member } = register;
  const isBehind = registry
    .keys()
    .some((key) => ofMember(registry.key(key)?.member, member) && isShort(feeds, registry, key));
  list.add({
    kind: "register.unheld",
    subject,
    member,
    field: "register",
    here: "none",
    there: register.uid,
    mends: isBehind ? "sync" : "nobody",
    message: `subject ${subject}: member ${member}'s stance is recorded (version ${register.version}) and no entry held here says it${isBehind ? " (sync fetches that member's feed)" : ""}`,
  });
}

const ofMember = (a: MemberNumber | undefined, b: MemberNumber): boolean => a === b;

function isShort(feeds: Compared["feeds"], registry: Compared["registry"], key: Address): boolean {
  return feeds.size(key) < (registry.anchored(key)?.size ?? 0);
}

/** The fields in which two registers differ, with both sides' values. */
export function differing(
  a: Register,
  b: Register,
): { readonly fields: string; readonly ours: string; readonly theirs: string } {
  const names = REGISTER_FIELDS.filter((name) => a[name] !== b[name]);
  const of = (register: Register) => names.map((name) => String(register[name])).join(", ");
  return { fields: names.join(", "), ours: of(a), theirs: of(b) };
}
