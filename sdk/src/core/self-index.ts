/** Self and lists of names, prepared once for many questions: who owns this value? */
import { ipv4Number, type Span, spanContains, spanOf, spansOverlap } from "./address.ts";
import { remember } from "./remember.ts";
import type { Self } from "./types.ts";

/** Values that are never an attacker, under a name: an allowlist or a MISP warninglist. */
export interface NamedList {
  readonly name: string;
  /** Addresses, CIDR ranges, domain names (matched by suffix), SHA-256, JA3 or JA4 values, as text. */
  readonly values: readonly string[];
}

/** Answers name the entry as `source: entry`, or are undefined when nothing owns the value. */
export interface OwnerIndex {
  /** The entry that shares an address with the span, either way round. */
  ofSpan(span: Span): string | undefined;
  /** The entry that is this name, lies below it or above it. */
  ofName(name: string): string | undefined;
  /** The entry that is exactly this text (files, fingerprints). */
  ofText(text: string): string | undefined;
}

/** Self with the roles that candidates ask for. */
export interface SelfIndex extends OwnerIndex {
  /** The writers' entry that holds this address, by name. */
  writer(address: string): string | undefined;
  /** The engineering stations' entry that holds this address, by name. */
  engineer(address: string): string | undefined;
  /** The entry of the controllers or safety systems that holds this address, by name. */
  controller(address: string): string | undefined;
  /** The entry of the OT network that holds this address, by name. */
  otHost(address: string): string | undefined;
  /** Whether an address is one of the plant's own: assets, roles and the OT network, not services. */
  isOwn(address: string): boolean;
}

interface SpanEntry {
  readonly span: Span;
  readonly entry: string;
}

const selves = new WeakMap<Self, SelfIndex>();
const lists = new WeakMap<readonly NamedList[], OwnerIndex>();

/** Prepares Self; the same object is prepared once. Throws `input.invalid` on an entry that is no address. */
export function indexSelf(self: Self): SelfIndex {
  let index = selves.get(self);
  if (index === undefined) {
    index = buildSelf(self);
    selves.set(self, index);
  }
  return index;
}

/** Prepares allowlists; the same array is prepared once. A value that is no address or range is a name or text. */
export function indexLists(named: readonly NamedList[]): OwnerIndex {
  let index = lists.get(named);
  if (index === undefined) {
    const spans: SpanEntry[] = [];
    const texts = new Map<string, string>();
    for (const { name, values } of named) {
      for (const value of values) {
        const entry = `allowlist ${name}: ${value}`;
        if (looksLikeRange(value)) spans.push({ span: spanOf(value), entry });
        else texts.set(plainName(value), entry);
      }
    }
    index = buildIndex(spans, texts, texts);
    lists.set(named, index);
  }
  return index;
}

/** A name without its case and its outer dots. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/^\.+|\.+$/g, "");
}

function buildSelf(self: Self): SelfIndex {
  const said = (value: string, comment = self.comments?.[value.toLowerCase()]): string =>
    comment === undefined ? "" : `; noted: ${comment}`;
  const label = (source: string, name: string, text: string, comment?: string): string =>
    `${source}: ${name === "" ? text : `${name} (${text})`}${said(text, comment)}`;
  const entries = (
    source: string,
    name: string,
    addresses: readonly string[] = [],
    comment?: string,
  ): SpanEntry[] =>
    addresses.map((text) => ({ span: spanOf(text), entry: label(source, name, text, comment) }));
  const conduits = self.conduits ?? [];
  const writers = [
    ...conduits.flatMap(({ name, from, comment }) =>
      entries("self.conduits", `${name}, from`, from, comment),
    ),
    ...entries("self.roles.writers", "", self.roles.writers),
  ];
  const controllers = entries("self.roles.controllers", "", self.roles.controllers);
  const engineers = entries("self.roles.engineeringStations", "", self.roles.engineeringStations);
  const network = entries("self.roles.otNetwork", "", self.roles.otNetwork);
  const safety = entries("self.roles.safetySystems", "", self.roles.safetySystems);
  // Assets first: their names say most when one of them stops a candidate.
  const own = [
    ...self.assets.flatMap(({ name, addresses }) => entries("self.assets", name, addresses)),
    ...writers,
    ...controllers,
    ...engineers,
    ...safety,
    ...conduits.flatMap(({ name, to, comment }) => entries("self.conduits", `${name}, to`, to, comment)),
    ...network,
  ];
  const services = self.services.flatMap(({ name, addresses }) => entries("self.services", name, addresses));
  const names = new Map<string, string>();
  for (const { name, domains } of self.services) {
    for (const domain of domains) names.set(plainName(domain), label("self.services", name, domain));
  }
  for (const domain of self.domains) names.set(plainName(domain), label("self.domains", "", domain));
  const texts = new Map(self.files.map((file) => [file.toLowerCase(), label("self.files", "", file)]));
  for (const { name, domains = [], files = [] } of self.assets) {
    for (const domain of domains) names.set(plainName(domain), label("self.assets", name, domain));
    for (const file of files) texts.set(file.toLowerCase(), label("self.assets", name, file));
  }

  const holder = (spans: readonly SpanEntry[]) =>
    remember((address: string) => {
      const span = spanOf(address);
      return spans.find((entry) => spanContains(entry.span, span))?.entry;
    });
  const isOwnV4 = createUnion(own.flatMap(({ span }) => (span.family === 4 ? [span] : [])));
  const ownHolder = holder(own);
  return {
    ...buildIndex([...own, ...services], names, texts),
    writer: holder(writers),
    engineer: holder(engineers),
    controller: holder([...controllers, ...safety]),
    otHost: holder(network),
    isOwn: (address) => {
      const number = ipv4Number(address);
      return number < 0 ? ownHolder(address) !== undefined : isOwnV4(number);
    },
  };
}

/** Whether one of the spans holds an IPv4 address; every line of a log asks twice. */
function createUnion(spans: readonly Span[]): (address: number) => boolean {
  const firsts: number[] = [];
  const lasts: number[] = [];
  const sorted = spans.map(({ first, last }) => [Number(first), Number(last)] as const);
  for (const [first, last] of sorted.sort((a, b) => a[0] - b[0])) {
    const before = lasts.at(-1);
    if (before === undefined || first > before) {
      firsts.push(first);
      lasts.push(last);
    } else if (last > before) lasts[lasts.length - 1] = last;
  }
  return (address) => {
    let [from, to] = [0, firsts.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((lasts[middle] as number) < address) from = middle + 1;
      else to = middle;
    }
    return from < firsts.length && (firsts[from] as number) <= address;
  };
}

function buildIndex(
  spans: readonly SpanEntry[],
  names: ReadonlyMap<string, string>,
  texts: ReadonlyMap<string, string>,
): OwnerIndex {
  return {
    ofSpan: (span) => spans.find((entry) => spansOverlap(entry.span, span))?.entry,
    ofName: (name) => {
      for (let at = 0; at >= 0; at = name.indexOf(".", at) + 1 || -1) {
        const entry = names.get(at === 0 ? name : name.slice(at));
        if (entry !== undefined) return entry;
      }
      const below = `.${name}`;
      for (const [own, entry] of names) if (own.endsWith(below)) return entry;
      return undefined;
    },
    ofText: (text) => texts.get(text),
  };
}

function looksLikeRange(text: string): boolean {
  return /^[\d.]+(?:\/\d+)?$/.test(text) || /^[0-9a-f.]*:[0-9a-f:.]*(?:%\w+)?(?:\/\d+)?$/i.test(text);
}
