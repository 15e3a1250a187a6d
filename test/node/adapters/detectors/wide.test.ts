import type { LineOutcome } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createLineSplitter, type Line } from "../../../../node/src/adapters/detectors/lines.ts";
import { createOutcomes } from "../../../../node/src/adapters/detectors/outcomes.ts";
import { createNarrow } from "../../../../node/src/adapters/detectors/wide.ts";
import { alertLine, SELF } from "../../../sdk/eve-support.ts";
import { kinds } from "../../../sdk/formats/support.ts";

function cut(bytes: Buffer): Line[] {
  const splitter = createLineSplitter(0);
  splitter.added(bytes.copy(splitter.room()));
  const lines: Line[] = [];
  for (let line = splitter.next(); line !== undefined; line = splitter.next()) lines.push(line);
  return lines;
}

const ENCODINGS: Readonly<Record<string, (text: string) => Buffer>> = {
  "little-endian with a mark": (text) => Buffer.from(`\ufeff${text}`, "utf16le"),
  "little-endian without": (text) => Buffer.from(text, "utf16le"),
  "big-endian with a mark": (text) => Buffer.from(`\ufeff${text}`, "utf16le").swap16(),
};

describe.each(Object.entries(ENCODINGS))("a log in UTF-16, %s", (_name, encode) => {
  it.each(["eve", "auto"])("gives what the same text in UTF-8 gives (%s)", (format) => {
    const text = `${alertLine()}\r\n${alertLine({ host: "Käse€" })}\r\n{"event_type":"flow"}\r\nhalf\r\n`;
    const read = (bytes: Buffer): LineOutcome[] =>
      createOutcomes({
        name: "eve",
        path: "eve.json",
        format,
        clock: { nowMs: () => 1_000, monotonicMs: () => 0 },
        self: () => SELF,
      }).of({ stream: "1:a", lines: cut(bytes) }) as LineOutcome[];
    expect(kinds(read(encode(text)))).toEqual(["detection", "detection", "flow", "line.notJson"]);
    expect(kinds(read(encode(text)))).toEqual(kinds(read(Buffer.from(text))));
  });
});

it("half of a line end that is left over is nothing", () => {
  expect(createNarrow()(Buffer.from([0]))).toHaveLength(0);
});

it("leaves text in UTF-8 alone, whatever it is", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
      fc.pre(!text.startsWith("\0") && text[1] !== "\0");
      const line = Buffer.from(text);
      expect(createNarrow()(line)).toBe(line);
    }),
  );
});
