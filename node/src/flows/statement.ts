/* What a plant says when it states an attack: content, response, what it was tested on, stances, the sighting. */

import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId, responseId, stixId } from "@anamnesis/sdk/core/ids";
import { toPattern } from "@anamnesis/sdk/core/pattern";
import { stricterTlp } from "@anamnesis/sdk/core/tlp";
import type {
  Entry,
  IndicatorForm,
  IndicatorId,
  Proposal,
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

/** An attack as this plant met it, or as somebody outside describes it. */
export interface MetAttack {
  /** Null only with a proposal: no control applies anything of its pattern. */
  readonly form: IndicatorForm | null;
  readonly proposal?: Proposal;
  readonly name: string;
  readonly attackIds: readonly string[];
  readonly severity: number | null;
  /** Absent when this plant has not met it. */
  readonly sighting?: SightingBody;
  /** Observed unless an operator speaks as an analyst. */
  readonly basis?: 1 | 3;
}

/** The confidence of an alert whose detector gave no severity; it releases nothing by itself. */
const UNKNOWN_SEVERITY = 40;

/** Seals the entries that state an attack. Throws `blindingKey.missing` and what `signStance` throws. */
export function stateAttack(ports: StatementPorts, input: MetAttack): Sealed[] {
  const { clock, memory, ownFeed } = ports;
  const { form, proposal, sighting } = input;
  const key = form === null ? (proposal as Proposal).key : toPattern(form);
  const id = indicatorId(key);
  const subject = memory.subject(id);
  if (subject === undefined)
    throw new AnamnesisError(
      "blindingKey.missing",
      "no subject can be named before the consortium's blinding key is known",
    );
  const at = Math.floor(clock.nowMs());
  const tlp = stricterTlp(stricterTlp(ports.release.tlp, memory.record(id)?.tlp), proposal?.tlp);
  const envelope = { at, tlp };
  const endsMs = at + ports.release.validityDays * 86_400_000;
  const validUntil = Math.round(Math.min(endsMs, proposal?.validUntilMs ?? endsMs) / 1000);
  const support = {
    stance: 1,
    confidence: Math.max(1, input.severity ?? proposal?.confidence ?? UNKNOWN_SEVERITY),
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
  const content = add({ ...envelope, kind: "content", body: { type: "indicator", object } });
  const own = { ...support, subject, basis: input.basis ?? 1, content: content.commitment } as const;
  if (form === null) add(signStance(ports, own));
  else {
    const response = responseObject(form);
    add({ ...envelope, kind: "content", body: { type: "response", indicator: id, object: response } });
    add(signStance(ports, own));
    const outcome = ports.validate(form);
    const responseSubject = memory.subject(responseId(id, response));
    if (outcome.ok && responseSubject !== undefined) {
      const run = add({
        ...envelope,
        kind: "content",
        body: { type: "validation", indicator: id, result: outcome.result },
      });
      add(signStance(ports, { ...support, subject: responseSubject, basis: 2, content: run.commitment }));
    }
  }
  if (sighting !== undefined) add({ ...envelope, kind: "sighting", body: sighting });
  return sealed;
}

function indicatorObject(
  key: ReturnType<typeof toPattern>,
  id: IndicatorId,
  input: Pick<MetAttack, "name" | "attackIds" | "proposal">,
  at: number,
): StixIndicator {
  const time = new Date(at).toISOString();
  const { origin, validUntilMs: until } = input.proposal ?? {};
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
    ...(until !== undefined && { valid_until: new Date(until).toISOString() }),
    ...(references.length > 0 && { external_references: references }),
    ...(origin !== undefined && { x_anamnesis_origin: origin }),
  };
}

/** The one response of this version to a form. It is part of the response's id, so equal everywhere. */
function responseObject(form: IndicatorForm): StixCourseOfAction {
  const name =
    form.form === "behaviour" ? "Drop the flow that carries the command" : `Block ${form.observable.kind}`;
  return { type: "course-of-action", spec_version: "2.1", name, x_anamnesis_action: "block" };
}
