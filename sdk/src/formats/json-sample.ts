/** The first JSON records of a sample, for the formats to recognise themselves in. */
import { isRecord, type JsonRecord } from "../core/eve-fields.ts";
import type { Sample } from "./format.ts";
import { closeCutRecord } from "./json-cut.ts";
import { createRecords } from "./json-records.ts";
import { sampleLines } from "./line-text.ts";

const MOST = 20;
/** Some writers put these where JSON has no word for them. */
const NO_NUMBER = /:\s*-?(?:NaN|Infinity)(?=\s*[,}])/g;
const samples = new WeakMap<Sample, readonly JsonRecord[]>();

/** Up to 20 records of a sample. A first record that the sample cuts off is read as far as it goes. */
export function sampleRecords(sample: Sample): readonly JsonRecord[] {
  let found = samples.get(sample);
  if (found === undefined) {
    found = readRecords(sample.head);
    samples.set(sample, found);
  }
  return found;
}

function readRecords(head: string): readonly JsonRecord[] {
  const found: JsonRecord[] = [];
  const records = createRecords();
  for (const line of sampleLines(head)) {
    for (const piece of records.push(line)) {
      if ("reason" in piece) continue;
      try {
        const value: unknown = JSON.parse(piece.text);
        if (isRecord(value)) found.push(value);
      } catch {
        // a record that is none says nothing about the format
      }
    }
    if (found.length >= MOST) break;
  }
  if (found.length === 0) {
    const closed = closeCutRecord(head.replace(/^\ufeff/, "").slice(0, 65_536));
    try {
      const value: unknown =
        closed === undefined ? undefined : JSON.parse(closed.replace(NO_NUMBER, ":null"));
      if (isRecord(value)) found.push(value);
    } catch {
      // not JSON even as far as it goes
    }
  }
  return found;
}

/** How many of the sample's records satisfy a test, 0–1; 0 when there is none. */
export function shareOf(sample: Sample, test: (record: JsonRecord) => boolean): number {
  const records = sampleRecords(sample);
  return records.length === 0 ? 0 : records.filter(test).length / records.length;
}
