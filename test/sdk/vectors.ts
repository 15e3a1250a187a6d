/** The golden vectors that Solidity reads, too. */
import { readFileSync } from "node:fs";
import { fromHex } from "@anamnesis/sdk/core/bytes";

/** Reads test/vectors/NAME.json. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url), "utf8")) as T;
}

export const bytesOf = (hex: string): Uint8Array => fromHex(hex);
