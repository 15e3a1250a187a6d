import { setup as build } from "../contracts/build.ts";
import { type Gas, measureGas } from "../contracts/gas.ts";

export interface Result {
  name: string;
  metric: string;
  value: number;
  target: string;
  ok: boolean;
}

/** The measured gas as ratios to the peers deployed beside it, each with its target. */
export function ratios(gas: Gas): Result[] {
  const of = (name: string): number => {
    const value = gas[name];
    if (value === undefined) throw new Error(`no gas was measured for "${name}"`);
    return value;
  };
  const atMost = (metric: string, value: number, limit: number): Result => ({
    name: "gas",
    metric,
    value: Number(value.toPrecision(4)),
    target: `≤ ${limit}`,
    ok: value <= limit,
  });
  const alone = "anchor, 4 members, 10 records";
  const together = "anchor, 4 members, all at once, each";
  const spread = ["4 members, 1000000", "100 members, 10", "100 members, 1000000"].map((size) =>
    Math.abs(of(`anchor, ${size} records`) / of(alone) - 1),
  );
  return [
    atMost(
      "anchor a head, four in one transaction / hash-chained head",
      of(together) / of("hash-chained head"),
      1.25,
    ),
    atMost("anchor a head alone / hash-chained head", of(alone) / of("hash-chained head"), 1.25),
    atMost("anchor: spread over 10 to 1M records, 4 to 100 members", Math.max(...spread), 0.01),
    atMost(
      "a record, 1,000 under each of four heads in one transaction / EAS attest",
      of(together) / 1000 / of("EAS attest"),
      1 / 5000,
    ),
    atMost("attest one subject / EAS attest", of("attest") / of("EAS attest"), 0.4),
    atMost(
      "attest in a batch of 100 / EAS multiAttest of 100, each",
      of("attest, batch of 100, each") / of("EAS multiAttest, batch of 100, each"),
      0.3,
    ),
  ];
}

/** Deploys the contracts and their peers side by side and measures them: exact, one round is enough. */
export async function run(): Promise<Result[]> {
  await build();
  return ratios(await measureGas());
}
