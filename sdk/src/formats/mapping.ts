/** A site's own JSON, read as its configuration says. */
import { accuse, clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import type { JsonRecord } from "../core/eve-fields.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome } from "../core/types.ts";
import { attackIdsOf, context, detected, portOf, rejected, type Source, textOf } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { sampleRecords } from "./json-sample.ts";
import type { MappedEnd, Mapping } from "./mapping-types.ts";
import { memberOf } from "./member.ts";
import type { Scaled } from "./severity.ts";
import { parseEpoch, parseGo, parseIso } from "./time.ts";

/** JSON of any shape; without a mapping its records are context. */
export const mapping: Format = {
  name: "mapping",
  title: "JSON of a site's own",
  detect: (sample) =>
    sampleRecords(sample).length === 0
      ? NO_MATCH
      : { score: 10, why: "JSON records of no format that is known here: it needs a mapping" },
  createReader(options) {
    const { mapping: wanted, zone = "UTC" } = options;
    if (wanted === undefined) return createJsonReader(options, () => context("json"));
    return createJsonReader(options, (record, source) => readRecord(record, source, wanted, zone));
  },
};

function readRecord(record: JsonRecord, source: Source, wanted: Mapping, zone: string): LineOutcome {
  const get = (path: string | undefined) => (path === undefined ? undefined : memberOf(record, path));
  if (wanted.when !== undefined && textOf(get(wanted.when.path)) !== wanted.when.equals)
    return context("json");
  const id = textOf(get(wanted.rule));
  if (id === undefined) return rejected("line.fields", source.text);
  const stamp = get(wanted.time);
  const atMs =
    parseEpoch(stamp) ?? (typeof stamp === "string" ? (parseIso(stamp, zone) ?? parseGo(stamp)) : undefined);
  if (atMs === undefined && stamp !== undefined && stamp !== null)
    return rejected("line.timestamp", source.text);
  const scaled = severityOf(get(wanted.severity?.path), wanted.severity);
  return detected(
    {
      engine: "mapping",
      id,
      name: textOf(get(wanted.name)) ?? id,
      category: get(wanted.category),
      atMs,
      severity: scaled.severity,
      clipped: scaled.clipped === true,
      ends: endsOf(record, wanted, source),
      transport: get(wanted.transport),
      appProtocol: get(wanted.appProtocol),
      attackIds: attackIdsOf(get(wanted.attackIds)),
    },
    source,
  );
}

function severityOf(value: unknown, wanted: Mapping["severity"]): Scaled {
  const text = textOf(value);
  if (wanted === undefined || text === undefined) return { severity: null };
  const listed =
    wanted.values !== undefined && Object.hasOwn(wanted.values, text) ? wanted.values[text] : undefined;
  if (listed !== undefined) return { severity: listed };
  const number = Number(text);
  if (wanted.scale === undefined || !Number.isFinite(number) || number < 0) return { severity: null };
  const severity = Math.round(Math.min(1, number / wanted.scale) * 100);
  return number > wanted.scale ? { severity, clipped: true } : { severity };
}

function endsOf(record: JsonRecord, wanted: Mapping, { at }: Source): Ends {
  const end = (mapped: MappedEnd | undefined): Endpoint | undefined =>
    mapped === undefined
      ? undefined
      : endpointOf(
          memberOf(record, mapped.address),
          portOf(mapped.port === undefined ? undefined : memberOf(record, mapped.port)),
        );
  const attacker = end(wanted.attacker);
  const victim = end(wanted.victim);
  if (attacker !== undefined) return accuse(attacker, victim);
  const source = end(wanted.source);
  const destination = end(wanted.destination);
  return nameEnds(source, destination, clientByPorts(source, destination), indexSelf(at.self));
}
