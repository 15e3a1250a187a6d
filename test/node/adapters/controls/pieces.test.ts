import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPieces } from "../../../../node/src/adapters/controls/pieces.ts";

interface Part {
  readonly key: string;
  readonly odd?: boolean;
}

const text = ({ key }: Part, nowMs: number) => `${key} at ${nowMs}\n`;
const create = (keepMs = 1000) =>
  createPieces<Part>(keepMs, (part, nowMs) =>
    part.odd === true ? undefined : { key: part.key, text: text(part, nowMs) },
  );

describe("createPieces", () => {
  it("gives what joining everything anew gives, whatever changed in between", () => {
    const pool: Part[] = Array.from({ length: 300 }, (_, i) => ({ key: `k${i % 290}`, odd: i === 299 }));
    fc.assert(
      fc.property(fc.array(fc.uniqueArray(fc.nat(299), { maxLength: 300 }), { maxLength: 8 }), (rounds) => {
        const pieces = create();
        for (const round of rounds) {
          const parts = round.map((i) => pool[i] as Part);
          const isPlain =
            new Set(parts.map(({ key }) => key)).size === parts.length && !parts.some(({ odd }) => odd);
          const whole = parts.map((part) => text(part, 0)).join("");
          expect(pieces.join(parts, 0)).toBe(isPlain ? whole : undefined);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("asks again only for the piece that changed", () => {
    let asked = 0;
    const pieces = createPieces<Part>(1000, (part) => {
      asked++;
      return { key: part.key, text: part.key };
    });
    const parts: Part[] = Array.from({ length: 640 }, (_, i) => ({ key: `k${i}` }));
    pieces.join(parts, 0);
    asked = 0;
    pieces.join([...parts.slice(0, 100), { key: "new" }, ...parts.slice(101)], 0);
    expect(asked).toBe(64);
  });

  it("works lines out anew once they are too old, whichever way the clock went", () => {
    const pieces = create(1000);
    const parts = [{ key: "a" }];
    expect(pieces.join(parts, 5000)).toBe("a at 5000\n");
    expect(pieces.join(parts, 5999)).toBe("a at 5000\n");
    expect(pieces.join(parts, 6000)).toBe("a at 6000\n");
    expect(pieces.join(parts, 0)).toBe("a at 0\n");
  });
});
