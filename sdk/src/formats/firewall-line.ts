/** Lines of Linux packet filters (`IN= OUT= SRC= DST=`) and of pfSense's filterlog. */
import { clientByPorts, endpointOf, nameEnds } from "../core/direction.ts";
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
  if (!message.includes("SRC=") || !message.includes("DST=")) return undefined;
  const text = message.slice(0, 4096);
  const begin = text.search(/\b(?:IN|OUT|PHYSIN|SRC)=/);
  // An ICMP error quotes the packet it is about in brackets.
  const quoted = text.indexOf(" [SRC=");
  const own = quoted < 0 ? text.slice(begin) : text.slice(begin, quoted);
  const value = new Map<string, string>();
  for (const word of own.split(" ", 128)) {
    const equals = word.indexOf("=");
    if (equals > 0 && !value.has(word.slice(0, equals)))
      value.set(word.slice(0, equals), word.slice(equals + 1));
  }
  const prefix = text.slice(0, begin).replace(/^\s*\[\s*\d{1,12}\.\d{1,9}\]\s*/, "");
  const words = own.split(" ", 128);
  return {
    source: endpointOf(value.get("SRC"), portOf(value.get("SPT"))),
    destination: endpointOf(value.get("DST"), portOf(value.get("DPT"))),
    transport: value.get("PROTO"),
    verdict: verdictOf(prefix),
    rule: nameOf(prefix),
    opens: words.includes("SYN") ? !words.includes("ACK") : undefined,
  };
}

function verdictOf(prefix: string): Packet["verdict"] {
  if (/block|drop|den[iy]|reject|ban\b/i.test(prefix)) return "blocked";
  return /accept|allow|pass\b/i.test(prefix) ? "allowed" : undefined;
}

/** The operator's prefix without times and punctuation. */
function nameOf(prefix: string): string {
  const name = prefix
    .replace(/\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}/, "")
    .replace(/[^\w .-]+/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return name === "" ? "packet filter" : name.slice(0, 64);
}

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
