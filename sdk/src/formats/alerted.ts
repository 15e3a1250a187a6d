/** Requests of which a sensor has raised an alert already: its baseline must not count them a second time. */
import type { Detection, IcsRequest } from "../core/types.ts";

/** A request between two machines. */
interface Asked {
  readonly atMs: number;
  readonly client: string;
  readonly server: string;
  readonly request: IcsRequest;
}

/** The alerts of one sensor that no record of a request has followed yet. */
export interface Alerted {
  note(detection: Detection): void;
  /** Whether an alert stands for this request; each stands for one. */
  covers(asked: Asked): boolean;
}

/** An alert stands for a request within this time of it, ms: as long as an unanswered request is kept open. */
const WITHIN_MS = 300_000;
const MOST_KEYS = 4096;
/** Alerts of one kind that wait for their records. */
const MOST_WAITING = 256;

/** Remembers alerts in the order of the sensor's log, which has an alert before the record of its request. */
export function createAlerted(): Alerted {
  /** Times of alerts, ascending, by what they say. */
  const waiting = new Map<string, number[]>();
  const keyOf = (
    client: string,
    server: string,
    { protocol, function: code, sequence }: IcsRequest,
  ): string => `${protocol} ${code} ${sequence ?? ""} ${client} ${server}`;

  return {
    note({ atMs, attacker, victim, ics }) {
      if (ics === undefined || attacker === undefined || victim === undefined) return;
      const key = keyOf(attacker.address, victim.address, ics);
      const times = waiting.get(key) ?? [];
      // Several rules about one packet are alerts about one request.
      if (times.at(-1) === atMs) return;
      times.push(atMs);
      if (times.length > MOST_WAITING) times.shift();
      waiting.delete(key);
      waiting.set(key, times);
      if (waiting.size > MOST_KEYS) waiting.delete(waiting.keys().next().value as string);
    },
    covers({ atMs, client, server, request }) {
      const times = waiting.get(keyOf(client, server, request));
      const place = times?.findIndex((time) => Math.abs(atMs - time) <= WITHIN_MS) ?? -1;
      if (times === undefined || place < 0) return false;
      times.splice(place, 1);
      return true;
    },
  };
}
