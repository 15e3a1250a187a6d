/** What no control takes, whoever attested it: values that would cut the plant off. */
import { mergeRanges, overlaps, parseRange, toCidrs } from "@anamnesis/sdk/core/address-set";
import { selectObservable } from "@anamnesis/sdk/core/selection";
import type { Observable, ObservableKind } from "@anamnesis/sdk/core/types";
import { parseWarninglist } from "@anamnesis/sdk/core/warninglist";
import { expect, test } from "vitest";
import { refuseObservable } from "../../../../node/src/adapters/controls/observable-plan.ts";
import { SELF } from "../../support/plant.ts";

const seen = (kind: ObservableKind, value: string) => ({ kind, value }) as Observable;

test.each<[ObservableKind, string]>([
  ["ipv4-addr", "8.8.8.8"],
  ["ipv4-addr", "9.9.9.0/24"],
  ["ipv4-addr", "10.2.2.10"],
  ["ipv4-addr", "127.0.0.1"],
  ["ipv4-addr", "169.254.1.1"],
  ["ipv4-addr", "38.0.0.0/8"],
  ["ipv4-addr", "0.0.0.0/0"],
  ["ipv4-addr", "!45.61.70.80"],
  ["ipv4-addr", "any"],
  ["ipv4-addr", ":502"],
  ["ipv6-addr", "::/0"],
  ["ipv6-addr", "::ffff:a02:20a"],
  ["ipv6-addr", "::ffff:808:808"],
  ["ipv6-addr", "fe80::1"],
  ["ipv6-addr", "2001:4860:4860::8888"],
  ["domain-name", "com"],
  ["domain-name", "co.uk"],
  ["domain-name", "github.io"],
  ["domain-name", "plc.local"],
  ["domain-name", "1.168.192.in-addr.arpa"],
  ["domain-name", "any"],
  ["url", "http://8.8.8.8/x"],
  ["url", "http://134744072/x"],
  ["url", "http://localhost/x"],
  ["file", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
])("%s %s is neither shared nor enforced", (kind, value) => {
  expect(selectObservable(seen(kind, value), { self: SELF })).toBeDefined();
  expect(refuseObservable(seen(kind, value), SELF)).toBeDefined();
});

test("a list of top sites keeps them, and a name that all of a site's customers share", () => {
  const top = parseWarninglist(
    JSON.stringify({ name: "Top sites", type: "hostname", list: ["shop.com", "www.bank.com"] }),
    "top.json",
  );
  const self = { ...SELF, warninglists: [top] };
  for (const value of ["shop.com", "eu.shop.com", "bank.com"]) {
    expect(selectObservable(seen("domain-name", value), { self })?.entry, value).toContain("Top sites");
    expect(refuseObservable(seen("domain-name", value), self)?.reason, value).toContain("Top sites");
  }
  expect(refuseObservable(seen("domain-name", "evilshop.com"), self)).toBeUndefined();
});

test("aggregation holds what was asked for and never an address between", () => {
  let seed = 7;
  const chance = () => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed;
  };
  for (let round = 0; round < 200; round++) {
    const kept = chance() % 256;
    const asked = Array.from({ length: 256 }, (_, i) => i).filter((i) => i !== kept && chance() % 8 > 0);
    const ranges = asked.map((i) => parseRange(`198.51.100.${i}`)).filter((range) => range !== undefined);
    const blocks = mergeRanges(ranges)
      .flatMap(toCidrs)
      .map((text) => parseRange(text)!);
    const listed = parseRange(`198.51.100.${kept}`)!;
    expect(
      blocks.some((block) => overlaps(block, listed)),
      `198.51.100.${kept}`,
    ).toBe(false);
    const size = blocks.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
    expect(size).toBe(BigInt(asked.length));
  }
});
