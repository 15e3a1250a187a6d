/** How answers are written: calm tables for people, the API's JSON or one value per line for programs. */

/** The three ways. */
export type Format = "human" | "json" | "raw";

/** What a command gives to be written. */
export interface Answer {
  /** The API's JSON. */
  readonly json: unknown;
  /** One value per line. */
  readonly raw: readonly string[];
  readonly human: (style: Style) => string;
}

/** Colours, when somebody is looking. */
export interface Style {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly soft: (text: string) => string;
  readonly nowMs: number;
}

/** Writes an answer to standard output. */
export function write(answer: Answer, format: Format): void {
  if (format === "json") process.stdout.write(`${JSON.stringify(answer.json, null, 2)}\n`);
  else if (format === "raw") for (const value of answer.raw) process.stdout.write(`${clean(value)}\n`);
  else process.stdout.write(`${answer.human(makeStyle()).replace(/\n+$/, "")}\n`);
}

/** The style of this terminal: colours on a TTY only, and not with NO_COLOR. */
export function makeStyle(): Style {
  const coloured = process.stdout.isTTY === true && !process.env.NO_COLOR;
  const paint = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
  return { good: paint(32), bad: paint(31), soft: paint(2), nowMs: Date.now() };
}

/** Text from elsewhere without control characters, so that a peer's name cannot steer a terminal. */
export function clean(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, "\ufffd");
}

/** Columns under their titles, two spaces apart; the last column is not padded. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[], style: Style): string {
  const cleaned = rows.map((row) => row.map(clean));
  const widths = titles.map((title, column) =>
    Math.max(title.length, ...cleaned.map((row) => (row[column] ?? "").length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => (column === titles.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join("  ")
      .trimEnd();
  return [style.soft(line(titles)), ...cleaned.map(line)].join("\n");
}

/** Names and values in two columns. */
export function pairs(rows: readonly (readonly [name: string, value: string])[], style: Style): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${style.soft(name.padEnd(width))}  ${clean(value)}`).join("\n");
}

/** A moment in UTC with its distance from now: `2026-11-25 01:26:45Z (3 min ago)`; `never` for null. */
export function time(ms: number | null | undefined, nowMs: number): string {
  if (ms === null || ms === undefined) return "never";
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return "never";
  return `${date.toISOString().slice(0, 19).replace("T", " ")}Z (${distance(ms - nowMs)})`;
}

/** A distance in time in its largest unit: `3 min ago`, `in 2 h`. */
export function distance(ms: number): string {
  const size = Math.abs(ms);
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
    [1000, "s"],
  ] as const;
  const [length, name] = units.find(([unit]) => size >= unit) ?? [1000, "s"];
  const count = Math.floor(size / length);
  if (count === 0) return "now";
  return ms < 0 ? `${count} ${name} ago` : `in ${count} ${name}`;
}

/** The first 12 hexadecimal digits of an id: enough to name it in a command. */
export function short(id: string): string {
  return id.slice(0, 14);
}

/** `1 indicator`, `2 indicators`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
