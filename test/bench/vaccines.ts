/*
 * What one more vaccine costs where many are in force: decided, compiled, checked, written, read back and
 * committed, at file controls of 1,000 and of 100,000; beside it the same control written whole.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createEdl } from "../../node/src/adapters/controls/edl.ts";
import { createNftables } from "../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../node/src/adapters/controls/suricata.ts";
import { createZeekIntel } from "../../node/src/adapters/controls/zeek-intel.ts";
import type { Clock, Control } from "../../node/src/ports.ts";
import { observable, recordOf, START_MS } from "../node/support/plant.ts";
import { makePlant } from "../node/support/vaccination.ts";
import { atMost, type Figure, inTemporary, median, printed } from "./support.ts";

const NAME = "vaccines";
const clock: Clock = { nowMs: () => START_MS, monotonicMs: () => START_MS };

const KINDS: Readonly<Record<string, (path: string) => Control>> = {
  edl: (path) => createEdl({ name: "edl", level: 4, path }, { clock }),
  nftables: (path) => createNftables({ name: "nftables", level: 4, path }, { clock }),
  suricata: (path) => createSuricata({ name: "suricata", level: 4, path }, { clock }),
  "zeek-intel": (path) => createZeekIntel({ name: "zeek-intel", level: 4, path }, { clock }),
};

/** One more, a few hundred times, at each control with few and with many in force. */
export async function run({ tiny }: { readonly tiny: boolean }): Promise<readonly Figure[]> {
  const [few, many, turns] = tiny ? [1500, 3000, 10] : [1000, 100_000, 400];
  const figures: Figure[] = [];
  for (const kind of Object.keys(KINDS)) {
    const small = await measure(kind, few, turns);
    const large = await measure(kind, many, turns);
    figures.push(
      printed(NAME, `${kind}: one more of ${few}, ms p50`, small.ms),
      printed(NAME, `${kind}: one more of ${many}, ms p50`, large.ms),
      atMost(NAME, `${kind}: the same, against ${few}, ratio`, large.ms / small.ms, 3),
      printed(NAME, `${kind}: one more of ${many}, ms p99`, large.p99),
      printed(NAME, `${kind}: one more of ${few}, bytes written`, small.bytes),
      printed(NAME, `${kind}: one more of ${many}, bytes written`, large.bytes),
      printed(NAME, `${kind}: all ${many} written whole and read back, ms`, large.wholeMs),
      atMost(NAME, `${kind}: one more of ${many}, against that, ratio`, large.ms / large.wholeMs, 0.05),
    );
  }
  return figures;
}

interface Cost {
  readonly ms: number;
  readonly p99: number;
  /** Written to files for one more, 0 where there is no /proc. */
  readonly bytes: number;
  readonly wholeMs: number;
}

function measure(kind: string, inForce: number, turns: number): Promise<Cost> {
  return inTemporary(async (directory) => {
    const control = KINDS[kind]?.(join(directory, "control")) as Control;
    const plant = await makePlant({ controls: [control], budgetPerHour: 1e9 });
    const record = (i: number) =>
      recordOf(observable(`2001:db8::${part(i / 50_000)}:${part(i % 50_000)}`, "ipv6-addr"));
    await plant.flow.reconcile(Array.from({ length: inForce }, (_, i) => record(i)));
    const active = plant.vaccinations.active(control.name);
    if (active.size !== inForce) throw new Error(`${kind} holds ${active.size} of ${inForce}`);
    const more = (from: number) => Array.from({ length: turns }, (_, i) => record(inForce + from + i));
    // The first takes the file up.
    for (const one of more(0)) await plant.consider(one);
    const times: number[] = [];
    const written = bytesWritten();
    for (const one of more(turns)) {
      const startMs = performance.now();
      await plant.consider(one);
      times.push(performance.now() - startMs);
    }
    const bytes = (bytesWritten() - written) / turns;
    times.sort((a, b) => a - b);
    const wholes: number[] = [];
    for (let i = 0; i < 5; i++) {
      const all = [...active.values()].slice(i);
      const startMs = performance.now();
      await control.apply(all);
      const { missing, extra } = await control.verify(all);
      wholes.push(performance.now() - startMs);
      if (missing.length + extra.length > 0) throw new Error(`${kind} does not hold what was written`);
    }
    return {
      ms: median(times),
      p99: times[Math.floor(times.length * 0.99)] as number,
      bytes,
      wholeMs: median(wholes),
    };
  });
}

/** A part of an address that is never zero. */
function part(value: number): string {
  return (Math.floor(value) + 1).toString(16);
}

function bytesWritten(): number {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
