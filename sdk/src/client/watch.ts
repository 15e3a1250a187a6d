import { AnamnesisError } from "../core/errors.ts";
import type { Bytes32 } from "../core/types.ts";
import type { Change } from "../core/views.ts";
import { type Connection, type Failure, failureOf, headersOf, unreachable, urlOf } from "./request.ts";
import { isTransient, pauseMs, type RetryPolicy, type wait } from "./retry.ts";
import { createEventParser, type ServerEvent } from "./sse.ts";

/** Where a stream stands when it has caught up. */
export interface WatchState {
  readonly cursor: number;
  /** The node's memory hash. */
  readonly stateHash: Bytes32;
  /** How often this watch has connected again so far. */
  readonly reconnects: number;
  /**
   * After a reconnect: whether the memory hash is still the one last seen at this cursor. False: the
   * node's memory changed in between without a change to tell it, so read again what you keep. Null
   * when nothing can be compared.
   */
  readonly matches: boolean | null;
}

/** How to watch. */
export interface WatchOptions {
  /** The sequence to go on after; 0, the beginning, when absent. Keep the last one you acted on. */
  readonly after?: number;
  readonly signal?: AbortSignal;
  /** Told whenever the stream has caught up with the node. */
  readonly onState?: (state: WatchState) => void;
  /** Told before each pause that follows a lost connection. */
  readonly onDisconnect?: (error: AnamnesisError) => void;
  /** Silence after which a connection counts as lost, ms; nodes send a heartbeat every 15 s. */
  readonly silenceMs?: number;
}

/** What watching needs beside the connection. */
export interface WatchTools {
  readonly retry: RetryPolicy;
  readonly random: () => number;
  readonly wait: typeof wait;
}

/**
 * The changes of a node, each once and in order, over any number of connections; ends when the
 * signal aborts.
 * @throws AnamnesisError when trying again cannot help: `api.unauthorized`, `api.forbidden`, and
 * `api.conflict` when the node's history is not the one the cursor is from
 */
export async function* watchChanges(
  connection: Connection,
  options: WatchOptions,
  { retry, random, wait: pause }: WatchTools,
): AsyncGenerator<Change, void, undefined> {
  const { signal, onState, onDisconnect, silenceMs = 45_000 } = options;
  let cursor = options.after ?? 0;
  let known: { readonly cursor: number; readonly stateHash: Bytes32 } | undefined;
  let reconnects = 0;
  let failures = 0;
  let firstState = false;
  const aborted = (): boolean => signal?.aborted === true;

  function note(event: ServerEvent): void {
    const { cursor: at, stateHash } = parseData<{ cursor: number; stateHash: Bytes32 }>(event);
    const comparable = firstState && reconnects > 0 && known?.cursor === at;
    onState?.({
      cursor: at,
      stateHash,
      reconnects,
      matches: comparable ? known?.stateHash === stateHash : null,
    });
    firstState = false;
    known = { cursor: at, stateHash };
  }

  while (!aborted()) {
    firstState = true;
    const lost: { failure?: Failure } = {};
    for await (const event of connect(connection, cursor, silenceMs, signal, lost)) {
      failures = 0;
      if (event.name === "state") note(event);
      if (event.name !== "change") continue;
      const change = parseData<Change>(event);
      if (change.sequence <= cursor) continue;
      cursor = change.sequence;
      yield change;
    }
    if (aborted()) return;
    const failure = lost.failure ?? {
      error: unreachable(connection, "closed"),
      retryAfterSeconds: undefined,
    };
    if (!isTransient(failure)) throw failure.error;
    onDisconnect?.(failure.error);
    reconnects += 1;
    failures += 1;
    try {
      await pause(pauseMs(retry, Math.min(failures, 8), random, failure.retryAfterSeconds), signal);
    } catch (error) {
      if (aborted()) return;
      throw error;
    }
  }
}

function parseData<T>(event: ServerEvent): T {
  try {
    return JSON.parse(event.data) as T;
  } catch (cause) {
    throw new AnamnesisError("api.unavailable", `an event ${event.name} that is no node's`, { cause });
  }
}

/** The events of one connection until it ends; a failure is left in `lost`. */
async function* connect(
  connection: Connection,
  after: number,
  silenceMs: number,
  signal: AbortSignal | undefined,
  lost: { failure?: Failure },
): AsyncGenerator<ServerEvent> {
  const silence = new AbortController();
  const guard = (): ReturnType<typeof setTimeout> =>
    setTimeout(
      () => silence.abort(new AnamnesisError("api.unavailable", `silent for ${silenceMs} ms`)),
      silenceMs,
    );
  let timer = guard();
  try {
    const response = await connection.fetch(urlOf(connection, "/changes/stream", { after }), {
      headers: { accept: "text/event-stream", ...headersOf(connection) },
      signal: signal === undefined ? silence.signal : AbortSignal.any([signal, silence.signal]),
    });
    if (!response.ok || response.body === null) {
      lost.failure = await failureOf(response);
      return;
    }
    const parse = createEventParser();
    const reader = response.body.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        for (const event of parse(value)) yield event;
        timer = guard();
      }
    } finally {
      await reader.cancel().catch(() => undefined); // already ended or failed: nothing is left to free
    }
  } catch (cause) {
    lost.failure = { error: unreachable(connection, cause), retryAfterSeconds: undefined };
  } finally {
    clearTimeout(timer);
  }
}
