/** Lines of fail2ban and of its relatives (mailcow's netfilter): who was banned, by which jail. */
import { accuse, endpointOf } from "../core/direction.ts";
import type { LineOutcome } from "../core/types.ts";
import { context, detected, type Source } from "./detected.ts";
import type { SyslogLine } from "./syslog-line.ts";

/** `fail2ban.actions [77]: NOTICE [sshd] Ban 192.0.2.7`, by whichever way it came. */
const LINE =
  /^fail2ban\.?\w{0,32}\s{0,32}(?:\[\d{1,10}\])?:?\s{1,16}(?:(?:NOTICE|INFO|WARNING|ERROR|CRITICAL|DEBUG)\s{0,8}:?\s{1,8})?\[([^\]]{1,64})\] (Restore Ban|[A-Z]\w{1,20}) (\S{1,64})/;
const MAILCOW = /^(?:Banning (\S{1,64}) for \d{1,9} minutes|Added host\/network (\S{1,64}) to denylist)/;

/** The outcome, or undefined when the line is none of theirs. Only a ban is an alert. */
export function readFail2ban(line: SyslogLine, source: Source): LineOutcome | undefined {
  const { text } = source;
  // Whose line it is says its header: what stands in the message may be an attacker's text.
  const writer = line.app ?? line.host ?? text;
  if (writer.startsWith("fail2ban")) {
    const match = LINE.exec(text.slice(text.indexOf("fail2ban")).slice(0, 1024));
    if (match === null) return context("fail2ban");
    const [, jail, verb, address] = match as unknown as [string, string, string, string];
    if (verb !== "Ban") return context(`fail2ban.${verb.toLowerCase().replace(" ", "-")}`);
    return ban(jail, address, line.atMs, source);
  }
  if (line.app !== "CRIT" && line.app !== "netfilter-mailcow") return undefined;
  const mailcow = MAILCOW.exec(line.message.replace(/^CRIT: /, ""));
  return mailcow === null
    ? undefined
    : ban("mailcow", (mailcow[1] ?? mailcow[2]) as string, line.atMs, source);
}

function ban(jail: string, text: string, atMs: number | undefined, source: Source): LineOutcome {
  // A range is not one attacker: nobody is accused of what its neighbours did.
  const attacker = endpointOf(text.replace(/\/(?:32|128)$/, ""));
  return detected(
    {
      engine: "fail2ban",
      id: jail,
      name: `fail2ban banned a host (${jail})`,
      category: jail,
      atMs,
      severity: 50,
      action: "blocked",
      ends: attacker === undefined ? {} : accuse(attacker, undefined),
    },
    source,
  );
}
