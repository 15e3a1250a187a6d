/* A plan with all that feeds and memory say of its records, as plain values for another thread. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { rootOf } from "@anamnesis/sdk/core/merkle";
import type { IndicatorId, ResponseId, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import type { RecordInput } from "@anamnesis/sdk/evidence/inputs";
import { multiPath } from "@anamnesis/sdk/evidence/multi-path";
import type { RecordName } from "@anamnesis/sdk/evidence/types";
import type { Rooms } from "../rooms.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { FeedMaterial, SnapshotMaterial } from "./archive-assemble.ts";
import { type Collected, shownOf } from "./archive-collect.ts";
import type { Plan } from "./archive-types.ts";

/** What a plan says, as plain values. */
export function materialOf(
  rooms: Rooms,
  collected: Collected,
  { source, state, heads, records }: Plan,
): SnapshotMaterial {
  const ids = new Set(records.map(({ id }) => id));
  return {
    source,
    state,
    records: records.flatMap((record) => inputsOf(rooms, collected, record)),
    feeds: heads.flatMap((head) => feedOf(rooms, collected, head, ids) ?? []),
  };
}

/** A record and its responses. */
function inputsOf({ memory }: Rooms, collected: Collected, record: MemoryRecord): RecordInput[] {
  const contents = collected.contents.get(record.id) ?? [];
  const named = (id: IndicatorId | ResponseId, name: RecordName): RecordInput => ({
    name,
    blind: memory.blind(id) as Uint8Array,
    attestations: collected.attestations.get(memory.subject(id) as Subject) ?? [],
    contents,
  });
  const { patternType, pattern } = record.key;
  return [
    named(record.id, { type: "indicator", patternType, pattern }),
    ...Array.from(record.responses.values(), ({ id, object }) =>
      named(id, { type: "response", indicator: record.id, object }),
    ),
  ];
}

/** Sightings and receipts of a feed under its anchored head; undefined when there are none or another history is held. */
function feedOf(
  { feeds }: Rooms,
  { entries }: Collected,
  head: SignedHead,
  ids: ReadonlySet<IndicatorId>,
): FeedMaterial | undefined {
  const { feed, size, root } = head;
  const own = entries.get(feed);
  if (own === undefined || feeds.size(feed) < size) return undefined;
  if (toHex(rootOf(feeds.frontierAt(feed, size))) !== root) return undefined;
  const items = shownOf(own, size, ids);
  if (items.length === 0) return undefined;
  const read = feeds.node(feed);
  const nodes: [number, number, Uint8Array][] = [];
  multiPath(
    (level, index) => {
      const hash = read(level, index);
      nodes.push([level, index, hash]);
      return hash;
    },
    items.map(({ index }) => index),
    size,
  );
  return { head, items, nodes };
}
