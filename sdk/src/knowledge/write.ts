/** Proposals in the format they came in: the objects as they were written, each once. */
import { AnamnesisError } from "../core/errors.ts";
import type { KnowledgeFormat, Origin } from "../core/types.ts";

/**
 * A file that holds the sources of all origins of one format, in their order.
 * `bundleId` is the STIX id of the bundle, used for that format alone.
 * @throws AnamnesisError `input.invalid` when an origin is of another format
 */
export function writeKnowledge(
  format: KnowledgeFormat,
  origins: readonly Origin[],
  bundleId: string,
): string {
  const stranger = origins.find((origin) => origin.format !== format);
  if (stranger !== undefined)
    throw new AnamnesisError("input.invalid", `${stranger.id} came as ${stranger.format}, not as ${format}`);
  const sources = [...new Set(origins.map(({ source }) => source))];
  switch (format) {
    case "stix":
      return `${JSON.stringify({ type: "bundle", id: bundleId, objects: stixObjects(sources) }, null, 2)}\n`;
    case "misp":
      return `${JSON.stringify({ response: mispEvents(sources) }, null, 2)}\n`;
    case "zeek-intel":
      return intelText(sources);
    case "suricata":
      return sources.map((source) => `${source}\n`).join("");
    case "sigma":
      return sources.map((source) => `${source}\n`).join("---\n");
    case "yara":
      return sources.map((source) => `${source}\n`).join("\n");
  }
}

/** Indicators and their neighbours, which several may share. */
function stixObjects(sources: readonly string[]): readonly object[] {
  const objects = new Map<string, object>();
  for (const source of sources)
    for (const object of JSON.parse(source) as readonly object[]) objects.set(JSON.stringify(object), object);
  return [...objects.values()];
}

/** Attributes go back into the events they were taken from. */
function mispEvents(sources: readonly string[]): readonly object[] {
  const events = new Map<string, { readonly event: object; readonly attributes: object[] }>();
  for (const source of sources) {
    const { Event, Attribute } = JSON.parse(source) as { Event: object; Attribute: object };
    const key = JSON.stringify(Event);
    const held = events.get(key) ?? { event: Event, attributes: [] };
    held.attributes.push(Attribute);
    events.set(key, held);
  }
  return [...events.values()].map(({ event, attributes }) => ({
    Event: { ...event, Attribute: attributes },
  }));
}

/** Rows under their header, which is written again only where it changes. */
function intelText(sources: readonly string[]): string {
  let text = "";
  let current = "";
  for (const source of sources) {
    const [header = "", row = ""] = source.split("\n");
    if (header !== current) text += `${header}\n`;
    current = header;
    text += `${row}\n`;
  }
  return text;
}
