/** Suricata's EVE log, of any version, one object a line or as it was exported. */
import { parseEveLine } from "../core/eve.ts";
import { isRecord } from "../core/eve-fields.ts";
import type { LineOutcome } from "../core/types.ts";
import { rejected } from "./detected.ts";
import { type Format, type LineAt, NO_MATCH } from "./format.ts";
import { readPieces, withoutDigest } from "./json-reader.ts";
import { createRecords, looksWhole } from "./json-records.ts";
import { shareOf } from "./json-sample.ts";
import { lineText } from "./line-text.ts";
import { eveTraffic } from "./traffic-eve.ts";

/** Event types of industrial requests. */
const REQUESTS: ReadonlySet<string> = new Set(["modbus", "dnp3", "enip", "mqtt"]);

/** Suricata EVE JSON. */
export const eve: Format = {
  name: "eve",
  title: "Suricata EVE",
  detect(sample) {
    const share = shareOf(sample, (record) => {
      const event = isRecord(record.event) && record.event_type === undefined ? record.event : record;
      return "event_type" in event && ("timestamp" in event || "flow_id" in event || "src_ip" in event);
    });
    return share === 0
      ? NO_MATCH
      : { score: Math.round(70 + 25 * share), why: "JSON records with event_type and timestamp" };
  },
  createReader(options) {
    const records = createRecords(options.state);
    const { detector } = options;
    const { onTraffic, onlyRequests = false } = options;
    const one = (line: string | Uint8Array, at: LineAt): LineOutcome => {
      const outcome = parseEveLine(line, { ...at, detector });
      if (onTraffic !== undefined && outcome.kind === "context")
        if (!onlyRequests || REQUESTS.has(outcome.eventType)) eveTraffic(line, onTraffic);
      return outcome;
    };

    return {
      push(line, at) {
        if (!records.isOpen()) {
          const outcome = one(line, at);
          if (outcome.kind !== "rejected") return [outcome];
          if (outcome.reason !== "line.notJson" && outcome.reason !== "line.notObject") return [outcome];
        }
        const text = lineText(line);
        return readPieces(records.push(text), text, (piece, into) => {
          into.push(one(piece.text, { ...withoutDigest(at), offset: at.offset + piece.at }));
        });
      },
      end: () => records.end().map((piece) => rejected("line.unfinished", piece.text)),
      isAlone: (line) => !records.isOpen() && looksWhole(line),
      state: () => records.state(),
    };
  },
};
