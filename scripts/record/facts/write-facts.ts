/** Writes facts.json and the table of README.md. Usage: write-facts.ts FIXTURES SURICATA_VERSION */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countFixtures } from "./fixture-facts.ts";

const [fixtures = "fixtures", suricata = ""] = process.argv.slice(2);
const facts = { suricata, ...countFixtures(fixtures) };
writeFileSync(join(fixtures, "facts.json"), `${JSON.stringify(facts, null, 2)}\n`);

function list(counts: Record<string, number>): string {
  return Object.entries(counts)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
}

const rows = Object.entries(facts.eve).map(
  ([name, eve]) =>
    `| ${name} | ${eve.lines} | ${eve.spanSeconds} s | ${list(eve.events)} | ${list(eve.alerts) || "none"} |`,
);
const captureRows = Object.entries(facts.captures).map(
  ([name, capture]) => `| ${name} | ${capture.packets} packets | ${capture.spanSeconds} s | | |`,
);
const table = [
  "| file | lines | span | by event type | alerts by signature id |",
  "|---|---|---|---|---|",
  ...rows,
  ...captureRows,
].join("\n");

const readme = join(fixtures, "README.md");
const text = readFileSync(readme, "utf8");
const marked = /(<!-- facts -->\n)[\s\S]*(\n<!-- \/facts -->)/;
if (!marked.test(text)) throw new Error(`${readme} has no facts markers`);
writeFileSync(
  readme,
  text.replace(marked, (_all, start: string, end: string) => `${start}${table}${end}`),
);
