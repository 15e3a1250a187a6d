/** From a detection to what may travel: candidates, and the reason for everything that does not. */
import { behaviourOf } from "./behaviours.ts";
import { ICS_PROTOCOLS } from "./ics.ts";
import { type SelectionContext, type Stop, selectCandidate } from "./selection.ts";
import type { Detection, IndicatorForm, Observable, ReleaseClass } from "./types.ts";

/** A candidate indicator; `class` is what release policies list. */
export interface Candidate {
  readonly class: ReleaseClass;
  readonly form: IndicatorForm;
}

/** A value that was stopped. `code` is an error code, `entry` names what stopped it with its source. */
export interface StoppedCandidate extends Stop {
  readonly value: string;
}

/**
 * What a detection offers for release, after negative selection.
 *
 * The same attack gives the same candidates at every plant and in every order: each alert is judged
 * by itself, and a behaviour holds one function. At least one of the two lists is not empty.
 */
export function deriveCandidates(
  detection: Detection,
  context: SelectionContext,
): { readonly candidates: readonly Candidate[]; readonly stopped: readonly StoppedCandidate[] } {
  const candidates: Candidate[] = [];
  const stopped: StoppedCandidate[] = [];
  const judge = (releaseClass: ReleaseClass, form: IndicatorForm, value: string): void => {
    const stop = selectCandidate(form, context, detection);
    if (stop === undefined) candidates.push({ class: releaseClass, form });
    else stopped.push({ value, code: stop.code, entry: stop.entry });
  };

  if (detection.attacker === undefined) {
    stopped.push({
      value: "attacker",
      code: "candidate.direction",
      entry: "detector: neither end of the flow is known to be the attacker",
    });
  }
  for (const observable of detection.observables) {
    if (isResolver(observable, detection)) {
      stopped.push({
        value: observable.value,
        code: "candidate.direction",
        entry: "detector: the resolver of a lookup carries it and is not the attacker",
      });
    } else judge("observable", { form: "observable", observable }, observable.value);
  }
  if (detection.ics !== undefined || isIcs(detection.appProtocol)) judgeConduct(detection, judge, stopped);
  if (candidates.length === 0 && stopped.length === 0) {
    stopped.push({
      value: detection.rule.name,
      code: "candidate.none",
      entry: "detector: nothing in the alert can travel",
    });
  }
  return { candidates, stopped };
}

const PROTOCOLS: ReadonlySet<string | undefined> = new Set(ICS_PROTOCOLS);

function isIcs(appProtocol: string | undefined): boolean {
  return PROTOCOLS.has(appProtocol);
}

function judgeConduct(
  detection: Detection,
  judge: (releaseClass: ReleaseClass, form: IndicatorForm, value: string) => void,
  stopped: StoppedCandidate[],
): void {
  const { ics, appProtocol } = detection;
  if (ics === undefined) {
    const protocol = appProtocol === "modbus" ? "Modbus" : (appProtocol ?? "");
    stopped.push({
      value: appProtocol ?? "",
      code: "behaviour.bare",
      entry: `detector: the alert names no ${protocol} function, and a bare class is no record`,
    });
    return;
  }
  const behaviour = behaviourOf(ics);
  const value = `${ics.protocol} function ${ics.function}`;
  if (behaviour === undefined) {
    const entry = `built in: no baseline class covers this ${ics.protocol === "modbus" ? "Modbus" : ics.protocol} function`;
    stopped.push({ value, code: "candidate.none", entry });
  } else judge(behaviour.class, { form: "behaviour", behaviour }, value);
}

/** Rules about lookups name the resolver as the other end; blocking it would cut the plant off from names. */
function isResolver(observable: Observable, detection: Detection): boolean {
  return detection.attacker?.port === 53 && observable.value === detection.attacker.address;
}
