import * as z from "zod";
import { AnamnesisError } from "../core/errors.ts";
import { TRUST_FORMAT, type Trust } from "./types.ts";

/** Bytes of a trust file at most. */
export const MAX_TRUST_BYTES = 1_048_576;

const hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`), `expected ${bytes} bytes of hexadecimal with 0x`)
    .transform((value) => value.toLowerCase());
const block = z.int().min(0);
const contract = z.strictObject({ address: hex(20), codeHash: hex(32) });

const trustSchema = z
  .strictObject({
    format: z.literal(TRUST_FORMAT),
    chainId: z.int().min(1),
    genesisHash: hex(32),
    memory: contract,
    registry: contract,
    validators: z.array(z.strictObject({ block, addresses: z.array(hex(20)).min(1).max(1024) })).max(4096),
    epochBlocks: z.int().min(1).optional(),
    allowUnsealed: z.boolean().optional(),
  })
  .refine(
    ({ validators }) =>
      validators.every(({ block: at }, i) => i === 0 || (validators[i - 1]?.block ?? 0) < at),
    { path: ["validators"], error: "sets of validators ascend by block" },
  )
  .refine(
    ({ validators }) => validators.every(({ addresses }) => new Set(addresses).size === addresses.length),
    { path: ["validators"], error: "a validator is listed twice" },
  )
  .refine(({ validators, allowUnsealed }) => validators.length > 0 || allowUnsealed === true, {
    path: ["validators"],
    error: "there are none, and allowUnsealed is not true",
  });

/**
 * Parses a trust file, JSON of any layout; addresses may carry a checksum.
 * @throws AnamnesisError `evidence.trust` with the field that is wrong
 */
export function parseTrust(file: Uint8Array | string): Trust {
  if (file.length > MAX_TRUST_BYTES)
    throw new AnamnesisError("evidence.trust", `the trust file has ${file.length} bytes; it is a page`);
  let value: unknown;
  try {
    const text = typeof file === "string" ? file : new TextDecoder("utf-8", { fatal: true }).decode(file);
    value = JSON.parse(text);
  } catch (cause) {
    throw new AnamnesisError("evidence.trust", "the trust file is not JSON in UTF-8", { cause });
  }
  const result = trustSchema.safeParse(value);
  if (result.success) return result.data as unknown as Trust; // hexadecimal of the checked length is what the brands promise
  const issue = result.error.issues[0];
  const field = (issue?.path ?? []).map(String).join(".");
  throw new AnamnesisError(
    "evidence.trust",
    `the trust file's ${field === "" ? "content" : field}: ${issue?.message ?? "invalid"}`,
    { details: { field } },
  );
}
