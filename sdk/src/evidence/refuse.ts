import { AnamnesisError } from "../core/errors.ts";
import type { Hex } from "../core/types.ts";
import type { EvidenceCode } from "./types.ts";

/**
 * The error with which a check refuses a bundle.
 *
 * @param field where in the bundle
 * @param cause what is wrong there, as the rest of a sentence that names the field
 * @param record the subject or feed it concerns
 */
export function refuse(code: EvidenceCode, field: string, cause: string, record?: Hex): AnamnesisError {
  return new AnamnesisError(code, `${field} ${cause}`, {
    details: { field, cause, ...(record !== undefined && { record }) },
  });
}

/** Throws unless a list of texts ascends strictly: one order, nothing twice. */
export function requireAscending(
  values: readonly (string | number)[],
  code: EvidenceCode,
  fieldOf: (index: number) => string,
  by: string,
): void {
  for (let i = 1; i < values.length; i++) {
    if ((values[i - 1] as string | number) >= (values[i] as string | number))
      throw refuse(code, fieldOf(i), `is out of order or there twice; ${by}`);
  }
}
