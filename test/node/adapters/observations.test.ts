import { expect, test } from "vitest";
import { createObserver } from "../../../node/src/adapters/benign/observations.ts";

const read = (file: string, ...lines: readonly string[]) => {
  const observe = createObserver(file);
  return lines.map((line, i) => observe(line, i + 1));
};

test("an EVE alert puts its ends under suspicion, other events are records", () => {
  const [alert, modbus] = read(
    "eve.json",
    '{"event_type":"alert","src_ip":"10.2.2.66","dest_ip":"10.2.2.10","alert":{"signature":"a write"}}',
    '{"event_type":"modbus","timestamp":"2026-01-01T00:00:00.000000+0000","src_ip":"10.2.2.20","dest_ip":"10.2.2.10","dest_port":502,"modbus":{"request":{"function_raw":6}}}',
  );
  expect(alert).toEqual({
    alert: { name: "a write", ends: ["10.2.2.66", "10.2.2.10"] },
    place: "eve.json:1",
  });
  expect(modbus).toMatchObject({
    record: { source: "10.2.2.20", protocol: "modbus", function: 6 },
    place: "eve.json:2",
  });
});

test("Zeek's logs are read by their headers, or by their names as JSON", () => {
  const tsv = read(
    "modbus.log",
    "#path\tmodbus",
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tfunc\texception",
    "1767225600.5\tC1\t10.2.2.20\t40000\t10.2.2.10\t502\tWRITE_SINGLE_REGISTER\t-",
    "1767225600.5\tC1\t10.2.2.20",
  );
  const expected = {
    record: {
      atMs: 1_767_225_600_500,
      source: "10.2.2.20",
      destination: "10.2.2.10",
      port: 502,
      protocol: "modbus",
      function: 6,
    },
  };
  expect(tsv).toMatchObject([undefined, undefined, expected, undefined]);
  const json =
    '{"ts":1767225600.5,"id.orig_h":"10.2.2.20","id.resp_h":"10.2.2.10","id.resp_p":502,"func":"WRITE_SINGLE_REGISTER"}';
  expect(read("logs/modbus.00:00:00-01:00:00.log.gz", json)).toMatchObject([expected]);
  expect(read("conn.log", json.replace(',"func":"WRITE_SINGLE_REGISTER"', ""))).toMatchObject([
    { record: { protocol: "flow", port: 502 } },
  ]);
});

test("a notice puts its ends under suspicion", () => {
  expect(read("notice.log", '{"ts":1,"note":"Scan::Port_Scan","src":"10.2.2.66"}')).toEqual([
    { alert: { name: "Scan::Port_Scan", ends: ["10.2.2.66"] }, place: "notice.log:1" },
  ]);
});

test.each(["", "words", "{", "[]", '{"ts":"never","id.orig_h":"10.0.0.1","id.resp_h":"10.0.0.2"}', "a\tb"])(
  "%j teaches nothing",
  (line) => {
    expect(read("conn.log", line)).toEqual([undefined]);
  },
);
