/**
 * Writes the golden vectors: `node test/vectors/generate.ts`. Solidity and TypeScript read the same files, and a test
 * proves that the committed files are what the oracles say. Old vectors are never edited: a new format gets new files.
 */
import { writeFileSync } from "node:fs";
import * as oracle from "./oracle.ts";
import { equivocation } from "./generate-equivocation.ts";
import { status } from "./generate-status.ts";

const { bytes, hex } = oracle;

export const DOMAIN: oracle.Domain = {
  name: "Anamnesis",
  version: "1",
  chainId: 20_590,
  verifyingContract: "0x5fbdb2315678afecb367f032d93f642f64180aa3",
};

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function ids() {
  const indicators = [
    ["IPv4 address", "stix", "[ipv4-addr:value = '203.0.113.7']"],
    ["domain name", "stix", "[domain-name:value = 'update.example.net']"],
    ["quotes and escapes", "suricata", 'alert http any any -> any any (content:"\\"a\\"|0d 0a|"; sid:1;)'],
    ["outside ASCII", "sigma", "title: Überwachung ‮ \u{1f9a0}"],
    [
      "behaviour",
      "x-anamnesis-behaviour",
      '{"class":"modbus-write-by-non-writer","functions":[5,6,15,16],"protocol":"modbus","roles":["non-writer","controller"],"table":"holding"}',
    ],
  ].map(([name, patternType, pattern]) => {
    const canonical = oracle.jcs([patternType as string, pattern as string]);
    return { name, patternType, pattern, canonical, id: hex(oracle.indicatorId(canonical)) };
  });
  const responses = [
    { name: "Drop the address at the enterprise edge", action: "block" },
    { name: "Alert on the write", action: "alert" },
  ].map(({ name, action }, i) => {
    const object = { type: "course-of-action", spec_version: "2.1", name, x_anamnesis_action: action };
    const canonical = oracle.jcs(object);
    const indicator = indicators[i]?.id as string;
    return { name, indicator, object, canonical, id: hex(oracle.responseId(bytes(indicator), canonical)) };
  });
  const keys = ["anamnesis/test/blinding/1", "anamnesis/test/blinding/2"].map((seed) => oracle.sha256(seed));
  const blinding = keys.flatMap((key) =>
    [indicators[0], responses[0]].map((record) => {
      const id = bytes(record?.id as string);
      return {
        key: hex(key),
        keyHash: hex(oracle.sha256(key)),
        id: hex(id),
        blind: hex(oracle.blind(key, id)),
        subject: hex(oracle.subject(key, id)),
      };
    }),
  );
  const commitments = ['{"a":1}', ""].map((entry, i) => {
    const salt = oracle.sha256("salt ", String(i));
    return { salt: hex(salt), entry, commitment: hex(oracle.commitment(salt, entry)) };
  });
  return { indicators, responses, blinding, commitments };
}

function typedData() {
  const subject = hex(oracle.sha256("subject"));
  const content = hex(oracle.sha256("content"));
  const zero = `0x${"00".repeat(32)}`;
  const support: oracle.Attestation = {
    subject,
    stance: 1,
    basis: 1,
    confidence: 80,
    validUntil: 1_900_000_000,
    version: 1_800_000_000_000,
    content,
  };
  const key = oracle.privateKey(1);

  const attestations = Object.entries({
    support,
    "validated support without content": { ...support, basis: 2, content: zero },
    refute: { ...support, stance: 2, basis: 3, validUntil: 0 },
    withdraw: { ...support, stance: 3, validUntil: 0, version: support.version + 1 },
    smallest: { ...support, subject: zero, confidence: 0, validUntil: 1, version: 0, content: zero },
    greatest: {
      subject: `0x${"ff".repeat(32)}`,
      stance: 1,
      basis: 3,
      confidence: 100,
      validUntil: 2 ** 40 - 1,
      version: 2 ** 48 - 1,
      content: `0x${"ff".repeat(32)}`,
    },
  }).map(([name, attestation]) => {
    const digest = oracle.attestationDigest(DOMAIN, attestation);
    return { name, attestation, digest, privateKey: key, signer: oracle.addressOf(key), signature: oracle.sign(digest, key) };
  });

  const malformed = Object.entries({
    ImmuneMemoryInvalidStance: [{ stance: 0 }, { stance: 4 }, { stance: 255, validUntil: 0 }],
    ImmuneMemoryInvalidBasis: [{ basis: 0 }, { basis: 4 }],
    ImmuneMemoryInvalidConfidence: [{ confidence: 101 }, { confidence: 255 }],
    ImmuneMemoryInvalidValidUntil: [{ validUntil: 0 }, { stance: 2 }, { stance: 3 }],
  }).flatMap(([error, changes]) =>
    changes.map((change) => {
      const attestation = { ...support, ...change };
      const digest = oracle.attestationDigest(DOMAIN, attestation);
      return { name: `${error} ${JSON.stringify(change)}`, error, attestation, signature: oracle.sign(digest, key) };
    }),
  );

  const heads = [1, 2 ** 40 - 1, 2 ** 53 - 1].map((size) => {
    const head = { feed: oracle.addressOf(key), size, root: hex(oracle.sha256("root ", String(size))) };
    const digest = oracle.headDigest(DOMAIN, head);
    return { name: `size ${size}`, head, digest, privateKey: key, signer: head.feed, signature: oracle.sign(digest, key) };
  });

  const good = bytes(oracle.sign(attestations[0]?.digest as string, key));
  const [r, s, v] = [good.subarray(0, 32), good.subarray(32, 64), good[64] as number];
  const word = (value: bigint) => Buffer.from(value.toString(16).padStart(64, "0"), "hex");
  const signature = (r: Uint8Array, s: Uint8Array, v: number) => hex(Buffer.concat([r, s, Buffer.of(v)]));
  const highS = word(ORDER - BigInt(hex(s)));
  const signatures = Object.entries({
    empty: "0x",
    "64 bytes, EIP-2098": hex(good.subarray(0, 64)),
    "66 bytes": hex(Buffer.concat([good, Buffer.of(0)])),
    "s above n/2, the malleable twin": signature(r, highS, v === 27 ? 28 : 27),
    "v is a recovery id": signature(r, s, v - 27),
    "v 29": signature(r, s, 29),
    "v 255": signature(r, s, 255),
    "r zero": signature(word(0n), s, v),
    "s zero": signature(r, word(0n), v),
    "r is the group order": signature(word(ORDER), s, v),
    "no point has this r": signature(word(5n), s, v),
    "all zero": hex(Buffer.alloc(65)),
  }).map(([name, text]) => ({ name, digest: attestations[0]?.digest, signature: text }));

  return { domain: DOMAIN, attestations, malformed, heads, malformedSignatures: signatures };
}

function merkle() {
  const sizes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 17, 31, 32, 33];
  const all = oracle.commitments(33);
  const roots = [0, ...sizes].map((size) => ({ size, root: hex(oracle.mth(all.slice(0, size))) }));
  const inclusion = sizes.flatMap((size) =>
    [...new Set([0, size >> 1, size - 1])].map((index) => ({
      size,
      index,
      commitment: hex(all[index] as Buffer),
      path: oracle.path(index, all.slice(0, size)).map(hex),
      root: hex(oracle.mth(all.slice(0, size))),
    })),
  );
  const consistency = sizes.flatMap((newer) =>
    sizes
      .filter((older) => older <= newer)
      .map((older) => ({
        older,
        newer,
        olderRoot: hex(oracle.mth(all.slice(0, older))),
        newerRoot: hex(oracle.mth(all.slice(0, newer))),
        path: oracle.subproof(older, all.slice(0, newer), true).map(hex),
        fullPath: oracle.subproof(older, all.slice(0, newer), false).map(hex),
      })),
  );
  return { commitments: all.map(hex), roots, inclusion, consistency };
}

/** Every vector file by its name. */
export function vectors(): Record<string, unknown> {
  return {
    "ids.json": ids(),
    "typed-data.json": typedData(),
    "merkle.json": merkle(),
    "equivocation.json": equivocation(DOMAIN),
    "status.json": status(),
  };
}

/** The text of a vector file. */
export const serialise = (vector: unknown): string => `${JSON.stringify(vector, null, 1)}\n`;

if (import.meta.main) {
  for (const [name, vector] of Object.entries(vectors())) {
    writeFileSync(new URL(name, import.meta.url), serialise(vector));
  }
}
