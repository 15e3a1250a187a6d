/** Who sealed the headers, and whether these are the trusted validators or whom they made validators. */
import { toHex } from "../core/bytes.ts";
import { recoverSigner } from "../core/signature.ts";
import type { Address, Signature } from "../core/types.ts";
import type { Header, QbftHeader } from "./header.ts";
import { refuse } from "./refuse.ts";
import type { BlockFacts, Trust } from "./types.ts";

/** Besu's default of `epochlength`. */
const DEFAULT_EPOCH_BLOCKS = 30_000;

/** The validators as they are known after a header, with the votes that are open among them. */
interface Validators {
  readonly addresses: ReadonlySet<Address>;
  /** By candidate and direction: who voted. */
  readonly votes: ReadonlyMap<string, ReadonlySet<Address>>;
}

/**
 * Follows the validators from the trust file through ascending headers.
 *
 * A header's set is taken when it is the one expected (after the votes of the headers since, with none
 * left out, or unchanged) and at least ceil(2n/3) of it sealed; or when more than two thirds of the set
 * trusted so far and of its own sealed, however many headers were left out.
 *
 * @param fieldOf names a header in messages
 * @throws AnamnesisError `evidence.header` | `evidence.seal` | `evidence.unsealed`
 */
export function followSeals(
  headers: readonly Header[],
  trust: Pick<Trust, "validators" | "epochBlocks" | "allowUnsealed">,
  fieldOf: (index: number) => string,
): readonly BlockFacts[] {
  let known: Validators | undefined;
  let from = -1;
  let previous: Header | undefined;
  return headers.map((header, index) => {
    const field = fieldOf(index);
    if (previous !== undefined) requireSuccession(previous, header, field);
    const { number, hash, timestamp, qbft } = header;
    if (qbft === undefined) {
      if (trust.allowUnsealed !== true)
        throw refuse(
          "evidence.unsealed",
          field,
          `is block ${number} of a chain that no validator seals; allowUnsealed in the trust file accepts it`,
        );
      known = undefined;
      previous = header;
      return { number, hash, timestamp, sealedBy: [], validators: 0 };
    }
    const trusted = trust.validators.findLast(({ block }) => block <= number);
    if (trusted === undefined)
      throw refuse("evidence.seal", field, `is block ${number}; the trust file has no validators for it`);
    if (known === undefined || trusted.block > from)
      known = { addresses: new Set(trusted.addresses), votes: new Map() };
    else if (previous?.number !== number - 1) known = { ...known, votes: new Map() };
    const sealedBy = requireSealed(qbft, known.addresses, field);
    known = applyVote(known, header, qbft, trust.epochBlocks ?? DEFAULT_EPOCH_BLOCKS);
    from = Math.max(from, number);
    previous = header;
    return { number, hash, timestamp, sealedBy, validators: qbft.validators.length };
  });
}

function requireSuccession(previous: Header, header: Header, field: string): void {
  if (header.number <= previous.number)
    throw refuse("evidence.header", field, `is block ${header.number}, out of order or there twice`);
  if (header.number === previous.number + 1 && header.parentHash !== previous.hash)
    throw refuse("evidence.header", field, `does not follow block ${previous.number} of this bundle`);
}

/** Who sealed a header, all of them its validators; throws unless they are enough of the known ones. */
function requireSealed(qbft: QbftHeader, known: ReadonlySet<Address>, field: string): readonly Address[] {
  const own = new Set(qbft.validators);
  const signers = new Set<Address>();
  if (qbft.seals.length > own.size)
    throw refuse("evidence.seal", field, `has ${qbft.seals.length} seals of ${own.size} validators`);
  for (const seal of qbft.seals) {
    const signer = signerOf(qbft.commitHash, seal);
    if (signer === undefined) throw refuse("evidence.seal", field, "has a seal that is no signature");
    if (!own.has(signer)) throw refuse("evidence.seal", field, `is sealed by ${signer}, no validator of it`);
    if (signers.has(signer)) throw refuse("evidence.seal", field, `is sealed by ${signer} twice`);
    signers.add(signer);
  }
  const isExpected = own.size === known.size && [...own].every((address) => known.has(address));
  const trusted = [...signers].filter((signer) => known.has(signer)).length;
  const seals = signers.size;
  if (isExpected) {
    const quorum = Math.ceil((2 * own.size) / 3);
    if (seals < quorum)
      throw refuse(
        "evidence.seal",
        field,
        `is sealed by ${seals} of ${own.size} validators; ${quorum} are needed`,
      );
  } else if (3 * trusted <= 2 * known.size || 3 * seals <= 2 * own.size) {
    throw refuse(
      "evidence.seal",
      field,
      `has other validators than those trusted, and is sealed by ${trusted} of ${known.size} trusted and ` +
        `${seals} of its own ${own.size}; more than two thirds of both are needed, or every header since with their votes`,
    );
  }
  return [...signers].sort();
}

/** The validators of the next block: header mode counts one vote a header, its proposer's, until an epoch ends. */
function applyVote(known: Validators, header: Header, qbft: QbftHeader, epochBlocks: number): Validators {
  const addresses = new Set(qbft.validators);
  // Votes were cast among the set that is known; in another one, seen for the first time, they are not known.
  const isSame =
    addresses.size === known.addresses.size && [...addresses].every((a) => known.addresses.has(a));
  if (header.number % epochBlocks === 0) return { addresses, votes: new Map() };
  const votes = new Map(isSame ? known.votes : []);
  const { vote, proposer } = qbft;
  if (vote === undefined || !addresses.has(proposer)) return { addresses, votes };
  const [cast, opposite] = [`${vote.add}${vote.candidate}`, `${!vote.add}${vote.candidate}`];
  const voters = new Set(votes.get(cast)).add(proposer);
  votes.set(cast, voters);
  votes.set(opposite, new Set([...(votes.get(opposite) ?? [])].filter((voter) => voter !== proposer)));
  if (voters.size < Math.floor(addresses.size / 2) + 1) return { addresses, votes };
  votes.delete(cast);
  votes.delete(opposite);
  if (vote.add) return { addresses: addresses.add(vote.candidate), votes };
  addresses.delete(vote.candidate);
  const rest = [...votes].map(
    ([key, all]) => [key, new Set([...all].filter((v) => v !== vote.candidate))] as const,
  );
  return { addresses, votes: new Map(rest) };
}

/** Who made a seal: r ‖ s ‖ recovery bit, 0 or 1. */
function signerOf(digest: Uint8Array, seal: Uint8Array): Address | undefined {
  const recovery = seal[64] as number;
  if (recovery > 1) return undefined;
  const signature = Uint8Array.from(seal); // the slice of a Buffer would be the same bytes
  signature[64] = 27 + recovery;
  return recoverSigner(digest, toHex(signature) as Signature);
}
