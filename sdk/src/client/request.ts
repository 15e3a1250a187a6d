import { AnamnesisError, type ErrorCode, type ErrorDetails } from "../core/errors.ts";

/** The part of `fetch` the client uses. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Where a node is and how to speak to it. */
export interface Connection {
  /** Without a slash at the end. */
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: Fetch;
  /** The most one answer may take, ms. */
  readonly timeoutMs: number;
}

/** An error that may also say when to ask again, in seconds. */
export interface Failure {
  readonly error: AnamnesisError;
  readonly retryAfterSeconds: number | undefined;
}

/** What to send. */
export interface RequestOptions {
  readonly method?: "GET" | "POST";
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

// A node newer than this client may send codes it does not know; the shape is all that is checked.
const CODE = /^[a-z]+[A-Za-z]*\.[a-zA-Z]+$/;

/** The address of a path with its query. */
export function urlOf(connection: Connection, path: string, query: RequestOptions["query"] = {}): string {
  const given = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) if (value !== undefined) given.set(key, String(value));
  const text = given.toString();
  return `${connection.url}/api/v1${path}${text === "" ? "" : `?${text}`}`;
}

/** The headers every request has. */
export function headersOf(connection: Connection): Record<string, string> {
  return connection.token === undefined ? {} : { authorization: `Bearer ${connection.token}` };
}

/**
 * Asks a node and gives its JSON answer.
 * @throws AnamnesisError with the code of the node's problem, `api.unavailable` when it cannot be reached or
 * does not speak this API; the signal's reason when aborted
 */
export async function request<T>(
  connection: Connection,
  path: string,
  options: RequestOptions = {},
): Promise<T> {
  const result = await tryRequest<T>(connection, path, options);
  if ("error" in result) throw result.error;
  return result.answer;
}

/** Asks a node and gives the bytes of its answer; throws as `request` does. */
export async function requestBytes(
  connection: Connection,
  path: string,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const timeout = AbortSignal.timeout(connection.timeoutMs);
  let response: Response;
  try {
    response = await connection.fetch(urlOf(connection, path), {
      headers: headersOf(connection),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    if (response.ok) return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreachable(connection, cause);
  }
  throw (await failureOf(response)).error;
}

/** As `request`, with a failure as a value, so that a caller can decide to try again. */
export async function tryRequest<T>(
  connection: Connection,
  path: string,
  options: RequestOptions = {},
): Promise<{ readonly answer: T } | Failure> {
  const { method = "GET", query, body, headers, signal } = options;
  const timeout = AbortSignal.timeout(connection.timeoutMs);
  try {
    const response = await connection.fetch(urlOf(connection, path, query), {
      method,
      headers: {
        accept: "application/json",
        ...headersOf(connection),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    if (!response.ok) return await failureOf(response);
    return { answer: (await response.json()) as T };
  } catch (cause) {
    signal?.throwIfAborted();
    return { error: unreachable(connection, cause), retryAfterSeconds: undefined };
  }
}

/** The error of an answer that is not a success, from its problem details (RFC 9457). */
export async function failureOf(response: Response): Promise<Failure> {
  const text = await response.text();
  const retryAfter = response.headers.get("retry-after") ?? "";
  const retryAfterSeconds = /^\d{1,6}$/.test(retryAfter) ? Number(retryAfter) : undefined;
  let problem: { code?: unknown; detail?: unknown; details?: unknown } = {};
  try {
    problem = JSON.parse(text) ?? {};
  } catch {
    // Not from a node: a proxy, or another program on this port. The status says what there is to say.
  }
  const code = typeof problem.code === "string" && CODE.test(problem.code) ? problem.code : "api.unavailable";
  const detail =
    typeof problem.detail === "string" ? problem.detail : `the answer was ${response.status} and no node's`;
  const details = { ...plain(problem.details), status: response.status };
  return { error: new AnamnesisError(code as ErrorCode, detail, { details }), retryAfterSeconds };
}

/** The error of a node that did not answer. */
export function unreachable(connection: Connection, cause: unknown): AnamnesisError {
  const why = cause instanceof Error ? rootMessage(cause) : String(cause);
  return new AnamnesisError(
    "api.unavailable",
    `no answer from ${connection.url} (${why}); is the node running there?`,
    { cause, details: { url: connection.url } },
  );
}

function rootMessage(error: Error): string {
  const { cause } = error;
  if (cause instanceof Error) return cause.message === "" ? rootCode(cause) : cause.message;
  return error.message;
}

function rootCode(error: Error): string {
  return "code" in error ? String(error.code) : error.name;
}

function plain(details: unknown): ErrorDetails {
  if (typeof details !== "object" || details === null) return {};
  const entries = Object.entries(details).filter(
    ([, value]) => value === null || ["string", "number", "boolean"].includes(typeof value),
  );
  return Object.fromEntries(entries) as ErrorDetails;
}
