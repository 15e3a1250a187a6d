/** From what a reader found in a record to the outcome of its line. */
import type { Ends } from "../core/direction.ts";
import { detectionId, lineExample } from "../core/eve.ts";
import { addressObservable } from "../core/eve-observables.ts";
import { sha256Hex } from "../core/hash.ts";
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
export function context(eventType: string): LineOutcome {
  let outcome = contexts.get(eventType);
  if (outcome === undefined) {
    outcome = { kind: "context", eventType: plainText(eventType, 64) };
    if (contexts.size >= 1024) contexts.clear();
    contexts.set(eventType, outcome);
  }
  return outcome;
}

const contexts = new Map<string, LineOutcome>();

/** Text of at most `longest` characters without control characters; anything else is empty. */
export function plainText(value: unknown, longest: number): string {
  if (typeof value !== "string") return "";
  const short = value.length > longest ? value.slice(0, longest) : value;
  return /[\u0000-\u001f\u007f]/.test(short) ? short.replace(/[\u0000-\u001f\u007f]+/g, " ") : short;
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
  const match = typeof value === "string" && value.length < 16 ? /^(\d{1,5})(?:\.0+)?$/.exec(value) : null;
  return match === null ? undefined : Number(match[1]);
}

/** ATT&CK technique ids among values, upper case, each once: `T0855`, `attack.t1110.001`, `classification: T1190`. */
export function attackIdsOf(...values: readonly unknown[]): readonly string[] {
  const found = new Set<string>();
  for (const value of values.flat(2)) {
    if (typeof value !== "string" || !/t\d{4}/i.test(value)) continue;
    for (const [, id] of value
      .slice(0, 1024)
      .toUpperCase()
      .matchAll(/\b(T\d{4}(?:\.\d{3})?)(?![\d.])/g))
      found.add(id as string);
  }
  return [...found];
}

/** `address:port`, `[v6]:port`, an address alone; undefined when there is no address. */
export function splitEnd(text: string): { readonly address: string; readonly port?: number } | undefined {
  const bracket = /^\[([^\]]{1,64})\](?::(\d{1,5}))?$/.exec(text);
  if (bracket !== null) return endOf(bracket[1] as string, bracket[2]);
  const colon = text.lastIndexOf(":");
  if (colon < 0 || !/^\d{1,5}$/.test(text.slice(colon + 1))) return endOf(text, undefined);
  return endOf(text.slice(0, colon), text.slice(colon + 1));
}

function endOf(address: string, port: string | undefined): { address: string; port?: number } {
  return port === undefined ? { address } : { address, port: Number(port) };
}

/** The end without its port: some detectors know hosts only. */
export function hostOf(end: Endpoint | undefined): Endpoint | undefined {
  return end === undefined ? undefined : { address: end.address };
}
