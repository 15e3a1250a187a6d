/* Which records are proved at which block: by the chain now, or by the archive. */
import { toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Subject } from "@anamnesis/sdk/core/types";
import { joinStates } from "@anamnesis/sdk/evidence/archive";
import { readHeader } from "@anamnesis/sdk/evidence/header";
import type { ValidatorSet } from "@anamnesis/sdk/evidence/types";
import type { ProvenState } from "../ports.ts";
import type { MemoryRecord } from "../state/memory.ts";
import { subjectsOf } from "./archive-due.ts";
import { archivedLead, genesisAnchor, leadTo, validatorsOf } from "./archive-headers.ts";
import { headsOf } from "./archive-heads.ts";
import type { ExportPorts, Plan } from "./archive-types.ts";

/** Registers asked for at once. */
const MOST_REGISTERS = 1024;
/** The newest block of some chain nodes moves on while parts of one proof are asked for. */
const TRIES = 5;
const UNREACHABLE = /^(chain\..*|evidence\.incomplete)$/;

/** One proof of all records at one block; undefined when the chain does not give it. */
export async function proveNow(
  ports: ExportPorts,
  records: readonly MemoryRecord[],
  onStep: (step: string) => void,
): Promise<Plan | undefined> {
  const { chain, rooms, log } = ports;
  const { memory, registry } = rooms;
  const at = registry.recordedAt();
  if (at === undefined || records.length === 0) return undefined;
  const subjects = records.flatMap((record) => subjectsOf(memory, record));
  const memberCount = registry.members().length;
  const width = Math.max(1, Math.floor(MOST_REGISTERS / Math.max(1, memberCount)));
  const parts = Array.from({ length: Math.ceil(subjects.length / width) }, (_, i) =>
    subjects.slice(i * width, (i + 1) * width),
  ) as [Subject[], ...Subject[][]];
  const ask = (block: number, part: readonly Subject[]) =>
    chain.prove({ block, memberCount, keys: registry.keys(), subjects: part });
  try {
    let block = at.number;
    for (let tries = 0; tries < TRIES; tries++) {
      const proven: ProvenState[] = [];
      for (const part of parts) {
        const next = await ask(block, part);
        block = next.block.number;
        if (proven[0] !== undefined && proven[0].block.hash !== next.block.hash) break;
        proven.push(next);
        onStep(`${proven.length * width} of ${subjects.length} subjects proved`);
      }
      const [first, ...rest] = proven;
      if (first === undefined || proven.length < parts.length) continue;
      const state = joinStates([first, ...rest]);
      return {
        source: "chain",
        state,
        heads: await headsOf(ports, first, Number.POSITIVE_INFINITY),
        records,
      };
    }
    log.warn("evidence.archived", {
      reason: "the chain node keeps no block long enough for this many records",
    });
  } catch (error) {
    if (!isAnamnesisError(error) || !UNREACHABLE.test(error.code)) throw error;
    log.warn("evidence.archived", { code: error.code, message: error.message });
  }
  return undefined;
}

/** Which records are proved at which block, ascending. */
export async function planFor(
  { rooms }: ExportPorts,
  records: readonly MemoryRecord[],
  fresh: Plan | undefined,
  history: boolean,
): Promise<readonly Plan[]> {
  const { archive, memory } = rooms;
  const byBlock = new Map<number, MemoryRecord[]>();
  for (const record of fresh === undefined || history ? records : []) {
    const subject = memory.subject(record.id) as Subject;
    const rows = history
      ? archive.rows().filter(({ subjects }) => subject in subjects)
      : [archive.newest(subject)];
    for (const row of rows) {
      if (row === undefined) continue;
      const same = byBlock.get(row.block.number) ?? [];
      same.push(record);
      byBlock.set(row.block.number, same);
    }
  }
  const plans: Plan[] = [];
  for (const { block, heads } of archive.rows()) {
    const own = byBlock.get(block.number);
    if (own === undefined) continue;
    const state = await archive.state(block.number);
    // The same block, asked for again: the fresh proof holds everything.
    if (fresh !== undefined && toHex(fresh.state.header) === toHex(state.header)) continue;
    plans.push({ source: "archive", state, heads, records: own });
  }
  return fresh === undefined ? plans : [...plans, fresh];
}

/** Headers from the auditor's validators to those of each snapshot, one after the other. */
export async function headersFor(
  { chain, rooms }: ExportPorts,
  plans: readonly Plan[],
  isChainUp: boolean,
  given: ValidatorSet | undefined,
): Promise<readonly Uint8Array[]> {
  const { archive } = rooms;
  if (!isChainUp) {
    const headerOf = async (block: number) => (await archive.state(block)).header;
    const last = Math.max(...plans.map(({ state }) => readHeader(state.header, "the header").number));
    return archivedLead(archive.rows(), headerOf, last, given?.block ?? 0);
  }
  const headers: Uint8Array[] = [];
  let anchor = given ?? (await genesisAnchor(chain.header));
  for (const { state } of plans) {
    headers.push(...(await leadTo(chain.header, anchor, state.header)));
    const addresses = validatorsOf(state.header);
    if (addresses.length > 0) anchor = { block: readHeader(state.header, "the header").number, addresses };
  }
  return headers;
}
