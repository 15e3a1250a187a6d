import { createServer, type Server } from "node:http";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import express, { type ErrorRequestHandler, type RequestHandler } from "express";
import type { Mounted, PlantApi } from "../../api.ts";
import type { Log } from "../../ports.ts";
import { createAuthorizer, type Token } from "./auth.ts";
import { parseJsonBody, readBody, splitLines } from "./body.ts";
import { serveDashboard } from "./dashboard.ts";
import { isLoopback, refuseForeign } from "./guard.ts";
import { serveMounted } from "./mounted.ts";
import { PROBLEMS, toAnamnesisError, toProblem } from "./problem.ts";
import type { Route } from "./route.ts";
import { ROUTES } from "./routes.ts";
import { createStreams, STREAM_LIMITS, type StreamLimits } from "./stream.ts";

/** What the HTTP adapter needs. */
export interface HttpOptions {
  readonly api: PlantApi;
  /** 0 takes a free port. */
  readonly port: number;
  /** 127.0.0.1 when absent; any other interface needs tokens. */
  readonly host?: string;
  /** More host names browsers may use for this node, lower case. */
  readonly names?: readonly string[];
  readonly tokens: readonly Token[];
  /** Lets anybody on this machine read without a token; for loopback only. */
  readonly openReads: boolean;
  readonly log: Log;
  /** How long a handler may take before its caller hears `api.unavailable`, ms. */
  readonly handlerMs?: number;
  readonly stream?: Partial<StreamLimits>;
  /** Services beside the API, such as TAXII. */
  readonly mounted?: readonly Mounted[];
}

/** A running or stopped HTTP server. */
export interface Http {
  /** Listens and gives the URL. @throws AnamnesisError `port.taken` | `config.invalid` */
  start(): Promise<{ readonly url: string }>;
  /** Ends streams and connections. */
  stop(): Promise<void>;
}

/**
 * The API over HTTP (DESIGN §9).
 * @throws AnamnesisError `config.invalid` when it would be open to a network without tokens
 */
export function createHttp(options: HttpOptions): Http {
  const { api, log, tokens, openReads, port, host = "127.0.0.1", names = [], handlerMs = 30_000 } = options;
  if (!isLoopback(host) && tokens.length === 0)
    throw new AnamnesisError(
      "config.invalid",
      `http.host is ${host}, reachable from a network, and there are no tokens; create some or use 127.0.0.1`,
    );
  if (!isLoopback(host) && openReads)
    throw new AnamnesisError(
      "config.invalid",
      `http.host is ${host}, and reading without a token is for loopback only; use 127.0.0.1`,
    );
  const authorize = createAuthorizer(tokens, openReads);
  const streams = createStreams(api, { ...STREAM_LIMITS, ...options.stream });

  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use((request, response, next) => {
    response.set({
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
      "referrer-policy": "no-referrer",
    });
    refuseForeign(request, names);
    next();
  });
  serveDashboard(app);
  for (const route of ROUTES) app[route.method](route.path, ...handlers(route));
  for (const mounted of options.mounted ?? []) app.use(mounted.path, serveMounted(mounted, authorize));
  app.use((request) => {
    throw new AnamnesisError("api.notFound", `there is no ${request.method} ${trim(request.path)} here`);
  });
  app.use(answerError(log));

  function handlers(route: Route): RequestHandler[] {
    const enter: RequestHandler = (request, response, next) => {
      response.locals.token = authorize(request.headers.authorization, route.access);
      next();
    };
    const answer: RequestHandler = async (request, response) => {
      const input = parseInput(route, {
        params: request.params,
        query: request.query,
        headers: request.headers,
        body: route.request.body === undefined ? undefined : await readBody(request),
      });
      const token: Token | undefined = response.locals.token;
      const detector = token?.name ?? "http";
      const who = token?.name ?? `${token?.role ?? "nobody"} ${token?.sha256.slice(0, 8) ?? ""}`.trim();
      if (request.method === "HEAD" && route.response === "text/event-stream") return void response.end();
      const work = route.handle(
        { api, detector, who, streamChanges: streams.serve, request, response },
        input,
      );
      if (route.response === "text/event-stream") return void (await work);
      const body = await within(handlerMs, work);
      log.debug("http.answered", { method: route.method, route: route.path, role: token?.role ?? null });
      if (route.response === "text/plain") response.type("text/plain; charset=utf-8").send(body);
      else if (route.response === "bundle") {
        const { buffer, byteOffset, byteLength } = body as Uint8Array<ArrayBuffer>;
        response.type("application/json").send(Buffer.from(buffer, byteOffset, byteLength));
      } else response.json(body);
    };
    return [enter, answer];
  }

  let server: Server | undefined;
  return {
    async start() {
      const started = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, app);
      started.maxConnections = 1024;
      server = started;
      const at = await listen(started, port, host);
      const url = `http://${host.includes(":") ? `[${host}]` : host}:${at}`;
      log.info("http.started", { url });
      return { url };
    },
    async stop() {
      streams.stop();
      const stopping = server;
      server = undefined;
      if (stopping === undefined) return;
      await new Promise<void>((resolve) => {
        stopping.close(() => resolve());
        stopping.closeAllConnections();
      });
      log.info("http.stopped");
    },
  };
}

/** The parts of a request through their schemas. */
function parseInput(
  route: Route,
  parts: { params: unknown; query: unknown; headers: Record<string, unknown>; body: Uint8Array | undefined },
): Parameters<Route["handle"]>[1] {
  const { request } = route;
  const check = (part: "params" | "query" | "headers" | "body", value: unknown): never => {
    const schema = request[part];
    if (schema === undefined) return undefined as never;
    const result = schema.safeParse(value);
    if (result.success) return result.data as never;
    const issue = result.error.issues[0];
    const where = [part === "params" ? "path" : part, ...(issue?.path ?? [])].join(".");
    throw new AnamnesisError(
      "input.invalid",
      `${trim(where)}: ${trim(issue?.message ?? "not as described")}`,
      {
        details: { part },
      },
    );
  };
  const params = check("params", parts.params);
  const query = check("query", parts.query);
  const headers = check("headers", parts.headers);
  if (parts.body === undefined) return { params, query, headers, body: undefined as never };
  const type = `${(parts.headers["content-type"] as string | undefined) ?? ""}`
    .split(";", 1)[0]
    ?.trim()
    .toLowerCase();
  if (type === "application/json")
    return { params, query, headers, body: check("body", parseJsonBody(parts.body)) };
  if (request.lines === true && type === "application/x-ndjson")
    return { params, query, headers, body: check("body", { lines: splitLines(parts.body) }) };
  throw new AnamnesisError(
    "input.invalid",
    `Content-Type has to be application/json${request.lines === true ? " or application/x-ndjson" : ""}`,
  );
}

function answerError(log: Log): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = toAnamnesisError(thrown);
    const { status, retryAfterSeconds } = PROBLEMS[error.code];
    const fields = { method: request.method, route: request.route?.path ?? null, code: error.code };
    if (error.code === "api.internal") log.error("http.failed", { ...fields, cause: String(error.cause) });
    else if (status >= 500) log.warn("http.failed", { ...fields, message: error.message });
    else log.debug("http.refused", fields);
    if (response.headersSent) return void response.destroy();
    if (status === 401) response.set("www-authenticate", 'Bearer realm="anamnesis"');
    if (retryAfterSeconds !== undefined) response.set("retry-after", String(retryAfterSeconds));
    // What is left of a refused body is not read; the connection cannot be used again.
    if (!request.complete) response.set("connection", "close");
    response
      .status(status)
      .type("application/problem+json")
      .send(JSON.stringify(toProblem(error)));
  };
}

async function within(ms: number, work: unknown): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new AnamnesisError("api.unavailable", `no answer within ${ms} ms; try again later`)),
      ms,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) => {
      const [code, words] =
        cause.code === "EADDRINUSE"
          ? (["port.taken", "is in use by another program; free it or choose another port"] as const)
          : ([
              "config.invalid",
              `cannot be listened on (${cause.code}); choose another port or host`,
            ] as const);
      reject(new AnamnesisError(code, `http.port ${port} on ${host} ${words}`, { cause }));
    });
    server.listen({ port, host }, () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

/** User input in a message: bounded and printable. */
function trim(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
