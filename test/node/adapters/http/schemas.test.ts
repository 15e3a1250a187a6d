import { expectTypeOf, test } from "vitest";
import type * as schema from "../../../../node/src/adapters/http/schemas.ts";
import type * as api from "../../../../node/src/api.ts";
import type { Change } from "../../../../node/src/state/changes.ts";
import type { QueuedCandidate, StoredDetection } from "../../../../node/src/state/detections.ts";

/** What a schema gives, with everything in it read-only, as the views are. */
type Output<S extends { readonly _zod: { readonly output: unknown } }> = Deep<S["_zod"]["output"]>;
type Deep<T> = T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T;

test("the schemas hold for every view, and name each of its members", () => {
  expectTypeOf<api.HealthView>().toExtend<Output<typeof schema.healthSchema>>();
  expectTypeOf<api.DoctorView>().toExtend<Output<typeof schema.doctorSchema>>();
  expectTypeOf<api.IndicatorView>().toExtend<Output<typeof schema.indicatorSchema>>();
  expectTypeOf<api.RecallAnswer>().toExtend<Output<typeof schema.recallSchema>>();
  expectTypeOf<api.WhyAnswer>().toExtend<Output<typeof schema.whySchema>>();
  expectTypeOf<api.ChangesPage>().toExtend<Output<typeof schema.changesSchema>>();
  expectTypeOf<api.Audit>().toExtend<Output<typeof schema.auditSchema>>();
  expectTypeOf<QueuedCandidate>().toExtend<Output<typeof schema.candidateSchema>>();
  expectTypeOf<StoredDetection>().toExtend<Output<typeof schema.detectionsSchema>["detections"][number]>();
  expectTypeOf<Change>().toExtend<Output<typeof schema.changesSchema>["changes"][number]>();

  expectTypeOf<keyof api.HealthView>().toEqualTypeOf<keyof Output<typeof schema.healthSchema>>();
  expectTypeOf<keyof api.DoctorView>().toEqualTypeOf<keyof Output<typeof schema.doctorSchema>>();
  expectTypeOf<keyof api.IndicatorView>().toEqualTypeOf<keyof Output<typeof schema.indicatorSchema>>();
  expectTypeOf<keyof api.Audit>().toEqualTypeOf<keyof Output<typeof schema.auditSchema>>();
});
