import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ROUTES } from "../../../../node/src/adapters/http/routes.ts";
import { CANDIDATE_ID, KNOWN_ID, makeEvidence, START_MS } from "../../fake-plant.ts";
import { type RoleName, type Started, startHttp, TOKENS } from "./start.ts";

const json = (body: unknown): RequestInit => ({
  method: "POST",
  body: JSON.stringify(body),
  headers: { "content-type": "application/json", "idempotency-key": "k-1" },
});

/** A token without a name is told by its SHA-256. */
const WHO = `operator ${createHash("sha256").update(TOKENS.operator).digest("hex").slice(0, 8)}`;

const PROPOSAL = {
  key: { patternType: "stix", pattern: "[file:name = 'a.dll' AND file:size = 3]" },
  name: "a file",
  confidence: 60,
  attackIds: ["T0883"],
  tlp: "green",
  origin: { format: "stix", id: "indicator--1", source: "[]" },
};

/** One good request for each route of the table. */
const GOOD: Readonly<Record<string, { path: string; init?: RequestInit; call?: unknown[] }>> = {
  "get /api/v1/health": { path: "/api/v1/health", call: ["health"] },
  "get /api/v1/doctor": { path: "/api/v1/doctor", call: ["doctor"] },
  "post /api/v1/doctor/rebuild": {
    path: "/api/v1/doctor/rebuild",
    init: json({ replace: true }),
    call: ["rebuild", true],
  },
  "get /api/v1/indicators": {
    path: "/api/v1/indicators?class=observable&status=attested&state=protected&limit=5",
    call: ["indicators", { class: "observable", status: "attested", state: "protected", limit: 5 }],
  },
  "get /api/v1/indicators/:id": { path: `/api/v1/indicators/${KNOWN_ID}`, call: ["indicator", KNOWN_ID] },
  "post /api/v1/indicators/:id/attestations": {
    path: `/api/v1/indicators/${KNOWN_ID}/attestations`,
    init: json({ stance: "refute", confidence: 70 }),
    call: ["attest", KNOWN_ID, 2, 70],
  },
  "get /api/v1/recall": { path: "/api/v1/recall?value=203.0.113.7", call: ["recall", "203.0.113.7"] },
  "get /api/v1/recall/:value": {
    path: `/api/v1/recall/${encodeURIComponent("http://bad.example/a?b=c")}`,
    call: ["recall", "http://bad.example/a?b=c"],
  },
  "get /api/v1/detections": { path: "/api/v1/detections?limit=2&before=3", call: ["detections", 2, 3] },
  "post /api/v1/detections": {
    path: "/api/v1/detections",
    init: json({ lines: [{ line: "{}" }] }),
    call: ["publish", "soc", [{ line: "{}" }], "k-1"],
  },
  "get /api/v1/candidates": { path: "/api/v1/candidates", call: ["candidates"] },
  "post /api/v1/candidates": {
    path: "/api/v1/candidates",
    init: json({ proposals: [PROPOSAL] }),
    call: ["propose", 1],
  },
  "get /api/v1/knowledge": {
    path: `/api/v1/knowledge?after=${KNOWN_ID}&limit=5`,
    call: ["knowledge", KNOWN_ID, 5],
  },
  "post /api/v1/candidates/:id/release": {
    path: `/api/v1/candidates/${CANDIDATE_ID}/release`,
    init: { method: "POST" },
    call: ["release", CANDIDATE_ID],
  },
  "post /api/v1/candidates/:id/hold": {
    path: `/api/v1/candidates/${CANDIDATE_ID}/hold`,
    init: json({ untilMs: START_MS + 1000 }),
    call: ["hold", CANDIDATE_ID, START_MS + 1000],
  },
  "get /api/v1/immunity": {
    path: "/api/v1/immunity?indicator=12ab34cd&limit=5",
    call: ["immunity", "12ab34cd", 5],
  },
  "get /api/v1/orders": { path: "/api/v1/orders", call: ["orders"] },
  "post /api/v1/indicators/:id/approvals": {
    path: `/api/v1/indicators/${KNOWN_ID}/approvals`,
    init: json({ control: "cell", ticket: "CHG-1", processOwner: "rolling mill", untilMs: START_MS }),
    call: [
      "approve",
      KNOWN_ID,
      { control: "cell", ticket: "CHG-1", processOwner: "rolling mill", untilMs: START_MS },
      WHO,
    ],
  },
  "post /api/v1/indicators/:id/refusals": {
    path: `/api/v1/indicators/${KNOWN_ID}/refusals`,
    init: json({ control: "cell", reason: "maintenance" }),
    call: ["refuse", KNOWN_ID, "cell", "maintenance", WHO],
  },
  "post /api/v1/indicators/:id/rollbacks": {
    path: `/api/v1/indicators/${KNOWN_ID}/rollbacks`,
    init: json({ reason: "the HMI is cut off" }),
    call: ["rollback", KNOWN_ID, undefined, "the HMI is cut off", WHO],
  },
  "post /api/v1/controls/stop": {
    path: "/api/v1/controls/stop",
    init: json({ control: "cell", reason: "shutdown" }),
    call: ["stopControls", "cell", "shutdown", WHO],
  },
  "post /api/v1/controls/resume": {
    path: "/api/v1/controls/resume",
    init: json({}),
    call: ["resumeControls", undefined, WHO],
  },
  "get /api/v1/vaccines": { path: "/api/v1/vaccines", call: ["vaccines"] },
  "get /api/v1/vaccines/why": { path: "/api/v1/vaccines/why?value=10.0.0.1", call: ["why", "10.0.0.1"] },
  "get /api/v1/changes": { path: "/api/v1/changes?after=0&limit=10", call: ["changes", 0, 10] },
  "get /api/v1/changes/stream": { path: "/api/v1/changes/stream?after=0" },
  "get /api/v1/audit": { path: "/api/v1/audit", call: ["audit"] },
  "get /api/v1/openapi.json": { path: "/api/v1/openapi.json" },
  "get /metrics": { path: "/metrics", call: ["doctor"] },
  "post /api/v1/evidence": {
    path: "/api/v1/evidence",
    init: {
      method: "POST",
      body: JSON.stringify({ all: true }),
      headers: { "content-type": "application/json" },
    },
    call: ["evidence", { all: true }],
  },
  "get /api/v1/evidence/:sha256": { path: `/api/v1/evidence/${makeEvidence().sha256}` },
  "get /": { path: "/" },
};

const ALLOWED: Readonly<Record<string, readonly RoleName[]>> = {
  read: ["reader", "operator", "auditor"],
  audit: ["operator", "auditor"],
  evidence: ["operator", "auditor"],
  command: ["operator"],
  publish: ["detector"],
  open: ["detector", "reader", "operator", "auditor"],
};

describe("every route", () => {
  let started: Started;
  let close: () => Promise<void>;
  beforeEach(async () => {
    [started, close] = await startHttp();
  });
  afterEach(() => close());

  test("has a good request here", () => {
    expect(ROUTES.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(Object.keys(GOOD).sort());
  });

  for (const route of ROUTES) {
    const name = `${route.method} ${route.path}`;
    const good = GOOD[name] as (typeof GOOD)[string];
    test(`${name} answers its roles, as its schema says, and nobody else`, async () => {
      for (const role of ["detector", "reader", "operator", "auditor"] as const) {
        const allowed = ALLOWED[route.access]?.includes(role) === true;
        const before = started.plant.calls.length;
        const response = await started.ask(role, good.path, good.init);
        if (!allowed) {
          expect(response.status, role).toBe(403);
          expect(await response.json()).toMatchObject({ code: "api.forbidden", status: 403 });
          expect(started.plant.calls.length, "a refused request reached the plant").toBe(before);
          continue;
        }
        expect(response.status, role).toBe(200);
        if (good.call)
          expect(started.plant.calls).toContainEqual({ name: good.call[0], args: good.call.slice(1) });
        if (route.response === "text/event-stream") await response.body?.cancel();
        else if (route.response === "text/plain")
          expect(await response.text()).toMatch(/Anamnesis|anamnesis_up 1/);
        else if (route.response === "openapi")
          expect(await response.json()).toHaveProperty("openapi", "3.1.0");
        else if (route.response === "bundle")
          expect(await response.text()).toBe('{"format":"anamnesis/evidence/1"}');
        else {
          const answer: unknown = await response.json();
          expect(route.response.parse(answer), "a member that the schema does not name").toEqual(answer);
        }
      }
      const nobody = await started.ask(undefined, good.path, good.init);
      expect(nobody.status).toBe(route.access === "open" ? 200 : 401);
      if (route.access !== "open") expect(nobody.headers.get("www-authenticate")).toMatch(/^Bearer/);
      await nobody.body?.cancel();
    });
  }

  test("openapi.json names every route, its body and its problem", async () => {
    const document = (await (await started.ask(undefined, "/api/v1/openapi.json")).json()) as {
      paths: Record<string, Record<string, { responses: object; requestBody?: { content: object } }>>;
      components: { schemas: object };
    };
    for (const { method, path } of ROUTES) {
      const operation = document.paths[path.replaceAll(/:(\w+)/g, "{$1}")]?.[method];
      expect(operation?.responses, `${method} ${path}`).toHaveProperty("default");
    }
    expect(Object.keys(document.paths["/api/v1/detections"]?.post?.requestBody?.content ?? {})).toEqual([
      "application/json",
      "application/x-ndjson",
    ]);
    expect(document.components.schemas).toHaveProperty("Indicator");
    expect(document.components.schemas).toHaveProperty("Problem");
  });

  test("raw lines are published as they are, empty lines left out", async () => {
    const response = await started.ask("detector", "/api/v1/detections", {
      method: "POST",
      body: '{"a":1}\r\n\n{"b": "é"}\nnot json\n',
      headers: { "content-type": "application/x-ndjson; charset=utf-8", "idempotency-key": "raw" },
    });
    expect(await response.json()).toEqual({ accepted: 3, duplicate: false });
    expect(started.plant.published[0]?.lines).toEqual([
      { line: '{"a":1}' },
      { line: '{"b": "é"}' },
      { line: "not json" },
    ]);
  });

  test("lines without a key are their own: the same again has the same, others another", async () => {
    const keys: string[] = [];
    for (const body of ["a\nb\n", "a\nb\n", "ab\n"]) {
      const response = await started.ask("detector", "/api/v1/detections", {
        method: "POST",
        body,
        headers: { "content-type": "application/x-ndjson" },
      });
      expect(response.status).toBe(200);
      keys.push(started.plant.published.at(-1)?.key ?? "");
    }
    expect(keys[0]).toMatch(/^sha256-[0-9a-f]{64}$/);
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  test("an unknown id is api.notFound, an unknown value is a known answer", async () => {
    const missing = await started.ask("reader", "/api/v1/indicators/0x0000000000");
    expect(missing.status).toBe(404);
    expect(missing.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(await missing.json()).toMatchObject({ type: "urn:anamnesis:error:api.notFound", status: 404 });
    expect(await (await started.ask("reader", "/api/v1/recall?value=192.0.2.1")).json()).toMatchObject({
      known: false,
    });
  });
});
