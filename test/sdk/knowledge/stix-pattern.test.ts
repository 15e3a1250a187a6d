import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { reducePattern } from "@anamnesis/sdk/knowledge/reduce";
import { parseStixPattern } from "@anamnesis/sdk/knowledge/stix-pattern";
import fc from "fast-check";
import { describe, expect, test } from "vitest";

describe("the grammar of STIX patterns", () => {
  test.each([
    "[file:size = 1280]",
    "[file:size <= 1024 AND file:size > 7.5]",
    "[ipv4-addr:value NOT ISSUBSET '192.168.0.1/24']",
    "[user-account:value = 'a'] AND [user-account:value != 'b'] OR [a:b = true] WITHIN 5 SECONDS",
    "( [(network-traffic:dst_port IN(443,6443) AND network-traffic:src_packets <> 0) ]) REPEATS 3 TIMES",
    "([a:b = 'x'] FOLLOWEDBY [c:d MATCHES '^.+$']) START t'2016-06-01T01:30:00.123Z' STOP t'2016-06-01T02:20:00Z'",
    "[file:extensions.'windows-pebinary-ext'.sections[*].entropy > 7.0]",
    "[artifact:payload_bin = b'dGhpcw==' OR file:magic_number_hex = h'ffd8']",
    "[EXISTS x-usb-device:usbdrive.serial_number AND NOT EXISTS file:name]",
    "[file:name = 'eat at joe\\'s' OR file:name = 'C:\\\\Windows'] // a comment",
  ])("takes %s", (pattern) => {
    expect(() => parseStixPattern(pattern)).not.toThrow();
  });

  test.each([
    ["file:size = 1280", /column 1: expected "\[", found file/],
    ["[file:size = ]", /column 14: expected a value/],
    ["[file:size = 1280", /expected "\]", found the end/],
    ["[file.size = 1280]", /expected ":" after file/],
    ["[file:name MATCHES /.*/]", /column 20/],
    ["[foo:bar = 1] within 2 seconds", /found within/],
    ["[foo:bar = 1] WITHIN -5 SECONDS", /a number above 0/],
    ["[foo:bar = 1] REPEATS 1.5 TIMES", /whole number of times/],
    ["[foo:bar = 1] WITHIN 5 SECONDS WITHIN 6 SECONDS", /WITHIN stands twice/],
    ["[file:hashes.'SHA-256' = 'f00']", /64 hexadecimal digits/],
    ["[a:b == t'2457-73-22T32:81:84.1Z']", /no timestamp/],
    ["[a:b = b'====']", /base64/],
    ["[a:b LIKE 5]", /LIKE needs a text/],
    ["[a:b > true]", /needs an order/],
    ["[a:b = 'x\\n']", /no place here/],
    ["[ipv4-addr:value = '1.2.3.4' and ipv4-addr:value = '5.6.7.8']", /expected "\]", found and/],
    [`${"(".repeat(200)}[a:b = 1]${")".repeat(200)}`, /nested deeper than 64/],
    [`[a:b = '${"x".repeat(20_000)}']`, /longer than 16384/],
  ])("refuses %s", (pattern, words) => {
    expect(() => parseStixPattern(pattern)).toThrow(words);
  });

  test("never fails in another way, and is quick, whatever it is given", () => {
    const piece = fc.constantFrom(
      ..."[ ] ( ) ' \\ : . , = != <> <= AND OR NOT IN WITHIN SECONDS file size t'2020-01-01T00:00:00Z' 1 -2.5 /* */ é".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        try {
          parseStixPattern(pieces.join(" "));
        } catch (error) {
          expect(isAnamnesisError(error, "input.invalid")).toBe(true);
        }
      }),
    );
  });
});

describe("what a control could apply of a pattern", () => {
  test("alternatives are taken apart, in normal form", () => {
    const patterns = reducePattern(
      "[ipv4-addr:value = '198.51.100.7/32' OR domain-name:value = 'Bad.Example.'] OR [url:value IN ('http://BAD.example/a', 'http://bad.example/a')]",
    );
    expect(patterns.map(({ key }) => key.pattern)).toEqual([
      "[ipv4-addr:value = '198.51.100.7']",
      "[domain-name:value = 'bad.example']",
      "[url:value = 'http://bad.example/a']",
    ]);
    expect(patterns.every(({ form }) => form?.form === "observable")).toBe(true);
  });

  test.each([
    "[ipv4-addr:value = '1.2.3.4'] AND [domain-name:value = 'bad.example']",
    "[ipv4-addr:value = '1.2.3.4' AND ipv4-addr:value = '1.2.3.5']",
    "[ipv4-addr:value = '1.2.3.4'] WITHIN 5 SECONDS",
    "[ipv4-addr:value != '203.0.113.66']",
    "[ipv4-addr:value NOT = '203.0.113.66']",
    "[ipv4-addr:value = '0.0.0.0/0']",
    "[ipv4-addr:value ISSUBSET '38.0.0.0/8']",
    "[network-traffic:dst_port = 502]",
    "[url:value = 'http://bad.example/a?q=1']",
    "[url:value = 'https://bad.example/']",
    "[ipv4-addr:value = '1.2.3.4' OR file:name = 'a.dll']",
    "[domain-name:value MATCHES '.*']",
  ])("%s stays one pattern that nothing applies", (pattern) => {
    expect(reducePattern(pattern)).toEqual([{ key: { patternType: "stix", pattern }, form: null }]);
  });

  test("a value that looks like a pattern stays a value", () => {
    const [only, ...others] = reducePattern("[url:value = 'x\\' OR ipv4-addr:value = \\'0.0.0.0']");
    expect(others).toEqual([]);
    expect(only?.form).toBeNull();
  });
});
