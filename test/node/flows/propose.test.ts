/** Knowledge from outside: selected, released by the operator's word alone, attested as an analyst's, exported again. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import type { IndicatorId, Proposal } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { knowledgePage } from "../../../node/src/flows/answer-knowledge.ts";
import { type Consortium, makeConsortium } from "../support/consortium.ts";
import { START_MS } from "../support/plant.ts";
import { createKeptLog } from "../support/surroundings.ts";

const proposal = (pattern: string, extra: Partial<Proposal> = {}): Proposal => ({
  key: { patternType: "stix", pattern },
  name: "from a feed",
  confidence: 60,
  attackIds: ["T0883"],
  tlp: "green",
  origin: { format: "stix", id: "indicator--1", author: "A CERT", licence: "CC-BY 4.0", source: "[]" },
  ...extra,
});
const ADDRESS = proposal("[ipv4-addr:value = '203.0.113.9']");
const COMPOUND = proposal("[file:name = 'a.dll' AND file:size = 3]");

let consortium: Consortium;
let close: () => Promise<void>;
beforeEach(async () => {
  [consortium, close] = await makeConsortium(4);
});
afterEach(() => close());

const commands = (number: number) => consortium.plant(number).running!.commands;

test("nothing acts before the operator's word, and then members attest it as an analyst's", async () => {
  expect(await commands(1).propose([ADDRESS, ADDRESS])).toEqual({ queued: 1, known: 1, stopped: [] });
  await consortium.settle();
  const id = indicatorId(ADDRESS.key);
  for (const plant of consortium.plants) {
    expect(consortium.view(plant, id)).toBeUndefined();
    expect(plant.control.inForce.size).toBe(0);
  }

  await commands(1).release(id);
  await consortium.settle();
  for (const plant of consortium.plants)
    expect(consortium.view(plant, id)?.stances).toContainEqual(
      expect.objectContaining({ member: 1, basis: "analyst", confidence: 60 }),
    );
  const { object, tlp } = consortium.plant(3).running!.rooms.memory.record(id)!;
  expect(object).toMatchObject({
    name: "from a feed",
    x_anamnesis_origin: ADDRESS.origin,
    external_references: [{ source_name: "mitre-attack", external_id: "T0883" }],
  });
  expect(tlp).not.toBe("clear");
  // An analyst's word is a witness's (DESIGN §4); the others tested it on their own traffic.
  for (const plant of consortium.plants) expect(consortium.status(plant, id)).toBe("attested");
  expect(await commands(1).propose([ADDRESS])).toEqual({ queued: 0, known: 1, stopped: [] });
  expect(consortium.faults()).toEqual([]);
});

test("a pattern that no control applies is kept, shown and passed on", async () => {
  await commands(1).propose([COMPOUND]);
  const id = indicatorId(COMPOUND.key);
  await commands(1).release(id);
  await consortium.settle();
  for (const plant of consortium.plants) {
    expect(consortium.view(plant, id)).toMatchObject({ form: null, responseAction: null });
    expect(plant.control.inForce.has(id)).toBe(false);
  }
});

test("what touches the plant itself is stopped, with the entry", async () => {
  const answer = await commands(1).propose([
    proposal("[ipv4-addr:value = '10.2.2.10']"),
    proposal("[domain-name:value = 'hmi.plant.example']"),
    proposal("[ipv4-addr:value = '8.8.8.8']"),
    proposal("[ipv4-addr:value = '127.0.0.1']"),
  ]);
  expect(answer).toMatchObject({ queued: 0, known: 0 });
  expect(answer.stopped.map(({ code }) => code)).toEqual([
    "candidate.self",
    "candidate.self",
    "candidate.allowlisted",
    "candidate.reserved",
  ]);
});

test("what this plant's detectors meet answers the proposal: its own word, under its own marking", async () => {
  await commands(1).propose([{ ...ADDRESS, tlp: "amber+strict" }]);
  consortium.alert(consortium.plant(1), "203.0.113.9");
  await consortium.settle();
  const id = indicatorId(ADDRESS.key);
  const record = consortium.plant(2).running!.rooms.memory.record(id);
  expect(record?.sightings.size).toBe(1);
  expect(record?.tlp).not.toBe("amber+strict");
  expect(record?.object.x_anamnesis_origin).toBeUndefined();
  expect(consortium.view(consortium.plant(2), id)?.stances).toContainEqual(
    expect.objectContaining({ member: 1, basis: "observed" }),
  );
  expect(consortium.plant(1).running!.rooms.detections.candidate(id)).toBeUndefined();
});

describe("where release is by hand", () => {
  beforeEach(async () => {
    await close();
    [consortium, close] = await makeConsortium(2, {
      policy: () => ({ release: { automatic: [], tlp: "green", validityDays: 30 } }),
    });
  });

  test("a proposal that was met keeps its origin, and its sighting has the alert's time, not the import's", async () => {
    await commands(1).propose([ADDRESS]);
    await consortium.live(3_600);
    consortium.alert(consortium.plant(1), "203.0.113.9");
    await consortium.settle();
    const { detections, memory } = consortium.plant(1).running!.rooms;
    const id = indicatorId(ADDRESS.key);
    const [stored] = await detections.recent(1);
    const atMs = stored?.detection.atMs;
    expect(detections.candidate(id)).toMatchObject({
      count: 1,
      firstMs: atMs,
      lastMs: atMs,
      proposal: ADDRESS,
    });
    await commands(1).release(id);
    const record = memory.record(id);
    expect(record?.object.x_anamnesis_origin).toEqual(ADDRESS.origin);
    expect([...(record?.sightings.values() ?? [])]).toMatchObject([
      { firstMs: atMs, lastMs: atMs, count: 1 },
    ]);
    expect(consortium.view(consortium.plant(1), id)?.stances[0]?.basis).toBe("observed");
  });

  test("a full disk takes back what was met, and not what was said", async () => {
    await commands(1).propose([ADDRESS]);
    const { store, rooms } = consortium.plant(1).running!;
    const { stageOutcome } = rooms.detections;
    // The alert itself is kept; the disk is full when its outcome is to be written.
    vi.spyOn(rooms.detections, "stageOutcome").mockImplementationOnce((stored, outcome) => {
      store.failWith(new AnamnesisError("store.full", "no room"));
      return stageOutcome(stored, outcome);
    });
    consortium.alert(consortium.plant(1), "203.0.113.9");
    await consortium.live(2);
    expect(rooms.detections.candidate(indicatorId(ADDRESS.key))).toMatchObject({
      count: 0,
      proposal: ADDRESS,
    });
    store.failWith(undefined);
    await consortium.settle();
    expect(rooms.detections.candidate(indicatorId(ADDRESS.key))).toMatchObject({
      count: 1,
      proposal: ADDRESS,
    });
  });
});

test("AMBER+STRICT leaves in no file, and the refusal is counted and logged", async () => {
  await commands(1).propose([ADDRESS, { ...COMPOUND, tlp: "amber+strict" }]);
  for (const { key } of [ADDRESS, COMPOUND]) await commands(1).release(indicatorId(key));
  const log = createKeptLog();
  const page = knowledgePage(log, consortium.plant(1).running!.rooms.memory, START_MS, undefined, 10);
  expect(page.indicators.map(({ object }) => object.pattern)).toEqual([ADDRESS.key.pattern]);
  expect(page).toMatchObject({ withheld: 1, next: null });
  expect(log.lines).toMatchObject([{ event: "egress.withheld" }]);
});

test("pages fit together", async () => {
  const many = Array.from({ length: 7 }, (_, i) => proposal(`[ipv4-addr:value = '203.0.113.${20 + i}']`));
  await commands(1).propose(many);
  for (const { key } of many) await commands(1).release(indicatorId(key));
  const { memory } = consortium.plant(1).running!.rooms;
  const seen: string[] = [];
  for (let after: IndicatorId | undefined; ; ) {
    const page = knowledgePage(createKeptLog(), memory, START_MS, after, 3);
    seen.push(...page.indicators.map(({ object }) => object.pattern));
    if (page.next === null) break;
    after = page.next;
  }
  expect(seen.sort()).toEqual(many.map(({ key }) => key.pattern).sort());
});

test("survives a power cut: what was said to await release still does", async () => {
  const plant = consortium.plant(1);
  await commands(1).propose([ADDRESS, COMPOUND]);
  consortium.crash(plant);
  await consortium.start(plant);
  expect(plant.running!.rooms.detections.queued().map(({ proposal: said }) => said)).toEqual(
    expect.arrayContaining([ADDRESS, COMPOUND]),
  );
});

test("validity ends when its author says", async () => {
  const soon = consortium.world.nowMs() + 3_600_000;
  const brief = { ...ADDRESS, validUntilMs: soon };
  await commands(1).propose([brief]);
  const view = await commands(1).release(indicatorId(ADDRESS.key));
  expect(view.stances[0]?.validUntilMs).toBeLessThanOrEqual(soon + 500);
});
