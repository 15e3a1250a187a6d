import * as oracle from "./oracle.ts";

const { hex } = oracle;

/** Heads that prove an equivocation, and heads that must not, with the error that says why. */
export function equivocation(domain: oracle.Domain) {
  const key = oracle.privateKey(2);
  const feed = oracle.addressOf(key);
  const stranger = oracle.privateKey(3);

  const signed = (size: number, root: Uint8Array, by = key) => {
    const head = { feed: oracle.addressOf(by), size, root: hex(root) };
    return { ...head, signature: oracle.sign(oracle.headDigest(domain, head), by) };
  };
  /** The head of the first `size` entries of a feed that leaves the honest history at entry `fork`. */
  const head = (size: number, fork = size) => signed(size, oracle.mth(oracle.commitments(size, fork)));
  const full = (older: number, newer: number, fork = newer) =>
    oracle.subproof(older, oracle.commitments(newer, fork), false).map(hex);
  const short = (older: number, newer: number) => oracle.subproof(older, oracle.commitments(newer), true).map(hex);

  const sizes: [older: number, newer: number][] = [
    [1, 2], [1, 3], [2, 3], [2, 4], [3, 4], [3, 7], [4, 5], [4, 8], [5, 8], [6, 7],
    [7, 8], [8, 9], [8, 16], [13, 21], [16, 17], [16, 32], [31, 32], [32, 33], [32, 63], [63, 64],
  ];
  const proved = [
    ...[1, 2, 3, 8, 33].map((size) => ({
      name: `two heads of size ${size}`,
      a: head(size),
      b: head(size, size - 1),
      path: [] as string[],
    })),
    ...sizes.flatMap(([older, newer]) => [
      { name: `${older} of ${newer}, the past rewritten at its end`, a: head(older, older - 1), b: head(newer), path: full(older, newer) },
      { name: `${older} of ${newer}, the past rewritten at its start`, a: head(older), b: head(newer, 0), path: full(older, newer, 0) },
    ]),
    {
      name: "a root that belongs to no history at all",
      a: signed(5, oracle.sha256("noise")),
      b: head(9),
      path: full(5, 9),
    },
  ];

  const refused = [
    { name: "one head twice", error: "MemberRegistryConsistentHeads", a: head(8), b: head(8), path: [] },
    { name: "equal sizes with a path", error: "MerkleHistoryPathLength", a: head(8), b: head(8, 7), path: full(8, 8) },
    ...sizes.map(([older, newer]) => ({
      name: `${older} of ${newer}, honest`,
      error: "MemberRegistryConsistentHeads",
      a: head(older),
      b: head(newer),
      path: full(older, newer),
    })),
    ...sizes
      .filter(([older, newer]) => Number.isInteger(Math.log2(older)) && short(older, newer).length > 1)
      .map(([older, newer]) => ({
        name: `${older} of ${newer}, honest, by the shortcut that leaves the old root out`,
        error: "MerkleHistoryPathLength",
        a: head(older),
        b: head(newer),
        path: short(older, newer),
      })),
    {
      name: "honest, with a path of another history",
      error: "MemberRegistryForeignPath",
      a: head(5),
      b: head(9),
      path: full(5, 9, 4),
    },
    {
      name: "honest, with two siblings exchanged",
      error: "MemberRegistryForeignPath",
      a: head(5),
      b: head(9),
      path: full(5, 9).with(0, full(5, 9)[1] as string).with(1, full(5, 9)[0] as string),
    },
    {
      name: "honest, with one bit turned in the oldest subtree",
      error: "MemberRegistryForeignPath",
      a: head(4),
      b: head(8),
      path: full(4, 8).with(0, hex(oracle.sha256("turned"))),
    },
    { name: "no path", error: "MerkleHistoryPathLength", a: head(5, 4), b: head(9), path: [] },
    { name: "a path too long", error: "MerkleHistoryPathLength", a: head(5, 4), b: head(9), path: [...full(5, 9), ...full(5, 9)] },
    { name: "a path for another size", error: "MerkleHistoryPathLength", a: head(4, 3), b: head(9), path: full(5, 9) },
    { name: "the greater head first", error: "MemberRegistryUnprovableSizes", a: head(9), b: head(5, 4), path: full(5, 9) },
    { name: "nothing is a prefix of everything", error: "MemberRegistryUnprovableSizes", a: head(0), b: head(9), path: full(1, 9) },
    {
      name: "heads of two feeds",
      error: "MemberRegistryDifferentFeeds",
      a: head(8, 7),
      b: signed(8, oracle.mth(oracle.commitments(8)), stranger),
      path: [],
    },
    {
      name: "a head put into another's mouth",
      error: "MemberRegistryWrongSigner",
      a: { ...signed(8, oracle.mth(oracle.commitments(8, 7)), stranger), feed },
      b: head(8),
      path: [],
    },
    {
      name: "the second signature is malformed",
      error: "MemberRegistryMalformedSignature",
      a: head(8),
      b: { ...head(8, 7), signature: head(8, 7).signature.slice(0, -2) },
      path: [],
    },
    {
      name: "a feed larger than any can be",
      error: "MemberRegistryFeedTooLarge",
      a: head(8),
      b: signed(2 ** 40, oracle.sha256("large")),
      path: full(8, 9),
    },
  ];
  return { domain, privateKey: key, feed, proved, refused };
}
