/**
 * The entries of which feeds are full, sightings and receipts, read straight from their bytes: the same as the
 * schema accepts, in canonical form. Anything else about them (an audience, a text with escapes) takes the long way.
 */
import { utf8 } from "../core/bytes.ts";
import { MAX_ENTRY_BYTES } from "../core/entry.ts";
import { quickEntryText } from "../core/entry-text.ts";
import { actionSchema } from "../core/schema.ts";
import type {
  ActionClass,
  Entry,
  IndicatorId,
  ReceiptBody,
  ReceiptState,
  SightingBody,
  Tlp,
} from "../core/types.ts";
import { type Cursor, jsonOf, NOT_CANONICAL } from "./cursor.ts";
import { entryShape } from "./parse.ts";

const MAX_MS = 253_402_300_799_999; // year 9999, as in the schema

const L = {
  at: utf8('{"at":'),
  body: utf8(',"body":'),
  count: utf8('{"count":'),
  firstMs: utf8(',"firstMs":'),
  indicator: utf8(',"indicator":'),
  lastMs: utf8(',"lastMs":'),
  isSighting: utf8('},"kind":"sighting","tlp":'),
  action: utf8('{"action":'),
  control: utf8(',"control":'),
  expiresAtMs: utf8(',"expiresAtMs":'),
  kind: utf8(',"kind":'),
  proof: utf8(',"proof":'),
  reason: utf8(',"reason":'),
  state: utf8(',"state":'),
  isReceipt: utf8('},"kind":"receipt","tlp":'),
  close: utf8("}"),
} as const;

const ACTIONS: readonly string[] = actionSchema.options;
const PROOFS: readonly string[] = ["enforced", "staged", "none"];
const STATES: readonly string[] = ["applied", "verified", "undone", "refused", "deferred"];
const TLPS: readonly string[] = ["clear", "green", "amber", "amber+strict"];

/** An entry and its canonical bytes. Throws `NOT_CANONICAL`. */
export function readEntry(c: Cursor): { readonly entry: Entry; readonly bytes: Uint8Array } {
  const start = c.place();
  const quick = quickEntry(c);
  if (quick !== undefined) return { entry: quick, bytes: c.since(start) };
  c.back(start);
  const { text, bytes } = c.json(MAX_ENTRY_BYTES);
  const entry = jsonOf(text);
  if (quickEntryText(entry) !== text && (entryShape(entry) !== undefined || JSON.stringify(entry) !== text))
    throw NOT_CANONICAL;
  return { entry: entry as Entry, bytes };
}

function quickEntry(c: Cursor): Entry | undefined {
  c.expect(L.at);
  const at = c.whole(0, MAX_MS);
  if (!c.skip(L.body)) return undefined;
  if (c.skip(L.count)) {
    const body = sightingAt(c);
    if (body === undefined || !c.skip(L.isSighting)) return undefined;
    const tlp = oneOf<Tlp>(c, TLPS);
    return tlp && c.skip(L.close) ? { at, body, kind: "sighting", tlp } : undefined;
  }
  if (!c.skip(L.action)) return undefined;
  const body = receiptAt(c);
  if (body === undefined || !c.skip(L.isReceipt)) return undefined;
  const tlp = oneOf<Tlp>(c, TLPS);
  return tlp && c.skip(L.close) ? { at, body, kind: "receipt", tlp } : undefined;
}

function sightingAt(c: Cursor): SightingBody | undefined {
  const count = c.whole(1, Number.MAX_SAFE_INTEGER);
  if (!c.skip(L.firstMs)) return undefined;
  const firstMs = c.whole(0, MAX_MS);
  if (!c.skip(L.indicator)) return undefined;
  const indicator = c.hexText(32) as IndicatorId;
  if (!c.skip(L.lastMs)) return undefined;
  return { count, firstMs, indicator, lastMs: c.whole(0, MAX_MS) };
}

function receiptAt(c: Cursor): ReceiptBody | undefined {
  const action = oneOf<ActionClass>(c, ACTIONS);
  if (action === undefined || !c.skip(L.control)) return undefined;
  const control = c.plain(64);
  const expiresAtMs = c.skip(L.expiresAtMs) ? c.whole(0, MAX_MS) : undefined;
  if (control === undefined || !c.skip(L.indicator)) return undefined;
  const indicator = c.hexText(32) as IndicatorId;
  if (!c.skip(L.kind)) return undefined;
  const kind = c.plain(32);
  if (kind === undefined || !c.skip(L.proof)) return undefined;
  const proof = oneOf<ReceiptBody["proof"]>(c, PROOFS);
  const reason = c.skip(L.reason) ? c.plain(256) : null;
  if (proof === undefined || reason === undefined || !c.skip(L.state)) return undefined;
  const state = oneOf<ReceiptState>(c, STATES);
  if (state === undefined) return undefined;
  return {
    action,
    control,
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    indicator,
    kind,
    proof,
    ...(reason !== null && { reason }),
    state,
  };
}

function oneOf<T extends string>(c: Cursor, words: readonly string[]): T | undefined {
  const word = c.plain(16);
  return word !== undefined && words.includes(word) ? (word as T) : undefined;
}
