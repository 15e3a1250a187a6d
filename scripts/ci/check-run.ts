/* Checks the figures of two runs of the main job on one directory. */
import type { RunFigures } from "../start/figures.ts";
import { complaintsOf } from "../twin/scenario.ts";

const [first, second] = process.argv.slice(2).map((text) => JSON.parse(text) as RunFigures);
const faults: string[] = [];
const need = (holds: boolean, what: string) => {
  if (!holds) faults.push(what);
};
for (const [name, run] of [
  ["first", first],
  ["second", second],
] as const) {
  if (run === undefined) throw new Error(`the ${name} run printed no figures`);
  need(run.plants === 4 && run.immune === 4, `${name} run: ${run.immune} of ${run.plants} plants immune`);
  const [attacked, ...others] = run.twin ?? [];
  need(others.length === 3, `${name} run: the twin is missing`);
  need((attacked?.timeInBand ?? 1) <= 0.3, `${name} run: plant A kept its level under attack`);
  for (const fault of others.flatMap(complaintsOf)) faults.push(`${name} run: ${fault}`);
  need(run.lost === 0 && run.duplicated === 0, `${name} run: ${run.lost} lost, ${run.duplicated} duplicated`);
}
need(
  first?.warnedMs != null && first.protectedMs != null && first.recordedMs != null,
  "first run: times are missing",
);
need(second?.reencounterMs != null && second.warnedMs === null, "second run: it was not a re-encounter");
need(first?.records === second?.records, `records grew from ${first?.records} to ${second?.records}`);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.exit(faults.length === 0 ? 0 : 1);
