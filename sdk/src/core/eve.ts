/** Suricata's EVE: one line of JSON to one outcome. Nothing of a payload is kept. */
import { eveEnds } from "./eve-direction.ts";
import { eveAssessment, eveDnp3, eveModbus, isRecord, type JsonRecord, parseEveTime } from "./eve-fields.ts";
import { eveObservables } from "./eve-observables.ts";
import { scanEve } from "./eve-scan.ts";
import { sha256Hex } from "./hash.ts";
import { indexSelf } from "./self-index.ts";
import type { Bytes32, Detection, DetectorRule, LineOutcome, LineReason, Self } from "./types.ts";

/** Where a line was read, and what belongs to the plant. */
export interface EveContext {
  /** The detector's name in the configuration. */
  readonly detector: string;
  /** ms since the epoch, from the clock port. */
  readonly readAtMs: number;
  /** What tells this run of bytes from every other of the detector: generation and fingerprint of a file. */
  readonly stream: string;
  /** The line's first byte in the stream. */
  readonly offset: number;
  readonly self: Self;
  /** SHA-256 of the line's bytes, 64 hexadecimal digits, when the reader has it already. */
  readonly digest?: string;
}

/** EVE's event types that are no alerts (Suricata 6 to 8, `output.eve-log.types`). */
const CONTEXT_TYPES: ReadonlySet<string> = new Set(
  (
    "anomaly arp bittorrent_dht dcerpc dhcp dnp3 dns doh2 drop engine enip fileinfo flow frame ftp ftp_data http " +
    "http2 ike ikev2 imap krb5 ldap llmnr mdns metadata modbus mqtt netflow nfs packetinfo pgsql pop3 quic rdp rfb " +
    "sip smb smtp snmp ssh stats stream-tcp telnet template tftp tls tunnel verdict websocket"
  ).split(" "),
);

/**
 * The outcome of one line without its newline.
 *
 * A byte order mark and a carriage return are ignored; bytes that are no UTF-8 are replaced by
 * U+FFFD, since an attacker must not hide an alert behind them; of equal keys the last counts.
 * A record nested under `event` (as AWS Network Firewall writes it) is read as itself.
 *
 * Rejected: `line.notJson` (NaN and Infinity too, and each line of pretty-printed JSON),
 * `line.notObject` (an exported array: write one object a line), `line.encoding` (UTF-16),
 * `line.fields`, `line.timestamp`, `line.unknownType`. It never throws.
 */
export function parseEveLine(line: string | Uint8Array, context: EveContext): LineOutcome {
  if (typeof line === "string")
    return readEvent(parseWhole(cleanText(line)), cleanText(line), undefined, context);
  const bytes = cleanBytes(line);
  const text = decodeUtf8(bytes);
  return readEvent(scanEve(bytes, text) ?? parseWhole(text), text, bytes, context);
}

/** The record of a line, or why there is none. */
function parseWhole(text: string): JsonRecord | LineReason {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return text.includes("\0") ? "line.encoding" : "line.notJson";
  }
  if (!isRecord(value)) return "line.notObject";
  return value.event_type === undefined && isRecord(value.event) ? value.event : value;
}

function readEvent(
  event: JsonRecord | LineReason,
  text: string,
  bytes: Uint8Array | undefined,
  context: EveContext,
): LineOutcome {
  if (typeof event === "string") return reject(event, text);
  const type = event.event_type;
  if (typeof type !== "string") return reject("line.fields", text);
  if (type !== "alert") {
    return CONTEXT_TYPES.has(type) ? { kind: "context", eventType: type } : reject("line.unknownType", text);
  }
  const rule = readRule(event.alert);
  if (rule === undefined || !hasSoundEnds(event)) return reject("line.fields", text);
  const atMs = typeof event.timestamp === "string" ? parseEveTime(event.timestamp) : undefined;
  if (atMs === undefined) return reject("line.timestamp", text);
  const digest = context.digest ?? sha256Hex(bytes ?? text);
  return { kind: "detection", detection: normalise(event, rule, atMs, text, digest, context) };
}

function decodeUtf8(bytes: Uint8Array): string {
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString();
}

/** A line's bytes without byte order mark and carriage return: what its digest is taken over. */
export function cleanBytes(line: Uint8Array): Uint8Array {
  const start = line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf ? 3 : 0;
  const end = line.length > start && line[line.length - 1] === 0x0d ? line.length - 1 : line.length;
  return start === 0 && end === line.length ? line : line.subarray(start, end);
}

/** The same for text. */
function cleanText(text: string): string {
  const start = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  const end = text.endsWith("\r") ? text.length - 1 : text.length;
  return start === 0 && end === text.length ? text : text.slice(start, end);
}

function normalise(
  event: JsonRecord,
  rule: DetectorRule,
  atMs: number,
  text: string,
  digest: string,
  context: EveContext,
): Detection {
  const alert = event.alert as JsonRecord;
  const ends = eveEnds(event, alert, indexSelf(context.self));
  const transport = lowerText(event.proto);
  const { severity, attackIds, ics: ofRule } = eveAssessment(alert);
  const ics = eveModbus(event.modbus) ?? ofRule ?? eveDnp3(event.dnp3);
  const appProtocol = lowerText(event.app_proto) ?? ics?.protocol;
  const flowId = readFlowId(event.flow_id, text);
  const detection: { -readonly [Key in keyof Detection]: Detection[Key] } = {
    id: detectionId(context, digest),
    atMs,
    readAtMs: context.readAtMs,
    detector: context.detector,
    rule,
    severity,
    action: alert.action === "allowed" || alert.action === "blocked" ? alert.action : "unknown",
    observables: eveObservables(event, ends),
    attackIds,
  };
  if (ends.attacker !== undefined) detection.attacker = ends.attacker;
  if (ends.victim !== undefined) detection.victim = ends.victim;
  if (transport !== undefined) detection.transport = transport;
  if (appProtocol !== undefined) detection.appProtocol = appProtocol;
  if (flowId !== undefined) detection.flowId = flowId;
  if (typeof event.community_id === "string") detection.communityId = event.community_id.slice(0, 64);
  if (ics !== undefined) detection.ics = ics;
  return detection;
}

/** SHA-256 over detector, stream, offset and the line's own SHA-256: re-reading the same bytes gives the same id. */
export function detectionId(
  context: Pick<EveContext, "detector" | "stream" | "offset">,
  digest: string,
): Bytes32 {
  const { detector, stream, offset } = context;
  if (lastStream.detector !== detector || lastStream.stream !== stream)
    lastStream = { detector, stream, head: `anamnesis/detection/1\0${detector}\0${stream}\0` };
  return `0x${sha256Hex(`${lastStream.head}${offset}\0${digest}`)}` as Bytes32;
}

/** The stream asked about last, with what its ids begin with. */
let lastStream = { detector: "", stream: "", head: "anamnesis/detection/1\0\0\0" };

/** The rules that fired lately, with the texts they were read from: one object for all of their alerts. */
const rules = new Map<
  number,
  { readonly signature: unknown; readonly category: unknown; readonly rule: DetectorRule }
>();
const RULES_KEPT = 4096;

/** The rule, or undefined when the alert has none. Names are trimmed to 512 characters without control characters. */
function readRule(alert: unknown): DetectorRule | undefined {
  if (!isRecord(alert) || !isCount(alert.signature_id)) return undefined;
  const { signature_id: id, signature, category } = alert;
  const gid = isCount(alert.gid) ? alert.gid : 1;
  const rev = isCount(alert.rev) ? alert.rev : 0;
  const known = rules.get(id);
  if (known !== undefined && known.signature === signature && known.category === category) {
    if (known.rule.gid === gid && known.rule.rev === rev) return known.rule;
  }
  const rule: DetectorRule = {
    engine: "suricata",
    gid,
    id,
    rev,
    name: plainText(signature, 512),
    category: plainText(category, 256),
  };
  if (rules.size >= RULES_KEPT) rules.clear();
  rules.set(id, { signature, category, rule });
  return rule;
}

/** Addresses and ports may be missing or null (decoder events); of another type the record is no EVE. */
function hasSoundEnds(event: JsonRecord): boolean {
  return (
    isTextOrNone(event.src_ip) &&
    isTextOrNone(event.dest_ip) &&
    isPortOrNone(event.src_port) &&
    isPortOrNone(event.dest_port)
  );
}

function isTextOrNone(value: unknown): boolean {
  return typeof value === "string" || value === undefined || value === null;
}

function isPortOrNone(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return isCount(value) && value <= 65_535;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function lowerText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.toLowerCase().slice(0, 32) : undefined;
}

function plainText(value: unknown, longest: number): string {
  if (typeof value !== "string") return "";
  const short = value.length > longest ? value.slice(0, longest) : value;
  return /[\u0000-\u001f\u007f]/.test(short) ? short.replace(/[\u0000-\u001f\u007f]+/g, " ") : short;
}

/** A flow id as text; above 2^53 its digits are read from the line, because numbers lose them. */
function readFlowId(value: unknown, text: string): string | undefined {
  if (typeof value === "string") return /^\d{1,20}$/.test(value) ? value : undefined;
  if (typeof value !== "number" || value < 0) return undefined;
  if (Number.isSafeInteger(value)) return String(value);
  let source: string | undefined;
  // ECMAScript's JSON.parse source text access; TypeScript's library does not describe it yet.
  const reviver = (key: string, number: unknown, context?: { readonly source?: string }): unknown => {
    if (key === "flow_id" && number === value) source = context?.source;
    return number;
  };
  JSON.parse(text, reviver as (key: string, value: unknown) => unknown);
  return source !== undefined && /^\d{1,20}$/.test(source) ? source : undefined;
}

function reject(reason: LineReason, text: string): LineOutcome {
  return { kind: "rejected", reason, example: lineExample(text) };
}

/**
 * A line as it may be shown: 200 characters at most, payload fields emptied, control characters replaced.
 */
export function lineExample(text: string): string {
  return text
    .slice(0, 4_096)
    .replace(
      /("(?:payload|payload_printable|packet|stream|http_(?:request|response)_body(?:_printable)?|data|body)"\s*:\s*)"(?:[^"\\]|\\.)*"?/g,
      '$1"…"',
    )
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\ufeff]/g, "·")
    .slice(0, 200);
}
