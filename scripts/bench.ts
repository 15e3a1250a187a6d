/* `npm run bench [-- NAME] [--json] [--tiny]`: every figure of the README, measured again, in ratios to peers of the same run. */
import { Command } from "commander";

/** One measured figure. */
export interface Figure {
  readonly name: string;
  readonly metric: string;
  readonly value: number | null;
  /** What has to be reached, in words; empty for figures that are only printed. */
  readonly target: string;
  readonly ok: boolean;
}

/** A bench: measures and says what it found. `tiny` checks that it works, its figures mean nothing. */
export interface Bench {
  run(options: { readonly tiny: boolean; readonly bytes?: number }): Promise<readonly Figure[]>;
}

const BENCHES: Readonly<Record<string, () => Promise<Bench>>> = {
  immunity: () => import("../test/bench/immunity.ts"),
  ingest: () => import("../test/bench/ingest.ts"),
  readers: () => import("../test/bench/readers.ts"),
  memory: () => import("../test/bench/memory.ts"),
  durable: () => import("../test/bench/durable.ts"),
  sign: () => import("../test/bench/sign.ts"),
  push: () => import("../test/bench/push.ts"),
  gas: () => import("../test/bench/gas.ts"),
  audit: () => import("../test/bench/audit.ts"),
  checker: () => import("../test/bench/checker.ts"),
  crowdsec: () => import("../test/bench/crowdsec.ts"),
  vaccines: () => import("../test/bench/vaccines.ts"),
  gateway: () => import("../test/bench/gateway.ts"),
  export: () => import("../test/bench/export.ts"),
};

const program = new Command("npm run bench --")
  .argument("[names...]", `which: ${Object.keys(BENCHES).join(", ")}; all by default`)
  .option("--json", "one JSON object a line", false)
  .option("--bytes <number>", "memory: how much of a log is read", Number)
  .option("--tiny", "small inputs: checks that it works, the figures mean nothing", false)
  .parse();
const { json, tiny, bytes } = program.opts<{ json: boolean; tiny: boolean; bytes?: number }>();
const names = program.args.length > 0 ? program.args : Object.keys(BENCHES);

for (const name of names) {
  const load = BENCHES[name];
  if (load === undefined) {
    process.stderr.write(`no bench is called ${name}; there are ${Object.keys(BENCHES).join(", ")}\n`);
    process.exit(2);
  }
  const bench = await load();
  for (const figure of await bench.run({ tiny, ...(bytes !== undefined && { bytes }) })) {
    if (json) process.stdout.write(`${JSON.stringify(figure)}\n`);
    else process.stdout.write(`${rowOf(figure)}\n`);
    if (!figure.ok && !tiny) process.exitCode = 1;
  }
}
process.exit();

function rowOf({ name, metric, value, target, ok }: Figure): string {
  const shown =
    value === null
      ? "–"
      : value >= 1000
        ? Math.round(value).toLocaleString("en")
        : String(Math.round(value * 1000) / 1000);
  return `${name.padEnd(9)} ${metric.padEnd(58)} ${shown.padStart(12)}  ${target.padEnd(22)} ${target === "" ? "" : ok ? "ok" : "NOT REACHED"}`;
}
