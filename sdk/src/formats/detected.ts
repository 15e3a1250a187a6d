/** From what a reader found in a record to the outcome of its line. */
import type { Ends } from "../core/direction.ts";
import { detectionId, lineExample } from "../core/eve.ts";
import { digitsAt, isDigit } from "../core/eve-fields.ts";
import { addressObservable } from "../core/eve-observables.ts";
import { sha256Hex } from "../core/hash.ts";
import { remember } from "../core/remember.ts";
import type {
  Detection,
  DetectionFlag,
  DetectorRule,
  Endpoint,
  IcsRequest,
  LineOutcome,
  LineReason,
  Observable,
} from "../core/types.ts";
import type { LineAt } from "./format.ts";

/** A record as a reader gets it. */
export interface Source {
  readonly detector: string;
  readonly text: string;
  readonly at: LineAt;
}

/** What a record says; what is left out is unknown. */
export interface Found {
  readonly engine: DetectorRule["engine"];
  readonly id: number | string;
  readonly gid?: number;
  readonly rev?: number;
  readonly name: unknown;
  readonly category?: unknown;
  /** ms since the epoch; absent: the read time stands for it, flagged. */
  readonly atMs?: number | undefined;
  readonly severity: number | null;
  readonly clipped?: boolean;
  readonly action?: "allowed" | "blocked" | "unknown";
  readonly ends: Ends;
  /** Beside the attacker's address. */
  readonly observables?: readonly Observable[];
  readonly transport?: unknown;
  readonly appProtocol?: unknown;
  readonly flowId?: string | undefined;
  readonly communityId?: unknown;
  readonly ics?: IcsRequest | undefined;
  readonly attackIds?: readonly string[];
}

/** The outcome of a record that is an alert. */
export function detected(found: Found, { detector, text, at }: Source): LineOutcome {
  const { attacker, victim } = found.ends;
  const flags: DetectionFlag[] = [];
  if (found.atMs === undefined) flags.push("time.read");
  if (found.clipped === true) flags.push("severity.clipped");
  const detection: { -readonly [Key in keyof Detection]: Detection[Key] } = {
    id: detectionId({ detector, stream: at.stream, offset: at.offset }, at.digest ?? sha256Hex(text)),
    atMs: found.atMs ?? at.readAtMs,
    readAtMs: at.readAtMs,
    detector,
    rule: {
      engine: found.engine,
      gid: found.gid ?? 0,
      id: typeof found.id === "number" ? found.id : plainText(found.id, 256),
      rev: found.rev ?? 0,
      name: plainText(found.name, 512),
      category: plainText(found.category, 256),
    },
    severity: found.severity,
    action: found.action ?? "unknown",
    observables:
      attacker === undefined ? [] : [addressObservable(attacker.address), ...(found.observables ?? [])],
    attackIds: found.attackIds ?? [],
  };
  if (attacker !== undefined) detection.attacker = attacker;
  if (victim !== undefined) detection.victim = victim;
  const transport = lowerText(found.transport);
  if (transport !== undefined) detection.transport = transport;
  const appProtocol = lowerText(found.appProtocol);
  if (appProtocol !== undefined) detection.appProtocol = appProtocol;
  if (found.flowId !== undefined) detection.flowId = found.flowId.slice(0, 64);
  if (typeof found.communityId === "string") detection.communityId = found.communityId.slice(0, 64);
  if (found.ics !== undefined) detection.ics = found.ics;
  if (flags.length > 0) detection.flags = flags;
  return { kind: "detection", detection };
}

/** The outcome of a line that cannot be used. */
export function rejected(reason: LineReason, text: string): LineOutcome {
  return { kind: "rejected", reason, example: lineExample(text) };
}

/** The outcome of a record that is understood and no alert. */
export const context = remember(
  (eventType): LineOutcome => ({ kind: "context", eventType: plainText(eventType, 64) }),
);

/** Text of at most `longest` characters without control characters; anything else is empty. */
export function plainText(value: unknown, longest: number): string {
  if (typeof value !== "string") return "";
  const short = value.length > longest ? value.slice(0, longest) : value;
  for (let at = 0; at < short.length; at++) {
    const code = short.charCodeAt(at);
    if (code < 0x20 || code === 0x7f) return short.replace(/[\u0000-\u001f\u007f]+/g, " ");
  }
  return short;
}

function lowerText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value !== "-"
    ? value.toLowerCase().slice(0, 32)
    : undefined;
}

/** The text of a value that may be a number; undefined for anything else and for empty text. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A port from a number or digits; `80.000000`, as some write it, is 80. */
export function portOf(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isInteger(value) ? value : undefined;
  return typeof value === "string" && value.length < 16 ? portOfText(value) : undefined;
}

function portOfText(text: string): number | undefined {
  const dot = text.indexOf(".");
  if (dot >= 0 && !/^0+$/.test(text.slice(dot + 1))) return undefined;
  return digitsIn(text, 0, dot < 0 ? text.length : dot);
}

/** The number that one to five digits, which are all there is, stand for. */
function digitsIn(text: string, start: number, end: number): number | undefined {
  const value = end > start && end - start <= 5 ? digitsAt(text, start, end - start) : -1;
  return value < 0 ? undefined : value;
}

/** ATT&CK technique ids among values, upper case, each once: `T0855`, `attack.t1110.001`, `classification: T1190`. */
export function attackIdsOf(...values: readonly unknown[]): readonly string[] {
  let found: readonly string[] = NO_IDS;
  for (const value of values) found = withIdsOf(value, found, 1);
  return found;
}

const NO_IDS: readonly string[] = [];

function withIdsOf(value: unknown, found: readonly string[], depth: number): readonly string[] {
  if (Array.isArray(value) && depth >= 0) {
    let all = found;
    for (const each of value as readonly unknown[]) all = withIdsOf(each, all, depth - 1);
    return all;
  }
  if (typeof value !== "string" || !mayHoldId(value)) return found;
  const more = idsOfText(value.slice(0, 1024));
  return found.length === 0 ? more : [...new Set([...found, ...more])];
}

/** Whether a `t` with digits behind it is there, in either case: most texts have none. */
function mayHoldId(text: string): boolean {
  for (let at = text.length - 5; at >= 0; at--)
    if ((text.charCodeAt(at) | 0x20) === 0x74 && isDigit(text, at + 1) && isDigit(text, at + 4)) return true;
  return false;
}

const idsOfText = remember((text): readonly string[] => [
  ...new Set(text.toUpperCase().match(/\bT\d{4}(?:\.\d{3})?(?![\d.])/g) ?? []),
]);

/** `address:port`, `[v6]:port`, an address alone; undefined when there is no address. */
export function splitEnd(text: string): { readonly address: string; readonly port?: number } | undefined {
  const bracket = text.startsWith("[") ? /^\[([^\]]{1,64})\](?::(\d{1,5}))?$/.exec(text) : null;
  if (bracket !== null) return endOf(bracket[1] as string, bracket[2]);
  const colon = text.lastIndexOf(":");
  const port = colon < 0 ? undefined : digitsIn(text, colon + 1, text.length);
  return port === undefined ? { address: text } : { address: text.slice(0, colon), port };
}

function endOf(address: string, port: string | undefined): { address: string; port?: number } {
  return port === undefined ? { address } : { address, port: Number(port) };
}

/** The end without its port: some detectors know hosts only. */
export function hostOf(end: Endpoint | undefined): Endpoint | undefined {
  return end === undefined ? undefined : { address: end.address };
}
