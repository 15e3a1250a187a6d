import { attackIdsOfBehaviour, behaviourOf } from "@anamnesis/sdk/core/behaviours";
import { cipRequest, icsFromMetadata } from "@anamnesis/sdk/core/ics";
import { parsePattern, toPattern } from "@anamnesis/sdk/core/pattern";
import { createSequenceWatch, SEQUENCES } from "@anamnesis/sdk/core/sequences";
import type { IcsRequest } from "@anamnesis/sdk/core/types";
import { describe, expect, test } from "vitest";

const request = (service: number, object?: number): IcsRequest =>
  cipRequest(String(service), object === undefined ? "" : String(object))!;
const [STOP, CREATE, TRANSFER] = [request(0x07, 0x8e), request(0x08, 0x68), request(0x50, 0x68)];
const DOWNLOAD = behaviourOf({ ...TRANSFER, sequence: "logic-download" })!;

describe("single requests become a sequence", () => {
  const seen = (...steps: readonly (readonly [IcsRequest, source: string, atMs: number])[]) => {
    const watch = createSequenceWatch();
    return steps.map(([step, source, atMs]) => {
      const judged = watch.see(step, source, atMs);
      return judged === undefined ? "nothing" : (judged.sequence ?? "itself");
    });
  };

  test("with the second step of one source, and with every one after it", () => {
    expect(seen([STOP, "a", 0], [CREATE, "a", 1], [TRANSFER, "a", 2])).toEqual([
      "itself",
      "logic-download",
      "logic-download",
    ]);
    expect(seen([CREATE, "a", 0], [TRANSFER, "a", 300_000])).toEqual(["nothing", "logic-download"]);
  });

  test("not with one step alone, of two sources, of another class, or too late", () => {
    expect(seen([CREATE, "a", 0], [CREATE, "a", 1])).toEqual(["nothing", "nothing"]);
    expect(seen([STOP, "a", 0], [CREATE, "b", 1])).toEqual(["itself", "nothing"]);
    expect(seen([STOP, "a", 0], [request(0x08, 0x6a), "a", 1])).toEqual(["itself", "nothing"]);
    expect(seen([STOP, "a", 0], [CREATE, "a", 300_001])).toEqual(["itself", "nothing"]);
  });

  test("other requests are themselves, and a class that nobody says is believed", () => {
    expect(seen([request(0x05, 0x01), "a", 0], [request(0x03, 0x68), "a", 1])).toEqual(["itself", "itself"]);
    expect(seen([request(0x07), "a", 0], [request(0x50), "a", 1])).toEqual(["itself", "logic-download"]);
  });

  test("sources beyond those that are remembered take nobody's memory for long", () => {
    const watch = createSequenceWatch();
    watch.see(STOP, "first", 0);
    for (let i = 0; i < 5000; i++) watch.see(STOP, `source ${i}`, 1);
    expect(watch.see(CREATE, "first", 2)).toBeUndefined();
    expect(watch.see(CREATE, "source 4999", 2)?.sequence).toBe("logic-download");
  });
});

describe("its record", () => {
  test("is one whichever step was seen last, and apart from those of its steps", () => {
    const of = (step: IcsRequest) => toPattern({ form: "behaviour", behaviour: behaviourOf(step)! }).pattern;
    const whole = of({ ...CREATE, sequence: "logic-download" });
    expect(of({ ...TRANSFER, sequence: "logic-download" })).toBe(whole);
    expect(of({ ...request(0x50), sequence: "logic-download" })).toBe(whole);
    for (const step of [STOP, CREATE, TRANSFER]) expect(of(step)).not.toBe(whole);
    expect(whole).toBe(
      '{"class":"enip-program-by-non-engineer","functions":[7,8,80],"protocol":"enip","roles":["non-engineer","controller"],"sequence":"logic-download"}',
    );
    expect(attackIdsOfBehaviour(DOWNLOAD)).toEqual(["T0858", "T0843"]);
  });

  test("is read again, and only in its one form", () => {
    const key = toPattern({ form: "behaviour", behaviour: DOWNLOAD });
    expect(parsePattern(key)).toEqual({ form: "behaviour", behaviour: DOWNLOAD });
    for (const change of [
      { functions: [7, 8] },
      { sequence: "download" },
      { object: 0x68 },
      { protocol: "dnp3", class: "dnp3-program-by-non-engineer" },
    ])
      expect(() =>
        parsePattern(toPattern({ form: "behaviour", behaviour: { ...DOWNLOAD, ...change } as never })),
      ).toThrow(/discriminators/);
  });

  test("is what a rule's metadata says", () => {
    const metadata = { ics_protocol: ["enip"], ics_function: ["80"], ics_sequence: ["logic-download"] };
    expect(behaviourOf(icsFromMetadata(metadata)!)).toEqual(DOWNLOAD);
    expect(icsFromMetadata({ ...metadata, ics_sequence: ["nothing"] })?.sequence).toBeUndefined();
    expect(icsFromMetadata({ ...metadata, ics_protocol: ["dnp3"] })?.sequence).toBeUndefined();
  });
});

test("names are different, and every step falls into one class of its protocol", () => {
  expect(new Set(SEQUENCES.map(({ name }) => name)).size).toBe(SEQUENCES.length);
  for (const { protocol, steps, parts } of SEQUENCES) {
    const classes = steps.map(
      (step) => behaviourOf(cipRequest(String(step.function), String(step.object))!)?.class,
    );
    expect(new Set(classes).size, protocol).toBe(1);
    expect(parts.every((part) => steps.some((step) => step.function === part))).toBe(true);
  }
});

test("what the connection manager does is no write", () => {
  expect(cipRequest("0x4e", "0x06")?.access).toBe("other");
  expect(cipRequest("0x4e", "0x6b")?.access).toBe("write");
});
