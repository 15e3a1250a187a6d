/* What another TAXII server knows, as proposals. What its authors took back is told, and held where it waits. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import {
  listCollections,
  readCollection,
  readObjects,
  type TaxiiCollection,
  type TaxiiSource,
} from "@anamnesis/sdk/client/taxii";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { indicatorId } from "@anamnesis/sdk/core/ids";
import type { ProposedView, Stopped } from "@anamnesis/sdk/core/views";
import { type Refusal, refusal } from "@anamnesis/sdk/knowledge/knowledge";
import { listOf, type Members } from "@anamnesis/sdk/knowledge/members";
import { readStix } from "@anamnesis/sdk/knowledge/stix";
import { TLP_IDS } from "@anamnesis/sdk/knowledge/stix-tlp";
import { count, table } from "../output.ts";
import type { Result } from "../program.ts";
import type { Session } from "../session.ts";

/** What `taxii pull` takes. */
export interface PullOptions {
  /** Id, alias or title; the only readable one without it. */
  readonly collection?: string;
  readonly addedAfter?: string;
  /** Where the time of the last object is kept between pulls. */
  readonly state?: string | undefined;
  readonly maxObjects: number;
}

/** Something that its author took back and that is known here. */
interface TakenBack {
  readonly origin: string;
  readonly id: string;
  readonly state: "held" | "record";
}

/** How long a candidate that its author took back is held, ms. */
const HOLD_MS = 30 * 86_400_000;
/** Objects kept that later pages may refer to. */
const MAX_AROUND = 20_000;

/**
 * Proposes what a collection holds, or what was added since the last pull.
 * @throws AnamnesisError `config.invalid`, `api.unavailable`, and what a node says to proposals
 */
export async function pullTaxii(
  ask: Session["ask"],
  source: TaxiiSource,
  options: PullOptions,
  nowMs: number,
): Promise<Result> {
  const collection = choose(await listCollections(source), options.collection);
  const { state, maxObjects } = options;
  const kept = state === undefined ? {} : readState(state);
  const around = new Map<string, Members>();
  const refusals: Refusal[] = [];
  const takenBack: TakenBack[] = [];
  let proposed: ProposedView = { queued: 0, known: 0, stopped: [] };
  let objects = 0;
  let isWhole = true;
  let last = options.addedAfter ?? kept[collection.url];
  for await (const page of readCollection(source, collection, last)) {
    const read = await readPage(source, collection, page.objects, around, nowMs);
    refusals.push(...read.refusals);
    proposed = added(proposed, await ask.propose(read.proposals));
    takenBack.push(...(await takeBack(ask, page.objects, nowMs)));
    objects += page.objects.length;
    // Only now: what was proposed is durable.
    last = page.lastAdded ?? last;
    if (state !== undefined && last !== undefined) writeState(state, { ...kept, [collection.url]: last });
    isWhole = objects < maxObjects;
    if (!isWhole) break;
  }
  return {
    json: {
      collection: collection.url,
      objects,
      proposed,
      refusals,
      takenBack,
      addedAfter: last ?? null,
      isWhole,
    },
    raw: [String(proposed.queued)],
    human: (style) =>
      [
        `${collection.title}: ${count(objects, "object")}; ${proposed.queued} now await release, ${proposed.known} are known already, ${proposed.stopped.length} stopped by negative selection, ${refusals.length} not taken`,
        ...(isWhole ? [] : [`There are more than --max-objects ${maxObjects}; pull again to go on.`]),
        ...(takenBack.length === 0
          ? []
          : [
              "Their author took these back; held candidates stay here, for records say `anamnesis indicators withdraw|refute ID`:",
              table(
                ["STATE", "ID", "THERE"],
                takenBack.map((one) => [one.state, one.id, one.origin]),
                style,
              ),
            ]),
      ].join("\n"),
  };
}

function choose(collections: readonly TaxiiCollection[], named: string | undefined): TaxiiCollection {
  const readable = collections.filter(({ canRead }) => canRead);
  const fitting =
    named === undefined
      ? readable
      : readable.filter(({ id, alias, title }) => [id, alias, title].includes(named));
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only;
  const names = readable.map(({ alias, id }) => alias ?? id).join(", ");
  throw new AnamnesisError(
    "config.invalid",
    `--collection ${named ?? ""} is none of what this token may read there: ${names === "" ? "nothing" : names}`,
  );
}

/** Proposals of a page, with what its objects refer to fetched from where it was served before. */
async function readPage(
  source: TaxiiSource,
  collection: TaxiiCollection,
  objects: readonly Members[],
  around: Map<string, Members>,
  nowMs: number,
) {
  const note = (more: readonly Members[]) => {
    for (const one of more)
      if (one.type !== "indicator" && around.size < MAX_AROUND) around.set(String(one.id), one);
  };
  note(objects);
  const refs = objects
    .filter(({ type }) => type === "indicator")
    .flatMap((one) => [one.created_by_ref, ...listOf(one.object_marking_refs)].map(String));
  const missing = [...new Set(refs)].filter(
    (ref) => /^[a-z-]+--[0-9a-f-]{36}$/.test(ref) && !around.has(ref) && !TLP_IDS.has(ref),
  );
  if (missing.length > 0) note(await readObjects(source, collection, missing));
  // Whoever marked it meant something: what cannot be read is no leave to pass it on.
  const isMarked = (one: Members) =>
    listOf(one.object_marking_refs).every((ref) => TLP_IDS.has(String(ref)) || around.has(String(ref)));
  const unread = objects.filter((one) => one.type === "indicator" && !isMarked(one));
  const bundle = [...objects.filter((one) => one.type === "indicator" && isMarked(one)), ...around.values()];
  const { proposals, refusals } = readStix({ type: "bundle", objects: bundle }, nowMs);
  return {
    proposals: proposals.map(({ form: _, ...proposal }) => proposal),
    refusals: [
      ...refusals.filter(({ reason }) => reason !== "not.indicator"),
      ...unread.map((one) => refusal(String(one.id), "malformed", "one of its markings cannot be had there")),
    ],
  };
}

/** What revoked objects were about: candidates are held, records are told. */
async function takeBack(
  ask: Session["ask"],
  objects: readonly Members[],
  nowMs: number,
): Promise<TakenBack[]> {
  const revoked = objects.filter((one) => one.type === "indicator" && one.revoked === true);
  if (revoked.length === 0) return [];
  const plain = revoked.map(({ revoked: _, valid_until: __, ...one }) => one);
  const { proposals } = readStix({ type: "bundle", objects: plain }, nowMs);
  const candidates = new Map((await ask.candidates()).map((one) => [one.id, one]));
  const found: TakenBack[] = [];
  for (const { key, origin } of proposals) {
    const id = indicatorId(key);
    const candidate = candidates.get(id);
    if (candidate?.proposal?.origin.id === origin.id && candidate.count === 0) {
      await ask.hold(id, nowMs + HOLD_MS);
      found.push({ origin: origin.id, id, state: "held" });
    } else if (await isRecord(ask, id)) found.push({ origin: origin.id, id, state: "record" });
  }
  return found;
}

async function isRecord(ask: Session["ask"], id: string): Promise<boolean> {
  try {
    await ask.indicator(id);
    return true;
  } catch (error) {
    if (isAnamnesisError(error, "api.notFound")) return false;
    throw error;
  }
}

function added(a: ProposedView, b: ProposedView): ProposedView {
  const stopped: readonly Stopped[] = [...a.stopped, ...b.stopped];
  return { queued: a.queued + b.queued, known: a.known + b.known, stopped };
}

type State = Readonly<Record<string, string>>;

function readState(path: string): State {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new AnamnesisError("config.invalid", `${path} cannot be read; name another --state`, {
      cause: error,
    });
  }
  try {
    return JSON.parse(text) as State;
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${path} is no state of pulls; remove it to begin anew`, {
      cause,
    });
  }
}

function writeState(path: string, state: State): void {
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}
