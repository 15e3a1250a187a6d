import { isIP } from "node:net";
import {
  type AddressRange,
  formatAddress,
  mergeRanges,
  parseRange,
  prefixLength,
  subtractRanges,
  toCidrs,
} from "@anamnesis/sdk/core/address-set";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const small = fc
  .tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 12 }))
  .map(
    ([first, length]): AddressRange => ({ family: 4, first: BigInt(first), last: BigInt(first + length) }),
  );
const list = fc.array(small, { maxLength: 8 });

function members(ranges: readonly AddressRange[]): Set<number> {
  const all = new Set<number>();
  for (const { first, last } of ranges) for (let n = first; n <= last; n++) all.add(Number(n));
  return all;
}

describe("address sets", () => {
  it("read addresses as node:net does, and write them canonically", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().filter((text) => !text.includes(".")),
        ),
        (text) => {
          const range = parseRange(text);
          expect(range?.family).toBe(isIP(text));
          if (range === undefined) return;
          const again = formatAddress(range.family, range.first);
          expect(isIP(again)).toBe(range.family);
          expect(parseRange(again)).toEqual(range);
          expect(again).toBe(range.family === 4 ? text : new URL(`http://[${text}]/`).hostname.slice(1, -1));
        },
      ),
    );
  });

  it("refuse what is not canonical", () => {
    const bad = [
      "",
      "any",
      "1.2.3",
      "1.2.3.256",
      "01.2.3.4",
      "1.2.3.4/33",
      "1.2.3.4/24",
      "1.2.3.0/024",
      "1.2.3.4/",
      "::1%eth0",
    ];
    for (const text of [...bad, "::ffff:1.2.3.4", "1::2::3", "12345::", ":::", "1:2:3:4:5:6:7", " 1.2.3.4"]) {
      expect(parseRange(text), text).toBeUndefined();
    }
  });

  it("merge and subtract like sets", () => {
    fc.assert(
      fc.property(list, list, (a, b) => {
        const left = members(a);
        const right = members(b);
        expect(members(mergeRanges(a))).toEqual(left);
        expect(members(subtractRanges(a, b))).toEqual(new Set([...left].filter((n) => !right.has(n))));
        const merged = mergeRanges(a);
        merged.slice(1).forEach((range, i) => {
          expect(range.first > (merged[i]?.last ?? 0n) + 1n).toBe(true);
        });
      }),
    );
  });

  it("become CIDR blocks that hold the same addresses and cannot be fewer", () => {
    fc.assert(
      fc.property(small, (range) => {
        const blocks = toCidrs(range).map((text) => parseRange(text) as AddressRange);
        expect(members(blocks)).toEqual(members([range]));
        for (const [i, block] of blocks.entries()) {
          const next = blocks[i + 1];
          if (next === undefined || prefixLength(block) !== prefixLength(next)) continue;
          // Two neighbours of one size would be one block if the first were aligned to twice the size.
          expect(block.first % (2n * (block.last - block.first + 1n))).not.toBe(0n);
        }
      }),
    );
  });

  it("cover whole families", () => {
    expect(toCidrs({ family: 4, first: 0n, last: 2n ** 32n - 1n })).toEqual(["0.0.0.0/0"]);
    expect(toCidrs({ family: 6, first: 0n, last: 2n ** 128n - 1n })).toEqual(["::/0"]);
  });
});
