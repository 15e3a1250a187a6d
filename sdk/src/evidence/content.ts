/** What the records are, and what their attestations stand on: everything that is a hash of what is shown. */
import { concat, fromHex, toHex, utf8 } from "../core/bytes.ts";
import { commitmentBytes } from "../core/entry.ts";
import { sha256 } from "../core/hash.ts";
import { indicatorId, responseId } from "../core/ids.ts";
import type { Bytes32, Entry, Subject } from "../core/types.ts";
import { refuse, requireAscending } from "./refuse.ts";
import type { RecordName, SaltedEntry, Snapshot } from "./types.ts";

/** A record by the hashes of what it is. */
export interface NamedRecord {
  readonly id: Bytes32;
  readonly subject: Subject;
}

/** A snapshot's records, and the content that stands under a commitment. */
export interface VerifiedContent {
  readonly records: readonly NamedRecord[];
  readonly contents: ReadonlyMap<Bytes32, Entry>;
}

/**
 * Every content matches a commitment that an attestation of a record signs, and is about that record.
 * @throws AnamnesisError `evidence.content` | `evidence.record`
 */
export function verifyContent(snapshot: Snapshot, field: string): VerifiedContent {
  const records = snapshot.records.map(({ name, blind }): NamedRecord => {
    const id = idOf(name);
    return { id, subject: toHex(sha256(concat(fromHex(blind), fromHex(id)))) as Subject };
  });
  requireAscending(
    records.map(({ subject }) => subject),
    "evidence.record",
    (index) => `${field}.records[${index}]`,
    "records ascend by subject",
  );
  const commitments = snapshot.contents.map((each) => toHex(commitmentOfEntry(each)) as Bytes32);
  requireAscending(
    commitments,
    "evidence.content",
    (index) => `${field}.contents[${index}]`,
    "contents ascend by commitment",
  );
  const contents = new Map(snapshot.contents.map(({ entry }, i) => [commitments[i] as Bytes32, entry]));
  const used = new Set<Bytes32>();
  for (const [index, { name, attestations }] of snapshot.records.entries()) {
    const { id, subject } = records[index] as NamedRecord;
    for (const { content } of attestations) {
      const entry = contents.get(content);
      if (entry === undefined) continue;
      used.add(content);
      if (!isAbout(entry, id, name)) {
        const at = `${field}.contents[${commitments.indexOf(content)}].entry`;
        throw refuse(
          "evidence.content",
          at,
          "is about another record than the attestation that stands on it",
          subject,
        );
      }
    }
  }
  const idle = commitments.findIndex((commitment) => !used.has(commitment));
  if (idle >= 0)
    throw refuse("evidence.content", `${field}.contents[${idle}]`, "matches no commitment of an attestation");
  return { records, contents };
}

/** The id of a record: the hash of what it is. */
export function idOf(name: RecordName): Bytes32 {
  return name.type === "indicator" ? indicatorId(name) : responseId(name.indicator, name.object);
}

/** The commitment of an entry whose members are in order, as those of a parsed bundle are. 32 bytes. */
export function commitmentOfEntry({ entry, salt }: SaltedEntry): Uint8Array {
  return commitmentBytes(fromHex(salt), utf8(JSON.stringify(entry)));
}

/** Whether a content entry is about a record. A response is validated by a run of its indicator. */
function isAbout(entry: Entry, id: Bytes32, name: RecordName): boolean {
  if (entry.kind !== "content") return false;
  const { body } = entry;
  const indicator = name.type === "indicator" ? id : name.indicator;
  if (body.type === "validation") return body.indicator === indicator;
  if (body.type === "response") return responseId(body.indicator, body.object) === id;
  const { pattern, pattern_type: patternType } = body.object;
  return indicatorId({ pattern, patternType }) === indicator;
}
