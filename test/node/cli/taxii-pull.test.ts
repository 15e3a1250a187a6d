/** Pulling from a TAXII server: a real one of a plant, and ones that mean no good. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Fetch } from "@anamnesis/sdk/client/request";
import { listCollections, readCollection, type TaxiiSource } from "@anamnesis/sdk/client/taxii";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import type { Proposal } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type PullOptions, pullTaxii } from "../../../node/src/cli/commands/taxii-pull.ts";
import type { Session } from "../../../node/src/cli/session.ts";
import { TOKENS } from "../adapters/http/start.ts";
import { serveTaxii } from "../adapters/taxii/serve.ts";
import { makeConsortium, type TestPlant } from "../support/consortium.ts";

const closes: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closes.splice(0).reverse()) await close();
});

/** A running plant as the command line asks it. */
function askOf(plant: TestPlant): Session["ask"] {
  const { rooms, commands } = plant.running!;
  return {
    propose: commands.propose,
    hold: commands.hold,
    candidates: async () => rooms.detections.queued(),
    async indicator(id: string) {
      const found = rooms.memory.recall(id)[0];
      if (found === undefined) throw new AnamnesisError("api.notFound", "unknown");
      return found;
    },
  } as unknown as Session["ask"];
}

const known = (address: string): Proposal => ({
  key: { patternType: "stix", pattern: `[ipv4-addr:value = '${address}']` },
  name: `Seen at ${address}`,
  confidence: 70,
  attackIds: [],
  tlp: "green",
  origin: { format: "misp", id: address, source: "{}" },
});

describe("another consortium's node", () => {
  let there: Awaited<ReturnType<typeof makeConsortium>>[0];
  let here: TestPlant;
  let source: TaxiiSource;
  let state: string;
  const options = (): PullOptions => ({ collection: "memory", state, maxObjects: 1000 });
  const pull = async () => (await pullTaxii(askOf(here), source, options(), here.clock.nowMs())).json;

  beforeEach(async () => {
    const [theirs, closeTheirs] = await makeConsortium(3);
    const [ours, closeOurs] = await makeConsortium(1);
    there = theirs;
    here = ours.plant(1);
    const [served, stop] = await serveTaxii(theirs.plant(1));
    source = { url: `${served.url}/taxii2/`, token: TOKENS.reader };
    const folder = await mkdtemp(join(tmpdir(), "anamnesis-taxii-"));
    state = join(folder, "taxii.json");
    closes.push(() => rm(folder, { recursive: true }), closeTheirs, closeOurs, stop);
  });

  async function stateThere(...addresses: string[]): Promise<void> {
    const { commands } = there.plant(1).running!;
    await commands.propose(addresses.map(known));
    for (const address of addresses) await commands.release(indicatorId(known(address).key));
    await there.settle();
  }

  test("what it knows awaits release here, and the next pull begins where this one ended", async () => {
    await stateThere("203.0.113.1", "203.0.113.2");
    expect(await pull()).toMatchObject({ proposed: { queued: 2, known: 0 }, refusals: [], isWhole: true });
    expect(await pull()).toMatchObject({ objects: 0, proposed: { queued: 0 } });
    await stateThere("203.0.113.3");
    expect(await pull()).toMatchObject({ objects: 1, proposed: { queued: 1 } });
    expect(here.running!.rooms.memory.recordCount(), "nothing acts by being pulled").toBe(0);
  });

  test("what is revoked there is held here while it waits, and told once it is a record", async () => {
    await stateThere("203.0.113.1", "203.0.113.2");
    await pull();
    const [first, second] = ["203.0.113.1", "203.0.113.2"].map((address) => indicatorId(known(address).key));
    await here.running!.commands.release(second!);
    for (const id of [first!, second!])
      for (const number of [2, 3]) await there.plant(number).running!.commands.attest(id, 2, 90);
    await there.settle();
    expect(await pull()).toMatchObject({
      proposed: { queued: 0 },
      refusals: [{ reason: "revoked" }, { reason: "revoked" }],
      takenBack: expect.arrayContaining([
        expect.objectContaining({ id: first, state: "held" }),
        expect.objectContaining({ id: second, state: "record" }),
      ]),
    });
    expect(here.running!.rooms.detections.candidate(first!)?.state).toBe("held");
  });

  test("a state that is none is refused, and a collection that is not there named with those that are", async () => {
    await writeFile(state, "nonsense");
    await expect(pull()).rejects.toThrow(/is no state of pulls/);
    await expect(pullTaxii(askOf(here), source, { ...options(), collection: "secrets" }, 0)).rejects.toThrow(
      /--collection secrets .*memory, attested/,
    );
  });

  test("a pull that a node does not take begins there again", async () => {
    await stateThere("203.0.113.1");
    const broken = {
      ...askOf(here),
      propose: () => Promise.reject(new AnamnesisError("store.full", "full")),
    };
    await expect(pullTaxii(broken as Session["ask"], source, options(), 0)).rejects.toThrow("full");
    await expect(readFile(state)).rejects.toThrow();
    expect(await pull()).toMatchObject({ proposed: { queued: 1 } });
  });
});

describe("servers that mean no good", () => {
  const ID = "00000000-0000-4000-8000-000000000000";
  const collection = { url: `https://taxii.example/api1/collections/${ID}/` };
  const answering =
    (answer: (url: URL) => unknown, headers: Record<string, string> = {}): Fetch =>
    async (url) => {
      const body = answer(new URL(url));
      return new Response(typeof body === "string" ? body : JSON.stringify(body), { headers });
    };
  const source = (fetch: Fetch, more: Partial<TaxiiSource> = {}): TaxiiSource => ({
    url: "https://taxii.example/taxii2/",
    token: "secret",
    fetch,
    ...more,
  });
  const drain = async (from: TaxiiSource) => {
    let pages = 0;
    for await (const _ of readCollection(from, collection, undefined)) pages++;
    return pages;
  };

  test.each([
    "http://taxii.example/",
    "ftp://taxii.example/",
    "https://u:p@taxii.example/",
    "file:///x",
    "x",
  ])("%s is not asked", async (url) => {
    const asked: string[] = [];
    const fetch: Fetch = async (to) => {
      asked.push(to);
      return new Response("{}");
    };
    await expect(listCollections(source(fetch, { url }))).rejects.toThrow(/is not asked/);
    expect(asked).toEqual([]);
  });

  test("a root elsewhere does not get the token", async () => {
    const asked: string[] = [];
    const fetch: Fetch = async (url) => {
      asked.push(url);
      return new Response(JSON.stringify({ default: "https://evil.example/api1/" }));
    };
    await expect(listCollections(source(fetch))).rejects.toThrow(/sends to https:\/\/evil\.example/);
    expect(asked).toEqual(["https://taxii.example/taxii2/"]);
  });

  test("pages that do not move on end", async () => {
    await expect(drain(source(answering(() => ({ more: true, next: "a", objects: [] }))))).rejects.toThrow(
      /says that there is more and not where/,
    );
    await expect(drain(source(answering(() => ({ more: true, objects: [] }))))).rejects.toThrow(/not where/);
  });

  test("an answer beyond its bounds is cut off", async () => {
    const large = answering(() => ({ objects: [{ type: "indicator", name: "a".repeat(5000) }] }));
    await expect(drain(source(large, { maxBytes: 4096 }))).rejects.toMatchObject({ code: "input.tooLarge" });
  });

  test.each([["<html>"], ["[]"], ["null"], ["{"]])("%s is no TAXII", async (text) => {
    await expect(drain(source(answering(() => text)))).rejects.toMatchObject({ code: "api.unavailable" });
  });

  test("redirects are not followed", async () => {
    let redirect: unknown;
    const fetch: Fetch = async (_url, init) => {
      redirect = init.redirect;
      return new Response("{}");
    };
    await drain(source(fetch));
    expect(redirect).toBe("error");
  });

  test("a marking from an earlier page is asked for; what cannot be had leaves nothing in", async () => {
    const [marked, lost] = ["a", "b"].map(
      (end) => `marking-definition--00000000-0000-4000-8000-00000000000${end}`,
    );
    const indicator = (id: string, address: string, marking: string) => ({
      type: "indicator",
      spec_version: "2.1",
      id: `indicator--${id}`,
      pattern_type: "stix",
      pattern: `[ipv4-addr:value = '${address}']`,
      object_marking_refs: [marking],
    });
    const fetch = answering((url) => {
      if (url.pathname === "/taxii2/") return { default: "https://taxii.example/api1/" };
      if (url.pathname === "/api1/collections/")
        return {
          collections: [
            { id: ID, title: "C", can_read: true },
            { id: "../x", can_read: true },
          ],
        };
      if (url.searchParams.has("match[id]"))
        return {
          objects: [
            { type: "marking-definition", id: marked, definition_type: "tlp", definition: { tlp: "amber" } },
          ],
        };
      return { objects: [indicator("a", "203.0.113.1", marked!), indicator("b", "203.0.113.2", lost!)] };
    });
    const proposed: Proposal[] = [];
    const ask = {
      async propose(some: readonly Proposal[]) {
        proposed.push(...some);
        return { queued: some.length, known: 0, stopped: [] };
      },
    } as unknown as Session["ask"];
    const { json } = await pullTaxii(ask, source(fetch), { maxObjects: 10 }, 0);
    expect(proposed).toMatchObject([{ tlp: "amber", origin: { id: "indicator--a" } }]);
    expect(json).toMatchObject({ refusals: [{ where: "indicator--b", reason: "malformed" }] });
  });
});
