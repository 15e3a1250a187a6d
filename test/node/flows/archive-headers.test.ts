/** The way from trusted validators to those of a block, held against the verifier's own rules. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import { readHeader } from "@anamnesis/sdk/evidence/header";
import { followSeals } from "@anamnesis/sdk/evidence/seals";
import { expect, test } from "vitest";
import { archivedLead, asHex, leadTo, validatorsOf } from "../../../node/src/flows/archive-headers.ts";
import type { ArchiveRow } from "../../../node/src/state/archive.ts";
import { addressesOf, sealedHeader } from "../../sdk/evidence/qbft.ts";

const FIRST = [1, 2, 3, 4];
/** One company after the other gives its validator a new key. */
const setAt = (block: number): number[] =>
  block < 100 ? FIRST : block < 200 ? [2, 3, 4, 5] : block < 300 ? [3, 4, 5, 6] : [5, 6, 7, 8];
const anchor = { block: 0, addresses: addressesOf(FIRST) as Address[] };

/** A header that everybody sealed; those of even blocks follow the one before, so that all need not be made. */
function sealedAt(validatorsAt: typeof setAt, number: number): ReturnType<typeof sealedHeader> {
  const validators = validatorsAt(number);
  const parent = number > 0 && number % 2 === 0 ? sealedAt(validatorsAt, number - 1) : undefined;
  return sealedHeader({
    number,
    validators,
    sealers: validators,
    ...(parent && { parentHash: parent.hash }),
  });
}

function chain(validatorsAt = setAt) {
  let asked = 0;
  const header = async (number: number) => {
    asked++;
    return sealedAt(validatorsAt, number).rlp;
  };
  return { header, asked: () => asked };
}

function follows(headers: readonly Uint8Array[]): boolean {
  const read = headers.map((header) => readHeader(header, "a header"));
  return followSeals(read, { validators: [anchor] }, (i) => `headers[${i}]`).length === headers.length;
}

test("nothing leads to a block of the same validators", async () => {
  const { header } = chain();
  expect(await leadTo(header, anchor, await header(99))).toEqual([]);
});

test("few headers lead over many changes, and a verifier follows them", async () => {
  const { header, asked } = chain((block) => (block < 300 ? setAt(block) : [4, 5, 6, 7]));
  const end = await header(10_000);
  const found = await leadTo(header, anchor, end);
  expect(found.length).toBeGreaterThan(0);
  expect(found.length).toBeLessThanOrEqual(6);
  expect(follows([...found, end])).toBe(true);
  expect(asked()).toBeLessThan(100);
});

test("every header is given when too few of the trusted validators are left to skip any", async () => {
  // From 3 4 5 6 to 5 6 7 8 two of four stay.
  const { header } = chain((block) => (block < 30 ? [3, 4, 5, 6] : [5, 6, 7, 8]));
  const from = { block: 0, addresses: addressesOf([3, 4, 5, 6]) as Address[] };
  const found = await leadTo(header, from, await header(40));
  expect(found.map((rlp) => readHeader(rlp, "a header").number)).toEqual(
    Array.from({ length: 39 }, (_, i) => i + 1),
  );
});

test("a way that would take too many headers is named, and a missing one", async () => {
  const { header } = chain((block) => (block < 300 ? FIRST : [5, 6, 7, 8]));
  await expect(leadTo(header, anchor, await header(50_000))).rejects.toMatchObject({
    code: "evidence.incomplete",
    message: expect.stringContaining("newer validators"),
  });
  const holes = async (block: number) => (block === 10_000 ? header(block) : undefined);
  await expect(leadTo(holes, anchor, await header(10_000))).rejects.toMatchObject({
    code: "evidence.incomplete",
  });
});

test("rows keep the way from one to the next, and give it when the chain is gone", async () => {
  const { header } = chain((block) => (block < 300 ? setAt(block) : [4, 5, 6, 7]));
  const rows: ArchiveRow[] = [];
  for (const number of [50, 150, 350, 400]) {
    const rlp = await header(number);
    const before = rows.at(-1);
    const from = before === undefined ? anchor : { block: before.block.number, addresses: before.validators };
    rows.push({
      block: { number, hash: toHex(new Uint8Array(32)) as Bytes32, timestamp: 0 },
      wantedBlock: number,
      subjects: {},
      heads: [],
      validators: validatorsOf(rlp),
      leading: asHex(await leadTo(header, from, rlp)),
      bytes: 0,
    });
  }
  for (const [end, from] of [
    [400, 0],
    [150, 0],
    [50, 0],
  ] as const) {
    const lead = await archivedLead(rows, header as (block: number) => Promise<Uint8Array>, end, from);
    const numbers = new Map(
      [...lead, await header(end)].map((rlp) => [readHeader(rlp, "a header").number, rlp] as const),
    );
    const headers = [...numbers].sort(([a], [b]) => a - b).map(([, rlp]) => rlp);
    expect(follows(headers), `to ${end}`).toBe(true);
  }
  const later = await archivedLead(rows, header as (block: number) => Promise<Uint8Array>, 400, 350);
  for (const rlp of later) expect(readHeader(rlp, "a header").number).toBeGreaterThanOrEqual(350);
});
