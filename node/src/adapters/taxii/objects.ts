/* Objects of a readable collection: the fixed ones first, then the records as they were put on the shelf. */
import type { Members } from "@anamnesis/sdk/knowledge/members";
import { FIXED_OBJECTS, writeRecord } from "@anamnesis/sdk/knowledge/stix-write";
import type { PlantApi } from "../../api.ts";
import type { Collection } from "./collections.ts";
import type { ObjectsQuery } from "./filter.ts";

/** An object with when it was added here, µs since the epoch, and its version. */
export interface Dated {
  readonly addedUs: number;
  readonly version: string;
  readonly object: Members;
}

/** A page of objects. */
export interface Page {
  readonly objects: readonly Dated[];
  readonly more: boolean;
}

/** Before any record there can be. */
const FIRST_US = Date.UTC(2022, 9, 1) * 1000;
const FIXED: readonly Dated[] = FIXED_OBJECTS.map((object, i) => ({
  addedUs: FIRST_US + i,
  version: String(object.modified ?? object.created),
  object,
}));

/** The objects of a collection that are asked for, in the order of their times. Throws the store's errors. */
export async function pageOf(
  api: Pick<PlantApi, "shared">,
  collection: Collection,
  query: ObjectsQuery,
): Promise<Page> {
  const { afterUs, limit, ids, types, versionsMs, isOurs } = query;
  if (!isOurs) return { objects: [], more: false };
  const fixed = FIXED.filter(
    ({ addedUs, object, version }) =>
      addedUs > afterUs &&
      (ids?.includes(String(object.id)) ?? true) &&
      (types?.includes(String(object.type)) ?? true) &&
      (versionsMs?.includes(Date.parse(version)) ?? true),
  );
  const objects = fixed.slice(0, limit);
  if (types?.includes("indicator") === false) return { objects, more: fixed.length > objects.length };
  const page = await api.shared({
    afterUs,
    limit: limit - objects.length,
    ...(ids !== undefined && { stixIds: ids }),
    ...(versionsMs !== undefined && { versionsMs }),
    ...(collection.statuses !== undefined && { statuses: collection.statuses }),
  });
  return {
    objects: [
      ...objects,
      ...page.records.map((record) => ({
        addedUs: record.addedUs,
        version: new Date(record.modifiedMs).toISOString(),
        object: writeRecord(record),
      })),
    ],
    more: fixed.length > objects.length || page.more,
  };
}
