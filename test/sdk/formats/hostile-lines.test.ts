/** Lines that were made to break a reader, each of which did. */
import { cef } from "@anamnesis/sdk/formats/cef";
import { FORMATS } from "@anamnesis/sdk/formats/formats";
import { syslog } from "@anamnesis/sdk/formats/syslog";
import { describe, expect, it } from "vitest";
import { readStream } from "../../fuzz/judge.ts";
import { SEEDS, type Seed } from "../../fuzz/seeds.ts";
import { alertLine } from "../eve-support.ts";
import { alertOf, kinds, readLines } from "./support.ts";

const seedOf = (name: string): Seed => SEEDS.find((seed) => seed.name === name) as Seed;
const countsOf = (name: string, line: string) => {
  const counts: Record<string, number> = {};
  for (const kind of kinds(readStream(seedOf(name), Buffer.from(line))))
    counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

describe("a line of very many records", () => {
  const many = "{},".repeat(150_000);
  it.each([
    ["ecs", `[${many}{}]`, { ecs: 16_384, "line.tooLong": 1 }],
    ["crowdsec", `{"new":[${many}{}],"deleted":null}`, { "line.fields": 16_384, "line.tooLong": 1 }],
    ["eve", "{}".repeat(150_000), { "line.fields": 1_024, "line.tooLong": 1 }],
  ])("of %s overflows no stack, and its rest counts once", (name, line, expected) =>
    expect(countsOf(name, line)).toEqual(expected),
  );
});

describe("a record nested deeper than any stack", () => {
  const deep = "[".repeat(40_000) + "]".repeat(40_000);
  it.each(FORMATS.map(({ name }) => [name]))("is counted by the reader of %s", (name) => {
    readStream(seedOf(name), Buffer.from(deep));
    for (const line of [`[{"a":${deep}}]`, `{"a":${deep}}`])
      expect(
        Object.values(countsOf(name, `${[...seedOf(name).head, line].join("\n")}`)).length,
      ).toBeGreaterThan(0);
  });
});

it("takes no object for a text because it says that it is one", () => {
  const mapping = { ...seedOf("mapping"), mapping: { when: [{ path: "/a", equals: ["x"] }], rule: "/id" } };
  expect(kinds(readStream(mapping, Buffer.from('{"a":{"toString":1},"id":1}')))).toEqual(["json"]);
  const modbus = { request: { function_code: { toString: 1 } } };
  const line = alertLine({ modbus });
  expect(alertOf(syslog, `<13>Mar  1 10:00:00 h suricata[1]: ${line}`)).not.toHaveProperty("ics");
});

it("looks through repeats of repeats once", () => {
  const line = "<13>message repeated 9 times: [".repeat(30_000);
  expect(kinds(readLines(syslog, [line]))).toEqual(["syslog.repeated"]);
});

it("reads a long line that came again a hundred times once, and counts it a hundred times", () => {
  const long = `<13>Mar  1 10:00:00 h CEF:0|V|P|1|7|n|5|src=45.60.0.1 msg=${"|x".repeat(500_000)}`;
  const again = Array.from({ length: 8 }, () => "Mar  1 10:00:01 h last message repeated 100 times");
  const outcomes = readLines(syslog, [long, ...again]);
  expect(kinds(outcomes)).toEqual(Array.from({ length: 801 }, () => "detection"));
  const ids = outcomes.map((one) => (one.kind === "detection" ? one.detection.id : ""));
  expect(new Set(ids.slice(0, 101)).size).toBe(101);
});

it("counts what is behind sixty-four events that were glued into one line", () => {
  const glued = "<13>Mar  1 10:00:00 h app: x#012".repeat(70);
  expect(kinds(readLines(syslog, [glued])).filter((kind) => kind === "line.tooLong")).toHaveLength(1);
});

it("reads the members of an event whose text holds its keys over and over", () => {
  const forged = " src=10.20.0.10".repeat(60_000);
  const line = `CEF:0|V|P|1|7|n|5|src=45.60.0.1 dst=10.20.0.10 dpt=502 msg=x${forged}`;
  expect(alertOf(cef, line).attacker?.address).toBe("45.60.0.1");
});
