import { createHash } from "node:crypto";

/** What a file of EVE lines holds, in counts a test can check. */
export interface EveFacts {
  bytes: number;
  /** SHA-256 of the uncompressed lines, hex. */
  sha256: string;
  lines: number;
  /** Lines by `event_type`. */
  events: Record<string, number>;
  /** Alerts by signature id. */
  alerts: Record<string, number>;
  /** Modbus transactions by source address and function name, e.g. `10.1.2.66 WrSingleReg`. */
  modbus: Record<string, number>;
  /** First and last time of an event, flow records aside (Suricata writes those when it stops). */
  from: string;
  to: string;
  spanSeconds: number;
}

interface EveLine {
  timestamp: string;
  event_type: string;
  src_ip: string;
  alert?: { signature_id: number };
  modbus?: { request?: { function_code?: string } };
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function sorted(counts: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Returns the milliseconds of an EVE time such as `2026-11-25T01:12:55.013723+0000` (its offset has no colon). */
export function parseEveTimeMs(timestamp: string): number {
  const timeMs = Date.parse(timestamp.replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  if (Number.isNaN(timeMs)) throw new Error(`not an EVE time: "${timestamp}"`);
  return timeMs;
}

/** Counts what the EVE lines hold. */
export function countEve(content: Buffer): EveFacts {
  const lines = content
    .toString("utf8")
    .split("\n")
    .filter((line) => line !== "");
  const events: Record<string, number> = {};
  const alerts: Record<string, number> = {};
  const modbus: Record<string, number> = {};
  const times: string[] = [];
  for (const line of lines) {
    const event = JSON.parse(line) as EveLine;
    count(events, event.event_type);
    if (event.event_type === "alert" && event.alert) count(alerts, String(event.alert.signature_id));
    if (event.event_type === "modbus") {
      count(modbus, `${event.src_ip} ${event.modbus?.request?.function_code ?? "no request"}`);
    }
    if (event.event_type !== "flow") times.push(event.timestamp);
  }
  times.sort();
  const from = times[0] ?? "";
  const to = times.at(-1) ?? "";
  return {
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
    lines: lines.length,
    events: sorted(events),
    alerts: sorted(alerts),
    modbus: sorted(modbus),
    from,
    to,
    spanSeconds: Math.round((parseEveTimeMs(to) - parseEveTimeMs(from)) / 1000),
  };
}
