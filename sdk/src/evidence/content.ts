/** What the records are, and what their attestations stand on: everything that is a hash of what is shown. */
import { concat, fromHex } from "../core/bytes.ts";
import { commitmentHex } from "../core/entry.ts";
import { sha256Hex } from "../core/hash.ts";
import { indicatorId, responseId } from "../core/ids.ts";
import type { Bytes32, Entry, Subject } from "../core/types.ts";
import type { ReadEntry, ReadSnapshot } from "./read.ts";
import { refuse, requireAscending } from "./refuse.ts";
import type { RecordName } from "./types.ts";

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
export function verifyContent(snapshot: ReadSnapshot, field: string): VerifiedContent {
  const records = snapshot.records.map(({ name, blind }): NamedRecord => {
    const id = idOf(name);
    return { id, subject: `0x${sha256Hex(concat(blind, fromHex(id)))}` as Subject };
  });
  requireAscending(
    records.map(({ subject }) => subject),
    "evidence.record",
    (index) => `${field}.records[${index}]`,
    "records ascend by subject",
  );
  const commitments = snapshot.contents.map((each) => commitmentHex({ salt: each.salt, entry: each.bytes }));
  requireAscending(
    commitments,
    "evidence.content",
    (index) => `${field}.contents[${index}]`,
    "contents ascend by commitment",
  );
  const places = new Map<Bytes32, number>(commitments.map((commitment, index) => [commitment, index]));
  const used = new Set<number>();
  for (const [index, { name, attestations }] of snapshot.records.entries()) {
    const { id, subject } = records[index] as NamedRecord;
    for (const { content } of attestations) {
      const place = places.get(content);
      if (place === undefined) continue;
      used.add(place);
      if (isAbout((snapshot.contents[place] as ReadEntry).entry, id, name)) continue;
      const at = `${field}.contents[${place}].entry`;
      throw refuse(
        "evidence.content",
        at,
        "is about another record than the attestation that stands on it",
        subject,
      );
    }
  }
  const idle = commitments.findIndex((_, index) => !used.has(index));
  if (idle >= 0)
    throw refuse("evidence.content", `${field}.contents[${idle}]`, "matches no commitment of an attestation");
  return {
    records,
    contents: new Map(snapshot.contents.map(({ entry }, index) => [commitments[index] as Bytes32, entry])),
  };
}

/** The id of a record: the hash of what it is. */
export function idOf(name: RecordName): Bytes32 {
  return name.type === "indicator" ? indicatorId(name) : responseId(name.indicator, name.object);
}

/** Whether a content entry is about a record. A response is validated by a run of its indicator. */
function isAbout(entry: Entry, id: Bytes32, name: RecordName): boolean {
  if (entry.kind !== "content") return false;
  const { body } = entry;
  const indicator = name.type === "indicator" ? id : name.indicator;
  if (body.type === "validation") return body.indicator === indicator;
  if (body.type === "response") return responseId(body.indicator, body.object) === id;
  const { pattern, pattern_type: patternType } = body.object;
  if (name.type === "indicator") return pattern === name.pattern && patternType === name.patternType;
  return indicatorId({ pattern, patternType }) === indicator;
}
