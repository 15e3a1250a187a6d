/* What it costs to hand records on: STIX against JSON.stringify of the same objects, the last page against the first. */
import { toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { indicatorId, stixId } from "@anamnesis/sdk/core/ids";
import type { Address, Bytes32, IndicatorKey, MemberNumber, Signature, Uid } from "@anamnesis/sdk/core/types";
import type { SharedRecord } from "@anamnesis/sdk/core/views";
import { writeRecord } from "@anamnesis/sdk/knowledge/stix-write";
import { createMemoryStore } from "../../node/src/adapters/store/memory.ts";
import { createTaxii } from "../../node/src/adapters/taxii/taxii.ts";
import { knowledgePage, sharedPage } from "../../node/src/flows/answer-knowledge.ts";
import type { Clock, Log } from "../../node/src/ports.ts";
import { createMemory } from "../../node/src/state/memory.ts";
import { loadShelf } from "../../node/src/state/shelf.ts";
import type { Bench } from "../../scripts/bench.ts";
import { atLeast, atMost, printed } from "./support.ts";

const AT = Date.UTC(2026, 10, 25);
const clock = { nowMs: () => AT } as Clock;
const log: Log = { debug() {}, info() {}, warn() {}, error() {} };
const FEED = `0x${"a1".repeat(20)}` as Address;
const MEMBERS = [1, 2, 3] as MemberNumber[];
const ROUNDS = 15;

/** So many records, each with the word of three members. */
function fill(count: number) {
  const memory = createMemory({
    activeMembers: () => new Set(MEMBERS),
    parameters: () => ({ members: 3, witnesses: 1, refutes: 2, maxBatch: 100 }),
  });
  memory.setBlindingKey(sha256(utf8("blinding key")));
  const time = new Date(AT).toISOString();
  for (let i = 0; i < count; i++) {
    const value = `198.${18 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    const key: IndicatorKey = { patternType: "stix", pattern: `[ipv4-addr:value = '${value}']` };
    const id = indicatorId(key);
    const object = {
      type: "indicator",
      spec_version: "2.1",
      id: stixId("indicator", id),
      created: time,
      modified: time,
      name: "Exploit of a remote service",
      indicator_types: ["malicious-activity"],
      pattern: key.pattern,
      pattern_type: key.patternType,
      valid_from: time,
      external_references: [{ source_name: "mitre-attack", external_id: "T0866" }],
    } as const;
    memory.applyContent(FEED, "green", { type: "indicator", object });
    for (const member of MEMBERS) {
      const attestation = {
        subject: memory.subject(id)!,
        stance: 1,
        basis: 1,
        confidence: 80,
        validUntil: AT / 1000 + 86_400,
        version: AT + member,
        content: id as Bytes32,
        signature: `0x${"5c".repeat(65)}` as Signature,
      } as const;
      memory.applyStance(
        member,
        { attestation, tlp: "green", key: FEED, index: 0 },
        toHex(sha256(utf8(`${id}${member}`))) as Uid,
      );
    }
  }
  return memory;
}

/** The least time of many runs of each, in turn, µs: what the work itself costs. */
async function leastUs(...works: readonly (() => unknown)[]): Promise<readonly number[]> {
  const least = works.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++)
    for (const [i, work] of works.entries()) {
      const start = performance.now();
      await work();
      least[i] = Math.min(least[i] as number, 1000 * (performance.now() - start));
    }
  return least;
}

/** Runs the bench. */
export const run: Bench["run"] = async ({ tiny }) => {
  const pages = tiny ? 20 : 1000;
  const limit = 100;
  const memory = fill(pages * limit);
  const shelf = await loadShelf(createMemoryStore(), { memory, clock });
  await shelf.settle();
  const rooms = { memory, shelf };
  const all: SharedRecord[] = [];
  for (let afterUs = 0; all.length < pages * limit; afterUs = all.at(-1)!.addedUs)
    all.push(...(await sharedPage(log, rooms, { afterUs, limit: 10_000 })).records);
  const some = all.slice(0, 10_000);
  const objects = some.map(writeRecord);
  const [stringified = 0, written = 0] = await leastUs(
    () => JSON.stringify(objects),
    () => JSON.stringify(some.map(writeRecord)),
  );

  const taxii = createTaxii({
    api: {
      shared: (query) => sharedPage(log, rooms, query),
      propose: () => Promise.reject(new Error("not here")),
    },
    clock,
    log,
    plant: "A",
  });
  const pageAfter = (addedUs: number) =>
    taxii.answer(
      {
        method: "GET",
        path: "/consortium/collections/memory/objects/",
        query: new URLSearchParams({ limit: String(limit), next: addedUs.toString(36) }),
        header: (name) => (name === "accept" ? "application/taxii+json" : undefined),
        authorize() {},
        json: () => Promise.reject(new Error("not here")),
      },
      () => 500,
    );
  const firstUs = all[0]!.addedUs - 1;
  const lastUs = all[(pages - 1) * limit - 1]!.addedUs;
  const [first = 0, last = 0] = await leastUs(
    () => pageAfter(firstUs),
    () => pageAfter(lastUs),
  );
  const lastId = memory.idsAfter(undefined, Number.POSITIVE_INFINITY)[(pages - 1) * limit - 1];
  const [early = 0, late = 0] = await leastUs(
    () => knowledgePage(log, memory, AT, undefined, limit),
    () => knowledgePage(log, memory, AT, lastId, limit),
  );
  return [
    printed("export", "records", all.length),
    printed("export", "STIX, records/s", (some.length / written) * 1e6),
    atLeast("export", "STIX against JSON.stringify of the same objects", stringified / written, 0.5),
    printed("export", `TAXII page of ${limit}, µs`, first),
    atMost("export", `TAXII page ${pages} against page 1`, last / first, 1.2),
    atMost("export", `knowledge page ${pages} against page 1`, late / early, 1.2),
  ];
};
