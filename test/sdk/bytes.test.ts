import {
  concat,
  equalBytes,
  fromHex,
  parseAddress,
  parseBytes32,
  parseSignature,
  readUint,
  toHex,
  uintBytes,
} from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import fc from "fast-check";
import { expect, test } from "vitest";

const invalid = (error: unknown) => isAnamnesisError(error, "input.invalid");
const throwsInvalid = (task: () => unknown) => {
  try {
    task();
  } catch (error) {
    expect(invalid(error), String(error)).toBe(true);
    return;
  }
  throw new Error("nothing was thrown");
};

test("hexadecimal is the inverse of bytes", () => {
  fc.assert(fc.property(fc.uint8Array(), (bytes) => equalBytes(fromHex(toHex(bytes)), bytes)));
});

test("a view into a larger buffer gives its own bytes only", () => {
  const whole = Uint8Array.of(1, 2, 3, 4);
  expect(toHex(whole.subarray(1, 3))).toBe("0x0203");
  expect(equalBytes(whole.subarray(1, 3), Uint8Array.of(2, 3))).toBe(true);
});

test.each(["", "0x1", "1234", "0xzz", "0x12 ", "0x\n12"])("%j is not hexadecimal", (text) => {
  throwsInvalid(() => fromHex(text));
});

test("unsigned integers round-trip up to 2^53 − 1, in any length that holds them", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.integer({ min: 1, max: 8 }), (value, length) => {
      if (length < 7 && value >= 2 ** (8 * length)) return throwsInvalid(() => uintBytes(value, length));
      expect(readUint(uintBytes(value, length), 0, length)).toBe(value);
      expect(uintBytes(value, length)).toHaveLength(length);
    }),
  );
});

test.each([-1, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY])("%d is no unsigned integer", (value) => {
  throwsInvalid(() => uintBytes(value, 8));
});

test("a number above 2^53 − 1 is refused when read", () => {
  throwsInvalid(() => readUint(new Uint8Array(8).fill(255), 0, 8));
});

test("joined bytes are their parts in order", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (parts) => {
      expect([...concat(...parts)]).toEqual(parts.flatMap((part) => [...part]));
    }),
  );
});

test.each([
  ["an address", parseAddress, 20],
  ["32 bytes", parseBytes32, 32],
  ["a signature", parseSignature, 65],
] as const)("%s has exactly its length and is lower case afterwards", (_name, parse, length) => {
  expect(parse(`0x${"Ab".repeat(length)}`)).toBe(`0x${"ab".repeat(length)}`);
  for (const bad of [
    `0x${"ab".repeat(length - 1)}`,
    `0x${"ab".repeat(length + 1)}`,
    "ab".repeat(length + 1),
    `0x${"zz".repeat(length)}`,
    null,
    7,
    undefined,
  ])
    throwsInvalid(() => parse(bad));
});
