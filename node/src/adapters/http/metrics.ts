import type { DoctorView } from "../../api.ts";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Escapes a label value (Prometheus text format 0.0.4). */
function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function family(name: string, type: "gauge" | "counter", help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`);
    return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
}

function byLabel(label: string, counts: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(counts).map(([name, value]) => [{ [label]: name }, value]);
}

/** What `doctor` knows, in the Prometheus text format. */
export function renderMetrics(doctor: DoctorView): string {
  const { health } = doctor;
  const lines: Sample[] = [];
  for (const [detector, counts] of Object.entries(doctor.detectors)) {
    lines.push([{ detector, outcome: "detection" }, counts.detections]);
    lines.push([{ detector, outcome: "context" }, counts.context]);
    lines.push([{ detector, outcome: "duplicate" }, counts.duplicates]);
    for (const [reason, value] of Object.entries(counts.rejected))
      lines.push([{ detector, outcome: reason }, value]);
  }
  const connected = health.peers.filter((peer) => peer.connected).length;
  return [
    family("anamnesis_up", "gauge", "1 when the node reports no fault.", [[{}, health.ok ? 1 : 0]]),
    family("anamnesis_armed", "gauge", "1 when a control is protecting.", [[{}, health.armed ? 1 : 0]]),
    family("anamnesis_alarms", "gauge", "Open alarms.", byLabel("code", countCodes(health.alarms))),
    family("anamnesis_peers", "gauge", "Known peers.", [
      [{ state: "connected" }, connected],
      [{ state: "away" }, health.peers.length - connected],
    ]),
    family("anamnesis_records", "gauge", "Indicators known here.", [[{}, health.records]]),
    family("anamnesis_records_state", "gauge", "Indicators by the state this plant reached.", [
      [{ state: "warned" }, health.warned],
      [{ state: "watched" }, health.watched],
      [{ state: "protected" }, health.protected],
    ]),
    family("anamnesis_awaiting_operator", "gauge", "Candidates in review.", [[{}, health.awaitingMe]]),
    family("anamnesis_lines_total", "counter", "Detector lines by what they became.", lines),
    family(
      "anamnesis_detections_total",
      "counter",
      "Detections by outcome.",
      byLabel("outcome", doctor.outcomes),
    ),
    family(
      "anamnesis_messages_ignored_total",
      "counter",
      "Ignored messages.",
      byLabel("code", doctor.ignored),
    ),
    family(
      "anamnesis_messages_rejected_total",
      "counter",
      "Rejected messages.",
      byLabel("code", doctor.rejected),
    ),
    family(
      "anamnesis_control_ok",
      "gauge",
      "1 when a control answers.",
      doctor.controls.map(({ name, kind, phase, ok }) => [{ control: name, kind, phase }, ok ? 1 : 0]),
    ),
    family("anamnesis_feed_size", "gauge", "Entries of this node's own feed.", [[{}, health.feedSize]]),
    family("anamnesis_chain_reachable", "gauge", "1 when the chain answers.", [
      [{}, health.chain.reachable ? 1 : 0],
    ]),
    family(
      "anamnesis_chain_lag_blocks",
      "gauge",
      "Blocks the index is behind.",
      health.chain.lagBlocks === null ? [] : [[{}, health.chain.lagBlocks]],
    ),
    family(
      "anamnesis_chain_head_age_seconds",
      "gauge",
      "Seconds since a new block was seen.",
      health.chain.headAgeSeconds === null ? [] : [[{}, health.chain.headAgeSeconds]],
    ),
    family(
      "anamnesis_chain_endpoint",
      "gauge",
      "Chain nodes; 1 for the one that is asked.",
      health.chain.endpoints.map(({ name, state, current }) => [{ endpoint: name, state }, current ? 1 : 0]),
    ),
    family(
      "anamnesis_chain_transactions_waiting",
      "gauge",
      "Transactions sent and not mined.",
      health.chain.senders.map(({ address, waiting }) => [{ account: address }, waiting]),
    ),
    family("anamnesis_changes_total", "counter", "Changes written so far.", [[{}, health.cursor]]),
    family(
      "anamnesis_differences",
      "gauge",
      "Differences of feeds, chain and store.",
      byLabel("kind", { all: doctor.differences.total, ...doctor.differences.counts }),
    ),
  ].join("");
}

function countCodes(alarms: readonly { readonly code: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { code } of alarms) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
}
