/** Published warninglists stop candidates both ways, in every spelling, by the name of list and entry. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { selfHit } from "@anamnesis/sdk/core/compile";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { compileSafeRegex } from "@anamnesis/sdk/core/safe-regex";
import { selectObservable } from "@anamnesis/sdk/core/selection";
import type { Observable, ObservableKind, Self } from "@anamnesis/sdk/core/types";
import { parseWarninglist } from "@anamnesis/sdk/core/warninglist";
import { indexWarninglists } from "@anamnesis/sdk/core/warninglist-index";
import type { Warninglist } from "@anamnesis/sdk/core/warninglist-types";
import { describe, expect, it } from "vitest";

const NAMES = ["domain", "hostname", "url"];
const make = (type: string, list: readonly unknown[], matching_attributes: readonly string[]) =>
  parseWarninglist(
    JSON.stringify({ name: type, type, version: 1, list, matching_attributes }),
    `${type}.json`,
  );

const lists: readonly Warninglist[] = [
  make(
    "cidr",
    ["104.16.0.0/13", "104.16.5.0/24", "2A06:98C0::/29", "::ffff:9270:3d68"],
    ["ip-src", "ip-dst"],
  ),
  make("hostname", ["Cdn.Example.", "bücher.example"], NAMES),
  make("string", [".google.example", "captive.apple.example", "http://known.example/a"], NAMES),
  make("string", ["CD".repeat(32)], ["sha256", "filename|sha256"]),
  make("substring", ["sandbox.example"], NAMES),
  make("regex", ["/^update[0-9]+\\.vendor\\.example$/i"], ["hostname"]),
];
const self: Self = {
  assets: [],
  domains: [],
  roles: { otNetwork: [], writers: [], controllers: [] },
  services: [],
  files: [],
  confirmedAtMs: 0,
  warninglists: lists,
};

const seen = (kind: ObservableKind, value: string): Observable => ({ kind, value }) as Observable;
function entryOf(kind: ObservableKind, value: string): string | undefined {
  const hit = indexWarninglists(lists)(seen(kind, value));
  return hit && `${hit.list.file} ${hit.entry}`;
}

describe("values and entries", () => {
  it.each([
    ["ipv4-addr", "104.16.5.7", "cidr.json 1"],
    ["ipv4-addr", "104.23.255.255", "cidr.json 1"],
    ["ipv4-addr", "104.0.0.0/8", "cidr.json 1"], // a range around a listed one
    ["ipv6-addr", "::ffff:104.16.5.7", "cidr.json 1"],
    ["ipv6-addr", "2a06:98c0::1%eth0", "cidr.json 3"],
    ["ipv4-addr", "146.112.61.104", "cidr.json 4"], // listed as IPv4-mapped IPv6
    ["domain-name", "cdn.example", "hostname.json 1"],
    ["domain-name", "a.b.CDN.example.", "hostname.json 1"],
    ["domain-name", "BÜCHER.example", "hostname.json 2"],
    ["domain-name", "www.xn--bcher-kva.example", "hostname.json 2"],
    ["domain-name", "mail.google.example", "string.json 1"],
    ["domain-name", "captive.apple.example", "string.json 2"],
    ["domain-name", "apple.example", "string.json 2"], // to block it blocks the listed name below
    ["url", "https://user@cdn.example:8443/x", "hostname.json 1"],
    ["url", "http://104.16.5.7/x", "cidr.json 1"],
    ["url", "http://0x68100507/x", "cidr.json 1"],
    ["url", "http://[::ffff:104.16.5.7]/x", "cidr.json 1"],
    ["url", "http://known.example/a/", "string.json 3"],
    ["file", "cd".repeat(32), "string.json 1"],
    ["domain-name", "eu.sandbox.example.net", "substring.json 1"],
    ["domain-name", "update12.vendor.example", "regex.json 1"],
  ] as const)("%s %s hits %s", (kind, value, entry) => {
    expect(entryOf(kind, value)).toBe(entry);
  });

  it.each([
    ["ipv4-addr", "104.15.255.255"],
    ["ipv4-addr", "104.24.0.0"],
    ["ipv6-addr", "2a06:98c8::1"],
    ["domain-name", "evilcdn.example"],
    ["domain-name", "x.captive.apple.example"], // listed as a text, not as a host name
    ["domain-name", "update.vendor.example"],
    ["url", "http://other.example/?u=cdn.example"],
    ["url", "http://apple.example/"], // a URL stops one host, not what lies below
    ["file", "ce".repeat(32)],
    ["ja3", "cd".repeat(16)],
  ] as const)("%s %s hits nothing", (kind, value) => {
    expect(entryOf(kind, value)).toBeUndefined();
  });

  it("finds what a plain search over all ranges finds", () => {
    const spans = Array.from(
      { length: 400 },
      (_, i) => `${(i * 37) % 223}.${(i * 91) % 256}.0.0/${8 + ((i * 7) % 9)}`,
    ).map((text) => {
      const [address = "", bits = ""] = text.split("/");
      const number = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
      const first = number - (number % 2 ** (32 - Number(bits)));
      return { first, last: first + 2 ** (32 - Number(bits)) - 1, bits };
    });
    const dotted = (n: number) => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join(".");
    const many = [
      make(
        "cidr",
        spans.map(({ first, bits }) => `${dotted(first)}/${bits}`),
        ["ip-dst"],
      ),
    ];
    for (let i = 0; i < 2000; i++) {
      const n = (i * 2_654_435_761) % 2 ** 32;
      const expected = spans.some(({ first, last }) => first <= n && n <= last);
      expect(indexWarninglists(many)(seen("ipv4-addr", dotted(n))) !== undefined, dotted(n)).toBe(expected);
    }
  });

  it("stops candidates and what arrives from others, by list and entry", () => {
    const entry = "warninglist cidr (cidr.json, entry 1): 104.16.0.0/13";
    expect(selectObservable(seen("ipv4-addr", "104.17.0.1"), { self })).toEqual({
      code: "candidate.allowlisted",
      entry,
    });
    expect(selfHit(seen("ipv4-addr", "104.17.0.1"), self)).toBe(entry);
    expect(selectObservable(seen("ipv4-addr", "45.61.70.80"), { self })).toBeUndefined();
    expect(selfHit(seen("ipv4-addr", "45.61.70.80"), self)).toBeUndefined();
  });
});

function refusal(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    if (isAnamnesisError(error)) return error.message;
    throw error;
  }
  return "nothing was refused";
}

describe("what is refused, in one line", () => {
  it.each([
    ["{", "is not JSON"],
    ["[]", "expected a list.json of MISP"],
    ['{"name":"x","type":"fuzzy","list":[]}', "type: expected cidr"],
    ['{"name":"x","type":"cidr","list":{}}', "list: expected a list"],
    ['{"name":"x","type":"cidr","list":["10.0.0.0/8","10.0.0.1/8"]}', "entry 2: 10.0.0.1/8 is no address"],
    ['{"name":"x","type":"string","list":[7]}', "entry 1: expected a text"],
    ['{"name":"x","type":"substring","list":["a"]}', 'entry 1: "a" is in nearly every value'],
    ['{"name":"x","type":"regex","list":["(a+)+$"]}', "entry 1: the pattern"],
  ])("%s: %s", (text, message) => {
    const line = refusal(() => parseWarninglist(text, "list.json"));
    expect(line).toContain(`list.json: ${message}`);
    expect(line).not.toContain("\n");
  });

  it.each([
    ["(a+)+$", "repeats a group"],
    ["(a|aa)*b", "repeats a group"],
    ["(?=a)b", "look-around"],
    ["(a)\\1", "back-reference"],
    [".*.*.*x", "steps"],
    [`${"a?".repeat(30)}${"a".repeat(30)}`, "steps"],
    [".{1,900}.{1,900}.{1,900}", "steps"],
    [".*x{400}y", "steps"],
    [`.*${"x".repeat(400)}y`, "steps"],
    ["", "empty"],
    ["[", "Invalid regular expression"],
  ])("the pattern %s: %s", (pattern, reason) => {
    expect(refusal(() => compileSafeRegex(pattern))).toContain(reason);
  });

  it("takes the patterns that lists use", () => {
    for (const pattern of [
      "^.*\\.example\\.com$",
      "/[a-z]+\\.cdn\\.example/i",
      "^(?:www|ftp)\\.vendor\\.example$",
    ])
      expect(compileSafeRegex(pattern)).toBeInstanceOf(RegExp);
  });
});

const SAMPLES = join(import.meta.dirname, "../../../shared/samples/misp_warninglist");

describe.skipIf(!existsSync(SAMPLES))("lists as MISP publishes them", () => {
  it("are all read, and hold their own entries", () => {
    const files = readdirSync(SAMPLES);
    expect(files.length).toBeGreaterThan(20);
    const all = files.map((file) => parseWarninglist(readFileSync(join(SAMPLES, file), "utf8"), file));
    const index = indexWarninglists(all);
    expect(index(seen("ipv4-addr", "10.1.2.3"))).toMatchObject({ value: "10.0.0.0/8" });
    expect(index(seen("domain-name", "www.google.com"))).toBeDefined();
    expect(index(seen("domain-name", "analyze.intezer.com"))).toBeDefined();
    expect(index(seen("domain-name", "evil.co.uk"))).toBeUndefined();
    for (const list of all)
      for (const value of list.type === "cidr" ? list.entries : []) {
        const kind = value.includes(":") ? "ipv6-addr" : "ipv4-addr";
        expect(index(seen(kind, value.toLowerCase())), `${list.file}: ${value}`).toBeDefined();
      }
  });
});
