/** What the registers say, held against what was signed, and the status that follows. */
import { equalBytes, toHex } from "../core/bytes.ts";
import { responseStatus, status } from "../core/status.ts";
import type { Bytes32, Entry, Register, Status, Subject, Uid } from "../core/types.ts";
import type { SignedStance } from "./attestations.ts";
import type { NamedRecord, VerifiedContent } from "./content.ts";
import type { ReadAttestation, ReadRecord, ReadSnapshot } from "./read.ts";
import { refuse } from "./refuse.ts";
import type { RegistryState } from "./state.ts";
import { differingField, packRegister } from "./storage.ts";
import type { RecordFacts, StanceFacts } from "./types.ts";

/**
 * Every register of an active member holds what that member signed, or is proved to be empty.
 *
 * @param words the registers of the active members, record by record
 * @returns for each record its registers that are not empty
 * @throws AnamnesisError `evidence.register` | `evidence.member` | `evidence.attestation`
 */
export function matchRegisters(
  snapshot: ReadSnapshot,
  records: readonly NamedRecord[],
  stances: readonly (readonly SignedStance[])[],
  registry: RegistryState,
  words: readonly (Uint8Array | undefined)[],
  field: string,
): readonly (readonly Register[])[] {
  return snapshot.records.map(({ attestations }, at) => {
    const { subject } = records[at] as NamedRecord;
    const record = `${field}.records[${at}]`;
    const said = new Map(attestations.map(({ member }, index) => [member, index]));
    for (const [index, each] of attestations.entries())
      requireActive(each, registry, `${record}.attestations[${index}].member`, subject);
    return registry.active.flatMap((member, position): Register[] => {
      const word = words[at * registry.active.length + position];
      const index = said.get(member);
      if (index === undefined) {
        if (word === undefined) return [];
        throw refuse("evidence.register", record, `lacks what member ${member} stands behind`, subject);
      }
      const { attestation, digest } = (stances[at] as readonly SignedStance[])[index] as SignedStance;
      requireHeld(word, packRegister(attestation, digest), `${record}.attestations[${index}]`, subject);
      return [{ ...attestation, member, uid: toHex(digest) as Uid }];
    });
  });
}

function requireActive(
  { key, member }: ReadAttestation,
  { active, keys }: RegistryState,
  field: string,
  subject: Subject,
): void {
  if (keys.get(key)?.member !== member)
    throw refuse("evidence.member", field, `is ${member}, whose key ${key} is not`, subject);
  if (!active.includes(member))
    throw refuse("evidence.member", field, `is ${member}, no active member at this block`, subject);
}

function requireHeld(
  word: Uint8Array | undefined,
  expected: Uint8Array,
  field: string,
  subject: Subject,
): void {
  if (word === undefined)
    throw refuse("evidence.register", field, "is not recorded: the register is empty", subject);
  if (equalBytes(word, expected)) return;
  const name = differingField(word, expected);
  throw refuse("evidence.register", `${field}.${name}`, "is not what the register holds", subject);
}

/**
 * The status of every record at the block's time, and what its members said.
 * @throws AnamnesisError `evidence.record` for a response whose indicator is not proved beside it
 */
export function deriveStatus(
  snapshot: ReadSnapshot,
  { records, contents }: VerifiedContent,
  registers: readonly (readonly Register[])[],
  registry: RegistryState,
  timestamp: number,
  field: string,
): readonly RecordFacts[] {
  const active = new Set(registry.active);
  const { parameters } = registry;
  const statuses = new Map<Bytes32, Status>();
  for (const [index, { name }] of snapshot.records.entries()) {
    if (name.type === "indicator")
      statuses.set(idAt(records, index), status(registers[index] ?? [], active, parameters, timestamp));
  }
  return snapshot.records.map((evidence, index): RecordFacts => {
    const { name } = evidence;
    const { id, subject } = records[index] as NamedRecord;
    const stances = stancesOf(evidence, subject, contents);
    if (name.type === "indicator") return { id, subject, name, status: statuses.get(id) as Status, stances };
    const indicator = statuses.get(name.indicator);
    if (indicator === undefined)
      throw refuse(
        "evidence.record",
        `${field}.records[${index}].name.indicator`,
        "is not proved at this block",
        subject,
      );
    const own = responseStatus(indicator, registers[index] ?? [], active, parameters, timestamp);
    return { id, subject, name, status: own, stances };
  });
}

function stancesOf(
  { attestations }: ReadRecord,
  subject: Subject,
  contents: ReadonlyMap<Bytes32, Entry>,
): readonly StanceFacts[] {
  return attestations.map(({ signature: _, ...said }: ReadAttestation): StanceFacts => {
    const shown = contents.get(said.content);
    return { subject, ...said, ...(shown !== undefined && { shown }) };
  });
}

function idAt(records: readonly NamedRecord[], index: number): Bytes32 {
  return (records[index] as NamedRecord).id;
}
