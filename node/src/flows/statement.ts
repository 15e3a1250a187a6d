/* What a plant says when it states an attack: content, response, what it was tested on, stances, the sighting. */

import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId, responseId, stixId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import { stricterTlp } from "@anamnesis/sdk/core/tlp";
import type {
  Entry,
  IndicatorForm,
  IndicatorId,
  SightingBody,
  StixCourseOfAction,
  StixIndicator,
  Tlp,
} from "@anamnesis/sdk/core/types";
import type { ValidationOutcome } from "@anamnesis/sdk/core/validation";
import type { OwnFeed, Sealed } from "./append.ts";
import { type AttestPorts, signStance } from "./attest.ts";

/** Ports of a statement. */
export interface StatementPorts extends AttestPorts {
  readonly ownFeed: Pick<OwnFeed, "seal">;
  readonly release: { readonly tlp: Tlp; readonly validityDays: number };
  validate(form: IndicatorForm): ValidationOutcome;
}

/** An attack as this plant met it. */
export interface MetAttack {
  readonly form: IndicatorForm;
  readonly name: string;
  readonly attackIds: readonly string[];
  readonly severity: number | null;
  readonly sighting: SightingBody;
  /** Observed unless an operator speaks as an analyst. */
  readonly basis?: 1 | 3;
}

/** The confidence of an alert whose detector gave no severity; it releases nothing by itself. */
const UNKNOWN_SEVERITY = 40;

/** Seals the entries that state an attack. Throws `blindingKey.missing` and what `signStance` throws. */
export function stateAttack(ports: StatementPorts, input: MetAttack): Sealed[] {
  const { clock, memory, ownFeed } = ports;
  const key = toPattern(input.form);
  const id = indicatorId(key);
  const subject = memory.subject(id);
  if (subject === undefined)
    throw new AnamnesisError(
      "blindingKey.missing",
      "no subject can be named before the consortium's blinding key is known",
    );
  const at = Math.floor(clock.nowMs());
  const tlp = stricterTlp(ports.release.tlp, memory.record(id)?.tlp);
  const envelope = { at, tlp };
  const validUntil = Math.floor(at / 1000) + Math.round(ports.release.validityDays * 86_400);
  const support = {
    stance: 1,
    confidence: Math.max(1, input.severity ?? UNKNOWN_SEVERITY),
    validUntil,
    tlp,
  } as const;
  const sealed: Sealed[] = [];
  const add = (entry: Entry): Sealed => {
    const one = ownFeed.seal(entry);
    sealed.push(one);
    return one;
  };

  const object = memory.record(id)?.object ?? indicatorObject(key, id, input, at);
  const response = responseObject(input.form);
  const content = add({ ...envelope, kind: "content", body: { type: "indicator", object } });
  add({ ...envelope, kind: "content", body: { type: "response", indicator: id, object: response } });
  add(signStance(ports, { ...support, subject, basis: input.basis ?? 1, content: content.commitment }));
  const outcome = ports.validate(input.form);
  const responseSubject = memory.subject(responseId(id, response));
  if (outcome.ok && responseSubject !== undefined) {
    const run = add({
      ...envelope,
      kind: "content",
      body: { type: "validation", indicator: id, result: outcome.result },
    });
    add(signStance(ports, { ...support, subject: responseSubject, basis: 2, content: run.commitment }));
  }
  add({ ...envelope, kind: "sighting", body: input.sighting });
  return sealed;
}

function indicatorObject(
  key: ReturnType<typeof toPattern>,
  id: IndicatorId,
  input: { name: string; attackIds: readonly string[] },
  at: number,
): StixIndicator {
  const time = new Date(at).toISOString();
  const references = input.attackIds.map((external_id) => ({ source_name: "mitre-attack", external_id }));
  return {
    type: "indicator",
    spec_version: "2.1",
    id: stixId("indicator", id),
    created: time,
    modified: time,
    name: input.name, // as it may travel: see sharedName
    indicator_types: ["malicious-activity"],
    pattern: key.pattern,
    pattern_type: key.patternType,
    valid_from: time,
    ...(references.length > 0 && { external_references: references }),
  };
}

/** The one response of this version to a form. It is part of the response's id, so equal everywhere. */
function responseObject(form: IndicatorForm): StixCourseOfAction {
  const name =
    form.form === "behaviour" ? "Drop the flow that carries the command" : `Block ${form.observable.kind}`;
  return { type: "course-of-action", spec_version: "2.1", name, x_anamnesis_action: "block" };
}
