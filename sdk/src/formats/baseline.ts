/** The innate baseline: requests in a detector's ordinary records that this plant's own roles forbid. */
import { attackIdsOfBehaviour, type BaselineClass, baselineOf, behaviourOf } from "../core/behaviours.ts";
import { accuse } from "../core/direction.ts";
import { isRoleNamed, roleHolder } from "../core/selection.ts";
import { indexSelf } from "../core/self-index.ts";
import { createSequenceWatch } from "../core/sequences.ts";
import type { Traffic } from "../core/traffic.ts";
import type { BehaviourClass, LineOutcome, PurdueLevel, Self } from "../core/types.ts";
import { createAlerted } from "./alerted.ts";
import { detected } from "./detected.ts";
import type { Format, LineAt, Reader, ReaderOptions } from "./format.ts";
import { withoutDigest } from "./json-reader.ts";
import { lineText } from "./line-text.ts";

/** Where a sensor listens, and which classes it shall not raise. */
export interface BaselineSetting {
  readonly level: PurdueLevel;
  readonly off: readonly BehaviourClass[];
}

/** How bad it is when a machine without the role writes, 0–100: enough to be looked at, never to be sure. */
const SEVERITY = { write: 60, program: 75 } as const;

/**
 * A format's reader that raises the baseline beside what its detector raises: the outcome of a record
 * that holds a forbidden request is a detection and no longer context. A request of which the detector has
 * raised an alert itself is that alert.
 */
export function createBaselineReader(
  format: Format,
  options: ReaderOptions,
  setting: BaselineSetting,
): Reader {
  const requests: Traffic[] = [];
  const sequences = createSequenceWatch();
  const alerted = createAlerted();
  const inner = format.createReader({
    ...options,
    onlyRequests: true,
    onTraffic: (traffic) => {
      if (traffic.request !== undefined) requests.push(traffic);
    },
  });
  return {
    ...inner,
    push(line, at) {
      const outcomes = inner.push(line, at);
      for (const outcome of outcomes) if (outcome.kind === "detection") alerted.note(outcome.detection);
      if (requests.length === 0) return outcomes;
      const raised = requests.splice(0).flatMap((traffic) => {
        const baseline = judgeRequest(traffic, at.self, setting);
        if (baseline === undefined || traffic.request === undefined) return [];
        const request = sequences.see(traffic.request, traffic.client, traffic.atMs);
        if (request === undefined || alerted.covers({ ...traffic, request })) return [];
        return [{ traffic: { ...traffic, request }, baseline }];
      });
      if (raised.length === 0) return outcomes;
      const all = [...outcomes];
      raised.forEach(({ traffic, baseline }, index) => {
        // Records of one line are different events at different places.
        const place: LineAt = index === 0 ? at : { ...withoutDigest(at), offset: at.offset + index };
        const detection = raise(traffic, baseline, {
          detector: options.detector,
          text: lineText(line),
          at: place,
        });
        const context = all.findIndex(({ kind }) => kind === "context");
        if (context >= 0) all[context] = detection;
        else all.push(detection);
      });
      return all;
    },
  };
}

/**
 * The class that a request falls in here, or undefined: the class is for this level and not off, the
 * server is a controller or safety system by Self, and the client lacks the role. Where Self names
 * nobody with the role, nobody is known to lack it.
 */
export function judgeRequest(
  { client, server, request }: Traffic,
  self: Self,
  { level, off }: BaselineSetting,
): BaselineClass | undefined {
  const baseline = request === undefined ? undefined : baselineOf(request);
  if (baseline === undefined || !baseline.levels.includes(level) || off.includes(baseline.class))
    return undefined;
  const index = indexSelf(self);
  const [actor, target] = baseline.roles;
  const isTarget = target === "ot-host" ? index.otHost(server) : index.controller(server);
  if (isTarget === undefined || !isRoleNamed(actor, self)) return undefined;
  return roleHolder(actor, client, self) === undefined ? baseline : undefined;
}

function raise(
  { atMs, client, server, port, transport, request }: Traffic,
  baseline: BaselineClass,
  source: Parameters<typeof detected>[1],
): LineOutcome {
  const behaviour = request === undefined ? undefined : behaviourOf(request);
  return detected(
    {
      engine: "baseline",
      id: baseline.class,
      name: baseline.title,
      category: "baseline",
      atMs,
      severity: SEVERITY[baseline.access],
      action: "allowed",
      ends: accuse({ address: client }, { address: server, ...(port !== undefined && { port }) }, true, true),
      transport,
      appProtocol: baseline.protocol,
      ics: request,
      attackIds: behaviour === undefined ? [] : attackIdsOfBehaviour(behaviour),
    },
    source,
  );
}
