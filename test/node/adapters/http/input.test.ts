import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonDepth, splitLines } from "../../../../node/src/adapters/http/body.ts";
import { problemSchema } from "../../../../node/src/adapters/http/schemas.ts";
import { CANDIDATE_ID, KNOWN_ID } from "../../fake-plant.ts";
import { type Started, startHttp, TOKENS } from "./start.ts";

let started: Started;
let close: () => Promise<void>;
beforeAll(async () => {
  [started, close] = await startHttp();
});
afterAll(() => close());

const publish = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  started.ask("detector", "/api/v1/detections", {
    method: "POST",
    body,
    headers: { "content-type": "application/json", "idempotency-key": "k", ...headers },
  });

async function expectProblem(response: Response, code: string, words?: RegExp): Promise<void> {
  const problem = problemSchema.parse(await response.json());
  expect(problem.code).toBe(code);
  expect(response.status).toBe(problem.status);
  if (words) expect(problem.detail).toMatch(words);
}

describe("bodies", () => {
  test("what is not as described is named and never reaches the plant", async () => {
    const before = started.plant.calls.length;
    await expectProblem(await publish("{"), "input.invalid", /not JSON/);
    await expectProblem(await publish(""), "input.invalid", /empty/);
    await expectProblem(await publish("[]"), "input.invalid", /body/);
    await expectProblem(await publish('{"lines":[{"line":3}]}'), "input.invalid", /body\.lines\.0\.line/);
    await expectProblem(await publish('{"lines":[],"more":1}'), "input.invalid", /more/);
    await expectProblem(await publish('{"lines":[],"__proto__":{}}'), "input.invalid");
    await expectProblem(await publish(new Uint8Array([0x22, 0xff, 0x22])), "input.invalid", /UTF-8/);
    await expectProblem(
      await publish("{}", { "content-type": "text/plain" }),
      "input.invalid",
      /Content-Type/,
    );
    await expectProblem(await publish("{}", { "content-type": "" }), "input.invalid");
    await expectProblem(
      await publish("{}", { "content-encoding": "gzip" }),
      "input.invalid",
      /Content-Encoding/,
    );
    await expectProblem(await publish("{}", { "idempotency-key": "" }), "input.invalid", /idempotency-key/);
    await expectProblem(await publish("{}", { "idempotency-key": "x".repeat(129) }), "input.invalid");
    expect(started.plant.calls.length).toBe(before);
  });

  test("one mebibyte is taken, one byte more is not", async () => {
    const frame = '{"lines":[{"line":""}]}';
    const sized = (bytes: number) => `{"lines":[{"line":"${"x".repeat(bytes - frame.length)}"}]}`;
    expect((await publish(sized(1_048_576))).status).toBe(200);
    await expectProblem(
      await publish(sized(1_048_577), { "idempotency-key": "l" }),
      "input.tooLarge",
      /1048576/,
    );
  });

  test("a body without end is answered at the limit and cut", async () => {
    const { port } = new URL(started.url);
    const socket = connect({ port: Number(port), host: "127.0.0.1" });
    socket.on("error", () => {}); // the node cuts while this end still writes
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    const cut = new Promise((resolve) => socket.once("close", resolve));
    socket.write(
      `POST /api/v1/detections HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKENS.detector}\r\n` +
        "Content-Type: application/json\r\nIdempotency-Key: m\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    const chunk = `10000\r\n${" ".repeat(65_536)}\r\n`;
    const more = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", more);
    more();
    await cut;
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(socket.bytesWritten).toBeLessThan(32 * 1_048_576);
  });

  test("depth is bounded without recursion", async () => {
    await expectProblem(await publish("[".repeat(500_000)), "input.invalid", /deeper/);
    await expectProblem(await publish(`{"a":${"[".repeat(40)}${"]".repeat(40)}}`), "input.invalid", /deeper/);
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
        const depth = (v: unknown): number =>
          typeof v === "object" && v !== null ? 1 + Math.max(0, ...Object.values(v).map(depth)) : 0;
        expect(jsonDepth(JSON.stringify(value))).toBe(depth(value));
      }),
    );
  });

  test("too many lines are refused", async () => {
    const body = "{}\n".repeat(10_001);
    await expectProblem(
      await publish(body, { "content-type": "application/x-ndjson", "idempotency-key": "n" }),
      "input.invalid",
      /body\.lines/,
    );
    expect(splitLines(new TextEncoder().encode("\ufeffa\r\n \nb"))).toEqual([{ line: "a" }, { line: "b" }]);
  });

  test("commands check their words", async () => {
    const post = (path: string, body: unknown) =>
      started.ask("operator", path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });
    const attest = `/api/v1/indicators/${KNOWN_ID}/attestations`;
    await expectProblem(
      await post(attest, { stance: "like", confidence: 1 }),
      "input.invalid",
      /body\.stance/,
    );
    await expectProblem(
      await post(attest, { stance: "refute", confidence: 101 }),
      "input.invalid",
      /confidence/,
    );
    await expectProblem(await post(attest, { stance: "refute", confidence: 0.5 }), "input.invalid");
    const hold = `/api/v1/candidates/${CANDIDATE_ID}/hold`;
    for (const untilMs of ["1", -1, Number.MAX_SAFE_INTEGER, null])
      await expectProblem(await post(hold, { untilMs }), "input.invalid", /body\.untilMs/);
  });
});

describe("paths and queries", () => {
  test.each([
    ["/api/v1/indicators?limit=1001", "input.invalid"],
    ["/api/v1/indicators?limit=-1", "input.invalid"],
    ["/api/v1/indicators?limit=1e2", "input.invalid"],
    ["/api/v1/indicators?limit=", "input.invalid"],
    ["/api/v1/indicators?limit=1&limit=2", "input.invalid"],
    ["/api/v1/indicators?status=good", "input.invalid"],
    ["/api/v1/indicators?unknown=1", "input.invalid"],
    ["/api/v1/recall", "input.invalid"],
    ["/api/v1/recall?value=", "input.invalid"],
    [`/api/v1/recall?value=${"x".repeat(2049)}`, "input.invalid"],
    ["/api/v1/recall/%E0%A4%A", "input.invalid"],
    [`/api/v1/indicators/${"x".repeat(101)}`, "input.invalid"],
    ["/api/v1/changes?after=99999999999999999", "input.invalid"],
    ["/api/v1/changes/stream?after=x", "input.invalid"],
    ["/api/v1/changes/stream?after=7", "api.conflict"],
    ["/api/v1/nowhere", "api.notFound"],
    ["/api/v2/health", "api.notFound"],
  ])("%s is %s", async (path, code) => {
    await expectProblem(await started.ask("reader", path), code);
  });

  test("a method a path does not have is not found", async () => {
    for (const method of ["PUT", "DELETE", "PATCH"])
      await expectProblem(await started.ask("operator", "/api/v1/health", { method }), "api.notFound");
    await expectProblem(await started.ask("operator", "/api/v1/recall", { method: "POST" }), "api.notFound");
  });

  test("whatever is sent, the answer is JSON of ours and the node goes on", async () => {
    const path = fc
      .array(
        fc.string({ unit: "binary", maxLength: 12 }).map((part) => encodeURIComponent(part.toWellFormed())),
        {
          maxLength: 4,
        },
      )
      .map((parts) => `/api/v1/${parts.join("/")}`);
    const request = fc.record({
      path: fc.oneof(path, fc.constantFrom("/api/v1/detections", `/api/v1/candidates/${CANDIDATE_ID}/hold`)),
      body: fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.json().map((text) => new TextEncoder().encode(text)),
      ),
      type: fc.constantFrom("application/json", "application/x-ndjson", "text/html", "multipart/form-data"),
      role: fc.constantFrom("detector", "operator") as fc.Arbitrary<"detector" | "operator">,
    });
    await fc.assert(
      fc.asyncProperty(request, async ({ path, body, type, role }) => {
        const response = await started.ask(role, path, {
          method: "POST",
          body,
          headers: { "content-type": type, "idempotency-key": "fuzz" },
        });
        expect(response.status).toBeLessThan(500);
        const answer = await response.json();
        if (response.status !== 200) problemSchema.parse(answer);
      }),
      { numRuns: 60 },
    );
    expect((await started.ask("reader", "/api/v1/health")).status).toBe(200);
  });
});
