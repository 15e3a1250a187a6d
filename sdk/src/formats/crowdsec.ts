/** CrowdSec: alerts as `cscli alerts list|inspect -o json` gives them, and the decision stream. */
import { accuse, endpointOf } from "../core/direction.ts";
import { isRecord, type JsonRecord, modbusRequest } from "../core/eve-fields.ts";
import type { Endpoint, IcsRequest, LineOutcome } from "../core/types.ts";
import { attackIdsOf, context, detected, portOf, rejected, type Source } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader, elementText, MOST_RECORDS, withoutDigest } from "./json-reader.ts";
import { sampleRecords, shareOf } from "./json-sample.ts";
import { parseGo, parseGoDuration } from "./time.ts";

/** CrowdSec alerts and decisions. */
export const crowdsec: Format = {
  name: "crowdsec",
  title: "CrowdSec alerts and decisions",
  detect(sample) {
    if (sampleRecords(sample).some(beginsStream))
      return { score: 92, why: "a decision stream: new and deleted" };
    const share = shareOf(
      sample,
      (record) =>
        "scenario" in record &&
        ("source" in record || ("scope" in record && "duration" in record) || "start_at" in record),
    );
    if (share > 0)
      return { score: Math.round(65 + 30 * share), why: "JSON records with scenario and source or scope" };
    // The first alert of a list may be longer than a sample.
    return shareOf(sample, (record) => "decisions" in record && "capacity" in record) > 0
      ? { score: 80, why: "JSON records with capacity and decisions" }
      : NO_MATCH;
  },
  createReader: (options) => createJsonReader(options, readRecord),
};

function isStream(record: JsonRecord): boolean {
  const isList = (value: unknown) => value === null || Array.isArray(value);
  return "new" in record && "deleted" in record && isList(record.new) && isList(record.deleted);
}

/** A stream may be longer than a sample: its second list is not there, or not whole. */
function beginsStream(record: JsonRecord): boolean {
  if (isStream(record)) return true;
  const [first] = [record.new, record.deleted].flatMap((list) => (Array.isArray(list) ? list : []));
  return isRecord(first) && "scenario" in first && "scope" in first && "duration" in first;
}

function readRecord(record: JsonRecord, source: Source): LineOutcome | readonly LineOutcome[] {
  if (isStream(record)) {
    const outcomes: LineOutcome[] = [];
    for (const [list, gone] of [
      [record.new, false],
      [record.deleted, true],
    ] as const) {
      for (const decision of (list ?? []) as readonly unknown[]) {
        if (outcomes.length >= MOST_RECORDS) return [...outcomes, rejected("line.tooLong", source.text)];
        const at = { ...withoutDigest(source.at), offset: source.at.offset + outcomes.length };
        const text = elementText(decision);
        outcomes.push(gone ? context("decision.deleted") : readDecision(decision, { ...source, text, at }));
      }
    }
    return outcomes.length === 0 ? context("decision.none") : outcomes;
  }
  if (record.source === undefined && record.duration !== undefined) return readDecision(record, source);
  return readAlert(record, source);
}

/** Why a decision is no block of an address, or undefined when it is one. */
function whyNot(decision: JsonRecord): string | undefined {
  if (decision.type !== "ban")
    return typeof decision.type === "string" ? decision.type.slice(0, 32) : "untyped";
  if (decision.simulated === true) return "simulated";
  const scope = typeof decision.scope === "string" ? decision.scope.toLowerCase() : "";
  if (scope !== "ip") return scope === "" ? "unscoped" : scope.slice(0, 32);
  const duration = typeof decision.duration === "string" ? parseGoDuration(decision.duration) : undefined;
  if (duration === undefined) return "undated";
  return duration > 0 ? undefined : "expired";
}

function readDecision(decision: unknown, source: Source): LineOutcome {
  if (!isRecord(decision) || typeof decision.scenario !== "string")
    return rejected("line.fields", source.text);
  const reason = whyNot(decision);
  if (reason !== undefined) return context(`decision.${reason}`);
  const attacker = endpointOf(decision.value);
  if (attacker === undefined) return rejected("line.fields", source.text);
  return detected(
    {
      engine: "crowdsec",
      id: decision.scenario,
      name: decision.scenario,
      category: typeof decision.origin === "string" ? decision.origin : "",
      severity: null,
      action: "blocked",
      ends: accuse(attacker, undefined),
    },
    source,
  );
}

function readAlert(alert: JsonRecord, source: Source): LineOutcome {
  const { scenario } = alert;
  if (typeof scenario !== "string" || !isRecord(alert.source)) return rejected("line.fields", source.text);
  const atMs = timeOf(alert);
  if (atMs === null) return rejected("line.timestamp", source.text);
  const decisions = Array.isArray(alert.decisions) ? alert.decisions.filter(isRecord) : [];
  const meta = firstMeta(alert.events);
  const isHost = typeof alert.source.scope === "string" && alert.source.scope.toLowerCase() === "ip";
  const attacker = isHost ? endpointOf(alert.source.ip ?? alert.source.value) : undefined;
  const ics = icsOf(meta);
  return detected(
    {
      engine: "crowdsec",
      id: scenario,
      name: scenario,
      category: meta.get("log_type") ?? "",
      atMs,
      severity: null,
      action: decisions.some((decision) => whyNot(decision) === undefined) ? "blocked" : "unknown",
      ends: attacker === undefined ? {} : accuse(attacker, victimOf(meta), true, true),
      appProtocol: ics === undefined ? undefined : "modbus",
      ics,
      attackIds: attackIdsOf(labelTexts(alert.labels)),
    },
    source,
  );
}

function timeOf(alert: JsonRecord): number | undefined | null {
  for (const value of [alert.start_at, alert.created_at]) {
    if (typeof value !== "string" || value === "") continue;
    return parseGo(value) ?? null;
  }
  return undefined;
}

/** `events[].meta` of the first event, as it is a list of keys and values. */
function firstMeta(events: unknown): ReadonlyMap<string, string> {
  const first: unknown = Array.isArray(events) ? events[0] : undefined;
  const found = new Map<string, string>();
  if (!isRecord(first) || !Array.isArray(first.meta)) return found;
  for (const pair of first.meta.slice(0, 128) as readonly unknown[]) {
    if (isRecord(pair) && typeof pair.key === "string" && typeof pair.value === "string")
      found.set(pair.key, pair.value);
  }
  return found;
}

function victimOf(meta: ReadonlyMap<string, string>): Endpoint | undefined {
  const port = portOf(meta.get("dest_port") ?? meta.get("target_port"));
  return endpointOf(meta.get("dest_ip") ?? meta.get("target_ip") ?? meta.get("destination_ip"), port);
}

function icsOf(meta: ReadonlyMap<string, string>): IcsRequest | undefined {
  return meta.get("service") === "modbus" ? modbusRequest(portOf(meta.get("modbus_fc"))) : undefined;
}

/** Labels are null, an object, or a list of either. */
function labelTexts(labels: unknown): readonly unknown[] {
  const list = Array.isArray(labels) ? labels.slice(0, 64) : [labels];
  return list.flatMap((label) => (isRecord(label) ? Object.values(label).flat() : [label])).slice(0, 64);
}
