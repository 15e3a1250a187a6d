/**
 * nftables: one script, one transaction, a table of our own.
 *
 * Single addresses are in plain sets with timeouts, ranges in interval sets that are merged here:
 * an overlap makes nft refuse the whole batch. Chains accept by policy, so the control fails open,
 * and elements time out in the kernel even when this node is dead.
 */
import { execFile } from "node:child_process";
import { mergeRanges, parseRange, toCidrs } from "@anamnesis/sdk/core/address-set";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { type NftSet, nftLine, nftScript } from "@anamnesis/sdk/core/nft-table";
import { stops } from "@anamnesis/sdk/core/policy";
import type { ActionClass, IndicatorForm, IndicatorId, PurdueLevel, Self } from "@anamnesis/sdk/core/types";
import type { Application, Clock, Compiled, Control, Refusal } from "../../ports.ts";
import type { FileSystem } from "./atomic-file.ts";
import { createFileControl, type Rendering } from "./file-control.ts";
import { refuse, refuseObservable } from "./observable-plan.ts";
import { createPieces, type Pieces } from "./pieces.ts";

/** Runs nft with arguments and gives its output; never a shell. */
export type RunNft = (args: readonly string[]) => Promise<string>;

/** Where the script is and whether it is loaded. */
export interface NftablesOptions {
  readonly name: string;
  readonly level: PurdueLevel;
  readonly path: string;
  /** `file`: written and read back (staged). `exec`: loaded with `nft -f` and asked for (enforced). */
  readonly apply?: "file" | "exec";
}

/** The kernel drops an element at most this much after its time; while this node lives, it ends it in time. */
const TIMEOUT_SLACK_MS = 10_000;

/** A script that somebody else loads is written anew when its timeouts are so old, ms. */
const STALE_MS = 60_000;
const NO_TABLE = '{"nftables":[]}';

const STATEMENT = /^add element inet anamnesis ((?:block|watch)[46](?:r?)) \{ ([0-9a-f.:/]+) \}$/;

/** An nftables control. */
export function createNftables(
  options: NftablesOptions,
  ports: { readonly clock: Clock; readonly files?: FileSystem; readonly nft?: RunNft },
): Control {
  const nft = ports.nft ?? runNft;
  const isLoaded = options.apply === "exec";
  // What is in force is written again and again; timeouts are worked out anew once they are a little off.
  const pieces = createPieces(TIMEOUT_SLACK_MS, (application: Application, nowMs) => {
    const single = singleOf(application, nowMs);
    return "range" in single ? undefined : { key: single.key, text: single.line };
  });
  const control = createFileControl({
    clock: ports.clock,
    ...(ports.files === undefined ? {} : { files: ports.files }),
    name: options.name,
    kind: "nftables",
    level: options.level,
    paths: [options.path],
    compile,
    render: (applications, nowMs) => render(options.path, pieces, applications, nowMs),
    lines: () => (application, nowMs) => {
      const single = singleOf(application, nowMs);
      return "range" in single ? undefined : [{ path: options.path, key: single.key, text: single.line }];
    },
    staleMs: STALE_MS,
    keysOf: (_path, text) => elementsOf(text),
    ...(isLoaded
      ? {
          loaded: async () => void (await nft(["-f", options.path])),
          engine: async () => listed(await table(nft)),
        }
      : {}),
  });
  return {
    ...control,
    async preflight() {
      await control.preflight();
      if (!isLoaded) return;
      try {
        await nft(["-j", "list", "tables"]);
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause);
        const message = `${options.name}: ${why}; this user needs CAP_NET_ADMIN, or leave out load`;
        throw new AnamnesisError("control.preflight", message, { details: { path: options.path }, cause });
      }
    },
  };
}

/** Our table as the kernel has it; empty where there is none yet, or where somebody deleted it. */
async function table(nft: RunNft): Promise<string> {
  try {
    return await nft(["-j", "list", "table", "inet", "anamnesis"]);
  } catch (error) {
    if (isAnamnesisError(error) && error.message.includes("No such file or directory")) return NO_TABLE;
    throw error;
  }
}

function runNft(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("nft", [...args], { timeout: 10_000, maxBuffer: 64 << 20 }, (cause, stdout, stderr) => {
      if (cause === null) return resolve(stdout);
      const said = stderr.split("\n", 1)[0] || cause.message;
      const message = `nft ${args.join(" ")} failed: ${said}; the kernel keeps the state before`;
      reject(new AnamnesisError("control.io", message, { details: { path: args.at(-1) ?? "" }, cause }));
    });
  });
}

function compile(form: IndicatorForm, action: ActionClass, self: Self): Compiled | Refusal {
  if (form.form === "behaviour")
    return refuse("plan.unsupported", "a packet filter does not see application functions");
  const { observable } = form;
  const { kind, value } = observable;
  if (kind !== "ipv4-addr" && kind !== "ipv6-addr") {
    return refuse("plan.unsupported", `a packet filter cannot match a ${kind}`);
  }
  const refusal = refuseObservable(observable, self);
  if (refusal !== undefined) return refusal;
  if (action === "observe") return refuse("plan.unsupported", "nothing is put in force to observe");
  // A drop takes whole packets: a request to refuse single commands is only watched.
  const isBlock = stops(action) && action !== "deny";
  const set = `${isBlock ? "block" : "watch"}${kind === "ipv4-addr" ? 4 : 6}${value.includes("/") ? "r" : ""}`;
  const open = { ports: [], functions: [] };
  return {
    action: isBlock ? "block" : "alert",
    statement: `add element inet anamnesis ${set} { ${value} }`,
    blocks: isBlock
      ? [
          { ...open, sources: [value], destinations: ["any"] },
          { ...open, sources: ["any"], destinations: [value] },
        ]
      : [],
    consequences: isBlock ? [`all packets from and to ${value} are dropped`] : [],
  };
}

function render(
  path: string,
  pieces: Pieces<Application>,
  applications: readonly Application[],
  nowMs: number,
): Rendering {
  const plain = pieces.join(applications, nowMs);
  const elements = plain === undefined ? collect(applications, nowMs) : undefined;
  const body = plain ?? elements?.map(({ line }) => line).join("") ?? "";
  const count = elements?.length ?? applications.length;
  const text = nftScript(count, body);
  const expected = () =>
    new Map(
      (elements ?? collect(applications, nowMs)).map(({ key, indicators }) => [key, indicators] as const),
    );
  return { files: [{ path, text }], expected };
}

interface Element {
  /** Set and value. */
  readonly key: string;
  readonly line: string;
  readonly expiresAtMs: number;
  readonly indicators: readonly IndicatorId[];
}

function elementOf(
  set: NftSet,
  value: string,
  expiresAtMs: number,
  indicators: readonly IndicatorId[],
  nowMs: number,
): Element {
  const seconds = Math.max(1, Math.ceil((expiresAtMs - nowMs) / 1000));
  const line = nftLine({ set, value, seconds, comment: indicators[0] ?? "" });
  return { key: `${set} ${value}`, line, expiresAtMs, indicators };
}

/** One element per address, ranges merged; a merged range ends with the first of its parts. */
function collect(applications: readonly Application[], nowMs: number): readonly Element[] {
  const singles = new Map<string, Element>();
  const ranges = new Map<NftSet, { text: string; application: Application }[]>();
  for (const application of applications) {
    const single = singleOf(application, nowMs);
    if ("range" in single) {
      const { set, range } = single;
      ranges.set(set, [...(ranges.get(set) ?? []), { text: range, application }]);
      continue;
    }
    const before = singles.get(single.key);
    singles.set(single.key, before === undefined ? single : joined(before, single));
  }
  const merged = [...ranges].flatMap(([set, members]) => {
    const parts = members.map((member) => ({ ...member, range: parseRange(member.text) }));
    return mergeRanges(parts.flatMap(({ range }) => (range === undefined ? [] : [range]))).flatMap(
      (whole) => {
        const inside = parts.filter(
          ({ range }) => range !== undefined && range.first >= whole.first && range.last <= whole.last,
        );
        const expiresAtMs = Math.min(...inside.map(({ application }) => application.expiresAtMs));
        const indicators = inside.map(({ application }) => application.indicator);
        return toCidrs(whole).map((value) => elementOf(set, value, expiresAtMs, indicators, nowMs));
      },
    );
  });
  merged.sort((a, b) => (a.key < b.key ? -1 : 1));
  return [...singles.values(), ...merged];
}

/** Two indicators name one address: it stays as long as either says. */
function joined(one: Element, other: Element): Element {
  const later = one.expiresAtMs >= other.expiresAtMs ? one : other;
  return { ...later, indicators: [...one.indicators, ...other.indicators] };
}

/** What an application adds, read from its statement. */
function singleOf(
  { statement, expiresAtMs, indicator }: Application,
  nowMs: number,
): Element | { readonly set: NftSet; readonly range: string } {
  const [, found, value] = STATEMENT.exec(statement) ?? [];
  if (found === undefined || value === undefined)
    throw new AnamnesisError("input.invalid", `not an nftables statement of ours: ${statement}`);
  const set = found as NftSet;
  return set.endsWith("r") ? { set, range: value } : elementOf(set, value, expiresAtMs, [indicator], nowMs);
}

function elementsOf(text: string): readonly string[] {
  return [...text.matchAll(/^add element inet anamnesis (\w+) \{ ([0-9a-f.:/]+)/gm)].map(
    ([, set, value]) => `${set} ${value}`,
  );
}

/** Elements the kernel holds, from `nft -j list table`. */
function listed(output: string): readonly string[] {
  const { nftables } = JSON.parse(output) as {
    nftables: readonly { set?: { name: string; elem?: readonly unknown[] } }[];
  };
  return nftables.flatMap(({ set }) =>
    (set?.elem ?? []).map((element) => `${set?.name} ${elementText(element)}`),
  );
}

function elementText(element: unknown): string {
  if (typeof element === "string") return element;
  const { elem, prefix } = element as { elem?: { val: unknown }; prefix?: { addr: string; len: number } };
  if (elem !== undefined) return elementText(elem.val);
  return prefix === undefined ? JSON.stringify(element) : `${prefix.addr}/${prefix.len}`;
}
