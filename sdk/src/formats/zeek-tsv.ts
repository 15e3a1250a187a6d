/** Zeek's ASCII logs: the header says how the rows are read, and it may come again in the middle. */
import type { LineOutcome } from "../core/types.ts";
import { context, rejected, type Source } from "./detected.ts";
import { type Format, NO_MATCH, type Reader, type ReaderOptions } from "./format.ts";
import { lineText, sampleLines } from "./line-text.ts";
import { zeekTraffic } from "./traffic-zeek.ts";
import { readZeek, type ZeekRecord, zeekLogOf } from "./zeek-record.ts";

/** What a header says. Plain JSON: it is what a reader keeps over a restart. */
interface Header {
  readonly separator: string;
  readonly setSeparator: string;
  readonly empty: string;
  readonly unset: string;
  readonly path: string;
  readonly fields: readonly string[];
}

const NO_HEADER: Header = {
  separator: "\t",
  setSeparator: ",",
  empty: "(empty)",
  unset: "-",
  path: "",
  fields: [],
};

/** How the logs in Zeek's own test suite begin. */
export const BASELINE = "### BTest baseline data";

const MOST_FIELDS = 1024;
const LONGEST_HEADER = 65_536;

/** Zeek logs as tab-separated values, and input files of its intelligence framework (read as context). */
export const zeekTsv: Format = {
  name: "zeek-tsv",
  title: "Zeek log (TSV)",
  detect({ head }) {
    const lines = sampleLines(head.slice(0, LONGEST_HEADER));
    const has = (start: string) => lines.some((line) => line.startsWith(start));
    if (has("#separator ") && has("#fields")) {
      const path = lines.find((line) => line.startsWith("#path"))?.slice(6);
      return { score: 98, why: `Zeek's header, #path ${path ?? "missing"}` };
    }
    if (lines.slice(0, 3).some((line) => line.startsWith("#fields\t")))
      return { score: 90, why: "a #fields line, as Zeek's input files have" };
    if (lines[0]?.startsWith(BASELINE) === true && lines[1]?.startsWith("{") !== true)
      return { score: 60, why: "a recorded baseline of Zeek's own tests, without its header" };
    const rows = lines.slice(0, 50).filter(isBareRow).length;
    if (rows > 0 && rows * 2 >= Math.min(50, lines.length))
      return { score: 40, why: "tab-separated rows that begin with a time, without their header" };
    return NO_MATCH;
  },
  createReader,
};

/** A row of a log whose header was cut off: a time in seconds, a uid or more, tabs between. */
function isBareRow(line: string): boolean {
  return /^(?:\d{9,10}|X{10})\.[\dX]{1,6}\t/.test(line) && line.split("\t", 6).length >= 5;
}

function createReader(options: ReaderOptions): Reader {
  let header = readState(options.state) ?? NO_HEADER;
  const fileLog = options.path === undefined ? undefined : zeekLogOf(options.path);
  const columns = createColumns();
  return {
    push(line, at) {
      const text = lineText(line);
      if (text.startsWith("#")) {
        if (text.length <= LONGEST_HEADER) header = readHeader(header, text);
        return [context("zeek.header")];
      }
      const source: Source = { detector: options.detector, text, at };
      return [readRow(header, columns, fileLog, source, options.onTraffic)];
    },
    isAlone: (line) => line[0] !== 0x23,
    end: () => [],
    state: () => (header === NO_HEADER ? undefined : header),
  };
}

function readState(state: unknown): Header | undefined {
  const header = state as Partial<Header> | null | undefined;
  const sound =
    typeof header?.separator === "string" &&
    typeof header.setSeparator === "string" &&
    typeof header.empty === "string" &&
    typeof header.unset === "string" &&
    typeof header.path === "string" &&
    Array.isArray(header.fields);
  return sound ? (header as Header) : undefined;
}

function readHeader(header: Header, text: string): Header {
  // `#separator` comes first and is written with a blank; the others use the separator itself.
  if (text.startsWith("#separator "))
    return { ...NO_HEADER, separator: unescapeBytes(text.slice(11)) || "\t" };
  const at = text.indexOf(header.separator);
  const name = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? "" : text.slice(at + header.separator.length);
  if (name === "#set_separator") return { ...header, setSeparator: unescapeBytes(value) || "," };
  if (name === "#empty_field") return { ...header, empty: value };
  if (name === "#unset_field") return { ...header, unset: value };
  if (name === "#path") return { ...header, path: value.slice(0, 64) };
  if (name !== "#fields") return header;
  const fields = value.split(header.separator, MOST_FIELDS);
  return { ...header, fields };
}

function readRow(
  header: Header,
  columns: Columns,
  fileLog: string | undefined,
  source: Source,
  onTraffic: ReaderOptions["onTraffic"],
): LineOutcome {
  const { text } = source;
  if (header.fields.length === 0) return rejected("line.header", text);
  const cells = text.split(header.separator, header.fields.length + 1);
  if (cells.length !== header.fields.length) return rejected("line.columns", text);
  if (header.fields[0] === "indicator") return context("intel.input");
  const log = header.path || (fileLog ?? "zeek");
  const record = columns.of(header, cells);
  if (onTraffic !== undefined) zeekTraffic(log, record, onTraffic);
  return readZeek(log, record, source);
}

interface Columns {
  of(header: Header, cells: readonly string[]): ZeekRecord;
}

/** Rows by the names of their columns; the names are looked up once a header. */
function createColumns(): Columns {
  let known: Header | undefined;
  let index: ReadonlyMap<string, number> = new Map();
  return {
    of(header, cells) {
      if (header !== known) {
        known = header;
        index = new Map(header.fields.map((field, column) => [field, column]));
      }
      const cell = (name: string): string | undefined => {
        const column = index.get(name);
        const value = column === undefined ? undefined : cells[column];
        return value === header.unset ? undefined : value;
      };
      return {
        text(name) {
          const value = cell(name);
          if (value === undefined) return undefined;
          return value === header.empty ? "" : unescapeBytes(value);
        },
        list(name) {
          const value = cell(name);
          if (value === undefined || value === header.empty) return [];
          return value.split(header.setSeparator, 256).map(unescapeBytes);
        },
      };
    },
  };
}

/** `\xNN` to the byte it stands for; bytes that make no UTF-8 become U+FFFD. */
function unescapeBytes(text: string): string {
  if (!text.includes("\\x")) return text;
  return text.replace(/(?:\\x[0-9a-fA-F]{2})+/g, (run) =>
    Buffer.from(run.replaceAll("\\x", ""), "hex").toString(),
  );
}
