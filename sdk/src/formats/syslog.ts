/** Syslog of any form, and what it carries: CEF, LEEF, EVE, fail2ban, packet filters. */
import { detectionId, parseEveLine } from "../core/eve.ts";
import { sha256Hex } from "../core/hash.ts";
import type { LineOutcome } from "../core/types.ts";
import { cefStart, readCef } from "./cef.ts";
import { context, rejected, type Source } from "./detected.ts";
import { readFail2ban } from "./fail2ban-line.ts";
import { readFirewall } from "./firewall-line.ts";
import { type Format, type LineAt, NO_MATCH, type Reader, type ReaderOptions } from "./format.ts";
import { withoutDigest } from "./json-reader.ts";
import { leefStart, readLeef } from "./leef.ts";
import { lineText, sampleLines } from "./line-text.ts";
import { parseSyslog, type SyslogLine, unescapeControls } from "./syslog-line.ts";

/** A line that says that the one before came again is read as that many, up to here. */
const MOST_REPEATS = 100;
/** Events in one line; what is behind them counts once, as `line.tooLong`. */
const MOST_GLUED = 64;

/** Syslog, RFC 3164 and RFC 5424. */
export const syslog: Format = {
  name: "syslog",
  title: "syslog",
  detect({ head }) {
    const times = { notAfterMs: 0, zone: "UTC" };
    const lines = sampleLines(head.slice(0, 65_536));
    const fitting = lines.filter((line) => isKnown(parseSyslog(line, times))).length;
    return fitting === 0
      ? NO_MATCH
      : {
          score: Math.round(30 + (40 * fitting) / lines.length),
          why: "lines with a syslog header, or of a program that writes without one",
        };
  },
  createReader,
};

/** Programs that write lines of their own beside syslog: what they are called here, and how they begin. */
const PLAIN: readonly (readonly [name: string, start: RegExp])[] = [
  ["auditd", /^(?:node=\S{1,128} )?type=[A-Z0-9_]{2,40} msg=audit\(/],
  ["smbd", /^\s*Auth: \[[A-Z0-9]{2,8},/],
  ["tcpdump", /^\d\d:\d\d:\d\d\.\d{6} (?:IP6?|ARP),? /],
  ["pve-firewall", /^\d{1,9} \d \S{1,64} \d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4} /],
];

function isKnown(line: SyslogLine): boolean {
  return line.carried || PLAIN.some(([, start]) => start.test(line.message));
}

function createReader(options: ReaderOptions): Reader {
  const { detector, zone = "UTC" } = options;
  let last: { readonly text: string; readonly at: LineAt } | undefined;

  const one = (text: string, at: LineAt): LineOutcome => {
    const line = parseSyslog(text, { notAfterMs: at.fileMs ?? at.readAtMs, zone });
    return readMessage(line, { detector, text, at }, zone);
  };

  const readText = (text: string, at: LineAt): readonly LineOutcome[] => {
    const head = text.slice(0, 512);
    const again = head.includes("repeated") ? /(?:last )?message repeated (\d{1,9}) times?/.exec(head) : null;
    if (again === null) {
      last = { text, at };
      return [one(text, at)];
    }
    // rsyslog writes the message behind it in brackets; BSD's syslogd means the line before.
    const repeated = head.indexOf("message repeated ", again.index);
    const behind = text.slice(again.index + again[0].length);
    const opening = text.endsWith("]") ? /^: \[ ?/.exec(behind) : null;
    const known =
      opening === null ? last?.text : text.slice(0, repeated) + behind.slice(opening[0].length, -1);
    if (known === undefined) return [context("syslog.repeated")];
    const times = Math.min(Number(again[1]), MOST_REPEATS);
    // It may be long: it is read once, and each time that it came has an id of its own.
    const first = times === 0 ? undefined : one(known, withoutDigest(at));
    if (first?.kind !== "detection") return [context("syslog.repeated")];
    const digest = sha256Hex(known);
    return Array.from({ length: times }, (_, n): LineOutcome => {
      if (n === 0) return first;
      const id = detectionId({ detector, stream: at.stream, offset: at.offset + n }, digest);
      return { kind: "detection", detection: { ...first.detection, id } };
    });
  };

  return {
    push(line, at) {
      const text = lineText(line);
      if (!text.includes("#012<")) return readText(text, at);
      // rsyslog glues events that came in one message; each begins with its own priority.
      const parts = text.split(/#012(?=<\d{1,3}>)/, MOST_GLUED + 1);
      return parts.flatMap((part, index) => {
        if (index === MOST_GLUED) return [rejected("line.tooLong", text)];
        return readText(part, { ...withoutDigest(at), offset: at.offset + index });
      });
    },
    // "Repeated 3 times" twice is six times.
    isAlone: (line) => !lineText(line.subarray(0, 512)).includes("message repeated "),
    end: () => [],
  };
}

function readMessage(line: SyslogLine, source: Source, zone: string): LineOutcome {
  const { message, app } = line;
  if (cefStart(line) >= 0) return readCef(source, zone);
  if (leefStart(line) >= 0) return readLeef(source, zone);
  if (message.startsWith("{") && message.includes('"event_type"'))
    return parseEveLine(message, { ...withoutDigest(source.at), detector: source.detector });
  const found =
    readFail2ban(line, source) ?? readFirewall({ ...line, message: unescapeControls(message) }, source, zone);
  if (found !== undefined) return found;
  if (line.carried) return context(app === undefined ? "syslog" : `syslog.${app.split("/").at(-1)}`);
  const plain = PLAIN.find(([, start]) => start.test(message));
  return plain === undefined ? rejected("line.fields", source.text) : context(plain[0]);
}
