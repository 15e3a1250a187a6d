/*
 * Knowledge that comes on a disk, or through a line that goes one way: bundles of evidence, which prove themselves
 * against a trust file. What they prove to be attested is proposed; it awaits release like everything from outside.
 */
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { parsePattern } from "@anamnesis/sdk/core/pattern";
import type { Proposal, StixIndicator, Tlp } from "@anamnesis/sdk/core/types";
import type { ProposedView } from "@anamnesis/sdk/core/views";
import { MAX_BUNDLE_BYTES } from "@anamnesis/sdk/evidence/parse";
import { MAX_TRUST_BYTES, parseTrust } from "@anamnesis/sdk/evidence/trust";
import type { RecordFacts, SnapshotFacts, Trust } from "@anamnesis/sdk/evidence/types";
import { verifyEvidence } from "@anamnesis/sdk/evidence/verify";
import { writeIndicator } from "@anamnesis/sdk/knowledge/stix-write";
import { count } from "../output.ts";
import type { Result } from "../program.ts";
import type { Session } from "../session.ts";
import { readBounded } from "./audit-verify.ts";

/** What one bundle came to. */
interface Imported {
  readonly file: string;
  /** The block that it proves. */
  readonly block: number;
  readonly proposed: ProposedView;
  /** Records in it that are not attested, or of which it does not show the content. */
  readonly left: number;
}

/**
 * Verifies a bundle and proposes the indicators that it proves to be attested at its newest block.
 * @throws AnamnesisError the code with which verification refuses, `evidence.unreadable` | `evidence.trust`
 */
export async function importEvidence(ask: Session["ask"], file: string, trustFile: string): Promise<Result> {
  const imported = await importBundle(ask, file, readTrust(trustFile));
  return {
    json: imported,
    raw: [String(imported.proposed.queued)],
    exit: imported.proposed.queued + imported.proposed.known > 0 ? 0 : 1,
    human: () => `${lineOf(imported)}\n`,
  };
}

/**
 * Imports every bundle of a folder in the order of names, and moves it into `done`, or `refused` when it does not
 * prove what it says; a name that begins with a dot is still being written.
 */
export async function importSpool(ask: Session["ask"], folder: string, trustFile: string): Promise<Result> {
  const trust = readTrust(trustFile);
  const imported: Imported[] = [];
  const refused: { readonly file: string; readonly code: string; readonly cause: string }[] = [];
  for (const name of namesIn(folder)) {
    const file = join(folder, name);
    let to: "done" | "refused" = "done";
    try {
      imported.push(await importBundle(ask, file, trust));
    } catch (error) {
      // A node that cannot take it now gets it again: only what the bundle is to blame for is put aside.
      if (!isAnamnesisError(error) || !error.code.startsWith("evidence.")) throw error;
      refused.push({ file: name, code: error.code, cause: error.message });
      to = "refused";
    }
    move(folder, name, to);
  }
  return {
    json: { imported, refused },
    raw: imported.map(({ file }) => file),
    exit: refused.length > 0 ? 1 : 0,
    human: ({ bad }) =>
      [
        ...imported.map(lineOf),
        ...refused.map(({ file, code, cause }) => bad(`${file} refused: ${code}, ${cause}`)),
        `${count(imported.length, "bundle")} imported, ${refused.length} refused`,
        "",
      ].join("\n"),
  };
}

async function importBundle(ask: Session["ask"], file: string, trust: Trust): Promise<Imported> {
  const bytes = readBounded(
    file,
    MAX_BUNDLE_BYTES,
    (how) => new AnamnesisError("evidence.unreadable", `the bundle ${how}`),
  );
  const verdict = verifyEvidence(bytes, trust);
  if (!verdict.verified) {
    const { code, field, cause } = verdict.failure;
    throw new AnamnesisError(code, `${field}: ${cause}`);
  }
  const newest = verdict.facts.at(-1) as SnapshotFacts;
  const records = newest.records.filter(({ name }) => name.type === "indicator");
  const proposals = records.flatMap((record) => proposalOf(record, trust) ?? []);
  const proposed = await ask.propose(proposals);
  return { file, block: newest.block.number, proposed, left: records.length - proposals.length };
}

/** An indicator that is attested and shown, under the strictest marking that its authors gave it. */
function proposalOf(
  { name, status, stances }: RecordFacts,
  { registry, chainId }: Trust,
): Proposal | undefined {
  if (name.type !== "indicator" || status.name !== "attested") return undefined;
  const supports = stances.filter(({ stance }) => stance === 1);
  const shown = supports.flatMap(({ shown: entry }) =>
    entry?.kind === "content" && entry.body.type === "indicator"
      ? [{ tlp: entry.tlp, object: entry.body.object }]
      : [],
  );
  const [first] = shown;
  if (first === undefined) return undefined;
  const order: readonly Tlp[] = ["clear", "green", "amber", "amber+strict"];
  const tlp = order[Math.max(...shown.map((one) => order.indexOf(one.tlp)))] as Tlp;
  const key = { patternType: name.patternType, pattern: name.pattern };
  parsePattern(key); // a behaviour that is none is refused here
  return {
    key,
    name: first.object.name,
    confidence: Math.min(...supports.map(({ confidence }) => confidence)),
    attackIds: attackIdsOf(first.object),
    tlp,
    validUntilMs: 1000 * Math.max(...supports.map(({ validUntil }) => validUntil)),
    origin: {
      format: "stix",
      id: first.object.id,
      author: `Anamnesis consortium ${registry.address} of chain ${chainId}`,
      source: JSON.stringify([
        writeIndicator({ ...first, tlp, status: "attested", modifiedMs: Date.parse(first.object.modified) }),
      ]),
    },
  };
}

function attackIdsOf({ external_references }: StixIndicator): string[] {
  return (external_references ?? []).map(({ external_id }) => external_id).filter((id) => /^T\d{4}/.test(id));
}

function readTrust(path: string): Trust {
  return parseTrust(
    readBounded(path, MAX_TRUST_BYTES, (how) => new AnamnesisError("evidence.trust", `--trust ${how}`)),
  );
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((one) => one.isFile() && !one.name.startsWith("."))
      .map(({ name }) => name)
      .sort();
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${folder} is no folder that can be read`, { cause });
  }
}

function move(folder: string, name: string, to: "done" | "refused"): void {
  try {
    mkdirSync(join(folder, to), { recursive: true });
    renameSync(join(folder, name), join(folder, to, name));
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${name} cannot be moved into ${join(folder, to)}`, { cause });
  }
}

function lineOf({ file, block, proposed, left }: Imported): string {
  const { queued, known, stopped } = proposed;
  return `${file}: verified at block ${block}; ${queued} now await release, ${known} are known already, ${stopped.length} stopped by negative selection, ${left} not attested or not shown`;
}
