/* Objects that a client adds to a collection (TAXII 2.1 §5.5): proposals, with a status of what became of each. */
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Proposal } from "@anamnesis/sdk/core/types";
import { isMembers, type Members, textOf } from "@anamnesis/sdk/knowledge/members";
import { readStix } from "@anamnesis/sdk/knowledge/stix";
import type { PlantApi } from "../../api.ts";
import { writeTime } from "./filter.ts";

/** A status resource (TAXII 2.1 §4.3.1). */
export interface WriteStatus {
  readonly id: string;
  readonly status: "complete";
  readonly request_timestamp: string;
  readonly total_count: number;
  readonly success_count: number;
  readonly successes?: readonly Detail[];
  readonly failure_count: number;
  readonly failures?: readonly Detail[];
  readonly pending_count: 0;
}

interface Detail {
  readonly id: string;
  readonly version: string;
  readonly message?: string;
}

/** What stands around indicators and is kept with them. */
const AROUND: ReadonlySet<string> = new Set([
  "identity",
  "marking-definition",
  "extension-definition",
  "relationship",
  "attack-pattern",
]);

/**
 * Proposes the indicators of an envelope; resolves when they are durable.
 * @throws AnamnesisError `input.invalid` when it is no envelope, and what `propose` throws
 */
export async function writeObjects(
  api: Pick<PlantApi, "propose">,
  envelope: unknown,
  nowMs: number,
  id: string,
): Promise<WriteStatus> {
  const objects = isMembers(envelope) ? envelope.objects : undefined;
  if (!Array.isArray(objects) || objects.length === 0)
    throw new AnamnesisError("input.invalid", "the body has to be an envelope with a list of objects");
  const { proposals, refusals } = readStix({ type: "bundle", objects }, nowMs);
  const { stopped } = await api.propose(proposals.map(({ form: _, ...proposal }): Proposal => proposal));
  const stops = new Map(stopped.map((stop) => [stop.value, `${stop.code}: ${stop.entry}`]));

  /** Why nothing of an object was taken. */
  function failureOf(object: unknown): string | undefined {
    if (!isMembers(object)) return "not an object";
    if (AROUND.has(String(object.type))) return undefined;
    const refused = refusals.find(({ where }) => where === String(object.id).slice(0, 128));
    if (refused !== undefined) return `${refused.reason}: ${refused.detail}`;
    const own = proposals.filter(({ origin }) => origin.id === object.id);
    const stop = own.map(({ form }) =>
      form?.form === "observable" ? stops.get(form.observable.value) : undefined,
    );
    return stop.every((each) => each !== undefined) ? (stop[0] ?? "nothing to look for is in it") : undefined;
  }

  const details = objects.map((object: unknown) => ({ object, message: failureOf(object) }));
  const failures = details.flatMap(({ object, message }) =>
    message === undefined ? [] : [{ ...detailOf(object), message }],
  );
  const successes = details.flatMap(({ object, message }) =>
    message === undefined ? [detailOf(object)] : [],
  );
  return {
    id,
    status: "complete",
    request_timestamp: writeTime(nowMs * 1000),
    total_count: objects.length,
    success_count: successes.length,
    ...(successes.length > 0 && { successes }),
    failure_count: failures.length,
    ...(failures.length > 0 && { failures }),
    pending_count: 0,
  };
}

function detailOf(object: unknown): Detail {
  const { id, modified, created }: Members = isMembers(object) ? object : {};
  return { id: textOf(id).slice(0, 128), version: (textOf(modified) || textOf(created)).slice(0, 40) };
}
