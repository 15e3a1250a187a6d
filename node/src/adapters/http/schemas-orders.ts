/** What operators say, as it comes in and goes out. */
import { z } from "zod";
import { bytes32, ms } from "./schemas-base.ts";

const control = z.string().min(1).max(64);
const words = z.string().min(1).max(200);

export const approvalBody = z
  .strictObject({
    control,
    ticket: words.optional(),
    processOwner: words.optional(),
    action: z.enum(["deny", "block", "isolate"]).optional(),
    fromMs: ms.optional(),
    untilMs: ms.optional(),
  })
  .meta({ id: "Approval", description: "The second person may leave out everything but the control." });
export const refusalBody = z.strictObject({ control, reason: words }).meta({ id: "Refusal" });
export const rollbackBody = z
  .strictObject({ control: control.optional(), reason: words })
  .meta({ id: "Rollback" });
export const stopBody = z
  .strictObject({ control: control.optional(), reason: words })
  .meta({ id: "StopControls" });
export const resumeBody = z.strictObject({ control: control.optional() }).meta({ id: "ResumeControls" });

const action = z.enum(["observe", "alert", "deny", "block", "isolate"]);
export const orderSchema = z
  .object({
    indicator: bytes32,
    control: z.string(),
    word: z.enum(["approve", "refuse", "rollback"]),
    action,
    ticket: z.string(),
    processOwner: z.string(),
    reason: z.string(),
    fromMs: ms,
    untilMs: ms,
    by: z.array(z.object({ who: z.string(), atMs: ms })),
    persons: z.int(),
  })
  .meta({ id: "Order" });
const stopSchema = z
  .object({ control: z.string(), reason: z.string(), who: z.string(), atMs: ms })
  .meta({ id: "Stop" });
export const rollbacksSchema = z.object({ orders: z.array(orderSchema) });
export const stopsSchema = z.object({ stops: z.array(stopSchema) });
export const resumedSchema = z.object({ controls: z.array(z.string()) });
export const ordersSchema = z
  .object({
    awaited: z.array(
      z.object({
        indicator: bytes32,
        name: z.string(),
        control: z.string(),
        level: z.number(),
        wanted: action,
        now: action,
        statement: z.string(),
        consequences: z.array(z.string()),
        persons: z.int(),
        order: orderSchema.nullable(),
      }),
    ),
    orders: z.array(orderSchema),
    stops: z.array(stopSchema),
  })
  .meta({ id: "Orders" });
