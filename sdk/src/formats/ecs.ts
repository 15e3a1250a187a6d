/** Alerts in the Elastic Common Schema, nested or with dotted keys. */
import { clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import { indexSelf } from "../core/self-index.ts";
import type { LineOutcome } from "../core/types.ts";
import { attackIdsOf, context, detected, portOf, rejected, type Source, textOf } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { memberOf } from "./member.ts";
import { byHundred } from "./severity.ts";
import { parseEpoch, parseIso } from "./time.ts";

/** Elastic Common Schema. */
export const ecs: Format = {
  name: "ecs",
  title: "ECS (Elastic Common Schema)",
  detect(sample) {
    const share = shareOf(
      sample,
      (record) =>
        "@timestamp" in record &&
        ("ecs" in record || isRecord(record.event) || "event.kind" in record || "ecs.version" in record),
    );
    return share === 0
      ? NO_MATCH
      : { score: Math.round(70 + 28 * share), why: "JSON records with @timestamp and ecs or event" };
  },
  createReader: (options) => createJsonReader(options, readEvent),
};

function readEvent(record: JsonRecord, source: Source): LineOutcome {
  const get = (path: string) => memberOf(record, path);
  const kind = get("event.kind");
  if (kind !== "alert" && kind !== "signal") {
    const dataset = get("event.dataset") ?? get("event.module");
    return context(typeof dataset === "string" ? `ecs.${dataset}` : "ecs");
  }
  const stamp = get("@timestamp");
  const atMs = typeof stamp === "string" ? parseIso(stamp, "UTC") : parseEpoch(stamp);
  if (stamp !== undefined && atMs === undefined) return rejected("line.timestamp", source.text);
  const id =
    textOf(get("rule.id")) ??
    textOf(get("rule.uuid")) ??
    textOf(get("event.code")) ??
    textOf(get("rule.name"));
  if (id === undefined) return rejected("line.fields", source.text);
  const scaled = byHundred(get("event.severity"));
  return detected(
    {
      engine: "ecs",
      id,
      name: get("rule.name") ?? get("message") ?? id,
      category: get("rule.category"),
      atMs,
      severity: scaled.severity,
      clipped: scaled.clipped === true,
      action: actionOf(get("event.action"), get("event.type"), get("event.outcome")),
      ends: endsOf(get, source),
      transport: get("network.transport"),
      appProtocol: get("network.protocol"),
      communityId: get("network.community_id"),
      attackIds: attackIdsOf(
        techniques(get("threat.technique")),
        get("threat.technique.id"),
        techniques(get("threat.technique.subtechnique")),
      ),
    },
    source,
  );
}

function actionOf(...values: readonly unknown[]): "allowed" | "blocked" | "unknown" {
  const words = values.flat().filter((value) => typeof value === "string");
  if (words.some((word) => /^(?:denied|blocked|block|drop|dropped)$/i.test(word))) return "blocked";
  return words.some((word) => /^allowed$/i.test(word)) ? "allowed" : "unknown";
}

function endsOf(get: (path: string) => unknown, { at }: Source): Ends {
  const source = endpointOf(get("source.ip"), portOf(get("source.port")));
  const destination = endpointOf(get("destination.ip"), portOf(get("destination.port")));
  const client = endpointOf(get("client.ip"), portOf(get("client.port")));
  const direction = get("network.direction");
  // Inbound: somebody came to us.
  const inbound = direction === "inbound" || direction === "ingress" ? true : undefined;
  const byClient =
    client === undefined ? clientByPorts(source, destination) : client.address === source?.address;
  return nameEnds(source, destination, inbound ?? byClient, indexSelf(at.self));
}

/** Techniques are an object or a list of them, and each id a text or a list. */
function techniques(value: unknown): readonly unknown[] {
  return (Array.isArray(value) ? value.slice(0, 64) : [value]).filter(isRecord).flatMap((each) => each.id);
}
