import { AbiCoder, type FunctionFragment, type ParamType, ZeroHash } from "ethers";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as oracle from "../vectors/oracle.ts";
import { type Consortium, DEFAULTS, makeConsortium } from "./consortium.ts";

/** What strangers can know: everything on the chain, and keys of their own. */
interface Known {
  readonly addresses: readonly string[];
  readonly numbers: readonly bigint[];
  readonly bytes: readonly string[];
  readonly words: readonly string[];
}

/** A value for a parameter: mostly what fits, so that calls come past the decoder, and sometimes anything. */
function draw(type: ParamType, known: Known): fc.Arbitrary<unknown> {
  if (type.baseType === "array")
    return fc.array(draw(type.arrayChildren as ParamType, known), { maxLength: 3 });
  if (type.baseType === "tuple")
    return fc.tuple(...(type.components as readonly ParamType[]).map((part) => draw(part, known)));
  if (type.type === "address") return fc.constantFrom(...known.addresses);
  if (type.type === "bytes") return fc.oneof(fc.constantFrom(...known.bytes), hexOf(0, 100));
  if (type.type === "string") return fc.string({ maxLength: 60 });
  if (type.type.startsWith("bytes")) return fc.oneof(fc.constantFrom(...known.words), hexOf(32, 32));
  const bits = BigInt(type.type.slice(4));
  const max = 2n ** bits - 1n;
  const fitting = known.numbers.filter((number) => number <= max);
  return fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...fitting) }, fc.bigInt({ min: 0n, max }));
}

const hexOf = (minLength: number, maxLength: number) =>
  fc.uint8Array({ minLength, maxLength }).map((bytes) => oracle.hex(bytes));

describe("strangers", () => {
  let c: Consortium;
  let close: () => Promise<void>;

  beforeAll(async () => {
    [c, close] = await makeConsortium(4, DEFAULTS, { governed: true });
  });
  afterAll(() => close());

  it("change nothing that the contracts store, whatever they call in whatever order", {
    timeout: 300_000,
  }, async () => {
    const { registry, memory, parliament, stranger, accounts, keys } = c;
    const open = await c.propose([["admit", stranger.address]], "open");
    await c.vote(open.id, "for", 1, 2);
    const lost = await c.propose([["admit", stranger.address]], "lost");
    await c.networkHelpers.time.increase(100_000);
    const near = await c.propose([["suspend", 1]], "near");
    await c.vote(near.id, "for", 1, 2);
    const key = oracle.privateKey(99);
    const head = c.signHead(key, 8, oracle.sha256("root"));
    const before = await c.storage();

    const known: Known = {
      addresses: [
        ...[registry, memory, parliament].map((contract) => contract.target as string),
        ...[stranger, ...accounts].map((account) => account.address),
        ...[key, ...keys].map(oracle.addressOf),
      ],
      numbers: [0n, 1n, 2n, 3n, 27n, 28n, 100n, BigInt(2 ** 40), open.id, lost.id, near.id],
      bytes: ["0x", head[1], c.possession(stranger, key)[1], ...near.calls[2]],
      words: [ZeroHash, open.hash, lost.hash, near.hash, head[0].root, head[1].slice(0, 66)],
    };
    const contracts = [registry, memory, parliament] as const;
    const call = fc.oneof(
      ...contracts.flatMap((contract) => {
        const to = fc.constant(contract.target as string);
        const functions: FunctionFragment[] = [];
        contract.interface.forEachFunction((f) => {
          if (!f.constant) functions.push(f);
        });
        const calls = functions.map((f) => {
          const args = fc.tuple(...f.inputs.map((input) => draw(input, known)));
          const data = args.map(
            (values) => f.selector + AbiCoder.defaultAbiCoder().encode(f.inputs, values).slice(2),
          );
          return fc.record({ to, data, value: fc.constant(0n) });
        });
        // Anything at all, with money, and a proposal of others word by word.
        return [...calls, fc.record({ to, data: hexOf(0, 200), value: fc.constantFrom(0n, 1n) })];
      }),
      fc.constantFrom(...[open, lost, near]).map((made) => ({
        to: parliament.target as string,
        data: parliament.interface.encodeFunctionData("execute", [...made.calls, made.hash]),
        value: 0n,
      })),
    );

    const ended = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 8 }), async (calls) => {
        for (const sent of calls) {
          const outcome = await stranger
            .sendTransaction({ ...sent, gasLimit: 1_000_000 })
            .then(() => "done")
            .catch(() => "refused");
          ended.add(outcome);
        }
        expect(await c.storage()).toEqual(before);
      }),
      { numRuns: 250, seed: 0x6e6f6e65 },
    );
    // Relays of nothing succeed, the rest reverts: a property that never meets both proves little.
    expect(ended).toEqual(new Set(["done", "refused"]));
  });
});
