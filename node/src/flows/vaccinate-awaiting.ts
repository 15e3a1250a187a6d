/** What waits for an operator's permission at one control. */
import { weaker } from "@anamnesis/sdk/core/policy";
import type { IndicatorId, Self } from "@anamnesis/sdk/core/types";
import type { RecordView } from "../state/record.ts";
import type { Vaccinations } from "../state/vaccinations.ts";
import { preview } from "./vaccinate-plan.ts";
import type { Awaiting, Lane } from "./vaccinate-types.ts";

/** Responses that were lowered for want of a permission. What the control cannot say, or Self forbids, nobody has to decide. */
export function awaitingAt(
  { control, because }: Lane,
  vaccinations: Vaccinations,
  records: ReadonlyMap<IndicatorId, RecordView>,
  self: Self,
): readonly Awaiting[] {
  const active = vaccinations.active(control.name);
  const found: Awaiting[] = [];
  for (const [indicator, reasons] of because) {
    const record = reasons.includes("policy.approval") ? records.get(indicator) : undefined;
    if (record?.response === undefined) continue;
    const plan = preview(control, record.form, record.response.action, self);
    const now = active.get(indicator)?.action ?? "observe";
    if ("refused" in plan || !weaker(now, plan.action)) continue;
    found.push({ indicator, name: record.name, control: control.name, level: control.level, now, plan });
  }
  return found;
}
