import {
  canonicalAddress,
  classifyAddress,
  spanContains,
  spanOf,
  spansOverlap,
} from "@anamnesis/sdk/core/address";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

describe("canonicalAddress", () => {
  it.each([
    ["203.0.113.66", "203.0.113.66"],
    ["2001:0db8:0000:0000:0000:0000:0000:0066", "2001:db8::66"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["::ffff:203.0.113.66", "203.0.113.66"],
    ["::ffff:cb00:7142", "203.0.113.66"],
    ["fe80::1%eth0", "fe80::1"],
    ["::", "::"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  ])("writes %s as %s", (text, canonical) => expect(canonicalAddress(text)).toBe(canonical));

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "01.2.3.4",
    "1.2.3.256",
    "1..2.3",
    "0x7f.0.0.1",
    "127.1",
    "1.2.3.4/32",
    "1.2.3.4 ",
    ":::1",
    "1::2::3",
    "g::1",
    "::1%",
    "plc-1",
    "1234:1.2.3.4",
  ])("finds no address in %j", (text) =>
    expect(canonicalAddress(text)).toBe(text === "::1%" ? "::1" : undefined),
  );

  it("is its own canonical form, whatever the spelling", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const canonical = canonicalAddress(text);
        expect(canonical).toBeDefined();
        expect(canonicalAddress(canonical as string)).toBe(canonical);
        expect(canonicalAddress(text.toUpperCase())).toBe(canonical);
        expect(spanOf(text)).toEqual(spanOf(canonical as string));
      }),
    );
  });
});

describe("classifyAddress", () => {
  it.each([
    ["8.8.4.4", "public"],
    ["192.31.196.1", "public"], // AS112 is globally reachable
    ["9.255.255.255", "public"],
    ["10.0.0.0", "private"],
    ["10.255.255.255", "private"],
    ["11.0.0.0", "public"],
    ["172.15.255.255", "public"],
    ["172.16.0.1", "private"],
    ["172.32.0.0", "public"],
    ["192.168.1.6", "private"],
    ["100.64.0.1", "shared"],
    ["100.128.0.0", "public"],
    ["127.8.8.8", "loopback"],
    ["169.254.1.1", "linkLocal"],
    ["0.0.0.0", "unspecified"],
    ["0.1.2.3", "reserved"],
    ["192.0.2.1", "documentation"],
    ["198.51.100.1", "documentation"],
    ["203.0.113.7", "documentation"],
    ["198.19.255.255", "reserved"],
    ["192.88.99.1", "reserved"],
    ["224.0.0.1", "multicast"],
    ["240.0.0.1", "reserved"],
    ["255.255.255.255", "broadcast"],
    ["2606:4700::1", "public"],
    ["::", "unspecified"],
    ["::1", "loopback"],
    ["::ffff:10.0.0.1", "private"],
    ["::2", "reserved"],
    ["64:ff9b::1", "reserved"],
    ["2001::1", "reserved"],
    ["2001:200::1", "public"],
    ["2001:db8::66", "documentation"],
    ["2002::1", "reserved"],
    ["3fff::1", "documentation"],
    ["4000::1", "reserved"],
    ["fc00::1", "private"],
    ["fd12::1", "private"],
    ["fe80::1%eth0", "linkLocal"],
    ["fec0::1", "private"],
    ["ff02::1", "multicast"],
  ])("%s is %s", (address, expected) => expect(classifyAddress(address)).toBe(expected));

  it("lets a laboratory's documentation range stand for the Internet, and only that", () => {
    const labPublic = ["203.0.113.0/24"];
    expect(classifyAddress("203.0.113.7", { labPublic })).toBe("public");
    expect(classifyAddress("198.51.100.7", { labPublic })).toBe("documentation");
    expect(classifyAddress("203.0.112.0/23", { labPublic })).toBe("documentation");
  });

  it("calls a range by what it touches", () => {
    expect(classifyAddress("8.0.0.0/6")).toBe("private");
    expect(classifyAddress("0.0.0.0/0")).toBe("broadcast");
  });
});

describe("spans", () => {
  it("refuse text that is no address and ranges with host bits", () => {
    for (const text of ["plc", "198.51.100.9/24", "1.2.3.4/33", ""]) {
      expect(() => spanOf(text)).toThrow(expect.objectContaining({ code: "input.invalid" }));
    }
    try {
      spanOf("198.51.100.9/24");
    } catch (error) {
      expect(isAnamnesisError(error, "input.invalid")).toBe(true);
    }
  });

  it("contain and overlap as their numbers say", () => {
    expect(spanContains(spanOf("10.0.0.0/8"), spanOf("10.1.2.3"))).toBe(true);
    expect(spanContains(spanOf("10.1.2.3"), spanOf("10.0.0.0/8"))).toBe(false);
    expect(spansOverlap(spanOf("10.1.2.3"), spanOf("10.0.0.0/8"))).toBe(true);
    expect(spansOverlap(spanOf("::a00:1"), spanOf("10.0.0.1"))).toBe(false);
    expect(spanContains(spanOf("2001:db8::/32"), spanOf("2001:db8:ffff::1"))).toBe(true);
    expect(spansOverlap(spanOf("2001:db8::/32"), spanOf("2001:db9::1"))).toBe(false);
  });
});
