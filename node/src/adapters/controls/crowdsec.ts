/**
 * CrowdSec: decisions at the local API, which its bouncers enforce.
 *
 * The API has no transaction. Everything new is one alert, taken whole or not at all; what is over is
 * deleted after it, one by one. A crash in between leaves too much for a moment, never too little, and
 * the next apply ends it; CrowdSec itself ends decisions at their time.
 */
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { stops } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm, IndicatorId, PurdueLevel, Self } from "@anamnesis/sdk/core/types";
import { parseGoDuration } from "@anamnesis/sdk/formats/time";
import type { Application, Clock, Compiled, Control, Refusal } from "../../ports.ts";
import { type CrowdsecAccess, type CrowdsecApi, type Decision, openCrowdsec } from "./crowdsec-api.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";

/** The control's place and its way to the API. */
export interface CrowdsecOptions extends CrowdsecAccess {
  readonly name: string;
  readonly level: PurdueLevel;
}

/** By this every decision of ours is known. */
const ORIGIN = "anamnesis";
/** An end that is off by less is not written again, ms. */
const END_SLACK_MS = 60_000;

/** A CrowdSec control. */
export function createCrowdsec(
  options: CrowdsecOptions,
  ports: { readonly clock: Clock; readonly api?: CrowdsecApi },
): Control {
  const api = ports.api ?? openCrowdsec(options);
  let queue: Promise<unknown> = Promise.resolve();
  const queued = <T>(work: () => Promise<T>): Promise<T> => {
    const result = queue.then(work, work);
    queue = result.catch(() => undefined);
    return result;
  };

  /** What should be there: by statement, the latest end and whose it is. */
  function wantedOf(applications: readonly Application[]) {
    const nowMs = ports.clock.nowMs();
    const wanted = new Map<string, { expiresAtMs: number; owners: IndicatorId[] }>();
    for (const { statement, expiresAtMs, indicator } of applications) {
      if (expiresAtMs <= nowMs) continue;
      const before = wanted.get(statement);
      wanted.set(statement, {
        expiresAtMs: Math.max(expiresAtMs, before?.expiresAtMs ?? 0),
        owners: [...(before?.owners ?? []), indicator],
      });
    }
    return wanted;
  }

  async function apply(applications: readonly Application[]): Promise<void> {
    const wanted = wantedOf(applications);
    const nowMs = ports.clock.nowMs();
    const kept = new Set<string>();
    const over: number[] = [];
    for (const decision of await api.decisions(ORIGIN)) {
      const key = keyOf(decision);
      const want = wanted.get(key);
      const endsMs = nowMs + (parseGoDuration(decision.duration) ?? 0);
      const isRight = want !== undefined && Math.abs(endsMs - want.expiresAtMs) < END_SLACK_MS;
      if (isRight && !kept.has(key)) kept.add(key);
      else over.push(decision.id);
    }
    const fresh = [...wanted].filter(([key]) => !kept.has(key));
    await api.add(
      fresh.map(([key, { expiresAtMs, owners }]) => {
        const [type = "", scope = "", value = ""] = key.split(" ");
        const duration = `${Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000))}s`;
        return { origin: ORIGIN, type, scope, value, duration, scenario: `anamnesis/${owners[0]}` };
      }),
      nowMs,
    );
    for (const id of over) await api.remove(id);
  }

  async function verify(applications: readonly Application[]) {
    const wanted = wantedOf(applications);
    const present = new Set((await api.decisions(ORIGIN)).map(keyOf));
    return {
      proof: "enforced" as const,
      missing: [...wanted].flatMap(([key, { owners }]) => (present.has(key) ? [] : owners)),
      extra: [...present].filter((key) => !wanted.has(key)),
    };
  }

  return {
    name: options.name,
    kind: "crowdsec",
    level: options.level,
    compile,
    async preflight() {
      try {
        await api.decisions(ORIGIN);
      } catch (cause) {
        if (!isAnamnesisError(cause)) throw cause;
        throw new AnamnesisError("control.preflight", `${options.name}: ${cause.message}`, { cause });
      }
    },
    apply: (applications) => queued(() => apply(applications)),
    verify: (applications) => queued(() => verify(applications)),
  };
}

function compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (form.form === "behaviour") return refuse("plan.unsupported", "a decision is about an address");
  const { observable } = form;
  const { kind, value } = observable;
  if (kind !== "ipv4-addr" && kind !== "ipv6-addr")
    return refuse("plan.unsupported", `a decision cannot be about a ${kind}`);
  const refusal = refuseObservable(observable, self);
  if (refusal !== undefined) return refusal;
  if (!stops(action) || action === "deny")
    return refuse("plan.unsupported", `what is decided is banned; ${action} cannot be expressed`);
  const open = { ports: [], functions: [] };
  return {
    action: "block",
    statement: `ban ${value.includes("/") ? "Range" : "Ip"} ${value}`,
    blocks: [
      { ...open, sources: [value], destinations: ["any"] },
      { ...open, sources: ["any"], destinations: [value] },
    ],
    consequences: [`every bouncer bans ${value} from its next pull on`],
  };
}

function keyOf({ type, scope, value }: Decision): string {
  // The API gives addresses of IPv6 and ranges as they were sent.
  return `${type} ${scope.charAt(0).toUpperCase()}${scope.slice(1).toLowerCase()} ${value}`;
}
