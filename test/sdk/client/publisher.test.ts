import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPublisher, type PublisherOptions } from "../../../sdk/src/client/publisher.ts";
import type { PublishedDetection } from "../../../sdk/src/formats/own-line.ts";
import { type Started, startHttp, TOKENS } from "../../node/adapters/http/start.ts";

let started: Started;
let close: () => Promise<void>;
beforeEach(async () => {
  [started, close] = await startHttp();
});
afterEach(() => close());

const numbered = (n: number): PublishedDetection => ({ rule: { id: n } });
const make = (more: Partial<PublisherOptions> = {}) =>
  createPublisher({ url: started.url, token: TOKENS.detector, wait: async () => undefined, ...more });
const published = (): number[] =>
  started.plant.published.flatMap(({ lines }) => lines.map(({ line }) => JSON.parse(line).rule.id as number));

describe("a publisher", () => {
  test("sends what comes together in one request, in order", async () => {
    const publisher = make();
    await Promise.all(Array.from({ length: 1_200 }, (_, n) => publisher.publish(numbered(n))));
    expect(started.plant.published.map(({ lines }) => lines.length)).toEqual([500, 500, 200]);
    expect(published()).toEqual(Array.from({ length: 1_200 }, (_, n) => n));
    expect(new Set(started.plant.published.map(({ key }) => key)).size).toBe(3);
  });

  test("sends again under the same key, and it counts once", async () => {
    const keys: string[] = [];
    let failures = 2;
    const publisher = make({
      fetch: async (url, init) => {
        keys.push(new Headers(init.headers).get("idempotency-key") as string);
        const response = await fetch(url, init);
        // The answer is lost: the node has it already.
        if (failures-- > 0) throw new TypeError("connection reset");
        return response;
      },
    });
    await publisher.publish(numbered(1));
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(3);
    expect(published()).toEqual([1]);
  });

  test("tells each caller what became of theirs, and goes on", async () => {
    let away = true;
    const publisher = make({
      batchLines: 1,
      retry: { attempts: 2 },
      fetch: (url, init) => (away ? Promise.reject(new TypeError("away")) : fetch(url, init)),
    });
    await expect(publisher.publish(numbered(1))).rejects.toMatchObject({ code: "api.unavailable" });
    away = false;
    await publisher.publish(numbered(2));
    expect(published()).toEqual([2]);
  });

  test("takes so many and no more while the node is slow", async () => {
    let open: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (open = resolve));
    const publisher = make({
      mostWaiting: 3,
      fetch: async (url, init) => {
        await slow;
        return fetch(url, init);
      },
    });
    const first = publisher.publish(numbered(0));
    await Promise.resolve();
    await Promise.resolve();
    const waiting = [1, 2, 3].map((n) => publisher.publish(numbered(n)));
    await expect(publisher.publish(numbered(4))).rejects.toMatchObject({ code: "api.unavailable" });
    open();
    await Promise.all([first, ...waiting]);
    expect(published()).toEqual([0, 1, 2, 3]);
  });

  test("that is closed has sent everything, and takes nothing more", async () => {
    const publisher = make();
    const last = publisher.publish(numbered(1));
    await publisher.close();
    expect(published()).toEqual([1]);
    await last;
    await expect(publisher.publish(numbered(2))).rejects.toMatchObject({ code: "input.invalid" });
  });

  test("refuses what no node takes, and options that are none", async () => {
    await expect(make().publish({ rule: { id: "x".repeat(1_100_000) } })).rejects.toMatchObject({
      code: "input.tooLarge",
    });
    expect(() => make({ batchLines: 0 })).toThrow(/batchLines/);
    expect(() => make({ url: "ftp://x" })).toThrow(/url/);
    await expect(make({ token: TOKENS.reader }).publish(numbered(1))).rejects.toMatchObject({
      code: "api.forbidden",
    });
  });
});
