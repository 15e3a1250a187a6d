/** The tables of docs/governance.md, worked out by the rules of the contracts; `--write` puts them there. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Fewer members than this the registry never has. */
export const MIN_MEMBERS = 3;

/** Thresholds of a record, as in `MemberRegistry`. */
export interface Thresholds {
  readonly members: number;
  readonly witnesses: number;
  readonly refutes: number;
}

/** What `n` active members can bear. */
export interface Bearing {
  /** Votes For that a proposal needs. */
  readonly needed: number;
  /** Accounts that may be lost at once: the others still decide. */
  readonly lost: number;
  /** Members that can be suspended or removed before the registry refuses. */
  readonly suspended: number;
}

/** What `n` active members can bear with these thresholds, by the contracts' rules. */
export function bearing(n: number, { members, refutes }: Thresholds): Bearing {
  const needed = Math.floor(n / 2) + 1;
  return { needed, lost: n - needed, suspended: n - Math.max(MIN_MEMBERS, members, refutes) };
}

/** The thresholds that a consortium of `n` may well start with: the defaults, and more of everything as it grows. */
export function suggestion(n: number): Thresholds {
  const members = Math.max(3, Math.ceil(n / 4));
  return { members, witnesses: 2, refutes: Math.max(2, Math.ceil(n / 8)) };
}

/** Both tables in Markdown. */
export function governanceTables(): { votes: string; thresholds: string } {
  const sizes = Array.from({ length: 98 }, (_, i) => i + MIN_MEMBERS);
  const shown = sizes.filter((n) => n <= 20 || n % 10 === 0);
  const table = (head: readonly string[], rows: readonly (readonly (number | string)[])[]) =>
    [head, head.map(() => "--:"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
  const defaults = { members: 3, witnesses: 2, refutes: 2 };
  const votes = table(
    [
      "members",
      "votes needed",
      "lost accounts borne at once",
      "members that alone block a vote",
      "suspensions until 3 are left",
    ],
    sizes.map((n) => {
      const { needed, lost, suspended } = bearing(n, defaults);
      return [n, needed, lost, lost + 1, suspended];
    }),
  );
  const thresholds = table(
    [
      "members",
      "M",
      "W",
      "R",
      "liars that attest nothing alone",
      "silent members borne",
      "liars that refute nothing alone",
      "suspensions that M and R allow",
    ],
    shown.map((n) => {
      const t = suggestion(n);
      return [
        n,
        t.members,
        t.witnesses,
        t.refutes,
        t.members - 1,
        n - t.members,
        t.refutes - 1,
        bearing(n, t).suspended,
      ];
    }),
  );
  return { votes, thresholds };
}

/** The document with its tables put between their marks. Throws when a mark is missing. */
export function withTables(document: string): string {
  return Object.entries(governanceTables()).reduce((text, [name, table]) => {
    const [open, shut] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`];
    const [start, end] = [text.indexOf(open), text.indexOf(shut)];
    if (start < 0 || end < start) throw new Error(`docs/governance.md has no marks <!-- ${name} -->`);
    return `${text.slice(0, start)}${open}${table}\n${text.slice(end)}`;
  }, document);
}

if (process.argv.includes("--write")) {
  const path = fileURLToPath(new URL("../../docs/governance.md", import.meta.url));
  writeFileSync(path, withTables(readFileSync(path, "utf8")));
}
