import { join } from "node:path";
import { checkPlan } from "@anamnesis/sdk/check/plan";
import { behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { ICS_PROTOCOLS, icsRequest } from "@anamnesis/sdk/core/ics";
import { stops } from "@anamnesis/sdk/core/policy";
import { observableOf } from "@anamnesis/sdk/core/self-check";
import type { ActionClass, IndicatorForm, Self } from "@anamnesis/sdk/core/types";
import { systemClock } from "../../adapters/system.ts";
import { readConfig } from "../../config.ts";
import { createControls } from "../../plant.ts";
import type { Control } from "../../ports.ts";
import { locate, type Where } from "../locate.ts";
import type { Result } from "../program.ts";

/** Options of `anamnesis vaccines plan`. */
export interface PlanOptions {
  readonly config?: string;
  readonly action: ActionClass;
}

/** What one control would do about a value, were it attested. */
interface ControlPlan {
  readonly control: string;
  readonly kind: Control["kind"];
  /** `observe`: nothing. */
  readonly action: ActionClass;
  readonly statement: readonly string[];
  readonly consequences: readonly string[];
  /** Why it does less than was asked, or nothing. */
  readonly refused?: string;
}

/**
 * What every control of plant.yaml would write about a value, with what follows from it: a dry run.
 * Nothing is written and no node is asked; ceilings, phases and approvals come on top of it.
 * Exit code 1 when no control would stop it. Throws `config.invalid` and `input.invalid`.
 */
export function planVaccine(where: Where, value: string, options: PlanOptions): Result {
  const file = options.config ?? join(locate({ ...where, url: undefined }).directory ?? "", "plant.yaml");
  const config = readConfig(file);
  const form = formOf(value);
  const plans = createControls(config, systemClock).map((control) =>
    planOn(control, form, options.action, config.self),
  );
  return {
    json: { value, asked: options.action, plans },
    raw: plans.flatMap(({ control, statement }) => statement.map((line) => `${control}\t${line}`)),
    human: (style) =>
      plans
        .map(({ control, kind, action, statement, consequences, refused }) =>
          [
            `${control} (${kind}): ${action === "observe" ? "nothing" : stops(action) ? style.bad(action) : action}`,
            ...statement.map((line) => `  + ${line}`),
            ...consequences.map((line) => `  ! ${line}`),
            ...(refused === undefined ? [] : [style.soft(`  - ${refused}`)]),
          ].join("\n"),
        )
        .join("\n"),
    exit: plans.some(({ action }) => stops(action)) ? 0 : 1,
  };
}

function planOn(control: Control, form: IndicatorForm, asked: ActionClass, self: Self): ControlPlan {
  const { name, kind } = control;
  const plan = control.compile(form, asked, self);
  const nothing = { control: name, kind, action: "observe", statement: [], consequences: [] } as const;
  if ("refused" in plan) return { ...nothing, refused: `${plan.refused}: ${plan.reason}` };
  const verdict = stops(plan.action) ? checkPlan(plan.blocks, self) : ({ ok: true } as const);
  const of = ({ action, statement, consequences }: typeof plan) => ({
    control: name,
    kind,
    action,
    statement: statement.split("\n"),
    consequences,
  });
  if (verdict.ok) return of(plan);
  const watch = control.compile(form, "alert", self);
  const refused = `${verdict.code}: ${verdict.reason}`;
  return "refused" in watch || stops(watch.action) ? { ...nothing, refused } : { ...of(watch), refused };
}

/** An observable, or `modbus:6`, `s7comm:41`: a protocol's function used by a machine without the role. */
function formOf(value: string): IndicatorForm {
  const [, name, code] = /^([a-z0-9]+):(\d{1,5})$/.exec(value) ?? [];
  const protocol = ICS_PROTOCOLS.find((each) => each === name);
  if (protocol !== undefined) {
    const request = icsRequest(protocol, Number(code));
    const behaviour = request === undefined ? undefined : behaviourOf(request);
    if (behaviour !== undefined) return { form: "behaviour", behaviour };
    throw new AnamnesisError(
      "input.invalid",
      `${value}: this function of ${protocol} neither writes nor programs`,
    );
  }
  const observable = observableOf(value.trim());
  if (observable !== undefined) return { form: "observable", observable };
  throw new AnamnesisError(
    "input.invalid",
    `${JSON.stringify(value.slice(0, 80))} is no address, range, domain, URL, hash or fingerprint, and not PROTOCOL:FUNCTION`,
  );
}
