/** The one table of routes: the server registers it, the OpenAPI document describes it. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256Hex } from "@anamnesis/sdk/core/hash";
import type { IndicatorId, Proposal, Stance } from "@anamnesis/sdk/core/types";
import type { EvidenceSelection } from "../../api.ts";
import { renderMetrics } from "./metrics.ts";
import { type Route, route } from "./route.ts";
import { ORDER_ROUTES } from "./routes-orders.ts";
import * as schema from "./schemas.ts";
import { evidenceBody, evidenceParams, evidenceSchema } from "./schemas-evidence.ts";
import { immunityQuery, immunitySchema } from "./schemas-immunity.ts";
import * as knowledge from "./schemas-knowledge.ts";
import { rebuildBody, rebuildSchema } from "./schemas-rebuild.ts";

const STANCES: Readonly<Record<"support" | "refute" | "withdraw", Stance>> = {
  support: 1,
  refute: 2,
  withdraw: 3,
};

/** `true` for anything but undefined: an unknown record is `api.notFound`. */
function found<T>(value: T | undefined, id: string): T {
  if (value !== undefined) return value;
  throw new AnamnesisError("api.notFound", `no indicator ${id} is known here; recall its value or list them`);
}

/** The key of a publication that brought none: webhooks of other products cannot make one. */
function keyOf(lines: readonly { readonly line: string }[]): string {
  return `sha256-${sha256Hex(lines.map(({ line }) => line).join("\n"))}`;
}

const V1 = "/api/v1";

/** Every route of the API. */
export const ROUTES: readonly Route[] = [
  route({
    method: "get",
    path: `${V1}/health`,
    access: "read",
    summary: "How this plant is, in one object",
    request: { query: schema.noQuery },
    response: schema.healthSchema,
    handle: ({ api }) => api.health(),
  }),
  route({
    method: "get",
    path: `${V1}/doctor`,
    access: "read",
    summary: "Everything an operator asks first when something looks wrong",
    request: { query: schema.noQuery },
    response: schema.doctorSchema,
    handle: ({ api }) => api.doctor(),
  }),
  route({
    method: "post",
    path: `${V1}/doctor/rebuild`,
    access: "command",
    summary: "Reads chain and feeds again and compares; ask again until the state is done",
    request: { query: schema.noQuery, body: rebuildBody },
    response: rebuildSchema,
    handle: ({ api }, { body }) => api.rebuild(body.replace),
  }),
  route({
    method: "get",
    path: `${V1}/indicators`,
    access: "read",
    summary: "Indicators known here",
    request: { query: schema.indicatorsQuery },
    response: schema.indicatorsSchema,
    handle: ({ api }, { query }) => ({ indicators: api.indicators(given({ limit: 100, ...query })) }),
  }),
  route({
    method: "get",
    path: `${V1}/indicators/:id`,
    access: "read",
    summary: "One indicator with its stances, its state here and its timeline",
    request: { params: schema.idParams, query: schema.noQuery },
    response: schema.indicatorSchema,
    handle: ({ api }, { params }) => found(api.indicator(params.id), params.id),
  }),
  route({
    method: "post",
    path: `${V1}/indicators/:id/attestations`,
    access: "command",
    summary: "An analyst's stance by this plant's member",
    request: { params: schema.idParams, query: schema.noQuery, body: schema.attestBody },
    response: schema.indicatorSchema,
    handle: ({ api }, { params, body }) => api.attest(params.id, STANCES[body.stance], body.confidence),
  }),
  route({
    method: "get",
    path: `${V1}/recall`,
    access: "read",
    summary: "Whether a value is known as an attack",
    request: { query: schema.valueParams },
    response: schema.recallSchema,
    handle: ({ api }, { query }) => api.recall(query.value),
  }),
  route({
    method: "get",
    path: `${V1}/recall/:value`,
    access: "read",
    summary: "The same, with the value in the path",
    request: { params: schema.valueParams, query: schema.noQuery },
    response: schema.recallSchema,
    handle: ({ api }, { params }) => api.recall(params.value),
  }),
  route({
    method: "get",
    path: `${V1}/detections`,
    access: "read",
    summary: "Detections and what they led to, newest first",
    request: { query: schema.detectionsQuery },
    response: schema.detectionsSchema,
    handle: async ({ api }, { query }) => ({
      detections: await api.detections(query.limit ?? 100, query.before),
    }),
  }),
  route({
    method: "post",
    path: `${V1}/detections`,
    access: "publish",
    summary: "Publishes detector lines; answers when they are durable",
    request: {
      query: schema.noQuery,
      headers: schema.idempotencyHeaders,
      body: schema.publishBody,
      lines: true,
    },
    response: schema.publishedSchema,
    handle: ({ api, detector }, { body, headers }) =>
      api.publish(detector, body.lines, headers["idempotency-key"] ?? keyOf(body.lines)),
  }),
  route({
    method: "get",
    path: `${V1}/candidates`,
    access: "read",
    summary: "Candidates that await the company's word",
    request: { query: schema.noQuery },
    response: schema.candidatesSchema,
    handle: ({ api }) => ({ candidates: api.candidates() }),
  }),
  route({
    method: "post",
    path: `${V1}/candidates`,
    access: "command",
    summary: "Proposes knowledge from outside: it awaits release like what this plant saw",
    request: { query: schema.noQuery, body: knowledge.proposeBody },
    response: knowledge.proposedSchema,
    handle: ({ api }, { body }) => api.propose(body.proposals as readonly Proposal[]),
  }),
  route({
    method: "get",
    path: `${V1}/knowledge`,
    access: "read",
    summary: "Indicators as they travel, in the order of their ids, a page at a time",
    request: { query: knowledge.knowledgeQuery },
    response: knowledge.knowledgeSchema,
    handle: ({ api }, { query }) =>
      api.knowledge(query.after as IndicatorId | undefined, query.limit ?? 1000),
  }),
  route({
    method: "post",
    path: `${V1}/candidates/:id/release`,
    access: "command",
    summary: "The company's word: this candidate may leave the plant",
    request: { params: schema.idParams, query: schema.noQuery },
    response: schema.indicatorSchema,
    handle: ({ api }, { params }) => api.release(params.id),
  }),
  route({
    method: "post",
    path: `${V1}/candidates/:id/hold`,
    access: "command",
    summary: "Holds a candidate back until a time",
    request: { params: schema.idParams, query: schema.noQuery, body: schema.holdBody },
    response: schema.candidateSchema,
    handle: ({ api }, { params, body }) => api.hold(params.id, body.untilMs),
  }),
  route({
    method: "get",
    path: `${V1}/vaccines`,
    access: "read",
    summary: "What is in force at this plant",
    request: { query: schema.noQuery },
    response: schema.vaccinesSchema,
    handle: ({ api }) => ({ vaccines: api.vaccines() }),
  }),
  route({
    method: "get",
    path: `${V1}/vaccines/why`,
    access: "read",
    summary: "Whether it is Anamnesis that stops a value, and why",
    request: { query: schema.valueParams },
    response: schema.whySchema,
    handle: ({ api }, { query }) => api.why(query.value),
  }),
  route({
    method: "get",
    path: `${V1}/immunity`,
    access: "read",
    summary: "How immune all plants are, counted from their receipts",
    request: { query: immunityQuery },
    response: immunitySchema,
    handle: ({ api }, { query }) => api.immunity(query.indicator, query.limit),
  }),
  ...ORDER_ROUTES,
  route({
    method: "get",
    path: `${V1}/changes`,
    access: "read",
    summary: "A page of the change log after a cursor",
    request: { query: schema.changesQuery },
    response: schema.changesSchema,
    handle: ({ api }, { query }) => api.changes(query.after ?? 0, query.limit ?? 100),
  }),
  route({
    method: "get",
    path: `${V1}/changes/stream`,
    access: "read",
    summary: "The change log as server-sent events; resumes by Last-Event-ID",
    request: { query: schema.streamQuery },
    response: "text/event-stream",
    handle: ({ request, response, streamChanges }, { query }) => {
      const last = request.headers["last-event-id"];
      if (last !== undefined && !/^\d{1,16}$/.test(String(last)))
        throw new AnamnesisError("input.invalid", "Last-Event-ID has to be the sequence of a change");
      return streamChanges(request, response, last === undefined ? (query.after ?? 0) : Number(last));
    },
  }),
  route({
    method: "get",
    path: `${V1}/audit`,
    access: "audit",
    summary: "Sums and digests for an independent count",
    request: { query: schema.noQuery },
    response: schema.auditSchema,
    handle: ({ api }) => api.audit(),
  }),
  route({
    method: "post",
    path: `${V1}/evidence`,
    access: "evidence",
    summary: "Proves records in one file; ask again until the state is done, then fetch it by its SHA-256",
    request: { query: schema.noQuery, body: evidenceBody },
    response: evidenceSchema,
    handle: ({ api }, { body }) => api.evidence(given(body) as EvidenceSelection),
  }),
  route({
    method: "get",
    path: `${V1}/evidence/:sha256`,
    access: "evidence",
    summary: "The bundle that was just made, as its bytes",
    request: { params: evidenceParams, query: schema.noQuery },
    response: "bundle",
    handle({ api }, { params }) {
      const bundle = api.evidenceFile(params.sha256);
      if (bundle !== undefined) return bundle;
      throw new AnamnesisError(
        "api.notFound",
        `no bundle ${params.sha256} waits here; it is kept for a minute`,
      );
    },
  }),
  route({
    method: "get",
    path: `${V1}/openapi.json`,
    access: "open",
    summary: "This API as OpenAPI 3.1",
    request: { query: schema.noQuery },
    response: "openapi",
    handle: async () => (await import("./openapi.ts")).describeRoutes(ROUTES),
  }),
  route({
    method: "get",
    path: "/metrics",
    access: "read",
    summary: "Figures for Prometheus",
    request: { query: schema.noQuery },
    response: "text/plain",
    handle: async ({ api }) => renderMetrics(await api.doctor()),
  }),
  route({
    method: "get",
    path: "/",
    access: "open",
    summary: "Where the API is",
    request: {},
    response: "text/plain",
    handle: ({ request }) =>
      [
        "Anamnesis: the immune memory of this plant.",
        "",
        `The API      http://${request.headers.host}${V1}/health, described in ${V1}/openapi.json`,
        `The figures  http://${request.headers.host}/metrics`,
        "The command  anamnesis status | doctor | recall VALUE",
        "",
      ].join("\n"),
  }),
];

/** Leaves out members that are undefined. */
function given<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
