import type { IncomingMessage, ServerResponse } from "node:http";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { PlantApi } from "../../api.ts";

/** Bounds of the change stream. */
export interface StreamLimits {
  /** Streams open at once. */
  readonly streams: number;
  /** A comment is sent when this long nothing else was, ms. */
  readonly heartbeatMs: number;
  /** A client that does not take what was written for this long is cut, ms. */
  readonly drainMs: number;
  /** At most one `state` event in this time after the first, ms: its hash costs as much as memory is large. */
  readonly stateMs: number;
  /** Changes read and written together; the buffer of one client. */
  readonly pageSize: number;
}

/** Bounds fit for a plant. */
export const STREAM_LIMITS: StreamLimits = {
  streams: 64,
  heartbeatMs: 15_000,
  drainMs: 10_000,
  stateMs: 1000,
  pageSize: 256,
};

/**
 * Server-sent events (WHATWG HTML §9.2) of the change log.
 *
 * A change in memory only wakes a stream; what it sends is always read from the durable log after
 * its cursor. So backfill and live are one loop, nothing is lost or doubled between them, and a
 * client never holds more than one page of memory. Event `change` has the sequence as its id, event
 * `state` {cursor, stateHash} follows when the stream has caught up, at most once in `stateMs`.
 */
export function createStreams(api: PlantApi, limits: StreamLimits) {
  const open = new Set<AbortController>();

  /** Serves one client until it leaves, is too slow, or `stop` is called. */
  async function serve(request: IncomingMessage, response: ServerResponse, after: number): Promise<void> {
    if (open.size >= limits.streams)
      throw new AnamnesisError("api.unavailable", `${limits.streams} change streams are open; close one`);
    const last = api.health().cursor;
    if (after > last)
      throw new AnamnesisError(
        "api.conflict",
        `there is no change ${after} here, the last is ${last}: this cursor is of another history, start at 0`,
        { details: { after, last } },
      );

    const closed = new AbortController();
    open.add(closed);
    let wake = (): void => {};
    let news = true;
    const unsubscribe = api.subscribe(() => {
      news = true;
      wake();
    });
    const leave = (): void => {
      closed.abort();
      wake();
    };
    request.once("close", leave);
    response.once("close", leave);
    closed.signal.addEventListener("abort", () => wake(), { once: true });

    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    });
    try {
      let cursor = after;
      let stateAt = Number.NEGATIVE_INFINITY;
      await send("retry: 1000\n\n");
      while (!closed.signal.aborted) {
        news = false;
        const page = await api.changes(cursor, limits.pageSize);
        let text = "";
        for (const change of page.changes) {
          if (change.sequence <= cursor) continue;
          cursor = change.sequence;
          text += `id: ${cursor}\nevent: change\ndata: ${JSON.stringify(change)}\n\n`;
        }
        await send(text);
        if (page.changes.length >= limits.pageSize) continue;
        if (!(await idle(stateAt + limits.stateMs - performance.now()))) {
          stateAt = performance.now();
          await send(`event: state\ndata: ${JSON.stringify({ cursor, stateHash: page.stateHash })}\n\n`);
        }
        while (!news && !closed.signal.aborted)
          if (!(await idle(limits.heartbeatMs))) await send(": still here\n\n");
      }
    } finally {
      unsubscribe();
      open.delete(closed);
      if (!response.destroyed) response.end();
    }

    /** Resolves true when there is news or an end, false when nothing came for so long. */
    function idle(ms: number): Promise<boolean> {
      if (ms <= 0) return Promise.resolve(news || closed.signal.aborted);
      return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), ms);
        wake = () => {
          clearTimeout(timer);
          resolve(true);
        };
        if (news || closed.signal.aborted) wake();
      });
    }

    /** Writes and waits until the client has taken it; cuts a client that is too slow. */
    function send(text: string): Promise<void> {
      if (text === "" || closed.signal.aborted || response.write(text)) return Promise.resolve();
      return new Promise((resolve) => {
        const timer = setTimeout(() => {
          response.destroy();
          closed.abort();
        }, limits.drainMs);
        const finish = (): void => {
          clearTimeout(timer);
          response.off("drain", finish);
          closed.signal.removeEventListener("abort", finish);
          resolve();
        };
        response.once("drain", finish);
        closed.signal.addEventListener("abort", finish, { once: true });
      });
    }
  }

  return {
    serve,
    /** How many clients are listening. */
    count: () => open.size,
    /** Ends every stream. */
    stop(): void {
      for (const one of open) one.abort();
    },
  };
}
