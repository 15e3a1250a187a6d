import fc from "fast-check";
import { expect, test } from "vitest";
import { createEventParser } from "../../../sdk/src/client/sse.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

test("reads the standard's examples", () => {
  const parse = createEventParser();
  expect(parse(bytes("data: YHOO\ndata: +2\ndata: 10\n\n"))).toEqual([
    { name: "message", data: "YHOO\n+2\n10", id: undefined },
  ]);
  expect(parse(bytes(": test\n\ndata: first\nid: 1\n\ndata:second\nid\n\ndata:  third\n\n"))).toEqual([
    { name: "comment", data: "test", id: undefined },
    { name: "message", data: "first", id: "1" },
    { name: "message", data: "second", id: "" },
    { name: "message", data: " third", id: undefined },
  ]);
});

test("reads the same however it is cut and whatever ends its lines", () => {
  const events = [
    { name: "change", data: '{"detail":"é ✓"}', id: "1" },
    { name: "state", data: "a\nb", id: undefined },
  ];
  const text = 'id: 1\nevent: change\ndata: {"detail":"é ✓"}\n\nevent: state\ndata: a\ndata: b\n\n';
  fc.assert(
    fc.property(
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 40 }),
      (end, cuts) => {
        const parse = createEventParser();
        const all = bytes(`${text.replaceAll("\n", end)}:\n`);
        const got = [];
        let at = 0;
        for (const cut of [...cuts, all.length]) {
          got.push(...parse(all.slice(at, at + cut)));
          at += cut;
        }
        expect(got.filter(({ name }) => name !== "comment")).toEqual(events);
      },
    ),
  );
});

test("an event without end is refused", () => {
  const parse = createEventParser(100);
  expect(() => parse(bytes(`data: ${"x".repeat(200)}`))).toThrow(RangeError);
});
