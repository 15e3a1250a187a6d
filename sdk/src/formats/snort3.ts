/** Snort 3's `alert_json`. Payload (`b64_data`) is never kept. */
import { endpointOf, nameEnds } from "../core/direction.ts";
import type { JsonRecord } from "../core/eve-fields.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome } from "../core/types.ts";
import { detected, portOf, rejected, type Source, splitEnd } from "./detected.ts";
import { parseSnortTime } from "./fast-line.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { byPriority } from "./severity.ts";
import { parseEpoch } from "./time.ts";

/** Snort 3 alerts as JSON. */
export const snort3: Format = {
  name: "snort3",
  title: "Snort 3 alert_json",
  detect(sample) {
    const share = shareOf(
      sample,
      (record) =>
        !("event_type" in record) &&
        (("rule" in record &&
          ("src_ap" in record || "pkt_num" in record || "dir" in record || "src_addr" in record)) ||
          ("gid" in record && "sid" in record && ("seconds" in record || "timestamp" in record))),
    );
    return share === 0
      ? NO_MATCH
      : { score: Math.round(65 + 30 * share), why: "JSON records with a rule and src_ap or pkt_num" };
  },
  createReader: (options) =>
    createJsonReader(options, (record, source) => readAlert(record, source, options.zone ?? "UTC")),
};

function readAlert(record: JsonRecord, source: Source, zone: string): LineOutcome {
  const rule = readRule(record);
  if (rule === undefined) return rejected("line.fields", source.text);
  const atMs = timeOf(record, source, zone);
  if (atMs === null) return rejected("line.timestamp", source.text);
  const from = end(record.src_ap, record.src_addr, record.src_port);
  const to = end(record.dst_ap, record.dst_addr, record.dst_port);
  const fromClient = record.dir === "C2S" ? true : record.dir === "S2C" ? false : undefined;
  const action = typeof record.action === "string" ? record.action : "";
  return detected(
    {
      engine: "snort",
      ...rule,
      name: record.msg,
      category: record.class,
      atMs,
      severity: typeof record.priority === "number" ? byPriority(record.priority) : null,
      action: /^(?:drop|block|reject|react|reset)/.test(action)
        ? "blocked"
        : action === ""
          ? "unknown"
          : "allowed",
      ends: nameEnds(from, to, fromClient, indexSelf(source.at.self)),
      transport: record.proto,
      appProtocol: record.service === "unknown" ? undefined : record.service,
    },
    source,
  );
}

function readRule(record: JsonRecord): { gid: number; id: number; rev: number } | undefined {
  const stated =
    typeof record.rule === "string" ? /^(\d{1,10}):(\d{1,10}):(\d{1,10})$/.exec(record.rule) : null;
  const [gid, id, rev] =
    stated === null ? [record.gid ?? 1, record.sid, record.rev ?? 0] : stated.slice(1).map(Number);
  return isCount(gid) && isCount(id) && isCount(rev) ? { gid, id, rev } : undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function timeOf(record: JsonRecord, { at }: Source, zone: string): number | undefined | null {
  if (record.seconds !== undefined) return parseEpoch(record.seconds) ?? null;
  if (record.timestamp === undefined) return undefined;
  if (typeof record.timestamp !== "string") return null;
  return parseSnortTime(record.timestamp, at.fileMs ?? at.readAtMs, zone) ?? null;
}

function end(joined: unknown, address: unknown, port: unknown): Endpoint | undefined {
  if (typeof joined === "string") {
    const split = splitEnd(joined.slice(0, 100));
    return split === undefined
      ? undefined
      : endpointOf(split.address, split.port === 0 ? undefined : split.port);
  }
  return endpointOf(address, portOf(port));
}
