/** A site's own JSON, read as its configuration says. */
import { accuse, clientByPorts, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import type { JsonRecord } from "../core/eve-fields.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome } from "../core/types.ts";
import { attackIdsOf, context, detected, portOf, rejected, type Source, textOf } from "./detected.ts";
import { type Format, NO_MATCH } from "./format.ts";
import { createJsonReader } from "./json-reader.ts";
import { sampleRecords } from "./json-sample.ts";
import type { MappedEnd, MappedValue, Mapping } from "./mapping-types.ts";
import { parsePointer, valueAt } from "./pointer.ts";
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
    const compiled = compile(wanted);
    return createJsonReader(options, (record, source) => readRecord(record, source, compiled, zone));
  },
};

type Get = (record: JsonRecord) => unknown;
const NOTHING: Get = () => undefined;

/** The mapping as functions: pointers are parsed once. */
function compile(wanted: Mapping) {
  const end = (mapped: MappedEnd | undefined): ((record: JsonRecord) => Endpoint | undefined) => {
    if (mapped === undefined) return () => undefined;
    const address = getter(mapped.address);
    const port = getter(mapped.port);
    return (record) => endpointOf(address(record), portOf(port(record)));
  };
  return {
    isAlert: (wanted.when ?? []).map(({ path, equals }) => {
      const get = getter(path);
      const texts = new Set(equals.map(String));
      return (record: JsonRecord) => {
        const value = get(record);
        // An object is no text, whatever it says of itself.
        return (typeof value !== "object" || value === null) && texts.has(String(value));
      };
    }),
    time: getter(wanted.time),
    rule: getter(wanted.rule),
    name: getter(wanted.name),
    category: getter(wanted.category),
    severity: getter(wanted.severity?.value),
    scale: (typeof wanted.severity?.value === "string" ? wanted.severity.scale : undefined) ?? 100,
    action: getter(wanted.action),
    attacker: end(wanted.attacker),
    victim: end(wanted.victim),
    source: end(wanted.source),
    destination: end(wanted.destination),
    transport: getter(wanted.transport),
    appProtocol: getter(wanted.appProtocol),
    attackIds: getter(wanted.attackIds),
  };
}

type Compiled = ReturnType<typeof compile>;

function getter(value: MappedValue | undefined): Get {
  if (value === undefined) return NOTHING;
  if (typeof value === "object" && "const" in value) return () => value.const;
  const steps = parsePointer(typeof value === "string" ? value : value.path);
  if (steps === undefined) return NOTHING;
  if (typeof value === "string") return (record) => valueAt(record, steps);
  const { values, otherwise } = value;
  return (record) => {
    const found = valueAt(record, steps);
    const key = typeof found === "boolean" ? String(found) : textOf(found);
    return key !== undefined && Object.hasOwn(values, key) ? values[key] : otherwise;
  };
}

function readRecord(record: JsonRecord, source: Source, get: Compiled, zone: string): LineOutcome {
  if (!get.isAlert.every((holds) => holds(record))) return context("json");
  const id = textOf(get.rule(record));
  if (id === undefined) return rejected("line.fields", source.text);
  const stamp = get.time(record);
  const atMs =
    parseEpoch(stamp) ?? (typeof stamp === "string" ? (parseIso(stamp, zone) ?? parseGo(stamp)) : undefined);
  if (atMs === undefined && stamp !== undefined && stamp !== null)
    return rejected("line.timestamp", source.text);
  const scaled = severityOf(get.severity(record), get.scale);
  const action = get.action(record);
  return detected(
    {
      engine: "mapping",
      id,
      name: textOf(get.name(record)) ?? id,
      category: get.category(record),
      atMs,
      severity: scaled.severity,
      clipped: scaled.clipped === true,
      action: action === "allowed" || action === "blocked" ? action : "unknown",
      ends: endsOf(record, get, source),
      transport: get.transport(record),
      appProtocol: get.appProtocol(record),
      attackIds: attackIdsOf(get.attackIds(record)),
    },
    source,
  );
}

function severityOf(value: unknown, scale: number): Scaled {
  const text = textOf(value);
  const number = Number(text);
  if (text === undefined || !Number.isFinite(number) || number < 0) return { severity: null };
  const severity = Math.round(Math.min(1, number / scale) * 100);
  return number > scale ? { severity, clipped: true } : { severity };
}

function endsOf(record: JsonRecord, get: Compiled, { at }: Source): Ends {
  const attacker = get.attacker(record);
  if (attacker !== undefined) return accuse(attacker, get.victim(record));
  const source = get.source(record);
  const destination = get.destination(record);
  return nameEnds(source, destination, clientByPorts(source, destination), indexSelf(at.self));
}
