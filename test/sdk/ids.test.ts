import { toHex, utf8 } from "@anamnesis/sdk/core/bytes";
import { canonicalText } from "@anamnesis/sdk/core/canonical";
import { commitmentBytes } from "@anamnesis/sdk/core/entry";
import {
  blindingKeyHash,
  blindOf,
  indicatorId,
  responseId,
  stixId,
  subjectOf,
} from "@anamnesis/sdk/core/ids";
import type { IndicatorId, IndicatorKey, StixCourseOfAction } from "@anamnesis/sdk/core/types";
import { expect, test } from "vitest";
import { bytesOf, readVectors } from "./vectors.ts";

const vectors = readVectors<{
  indicators: (IndicatorKey & { name: string; canonical: string; id: string })[];
  responses: {
    name: string;
    indicator: IndicatorId;
    object: StixCourseOfAction;
    canonical: string;
    id: string;
  }[];
  blinding: { key: string; keyHash: string; id: IndicatorId; blind: string; subject: string }[];
  commitments: { salt: string; entry: string; commitment: string }[];
}>("ids");

test.each(vectors.indicators)("id of an indicator: $name", ({ patternType, pattern, canonical, id }) => {
  expect(canonicalText([patternType, pattern])).toBe(canonical);
  expect(indicatorId({ patternType, pattern })).toBe(id);
});

test.each(vectors.responses)("id of a response: $name", ({ indicator, object, canonical, id }) => {
  expect(canonicalText(object)).toBe(canonical);
  expect(responseId(indicator, object)).toBe(id);
});

test.each(vectors.blinding)("subject of $id", ({ key, keyHash, id, blind, subject }) => {
  expect(blindingKeyHash(bytesOf(key))).toBe(keyHash);
  expect(toHex(blindOf(bytesOf(key), id))).toBe(blind);
  expect(subjectOf(bytesOf(key), id)).toBe(subject);
});

test.each(vectors.commitments)("commitment of $entry", ({ salt, entry, commitment }) => {
  expect(toHex(commitmentBytes(bytesOf(salt), utf8(entry)))).toBe(commitment);
});

test("STIX ids are UUIDs of version 5 and follow the record", () => {
  const [a, b] = vectors.indicators.map(({ id }) => stixId("indicator", id as IndicatorId));
  expect(a).toMatch(/^indicator--[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(a).not.toBe(b);
});
