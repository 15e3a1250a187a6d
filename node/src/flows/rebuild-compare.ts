import type { Address, MemberNumber, Register, Subject } from "@anamnesis/sdk/core/types";
import type { Difference, DifferenceKind } from "../api.ts";
import type { Registry } from "../state/registry.ts";
import { differing } from "./differences.ts";

/** Tells where two registries, in use and rebuilt, do not say the same. */
export function compareRegistries(
  inUse: Registry,
  rebuilt: Registry,
  tell: (difference: Difference) => void,
): void {
  const say = (kind: DifferenceKind, what: string, places: Places, here: unknown, there: unknown) => {
    const [ours, theirs] = [textOf(here), textOf(there)];
    if (ours === theirs) return;
    const field = places.field;
    tell({
      kind,
      ...places,
      here: ours,
      there: theirs,
      mends: "nobody",
      message: `${what}: ${field} is ${ours} in use and ${theirs} by the chain read again`,
    });
  };

  say("registry.parameters", "parameters", { field: "parameters" }, inUse.parameters(), rebuilt.parameters());
  const members = (registry: Registry) => new Map(registry.members().map((each) => [each.number, each]));
  const [ours, theirs] = [members(inUse), members(rebuilt)];
  for (const member of new Set([...ours.keys(), ...theirs.keys()]))
    say(
      "registry.member",
      `member ${member}`,
      { member, field: "record" },
      ours.get(member),
      theirs.get(member),
    );
  for (const feed of new Set([...inUse.keys(), ...rebuilt.keys()]))
    say("registry.key", `key ${feed}`, { feed, field: "record" }, inUse.key(feed), rebuilt.key(feed));
  for (const subject of new Set([...inUse.recordedSubjects(), ...rebuilt.recordedSubjects()]))
    for (const member of membersOn(subject, inUse, rebuilt))
      compareRegister(
        subject,
        member,
        inUse.recordedRegister(subject, member),
        rebuilt.recordedRegister(subject, member),
        tell,
      );
}

type Places = { readonly field: string; readonly feed?: Address; readonly member?: number };

function membersOn(subject: Subject, ...registries: readonly Registry[]): Set<MemberNumber> {
  return new Set(
    registries.flatMap((each) => each.recordedRegisters(subject).map((register) => register.member)),
  );
}

function compareRegister(
  subject: Subject,
  member: MemberNumber,
  here: Register | undefined,
  there: Register | undefined,
  tell: (difference: Difference) => void,
): void {
  if (here?.uid === there?.uid) return;
  const { fields, ours, theirs } =
    here !== undefined && there !== undefined
      ? differing(here, there)
      : { fields: "register", ours: here?.uid ?? "none", theirs: there?.uid ?? "none" };
  tell({
    kind: "registry.register",
    subject,
    member,
    field: fields,
    here: ours,
    there: theirs,
    mends: "nobody",
    message: `subject ${subject}: member ${member}'s register differs in ${fields}: ${ours} in use, ${theirs} by the chain read again`,
  });
}

/** Plain values in one spelling; members that are absent do not show. */
function textOf(value: unknown): string {
  if (value === undefined) return "none";
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
