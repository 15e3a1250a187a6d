import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import { expect, it } from "vitest";
import { isOneOrder, makeValidatorKeys } from "../../../scripts/qbft/order.ts";

/** Of the private key that is this number. */
const addressOf = (number: number) => addressOfPrivateKey(new Uint8Array(32).fill(number, 31));

it("tells validators whom their bytes and their text put into two orders", () => {
  // 0xe1AB81… comes before 0xE57bFE… by bytes, and "E" before "e".
  expect(isOneOrder([5, 6].map(addressOf))).toBe(false);
  expect(isOneOrder([1, 2, 3, 4, 5].map(addressOf))).toBe(true);
  // EIP-55's own examples: 0x27b1fd…, 0x529084…, 0xD1220A…, 0xdbF03B…, 0xde709f…, 0xfB6916….
  const examples = [
    "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359",
    "0xdbf03b407c01e7cd3cbea99509d93f8dddc8c6fb",
    "0xd1220a0cf47c7b9be7a2e6ba89f429762e7b9adb",
    "0x52908400098527886e0f7030069857d2e4169ee7",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
  ];
  expect(isOneOrder(examples as Address[])).toBe(true);
});

it("makes keys in one order", () => {
  for (let i = 0; i < 20; i++) {
    const keys = makeValidatorKeys(4);
    expect(keys).toHaveLength(4);
    expect(isOneOrder(keys.map(addressOfPrivateKey))).toBe(true);
  }
});
