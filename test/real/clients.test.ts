/**
 * Other people's clients against a node's TAXII server: taxii2-client pages, stix2 parses without leave for custom
 * content, the OASIS validator finds no fault.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import type { Proposal, Tlp } from "@anamnesis/sdk/core/types";
import { FIXED_OBJECTS } from "@anamnesis/sdk/knowledge/stix-write";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeFeed } from "../../node/src/cli/commands/misp-feed.ts";
import type { Session } from "../../node/src/cli/session.ts";
import { knowledgePage } from "../../node/src/flows/answer-knowledge.ts";
import { TOKENS } from "../node/adapters/http/start.ts";
import { type Served, serveTaxii } from "../node/adapters/taxii/serve.ts";
import { type Consortium, makeConsortium } from "../node/support/consortium.ts";
import { BEHAVIOUR } from "../node/support/plant.ts";

const CLIENTS = process.env.CLIENTS_ROOT;
if (CLIENTS === undefined) console.warn("SKIPPED test/real/clients: CLIENTS_ROOT is not set");

/** Runs one of the scripts and reads what it prints. */
async function python<T>(script: string, ...args: string[]): Promise<T> {
  const run = await promisify(execFile)(
    join(CLIENTS as string, "bin/python"),
    [join(import.meta.dirname, "clients", script), ...args],
    { maxBuffer: 1 << 26 },
  );
  return JSON.parse(run.stdout) as T;
}

interface Read {
  readonly title: string;
  readonly canRead: boolean;
  readonly canWrite: boolean;
  readonly objects: readonly string[];
  readonly added: readonly string[];
  readonly manifest: readonly string[];
  readonly revoked: readonly string[];
  readonly patterns: readonly string[];
  readonly one: boolean;
  readonly versions: readonly string[];
  readonly sigma: readonly string[];
  readonly parsed: number;
  readonly errors: readonly string[];
  readonly isValid: boolean;
}

const BEHAVIOUR_KEY = toPattern({ form: "behaviour", behaviour: BEHAVIOUR });
const PATTERNS: readonly (readonly [Proposal["key"]["patternType"], string, Tlp])[] = [
  ["stix", "[domain-name:value = 'bad.invalid-name.net']", "clear"],
  ["stix", "[url:value = 'http://bad.invalid-name.net/a?b=c']", "green"],
  ["stix", `[file:hashes.'SHA-256' = '${"cd".repeat(32)}']`, "amber"],
  ["stix", "[ipv4-addr:value = '203.0.113.77' AND ipv4-addr:value = '203.0.113.78']", "green"],
  ["suricata", 'alert tcp any any -> any 502 (msg:"x"; sid:4000001;)', "green"],
  ["sigma", "title: x\nlogsource:\n  product: windows\ndetection:\n  s:\n    a: b\n  condition: s", "green"],
  ["yara", 'rule x { strings: $a = "abc" condition: $a }', "green"],
  [BEHAVIOUR_KEY.patternType, BEHAVIOUR_KEY.pattern, "green"],
  ["stix", "[ipv4-addr:value = '203.0.113.250']", "amber+strict"],
];

describe.runIf(CLIENTS !== undefined)("clients", { timeout: 120_000 }, () => {
  let consortium: Consortium;
  let served: Served;
  const closes: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const [made, close] = await makeConsortium(3);
    consortium = made;
    closes.push(close);
    const [started, stop] = await serveTaxii(made.plant(1));
    served = started;
    closes.unshift(stop);
    const { commands } = made.plant(1).running!;
    const many = Array.from({ length: 200 }, (_, i): (typeof PATTERNS)[number] => [
      "stix",
      `[ipv4-addr:value = '203.0.113.${i + 1}']`,
      "green",
    ]);
    const proposals = [...PATTERNS, ...many].map(
      ([patternType, pattern, tlp], i): Proposal => ({
        key: { patternType, pattern },
        name: `Knowledge ${i}`,
        confidence: 60,
        attackIds: ["T0866"],
        tlp,
        origin: { format: "misp", id: `attribute-${i}`, author: "A CERT", source: "{}" },
      }),
    );
    expect((await commands.propose(proposals)).stopped).toEqual([]);
    for (const { key } of proposals) await commands.release(indicatorId(key));
    await made.settle();
  });
  afterAll(async () => {
    for (const close of closes) await close();
  });

  test("taxii2-client reads every page once, stix2 parses it, and the OASIS validator finds no fault", async () => {
    const read = await python<Read>("read.py", `${served.url}/taxii2/`, TOKENS.reader, "memory", "50");
    expect(read.errors).toEqual([]);
    expect(read).toMatchObject({ isValid: true, canRead: true, canWrite: false, one: true });
    expect(read.objects).toHaveLength(208 + FIXED_OBJECTS.length);
    expect(new Set(read.objects).size).toBe(read.objects.length);
    expect(read.parsed).toBe(read.objects.length);
    expect(read.manifest).toEqual(read.objects);
    expect([...new Set(read.added)].sort()).toEqual(read.added);
    expect(read.versions).toHaveLength(1);
    expect(read.sigma, "pySigma reads the rules").toEqual(["x"]);
    expect(read.patterns).not.toContain("[ipv4-addr:value = '203.0.113.250']");
  });

  test("what was refuted comes to it again, revoked, and nothing else does", async () => {
    const url = `${served.url}/taxii2/`;
    const before = await python<Read>("read.py", url, TOKENS.reader, "attested", "1000");
    const id = indicatorId({ patternType: "stix", pattern: "[ipv4-addr:value = '203.0.113.1']" });
    for (const number of [2, 3]) await consortium.plant(number).running!.commands.attest(id, 2, 90);
    await consortium.settle();
    const last = before.added.at(-1) as string;
    const after = await python<Read>("read.py", url, TOKENS.reader, "attested", "1000", last);
    expect(after).toMatchObject({
      isValid: true,
      errors: [],
      patterns: ["[ipv4-addr:value = '203.0.113.1']"],
    });
    expect(after.revoked).toEqual(after.objects);
  });

  test("pymisp loads every event of the MISP feed, with the values of its own types", async () => {
    const { rooms } = consortium.plant(1).running!;
    const log = { debug() {}, info() {}, warn() {}, error() {} };
    const ask = {
      async *knowledge() {
        const page = knowledgePage(log, rooms.memory, consortium.plant(1).clock.nowMs(), undefined, 1000);
        yield* page.indicators;
        return page.withheld;
      },
    } as unknown as Session["ask"];
    const folder = await mkdtemp(join(tmpdir(), "anamnesis-feed-"));
    try {
      await writeFeed(ask, folder);
      await writeFeed(ask, folder); // over the feed that is there
      const read = await python<{ attributes: readonly unknown[][]; faults: readonly string[] }>(
        "feed.py",
        folder,
      );
      expect(read.faults).toEqual([]);
      expect(read.attributes).toHaveLength(208);
      expect(read.attributes).toContainEqual(["domain", "bad.invalid-name.net", true, false]);
      expect(read.attributes).toContainEqual(["ip-src", "203.0.113.1", false, true]);
      expect(read.attributes.filter(([type]) => type === "sha256")).toHaveLength(1);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("what it writes awaits release, and what touches Self is refused by name", async () => {
    const said = await python(
      "write.py",
      `${served.url}/taxii2/`,
      TOKENS.operator,
      "203.0.113.240",
      "10.1.2.10",
    );
    expect(said).toMatchObject({
      status: "complete",
      total: 4,
      taken: ["identity", "marking-definition", "indicator"],
      refused: [expect.stringMatching(/^candidate\./)],
    });
    const { detections } = consortium.plant(1).running!.rooms;
    expect(detections.queued().map(({ name }) => name)).toEqual(["Scanner 203.0.113.240"]);
  });
});
