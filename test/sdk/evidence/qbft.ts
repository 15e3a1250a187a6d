/** Makes QBFT headers as a network would, written from the rules in test/vectors/evidence/qbft-vectors.json. */
import { RLP } from "@ethereumjs/rlp";
import { keccak256, SigningKey, toBeArray } from "ethers";
import * as oracle from "../../vectors/oracle.ts";

export interface HeaderSpec {
  readonly number: number;
  readonly stateRoot?: Uint8Array;
  readonly parentHash?: string;
  readonly timestamp?: number;
  /** Numbers of keys; the header lists their addresses in order. */
  readonly validators: readonly number[];
  /** Who seals; the first three quarters, rounded up, by default. */
  readonly sealers?: readonly number[];
  readonly proposer?: number;
  readonly vote?: { readonly candidate: number; readonly add: boolean };
  readonly round?: number;
  /** Of a chain that is not QBFT. */
  readonly mixHash?: string;
}

const MIX_HASH = "0x63746963616c2062797a616e74696e65206661756c7420746f6c6572616e6365";

/** The key of validator `number`. */
export const validatorKey = (number: number): string => oracle.privateKey(900 + number);
export const validatorAddress = (number: number): string => oracle.addressOf(validatorKey(number));
export const addressesOf = (validators: readonly number[]): string[] =>
  validators.map(validatorAddress).sort();

/** RLP of a sealed header, and its hash. */
export function sealedHeader(spec: HeaderSpec): { rlp: Uint8Array; hash: string } {
  const { validators, vote, round = 0 } = spec;
  const sealers = spec.sealers ?? validators.slice(0, Math.ceil((2 * validators.length) / 3));
  const ballot = vote === undefined ? [] : [validatorAddress(vote.candidate), vote.add ? "0xff" : "0x"];
  const extraData = (number: Uint8Array, seals: readonly Uint8Array[]) =>
    RLP.encode([new Uint8Array(32), addressesOf(validators), ballot, number, [...seals]]);
  const header = (extra: Uint8Array) =>
    RLP.encode([
      spec.parentHash ?? `0x${"11".repeat(32)}`,
      `0x${"22".repeat(32)}`,
      validatorAddress(spec.proposer ?? (validators[0] as number)),
      spec.stateRoot ?? new Uint8Array(32).fill(0x33),
      `0x${"44".repeat(32)}`,
      `0x${"55".repeat(32)}`,
      new Uint8Array(256),
      1,
      spec.number,
      60_000_000,
      21_000,
      spec.timestamp ?? 1_800_000_000,
      extra,
      spec.mixHash ?? MIX_HASH,
      new Uint8Array(8),
      0, // base fee
    ]);
  const scalar = round === 0 ? new Uint8Array() : toBeArray(round);
  const commitHash = keccak256(header(extraData(scalar, [])));
  const seals = sealers.map((number) => {
    const { r, s, yParity } = new SigningKey(validatorKey(number)).sign(commitHash);
    return Buffer.concat([oracle.bytes(r), oracle.bytes(s), Uint8Array.of(yParity)]);
  });
  return {
    rlp: header(extraData(scalar, seals)),
    hash: keccak256(header(extraData(new Uint8Array(), []))),
  };
}
