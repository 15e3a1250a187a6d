import { z } from "zod";

/** 32 bytes as lower-case hexadecimal with 0x. */
export const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/, "expected 32 bytes of lower-case hexadecimal");
/** An EVM address in lower case. */
export const address = z.string().regex(/^0x[0-9a-f]{40}$/, "expected 20 bytes of lower-case hexadecimal");
/** Milliseconds since the epoch, to the year 9999; a clock may give fractions. */
export const ms = z
  .number()
  .min(0)
  .max(253_402_300_799_999)
  .meta({ description: "Milliseconds since the epoch, UTC." });
/** As `ms`, or null when it never happened. */
export const nullableMs = ms.nullable();
/** A member's number. */
export const member = z.int().min(1).max(65_535);
/** Counts by a code or a name. */
export const countsByName = z.record(z.string(), z.int());
