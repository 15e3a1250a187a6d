/**
 * `npm run corpus [-- --json] [-- --samples FOLDER]`: what the formats make of a collection of real files.
 *
 * The collection is no part of the repository: it is looked for in ANAMNESIS_SAMPLES and beside the
 * checkout. Ends with 1 when a fact does not hold that is not explained.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { readCorpus } from "./corpus/corpus.ts";

const { values } = parseArgs({ options: { json: { type: "boolean" }, samples: { type: "string" } } });
const beside = join(import.meta.dirname, "../../shared/samples");
const report = await readCorpus(resolve(values.samples ?? process.env.ANAMNESIS_SAMPLES ?? beside));

if (report === undefined) {
  const said = "there is no sample collection here; give its folder with --samples or in ANAMNESIS_SAMPLES";
  process.stdout.write(
    values.json === true ? `${JSON.stringify({ skipped: said })}\n` : `SKIPPED: ${said}\n`,
  );
} else if (values.json === true) {
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} else {
  for (const [name, { files, events, detections, attackers, rejected }] of Object.entries(report.formats)) {
    const bad = Object.entries(rejected).map(([reason, count]) => `${reason} ${count}`);
    process.stdout.write(
      `${name.padEnd(10)} ${files} files, ${events} events, ${detections} detections (${attackers} with an attacker)${bad.length > 0 ? `, rejected: ${bad.join(", ")}` : ""}\n`,
    );
  }
  process.stdout.write(`${report.facts} facts, ${report.mismatches.length} do not hold\n`);
  for (const { path, fact, expected, got, explained } of report.mismatches)
    process.stdout.write(`${path}: ${fact} ${got} instead of ${expected}: ${explained ?? "NOT EXPLAINED"}\n`);
}
if (report?.mismatches.some(({ explained }) => explained === null) === true) process.exitCode = 1;
