/** Suricata's fast.log and Snort's alert_fast: times in the sensor's zone, no direction but the ports. */
import { clientByPorts, nameEnds } from "../core/direction.ts";
import { indexSelf } from "../core/self-index.ts";
import type { LineOutcome } from "../core/types.ts";
import { detected, rejected, type Source } from "./detected.ts";
import { parseFastLine, parseSnortTime } from "./fast-line.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { lineText, sampleLines } from "./line-text.ts";
import { byPriority } from "./severity.ts";

/** Suricata fast.log. */
export const fastlog: Format = {
  name: "fastlog",
  title: "Suricata fast.log",
  detect({ head }) {
    const lines = sampleLines(head.slice(0, 65_536));
    const fitting = lines.filter((line) => parseFastLine(line) !== undefined).length;
    return fitting === 0
      ? NO_MATCH
      : {
          score: Math.round(60 + (38 * fitting) / lines.length),
          why: "lines with [**] [gid:sid:rev] and {PROTO} a -> b",
        };
  },
  createReader({ detector, zone = "UTC" }) {
    return {
      push: (line, at) => [readLine({ detector, at, text: lineText(line) }, zone)],
      end: () => [],
    };
  },
};

function readLine(source: Source, zone: string): LineOutcome {
  const { text, at } = source;
  const line = parseFastLine(text);
  if (line === undefined) return rejected("line.fields", text);
  const atMs = parseSnortTime(line.time, at.fileMs ?? at.readAtMs, zone);
  if (atMs === undefined) return rejected("line.timestamp", text);
  const self = indexSelf(at.self);
  const fromClient = clientByPorts(line.source, line.destination);
  const { rule } = line;
  const isEngineEvent = rule.sid >= 2_200_000 && rule.sid <= 2_299_999;
  const ends = nameEnds(line.source, line.destination, fromClient, self);
  return detected(
    {
      engine: "suricata",
      gid: rule.gid,
      id: rule.sid,
      rev: rule.rev,
      name: rule.message,
      category: rule.category,
      atMs,
      severity: byPriority(rule.priority),
      action: line.action,
      // Suricata's own events report an oddity: they accuse the client or nobody.
      ends: isEngineEvent && ends.attackerIsClient !== true ? {} : ends,
      transport: rule.transport,
    },
    source,
  );
}
