import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import { getAddress } from "ethers";
import { expect, test } from "vitest";
import { trustOf } from "./world.ts";

const refusal = (file: string): string => {
  try {
    parseTrust(file);
    return "read";
  } catch (error) {
    if (error instanceof AnamnesisError && error.code === "evidence.trust") return error.message;
    throw error;
  }
};

const changed = (changes: object): string => JSON.stringify({ ...trustOf(), ...changes });
const set = (block: number, ...addresses: string[]) => ({ block, addresses });
const [A, B] = [`0x${"0a".repeat(20)}`, `0x${"0b".repeat(20)}`];

test("a trust file of any layout is read, and checksummed addresses become lower case", () => {
  const trust = trustOf();
  const { address, codeHash } = trust.registry;
  const file = JSON.stringify({ ...trust, registry: { codeHash, address: getAddress(address) } }, null, 2);
  expect(parseTrust(new TextEncoder().encode(file))).toEqual(trust);
});

test.each<[string, string, RegExp]>([
  ["no JSON", "{", /not JSON/],
  ["another format", changed({ format: "anamnesis/trust/2" }), /format/],
  ["an unknown field", changed({ validator: [] }), /validator/],
  [
    "a short address",
    changed({ memory: { address: "0x12", codeHash: trustOf().genesisHash } }),
    /memory\.address: expected 20 bytes/,
  ],
  ["no validators", changed({ validators: [] }), /allowUnsealed is not true/],
  ["an empty set", changed({ validators: [set(0)] }), /validators\.0\.addresses/],
  [
    "a validator twice",
    changed({ validators: [set(0, A, A.toUpperCase().replace("0X", "0x"))] }),
    /listed twice/,
  ],
  ["sets out of order", changed({ validators: [set(5, A), set(5, B)] }), /ascend by block/],
  ["an epoch of no blocks", changed({ epochBlocks: 0 }), /epochBlocks/],
])("%s is refused", (_, file, cause) => {
  expect(refusal(file)).toMatch(cause);
});

test("a trust file is a page, not a disk image", () => {
  expect(refusal(" ".repeat(1_048_577))).toMatch(/it is a page/);
});
