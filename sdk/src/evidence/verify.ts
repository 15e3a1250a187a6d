/** Verification without a network (DESIGN §7): pure, in Node and in a browser. */
import { createHasher, type TypedDataHasher } from "../core/typed-data.ts";
import { readKeys, verifyAttestations } from "./attestations.ts";
import { verifyContent } from "./content.ts";
import { type Header, readHeader } from "./header.ts";
import { verifyInclusion } from "./inclusion.ts";
import { encodeBundle } from "./parse.ts";
import { type ReadSnapshot, readBundle } from "./read.ts";
import { refuse, requireAscending } from "./refuse.ts";
import { deriveStatus, matchRegisters } from "./registers.ts";
import { createReport, type Report } from "./report.ts";
import { followSeals } from "./seals.ts";
import { readInOrder } from "./source.ts";
import { proveAccounts, proveRegisters, proveRegistry } from "./state.ts";
import type {
  BlockFacts,
  ChainIdentity,
  CheckName,
  EvidenceBundle,
  SnapshotFacts,
  Trust,
  Verdict,
} from "./types.ts";

/**
 * Verifies a bundle against what an auditor trusts.
 *
 * What a bundle holds never makes it throw: one that is not verified gives the record, the field and the
 * cause, and no facts. The bytes of a file are the quickest; an object is brought into its bytes first.
 *
 * @param onCheck hears of every check that begins: a bundle of thousands of records takes seconds
 * @throws AnamnesisError `evidence.unreadable` when it is no bundle
 *
 * @example
 * const verdict = verifyEvidence(bytes, parseTrust(text));
 * verdict.conclusion; // "Verified: 1 record (1 attested) at block 7528 of 2024-05-12T06:28:27Z, sealed by 3 of 4 validators."
 */
export function verifyEvidence(
  bundle: EvidenceBundle | Uint8Array,
  trust: Trust,
  onCheck?: (name: CheckName) => void,
): Verdict {
  const { chain, headers, snapshots } = readBundle(
    bundle instanceof Uint8Array ? bundle : encodeBundle(bundle),
  );
  const report = createReport(onCheck);
  try {
    report.check("chain", 1, () => requireChain(chain, trust));
    const hasher = createHasher({ chainId: chain.chainId, verifyingContract: chain.registry });
    const read = report.check("seals", 0, () =>
      headers.map((header, index) => readHeader(header, `headers[${index}]`)),
    );
    const places = report.check("seals", 0, () => placesOf(snapshots, read));
    const facts = snapshots.map((snapshot, index) => {
      const header = read[places[index] as number] as Header;
      return verifySnapshot(report, snapshot, header, trust, hasher, `snapshots[${index}]`);
    });

    // → header sealed by ≥ ceil(2n/3) of the trusted QBFT validators
    const blocks = report.check("seals", headers.length, () =>
      followSeals(read, trust, (index) => `headers[${index}]`),
    );
    return report.verified(
      facts.map((fact, index) => ({ block: blocks[places[index] as number] as BlockFacts, ...fact })),
    );
  } catch (error) {
    return report.refused(error);
  }
}

/** All that is proved under one header, whoever sealed it. */
function verifySnapshot(
  { check }: Report,
  snapshot: ReadSnapshot,
  { stateRoot, timestamp }: Header,
  trust: Trust,
  hasher: TypedDataHasher,
  field: string,
): Omit<SnapshotFacts, "block"> {
  const { contents, feeds, memberCount, proof } = snapshot;
  const said = snapshot.records.reduce((sum, { attestations }) => sum + attestations.length, 0);

  // content matches its commitment
  const content = check("content", contents.length, () => verifyContent(snapshot, field));
  const { records } = content;

  // → attestations signed by keys
  const keys = check("attestations", 0, () => readKeys(snapshot, field));
  const stances = check("attestations", said, () =>
    verifyAttestations(snapshot, records, keys, hasher, field),
  );

  // → of members active at block B; registers, keys, members and parameters proved by the two accounts' storage
  const roots = check("state", 0, () =>
    readInOrder(proof.accounts, `${field}.proof.accounts`, (next) =>
      proveAccounts(stateRoot, trust, next, `${field}.proof.accounts`),
    ),
  );
  const registry = check("state", keys.size, () =>
    readInOrder(proof.registry, `${field}.proof.registry`, (next) =>
      proveRegistry(roots.registry, memberCount, [...keys.keys()], next, `${field}.proof.registry`),
    ),
  );
  const subjects = records.map(({ subject }) => subject);
  check("registers", said, () => {
    const words = readInOrder(proof.memory, `${field}.proof.memory`, (next) =>
      proveRegisters(roots.memory, subjects, registry.active, next, `${field}.proof.memory`),
    );
    matchRegisters(records, stances, registry, words, field);
  });

  // → status computed from them
  const statuses = check("status", records.length, () =>
    deriveStatus(snapshot, content, stances, registry, timestamp, field),
  );

  // → sightings and receipts included in anchored heads
  const entries = feeds.reduce((sum, { items }) => sum + items.length, 0);
  const included = check("inclusion", entries, () =>
    verifyInclusion(snapshot, keys, registry.keys, hasher, field),
  );

  const { parameters, members } = registry;
  const shown = [...registry.keys.values()].map(({ key, member, addedAtBlock, revokedAtBlock }) => ({
    key,
    member,
    addedAtBlock,
    revokedAtBlock,
  }));
  return { parameters, members, keys: shown, records: statuses, feeds: included };
}

function requireChain(chain: ChainIdentity, trust: Trust): void {
  const trusted = {
    chainId: trust.chainId,
    genesisHash: trust.genesisHash,
    memory: trust.memory.address,
    registry: trust.registry.address,
  };
  for (const name of ["chainId", "genesisHash", "registry", "memory"] as const) {
    if (chain[name] !== trusted[name])
      throw refuse(
        "evidence.chain",
        `chain.${name}`,
        `is ${chain[name]}; the trust file has ${trusted[name]}`,
      );
  }
}

/** Where the headers of the snapshots' blocks are. */
function placesOf(snapshots: readonly ReadSnapshot[], headers: readonly Header[]): readonly number[] {
  requireAscending(
    snapshots.map(({ block }) => block.number),
    "evidence.header",
    (index) => `snapshots[${index}].block.number`,
    "snapshots ascend by block",
  );
  const places = new Map(headers.map(({ number }, index) => [number, index]));
  return snapshots.map(({ block }, index) => {
    const place = places.get(block.number);
    if (place === undefined)
      throw refuse(
        "evidence.header",
        `snapshots[${index}].block.number`,
        `is ${block.number}, whose header is missing`,
      );
    const { hash } = headers[place] as Header;
    if (hash !== block.hash)
      throw refuse(
        "evidence.header",
        `snapshots[${index}].block.hash`,
        `is not ${hash}, the hash of its header`,
      );
    return place;
  });
}
