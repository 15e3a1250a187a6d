/*
 * Evidence for an auditor of this plant: chosen records with everything that proves them at one block, asked
 * of the chain when it answers and taken from the archive when it does not.
 */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { ValidatorSet } from "@anamnesis/sdk/evidence/types";
import type { EvidenceReport, EvidenceSelection } from "../api.ts";
import type { Rooms } from "../rooms.ts";
import type { MemoryRecord } from "../state/memory.ts";
import type { Material } from "./archive-assemble.ts";
import { collect } from "./archive-collect.ts";
import { subjectsOf } from "./archive-due.ts";
import { materialOf } from "./archive-material.ts";
import { headersFor, planFor, proveNow } from "./archive-plan.ts";
import type { Exported, ExportPorts } from "./archive-types.ts";
import { WITHHELD } from "./egress.ts";

/** Records in one bundle. */
const MOST_RECORDS = 20_000;
/**
 * Exports evidence.
 *
 * @throws AnamnesisError `api.notFound`, `blindingKey.missing`, `input.tooLarge`; `evidence.incomplete` when nothing
 * can be proved
 */
export async function exportEvidence(
  ports: ExportPorts,
  selection: EvidenceSelection,
  onStep: (step: string) => void = () => {},
): Promise<Exported> {
  const { rooms, self, log } = ports;
  const { memory, registry } = rooms;
  if (!memory.hasBlindingKey())
    throw new AnamnesisError(
      "blindingKey.missing",
      "the blinding key is not known here yet; start the node and wait",
    );
  const chosen = choose(ports, selection);
  const subjects = new Set(chosen.flatMap((record) => subjectsOf(memory, record)));
  const collected = await collect(rooms, self, chosen, subjects, (n) => onStep(`${n} entries read`));
  const isHidden = ({ id, tlp }: MemoryRecord) => tlp === "amber+strict" || collected.hidden.has(id);
  const records = chosen.filter((record) => !isHidden(record));
  const hidden = chosen.filter(isHidden).map(({ id }) => ({ record: id, reason: WITHHELD }));

  onStep("asking for proofs");
  const recorded = records.filter((record) =>
    subjectsOf(memory, record).some((subject) => registry.recordedRegisters(subject).length > 0),
  );
  const fresh = await proveNow(ports, recorded, onStep);
  const plans = await planFor(ports, recorded, fresh, selection.history === true);
  const planned = new Set(plans.flatMap((plan) => plan.records));
  const unproved = records
    .filter((record) => !planned.has(record))
    .map(({ id }) => ({
      record: id,
      reason: recorded.some((record) => record.id === id)
        ? "is archived nowhere and the chain gives no proof now"
        : "is not recorded on the chain",
    }));
  if (plans.length === 0) throw nothing([...hidden, ...unproved]);

  onStep("putting the bundle together");
  const material: Material = {
    trust: ports.trust,
    snapshots: plans.map((plan) => materialOf(rooms, collected, plan)),
    headers: await headersFor(
      ports,
      plans,
      fresh !== undefined,
      selection.anchor as ValidatorSet | undefined,
    ),
  };
  const { bundle, ...assembled } = await ports.assemble(material);
  const report: EvidenceReport = {
    ...assembled,
    bytes: bundle.length,
    withheld: collected.withheld,
    left: [...hidden, ...unproved, ...assembled.left],
  };
  log.info("evidence.exported", {
    sha256: report.sha256,
    bytes: report.bytes,
    records: report.snapshots.reduce((sum, each) => sum + each.records, 0),
    blocks: report.snapshots.map(({ block }) => block).join(" "),
    withheld: report.withheld.length,
    left: report.left.length,
  });
  return { bundle, report };
}

function choose({ rooms, need }: ExportPorts, selection: EvidenceSelection): readonly MemoryRecord[] {
  const { memory } = rooms;
  const chosen =
    "records" in selection
      ? [...new Set(selection.records.map(need))]
      : [...memory.records()].filter(
          (record) => !("sinceMs" in selection) || lastMsOf(memory, record) >= selection.sinceMs,
        );
  if (chosen.length === 0)
    throw new AnamnesisError("evidence.incomplete", "no record is chosen; see `anamnesis indicators list`");
  if (chosen.length > MOST_RECORDS)
    throw new AnamnesisError(
      "input.tooLarge",
      `${chosen.length} records are chosen, ${MOST_RECORDS} go into one bundle; export them in parts with --since or --record`,
    );
  return chosen;
}

/** When something was last said of a record, seen or done, ms since the epoch. */
function lastMsOf(memory: Rooms["memory"], record: MemoryRecord): number {
  let last = 0;
  for (const subject of subjectsOf(memory, record))
    for (const { register } of memory.stances(subject).values()) last = Math.max(last, register.version);
  for (const { lastMs } of record.sightings.values()) last = Math.max(last, lastMs);
  for (const { at } of record.receipts.values()) last = Math.max(last, at);
  return last;
}

function nothing(left: EvidenceReport["left"]): AnamnesisError {
  const [first] = left;
  const why = first === undefined ? "" : `: record ${first.record} ${first.reason}`;
  return new AnamnesisError("evidence.incomplete", `nothing here can be proved${why}`);
}
