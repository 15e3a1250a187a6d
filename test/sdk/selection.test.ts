import { type SelectionContext, selectObservable } from "@anamnesis/sdk/core/selection";
import type { Observable, ObservableKind, Self } from "@anamnesis/sdk/core/types";
import { describe, expect, it } from "vitest";

const self: Self = {
  assets: [
    { name: "plc-1", addresses: ["10.20.0.10", "2001:db8:1::/64"] },
    { name: "gateway", addresses: ["45.60.70.80"] },
  ],
  domains: ["plant.example"],
  roles: { otNetwork: ["10.20.0.0/24"], writers: ["10.20.0.20"], controllers: ["10.20.0.10"] },
  services: [{ name: "vendor", addresses: ["45.80.0.0/28"], domains: ["support.vendor.example"] }],
  files: ["ab".repeat(32)],
  confirmedAtMs: 0,
};
const allowlist = [
  { name: "warninglist cdn", values: ["104.16.0.0/13", "cdn.example", "0123456789abcdef0123456789abcdef"] },
  { name: "urls", values: ["http://good.example/a"] },
];
const context: SelectionContext = { self, allowlist };

function stop(kind: ObservableKind, value: string, where = context): [string, string] | undefined {
  const stopped = selectObservable({ kind, value } as Observable, where);
  return stopped && [stopped.code, stopped.entry];
}

describe("addresses", () => {
  it.each([
    ["45.60.70.80", "candidate.self", "self.assets: gateway (45.60.70.80)"],
    ["10.20.0.10", "candidate.self", "self.assets: plc-1 (10.20.0.10)"],
    ["10.20.0.77", "candidate.self", "self.roles.otNetwork: 10.20.0.0/24"],
    ["45.80.0.3", "candidate.self", "self.services: vendor (45.80.0.0/28)"],
    ["45.80.0.0/24", "candidate.self", "self.services: vendor (45.80.0.0/28)"], // around an own range
    ["45.60.70.0/24", "candidate.self", "self.assets: gateway (45.60.70.80)"],
    ["192.168.1.6", "candidate.private", "IANA: 192.168.0.0/16 private use (RFC 1918)"],
    ["100.64.1.1", "candidate.private", "IANA: 100.64.0.0/10 shared address space (RFC 6598)"],
    ["127.0.0.1", "candidate.reserved", "IANA: 127.0.0.0/8 loopback (RFC 1122)"],
    ["224.0.0.5", "candidate.reserved", "IANA: 224.0.0.0/4 multicast (RFC 1112)"],
    ["203.0.113.7", "candidate.reserved", "IANA: 203.0.113.0/24 documentation TEST-NET-3 (RFC 5737)"],
    ["8.8.8.8", "candidate.allowlisted", "allowlist public resolvers: 8.8.8.8"],
    ["104.17.1.1", "candidate.allowlisted", "allowlist warninglist cdn: 104.16.0.0/13"],
    ["38.0.0.0/8", "candidate.broad", "built in: /8 is wider than /24"],
    ["nonsense", "candidate.broad", "built in: nonsense is no address or range"],
  ])("%s is stopped as %s by %s", (value, code, entry) => {
    expect(stop("ipv4-addr", value)).toEqual([code, entry]);
  });

  it("stops IPv6 likewise", () => {
    expect(stop("ipv6-addr", "2001:db8:1::5")).toEqual([
      "candidate.self",
      "self.assets: plc-1 (2001:db8:1::/64)",
    ]);
    expect(stop("ipv6-addr", "fe80::1")?.[0]).toBe("candidate.private");
    expect(stop("ipv6-addr", "2001:db8:2::1")?.[0]).toBe("candidate.reserved");
    expect(stop("ipv6-addr", "2620:fe::fe")?.[0]).toBe("candidate.allowlisted");
    expect(stop("ipv6-addr", "2a00::/32")?.[0]).toBe("candidate.broad");
    expect(stop("ipv6-addr", "2a00:1450::1")).toBeUndefined();
  });

  it("lets public ones and the laboratory's pass", () => {
    expect(stop("ipv4-addr", "45.61.70.80")).toBeUndefined();
    expect(stop("ipv4-addr", "45.61.70.0/24")).toBeUndefined();
    expect(stop("ipv4-addr", "203.0.113.7", { self, labPublic: ["203.0.113.0/24"] })).toBeUndefined();
  });
});

describe("names", () => {
  it.each([
    ["plant.example", "candidate.self", "self.domains: plant.example"],
    ["hmi.plant.example", "candidate.self", "self.domains: plant.example"],
    ["vendor.example", "candidate.self", "self.services: vendor (support.vendor.example)"], // above an own name
    ["a.cdn.example", "candidate.allowlisted", "allowlist warninglist cdn: cdn.example"],
    ["co.uk", "candidate.broad", "public suffix list: co.uk"],
    ["github.io", "candidate.broad", "public suffix list: github.io"],
    ["com", "candidate.broad", "built in: a name without a dot"],
    ["printer.local", "candidate.private", "built in: .local is local to a network"],
    ["plc.internal", "candidate.private", "built in: .internal is local to a network"],
    ["7.113.0.203.in-addr.arpa", "candidate.reserved", "built in: .arpa is infrastructure (RFC 3172)"],
  ])("%s is stopped as %s by %s", (value, code, entry) => {
    expect(stop("domain-name", value)).toEqual([code, entry]);
  });

  it("a name that only ends alike passes", () => {
    for (const name of ["powerplant.example", "evil.github.io", "update.turbine-fw.example", "bad.co.uk"]) {
      expect(stop("domain-name", name)).toBeUndefined();
    }
  });
});

describe("URLs, files and fingerprints", () => {
  it("judges a URL by its host", () => {
    expect(stop("url", "http://www.plant.example/x")?.[0]).toBe("candidate.self");
    expect(stop("url", "http://10.20.0.10:8080/x")?.[0]).toBe("candidate.self");
    expect(stop("url", "http://[fe80::1]/x")?.[0]).toBe("candidate.private");
    expect(stop("url", "http://localhost/x")?.[0]).toBe("candidate.private");
    expect(stop("url", "http://good.example/a")?.[0]).toBe("candidate.allowlisted");
    expect(stop("url", "mailto:someone")?.[0]).toBe("candidate.broad");
    expect(stop("url", "http://bad.example/a")).toBeUndefined();
    expect(stop("url", "http://45.61.70.80/a")).toBeUndefined();
  });

  it("stops the plant's own files, the empty file and listed values", () => {
    expect(stop("file", "ab".repeat(32))).toEqual(["candidate.self", `self.files: ${"ab".repeat(32)}`]);
    expect(stop("file", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")?.[0]).toBe(
      "candidate.broad",
    );
    expect(stop("file", "cd".repeat(32))).toBeUndefined();
    expect(stop("ja3", "0123456789abcdef0123456789abcdef")?.[0]).toBe("candidate.allowlisted");
    expect(stop("ja4", "t13d1516h2_8daaf6152771_e5627efa2ab1")).toBeUndefined();
  });
});
