/** A record of any Zeek log, from TSV or JSON, to its outcome. */
import { accuse, type Ends, endpointOf, nameEnds } from "../core/direction.ts";
import { canonicalName } from "../core/eve-observables.ts";
import { remember } from "../core/remember.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome, Observable, Self } from "../core/types.ts";
import { attackIdsOf, context, detected, portOf, rejected, type Source } from "./detected.ts";
import { parseEpoch, parseIso } from "./time.ts";

/** A record's fields; an unset one is undefined, an empty set is an empty list. */
export interface ZeekRecord {
  text(name: string): string | undefined;
  list(name: string): readonly string[];
}

/** The outcome of one record of the log `path`. `notice` and matched `intel` are alerts; everything else is context. */
export function readZeek(path: string, record: ZeekRecord, source: Source): LineOutcome {
  if (path === "notice") return readNotice(record, source);
  if (path === "intel" && record.text("seen.indicator") !== undefined) return readIntel(record, source);
  return context(path);
}

/**
 * The time of a record: epoch seconds, milliseconds, ISO 8601. Undefined when it has none (which is
 * flagged), `null` when what stands there is no time. Zeek's own test logs blank it out with X.
 */
export function timeOf(record: ZeekRecord): number | undefined | null {
  const text = record.text("ts") ?? record.text("t");
  if (text === undefined || (text.startsWith("X") && /^X[X.]*$/.test(text))) return undefined;
  return parseEpoch(text) ?? parseIso(text, "UTC") ?? null;
}

/** Notices whose `src` is the one who acts (Zeek's own scripts, `policy/`). */
const SOURCE_ACTS =
  /^(?:Scan::|SSH::Password_Guessing$|FTP::Bruteforcing$|HTTP::SQL_Injection_Attacker$|TeamCymruMalwareHashRegistry::|Heartbleed::|MQTT::|Traceroute::Detected$)/;
/** Notices about the state of hosts and of the sensor: nobody attacks. */
const NOBODY_ACTS =
  /^(?:Software::|SSL::(?:Certificate|Weak|Old|Invalid)|CaptureLoss::|PacketFilter::|Stats::|Known::|ProtocolDetector::|Conn::(?:Content_Gap|Ack_Above_Hole)|Weird::|SMTP::|Notice::|Intel::Telemetry|Broker::|Cluster::|HTTP::SQL_Injection_Victim)/;

function readNotice(record: ZeekRecord, source: Source): LineOutcome {
  const note = record.text("note");
  if (note === undefined) return rejected("line.fields", source.text);
  const atMs = timeOf(record);
  if (atMs === null) return rejected("line.timestamp", source.text);
  const ends = noticeEnds(note, record, source.at.self);
  const actions = record.list("actions");
  return detected(
    {
      engine: "zeek",
      id: note,
      name: record.text("msg") ?? note,
      category: note.split("::", 1)[0],
      atMs,
      severity: actions.some((action) => action.endsWith("ACTION_ALARM")) ? 70 : 40,
      action: actions.some((action) => action.endsWith("ACTION_DROP")) ? "blocked" : "allowed",
      ends,
      transport: record.text("proto"),
      communityId: record.text("community_id"),
      attackIds: attackIdsOf(record.text("sub"), record.text("msg")),
    },
    source,
  );
}

/** Who acts in a notice of this kind. */
const actorsOf = remember((note) =>
  NOBODY_ACTS.test(note) ? "nobody" : SOURCE_ACTS.test(note) ? "source" : "unknown",
);

function noticeEnds(note: string, record: ZeekRecord, self: Self): Ends {
  const actors = actorsOf(note);
  if (actors === "nobody") return {};
  const origin = end(record, "id.orig_h", "id.orig_p");
  const responder = end(record, "id.resp_h", "id.resp_p");
  const actor = endpointOf(record.text("src"));
  const target = endpointOf(record.text("dst"), portOf(record.text("p")));
  if (actors === "source" && actor !== undefined) {
    // The connection's own ends know ports as well.
    const from = origin?.address === actor.address ? origin : actor;
    return accuse(
      from,
      target?.port === undefined && responder?.address === target?.address ? responder : target,
      true,
      true,
    );
  }
  return nameEnds(origin ?? actor, responder ?? target, undefined, indexSelf(self));
}

function end(record: ZeekRecord, host: string, port: string): Endpoint | undefined {
  return endpointOf(record.text(host), portOf(record.text(port)));
}

/** Where something was seen, when that side is the bad one. */
const IN_ORIGIN = /(?:IN_ORIG|IN_CLIENT)$/;
const IN_RESPONDER = /(?:IN_RESP|IN_HOST_HEADER|IN_URL|IN_SERVER_NAME|IN_SERVER|IN_SERVER_CERT|IN_CERT)$/;

function readIntel(record: ZeekRecord, source: Source): LineOutcome {
  const atMs = timeOf(record);
  if (atMs === null) return rejected("line.timestamp", source.text);
  const indicator = record.text("seen.indicator") as string;
  const type = record.text("seen.indicator_type") ?? "";
  const ends = intelEnds(indicator, record, source.at.self);
  return detected(
    {
      engine: "zeek",
      id: `Intel::${type.replace(/^Intel::/, "")}`,
      name: `Intelligence match ${record.text("seen.where") ?? ""}: ${indicator}`,
      category: "Intel",
      atMs,
      severity: 60,
      ends,
      observables: intelObservables(indicator, type),
    },
    source,
  );
}

function intelEnds(indicator: string, record: ZeekRecord, self: Self): Ends {
  const origin = end(record, "id.orig_h", "id.orig_p");
  const responder = end(record, "id.resp_h", "id.resp_p");
  const seen = endpointOf(indicator);
  if (seen !== undefined) {
    if (seen.address === origin?.address) return accuse(origin, responder, true, true);
    if (seen.address === responder?.address) return accuse(responder, origin, false, true);
    // A value that intelligence names as an address is accused even when the connection is not logged.
    return indexSelf(self).isOwn(seen.address) ? {} : accuse(seen, undefined);
  }
  const where = record.text("seen.where") ?? "";
  // The responder of a lookup is a resolver.
  if (where.startsWith("DNS::") || responder?.port === 53) return {};
  if (IN_RESPONDER.test(where) && responder !== undefined) return accuse(responder, origin, false, true);
  if (IN_ORIGIN.test(where) && origin !== undefined) return accuse(origin, responder, true, true);
  return {};
}

function intelObservables(indicator: string, type: string): readonly Observable[] {
  if (type === "Intel::DOMAIN") {
    const name = canonicalName(indicator);
    return name === undefined ? [] : [{ kind: "domain-name", value: name }];
  }
  if (type === "Intel::FILE_HASH" && /^[0-9a-f]{64}$/i.test(indicator))
    return [{ kind: "file", value: indicator.toLowerCase() }];
  return [];
}

/** The log a file holds, from its name: `notice.log`, `modbus_detailed.json.log`, `conn.2026-03-01-10.log.gz`. */
export function zeekLogOf(path: string): string | undefined {
  const base = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
  const stem = base
    .slice(0, 255)
    .replace(/(?:\.(?:log|json|jsonl|gz|txt|\d{1,3}))+$/i, "")
    .replace(/\.\d{4}-\d\d-\d\d.*$/, "")
    .replace(/\.\d\d[:-].*$/, "");
  return /(?:^|[.-]|__)([a-z][a-z0-9]*(?:_[a-z0-9]+)*)$/.exec(stem)?.[1];
}
