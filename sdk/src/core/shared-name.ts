/** What a rule calls an attack may name the plant: only what says nothing of it travels. */
import type { Self } from "./types.ts";

const IPV4 = /\b\d{1,3}(?:\.\d{1,3}){3}(?:\/\d{1,2})?\b/g;
const IPV6 = /(?<![\w:.])(?=[0-9a-f]*:[0-9a-f]*:)[0-9a-f:]{2,39}(?:\/\d{1,3})?(?![\w:])/gi;
const MAC = /\b[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}\b/gi;

/**
 * A rule's name as it may travel: addresses, this plant's domains and the names of its assets are
 * replaced by what they are. An asset named by a common word alone ("hmi") says nothing; one with a
 * number does. At most 200 characters.
 *
 * @example
 * sharedName("write to 10.1.2.10 boiler 7 plc", self) // "write to (address) (asset) plc"
 */
export function sharedName(name: string, self: Self): string {
  let shared = name.replace(MAC, "(address)").replace(IPV4, "(address)").replace(IPV6, "(address)");
  const own = [
    ...self.assets.flatMap(({ name }) => (/\d/.test(name) ? [[name, "(asset)"] as const] : [])),
    ...self.domains.map((domain) => [domain.replace(/^\.+|\.+$/g, ""), "(name)"] as const),
  ].sort((a, b) => b[0].length - a[0].length);
  for (const [text, kind] of own) {
    if (text === "") continue;
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${RegExp.escape(text)}(?![\\p{L}\\p{N}])`, "giu");
    shared = shared.replace(pattern, kind);
  }
  return shared.slice(0, 200);
}
