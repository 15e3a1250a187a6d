/** Detections as programs publish them through the SDK. */
import { accuse, clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { isRecord, type JsonRecord, modbusRequest } from "../core/eve-fields.ts";
import { canonicalName } from "../core/eve-observables.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome, Observable } from "../core/types.ts";
import { attackIdsOf, detected, portOf, rejected, type Source, textOf } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { shareOf } from "./json-sample.ts";
import { OWN_MARK } from "./own-line.ts";
import { parseEpoch, parseIso } from "./time.ts";

/** Whether a line says of itself that it is one. */
export function isOwnRecord(line: string): boolean {
  return /^\s*\{\s*"anamnesis"\s*:/.test(line.slice(0, 64));
}

/** Detections of programs that write them themselves. */
export const own: Format = {
  name: "detection",
  title: "detections as programs publish them",
  detect(sample) {
    const share = shareOf(sample, (record) => record.anamnesis === OWN_MARK);
    return share === 0
      ? NO_MATCH
      : { score: Math.round(70 + 29 * share), why: `JSON records with anamnesis: ${OWN_MARK}` };
  },
  createReader: ({ zone = "UTC", ...options }) =>
    createJsonReader(options, (record, source) => readRecord(record, source, zone)),
};

function readRecord(record: JsonRecord, source: Source, zone: string): LineOutcome {
  if (record.anamnesis !== OWN_MARK) return rejected("line.unknownType", source.text);
  const rule = isRecord(record.rule) ? record.rule : {};
  const id = textOf(rule.id);
  if (id === undefined) return rejected("line.fields", source.text);
  const { time } = record;
  const atMs = parseEpoch(time) ?? (typeof time === "string" ? parseIso(time, zone) : undefined);
  if (atMs === undefined && time !== undefined) return rejected("line.timestamp", source.text);
  const scaled = severityOf(record.severity);
  if (scaled === undefined) return rejected("line.fields", source.text);
  return detected(
    {
      engine: "program",
      id,
      name: textOf(rule.name) ?? id,
      category: rule.category,
      atMs,
      ...scaled,
      action: record.action === "allowed" || record.action === "blocked" ? record.action : "unknown",
      ends: endsOf(record, source),
      observables: observablesOf(record.observables),
      transport: record.transport,
      appProtocol: record.appProtocol,
      flowId: textOf(record.flowId),
      communityId: record.communityId,
      ics: modbusRequest(record.modbusFunction),
      attackIds: attackIdsOf(record.attackIds),
    },
    source,
  );
}

/** Undefined when it is there and no number: a program that is wrong about it is told so. */
function severityOf(value: unknown): { severity: number | null; clipped?: boolean } | undefined {
  if (value === undefined || value === null) return { severity: null };
  if (typeof value !== "number" || !Number.isFinite(value) || value < 0) return undefined;
  return value > 100 ? { severity: 100, clipped: true } : { severity: Math.round(value) };
}

function endsOf(record: JsonRecord, { at }: Source): Ends {
  const end = (value: unknown): Endpoint | undefined =>
    isRecord(value) ? endpointOf(value.address, portOf(value.port)) : undefined;
  const attacker = end(record.attacker);
  if (attacker !== undefined) return accuse(attacker, end(record.victim));
  const source = end(record.source);
  const destination = end(record.destination);
  return nameEnds(source, destination, clientByPorts(source, destination), indexSelf(at.self));
}

const MOST_OBSERVABLES = 32;
const FORMS: { readonly [kind: string]: RegExp } = {
  file: /^[0-9a-f]{64}$/,
  ja3: /^[0-9a-f]{32}$/,
  ja4: /^[a-z]\d{2}[di]\d{4}[0-9a-z]{2}_[0-9a-f]{12}_[0-9a-f]{12}$/,
};

function observablesOf(list: unknown): readonly Observable[] {
  if (!Array.isArray(list)) return [];
  const found: Observable[] = [];
  for (const item of list.slice(0, MOST_OBSERVABLES) as readonly unknown[]) {
    if (!isRecord(item) || typeof item.value !== "string" || typeof item.kind !== "string") continue;
    const normal =
      item.kind === "domain-name"
        ? canonicalName(item.value)
        : Object.hasOwn(FORMS, item.kind) && FORMS[item.kind]?.test(item.value.toLowerCase()) === true
          ? item.value.toLowerCase()
          : undefined;
    if (normal === undefined || found.some(({ kind, value }) => kind === item.kind && value === normal))
      continue;
    found.push({ kind: item.kind as Observable["kind"], value: normal });
  }
  return found;
}
