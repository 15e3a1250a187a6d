import { ownLine } from "@anamnesis/sdk/formats/own-line";
import { expect, it } from "vitest";
import {
  createPublishedReader,
  type PublishedFormat,
} from "../../../../node/src/adapters/detectors/published.ts";
import { alertLine, SELF } from "../../../sdk/eve-support.ts";
import { kinds } from "../../../sdk/formats/support.ts";

const clock = { nowMs: () => 1_000, monotonicMs: () => 0 };
const read = (
  program: string,
  lines: readonly string[],
  formats: readonly PublishedFormat[] = [],
  key = "k",
) =>
  createPublishedReader(formats, clock)(program, {
    detector: `api-${program}`,
    key,
    lines,
    readAtMs: 5_000,
    self: SELF,
  });

it("a program that nobody named publishes detections, or EVE", () => {
  const outcomes = read("any", [ownLine({ rule: { id: 1 } }), alertLine({}), "nonsense"]);
  expect(kinds(outcomes)).toEqual(["detection", "detection", "line.notJson"]);
  expect(outcomes[0]).toMatchObject({ detection: { detector: "api-any", readAtMs: 5_000 } });
});

it("a program that the configuration names is read in its format, each request by itself", () => {
  const formats = [{ name: "zeek", format: "zeek-tsv" }];
  const row = "1709287200.1\tScan::Port_Scan\t203.0.113.66";
  const header = ["#separator \\x09", "#set_separator\t,", "#path\tnotice", "#fields\tts\tnote\tsrc"];
  expect(kinds(read("zeek", [...header, row, row], formats))).toEqual([
    ...header.map(() => "zeek.header"),
    "detection",
    "detection",
  ]);
  expect(kinds(read("zeek", [row], formats))).toEqual(["line.header"]);
});

it("what a request leaves open is counted", () => {
  expect(kinds(read("box", ['{"a":'], [{ name: "box", format: "ecs" }]))).toEqual(["line.unfinished"]);
});

it("the same line under another key is another detection", () => {
  const [a] = read("any", [alertLine({})], [], "k1");
  const [b] = read("any", [alertLine({})], [], "k2");
  expect(a).not.toEqual(b);
});
