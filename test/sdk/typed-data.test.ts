import { toHex } from "@anamnesis/sdk/core/bytes";
import {
  ATTESTATION_TYPE,
  CONFIGURATION_TYPE,
  createHasher,
  FEED_HEAD_TYPE,
  POSSESSION_TYPE,
  uidOf,
} from "@anamnesis/sdk/core/typed-data";
import type { Address, Attestation, FeedHead } from "@anamnesis/sdk/core/types";
import { TypedDataEncoder } from "ethers";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readVectors } from "./vectors.ts";

const vectors = readVectors<{
  domain: { name: string; version: string; chainId: number; verifyingContract: Address };
  attestations: { name: string; attestation: Attestation; digest: string }[];
  heads: { name: string; head: FeedHead; digest: string }[];
}>("typed-data");
const hasher = createHasher(vectors.domain);

const fieldsOf = (type: string) =>
  type
    .slice(type.indexOf("(") + 1, -1)
    .split(",")
    .map((field) => ({ type: field.split(" ")[0]!, name: field.split(" ")[1]! }));

test.each(vectors.attestations)("digest of an attestation: $name", ({ attestation, digest }) => {
  expect(toHex(hasher.attestation(attestation))).toBe(digest);
  expect(uidOf(hasher, attestation)).toBe(digest);
});

test.each(vectors.heads)("digest of a head: $name", ({ head, digest }) => {
  expect(toHex(hasher.head(head))).toBe(digest);
});

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);

test("digests agree with ethers over the whole range of every field", () => {
  const attestation = fc.record({
    subject: bytes32,
    stance: fc.integer({ min: 1, max: 3 }),
    basis: fc.integer({ min: 1, max: 3 }),
    confidence: fc.integer({ min: 0, max: 100 }),
    validUntil: fc.integer({ min: 0, max: 2 ** 40 - 1 }),
    version: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
    content: bytes32,
  });
  const head = fc.record({
    feed: fc.uint8Array({ minLength: 20, maxLength: 20 }).map(toHex),
    size: fc.maxSafeNat(),
    root: bytes32,
  });
  const { domain } = vectors;
  fc.assert(
    fc.property(attestation, head, (a, h) => {
      expect(toHex(hasher.attestation(a as Attestation))).toBe(
        TypedDataEncoder.hash(domain, { Attestation: fieldsOf(ATTESTATION_TYPE) }, a),
      );
      expect(toHex(hasher.head(h as FeedHead))).toBe(
        TypedDataEncoder.hash(domain, { FeedHead: fieldsOf(FEED_HEAD_TYPE) }, h),
      );
    }),
  );
});

test("what is signed without reaching ImmuneMemory agrees with ethers, too", () => {
  const account = `0x${"a1".repeat(20)}` as Address;
  const digest = vectors.heads[0]!.head.root;
  const { domain } = vectors;
  expect(toHex(hasher.possession(account))).toBe(
    TypedDataEncoder.hash(domain, { NodeKeyPossession: fieldsOf(POSSESSION_TYPE) }, { account }),
  );
  expect(toHex(hasher.configuration(digest))).toBe(
    TypedDataEncoder.hash(domain, { Configuration: fieldsOf(CONFIGURATION_TYPE) }, { digest }),
  );
});

test("a digest once given is not changed by the next one", () => {
  const [first, second] = vectors.attestations as [
    (typeof vectors.attestations)[0],
    (typeof vectors.attestations)[0],
  ];
  const digest = hasher.attestation(first.attestation);
  hasher.attestation(second.attestation);
  hasher.head(vectors.heads[0]!.head);
  expect(toHex(digest)).toBe(first.digest);
});

test("a field that is not hexadecimal is refused, also where its characters end in a digit's byte", () => {
  const { head } = vectors.heads[0]!;
  for (const wrong of ["g", "\u0130", "\uff11", "é"]) {
    const root = `${head.root.slice(0, 65)}${wrong}` as FeedHead["root"];
    expect(() => hasher.head({ ...head, root }), wrong).toThrow(/not 32 bytes of hexadecimal/);
  }
});
