/** tshark's packets (`-T json`, `-T ek`, or fields as objects). A packet is no alert: it is context. */
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import type { LineOutcome } from "../core/types.ts";
import { context, rejected, type Source } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { packetTraffic } from "./traffic-packet.ts";

/** tshark packets as JSON. */
export const tshark: Format = {
  name: "tshark",
  title: "tshark packets (JSON or EK)",
  detect(sample) {
    const share = shareOf(
      sample,
      (record) => layersOf(record) !== undefined || isIndexLine(record) || isFlat(record),
    );
    return share === 0
      ? NO_MATCH
      : { score: Math.round(50 + 42 * share), why: "JSON records with layers, or ts, src, dst and fc" };
  },
  createReader: ({ onTraffic, ...options }) =>
    createJsonReader(options, (record, source) => {
      if (onTraffic !== undefined) packetTraffic(record, layersOf(record), onTraffic);
      return readPacket(record, source);
    }),
};

function readPacket(record: JsonRecord, source: Source): LineOutcome {
  if (isIndexLine(record)) return context("packet.index");
  if (isFlat(record)) return context("packet.modbus");
  const layers = layersOf(record);
  return layers === undefined
    ? rejected("line.fields", source.text)
    : context(`packet.${protocolOf(layers)}`);
}

/** Elasticsearch's bulk format puts a line about the index before each packet. */
function isIndexLine(record: JsonRecord): boolean {
  return isRecord(record.index) && Object.keys(record).length === 1;
}

function isFlat(record: JsonRecord): boolean {
  return "src" in record && "dst" in record && "fc" in record && "ts" in record;
}

function layersOf(record: JsonRecord): JsonRecord | undefined {
  const holder = isRecord(record._source) ? record._source : record;
  return isRecord(holder.layers) ? holder.layers : undefined;
}

const KNOWN = [
  "modbus",
  "s7comm",
  "dnp3",
  "enip",
  "iec60870_104",
  "opcua",
  "bacnet",
  "mqtt",
  "goose",
  "dns",
  "http",
  "tls",
  "tcp",
  "udp",
];

function protocolOf(layers: JsonRecord): string {
  return KNOWN.find((protocol) => protocol in layers) ?? "other";
}
