/** Zeek's logs as JSON. Which log it is says `_path`, or the file's name, or its keys. */
import type { JsonRecord } from "../core/eve-fields.ts";
import { isRecord } from "../core/eve-fields.ts";
import { context, textOf } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { sampleLines } from "./line-text.ts";
import { zeekTraffic } from "./traffic-zeek.ts";
import { readZeek, type ZeekRecord, zeekLogOf } from "./zeek-record.ts";
import { BASELINE } from "./zeek-tsv.ts";

/** Zeek logs as JSON. */
export const zeekJson: Format = {
  name: "zeek-json",
  title: "Zeek log (JSON)",
  detect(sample) {
    const lines = sampleLines(sample.head.slice(0, 65_536));
    if (lines[0]?.startsWith(BASELINE) === true && lines[1]?.startsWith("{") === true)
      return { score: 90, why: "a recorded baseline of Zeek's own tests, as JSON" };
    const share = shareOf(sample, (record) => {
      if (typeof record._path === "string") return true;
      if ("note" in record && "msg" in record && ("actions" in record || "ts" in record)) return true;
      return (
        "ts" in record &&
        ("id.orig_h" in record || "seen.indicator" in record || ("uid" in record && "id" in record))
      );
    });
    return share === 0
      ? NO_MATCH
      : { score: Math.round(70 + 25 * share), why: "JSON records with ts and id.orig_h, _path or note" };
  },
  createReader(options) {
    const fileLog = options.path === undefined ? undefined : zeekLogOf(options.path);
    const { onTraffic } = options;
    const reader = createJsonReader(options, (record, source) => {
      const log = logOf(record, fileLog);
      const fields = fieldsOf(record);
      if (onTraffic !== undefined) zeekTraffic(log, fields, onTraffic);
      return readZeek(log, fields, source);
    });
    return {
      ...reader,
      // Recorded baselines begin with a comment.
      push: (line, at) => (line[0] === 0x23 ? [context("zeek.header")] : reader.push(line, at)),
    };
  },
};

function logOf(record: JsonRecord, fileLog: string | undefined): string {
  if (typeof record._path === "string" && record._path !== "") return record._path.slice(0, 64);
  if (typeof record.note === "string" && "msg" in record) return "notice";
  if (typeof record["seen.indicator"] === "string") return "intel";
  return fileLog ?? "zeek";
}

function fieldsOf(record: JsonRecord): ZeekRecord {
  // `id.orig_h` is one key; collectors make an object of it.
  const value = (name: string): unknown => {
    const flat = record[name];
    if (flat !== undefined) return flat;
    const dot = name.indexOf(".");
    const parent = dot < 0 ? undefined : record[name.slice(0, dot)];
    return isRecord(parent) ? parent[name.slice(dot + 1)] : undefined;
  };
  return {
    text: (name) => {
      const found = value(name);
      // As Zeek's tables write them.
      if (typeof found === "boolean") return found ? "T" : "F";
      return found === "" ? "" : textOf(found);
    },
    list: (name) => {
      const found = value(name);
      return Array.isArray(found) ? found.slice(0, 256).filter((each) => typeof each === "string") : [];
    },
  };
}
