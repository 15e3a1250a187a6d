import { readdirSync, readFileSync } from "node:fs";
import { expect, expectTypeOf, test } from "vitest";
import type * as node from "../../../node/src/api.ts";
import type { Change } from "../../../node/src/state/changes.ts";
import type { QueuedCandidate, StoredDetection } from "../../../node/src/state/detections.ts";
import type * as client from "../../../sdk/src/client/views.ts";

test("the client's views are the node's", () => {
  expectTypeOf<client.HealthView>().toEqualTypeOf<node.HealthView>();
  expectTypeOf<client.DoctorView>().toEqualTypeOf<node.DoctorView>();
  expectTypeOf<client.IndicatorView>().toEqualTypeOf<node.IndicatorView>();
  expectTypeOf<client.IndicatorFilter>().toEqualTypeOf<node.IndicatorFilter>();
  expectTypeOf<client.RecallAnswer>().toEqualTypeOf<node.RecallAnswer>();
  expectTypeOf<client.WhyAnswer>().toEqualTypeOf<node.WhyAnswer>();
  expectTypeOf<client.ChangesPage>().toEqualTypeOf<node.ChangesPage>();
  expectTypeOf<client.Audit>().toEqualTypeOf<node.Audit>();
  expectTypeOf<client.Change>().toEqualTypeOf<Change>();
  expectTypeOf<client.StoredDetection>().toEqualTypeOf<StoredDetection>();
  expectTypeOf<client.QueuedCandidate>().toEqualTypeOf<QueuedCandidate>();
  type Vaccine = ReturnType<node.PlantApi["vaccines"]>[number];
  expectTypeOf<client.VaccineView>().toEqualTypeOf<Vaccine>();
});

test("the client imports nothing of Node", () => {
  const folder = new URL("../../../sdk/src/client/", import.meta.url);
  const files = readdirSync(folder);
  expect(files).toContain("client.ts");
  for (const file of files) {
    const source = readFileSync(new URL(file, folder), "utf8");
    const imports = [...source.matchAll(/from "([^"]+)"/g)].map((match) => match[1] as string);
    for (const path of imports) expect(path, file).toMatch(/^\.\.?\//);
    expect(source, file).not.toMatch(/\b(process|Buffer|require)\b[.(]/);
  }
});
