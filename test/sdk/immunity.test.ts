import { createImmunityCount } from "@anamnesis/sdk/core/immunity";
import type {
  ActionClass,
  Address,
  Entry,
  IndicatorId,
  MemberNumber,
  ReceiptBody,
} from "@anamnesis/sdk/core/types";
import { immunityOfFacts } from "@anamnesis/sdk/evidence/immunity";
import type { SnapshotFacts } from "@anamnesis/sdk/evidence/types";
import { describe, expect, it } from "vitest";

const ID = `0x${"1a".repeat(32)}` as IndicatorId;
const OTHER = `0x${"2b".repeat(32)}` as IndicatorId;
const plant = (letter: string) => `0x${letter.repeat(40)}` as Address;
const [A, B, C, D] = ["a", "b", "c", "d"].map(plant) as [Address, Address, Address, Address];
const T = 1_800_000_000_000;

const sighting = (at: number, firstMs: number, count = 1, indicator = ID): Entry => ({
  at,
  tlp: "green",
  kind: "sighting",
  body: { indicator, firstMs, lastMs: at, count },
});
const receipt = (
  at: number,
  state: ReceiptBody["state"],
  action: ActionClass,
  more: Partial<ReceiptBody> = {},
): Entry => ({
  at,
  tlp: "green",
  kind: "receipt",
  body: {
    indicator: ID,
    control: "edge",
    kind: "edl",
    action,
    state,
    proof: state === "verified" ? "staged" : "none",
    ...more,
  },
});

const FEEDS: readonly (readonly [Address, readonly Entry[]])[] = [
  [A, [receipt(T + 5, "verified", "alert"), sighting(T + 500, T), receipt(T + 40, "verified", "block")]],
  [
    B,
    [
      receipt(T + 8, "verified", "alert"),
      receipt(T + 20, "verified", "block"),
      sighting(T + 9000, T + 7000, 3),
    ],
  ],
  [
    C,
    [
      receipt(T + 12, "verified", "alert"),
      receipt(T + 12, "refused", "alert", { reason: "plan.self" }),
      sighting(T + 9000, T + 10),
    ],
  ],
  [D, [receipt(T + 30, "deferred", "observe", { reason: "deferred.budget" })]],
];

function counted(feeds = FEEDS, status: "attested" | "refuted" = "attested", atMs = T + 60_000) {
  const count = createImmunityCount();
  for (const [i, [feed, entries]] of feeds.entries())
    for (const entry of entries) count.add(feed, (i + 1) as MemberNumber, entry);
  return count.view(atMs, () => ({ name: "an attack", status }));
}

describe("immunity", () => {
  it("counts from what plants wrote, however far off a sensor's clock is", () => {
    const hour = 3_600_000;
    const feeds = FEEDS.map(([feed, entries]) => {
      const skewed = entries.map((entry) =>
        entry.kind === "sighting"
          ? { ...entry, body: { ...entry.body, firstMs: entry.body.firstMs - 12 * hour } }
          : entry,
      );
      return [feed, skewed] as const;
    });
    const { records, warnedAfter } = counted(feeds);
    expect(records[0]?.firstAlertMs).toBe(T + 5);
    expect(warnedAfter).toEqual(counted().warnedAfter);
  });

  it("says who is protected of those who can be, and how soon", () => {
    const view = counted();
    expect(view).toMatchObject({
      indicators: 1,
      coverage: { plants: 4, able: 3, protected: 2, warned: 3 },
      warnedAfter: { count: 2, p50: 3, p99: 7 },
      protectedAfter: { count: 1, p50: 15, p99: 15 },
      pendingUndo: 0,
    });
    const [record] = view.records;
    expect(record).toMatchObject({ firstAlertMs: T + 5, name: "an attack", status: "attested" });
    expect(
      record?.plants.map(({ feed, member, state, able, protectedAfterMs }) => [
        feed,
        member,
        state,
        able,
        protectedAfterMs,
      ]),
    ).toEqual([
      [A, 1, "protected", true, 35],
      [C, 3, "warned", false, null],
      [B, 2, "protected", true, 15],
      [D, 4, "none", true, null],
    ]);
  });

  it("tells of the attack's later meetings what stood there when it came, not what stands now", () => {
    const { secondExposure, records } = counted();
    // C met it at 10 ms and was warned at 12 ms: too late. B was protected.
    expect(secondExposure).toEqual({ met: 2, protected: 1, warned: 1 });
    expect(records[0]?.plants.map(({ metAs }) => metAs)).toEqual(["none", "none", "protected", null]);
  });

  it("counts as to be undone what is in force though the record is over, until each control has said so", () => {
    expect(counted(FEEDS, "refuted").pendingUndo).toBe(3);
    const undone = FEEDS.map(([feed, entries]): [Address, readonly Entry[]] => [
      feed,
      feed === B ? entries : [...entries, receipt(T + 50_000, "undone", "block", { reason: "refuted" })],
    ]);
    const view = counted(undone, "refuted");
    expect(view.pendingUndo).toBe(1);
    expect(
      view.records[0]?.plants.flatMap(({ feed, pendingUndo }) =>
        pendingUndo.map((control) => [feed, control]),
      ),
    ).toEqual([[B, "edge"]]);
    expect(view.coverage).toMatchObject({ protected: 1, warned: 1 });
  });

  it("keeps controls of one plant apart: one undone, one still in force", () => {
    const both: Entry[] = [
      receipt(T + 1, "verified", "block"),
      receipt(T + 2, "verified", "deny", { control: "cell", proof: "enforced" }),
      receipt(T + 3, "undone", "block"),
    ];
    expect(counted([[A, both]]).records[0]?.plants[0]).toMatchObject({
      state: "protected",
      proof: "enforced",
    });
    expect(
      counted([[A, [...both, receipt(T + 4, "verified", "alert", { control: "cell" })]]]).records[0]
        ?.plants[0],
    ).toMatchObject({ state: "warned" });
  });

  it("shows an end that is past as such, since a renewal has no receipt", () => {
    const view = counted([[A, [receipt(T, "verified", "block", { expiresAtMs: T + 1000 })]]]);
    expect(view.records[0]?.plants[0]).toMatchObject({ state: "protected", pastEnd: ["edge"] });
  });

  it("takes nothing from entries that are neither receipt nor sighting, nor from records that are not asked for", () => {
    const count = createImmunityCount();
    count.add(A, undefined, { ...sighting(T, T, 1, OTHER) });
    count.add(A, undefined, receipt(T, "verified", "block"));
    const view = count.view(T, (id) => (id === ID ? { name: "one", status: "attested" } : undefined));
    expect(view.records.map(({ indicator }) => indicator)).toEqual([ID]);
    expect(createImmunityCount().view(T, () => undefined)).toMatchObject({
      indicators: 0,
      warnedAfter: { count: 0, p50: null, p99: null },
      records: [],
    });
  });

  it("lists as many records as asked for and sums all", () => {
    const count = createImmunityCount();
    count.add(A, undefined, receipt(T, "verified", "block"));
    count.add(A, undefined, receipt(T + 1, "verified", "block", { indicator: OTHER }));
    const view = count.view(T, () => ({ name: "any", status: "attested" }), 1);
    expect(view).toMatchObject({ indicators: 2, coverage: { protected: 2 } });
    expect(view.records.map(({ indicator }) => indicator)).toEqual([OTHER]);
  });

  it("is the same from a bundle's entries, of which two snapshots may show some twice and out of order", () => {
    const facts = [FEEDS.slice(0, 3), FEEDS].map(
      (feeds, i) =>
        ({
          block: { number: i, timestamp: (T + 60_000) / 1000 },
          records: [
            { id: ID, name: { type: "indicator", pattern: "an attack" }, status: { name: "attested" } },
          ],
          feeds: feeds.map(([feed, entries], n) => ({
            feed,
            member: n + 1,
            entries: entries.map((entry, index) => ({ index, entry })).reverse(),
          })),
        }) as unknown as SnapshotFacts,
    );
    expect(immunityOfFacts(facts)).toEqual(counted());
  });
});
