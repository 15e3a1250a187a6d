/**
 * The entries of which bundles are full, sightings, receipts and content, read straight from their bytes: the same as
 * the schema accepts, in canonical form. Anything else about them (an audience, a text with escapes) takes the long way.
 */
import { utf8 } from "../core/bytes.ts";
import { MAX_ENTRY_BYTES } from "../core/entry.ts";
import { quickEntryText } from "../core/entry-text.ts";
import { actionSchema } from "../core/schema.ts";
import type { Entry, IndicatorId, ReceiptBody, SightingBody, Tlp } from "../core/types.ts";
import { type Cursor, jsonOf, NOT_CANONICAL } from "./cursor.ts";
import { entryShape } from "./parse.ts";
import { readContent } from "./read-content.ts";

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
  isContent: utf8('},"kind":"content","tlp":'),
  close: utf8("}"),
} as const;

const PROOFS = ["enforced", "staged", "none"] as const;
const STATES = ["applied", "verified", "undone", "refused", "deferred"] as const;
const TLPS = ["clear", "green", "amber", "amber+strict"] as const;

/** An entry and its canonical bytes. Throws `NOT_CANONICAL`. */
export function readEntry(c: Cursor): { readonly entry: Entry; readonly bytes: Uint8Array } {
  const start = c.place();
  try {
    return { entry: quickEntry(c), bytes: c.since(start) };
  } catch (error) {
    if (error !== NOT_CANONICAL) throw error;
  }
  c.back(start);
  const { text, bytes } = c.json(MAX_ENTRY_BYTES);
  const entry = jsonOf(text);
  if (quickEntryText(entry) !== text && (entryShape(entry) !== undefined || JSON.stringify(entry) !== text))
    throw NOT_CANONICAL;
  return { entry: entry as Entry, bytes };
}

/** Throws `NOT_CANONICAL` for whatever only the long way can tell. */
function quickEntry(c: Cursor): Entry {
  c.expect(L.at);
  const at = c.whole(0, MAX_MS);
  c.expect(L.body);
  if (c.skip(L.count)) {
    const body = sightingAt(c);
    c.expect(L.isSighting);
    return { at, body, kind: "sighting", tlp: tlpAt(c) };
  }
  if (c.skip(L.action)) {
    const body = receiptAt(c);
    c.expect(L.isReceipt);
    return { at, body, kind: "receipt", tlp: tlpAt(c) };
  }
  const body = readContent(c);
  c.expect(L.isContent);
  return { at, body, kind: "content", tlp: tlpAt(c) };
}

function tlpAt(c: Cursor): Tlp {
  const tlp = c.word(TLPS);
  c.expect(L.close);
  return tlp;
}

function sightingAt(c: Cursor): SightingBody {
  const count = c.whole(1, Number.MAX_SAFE_INTEGER);
  c.expect(L.firstMs);
  const firstMs = c.whole(0, MAX_MS);
  c.expect(L.indicator);
  const indicator = c.hexText(32) as IndicatorId;
  c.expect(L.lastMs);
  return { count, firstMs, indicator, lastMs: c.whole(0, MAX_MS) };
}

function receiptAt(c: Cursor): ReceiptBody {
  const action = c.word(actionSchema.options);
  c.expect(L.control);
  const control = c.plain(64);
  const expiresAtMs = c.skip(L.expiresAtMs) ? c.whole(0, MAX_MS) : undefined;
  c.expect(L.indicator);
  const indicator = c.hexText(32) as IndicatorId;
  c.expect(L.kind);
  const kind = c.plain(32);
  c.expect(L.proof);
  const proof = c.word(PROOFS);
  const reason = c.skip(L.reason) ? c.plain(256) : undefined;
  c.expect(L.state);
  const state = c.word(STATES);
  return {
    action,
    control,
    ...(expiresAtMs !== undefined && { expiresAtMs }),
    indicator,
    kind,
    proof,
    ...(reason !== undefined && { reason }),
    state,
  };
}
