/*
 * BENCH 10: verifying evidence, from the bytes of a bundle to the verdict, against bare verification of the same
 * signatures and against sigstore-js; and no byte of a bundle is unchecked.
 */
import { fromHex } from "@anamnesis/sdk/core/bytes";
import { expandPublicKey } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { SnapshotFacts } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import secp256k1 from "secp256k1";
import { FLIPS, outcomeOf } from "../sdk/evidence/mutants.ts";
import { makeWorld, type World } from "../sdk/evidence/world.ts";
import { makeSigstore } from "./audit-sigstore.ts";
import { atLeast, atMost, type Figure, interleave, printed, rate } from "./support.ts";

/** Measures verification; `tiny` looks whether it works. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const rounds = tiny ? 1 : 5;
  const [indicators, leaves, bundles] = tiny ? [4, 50, 3] : [600, 20_000, 150];
  const records = await makeWorld({ indicators, response: false, leaves: 0, name: "scanner" });
  const feed = await makeWorld({
    response: false,
    leaves,
    shown: Array.from({ length: leaves }, (_, index) => index),
  });
  const signed = signaturesOf(records);
  const sigstore = await makeSigstore(1_000);

  // Bundles come by the hundred or not at all: the compiler has settled before anything is measured.
  if (!tiny)
    for (let i = 0; i < 5; i++) {
      verify(records);
      verify(feed);
    }

  const spread = new Map<string, number[]>();
  const timed = (name: string, count: number, task: () => void) => async () => {
    const seen = await rate(count, task);
    spread.set(name, [...(spread.get(name) ?? []), seen]);
    return seen;
  };
  const repeats = tiny ? 1 : 3;
  const rates = await interleave(rounds, {
    records: timed("records", repeats * signed.length, () => {
      for (let i = 0; i < repeats; i++) verify(records);
    }),
    bare: timed("bare", signed.length, () => {
      for (const { signature, digest, key } of signed)
        if (!secp256k1.ecdsaVerify(signature, digest, key)) throw new Error("not verified");
    }),
    feed: timed("feed", leaves, () => verify(feed)),
    sigstore: timed("sigstore", bundles, () => {
      for (let i = 0; i < bundles; i++) sigstore();
    }),
  });

  const small = await makeWorld();
  const survivors = countSurvivors(small, tiny ? 97 : 1);
  const perRecord = rates.records / 3;
  const figures = [
    printed("audit", "records of three signatures each/s, bytes to verdict", perRecord),
    atLeast(
      "audit",
      "records against bare verify of their signatures, ratio",
      rates.records / rates.bare,
      0.8,
    ),
    printed("audit", "entries of a whole feed/s, bytes to verdict", rates.feed),
    atLeast("audit", "feed entries against bare verify of one signature, ratio", rates.feed / rates.bare, 10),
    printed("audit", "sigstore-js bundles/s", rates.sigstore),
    atLeast("audit", "feed entries against sigstore-js bundles, ratio", rates.feed / rates.sigstore, 50),
    printed(
      "audit",
      "records of three signatures against sigstore-js bundles, ratio",
      perRecord / rates.sigstore,
    ),
    printed("audit", "bytes a record", records.bytes.length / indicators),
    printed("audit", "bytes a feed entry", feed.bytes.length / leaves),
    atMost("audit", `bits of a bundle of ${small.bytes.length} bytes that may be changed`, survivors, 0),
  ];
  const spreads = [...spread].map(([name, seen]) =>
    printed(
      "audit",
      `spread of ${name} over ${rounds} rounds, (max − min) / max`,
      1 - Math.min(...seen) / Math.max(...seen),
    ),
  );
  return [...figures, ...spreads];
}

function verify({ bytes, trust }: World): SnapshotFacts {
  const verdict = verifyEvidence(bytes, trust);
  if (!verdict.verified) throw new Error(verdict.conclusion);
  return verdict.facts[0] as SnapshotFacts;
}

/** The signatures of a bundle as the library takes them, everything else already done. */
function signaturesOf(world: World): { signature: Uint8Array; digest: Uint8Array; key: Uint8Array }[] {
  const { bundle, trust } = world;
  const hasher = createHasher({ chainId: trust.chainId, verifyingContract: trust.registry.address });
  const facts = verify(world);
  const keys = new Map(
    facts.keys.map(({ key }, index) => [
      key,
      expandPublicKey(fromHex(bundle.snapshots[0]?.keys[index] as string)) as Uint8Array,
    ]),
  );
  return facts.records.flatMap(({ stances }, at) =>
    stances.map((stance, index) => ({
      signature: fromHex(bundle.snapshots[0]?.records[at]?.attestations[index]?.signature as string),
      digest: hasher.attestation(stance),
      key: keys.get(stance.key) as Uint8Array,
    })),
  );
}

function countSurvivors({ bytes, trust }: World, step: number): number {
  let survivors = 0;
  for (let at = 0; at < bytes.length; at += step)
    for (const flip of FLIPS) if (outcomeOf(bytes, at, flip, trust) === "verified") survivors++;
  return survivors;
}
