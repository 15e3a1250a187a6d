/** The content entries that most records stand on, read straight from their bytes: see `read-entry.ts`. */
import { utf8 } from "../core/bytes.ts";
import { actionSchema, patternTypeSchema } from "../core/schema.ts";
import type {
  ContentBody,
  IndicatorId,
  StixCourseOfAction,
  StixIndicator,
  ValidationResult,
} from "../core/types.ts";
import { type Cursor, NOT_CANONICAL } from "./cursor.ts";
import { MAX_PATTERN_CHARACTERS } from "./parse.ts";

const L = {
  indicator: utf8('{"indicator":'),
  object: utf8(',"object":'),
  result: utf8(',"result":'),
  isResponse: utf8(',"type":"response"'),
  isValidation: utf8(',"type":"validation"'),
  created: utf8('{"object":{"created":'),
  references: utf8(',"external_references":'),
  id: utf8(',"id":'),
  indicatorTypes: utf8(',"indicator_types":'),
  modified: utf8(',"modified":'),
  name: utf8(',"name":'),
  pattern: utf8(',"pattern":'),
  patternType: utf8(',"pattern_type":'),
  validFrom: utf8(',"spec_version":"2.1","type":"indicator","valid_from":'),
  isIndicator: utf8('},"type":"indicator"'),
  externalId: utf8('{"external_id":'),
  sourceName: utf8(',"source_name":'),
  course: utf8('{"name":'),
  action: utf8(',"spec_version":"2.1","type":"course-of-action","x_anamnesis_action":'),
  dataset: utf8('{"dataset":'),
  events: utf8(',"events":'),
  hits: utf8(',"hits":'),
  hours: utf8(',"hours":'),
  close: utf8("}"),
} as const;

/** The members of a content entry's body, without the brace that closes it. Throws `NOT_CANONICAL`. */
export function readContent(c: Cursor): ContentBody {
  if (c.skip(L.created)) return { object: indicatorAt(c), type: "indicator" };
  c.expect(L.indicator);
  const indicator = c.hexText(32) as IndicatorId;
  if (c.skip(L.result)) {
    const result = resultAt(c);
    c.expect(L.isValidation);
    return { indicator, result, type: "validation" };
  }
  c.expect(L.object);
  const object = courseOfActionAt(c);
  c.expect(L.isResponse);
  return { indicator, object, type: "response" };
}

function indicatorAt(c: Cursor): StixIndicator {
  const created = c.plain(40);
  const references = c.skip(L.references) ? c.list(() => referenceAt(c)) : undefined;
  c.expect(L.id);
  const id = c.plain(64);
  c.expect(L.indicatorTypes);
  const types = c.list(() => c.plain(64));
  c.expect(L.modified);
  const modified = c.plain(40);
  c.expect(L.name);
  const name = c.plain(512);
  c.expect(L.pattern);
  const pattern = c.plain(MAX_PATTERN_CHARACTERS);
  c.expect(L.patternType);
  const patternType = c.word(patternTypeSchema.options);
  c.expect(L.validFrom);
  const validFrom = c.plain(40);
  c.expect(L.isIndicator);
  if (pattern === "" || types.length > 8 || (references !== undefined && references.length > 32))
    throw NOT_CANONICAL;
  return {
    created,
    ...(references !== undefined && { external_references: references }),
    id,
    indicator_types: types,
    modified,
    name,
    pattern,
    pattern_type: patternType,
    spec_version: "2.1",
    type: "indicator",
    valid_from: validFrom,
  };
}

function referenceAt(c: Cursor): { external_id: string; source_name: string } {
  c.expect(L.externalId);
  const externalId = c.plain(64);
  c.expect(L.sourceName);
  const sourceName = c.plain(64);
  c.expect(L.close);
  return { external_id: externalId, source_name: sourceName };
}

function courseOfActionAt(c: Cursor): StixCourseOfAction {
  c.expect(L.course);
  const name = c.plain(512);
  c.expect(L.action);
  const action = c.word(actionSchema.options);
  c.expect(L.close);
  return { name, spec_version: "2.1", type: "course-of-action", x_anamnesis_action: action };
}

function resultAt(c: Cursor): ValidationResult {
  c.expect(L.dataset);
  const dataset = c.hexText(32) as ValidationResult["dataset"];
  c.expect(L.events);
  const events = c.whole(0, Number.MAX_SAFE_INTEGER);
  c.expect(L.hits);
  const hits = c.whole(0, Number.MAX_SAFE_INTEGER);
  c.expect(L.hours);
  const hours = c.number();
  c.expect(L.close);
  return { dataset, events, hits, hours };
}
