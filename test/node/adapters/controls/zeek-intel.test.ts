import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readZeekIntel } from "@anamnesis/sdk/knowledge/zeek-intel";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createZeekIntel } from "../../../../node/src/adapters/controls/zeek-intel.ts";
import { conduct, observable, SELF, START_MS } from "../../support/plant.ts";
import { applicationOf } from "./suite.ts";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-zeek-"));
});
afterEach(() => rm(directory, { recursive: true }));

const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };

test("writes what Zeek's reader and ours take, each value once", async () => {
  const path = join(directory, "anamnesis.intel");
  const control = createZeekIntel({ name: "zeek", level: 3, path }, { clock });
  const forms = [
    observable("203.0.113.7"),
    observable("203.0.113.0/24"),
    observable("2001:db8::7", "ipv6-addr"),
    observable("update.turbine-fw.example", "domain-name"),
    observable("http://update.turbine-fw.example/a", "url"),
    observable("48".repeat(32), "file"),
  ];
  const list = forms.map((form) => applicationOf(control, form));
  await control.apply([
    ...list,
    { ...(list[0] as (typeof list)[0]), indicator: `0x${"11".repeat(32)}` as never },
  ]);
  const text = await readFile(path, "utf8");
  expect(text.split("\n").filter((line) => !line.startsWith("#") && line !== "")).toHaveLength(forms.length);
  expect(text).toContain(`203.0.113.7\tIntel::ADDR\tanamnesis\t${list[0]?.indicator}\tT\n`);
  expect(text).toContain("update.turbine-fw.example/a\tIntel::URL\t");
  expect(JSON.stringify(readZeekIntel(text))).not.toContain("malformed");
});

test("never goes above alert, and refuses what Zeek has no word for", () => {
  const control = createZeekIntel({ name: "zeek", level: 5, path: "x" }, { clock });
  expect(control.compile(observable("203.0.113.7"), "isolate", SELF)).toMatchObject({
    action: "alert",
    blocks: [],
  });
  expect(control.compile(conduct, "alert", SELF)).toMatchObject({ refused: "plan.unsupported" });
  expect(control.compile(observable("e7eca2baf4458d095b7f45da28c16c34", "ja3"), "alert", SELF)).toMatchObject(
    {
      refused: "plan.unsupported",
    },
  );
});
