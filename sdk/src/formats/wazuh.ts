/** Wazuh's and OSSEC's alerts.json. Below `data` every value is text; ids stay text. */
import { accuse, clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import { indexSelf } from "../core/self-index.ts";
import type { LineOutcome } from "../core/types.ts";
import { attackIdsOf, detected, portOf, rejected, type Source, textOf } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { byWazuhLevel } from "./severity.ts";
import { parseEpoch, parseIso } from "./time.ts";

/** Wazuh and OSSEC alerts. */
export const wazuh: Format = {
  name: "wazuh",
  title: "Wazuh / OSSEC alerts.json",
  detect(sample) {
    const share = shareOf(
      sample,
      (record) =>
        (isRecord(record.rule) &&
          "level" in record.rule &&
          ("id" in record.rule || "sidid" in record.rule)) ||
        ("rule" in record && "level" in record && "full_log" in record),
    );
    return share === 0
      ? NO_MATCH
      : { score: Math.round(68 + 28 * share), why: "JSON records with rule.level and rule.id" };
  },
  createReader: (options) =>
    createJsonReader(options, (record, source) => readAlert(record, source, options.zone ?? "UTC")),
};

function readAlert(record: JsonRecord, source: Source, zone: string): LineOutcome {
  const { rule } = record;
  if (!isRecord(rule)) return rejected("line.fields", source.text);
  const id = textOf(rule.id) ?? textOf(rule.sidid);
  const level = Number(textOf(rule.level) ?? Number.NaN);
  if (id === undefined || !Number.isInteger(level) || level < 0) return rejected("line.fields", source.text);
  const atMs = timeOf(record, zone);
  if (atMs === null) return rejected("line.timestamp", source.text);
  const data = isRecord(record.data) ? record.data : {};
  const mitre = isRecord(rule.mitre) ? rule.mitre.id : undefined;
  const scaled = byWazuhLevel(level);
  return detected(
    {
      engine: "wazuh",
      id,
      name: rule.description ?? rule.comment ?? id,
      category: Array.isArray(rule.groups)
        ? rule.groups.filter((each) => typeof each === "string").join(",")
        : "",
      atMs,
      severity: scaled.severity,
      clipped: scaled.clipped === true,
      action: blockedBy(data) ? "blocked" : "unknown",
      ends: endsOf(record, data, source),
      transport: data.proto ?? data.protocol,
      appProtocol: data.app_proto,
      flowId: wholeText(data.flow_id),
      communityId: data.community_id,
      attackIds: attackIdsOf(mitre),
    },
    source,
  );
}

/** `timestamp` with its offset; OSSEC's `TimeStamp` counts ms. `full_log` is local time and never asked. */
function timeOf(record: JsonRecord, zone: string): number | undefined | null {
  const text = record.timestamp ?? record["@timestamp"];
  if (typeof text === "string") {
    const ms = parseIso(text, zone);
    if (ms !== undefined) return ms;
  }
  if (record.TimeStamp !== undefined) return parseEpoch(record.TimeStamp) ?? null;
  return text === undefined ? undefined : null;
}

function blockedBy(data: JsonRecord): boolean {
  const alert = isRecord(data.alert) ? data.alert.action : data.action;
  return typeof alert === "string" && /block|drop|den[iy]/i.test(alert);
}

function endsOf(record: JsonRecord, data: JsonRecord, { at }: Source): Ends {
  const self = indexSelf(at.self);
  const agent = isRecord(record.agent) ? endpointOf(record.agent.ip) : undefined;
  const event = isRecord(data.win) && isRecord(data.win.eventdata) ? data.win.eventdata : {};
  const source = endpointOf(
    data.srcip ?? data.src_ip ?? event.ipAddress ?? record.srcip,
    portOf(data.srcport ?? data.src_port ?? event.ipPort ?? record.srcport),
  );
  const destination = endpointOf(
    data.dstip ?? data.dest_ip ?? record.dstip,
    portOf(data.dstport ?? data.dest_port ?? record.dstport),
  );
  // A network sensor's record has both ends, of a packet.
  if (source !== undefined && destination !== undefined) {
    const direction =
      data.direction === "to_server" ? true : data.direction === "to_client" ? false : undefined;
    return nameEnds(source, destination, direction ?? clientByPorts(source, destination), self);
  }
  // A host's record has the one that came, and the agent is who it came to.
  if (source === undefined || source.address === agent?.address) return {};
  return accuse(source, agent, true, true);
}

/** Large numbers come as `1398609176796675.000000`. */
function wholeText(value: unknown): string | undefined {
  const text = textOf(value);
  return text === undefined ? undefined : /^(\d{1,20})(?:\.0+)?$/.exec(text)?.[1];
}
