import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEveLine } from "@anamnesis/sdk/core/eve";
import { scanEve } from "@anamnesis/sdk/core/eve-scan";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alertLine, CONTEXT } from "./eve-support.ts";

const recorded = readFileSync(join(import.meta.dirname, "../../fixtures/attacks/all.eve.json"), "utf8")
  .trim()
  .split("\n");
const digest = "00".repeat(32);

/** Bytes take the scanner when they are plain, text always takes JSON.parse: both must say the same. */
function difference(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes).toString();
  const context = { ...CONTEXT, digest };
  const scanned = JSON.stringify(parseEveLine(bytes, context));
  const parsed = JSON.stringify(parseEveLine(text, context));
  return scanned === parsed ? undefined : `${JSON.stringify(text)} gave ${scanned}, not ${parsed}`;
}

function expectSame(bytes: Uint8Array): void {
  expect(difference(bytes)).toBeUndefined();
}

/** Every kind of token in every place where it may stand, with the members that decide an outcome. */
const DENSE = alertLine(
  {
    src_ip: "45.1.1.1",
    ports: [1, -2.5e3, 0, [], {}, [[true], { k: null }]],
    flow: { src_ip: "45.1.1.1", src_port: 41822, x: 'q"\\/\b\u00e9' },
    tls: { ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1", sni: "a.example" },
    files: [{ sha256: "ab".repeat(32), state: "CLOSED" }, false],
    modbus: { id: 1, request: { function_raw: 6, unit: 0.5 } },
  },
  {
    signature: 's\\1 "quoted"',
    source: { ip: "45.1.1.1", port: 41822 },
    metadata: { mitre_technique_id: ["T0855"], signature_severity: ["Major"] },
  },
)
  .replace("é", "\\u00e9")
  .replace("-2500", "-2.5e+3");

it("takes every recorded line, so that this test is about it", () => {
  for (const line of recorded) expect(scanEve(Buffer.from(line), line)).toBeDefined();
});

// Thousands of cases: how long they take says nothing.
describe("equals the full parser", { timeout: 120_000 }, () => {
  it("on every recorded line", () => {
    for (const line of recorded) expectSame(Buffer.from(line));
  });

  it("on a dense line with any one byte removed, replaced or added", () => {
    expect(scanEve(Buffer.from(DENSE), DENSE)).toBeDefined();
    const bytes = Buffer.from(DENSE);
    const others = Buffer.from('"\\,:{}[]0159-+.eEutn \t\u0001\u007fx', "latin1");
    const differences: string[] = [];
    const check = (start: number, end: number, insert: Uint8Array): void => {
      const different = difference(Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(end)]));
      if (different !== undefined) differences.push(different);
    };
    for (let at = 0; at <= bytes.length; at++) {
      check(at, at + 1, Buffer.alloc(0));
      for (const byte of [...others, 0x1f, 0x80, 0xc3]) {
        check(at, at, Buffer.from([byte]));
        check(at, at + 1, Buffer.from([byte]));
      }
    }
    expect(differences.slice(0, 5)).toEqual([]);
  });

  it("on recorded lines with bytes changed, removed, doubled and moved", () => {
    const edit = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.integer({ min: 0, max: 12 }),
      insert: fc.oneof(
        fc.uint8Array({ maxLength: 3 }),
        fc
          .constantFrom(
            '"',
            "\\",
            ",",
            ":",
            "{",
            "}",
            "[",
            "]",
            "0",
            "-",
            ".",
            "e",
            "\\u00e9",
            "\\ud800",
            "null",
            " ",
          )
          .map((text) => Buffer.from(text)),
      ),
    });
    fc.assert(
      fc.property(
        fc.nat({ max: recorded.length - 1 }),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        (index, edits) => {
          let bytes = Buffer.from(recorded[index] as string);
          for (const { at, length, insert } of edits) {
            const start = Math.floor(at * bytes.length);
            bytes = Buffer.concat([bytes.subarray(0, start), insert, bytes.subarray(start + length)]);
          }
          expectSame(bytes);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("on objects of any values under the keys it knows, doubled keys included", () => {
    const key = fc.constantFrom(
      ...[
        "timestamp",
        "event_type",
        "src_ip",
        "src_port",
        "dest_ip",
        "dest_port",
        "proto",
        "app_proto",
        "direction",
      ],
      ...[
        "flow_id",
        "community_id",
        "alert",
        "modbus",
        "flow",
        "dns",
        "http",
        "tls",
        "files",
        "fileinfo",
        "event",
      ],
      ...[
        "ip",
        "port",
        "source",
        "target",
        "metadata",
        "signature_id",
        "signature",
        "severity",
        "gid",
        "rev",
        "request",
      ],
      ...[
        "function_raw",
        "function_code",
        "hostname",
        "url",
        "sni",
        "query",
        "rrname",
        "__proto__",
        "constructor",
        "x",
      ],
    );
    const leaf = fc.oneof(
      fc.constantFrom(
        "alert",
        "flow",
        "203.0.113.7",
        "10.20.0.10",
        "to_server",
        "2026-03-01T10:00:00Z",
        'a"\\/\n',
        "é",
      ),
      fc.constantFrom(1, 0, -1, 80, 65_536, 1.5, 1e21, 9_007_199_254_740_992, true, false, null),
      fc.string({ maxLength: 6 }),
    );
    const { node } = fc.letrec((tie) => ({
      node: fc.oneof(
        { maxDepth: 4, depthSize: "small" },
        { weight: 4, arbitrary: leaf.map((value) => JSON.stringify(value)) },
        {
          weight: 1,
          arbitrary: fc.constantFrom("01", "1e5", "-0", "1.", "tru", "NaN", "12345678901234567890", '"\\x"'),
        },
        {
          weight: 2,
          arbitrary: fc.array(tie("node") as fc.Arbitrary<string>, { maxLength: 3 }).map((all) => `[${all}]`),
        },
        { weight: 3, arbitrary: members(tie("node") as fc.Arbitrary<string>) },
      ),
    }));
    function members(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
      return fc
        .array(fc.tuple(key, value), { maxLength: 8 })
        .map((all) => `{${all.map(([name, text]) => `${JSON.stringify(name)}:${text}`).join(",")}}`);
    }
    const whole = members(node as fc.Arbitrary<string>);
    fc.assert(
      fc.property(whole, whole, (parts, alert) => {
        expectSame(Buffer.from(parts));
        // Into an alert that is sound but for what is laid over it.
        const sound = alertLine();
        expectSame(
          Buffer.from(
            `${sound.slice(0, -1)}${parts === "{}" ? "" : `,${parts.slice(1)}`}${parts === "{}" ? "}" : ""}`,
          ),
        );
        expectSame(Buffer.from(`${sound.slice(0, -1)},"alert":${alert}}`));
      }),
      { numRuns: 3_000 },
    );
  });

  it("on a record nested under `event`", () => {
    expectSame(Buffer.from(`{"firewall_name":"f","event":${DENSE}}`));
    expectSame(Buffer.from(`{"event_type":null,"event":${DENSE}}`));
  });

  it("on nesting without end, and on metadata that ends early", () => {
    const deep = `{"event_type":"alert","x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
    expectSame(Buffer.from(deep));
    const metadata = (text: string) => alertLine().replace('"action"', `"metadata":${text},"action"`);
    for (const text of [
      '{"a":["b"]}',
      '{"a":["b}"]}',
      '{"a":["b"]}',
      '{"a":{"b":"c"}}',
      '{"a":["b"]',
      '{"a":["b"]}x',
    ]) {
      expectSame(Buffer.from(metadata(text)));
    }
  });
});
