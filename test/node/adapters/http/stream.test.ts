import { connect } from "node:net";
import { afterEach, describe, expect, test, vi } from "vitest";
import { createEventParser, type ServerEvent } from "../../../../sdk/src/client/sse.ts";
import { bytes32 } from "../../fake-plant.ts";
import { type Started, startHttp, TOKENS } from "./start.ts";

let stop: (() => Promise<void>) | undefined;
afterEach(() => stop?.());

async function start(stream = {}): Promise<Started> {
  const [started, close] = await startHttp({ stream: { stateMs: 1, ...stream } });
  stop = close;
  return started;
}

/** Events of a stream until `enough` says so. */
async function read(response: Response, enough: (events: ServerEvent[]) => boolean): Promise<ServerEvent[]> {
  const parse = createEventParser();
  const events: ServerEvent[] = [];
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  while (!enough(events)) {
    const { done, value } = await reader.read();
    if (done) break;
    events.push(...parse(value));
  }
  await reader.cancel();
  return events;
}

const sequences = (events: ServerEvent[]) =>
  events.filter(({ name }) => name === "change").map(({ data }) => JSON.parse(data).sequence as number);
const upTo = (last: number) => (events: ServerEvent[]) => sequences(events).at(-1) === last;
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

describe("the change stream", () => {
  test("backfills, then goes on live, with the sequence as id and the state after each catching up", async () => {
    const started = await start();
    for (let n = 0; n < 3; n++) started.plant.change();
    const response = await started.ask("reader", "/api/v1/changes/stream?after=1");
    expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
    const first = await new Promise<ServerEvent[]>((resolve) => {
      void read(response, (events) => {
        if (events.at(-1)?.name === "state" && sequences(events).length === 2)
          started.plant.change({ type: "protected" });
        return sequences(events).length === 3 && events.at(-1)?.name === "state";
      }).then(resolve);
    });
    expect(sequences(first)).toEqual([2, 3, 4]);
    expect(first.filter(({ name }) => name === "change").map(({ id }) => id)).toEqual(["2", "3", "4"]);
    expect(JSON.parse(first.at(-1)?.data ?? "")).toEqual({ cursor: 4, stateHash: bytes32("5a") });
  });

  test("resumes by Last-Event-ID before the query", async () => {
    const started = await start();
    for (let n = 0; n < 5; n++) started.plant.change();
    const response = await started.ask("reader", "/api/v1/changes/stream?after=0", {
      headers: { "last-event-id": "3" },
    });
    expect(sequences(await read(response, upTo(5)))).toEqual([4, 5]);
    const bad = await started.ask("reader", "/api/v1/changes/stream", { headers: { "last-event-id": "x" } });
    expect(bad.status).toBe(400);
  });

  test("loses and doubles nothing while changes arrive during the backfill", async () => {
    const started = await start({ pageSize: 7 });
    for (let n = 0; n < 100; n++) started.plant.change();
    const { api } = started.plant;
    const original = api.changes;
    let pages = 0;
    api.changes = async (after, limit) => {
      // A change lands before and after every read of the log.
      if (pages++ < 40) started.plant.change();
      const page = await original(after, limit);
      if (pages < 40) started.plant.change();
      return page;
    };
    const response = await started.ask("reader", "/api/v1/changes/stream");
    const events = await read(
      response,
      (all) => pages >= 40 && sequences(all).at(-1) === api.health().cursor,
    );
    expect(sequences(events)).toEqual(range(1, api.health().cursor));
    expect(api.health().cursor).toBeGreaterThan(140);
  });

  test("does not tell its state after every change", async () => {
    const started = await start({ stateMs: 3_600_000 });
    const response = await started.ask("reader", "/api/v1/changes/stream");
    const events = await read(response, (all) => {
      if (sequences(all).length < 5) started.plant.change();
      return sequences(all).length >= 5;
    });
    expect(events.filter(({ name }) => name === "state").length).toBeLessThanOrEqual(1);
  });

  test("many clients get the same, and leave nothing behind", async () => {
    const started = await start();
    started.plant.change();
    const responses = await Promise.all(
      range(1, 10).map(() => started.ask("reader", "/api/v1/changes/stream")),
    );
    const reading = responses.map((response) => read(response, upTo(21)));
    await vi.waitFor(() => expect(started.plant.listeners()).toBe(10));
    for (let n = 0; n < 20; n++) started.plant.change();
    for (const events of await Promise.all(reading)) expect(sequences(events)).toEqual(range(1, 21));
    await vi.waitFor(() => expect(started.plant.listeners()).toBe(0));
  });

  test("sends a heartbeat when nothing happens", async () => {
    const started = await start({ heartbeatMs: 5 });
    const response = await started.ask("reader", "/api/v1/changes/stream");
    const events = await read(response, (all) => all.filter(({ name }) => name === "comment").length >= 3);
    expect(events.filter(({ name }) => name === "state")).toHaveLength(1);
  });

  test("a client that does not read is cut, and its page is all that was kept for it", async () => {
    const started = await start({ drainMs: 50, pageSize: 64 });
    const { port } = new URL(started.url);
    const socket = connect({ port: Number(port), host: "127.0.0.1" });
    socket.write(
      `GET /api/v1/changes/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKENS.reader}\r\n\r\n`,
    );
    socket.pause();
    await vi.waitFor(() => expect(started.plant.listeners()).toBe(1));
    const detail = "x".repeat(10_000);
    for (let n = 0; n < 3000; n++) started.plant.change({ detail });
    await vi.waitFor(() => expect(started.plant.listeners()).toBe(0), { timeout: 10_000 });
    const asked = started.plant.calls.filter(({ name }) => name === "changes").length;
    expect(asked, "it read no further than the client took").toBeLessThan(3000 / 64);
    socket.destroy();
  });

  test("a fault while reading the log ends the stream and no other", async () => {
    const started = await start();
    started.plant.failNext("changes", new Error("disk"));
    const broken = await started.ask("reader", "/api/v1/changes/stream");
    await expect(broken.text().then((text) => text.includes("event:"))).resolves.toBe(false);
    started.plant.change();
    const whole = await started.ask("reader", "/api/v1/changes/stream");
    expect(sequences(await read(whole, upTo(1)))).toEqual([1]);
  });

  test("one stream too many is told to come back", async () => {
    const started = await start({ streams: 1 });
    const first = await started.ask("reader", "/api/v1/changes/stream");
    const second = await started.ask("reader", "/api/v1/changes/stream");
    expect(second.status).toBe(503);
    expect(second.headers.get("retry-after")).not.toBeNull();
    await first.body?.cancel();
    await vi.waitFor(async () => {
      const third = await started.ask("reader", "/api/v1/changes/stream");
      await third.body?.cancel();
      expect(third.status).toBe(200);
    });
  });
});
