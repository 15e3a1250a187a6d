import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Differences, DoctorView, RebuildView } from "../../api.ts";
import { clean, count, pairs, type Style, short, table, time } from "../output.ts";
import type { Result } from "../program.ts";
import type { Session } from "../session.ts";

/** Everything the node knows of its own state, and what is wrong first. */
export function showDoctor(doctor: DoctorView, running: boolean): Result {
  const wrong = problemsOf(doctor, running);
  return {
    json: doctor,
    raw: wrong,
    exit: wrong.length === 0 ? 0 : 1,
    human: (style) =>
      [verdict(wrong, running, style), summary(doctor, running, style), ...sections(doctor, style)].join(
        "\n\n",
      ),
  };
}

/** What needs somebody, one line each. */
function problemsOf({ health, controls, self, differences }: DoctorView, running: boolean): string[] {
  return [
    // A stopped node has alarms of its own stillness; they would say nothing about its store.
    ...(running ? health.alarms.map(({ code, message }) => `${code}: ${message}`) : []),
    ...controls.filter(({ ok }) => !ok).map(({ name, detail }) => `control ${name}: ${detail}`),
    ...(self.stale
      ? ["self.stale: Self was confirmed more than 30 days ago; actions are lowered to alert"]
      : []),
    ...self.incomplete.map((entry) => `self.incomplete: ${entry}`),
    ...namesOf(differences),
  ];
}

/** Differences in words, and how many are not named. */
function namesOf({ total, counts, listed }: Differences): string[] {
  const more = total - listed.length;
  const kinds = Object.entries(counts).map(([kind, n]) => `${kind} ${n}`);
  return [
    ...listed.map(({ message }) => `difference: ${message}`),
    ...(more > 0 ? [`difference: ${more} more are not named here (${kinds.join(", ")})`] : []),
  ];
}

/** Rebuilds, telling on the terminal how far it is, and shows what it found; 1 when something differs. */
export async function rebuildAndShow(
  ask: Session["ask"],
  options: { readonly rebuild?: true; readonly replace?: true },
): Promise<Result> {
  if (options.rebuild !== true)
    throw new AnamnesisError(
      "config.invalid",
      "--replace needs --rebuild: anamnesis doctor --rebuild --replace",
    );
  const onProgress = (block: number, head: number) => {
    if (process.stderr.isTTY) process.stderr.write(`\rreading block ${block} of ${head} …`);
  };
  const found = await ask.rebuild(options.replace === true, { onProgress });
  const wrong = namesOf(found.differences);
  return {
    json: found,
    raw: wrong,
    exit: found.equal ? 0 : 1,
    human: (style) => [rebuilt(found, wrong, style), hashes(found, style)].join("\n\n"),
  };
}

type Rebuilt = RebuildView & { readonly state: "done" };

function rebuilt(
  { block, equal, replaced }: Rebuilt,
  wrong: readonly string[],
  { good, bad }: Style,
): string {
  if (equal) return good(`Chain and feeds, read again up to block ${block}, give what is in use.`);
  const end = replaced
    ? good("What was rebuilt is in use now.")
    : bad("Nothing was changed; --rebuild --replace uses what was rebuilt.");
  return [...wrong.map((line) => bad(`! ${clean(line)}`)), end].join("\n");
}

function hashes({ recorded, held }: Rebuilt, style: Style): string {
  return table(
    ["MEMORY HASH", "IN USE", "REBUILT"],
    [
      ["recorded", short(recorded.inUse), short(recorded.rebuilt)],
      ["held", short(held.inUse), short(held.rebuilt)],
    ],
    style,
  );
}

function verdict(wrong: readonly string[], running: boolean, { good, bad, soft }: Style): string {
  const lines = wrong.map((line) => bad(`! ${clean(line)}`));
  if (wrong.length === 0) lines.push(good("Nothing is wrong: feeds, chain and store agree."));
  if (!running) lines.push(soft("The node is stopped; this is its store."));
  return lines.join("\n");
}

function summary(doctor: DoctorView, running: boolean, style: Style): string {
  const { health, parameters, self, validation } = doctor;
  const { block, lagBlocks, reachable, headAgeSeconds } = health.chain;
  return pairs(
    [
      ["plant", `${health.plant}, member ${health.member ?? "not enrolled"}, version ${health.version}`],
      ["key", health.key],
      [
        "configuration",
        doctor.configSignedBy ? `signed by ${doctor.configSignedBy}` : "not signed: alert only",
      ],
      ["lab.public", doctor.labPublic.length > 0 ? doctor.labPublic.join(", ") : "none"],
      [
        "agreement",
        parameters
          ? `${parameters.members} members, ${parameters.witnesses} of them witnesses; ${parameters.refutes} refutes`
          : "not known yet",
      ],
      [
        "records",
        `${health.records}, protected ${health.protected}, watched ${health.watched}, warned ${health.warned}`,
      ],
      ["feed", `${health.feedSize} entries; memory ${short(health.heldHash)}`],
      ...(running
        ? ([
            [
              "peers",
              `${health.peers.filter((peer) => peer.connected).length} of ${health.peers.length} connected`,
            ],
            [
              "chain",
              `${reachable ? "reachable" : "unreachable"}, block ${block ?? "none"}, lag ${lagBlocks ?? "unknown"}, head ${headAgeSeconds ?? "?"} s old`,
            ],
            ["validation", `${validation.events} ordinary events, ${validation.hours} h`],
          ] as const)
        : ([["chain", `read up to block ${block ?? "none"}`]] as const)),
      ["proofs", proofsLine(doctor.archive)],
      ["self", `confirmed ${time(self.confirmedAtMs, style.nowMs)}`],
      ["warninglists", listsLine(self.warninglists ?? [], style)],
    ],
    style,
  );
}

function proofsLine(archive: DoctorView["archive"]): string {
  if (archive === undefined) return "none";
  const { blocks, subjects, bytes, waiting, failure } = archive;
  const held = `${count(subjects, "record")} and responses at ${count(blocks, "block")}, ${bytes} bytes`;
  const due = waiting > 0 ? `; ${waiting} waiting` : "";
  return `${held}${due}${failure === null ? "" : `; ${clean(failure.message)} (${failure.code})`}`;
}

function listsLine(lists: NonNullable<DoctorView["self"]["warninglists"]>, style: Style): string {
  const [oldest] = lists.toSorted((a, b) => (a.modifiedAtMs ?? 0) - (b.modifiedAtMs ?? 0));
  if (oldest === undefined) return "none";
  const entries = lists.reduce((sum, list) => sum + list.entries, 0);
  return `${count(lists.length, "list")} with ${entries} entries; the oldest, ${oldest.name}, is of ${time(oldest.modifiedAtMs, style.nowMs)}`;
}

function sections(doctor: DoctorView, style: Style): string[] {
  const { controls, detectors, health, outcomes, ignored, rejected } = doctor;
  const parts: string[] = [];
  const { endpoints, senders } = health.chain;
  if (endpoints.length > 0)
    parts.push(
      table(
        ["CHAIN NODE", "STATE", "ASKED", "REASON"],
        endpoints.map((each) => [each.name, each.state, each.current ? "yes" : "", each.reason ?? ""]),
        style,
      ),
    );
  if (senders.length > 0)
    parts.push(
      table(
        ["PAYING ACCOUNT", "WAITING", "STUCK"],
        senders.map((each) => [each.address, String(each.waiting), `${each.stuckSeconds} s`]),
        style,
      ),
    );
  if (controls.length > 0)
    parts.push(
      table(
        ["CONTROL", "KIND", "LEVEL", "PHASE", "OK", "DETAIL"],
        controls.map((c) => [c.name, c.kind, String(c.level), c.phase, c.ok ? "yes" : "NO", c.detail]),
        style,
      ),
    );
  const counts = Object.entries(detectors);
  if (counts.length > 0)
    parts.push(
      table(
        ["DETECTOR", "LINES", "DETECTIONS", "CONTEXT", "DUPLICATES", "REJECTED"],
        counts.map(([name, c]) => [
          name,
          String(c.lines),
          String(c.detections),
          String(c.context),
          String(c.duplicates),
          rejections(c.rejected),
        ]),
        style,
      ),
    );
  const examples = counts.flatMap(([name, c]) =>
    Object.entries(c.examples).map(([reason, example]) => [name, reason, example ?? ""]),
  );
  if (examples.length > 0) parts.push(table(["DETECTOR", "REASON", "LAST EXAMPLE"], examples, style));
  const codes = [
    ...Object.entries(outcomes).map(([name, n]) => ["detections", name, String(n)]),
    ...Object.entries(ignored).map(([name, n]) => ["messages ignored", name, String(n)]),
    ...Object.entries(rejected).map(([name, n]) => ["messages rejected", name, String(n)]),
  ];
  if (codes.length > 0) parts.push(table(["WHAT", "CODE", "COUNT"], codes, style));
  return parts;
}

function rejections(rejected: Readonly<Partial<Record<string, number>>>): string {
  const list = Object.entries(rejected).map(([reason, n]) => `${reason} ${n}`);
  return list.length === 0 ? "0" : list.join(", ");
}
