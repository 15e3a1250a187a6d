/* Indicators as they leave in a file. TLP at egress: what may not leave is counted and stays. */
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import type { KnowledgePage } from "../api.ts";
import type { Log } from "../ports.ts";
import type { MemoryRecord } from "../state/memory.ts";
import { WITHHELD } from "./egress.ts";

/** A page in the order of ids, so that pages fit together while records come. */
export function knowledgePage(
  log: Log,
  records: Iterable<MemoryRecord>,
  after: IndicatorId | undefined,
  limit: number,
): KnowledgePage {
  const rest = [...records].filter(({ id }) => after === undefined || id > after);
  const page = rest.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  const leaving = page.filter(({ tlp }) => tlp !== "amber+strict");
  const withheld = page.length - leaving.length;
  if (withheld > 0) log.info("egress.withheld", { code: WITHHELD, to: "file", count: withheld });
  return {
    indicators: leaving.map(({ object, tlp }) => ({ object, tlp })),
    withheld,
    next: rest.length > page.length ? (page.at(-1)?.id ?? null) : null,
  };
}
