/** One value in all the spellings it can come in: each meets Self, by selection and by every control's own look. */
import { selfHit } from "@anamnesis/sdk/core/compile";
import { selectObservable } from "@anamnesis/sdk/core/selection";
import { checkSelf } from "@anamnesis/sdk/core/self-check";
import type { Observable, ObservableKind, Self } from "@anamnesis/sdk/core/types";
import { describe, expect, test } from "vitest";

const SELF: Self = {
  assets: [
    { name: "gateway", addresses: ["45.60.70.80"] },
    { name: "six", addresses: ["2a01:db8:1::/64"] },
    { name: "mapped", addresses: ["::ffff:45.61.0.9"] },
  ],
  domains: ["plant.example", "xn--bcher-kva.example", "Dotted.Example."],
  roles: { otNetwork: [], writers: [], controllers: [] },
  services: [{ name: "vendor", addresses: ["45.80.0.0/28"], domains: ["support.vendor.example"] }],
  files: [],
  confirmedAtMs: 0,
};

const kindOf = (value: string): ObservableKind =>
  value.includes("://")
    ? "url"
    : /^[\d.]+(?:\/\d+)?$/.test(value)
      ? "ipv4-addr"
      : value.includes(":")
        ? "ipv6-addr"
        : "domain-name";
const seen = (value: string): Observable => ({ kind: kindOf(value), value });

describe("what is Self's is met in every spelling, both ways", () => {
  test.each([
    // a value inside a self range, a range that contains self, one that crosses its edge
    "45.60.70.80",
    "45.80.0.15",
    "45.60.70.0/24",
    "45.60.70.80/32",
    "45.80.0.0/24",
    "45.80.0.8/29",
    "2a01:db8:1::5",
    "2a01:db8:1::/48",
    "2a01:db8:1::/80",
    "2A01:0DB8:0001:0000::0005",
    // IPv4 in IPv6
    "::ffff:45.60.70.80",
    "::ffff:2d3c:4650",
    "0:0:0:0:0:FFFF:45.60.70.80",
    "::ffff:45.60.70.0/120",
    "::45.60.70.80", // IPv4-compatible, deprecated
    "45.61.0.9",
    "45.61.0.0/24",
    // zone ids
    "2a01:db8:1::5%eth0",
    "::ffff:45.60.70.80%1",
    // names: itself, below, above, case, dots, international
    "plant.example",
    "hmi.plant.example",
    "a.b.c.plant.example",
    "PLANT.Example",
    "plant.example.",
    "plant.example...",
    ".plant.example",
    "vendor.example",
    "dotted.example",
    "x.dotted.example.",
    "bücher.example",
    "BÜCHER.example.",
    "shop.xn--bcher-kva.example",
    "XN--BCHER-KVA.example",
    "bu\u0308cher.example", // the same letter in two characters
    "plant。example", // an ideographic dot is a dot (UTS 46)
    // URLs
    "http://plant.example/",
    "HTTPS://Plant.Example:8443/a?b#c",
    "http://user:secret@plant.example/",
    "http://plant.example./",
    "http://hmi.plant.example",
    "http://%70lant.example/",
    "http://bücher.example/x",
    "http://45.60.70.80/x",
    "http://45.60.70.80:8080/x",
    "http://[::ffff:45.60.70.80]/x",
    "http://[2a01:db8:1::5]:8080/",
    "http://0x2d3c4650/",
    "http://0x2d.60.70.80/",
    "http://758924880/",
    "http://055.074.0106.0120/",
    "http://45.60.18000/",
    "http://%34%35.60.70.80/",
    "ftp://vendor@support.vendor.example/f",
  ])("%s", (value) => {
    const observable = seen(value);
    expect(selectObservable(observable, { self: SELF }), "selection").toMatchObject({
      code: "candidate.self",
    });
    expect(selfHit(observable, SELF), "a control").toBeDefined();
    const check = checkSelf(value, { self: SELF });
    expect(check.code, "self check").toBe("candidate.self");
    expect(check.entries[0], "self check").toMatch(/^self\./);
  });

  test.each([
    "45.60.70.81",
    "45.60.71.0/24",
    "45.80.0.16",
    "2a02:db8:1::5",
    "::ffff:45.60.70.81",
    "powerplant.example",
    "plant.example.org",
    "xn--bcher-kv.example",
    "http://45.60.70.81/plant.example",
    "http://plant.example.attacker.test/",
    "http://attacker.test/?plant.example",
    "http://plant.example@attacker.test/",
  ])("%s is not Self's", (value) => {
    expect(selfHit(seen(value), SELF)).toBeUndefined();
    expect(selectObservable(seen(value), { self: SELF })?.code).not.toBe("candidate.self");
  });
});

describe("what is too broad is stopped whoever owns it", () => {
  test.each([
    ["0.0.0.0/0", /candidate\./],
    ["::/0", /candidate\./],
    ["38.0.0.0/8", /candidate\.broad/],
    ["38.9.0.0/16", /candidate\.broad/],
    ["38.9.8.0/23", /candidate\.broad/],
    ["2a02::/32", /candidate\.broad/],
    ["2a02:7::/47", /candidate\.broad/],
    // the same as /16 and /8 in IPv4
    ["::ffff:38.9.0.0/112", /candidate\.broad/],
    ["::ffff:38.0.0.0/104", /candidate\.broad/],
    // around all mapped addresses, narrower than /48
    ["::/80", /candidate\.reserved/],
    // ways to an IPv4 address through IPv6: NAT64, 6to4, Teredo
    ["64:ff9b::2d3c:4650", /candidate\./],
    ["2002:2d3c:4650::1", /candidate\./],
    ["2001:0:1::1", /candidate\./],
    ["com", /candidate\.broad/],
    ["co.uk", /candidate\.broad/],
    ["github.io", /candidate\.broad/],
    ["any", /candidate\.broad/],
    ["*", /candidate\.broad/],
    ["*.example.org", /candidate\.broad/],
    ["", /candidate\.broad/],
    ["http://com/", /candidate\.broad/],
    ["http:///path", /candidate\.broad/],
    ["http://good.example\\@plant.example/", /candidate\./],
    ["http://good.test\\.evil.test/", /candidate\.broad/],
    ["http://a b.test/", /candidate\.broad/],
  ])("%s", (value, code) => {
    expect(selectObservable(seen(value), { self: { ...SELF, assets: [] } })?.code ?? "passes").toMatch(code);
  });

  test("the narrowest ranges that may pass do", () => {
    for (const value of ["38.9.8.0/24", "2a02:7:8::/48", "::ffff:38.9.8.0/120"])
      expect(selectObservable(seen(value), { self: SELF })).toBeUndefined();
  });
});
