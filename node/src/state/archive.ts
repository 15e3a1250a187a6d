/**
 * Proofs that are kept because chain nodes forget them: a block's header with the trie nodes that prove
 * registers, keys, members and thresholds at that block.
 *
 * What a row proves is small and stays in memory; its nodes are compressed and read when they are asked for.
 */
import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Hex, SignedHead, Subject } from "@anamnesis/sdk/core/types";
import { decodeState, encodeState, joinStates } from "@anamnesis/sdk/evidence/archive";
import type { ArchivedState } from "@anamnesis/sdk/evidence/inputs";
import type { BlockRef, Store, StoreOp } from "../ports.ts";
import { fromJson, ordinal, rangeOf, toJson } from "./keys.ts";

/** What an archived block proves. */
export interface ArchiveRow {
  readonly block: BlockRef;
  /** The block that was asked for; the chain node served no older one than `block`. */
  readonly wantedBlock: number;
  /** Fingerprint of the registers, members and thresholds by subject. */
  readonly subjects: Readonly<Record<Subject, string>>;
  /** Signed heads as they are anchored at the block. */
  readonly heads: readonly SignedHead[];
  /** Validators of the header; empty when nobody seals. */
  readonly validators: readonly Address[];
  /** Headers that lead from the validators of the row before to these, as RLP. */
  readonly leading: readonly Hex[];
  /** Compressed bytes of header and nodes. */
  readonly bytes: number;
}

/** The archived proofs of a plant. */
export interface Archive {
  /** Ascending by block. */
  rows(): readonly ArchiveRow[];
  /** The newest row that proves a subject. */
  newest(subject: Subject): ArchiveRow | undefined;
  /** The newest archived head of a feed. */
  head(feed: Address): SignedHead | undefined;
  /** Compressed bytes of all rows. */
  bytes(): number;
  /** How many subjects are proved by some row. */
  subjectCount(): number;
  /** Header and nodes of a row. Throws `evidence.incomplete`. */
  state(block: number): Promise<ArchivedState>;
  /**
   * Writes that add a row and take rows out; `done` shows it and is called after the commit. A row of the same
   * block is joined with the one that is there.
   */
  stage(
    row: Omit<ArchiveRow, "bytes">,
    state: ArchivedState,
    drop: readonly number[],
  ): Promise<{ readonly ops: readonly StoreOp[]; done(): void }>;
  /** Writes that take rows out. */
  stageDrop(blocks: readonly number[]): { readonly ops: readonly StoreOp[]; done(): void };
}

const INDEX = "a/i/";
const STATES = "a/s/";
const compress = promisify(deflate);
const expand = promisify(inflate);
/** A state never expands to more: a damaged one must not take all memory. */
const MAX_STATE_BYTES = 1 << 28;

/** Loads what the store holds. */
export async function loadArchive(store: Store): Promise<Archive> {
  const byBlock = new Map<number, ArchiveRow>();
  let sorted: readonly ArchiveRow[] | undefined;
  let newest: Map<Subject, ArchiveRow> | undefined;
  for await (const [, value] of store.entries(rangeOf(INDEX))) {
    const row = fromJson<ArchiveRow>(value);
    byBlock.set(row.block.number, row);
  }

  const rows = (): readonly ArchiveRow[] =>
    (sorted ??= [...byBlock.values()].sort((a, b) => a.block.number - b.block.number));

  const newestBySubject = (): ReadonlyMap<Subject, ArchiveRow> => {
    if (newest === undefined) {
      newest = new Map();
      for (const row of rows()) for (const subject of subjectsOf(row)) newest.set(subject, row);
    }
    return newest;
  };

  function show(row: ArchiveRow): void {
    const { number } = row.block;
    byBlock.set(number, row);
    sorted = undefined;
    if (newest === undefined) return;
    for (const subject of subjectsOf(row))
      if ((newest.get(subject)?.block.number ?? 0) <= number) newest.set(subject, row);
  }

  async function state(block: number): Promise<ArchivedState> {
    const value = store.get(stateKey(block));
    if (value === undefined)
      throw new AnamnesisError("evidence.incomplete", `block ${block} is not archived; ask an archive node`);
    try {
      return decodeState(await expand(value, { maxOutputLength: MAX_STATE_BYTES }));
    } catch (cause) {
      throw new AnamnesisError("evidence.incomplete", `the archived state of block ${block} is damaged`, {
        cause,
      });
    }
  }

  function stageDrop(blocks: readonly number[]) {
    const ops = blocks.flatMap((block): StoreOp[] => [
      { type: "del", key: indexKey(block) },
      { type: "del", key: stateKey(block) },
    ]);
    return {
      ops,
      done() {
        for (const block of blocks) {
          const row = byBlock.get(block);
          if (row === undefined) continue;
          byBlock.delete(block);
          sorted = undefined;
          if (subjectsOf(row).length > 0) newest = undefined;
        }
      },
    };
  }

  return {
    rows,
    newest: (subject) => newestBySubject().get(subject),
    head(feed) {
      for (const { heads } of rows().toReversed()) {
        const found = heads.find((head) => head.feed === feed);
        if (found !== undefined) return found;
      }
      return undefined;
    },
    bytes: () => rows().reduce((sum, { bytes }) => sum + bytes, 0),
    subjectCount: () => newestBySubject().size,
    state,
    async stage(given, fresh, drop) {
      const { number, hash } = given.block;
      const held = byBlock.get(number);
      const isSame = held?.block.hash === hash;
      const whole = isSame ? joinStates([await state(number), fresh]) : fresh;
      const value = await compress(encodeState(whole));
      const row: ArchiveRow = {
        ...given,
        ...(isSame && {
          subjects: { ...held.subjects, ...given.subjects },
          heads: joinHeads(held.heads, given.heads),
          leading: held.leading,
        }),
        bytes: value.length,
      };
      const dropped = stageDrop(drop.filter((block) => block !== number));
      return {
        ops: [
          ...dropped.ops,
          { type: "put", key: indexKey(number), value: toJson(row) },
          { type: "put", key: stateKey(number), value: new Uint8Array(value) },
        ],
        done() {
          dropped.done();
          show(row);
        },
      };
    },
    stageDrop,
  };
}

/** The subjects that a row proves. */
export function subjectsOf({ subjects }: ArchiveRow): readonly Subject[] {
  return Object.keys(subjects) as Subject[];
}

function joinHeads(held: readonly SignedHead[], more: readonly SignedHead[]): readonly SignedHead[] {
  return [...new Map([...held, ...more].map((head) => [head.feed, head] as const)).values()];
}

const indexKey = (block: number): string => `${INDEX}${ordinal(block)}`;
const stateKey = (block: number): string => `${STATES}${ordinal(block)}`;
