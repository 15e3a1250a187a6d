/** Facts of the collection that do not hold, each with why that is right. docs/formats.md lists them for people. */
const IS_JSON = "the file is JSON: the collection keeps what Zeek's test suite keeps together";
const IS_EMPTY = "the file is one empty line";

/** Why, by the path of the file in the collection. */
export const EXPLAINED: Readonly<Record<string, string>> = {
  "generic_json/litellm-logs.log": "the lines are plain text (`INFO: address - request`), not JSON",
  "suricata_eve_expected/compress_ipv6-02.eve.jsonl":
    "the alert was cut down to its addresses: without a rule it is counted as line.fields",
  "traps/T17-nan-infinity.json":
    "NaN is no JSON (RFC 8259): that line is counted as line.notJson and the other one read, which the fact allows",
  "zeek_json/icsnpp-modbus__analyzer.basic__modbus.json.log": IS_EMPTY,
  "zeek_tsv/scripts.base.frameworks.logging.ascii-json-utf8__ssh-tsv.log": IS_JSON,
  "zeek_tsv/scripts.base.frameworks.logging.ascii-negative-ts__test.log.ts_epoch": IS_JSON,
  "zeek_tsv/scripts.base.frameworks.logging.ascii-negative-ts__test.log.ts_millis": IS_JSON,
  "zeek_tsv/scripts.base.frameworks.logging.ascii-negative-ts__test.log.ts_millis_unsigned": IS_JSON,
};
