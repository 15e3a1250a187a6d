/** A register as the status function sees it: `s` support, `e` expired support, `r` refute, `w` withdraw. */
const AT = 1_800_000_000;
const STANCES = { s: [1, AT + 1], e: [1, AT], r: [2, 0], w: [3, 0] } as const;
const BASES = { o: 1, v: 2, a: 3 } as const;

/**
 * Reads "so sv ro! -": one word per member in the order of their numbers, stance and basis, `!` for a suspended
 * member, `-` for one that said nothing.
 */
function registers(text: string) {
  return text.split(" ").flatMap((word, i) => {
    if (word.startsWith("-")) return [];
    const [stance, validUntil] = STANCES[word[0] as keyof typeof STANCES];
    return [{ member: i + 1, stance, basis: BASES[word[1] as keyof typeof BASES], validUntil }];
  });
}

const suspended = (text: string) => text.split(" ").flatMap((word, i) => (word.endsWith("!") ? [i + 1] : []));

type Expected = [name: string, disputed: boolean, supports: number, witnesses: number, refutes: number];

/** Status of indicators: parameters M W R, then what each member says. */
const INDICATORS: [thresholds: [number, number, number], said: string, expected: Expected][] = [
  [[3, 2, 2], "- - -", ["none", false, 0, 0, 0]],
  [[3, 2, 2], "so - -", ["proposed", false, 1, 1, 0]],
  [[3, 2, 2], "so sa -", ["proposed", false, 2, 2, 0]],
  [[3, 2, 2], "so sa sv", ["attested", false, 3, 2, 0]],
  [[3, 2, 2], "so sv sv", ["proposed", false, 3, 1, 0]],
  [[3, 2, 2], "sv sv sv sv", ["proposed", false, 4, 0, 0]],
  [[3, 1, 2], "so sv sv -", ["attested", false, 3, 1, 0]],
  [[3, 1, 2], "sa sv sv -", ["attested", false, 3, 1, 0]],
  [[3, 2, 2], "so sa sv ro", ["attested", true, 3, 2, 1]],
  [[3, 2, 2], "so sa sv ro rv", ["refuted", false, 3, 2, 2]],
  [[3, 2, 2], "ro - -", ["none", true, 0, 0, 1]],
  [[3, 2, 2], "ro rv -", ["refuted", false, 0, 0, 2]],
  [[3, 2, 1], "so sa sv ra", ["refuted", false, 3, 2, 1]],
  [[3, 2, 3], "so ra ra", ["proposed", true, 1, 1, 2]],
  [[3, 2, 2], "eo - -", ["dormant", false, 0, 0, 0]],
  [[3, 2, 2], "eo ea ev", ["dormant", false, 0, 0, 0]],
  [[3, 2, 2], "so ea sv", ["proposed", false, 2, 1, 0]],
  [[3, 2, 2], "wo - -", ["withdrawn", false, 0, 0, 0]],
  [[3, 2, 2], "wo eo -", ["dormant", false, 0, 0, 0]],
  [[3, 2, 2], "wo eo ro", ["dormant", true, 0, 0, 1]],
  [[3, 2, 2], "wo wo ro", ["withdrawn", true, 0, 0, 1]],
  [[3, 2, 2], "wo so -", ["proposed", false, 1, 1, 0]],
  [[3, 2, 2], "so sa sv! -", ["proposed", false, 2, 2, 0]],
  [[3, 2, 2], "so sa sv! sv", ["attested", false, 3, 2, 0]],
  [[3, 2, 2], "so! sa sv sv", ["proposed", false, 3, 1, 0]],
  [[3, 2, 2], "so sa sv ro! rv", ["attested", true, 3, 2, 1]],
  [[3, 2, 2], "eo! - - -", ["none", false, 0, 0, 0]],
  [[3, 2, 2], "wo! - - -", ["none", false, 0, 0, 0]],
  [[1, 1, 1], "so - -", ["attested", false, 1, 1, 0]],
  [[1, 1, 1], "sv - -", ["proposed", false, 1, 0, 0]],
  [[7, 7, 7], "so so so so so so so", ["attested", false, 7, 7, 0]],
];

/** Status of responses: what is said about the indicator, then about the response. */
const RESPONSES: [thresholds: [number, number, number], indicator: string, response: string, expected: Expected][] = [
  [[3, 2, 2], "so sa sv", "- - -", ["none", false, 0, 0, 0]],
  [[3, 2, 2], "so sa sv", "sv sv -", ["proposed", false, 2, 0, 0]],
  [[3, 2, 2], "so sa sv", "sv sv sv", ["attested", false, 3, 0, 0]],
  [[3, 2, 2], "so sv sv", "sv sv sv", ["proposed", false, 3, 0, 0]],
  [[3, 2, 2], "so sv sv", "sa sa sa", ["proposed", false, 3, 3, 0]],
  [[3, 2, 2], "- - -", "sv sv sv", ["proposed", false, 3, 0, 0]],
  [[3, 2, 2], "ro ro -", "sv sv sv", ["proposed", false, 3, 0, 0]],
  [[3, 2, 2], "so sa sv ro", "sv sv sv -", ["attested", false, 3, 0, 0]],
  [[3, 2, 2], "so sa sv -", "sv sv sv ro", ["attested", true, 3, 0, 1]],
  [[3, 2, 2], "so sa sv - -", "sv sv sv ro ro", ["refuted", false, 3, 0, 2]],
  [[3, 2, 2], "so sa ev", "sv sv sv", ["proposed", false, 3, 0, 0]],
  [[3, 2, 2], "so sa sv", "sv sv ev", ["proposed", false, 2, 0, 0]],
  [[3, 2, 2], "so sa sv", "ev wo -", ["dormant", false, 0, 0, 0]],
  [[3, 2, 2], "so sa sv! -", "sv sv sv! sv", ["proposed", false, 3, 0, 0]],
  [[3, 2, 2], "so sa sv sv!", "sv sv sv sv!", ["attested", false, 3, 0, 0]],
];

const parameters = ([members, witnesses, refutes]: [number, number, number]) => ({ members, witnesses, refutes });

const expectation = ([name, disputed, supports, witnesses, refutes]: Expected) => ({
  name,
  disputed,
  supports,
  witnesses,
  refutes,
});

/** What the members say, who is suspended, and which status that gives at the second `at`. */
export function status() {
  return {
    at: AT,
    indicators: INDICATORS.map(([thresholds, said, expected]) => ({
      name: said,
      parameters: parameters(thresholds),
      members: said.split(" ").length,
      suspended: suspended(said),
      registers: registers(said),
      expected: expectation(expected),
    })),
    responses: RESPONSES.map(([thresholds, indicator, response, expected]) => ({
      name: `${indicator} | ${response}`,
      parameters: parameters(thresholds),
      members: response.split(" ").length,
      suspended: suspended(response),
      indicator: registers(indicator),
      response: registers(response),
      expected: expectation(expected),
    })),
  };
}
