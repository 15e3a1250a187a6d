/* Self from the plant's own logs: a draft with its report, two Selves compared, Self against traffic. */
import { dirname, join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { isSelfStale, SELF_MAX_AGE_MS } from "@anamnesis/sdk/core/policy";
import type { Self } from "@anamnesis/sdk/core/types";
import { type Drift, diffSelf, driftOf } from "@anamnesis/sdk/learn/compare";
import { type Learned, learnSelf } from "@anamnesis/sdk/learn/learn";
import { createTraffic, type Traffic } from "@anamnesis/sdk/learn/traffic";
import { stringify } from "yaml";
import { linesOf } from "../../adapters/benign/eve-benign.ts";
import { createObserver } from "../../adapters/benign/observations.ts";
import { readConfig } from "../../config.ts";
import { loadSelf } from "../../self-file.ts";
import { locate, type Where } from "../locate.ts";
import { writeNewFile } from "../new-file.ts";
import { count, type Style, table, time } from "../output.ts";
import type { Result } from "../program.ts";

/** Lines of a table at most; -o json has all. */
const SHOWN = 40;

/**
 * Learns a draft from logs of ordinary operation and reports what it rests on; `out` is a new file for it.
 * Exit code 1 when the logs teach nothing.
 *
 * Throws `detector.io` for a log that cannot be read, `config.invalid` for `out`.
 */
export async function learn(paths: readonly string[], out: string | undefined): Promise<Result> {
  const { traffic, lines } = await read(paths);
  const learned = learnSelf(traffic);
  const text = draftText(learned);
  if (out !== undefined) writeNewFile(out, text, 0o600);
  return {
    json: { lines, records: traffic.records, firstMs: traffic.firstMs, lastMs: traffic.lastMs, ...learned },
    raw: [text.trimEnd()],
    human: (style) => report(learned, traffic, lines, out, style),
    exit: learned.proposed.length === 0 ? 1 : 0,
  };
}

function report(
  learned: Learned,
  traffic: Traffic,
  lines: number,
  out: string | undefined,
  style: Style,
): string {
  const { proposed, withheld } = learned;
  if (traffic.records === 0)
    return `${count(lines, "line")} teach nothing: give Suricata's eve.json (modbus, flow, dns, tls …) or Zeek's conn and modbus logs.`;
  const hours = (traffic.lastMs - traffic.firstMs) / 3_600_000;
  const parts = [
    `${count(lines, "line")}, ${count(traffic.records, "record")} over ${hours.toFixed(1)} h`,
    table(
      ["PROPOSED", "VALUE", "TIMES", "LAST", "FIRST SEEN AT"],
      proposed
        .slice(0, SHOWN)
        .map((one) => [one.what, one.value, String(one.count), time(one.lastMs, style.nowMs), one.place]),
      style,
    ),
  ];
  if (proposed.length > SHOWN) parts.push(`and ${proposed.length - SHOWN} more (-o json shows all)`);
  if (withheld.length > 0)
    parts.push(
      table(
        ["WITHHELD", "WHY", "FIRST SEEN AT"],
        withheld.slice(0, SHOWN).map(({ value, reason, place }) => [value, reason, place]),
        style,
      ),
    );
  parts.push(
    out === undefined
      ? "Nothing was written; --out FILE writes the draft."
      : `The draft is in ${out}. It is confirmed by nobody: read every line, name the machines, set confirmedAt, then name it under self.file.`,
  );
  return parts.join("\n\n");
}

/** The draft as the file that plant.yaml names. Nobody has confirmed it, so controls only alert on it. */
function draftText({ draft }: Learned): string {
  const { confirmedAtMs, ...self } = draft;
  return `# Learnt from traffic: what happens, which is not what may happen. Read every line, name the machines,\n# and say under confirmedAt when you did; until then every control only alerts.\n${stringify({ confirmedAt: new Date(confirmedAtMs).toISOString(), ...self })}`;
}

/** Two files of Self; exit code 1 when they differ. Throws `config.invalid` for a file that is none. */
export function diff(before: string, after: string): Result {
  const differences = diffSelf(selfOf(before), selfOf(after));
  return {
    json: { differences },
    raw: differences.map(({ side, where, value }) => `${side === "added" ? "+" : "-"} ${where} ${value}`),
    human: (style) =>
      differences.length === 0
        ? "They say the same."
        : table(
            ["", "WHERE", "VALUE"],
            differences.map(({ side, where, value }) => [side === "added" ? "+" : "-", where, value]),
            style,
          ),
    exit: differences.length === 0 ? 0 : 1,
  };
}

/** The plant's Self against its traffic, and its age; exit code 1 when something does not fit. */
export async function drift(
  where: Where,
  configFile: string | undefined,
  paths: readonly string[],
  nowMs: number,
): Promise<Result> {
  const config = readConfig(configFile ?? join(directoryOf(where), "plant.yaml"));
  const { traffic } = await read(paths);
  const drifts = driftOf(config.self, traffic);
  const isStale = isSelfStale(config.self.confirmedAtMs, nowMs);
  return {
    json: { confirmedAtMs: config.self.confirmedAtMs, isStale, records: traffic.records, drifts },
    raw: drifts.map(({ kind, value }) => `${kind}\t${value}`),
    human: (style) => driftReport(drifts, config.self, isStale, style),
    exit: drifts.length === 0 && !isStale ? 0 : 1,
  };
}

function driftReport(drifts: readonly Drift[], self: Self, isStale: boolean, style: Style): string {
  const age = `Self was confirmed ${time(self.confirmedAtMs, style.nowMs)}${isStale ? `: older than ${SELF_MAX_AGE_MS / 86_400_000} days, so every control only alerts` : ""}.`;
  if (drifts.length === 0) return `${age}\nIt fits the traffic.`;
  return [
    age,
    table(
      ["WHAT", "WHERE", "VALUE", "TIMES", "FIRST SEEN AT"],
      drifts
        .slice(0, SHOWN)
        .map(({ kind, where, value, count: times, place }) => [
          kind,
          where,
          value,
          String(times),
          place || "nowhere",
        ]),
      style,
    ),
    ...(drifts.length > SHOWN ? [`and ${drifts.length - SHOWN} more (-o json shows all)`] : []),
  ].join("\n\n");
}

async function read(paths: readonly string[]): Promise<{ traffic: Traffic; lines: number }> {
  const traffic = createTraffic();
  let lines = 0;
  for (const path of paths) {
    const observe = createObserver(path);
    let number = 0;
    try {
      for await (const line of linesOf(path)) {
        number++;
        const observation = line === undefined ? undefined : observe(line, number);
        if (observation !== undefined) traffic.add(observation);
      }
    } catch (cause) {
      throw new AnamnesisError(
        "config.invalid",
        `${path} cannot be read; give Suricata's eve.json or Zeek's logs, plain or .gz`,
        { cause },
      );
    }
    lines += number;
  }
  return { traffic: traffic.result(), lines };
}

function selfOf(file: string): Self {
  const config = /plant\.ya?ml$/.test(file);
  return config ? readConfig(file).self : loadSelf({ file }, join(dirname("."), "-")).self;
}

function directoryOf(where: Where): string {
  const { directory } = locate(where);
  if (directory !== undefined) return directory;
  throw new AnamnesisError("config.invalid", "--plant is missing; Self is read from the plant's own files");
}
