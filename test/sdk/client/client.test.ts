import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createClient } from "../../../sdk/src/client/client.ts";
import { type Started, startHttp, TOKENS } from "../../node/adapters/http/start.ts";
import { CANDIDATE_ID, KNOWN_ID, START_MS } from "../../node/fake-plant.ts";

let started: Started;
let close: () => Promise<void>;
beforeEach(async () => {
  [started, close] = await startHttp();
});
afterEach(() => close());

const as = (role: keyof typeof TOKENS, more: Partial<Parameters<typeof createClient>[0]> = {}) =>
  createClient({ url: started.url, token: TOKENS[role], ...more });

describe("asking", () => {
  test("a rebuild that takes long is asked for until it is done", async () => {
    const { plant } = started;
    const { rebuild } = plant.api;
    const views = [
      { state: "running" as const, block: 2_000, head: 9_000 },
      { state: "running" as const, block: 8_000, head: 9_000 },
    ];
    plant.api.rebuild = async (replace) => views.shift() ?? rebuild(replace);
    const seen: number[] = [];
    const done = await as("operator").rebuild(false, { onProgress: (block) => seen.push(block) });
    expect([done.state, seen]).toEqual(["done", [2_000, 8_000]]);
  });

  test("every question and command reaches the plant and comes back as it said", async () => {
    const { api } = started.plant;
    const operator = as("operator");
    expect(await operator.health()).toEqual(api.health());
    expect(await operator.doctor()).toEqual(await api.doctor());
    expect(await operator.rebuild(true)).toEqual(await api.rebuild(true));
    expect(await operator.indicators({ limit: 3 })).toEqual(api.indicators({ limit: 3 }));
    expect(await operator.indicator(KNOWN_ID)).toEqual(api.indicator(KNOWN_ID));
    expect(await operator.recall("203.0.113.7")).toEqual(api.recall("203.0.113.7"));
    expect(await operator.recall("http://a.example/?x=1&y=é")).toMatchObject({
      value: "http://a.example/?x=1&y=é",
    });
    expect(await operator.detections({ limit: 2 })).toEqual(await api.detections(2));
    expect(await operator.candidates()).toEqual(api.candidates());
    expect((await operator.hold(CANDIDATE_ID, START_MS)).state).toBe("held");
    expect((await operator.release(CANDIDATE_ID)).id).toBe(CANDIDATE_ID);
    await operator.attest(KNOWN_ID, "withdraw", 0);
    expect(started.plant.calls).toContainEqual({ name: "attest", args: [KNOWN_ID, 3, 0] });
    expect(await operator.vaccines()).toEqual(api.vaccines());
    expect((await operator.why("10.0.0.1")).us).toBe(false);
    started.plant.change();
    expect(await operator.changes({ after: 0 })).toEqual(await api.changes(0, 100));
    expect(await operator.audit()).toEqual(await api.audit());
  });

  test("a problem comes back as its error", async () => {
    await expect(as("operator").indicator("0x00000000ff")).rejects.toMatchObject({
      code: "api.notFound",
      details: { status: 404 },
    });
    await expect(as("reader").release(CANDIDATE_ID)).rejects.toMatchObject({ code: "api.forbidden" });
    await expect(createClient({ url: started.url }).health()).rejects.toMatchObject({
      code: "api.unauthorized",
    });
  });

  test("what is no node is api.unavailable, and a code from a newer node is kept", async () => {
    const answering = (response: () => Response) =>
      createClient({ url: "http://127.0.0.1:1", fetch: async () => response() }).health();
    await expect(answering(() => new Response("<html>", { status: 502 }))).rejects.toMatchObject({
      code: "api.unavailable",
      details: { status: 502 },
    });
    await expect(answering(() => new Response("not json"))).rejects.toMatchObject({
      code: "api.unavailable",
    });
    await expect(answering(() => Response.json(null, { status: 500 }))).rejects.toMatchObject({
      code: "api.unavailable",
    });
    await expect(
      answering(() => Response.json({ code: "api.brandNew", detail: "later" }, { status: 400 })),
    ).rejects.toMatchObject({ code: "api.brandNew", message: "later" });
    await close();
    await expect(as("reader").health()).rejects.toMatchObject({
      code: "api.unavailable",
      message: expect.stringContaining(started.url),
    });
  });

  test("an address that is none is refused, an aborted signal is heard", async () => {
    expect(() => createClient({ url: "localhost" })).toThrow(AnamnesisError);
    expect(() => createClient({ url: "ftp://x" })).toThrow(/http:\/\//);
    const reason = new Error("enough");
    await expect(as("reader").health({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});

describe("publish", () => {
  test("lines and objects arrive in order, in batches, each with its own key", async () => {
    const items = Array.from({ length: 25 }, (_, n) => (n % 2 ? { n } : `{"n":${n}}`));
    const result = await as("detector").publish(items, { batchLines: 10, idempotencyKey: "run-7" });
    expect(result).toEqual({ accepted: 25, batches: 3, duplicates: 0 });
    const { published } = started.plant;
    expect(published.map(({ key, lines }) => [key, lines.length])).toEqual([
      ["run-7-0", 10],
      ["run-7-1", 10],
      ["run-7-2", 5],
    ]);
    expect(published.flatMap(({ lines }) => lines).map(({ line }) => JSON.parse(line).n)).toEqual(
      items.map((_, n) => n),
    );
    expect(published[0]?.detector).toBe("soc");
  });

  test("large lines make small batches that a node takes", async () => {
    const line = JSON.stringify({ text: '"'.repeat(100_000) });
    const result = await as("detector").publish([line, line, line, line, line]);
    expect(result.accepted).toBe(5);
    expect(result.batches).toBeGreaterThan(1);
  });

  test("the source is not read ahead of what is durable", async () => {
    let read = 0;
    async function* source() {
      for (; read < 30; read++) {
        const durable = started.plant.published.reduce((sum, { lines }) => sum + lines.length, 0);
        expect(read - durable).toBeLessThanOrEqual(10);
        yield `{"n":${read}}`;
      }
    }
    expect((await as("detector").publish(source(), { batchLines: 10 })).accepted).toBe(30);
  });

  test("a lost answer is retried under the same key and counts once", async () => {
    let lose = 2;
    const pauses: number[] = [];
    const client = as("detector", {
      random: () => 0,
      wait: async (ms) => void pauses.push(ms),
      fetch: async (url, init) => {
        const response = await fetch(url, init);
        if (lose-- > 0) throw new TypeError("connection reset");
        return response;
      },
    });
    expect(await client.publish(["{}"])).toEqual({ accepted: 1, batches: 1, duplicates: 1 });
    expect(started.plant.published).toHaveLength(1);
    expect(pauses).toEqual([100, 200]);
  });

  test("Retry-After is kept, attempts are bounded, other errors are not retried", async () => {
    const pauses: number[] = [];
    let asked = 0;
    const problem = (code: string, status: number, headers = {}) =>
      as("detector", {
        retry: { attempts: 3 },
        wait: async (ms) => void pauses.push(ms),
        fetch: async () => {
          asked++;
          return Response.json({ code, detail: "no" }, { status, headers });
        },
      }).publish(["{}"]);
    await expect(problem("store.full", 507, { "retry-after": "7" })).rejects.toMatchObject({
      code: "store.full",
    });
    expect([asked, pauses]).toEqual([3, [7000, 7000]]);
    await expect(problem("input.invalid", 400)).rejects.toMatchObject({ code: "input.invalid" });
    await expect(problem("store.corrupt", 500)).rejects.toMatchObject({ code: "store.corrupt" });
    expect(asked).toBe(5);
  });

  test("what can never be taken is refused before it is sent", async () => {
    const client = as("detector");
    await expect(client.publish(["a\nb"])).rejects.toMatchObject({ code: "input.invalid" });
    await expect(client.publish(["x".repeat(1_100_000)])).rejects.toMatchObject({ code: "input.tooLarge" });
    await expect(client.publish([], { batchLines: 0 })).rejects.toMatchObject({ code: "input.invalid" });
    await expect(client.publish([], { idempotencyKey: "a b" })).rejects.toMatchObject({
      code: "input.invalid",
    });
    expect(started.plant.published).toEqual([]);
  });
});
