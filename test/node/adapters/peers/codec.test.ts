import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  encodeAnswer,
  encodeRefusal,
  encodeRequest,
  MAX_PAGE_BYTES,
  MAX_REQUEST_BYTES,
  parseAnswer,
  parseRequest,
  type SyncRequest,
} from "../../../../node/src/adapters/peers/codec.ts";
import type { Hex16 } from "../../../../node/src/ports.ts";

const hex = (length: number): fc.Arbitrary<Hex> =>
  fc
    .uint8Array({ minLength: length, maxLength: length })
    .map((bytes) => `0x${Buffer.from(bytes).toString("hex")}` as Hex);
const address = hex(20) as fc.Arbitrary<Address>;
const bytes32 = hex(32) as fc.Arbitrary<Bytes32>;
const session = hex(8) as fc.Arbitrary<Hex16>;
const size = fc.maxSafeNat();

const requests: fc.Arbitrary<SyncRequest> = fc.oneof(
  fc.record({
    kind: fc.constant("have" as const),
    have: fc.record({ genesisHash: bytes32, registry: address, vectorHash: bytes32, session }),
  }),
  fc.record({
    kind: fc.constant("get" as const),
    feed: address,
    start: size,
    maxBytes: fc.integer({ min: 1, max: MAX_PAGE_BYTES }),
  }),
  fc.record({ kind: fc.constant("prove" as const), feed: address, m: size, n: size }).map((request) => ({
    ...request,
    m: Math.min(request.m, request.n),
    n: Math.max(request.m, request.n),
  })),
  fc.constant({ kind: "blindingKey" as const }),
);
const kinds = fc.constantFrom("have", "get", "prove", "blindingKey" as const);

test("a request survives the round trip and is short", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const bytes = encodeRequest(request);
      expect(bytes.length).toBeLessThanOrEqual(MAX_REQUEST_BYTES);
      expect(parseRequest(bytes)).toEqual(request);
    }),
  );
});

test("every answer survives the round trip", () => {
  const items = fc.uniqueArray(fc.record({ feed: address, size, root8: hex(8) as fc.Arbitrary<Hex16> }), {
    selector: (item) => item.feed,
    maxLength: 20,
  });
  fc.assert(
    fc.property(items, fc.constantFrom({}, { rival: true as const }), (list, rival) => {
      const answer = { answer: "vector", items: list, ...rival } as const;
      expect(parseAnswer("have", encodeAnswer("have", answer))).toEqual(answer);
      const same = { answer: "same", ...rival } as const;
      expect(parseAnswer("have", encodeAnswer("have", same))).toEqual(same);
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 200 })),
      fc.array(bytes32),
      (page, path) => {
        expect(parseAnswer("get", encodeAnswer("get", page))).toEqual(page);
        expect(parseAnswer("prove", encodeAnswer("prove", path))).toEqual(path);
      },
    ),
  );
  const key = new Uint8Array(32).fill(3);
  expect(parseAnswer("blindingKey", encodeAnswer("blindingKey", key))).toEqual(key);
});

test("whatever a stranger sends is parsed or refused as peer.protocol, never more", () => {
  const refused = (parse: () => unknown): void => {
    try {
      parse();
    } catch (error) {
      expect(isAnamnesisError(error, "peer.protocol")).toBe(true);
    }
  };
  fc.assert(
    fc.property(
      kinds,
      fc.uint8Array({ maxLength: 400 }),
      fc.nat(4),
      fc.nat(3),
      (kind, bytes, second, third) => {
        // Most noise dies at the version, so half of it is given a good beginning.
        const shaped = Uint8Array.of(1, second, third, ...bytes);
        for (const input of [bytes, shaped]) {
          refused(() => parseRequest(input));
          refused(() => parseAnswer(kind, input));
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test("a request with one byte more or less is refused", () => {
  fc.assert(
    fc.property(requests, (request) => {
      const bytes = encodeRequest(request);
      const refusal = expect.objectContaining({ code: "peer.protocol" });
      expect(() => parseRequest(bytes.subarray(0, -1))).toThrow(refusal);
      expect(() => parseRequest(Uint8Array.of(...bytes, 0))).toThrow(refusal);
    }),
  );
});

test("a page is cut where the request says, and no vector names a feed twice", () => {
  const feed = `0x${"11".repeat(20)}` as Address;
  expect(() => encodeRequest({ kind: "get", feed, start: -1, maxBytes: 1 })).toThrow(
    expect.objectContaining({ code: "input.invalid" }),
  );
  const page = [10, 10, 10].map((length) => new Uint8Array(length).fill(1));
  expect(parseAnswer("get", encodeAnswer("get", page, 20))).toHaveLength(2);
  const item = { feed, size: 1, root8: "0x0000000000000000" } as const;
  const doubled = encodeAnswer("have", { answer: "vector", items: [item, item] });
  expect(() => parseAnswer("have", doubled)).toThrow("twice");
});

test("a refusal names the code and nothing that a terminal would obey", () => {
  expect(() => parseAnswer("get", encodeRefusal("feed.unknown"))).toThrow(
    expect.objectContaining({ code: "peer.protocol", details: { refused: "feed.unknown" } }),
  );
  const evil = Uint8Array.of(1, 1, 3, 0x1b, 0x5b, 0x41);
  expect(() => parseAnswer("get", evil)).toThrow(expect.objectContaining({ details: { refused: "?[A" } }));
});
