/** What the registers say, held against what was signed, and the status that follows. */
import { equalBytes } from "../core/bytes.ts";
import { responseStatus, status } from "../core/status.ts";
import type { Bytes32, Status } from "../core/types.ts";
import type { SignedStance } from "./attestations.ts";
import type { NamedRecord, VerifiedContent } from "./content.ts";
import type { ReadRecord, ReadSnapshot } from "./read.ts";
import { refuse } from "./refuse.ts";
import type { RegistryState } from "./state.ts";
import { differingField, packRegister } from "./storage.ts";
import type { EvidenceCode, RecordFacts, StanceFacts } from "./types.ts";

/**
 * Every register of an active member holds what that member signed, or is proved to be empty.
 *
 * @param words the registers of the active members, record by record
 * @throws AnamnesisError `evidence.register` | `evidence.member`
 */
export function matchRegisters(
  records: readonly NamedRecord[],
  stances: readonly (readonly SignedStance[])[],
  { active, keys }: RegistryState,
  words: readonly (Uint8Array | undefined)[],
  field: string,
): void {
  const expected = new Uint8Array(32);
  for (const [at, said] of stances.entries()) {
    const { subject } = records[at] as NamedRecord;
    const refuseAt = (code: EvidenceCode, index: number, name: string, cause: string) =>
      refuse(code, `${field}.records[${at}].attestations[${index}]${name}`, cause, subject);
    for (let index = 0; index < said.length; index++) {
      const { key, member } = (said[index] as SignedStance).stance;
      if (keys.get(key)?.member !== member)
        throw refuseAt("evidence.member", index, ".member", `is ${member}, whose key ${key} is not`);
      if (!active.includes(member))
        throw refuseAt("evidence.member", index, ".member", `is ${member}, no active member at this block`);
    }
    let next = 0; // both ascend by member
    for (let position = 0; position < active.length; position++) {
      const word = words[at * active.length + position];
      const signed = said[next];
      if (signed === undefined || signed.stance.member !== active[position]) {
        if (word === undefined) continue;
        const cause = `lacks what member ${active[position]} stands behind`;
        throw refuse("evidence.register", `${field}.records[${at}]`, cause, subject);
      }
      if (word === undefined)
        throw refuseAt("evidence.register", next, "", "is not recorded: the register is empty");
      packRegister(signed.stance, signed.digest, expected);
      if (!equalBytes(word, expected)) {
        const name = `.${differingField(word, expected)}`;
        throw refuseAt("evidence.register", next, name, "is not what the register holds");
      }
      next++;
    }
  }
}

/**
 * The status of every record at the block's time, and what its members said.
 *
 * @param stances of active members, as their registers hold them
 * @throws AnamnesisError `evidence.record` for a response whose indicator is not proved beside it
 */
export function deriveStatus(
  snapshot: ReadSnapshot,
  { records, contents }: VerifiedContent,
  stances: readonly (readonly SignedStance[])[],
  { active: members, parameters }: RegistryState,
  timestamp: number,
  field: string,
): readonly RecordFacts[] {
  const active = new Set(members);
  const said = stances.map((all) => all.map(({ stance }) => stance));
  const statuses = new Map<Bytes32, Status>();
  for (const [index, { name }] of snapshot.records.entries()) {
    const { id } = records[index] as NamedRecord;
    if (name.type === "indicator")
      statuses.set(id, status(said[index] as StanceFacts[], active, parameters, timestamp));
  }
  const statusOf = ({ name }: ReadRecord, index: number): Status => {
    if (name.type === "indicator") return statuses.get((records[index] as NamedRecord).id) as Status;
    const indicator = statuses.get(name.indicator);
    if (indicator !== undefined)
      return responseStatus(indicator, said[index] as StanceFacts[], active, parameters, timestamp);
    const { subject } = records[index] as NamedRecord;
    const at = `${field}.records[${index}].name.indicator`;
    throw refuse("evidence.record", at, "is not proved at this block", subject);
  };
  return snapshot.records.map((record, index): RecordFacts => {
    const { id, subject } = records[index] as NamedRecord;
    const shown = (said[index] as StanceFacts[]).map((stance): StanceFacts => {
      const entry = contents.get(stance.content);
      return entry === undefined ? stance : { ...stance, shown: entry };
    });
    return { id, subject, name: record.name, status: statusOf(record, index), stances: shown };
  });
}
