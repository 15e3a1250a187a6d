/** INDEX.tsv of a sample collection: what a file is and what must come out of it. */
import { readFileSync } from "node:fs";

/** One file of the collection. */
export interface IndexRow {
  readonly path: string;
  /** The collection's own name of the format. */
  readonly kind: string;
  readonly facts: string;
}

/** Kinds of files that detectors write, and the formats here that read them. The others are not read line by line. */
export const KINDS: Readonly<Record<string, readonly string[]>> = {
  cef: ["cef"],
  crowdsec_alerts: ["crowdsec"],
  crowdsec_decisions: ["crowdsec"],
  ecs: ["ecs"],
  falco_json: ["falco"],
  generic_json: ["mapping"],
  leef: ["leef"],
  suricata_eve: ["eve"],
  suricata_eve_expected: ["eve"],
  suricata_fastlog: ["fastlog"],
  syslog: ["syslog"],
  tshark_json: ["tshark"],
  wazuh: ["wazuh"],
  zeek_intel: ["zeek-tsv"],
  zeek_json: ["zeek-json"],
  zeek_tsv: ["zeek-tsv"],
};

/** Traps that are a detector's file, and the format each is in; the others of the folder are no logs. */
export const TRAPS: Readonly<Record<string, string>> = {
  T01: "eve",
  T02: "eve",
  T04: "fastlog",
  T06: "eve",
  T07: "eve",
  T09: "eve",
  T10: "eve",
  T14: "eve",
  T15: "eve",
  T16: "eve",
  T17: "eve",
  T18: "eve",
  T19: "eve",
  T20: "zeek-tsv",
  T21: "zeek-tsv",
  T24: "zeek-json",
  T26: "cef",
  T28: "cef",
  T29: "eve",
  T31: "wazuh",
  T32: "eve",
  T34: "eve",
  T35: "eve",
  T37: "crowdsec",
  T38: "crowdsec",
  T48: "syslog",
};

/** Rows of files that detectors write. */
export function readIndex(file: string): readonly IndexRow[] {
  const rows: IndexRow[] = [];
  for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
    const [path, kind, , , , , , facts = ""] = line.split("\t");
    if (path === undefined || kind === undefined) continue;
    if (kind in KINDS || (kind === "traps" && trapFormat(path) !== undefined))
      rows.push({ path, kind, facts });
  }
  return rows;
}

/** The formats a file may be named. */
export function formatsOf({ path, kind }: IndexRow): readonly string[] {
  const trap = kind === "traps" ? trapFormat(path) : undefined;
  return trap === undefined ? (KINDS[kind] ?? []) : [trap];
}

function trapFormat(path: string): string | undefined {
  return TRAPS[/(?:^|\/)(T\d\d)/.exec(path)?.[1] ?? ""];
}
