/** Immunity as a verified bundle shows it: the same count as a node's, over the entries that the bundle proves. */
import { createImmunityCount } from "../core/immunity.ts";
import type { Entry, IndicatorId, MemberNumber } from "../core/types.ts";
import type { ImmunityView } from "../core/views-immunity.ts";
import type { SnapshotFacts } from "./types.ts";

/**
 * Counts the indicators of a bundle. Where snapshots of several blocks show one entry it counts once; names
 * and statuses are those of the newest, and so is the time.
 */
export function immunityOfFacts(facts: readonly SnapshotFacts[]): ImmunityView {
  const count = createImmunityCount();
  const feeds = new Map<SnapshotFacts["feeds"][number]["feed"], Map<number, Entry>>();
  const members = new Map<string, MemberNumber>();
  const records = new Map<
    string,
    { readonly name: string; readonly status: ImmunityView["records"][number]["status"] }
  >();
  let atMs = 0;
  for (const snapshot of facts) {
    atMs = Math.max(atMs, snapshot.block.timestamp * 1000);
    for (const { id, name, status } of snapshot.records)
      if (name.type === "indicator") records.set(id, { name: name.pattern, status: status.name });
    for (const { feed, member, entries } of snapshot.feeds) {
      members.set(feed, member);
      const own = feeds.get(feed) ?? new Map<number, Entry>();
      feeds.set(feed, own);
      for (const { index, entry } of entries) own.set(index, entry);
    }
  }
  for (const [feed, entries] of feeds)
    for (const [, entry] of [...entries].sort(([a], [b]) => a - b)) {
      atMs = Math.max(atMs, entry.at);
      count.add(feed, members.get(feed), entry);
    }
  return count.view(atMs, (id: IndicatorId) => records.get(id));
}
