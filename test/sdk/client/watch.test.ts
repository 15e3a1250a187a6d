import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createClient } from "../../../sdk/src/client/client.ts";
import type { WatchState } from "../../../sdk/src/client/watch.ts";
import { type Started, startHttp, TOKENS } from "../../node/adapters/http/start.ts";
import { bytes32 } from "../../node/fake-plant.ts";

let started: Started;
let close: () => Promise<void>;
beforeEach(async () => {
  [started, close] = await startHttp();
});
afterEach(() => close());

const reader = (more: Partial<Parameters<typeof createClient>[0]> = {}) =>
  createClient({ url: started.url, token: TOKENS.reader, wait: async () => {}, ...more });

/** A fetch whose streams a test can break. */
function breakable() {
  const open = new Set<AbortController>();
  const fetchIt = (url: string, init: RequestInit) => {
    const cut = new AbortController();
    open.add(cut);
    return fetch(url, { ...init, signal: AbortSignal.any([init.signal as AbortSignal, cut.signal]) });
  };
  const cutAll = () => {
    for (const one of open) one.abort(new Error("cable pulled"));
    open.clear();
  };
  return { fetchIt, cutAll };
}

test("gives every change once and in order, over broken connections", async () => {
  const { fetchIt, cutAll } = breakable();
  const lost: string[] = [];
  const stop = new AbortController();
  const got: number[] = [];
  for (let n = 0; n < 5; n++) started.plant.change();
  const changes = reader({ fetch: fetchIt }).watch({
    after: 2,
    signal: stop.signal,
    onDisconnect: ({ code }) => lost.push(code),
  });
  for await (const { sequence } of changes) {
    got.push(sequence);
    if (sequence % 3 === 0) cutAll();
    if (sequence < 20) started.plant.change();
    if (sequence === 20) stop.abort();
  }
  expect(got).toEqual(Array.from({ length: 18 }, (_, n) => n + 3));
  expect(lost.length).toBeGreaterThan(2);
  expect(new Set(lost)).toEqual(new Set(["api.unavailable"]));
});

test("goes on with a node that was restarted", async () => {
  started.plant.change();
  const stop = new AbortController();
  const seen: number[] = [];
  let url = started.url;
  const client = reader({ fetch: (asked, init) => fetch(asked.replace(started.url, url), init) });
  for await (const { sequence } of client.watch({ signal: stop.signal })) {
    seen.push(sequence);
    if (sequence === 2) break;
    await close();
    const [again, closeAgain] = await startHttp();
    close = closeAgain;
    again.plant.change();
    again.plant.change();
    url = again.url;
  }
  expect(seen).toEqual([1, 2]);
});

test("tells after a reconnect whether the memory is still the same", async () => {
  const { fetchIt, cutAll } = breakable();
  const states: WatchState[] = [];
  const stop = new AbortController();
  started.plant.change();
  const watching = (async () => {
    for await (const _ of reader({ fetch: fetchIt }).watch({
      signal: stop.signal,
      onState: (state) => states.push(state),
    }));
  })();
  await vi.waitFor(() => expect(states).toHaveLength(1));
  cutAll();
  await vi.waitFor(() => expect(states).toHaveLength(2));
  started.plant.setStateHash(bytes32("66"));
  cutAll();
  await vi.waitFor(() => expect(states).toHaveLength(3));
  stop.abort();
  await watching;
  expect(states.map(({ matches, reconnects, cursor }) => [matches, reconnects, cursor])).toEqual([
    [null, 0, 1],
    [true, 1, 1],
    [false, 2, 1],
  ]);
});

test("a cursor of another history is api.conflict, a wrong token api.unauthorized", async () => {
  await expect(reader().watch({ after: 9 }).next()).rejects.toMatchObject({ code: "api.conflict" });
  await expect(reader({ token: "wrong" }).watch().next()).rejects.toMatchObject({ code: "api.unauthorized" });
});

test("a silent connection counts as lost", async () => {
  const lost: string[] = [];
  const stop = new AbortController();
  const watching = reader({
    fetch: async (_url, init) =>
      new Response(
        new ReadableStream({
          start(controller) {
            init.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
          },
        }),
      ),
  }).watch({
    silenceMs: 5,
    signal: stop.signal,
    onDisconnect({ message }) {
      lost.push(message);
      if (lost.length === 2) stop.abort();
    },
  });
  expect(await watching.next()).toEqual({ done: true, value: undefined });
  expect(lost[0]).toMatch(/silent for 5 ms/);
});

test("an abort ends it without an error, wherever it is", async () => {
  expect(await reader().watch({ signal: AbortSignal.abort() }).next()).toEqual({
    done: true,
    value: undefined,
  });
  const stop = new AbortController();
  const waiting = reader().watch({ signal: stop.signal }).next();
  await vi.waitFor(() => expect(started.plant.listeners()).toBe(1));
  stop.abort();
  expect(await waiting).toEqual({ done: true, value: undefined });
  await vi.waitFor(() => expect(started.plant.listeners()).toBe(0));
});
