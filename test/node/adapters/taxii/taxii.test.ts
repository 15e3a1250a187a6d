/** TAXII 2.1 over HTTP, on a node with real records. */
import { indicatorId } from "@anamnesis/sdk/core/ids";
import type { Proposal, Tlp } from "@anamnesis/sdk/core/types";
import { ATTESTATIONS, FIXED_OBJECTS } from "@anamnesis/sdk/knowledge/stix-write";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Consortium, makeConsortium } from "../../support/consortium.ts";
import { TOKENS } from "../http/start.ts";
import { type Served, serveTaxii, TAXII } from "./serve.ts";

let consortium: Consortium;
let served: Served;
let closes: (() => Promise<void>)[];

beforeEach(async () => {
  const [made, close] = await makeConsortium(3);
  consortium = made;
  const [started, stop] = await serveTaxii(made.plant(1));
  served = started;
  closes = [stop, close];
});
afterEach(async () => {
  for (const close of closes) await close();
});

interface Envelope {
  readonly more?: boolean;
  readonly next?: string;
  readonly objects?: readonly (Record<string, unknown> & { readonly id: string })[];
  readonly versions?: readonly string[];
}

const MEMORY = "/consortium/collections/memory";
const json = async (path: string) => (await (await served.ask("reader", path)).json()) as Envelope;
const records = async (path = `${MEMORY}/objects/?match[type]=indicator`) => (await json(path)).objects ?? [];

function proposal(address: string, tlp: Tlp = "green"): Proposal {
  const pattern = `[ipv4-addr:value = '${address}']`;
  return {
    key: { patternType: "stix", pattern },
    name: `Seen at ${address}`,
    confidence: 70,
    attackIds: ["T0866"],
    tlp,
    origin: { format: "misp", id: `x-${address}`, author: "A CERT", source: "{}" },
  };
}

/** Plant 1 states attacks of these addresses. */
async function state(addresses: readonly string[], tlp: Tlp = "green"): Promise<void> {
  const { commands } = consortium.plant(1).running!;
  const proposals = addresses.map((address) => proposal(address, tlp));
  await commands.propose(proposals);
  for (const { key } of proposals) await commands.release(indicatorId(key));
}

describe("resources", () => {
  test("discovery leads to the API root and its collections, each with what this token may do", async () => {
    const found = (await (await served.ask("reader", "/")).json()) as { default: string };
    const root = found.default.replace(`${served.url}/taxii2`, "");
    expect(await json(root)).toMatchObject({ versions: [TAXII], max_content_length: 1_048_576 });
    const list = async (role: "reader" | "operator") =>
      ((await (await served.ask(role, `${root}collections/`)).json()) as { collections: object[] })
        .collections;
    expect(await list("reader")).toMatchObject([
      { alias: "memory", can_read: true, can_write: false },
      { alias: "attested", can_read: true, can_write: false },
      { alias: "proposals", can_read: false, can_write: false },
    ]);
    expect((await list("operator"))[2]).toMatchObject({ can_read: false, can_write: true });
  });

  test("a record is an indicator under its TLP with everybody's words, and its version a later one", async () => {
    consortium.alert(consortium.plant(1), "203.0.113.7");
    await consortium.settle();
    const [indicator] = await records();
    expect(indicator).toMatchObject({
      type: "indicator",
      spec_version: "2.1",
      pattern: "[ipv4-addr:value = '203.0.113.7']",
      object_marking_refs: ["marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb"],
    });
    const words = (indicator!.extensions as Record<string, Record<string, unknown>>)[ATTESTATIONS]!;
    expect(words).toMatchObject({
      extension_type: "property-extension",
      status: "attested",
      disputed: false,
    });
    expect(words.attestations).toHaveLength(3);
    expect(indicator!.id).toBe(consortium.plant(2).running!.rooms.memory.recall("203.0.113.7")[0]!.object.id);
    const { versions } = await json(`${MEMORY}/objects/${indicator!.id}/versions/`);
    expect(versions).toEqual([indicator!.modified]);
    expect((await records("/consortium/collections/attested/objects/?match[type]=indicator"))[0]).toEqual(
      indicator,
    );
  });

  test("what is refuted is served again, revoked, to who asks for what is new", async () => {
    await state(["203.0.113.7"]);
    await consortium.settle();
    const first = await served.ask("reader", `${MEMORY}/objects/?match[type]=indicator`);
    const after = first.headers.get("x-taxii-date-added-last")!;
    const [before] = ((await first.json()) as Envelope).objects!;
    expect(await json(`${MEMORY}/objects/?added_after=${after}`)).toEqual({});
    const id = indicatorId(proposal("203.0.113.7").key);
    for (const number of [2, 3]) await consortium.plant(number).running!.commands.attest(id, 2, 90);
    await consortium.settle();
    const { objects } = await json(`${MEMORY}/objects/?added_after=${after}`);
    expect(objects).toMatchObject([{ id: before!.id, revoked: true }]);
    expect(Date.parse(String(objects![0]!.modified))).toBeGreaterThan(Date.parse(String(before!.modified)));
  });

  test("AMBER+STRICT is in no answer, asked for by its id, too, and the log says so", async () => {
    await state(["203.0.113.1"]);
    await state(["203.0.113.2"], "amber+strict");
    await consortium.settle();
    const { object } = consortium.plant(1).running!.rooms.memory.recall("203.0.113.2")[0]!;
    for (const path of ["objects/", "manifest/", `objects/?match[id]=${object.id}`]) {
      const text = await (await served.ask("reader", `${MEMORY}/${path}`)).text();
      expect(text).not.toContain("203.0.113.2'");
      expect(text).not.toContain(object.id);
    }
    expect((await served.ask("reader", `${MEMORY}/objects/${object.id}/`)).status).toBe(404);
    expect(served.logged).toContain('egress.withheld {"code":"tlp.audience","to":"taxii","count":1}');
  });
});

describe("pages and filters", () => {
  const ADDRESSES = Array.from({ length: 23 }, (_, i) => `203.0.113.${i + 1}`);

  test("pages of any size hold everything once, in the order of their times", async () => {
    await state(ADDRESSES);
    await consortium.settle();
    for (const limit of [1, 5, 8, 1000]) {
      const seen: string[] = [];
      let next = "";
      for (;;) {
        const page = await json(`${MEMORY}/objects/?limit=${limit}${next}`);
        seen.push(...(page.objects ?? []).map(({ id }) => id));
        expect(page.objects!.length).toBeLessThanOrEqual(limit);
        if (page.more !== true) break;
        next = `&next=${page.next}`;
      }
      expect(seen).toHaveLength(ADDRESSES.length + FIXED_OBJECTS.length);
      expect(new Set(seen).size).toBe(seen.length);
    }
    const manifest = await json(`${MEMORY}/manifest/`);
    const times = manifest.objects!.map(({ date_added }) => String(date_added));
    expect(times).toEqual([...new Set(times)].sort());
    const { headers } = await served.ask("reader", `${MEMORY}/manifest/`);
    expect(headers.get("x-taxii-date-added-first")).toBe(times[0]);
    expect(headers.get("x-taxii-date-added-last")).toBe(times.at(-1));
  });

  test("each filter keeps what it names", async () => {
    await state(ADDRESSES.slice(0, 3));
    await consortium.settle();
    const [one, two] = await records();
    const ids = async (query: string) => (await records(`${MEMORY}/objects/?${query}`)).map(({ id }) => id);
    expect(await ids(`match[id]=${one!.id},${two!.id}`)).toEqual([one!.id, two!.id]);
    expect(await ids("match[type]=identity,extension-definition")).toHaveLength(2);
    expect(await ids("match[type]=malware")).toEqual([]);
    expect(await ids("match[spec_version]=2.0")).toEqual([]);
    expect(await ids("match[spec_version]=2.0,2.1&match[type]=indicator")).toHaveLength(3);
    expect(await ids(`match[version]=${String(one!.modified)}&match[type]=indicator`)).toContain(one!.id);
    expect(await ids("match[version]=2001-01-01T00:00:00.000Z")).toEqual([]);
    expect(await ids("match[version]=all&match[type]=indicator")).toHaveLength(3);
    expect((await json(`${MEMORY}/objects/${one!.id}/`)).objects).toEqual([one]);
  });

  test.each([
    ["added_after=yesterday", 400],
    ["added_after=2026-13-01T00:00:00Z", 400],
    ["limit=0", 400],
    ["limit=-1", 400],
    ["limit=many", 400],
    ["next=%00", 400],
    ["match[version]=newest", 400],
    ["match[color]=red", 400],
    ["limit=999999", 200],
  ])("%s is answered with %i", async (query, status) => {
    const response = await served.ask("reader", `${MEMORY}/objects/?${query}`);
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe(TAXII);
    if (status !== 200) expect(await response.json()).toMatchObject({ http_status: "400" });
  });
});

describe("who and how", () => {
  test.each([
    ["no token", undefined, {}, 401],
    ["a wrong token", undefined, { authorization: "Bearer wrong" }, 401],
    ["Basic with a wrong password", undefined, { authorization: `Basic ${btoa("a:wrong")}` }, 401],
    ["Basic that is none", undefined, { authorization: "Basic Zm9v" }, 401],
    ["Basic with the token", undefined, { authorization: `Basic ${btoa(`any:${TOKENS.reader}`)}` }, 200],
    ["a detector", "detector", {}, 403],
    ["a reader", "reader", {}, 200],
    ["TAXII without a version", "reader", { accept: "application/taxii+json" }, 200],
    ["anything", "reader", { accept: "*/*" }, 200],
    ["TAXII 2.0", "reader", { accept: "application/taxii+json;version=2.0" }, 406],
    ["plain JSON", "reader", { accept: "application/json" }, 406],
    ["a foreign page", "reader", { origin: "https://evil.example" }, 403],
  ] as const)("%s", async (_, role, headers, status) => {
    const response = await served.ask(role, `${MEMORY}/objects/`, { headers });
    expect(response.status).toBe(status);
    if (status === 401) expect(response.headers.get("www-authenticate")).toContain("Basic");
  });

  test.each([
    ["GET", "/elsewhere/", 404],
    ["GET", "/consortium/collections/none/", 404],
    ["GET", `${MEMORY}/objects/indicator--none/`, 404],
    ["GET", "/consortium/collections/proposals/objects/", 403],
    ["DELETE", `${MEMORY}/objects/`, 405],
    ["PUT", "/consortium/", 405],
    ["POST", `${MEMORY}/objects/`, 403],
    ["GET", "/consortium/status/00000000-0000-4000-8000-000000000000/", 404],
  ])("%s %s is %i", async (method, path, status) => {
    expect((await served.ask("operator", path, { method })).status).toBe(status);
  });
});

describe("writing", () => {
  const PROPOSALS = "/consortium/collections/proposals/objects/";
  const indicator = (id: string, pattern: string, more: object = {}) => ({
    type: "indicator",
    spec_version: "2.1",
    id: `indicator--${id}`,
    created: "2026-11-20T00:00:00.000Z",
    modified: "2026-11-20T00:00:00.000Z",
    valid_from: "2026-11-20T00:00:00.000Z",
    pattern_type: "stix",
    pattern,
    ...more,
  });
  const post = (
    body: unknown,
    headers: Record<string, string> = {},
    role: "operator" | "reader" = "operator",
  ) =>
    served.ask(role, PROPOSALS, {
      method: "POST",
      headers: { "content-type": TAXII, ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });

  test("what is written awaits release, and the status names what was not taken and why", async () => {
    const objects = [
      indicator("a", "[ipv4-addr:value = '203.0.113.9']"),
      indicator("b", "[ipv4-addr:value = '10.1.2.10']"),
      indicator("c", "[ipv4-addr:value ="),
      indicator("d", "[ipv4-addr:value = '203.0.113.10']", { revoked: true }),
      { type: "identity", id: "identity--e" },
      { type: "campaign", id: "campaign--f" },
      "nonsense",
    ];
    const response = await post({ objects });
    expect(response.status).toBe(202);
    const status = (await response.json()) as Record<string, unknown> & { failures: { message: string }[] };
    expect(status).toMatchObject({
      status: "complete",
      total_count: 7,
      success_count: 2,
      failure_count: 5,
      pending_count: 0,
      successes: [{ id: "indicator--a" }, { id: "identity--e" }],
    });
    expect(status.failures.map(({ message }) => message.split(":")[0])).toEqual([
      "candidate.private",
      "malformed",
      "revoked",
      "not.indicator",
      "not an object",
    ]);
    const again = await served.ask("operator", `/consortium/status/${String(status.id)}/`);
    expect(await again.json()).toEqual(status);
    const { rooms } = consortium.plant(1).running!;
    expect(rooms.detections.queued().map(({ name }) => name)).toEqual(["indicator--a"]);
    expect(rooms.memory.recordCount(), "nothing acts by being written").toBe(0);
  });

  test.each([
    ["by a reader", () => post({ objects: [] }, {}, "reader"), 403],
    ["as plain JSON", () => post({ objects: [] }, { "content-type": "application/json" }), 415],
    ["as TAXII 2.0", () => post({}, { "content-type": "application/taxii+json;version=2.0" }), 415],
    ["without objects", () => post({ objects: [] }), 400],
    ["that is no JSON", () => post("{"), 400],
    ["that nests without end", () => post("[".repeat(100_000)), 400],
    ["that is too large", () => post(`{"objects":["${"a".repeat(1_048_576)}"]}`), 413],
  ])("an envelope %s is refused", async (_, send, status) => {
    expect((await send()).status).toBe(status);
  });
});
