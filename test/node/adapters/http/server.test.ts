import { request as httpRequest, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { hostName, isLoopback } from "../../../../node/src/adapters/http/guard.ts";
import { createHttp } from "../../../../node/src/adapters/http/server.ts";
import { CANDIDATE_ID } from "../../fake-plant.ts";
import { CONFIGURED, type Started, startHttp, TOKENS } from "./start.ts";

let started: Started;
let close: () => Promise<void>;
beforeEach(async () => {
  [started, close] = await startHttp();
});
afterEach(() => close());

const log = { debug() {}, info() {}, warn() {}, error() {} };

/** A request with headers that fetch does not let a program set. */
function raw(url: string, headers: Record<string, string>, method = "GET"): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { method, headers }, (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once("error", reject);
    sent.end();
  });
}

describe("who may connect", () => {
  const bearer = { authorization: `Bearer ${TOKENS.operator}` };

  test("a Host that is not this node's is refused (DNS rebinding)", async () => {
    const { port } = new URL(started.url);
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, "LOCALHOST", `[::1]:${port}`, "127.0.0.9"])
      expect(await raw(`${started.url}/api/v1/health`, { ...bearer, host }), host).toBe(200);
    for (const host of [
      "evil.example",
      `evil.example:${port}`,
      "127.0.0.1.evil.example",
      "192.0.2.1",
      "a b",
      "::1",
    ])
      expect(await raw(`${started.url}/api/v1/health`, { ...bearer, host }), host).toBe(403);
    expect(started.plant.calls.filter(({ name }) => name === "health")).toHaveLength(5);
  });

  test("a configured name is one of its own", async () => {
    const [named, stop] = await startHttp({ names: ["plant-d.example"] });
    try {
      expect(await raw(`${named.url}/api/v1/health`, { ...bearer, host: "plant-d.example:80" })).toBe(200);
      expect(await raw(`${named.url}/api/v1/health`, { ...bearer, host: "plant-e.example" })).toBe(403);
    } finally {
      await stop();
    }
  });

  test("another site's page is refused, token or not", async () => {
    const url = `${started.url}/api/v1/candidates/${CANDIDATE_ID}/release`;
    const refused = [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: "http://127.0.0.1:1" },
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ];
    for (const headers of refused) expect(await raw(url, { ...bearer, ...headers }, "POST")).toBe(403);
    expect(await raw(url, { origin: "https://evil.example" }, "OPTIONS")).toBe(403);
    expect(started.plant.calls).toEqual([]);
    expect(await raw(url, { ...bearer, origin: started.url, "sec-fetch-site": "same-origin" }, "POST")).toBe(
      200,
    );
  });

  test("host names are read as RFC 9110 writes them", () => {
    expect(hostName("Plant.Example:8801")).toBe("plant.example");
    expect(hostName("[::1]:80")).toBe("::1");
    for (const bad of [undefined, "", "a/b", "a@b", "[::1", "a:b", "a:123456"])
      expect(hostName(bad)).toBeUndefined();
    expect(["127.0.0.1", "127.9.9.9", "::1", "localhost"].every(isLoopback)).toBe(true);
    expect(["127.evil.example", "0.0.0.0", "10.0.0.1", "::"].some(isLoopback)).toBe(false);
  });
});

describe("tokens", () => {
  test("open reads let reads pass without a token, and no command", async () => {
    const [open, stop] = await startHttp({ openReads: true, tokens: [] });
    try {
      expect((await open.ask(undefined, "/api/v1/health")).status).toBe(200);
      expect((await open.ask(undefined, "/api/v1/audit")).status).toBe(200);
      for (const path of [`/api/v1/candidates/${CANDIDATE_ID}/release`, "/api/v1/detections"])
        expect((await open.ask(undefined, path, { method: "POST" })).status, path).toBe(401);
      expect((await open.ask("reader", "/api/v1/health")).status, "a wrong token is not no token").toBe(401);
    } finally {
      await stop();
    }
  });

  test("nothing but the very token is taken, and none is ever logged", async () => {
    const { operator } = TOKENS;
    for (const header of [
      operator,
      `Basic ${operator}`,
      `Bearer ${operator}x`,
      "Bearer ",
      `Bearer ${operator} x`,
    ]) {
      const response = await started.ask(undefined, "/api/v1/health", { headers: { authorization: header } });
      expect(response.status, header).toBe(401);
      expect(await response.text()).not.toContain(operator);
    }
    const sha256 = CONFIGURED.find(({ role }) => role === "operator")?.sha256;
    const hashed = await started.ask(undefined, "/api/v1/health", {
      headers: { authorization: `Bearer ${sha256}` },
    });
    expect(hashed.status, "the hash is not the token").toBe(401);
    await started.ask("operator", `/api/v1/candidates/${CANDIDATE_ID}/release`, { method: "POST" });
    for (const line of started.logged)
      for (const token of Object.values(TOKENS)) expect(line).not.toContain(token);
    expect(started.logged.some((line) => line.includes('"role":"operator"'))).toBe(true);
  });
});

describe("starting and stopping", () => {
  const base = { api: undefined as never, port: 0, log };

  test("an open interface without tokens, open reads on one, and a malformed token are refused", () => {
    expect(() => createHttp({ ...base, host: "0.0.0.0", tokens: [], openReads: false })).toThrow(
      /http\.host/,
    );
    expect(() => createHttp({ ...base, host: "0.0.0.0", tokens: CONFIGURED, openReads: true })).toThrow(
      /loopback/,
    );
    expect(() =>
      createHttp({ ...base, tokens: [{ role: "reader", sha256: "abc" }], openReads: false }),
    ).toThrow(/http\.tokens\[0\]\.sha256/);
    expect(() =>
      createHttp({ ...base, host: "0.0.0.0", tokens: CONFIGURED, openReads: false }),
    ).not.toThrow();
  });

  test("a taken port is port.taken and names the setting", async () => {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    const { port } = holder.address() as { port: number };
    const http = createHttp({ ...base, port, tokens: [], openReads: true });
    await expect(http.start()).rejects.toMatchObject({
      code: "port.taken",
      message: expect.stringContaining(`http.port ${port}`),
    });
    await http.stop();
    await new Promise((resolve) => holder.close(resolve));
  });

  test("it stops with streams and idle connections open, and starts again", async () => {
    const stream = await started.ask("reader", "/api/v1/changes/stream");
    expect(stream.status).toBe(200);
    const rest = stream.text().catch(() => "cut");
    await close();
    await rest;
    await expect(fetch(`${started.url}/`)).rejects.toThrow();
    await close();
    const [again, stop] = await startHttp();
    expect((await fetch(`${again.url}/`)).status).toBe(200);
    await stop();
  });

  test("a handler that never answers is api.unavailable", async () => {
    const [slow, stop] = await startHttp({ handlerMs: 20 });
    try {
      slow.plant.api.doctor = () => new Promise(() => {});
      const response = await slow.ask("reader", "/api/v1/doctor");
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ code: "api.unavailable" });
    } finally {
      await stop();
    }
  });
});

test("answers are not cached, not sniffed, and do not name the software", async () => {
  for (const path of ["/", "/api/v1/health", "/nowhere"]) {
    const { headers } = await started.ask("reader", path);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-powered-by")).toBeNull();
  }
});

test("metrics are valid lines with what doctor knows", async () => {
  const text = await (await started.ask("reader", "/metrics")).text();
  for (const line of text.trim().split("\n"))
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="(\\.|[^"\\])*",?)+\})? -?\d+(\.\d+)?)$/);
  expect(text).toContain('anamnesis_peers{state="connected"} 1\n');
  expect(text).toContain('anamnesis_lines_total{detector="ids",outcome="line.notJson"} 1\n');
  expect(text).toContain('anamnesis_messages_rejected_total{code="message.root"} 1\n');
  expect(text).toContain("anamnesis_chain_lag_blocks 0\n");
});
