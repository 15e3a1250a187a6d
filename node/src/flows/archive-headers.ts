/* The headers that lead from validators an auditor trusts to those that sealed a block. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import { type Header, readHeader } from "@anamnesis/sdk/evidence/header";
import { followSeals } from "@anamnesis/sdk/evidence/seals";
import type { ValidatorSet } from "@anamnesis/sdk/evidence/types";
import type { ArchiveRow } from "../state/archive.ts";

/** Gives a block's header as RLP. */
export type HeaderSource = (block: number) => Promise<Uint8Array | undefined>;

/** Headers that are given one after the other when none may be left out. */
const MOST_IN_A_ROW = 20_000;

/** The validators that a header names; empty when nobody seals. */
export function validatorsOf(header: Uint8Array): readonly Address[] {
  return readHeader(header, "the header").qbft?.validators ?? [];
}

/** The validators of the genesis block, as an auditor of the whole chain trusts them; undefined when it names none. */
export async function genesisAnchor(source: HeaderSource): Promise<ValidatorSet | undefined> {
  try {
    const header = await source(0);
    const addresses = header === undefined ? [] : validatorsOf(header);
    return addresses.length === 0 ? undefined : { block: 0, addresses };
  } catch (error) {
    // Engines hash a genesis block in ways of their own; its validators are in the trust file, too.
    if (isAnamnesisError(error) && error.code.startsWith("evidence.")) return undefined;
    throw error;
  }
}

/**
 * Finds the fewest headers with which a verifier follows from the anchor to the target: none when the same
 * validators seal both, else halfway again and again (as a light client skips), else every header between.
 *
 * @throws AnamnesisError `evidence.incomplete` when a header is missing or too many would be needed
 */
export async function leadTo(
  source: HeaderSource,
  anchor: ValidatorSet | undefined,
  target: Uint8Array,
): Promise<readonly Uint8Array[]> {
  const end = readHeader(target, "the header");
  if (anchor === undefined || end.qbft === undefined) return [];
  const read = new Map<number, { readonly rlp: Uint8Array; readonly header: Header }>();
  const at = async (block: number) => {
    const held = read.get(block);
    if (held !== undefined) return held;
    const rlp = await source(block);
    if (rlp === undefined) throw incomplete(`header ${block} is missing`);
    const found = { rlp, header: readHeader(rlp, `header ${block}`) };
    read.set(block, found);
    return found;
  };
  const follows = (headers: readonly Header[]): boolean => {
    try {
      followSeals(headers, { validators: [anchor] }, (i) => `header ${headers[i]?.number}`);
      return true;
    } catch (error) {
      if (isAnamnesisError(error, "evidence.seal")) return false;
      throw error;
    }
  };

  const chosen: { readonly rlp: Uint8Array; readonly header: Header }[] = [];
  const chosenHeaders = () => chosen.map(({ header }) => header);
  while (!follows([...chosenHeaders(), end])) {
    let low = chosen.at(-1)?.header.number ?? anchor.block;
    const from = low;
    let next: { readonly rlp: Uint8Array; readonly header: Header } | undefined;
    for (let high = end.number; high - low > 1; ) {
      const middle = Math.floor((low + high) / 2);
      const found = await at(middle);
      if (follows([...chosenHeaders(), found.header])) {
        next = found;
        low = middle;
      } else high = middle;
    }
    if (next === undefined || next.header.number === from) return inARow(at, anchor.block + 1, end.number);
    chosen.push(next);
  }
  return chosen.map(({ rlp }) => rlp);
}

/** Every header of [from, end): their votes make the validators of the next. */
async function inARow(
  at: (block: number) => Promise<{ readonly rlp: Uint8Array }>,
  from: number,
  end: number,
): Promise<readonly Uint8Array[]> {
  if (end - from > MOST_IN_A_ROW)
    throw incomplete(
      `${end - from} headers would be needed, because too few of the trusted validators are left; ` +
        "give a trust file with newer validators",
    );
  const headers: Uint8Array[] = [];
  for (let block = from; block < end; block++) headers.push((await at(block)).rlp);
  return headers;
}

/** What archived rows hold of the headers up to a block, from the anchor's block on. */
export async function archivedLead(
  rows: readonly ArchiveRow[],
  headerOf: (block: number) => Promise<Uint8Array>,
  upTo: number,
  from: number,
): Promise<readonly Uint8Array[]> {
  const headers: Uint8Array[] = [];
  let last: ArchiveRow | undefined;
  for (const row of rows) {
    if (row.block.number > upTo) break;
    const isOther = last !== undefined && last.validators.join() !== row.validators.join();
    if (isOther && last !== undefined && last.block.number >= from)
      headers.push(await headerOf(last.block.number));
    for (const header of row.leading) headers.push(bytesOf(header));
    if (isOther && row.block.number >= from) headers.push(await headerOf(row.block.number));
    last = row;
  }
  return headers.filter((header) => readHeader(header, "the header").number >= from);
}

function bytesOf(hex: Hex): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.slice(2), "hex"));
}

/** Headers as they are kept in a row. */
export function asHex(headers: readonly Uint8Array[]): readonly Hex[] {
  return headers.map(toHex);
}

function incomplete(what: string): AnamnesisError {
  return new AnamnesisError("evidence.incomplete", `the way to the validators of the block: ${what}`);
}
