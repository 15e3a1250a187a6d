import { AnamnesisError, type ErrorCode } from "@anamnesis/sdk/core/errors";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROBLEMS, toAnamnesisError } from "../../../../node/src/adapters/http/problem.ts";
import { problemSchema } from "../../../../node/src/adapters/http/schemas.ts";
import { type Started, startHttp } from "./start.ts";

describe("every error code over HTTP", () => {
  let started: Started;
  let close: () => Promise<void>;
  beforeAll(async () => {
    [started, close] = await startHttp();
  });
  afterAll(() => close());

  for (const [code, kind] of Object.entries(PROBLEMS)) {
    test(`${code} is ${kind.status}`, async () => {
      const details = { feed: "0xab", size: 3, closed: false, at: null };
      started.plant.failNext("recall", new AnamnesisError(code as ErrorCode, `why: ${code}`, { details }));
      const response = await started.ask("reader", "/api/v1/recall?value=x");
      expect(response.status).toBe(kind.status);
      expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
      expect(response.headers.get("retry-after")).toBe(
        kind.retryAfterSeconds === undefined ? null : String(kind.retryAfterSeconds),
      );
      expect(problemSchema.strict().parse(await response.json())).toEqual({
        type: `urn:anamnesis:error:${code}`,
        title: kind.title,
        status: kind.status,
        detail: `why: ${code}`,
        code,
        details,
      });
    });
  }

  test("statuses are errors, and what says try again says when", () => {
    for (const { status, retryAfterSeconds } of Object.values(PROBLEMS)) {
      expect(status).toBeGreaterThanOrEqual(400);
      if (status === 429 || status === 503) expect(retryAfterSeconds).toBeGreaterThan(0);
    }
  });

  test("an unexpected fault shows nothing of its inside, and the log does", async () => {
    started.plant.failNext("recall", new TypeError("undefined is not a secret at /home/x/y.ts:1"));
    const response = await started.ask("reader", "/api/v1/recall?value=x");
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(text).toContain("api.internal");
    expect(text).not.toMatch(/TypeError|secret|y\.ts|at /);
    expect(
      started.logged.some((line) => line.startsWith("error http.failed") && line.includes("TypeError")),
    ).toBe(true);
  });

  test("what a library throws becomes one of ours", () => {
    expect(toAnamnesisError({ status: 400 }).code).toBe("input.invalid");
    for (const thrown of [undefined, null, "text", 3, new Error("x"), { status: 500 }])
      expect(toAnamnesisError(thrown).code).toBe("api.internal");
  });
});
