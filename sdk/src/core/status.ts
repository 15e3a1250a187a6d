import { compareBytes } from "#platform";
import { concat, fromHex, toHex, uintBytes } from "./bytes.ts";
import { sha256 } from "./hash.ts";
import type { Bytes32, MemberNumber, Parameters, Register, Status, StatusName, Subject } from "./types.ts";

/**
 * Whether a write wins over what a register holds: last writer by (version, first 144 bits of uid).
 *
 * Relays can therefore neither reorder nor replay a member's stances (DESIGN §4).
 */
export function wins(
  next: Pick<Register, "version" | "uid">,
  held: Pick<Register, "version" | "uid"> | undefined,
): boolean {
  if (held === undefined) return true;
  if (next.version !== held.version) return next.version > held.version;
  return next.uid.slice(0, 38) > held.uid.slice(0, 38); // 0x and 18 bytes; lower case, so text order is number order
}

/** What a status looks at in a register. */
export type Judged = Pick<Register, "member" | "stance" | "basis" | "validUntil">;

/**
 * What the registers of one subject say at a moment, first match wins; the same function as
 * `ImmuneMemory.status`.
 *
 * @param registers of any members; those not in `active` do not count
 * @param at seconds since the epoch: the block's timestamp for recorded status, the clock's for held
 */
export function status(
  registers: Iterable<Judged>,
  active: ReadonlySet<MemberNumber>,
  parameters: Pick<Parameters, "members" | "witnesses" | "refutes">,
  at: number,
): Status {
  let supports = 0;
  let witnesses = 0;
  let refutes = 0;
  let expired = false;
  let withdrawn = false;
  for (const register of registers) {
    if (!active.has(register.member)) continue;
    if (register.stance === 2) refutes++;
    else if (register.stance === 3) withdrawn = true;
    else if (register.validUntil <= at) expired = true;
    else {
      supports++;
      if (register.basis !== 2) witnesses++;
    }
  }
  const disputed = refutes >= 1 && refutes < parameters.refutes;
  const name: StatusName =
    refutes >= parameters.refutes
      ? "refuted"
      : supports >= parameters.members && witnesses >= parameters.witnesses
        ? "attested"
        : supports >= 1
          ? "proposed"
          : expired
            ? "dormant"
            : withdrawn
              ? "withdrawn"
              : "none";
  return { name, disputed, supports, witnesses, refutes };
}

/**
 * Status of a response: it cannot be observed, so it is attested iff its indicator is and M members
 * support it; the other names follow from its own registers.
 */
export function responseStatus(
  indicator: Status,
  registers: Iterable<Judged>,
  active: ReadonlySet<MemberNumber>,
  parameters: Pick<Parameters, "members" | "witnesses" | "refutes">,
  at: number,
): Status {
  const own = status(registers, active, { ...parameters, witnesses: 0 }, at);
  if (own.name !== "attested" || indicator.name === "attested") return own;
  return { ...own, name: "proposed" };
}

/**
 * Memory hash: SHA-256 over the winning registers sorted by (subject, member), each as
 * subject 32 ‖ member u16 ‖ version u48 ‖ stance u8 ‖ basis u8 ‖ confidence u8 ‖ validUntil u40 ‖ uid 32.
 */
export function memoryHash(registers: Iterable<readonly [Subject, Register]>): Bytes32 {
  const rows = Array.from(registers, ([subject, register]) => memoryRow(subject, register));
  rows.sort(compareBytes);
  return hashRows(rows);
}

/** One register's 82 bytes in the memory hash. */
export function memoryRow(subject: Subject, register: Register): Uint8Array {
  return concat(
    fromHex(subject),
    uintBytes(register.member, 2),
    uintBytes(register.version, 6),
    Uint8Array.of(register.stance, register.basis, register.confidence),
    uintBytes(register.validUntil, 5),
    fromHex(register.uid),
  );
}

/** The memory hash of rows that are sorted. */
export function hashRows(rows: readonly Uint8Array[]): Bytes32 {
  return toHex(sha256(concat(...rows))) as Bytes32;
}
