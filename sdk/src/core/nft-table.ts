/**
 * The one nftables script there is: a table of our own, emptied and refilled in one transaction. Whoever
 * writes it and whoever loads it with the right to do so read it here, so that nothing else can be loaded.
 */
import { parseRange } from "./address-set.ts";
import { AnamnesisError } from "./errors.ts";

const SETS = ["block4", "block6", "watch4", "watch6"] as const;
const CHAINS = ["input", "forward", "output"] as const;

/** A set of the table; with `r` it holds ranges. */
export type NftSet = `${(typeof SETS)[number]}${"" | "r"}`;

/** One element of a set. */
export interface NftElement {
  readonly set: NftSet;
  /** Address or CIDR range. */
  readonly value: string;
  /** Seconds until the kernel drops it by itself, 1 to `LONGEST_S`. */
  readonly seconds: number;
  /** Whose it is: an indicator's id. */
  readonly comment: string;
}

/** No element lives longer without being written again, seconds: 90 days. */
const LONGEST_S = 90 * 86_400;

/** Declares (a no-op the second time), empties and refills the table in one transaction. */
const FRAME = [
  "table inet anamnesis {",
  ...SETS.flatMap((set) => {
    const type = set.endsWith("4") ? "ipv4_addr" : "ipv6_addr";
    return [
      `  set ${set} { type ${type}; flags timeout; }`,
      `  set ${set}r { type ${type}; flags interval,timeout; }`,
    ];
  }),
  ...CHAINS.map((chain) => `  chain ${chain} { type filter hook ${chain} priority -10; policy accept; }`),
  "}",
  ...CHAINS.map((chain) => `flush chain inet anamnesis ${chain}`),
  ...SETS.flatMap((set) => [`flush set inet anamnesis ${set}`, `flush set inet anamnesis ${set}r`]),
  ...CHAINS.flatMap((chain) =>
    SETS.flatMap((set) => ["", "r"].flatMap((range) => rulesOf(chain, set, `${set}${range}`))),
  ),
  "",
].join("\n");

function rulesOf(chain: string, set: string, name: string): readonly string[] {
  const family = set.endsWith("4") ? "ip" : "ip6";
  const verdict = set.startsWith("block")
    ? "counter drop"
    : 'limit rate 10/minute counter log prefix "anamnesis watch "';
  const sides = chain === "input" ? ["saddr"] : chain === "output" ? ["daddr"] : ["saddr", "daddr"];
  return sides.map((side) => `add rule inet anamnesis ${chain} ${family} ${side} @${name} ${verdict}`);
}

/** The script's beginning; lines of elements follow it. */
export function nftScript(count: number, elements: string): string {
  return `#!/usr/sbin/nft -f\n# anamnesis\n# count ${count}\n${FRAME}${elements}`;
}

/** The line of an element. */
export function nftLine({ set, value, seconds, comment }: NftElement): string {
  return `add element inet anamnesis ${set} { ${value} timeout ${seconds}s comment "${comment}" }\n`;
}

const HEAD = /^#!\/usr\/sbin\/nft -f\n# anamnesis\n# count \d{1,9}\n/;
const LINE =
  /^add element inet anamnesis ((?:block|watch)[46]r?) \{ ([0-9a-f.:]{2,45}(?:\/\d{1,3})?) timeout (\d{1,9})s comment "(0x[0-9a-f]{64})" \}$/;

/**
 * Reads a script back, whole: its elements, and nothing else may be in it.
 * @throws AnamnesisError `input.invalid` naming the line that is none of ours
 */
export function parseNftScript(script: string): readonly NftElement[] {
  const head = HEAD.exec(script)?.[0];
  if (head === undefined || !script.startsWith(FRAME, head.length))
    throw flaw("it does not begin as our own table does");
  const body = script.slice(head.length + FRAME.length);
  if (body !== "" && !body.endsWith("\n")) throw flaw("its last line is cut");
  return body === "" ? [] : body.slice(0, -1).split("\n").map(elementAt);
}

function elementAt(line: string, at: number): NftElement {
  const [, set, value = "", seconds, comment = ""] = LINE.exec(line) ?? [];
  const told = `element ${at + 1}, ${JSON.stringify(line.slice(0, 80))},`;
  if (set === undefined) throw flaw(`${told} is not one of ours`);
  const range = parseRange(value);
  const family = set.startsWith("block4") || set.startsWith("watch4") ? 4 : 6;
  if (range === undefined || range.family !== family || value.includes("/") !== set.endsWith("r"))
    throw flaw(`${told} does not fit its set`);
  if (Number(seconds) < 1 || Number(seconds) > LONGEST_S) throw flaw(`${told} does not end in time`);
  return { set: set as NftSet, value, seconds: Number(seconds), comment };
}

function flaw(what: string): AnamnesisError {
  return new AnamnesisError("input.invalid", `the nftables script is refused: ${what}`);
}
