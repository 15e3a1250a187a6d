import { createRequire } from "node:module";
import { describe, expect, test } from "vitest";
import { markBranches } from "../../../scripts/ci/branch-markers.ts";
import { coverageOf, shareOf } from "../../../scripts/ci/lcov.ts";

const SOURCE = `// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Umlauts (ü, ┆) take more than a byte.
contract C {
    error Odd(uint256 n);

    function f(uint256 n, bool b) external pure returns (uint256) {
        if (n % 2 == 1) revert Odd(n);
        if (b && n > 2) {
            n = b ? 1 : 2;
        } else if (n == 4 || (n == 6 && !b)) n = 5;
        else {
            if (n == 8) for (uint256 i = 0; i < 2; ++i) ++n;
        }
        return n;
    }
}
`;

describe("marked branches", () => {
  const { text, arms } = markBranches("C", SOURCE);

  test("are the arms of every condition, on lines of their own", () => {
    const lines = text.split("\n");
    for (const { markedLine } of arms)
      expect(lines[markedLine - 1]).toMatch(/^assert\(true\); \/\/ arm \d+$/);
    const told = arms.map(({ line, when }) => `${line} ${when}`).toSorted();
    expect(told).toEqual(
      // if; if, &&, ?:; else if, ||, &&; if
      [9, 10, 10, 11, 12, 12, 12, 14].flatMap((line) => [`${line} false`, `${line} true`]).toSorted(),
    );
  });

  test("leave a source that compiles, without a warning", () => {
    const compiler = createRequire(import.meta.url)("solc") as { compile(input: string): string };
    const input = {
      language: "Solidity",
      sources: { "C.sol": { content: text } },
      settings: { outputSelection: { "*": { "*": ["evm.bytecode.object"] } } },
    };
    const output = JSON.parse(compiler.compile(JSON.stringify(input)));
    expect(output.errors ?? []).toEqual([]);
    expect(output.contracts["C.sol"].C.evm.bytecode.object).toMatch(/^6080/);
  });

  test("that were never taken are named by their place in the source", () => {
    const [first, second, ...rest] = arms;
    const lcov = [
      "TN:",
      "SF:contracts/C.sol",
      ...rest.map(({ markedLine }) => `DA:${markedLine},3`),
      `DA:${first?.markedLine},0`,
      "DA:8,1",
      "DA:9,0",
      "end_of_record",
      "SF:contracts/Other.sol",
      "DA:1,1",
      "end_of_record",
    ].join("\n");
    const report = coverageOf(lcov, new Map([["contracts/C.sol", arms]]));
    expect(report).toEqual([
      {
        file: "contracts/C.sol",
        lines: { hit: 1, found: 2 },
        branches: { hit: 14, found: 16 },
        missed: [first, second],
      },
    ]);
    expect(shareOf({ hit: 14, found: 16 })).toBe(87.5);
    expect(shareOf({ hit: 0, found: 0 })).toBe(100);
  });
});

test("what is no Solidity is refused in the compiler's words", () => {
  expect(() => markBranches("C", "contract {")).toThrow(/ParserError/);
});
