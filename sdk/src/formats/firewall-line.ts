/** Lines of Linux packet filters (`IN= OUT= SRC= DST=`) and of pfSense's filterlog. */
import { clientByPorts, endpointOf, nameEnds } from "../core/direction.ts";
import { remember } from "../core/remember.ts";
import { indexSelf } from "../core/self-index.ts";
import type { Endpoint, LineOutcome } from "../core/types.ts";
import { context, detected, portOf, type Source } from "./detected.ts";
import type { SyslogLine } from "./syslog-line.ts";
import { localTime, monthOf } from "./time.ts";

const WRITERS =
  /^(?:kernel|iptables|ip6tables|nftables|ulogd2?|ufw|firewalld|shorewall6?|filterlog|pve-firewall)$/i;

interface Packet {
  readonly source: Endpoint | undefined;
  readonly destination: Endpoint | undefined;
  readonly transport: string | undefined;
  /** What the line says was done; undefined: it does not say. */
  readonly verdict: "blocked" | "allowed" | undefined;
  readonly rule: string;
  /** Whether this packet opens a flow; undefined when it does not tell. */
  readonly opens: boolean | undefined;
}

/**
 * The outcome, or undefined when the line is of no packet filter.
 *
 * Only a packet that was stopped is an alert: what a filter lets pass, or logs without a verdict, is context.
 */
export function readFirewall(line: SyslogLine, source: Source, zone: string): LineOutcome | undefined {
  // What other programs write may hold an attacker's text that looks like this.
  if (line.app !== undefined && !WRITERS.test(line.app)) return undefined;
  const packet = linuxPacket(line.message) ?? (line.app === "filterlog" ? pfPacket(line.message) : undefined);
  if (packet === undefined) return undefined;
  if (packet.verdict !== "blocked") return context("firewall");
  const { source: from, destination: to } = packet;
  return detected(
    {
      engine: "firewall",
      id: packet.rule,
      name: `Packet stopped by ${packet.rule}`,
      category: "firewall",
      atMs: line.atMs ?? proxmoxTime(line.message, zone),
      severity: 20,
      action: "blocked",
      ends: nameEnds(from, to, packet.opens ?? clientByPorts(from, to), indexSelf(source.at.self)),
      transport: packet.transport,
    },
    source,
  );
}

function linuxPacket(message: string): Packet | undefined {
  const text = message.length > 4096 ? message.slice(0, 4096) : message;
  if (!text.includes("SRC=") || !text.includes("DST=")) return undefined;
  const begin = beginOf(text);
  // The kernel's own time is another in every line.
  const prefix = text.slice(/^\s*\[\s*\d{1,12}\.\d{1,9}\]\s*/.exec(text)?.[0].length ?? 0, begin);
  const verdict = verdictOf(prefix);
  if (verdict !== "blocked") return NOT_STOPPED;
  // An ICMP error quotes the packet it is about in brackets.
  const quoted = text.indexOf(" [SRC=", begin);
  const own = ` ${quoted < 0 ? text.slice(begin) : text.slice(begin, quoted)} `;
  return {
    source: endpointOf(memberText(own, " SRC="), portOf(memberText(own, " SPT="))),
    destination: endpointOf(memberText(own, " DST="), portOf(memberText(own, " DPT="))),
    transport: memberText(own, " PROTO="),
    verdict,
    rule: nameOf(prefix),
    opens: own.includes(" SYN ") ? !own.includes(" ACK ") : undefined,
  };
}

const NOT_STOPPED: Packet = {
  source: undefined,
  destination: undefined,
  transport: undefined,
  verdict: undefined,
  rule: "",
  opens: undefined,
};

/** Where the packet begins: the first of its members that stands alone. */
function beginOf(text: string): number {
  let begin = text.length;
  for (const key of ["IN=", "OUT=", "PHYSIN=", "SRC="]) {
    for (let at = text.indexOf(key); at >= 0 && at < begin; at = text.indexOf(key, at + 1))
      if (at === 0 || text[at - 1] === " " || text[at - 1] === ":" || text[at - 1] === "]") begin = at;
  }
  return begin;
}

/** The first value of a key, which is given with the blank before and the equals sign after it. */
function memberText(text: string, key: string): string | undefined {
  const at = text.indexOf(key);
  return at < 0 ? undefined : text.slice(at + key.length, text.indexOf(" ", at + key.length));
}

const verdictOf = remember((prefix): Packet["verdict"] => {
  if (/block|drop|den[iy]|reject|ban\b/i.test(prefix)) return "blocked";
  return /accept|allow|pass\b/i.test(prefix) ? "allowed" : undefined;
});

/** The operator's prefix without times and punctuation. */
const nameOf = remember((prefix) => {
  const name = prefix
    .replace(/\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}/, "")
    .replace(/[^\w .-]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return name === "" ? "packet filter" : name.slice(0, 64);
});

/** `rule,sub,anchor,tracker,interface,reason,action,direction,4|6,…` (pfSense and OPNsense). */
function pfPacket(message: string): Packet | undefined {
  const field = message.slice(0, 2048).split(",", 32);
  const version = field[8];
  if (version !== "4" && version !== "6") return undefined;
  const [proto, from, to] = version === "4" ? [16, 18, 19] : [12, 15, 16];
  const transport = field[proto];
  const ports = transport?.toLowerCase() === "tcp" || transport?.toLowerCase() === "udp";
  const flags = field[to + 4];
  return {
    source: endpointOf(field[from], ports ? portOf(field[to + 1]) : undefined),
    destination: endpointOf(field[to], ports ? portOf(field[to + 2]) : undefined),
    transport,
    verdict: field[6] === "block" || field[6] === "reject" ? "blocked" : "allowed",
    rule: `filter rule ${field[3] || field[0]}`,
    opens: flags === "S" ? true : flags === "SA" ? false : undefined,
  };
}

/** Proxmox writes `20/Jun/2022:13:09:14 +0200` itself. */
function proxmoxTime(text: string, zone: string): number | undefined {
  const match = /(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d)(?: ([+-]\d{4}))?/.exec(text.slice(0, 256));
  if (match === null) return undefined;
  const [, day, month, year, clock, own] = match as unknown as [
    string,
    string,
    string,
    string,
    string,
    string?,
  ];
  return localTime({ year: Number(year), month: monthOf(month), day: Number(day), clock }, own ?? zone);
}
