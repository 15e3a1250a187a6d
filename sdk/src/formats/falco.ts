/** Falco's JSON output. Endpoints are there only when the rule is about the network. */
import { type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome } from "../core/types.ts";
import { attackIdsOf, context, detected, portOf, rejected, type Source, splitEnd } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { byFalco } from "./severity.ts";
import { parseIso } from "./time.ts";

/** Falco events. */
export const falco: Format = {
  name: "falco",
  title: "Falco",
  detect(sample) {
    const share = shareOf(
      sample,
      (record) => "output" in record && "priority" in record && "rule" in record && "time" in record,
    );
    return share === 0
      ? NO_MATCH
      : { score: Math.round(65 + 30 * share), why: "JSON records with output, priority, rule and time" };
  },
  createReader: (options) => createJsonReader(options, readEvent),
};

function readEvent(record: JsonRecord, source: Source): LineOutcome {
  if (typeof record.rule !== "string" || record.rule === "") return rejected("line.fields", source.text);
  const atMs = typeof record.time === "string" ? parseIso(record.time, "UTC") : undefined;
  if (atMs === undefined) return rejected("line.timestamp", source.text);
  // Falco about itself: dropped events and the like.
  if (record.rule.startsWith("Falco internal:")) return context("falco.internal");
  const fields = isRecord(record.output_fields) ? record.output_fields : {};
  return detected(
    {
      engine: "falco",
      id: record.rule,
      name: record.rule,
      category: typeof record.source === "string" ? record.source : "",
      atMs,
      severity: byFalco(record.priority),
      ends: endsOf(fields, source),
      transport: fields["fd.l4proto"],
      attackIds: attackIdsOf(record.tags),
    },
    source,
  );
}

function endsOf(fields: JsonRecord, { at }: Source): Ends {
  let client = end(fields["fd.cip"], fields["fd.cport"]);
  let server = end(fields["fd.sip"], fields["fd.sport"]);
  const name = fields["fd.name"];
  if ((client === undefined || server === undefined) && typeof name === "string" && name.length < 200) {
    const [from, to] = name.split("->", 2).map((part) => splitEnd(part));
    client = from === undefined ? client : endpointOf(from.address, from.port);
    server = to === undefined ? server : endpointOf(to.address, to.port);
  }
  // Whether the host was reached or reached out: only whose addresses they are can tell.
  return nameEnds(client, server, undefined, indexSelf(at.self));
}

function end(address: unknown, port: unknown): Endpoint | undefined {
  return endpointOf(address, portOf(port));
}
