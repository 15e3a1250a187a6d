import { dirname, resolve } from "node:path";
import { parseRange } from "@anamnesis/sdk/core/address-set";
import { MODBUS_WRITES } from "@anamnesis/sdk/core/compile";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Conduit, Self } from "@anamnesis/sdk/core/types";
import { z } from "zod";
import { invalidSetting, parseYamlText, readBytes } from "./config-file.ts";
import { loadWarninglists } from "./warninglists.ts";

/** An address or a CIDR range, as settings name them. */
export const cidr = z
  .string()
  .refine(
    (text) => parseRange(text) !== undefined,
    "expected an address or a CIDR range without host bits, as 10.2.2.0/24",
  );
const domain = z.string().regex(/^[a-z0-9.-]+$/i, "expected a domain name");
const sha256Text = z.string().regex(/^[0-9a-f]{64}$/, "expected a SHA-256 as 64 hexadecimal digits");
const mac = z
  .string()
  .regex(/^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i, "expected a MAC address, as 00:1b:1b:00:00:01");
const comment = z.string().max(500).optional();
/** When its traffic was last seen. */
const seen = z.iso.datetime({ error: "expected when it was last seen, as 2026-11-25T03:00:00Z" }).optional();

/** A value, or `{ value, comment, seen }`: who says so, and why. */
const noted = <T extends z.ZodType<string, string>>(value: T) =>
  z.preprocess(
    (given) => (typeof given === "object" && given !== null ? given : { value: given }),
    z.strictObject({ value, comment, seen }),
  );
const notedList = <T extends z.ZodType<string, string>>(value: T) => z.array(noted(value)).default([]);

const selfSchema = z.strictObject({
  confirmedAt: z.iso.datetime({
    error: "expected when an operator last confirmed it, as 2026-11-25T03:00:00Z",
  }),
  assets: z
    .array(
      z.strictObject({
        name: z.string(),
        addresses: notedList(cidr),
        macs: z.array(mac).default([]),
        domains: notedList(domain),
        files: notedList(sha256Text),
        comment,
      }),
    )
    .default([]),
  domains: notedList(domain),
  roles: z
    .strictObject({
      otNetwork: notedList(cidr),
      writers: notedList(cidr),
      controllers: notedList(cidr),
      engineeringStations: notedList(cidr),
      safetySystems: notedList(cidr),
    })
    .prefault({}),
  conduits: z
    .array(
      z.strictObject({
        name: z.string(),
        /** Addresses, ranges or names of assets. */
        from: z.array(z.string()).min(1, "expected who writes: addresses or names of assets"),
        to: z.array(z.string()).min(1, "expected who is written to: addresses or names of assets"),
        protocol: z.enum(["modbus"], { error: "expected modbus, the protocol whose writes are judged here" }),
        /** Modbus function codes; empty: every one. */
        functions: z.array(z.int().min(1).max(127)).default([]),
        comment,
        seen,
      }),
    )
    .default([]),
  services: z
    .array(
      z.strictObject({ name: z.string(), addresses: notedList(cidr), domains: notedList(domain), comment }),
    )
    .default([]),
  files: notedList(sha256Text),
  /** Files, or directories in which every list.json is taken. */
  warninglists: z.array(z.string()).default([]),
});

type SelfSetting = z.infer<typeof selfSchema>;
type Noted = {
  readonly value: string;
  readonly comment?: string | undefined;
  readonly seen?: string | undefined;
};

/** Self as plant.yaml has it: itself, or the file it is in. It is judged by `loadSelf`. */
export const selfSetting = z.record(z.string(), z.unknown(), {
  error: "expected the plant's own: confirmedAt, assets, roles …, or file: self.yaml",
});

/**
 * Self from plant.yaml, or from the file it names, with its warninglists; paths are relative to the
 * file that has them. `bytes` are those of self.file.
 *
 * Throws `config.invalid` with one line that names the file and the setting.
 */
export function loadSelf(
  setting: Readonly<Record<string, unknown>>,
  configFile: string,
): { readonly self: Self; readonly bytes?: Uint8Array } {
  if (!("file" in setting)) {
    const parsed = selfSchema.safeParse(setting);
    if (parsed.success) return { self: toSelf(parsed.data, configFile, "self.") };
    const [first, ...rest] = parsed.error.issues;
    const issues = first === undefined ? rest : [{ ...first, path: ["self", ...first.path] }, ...rest];
    throw invalidSetting(configFile, new z.ZodError(issues));
  }
  if (typeof setting.file !== "string" || Object.keys(setting).length > 1)
    throw new AnamnesisError(
      "config.invalid",
      `${configFile}: self.file: expected the path of a self.yaml and nothing else beside it`,
    );
  const file = resolve(dirname(configFile), setting.file);
  const bytes = readBytes(file, "self.file:", "write it, or describe the plant under self in plant.yaml");
  const parsed = selfSchema.safeParse(parseYamlText(bytes, file));
  if (!parsed.success) throw invalidSetting(file, parsed.error);
  return { self: toSelf(parsed.data, file, ""), bytes };
}

function toSelf(read: SelfSetting, file: string, prefix: string): Self {
  const { assets, roles, services } = read;
  const comments: Record<string, string> = {};
  const seenMs: Record<string, number> = {};
  const plain = (list: readonly Noted[], ofOwner?: string): string[] =>
    list.map(({ value, comment: said = ofOwner, seen: last }) => {
      const key = value.toLowerCase();
      if (said !== undefined) comments[key] ??= said;
      if (last !== undefined) seenMs[key] = Math.max(seenMs[key] ?? 0, Date.parse(last));
      return value;
    });
  const own = assets.map((asset) => {
    const macs = asset.macs.map((text) => text.toLowerCase().replaceAll("-", ":"));
    if (asset.comment !== undefined) for (const text of macs) comments[text] ??= asset.comment;
    return {
      name: asset.name,
      addresses: plain(asset.addresses, asset.comment),
      ...some("macs", macs),
      ...some("domains", plain(asset.domains, asset.comment)),
      ...some("files", plain(asset.files, asset.comment)),
    };
  });
  const conduits = read.conduits.map((conduit, i): Conduit => {
    const side = (key: "from" | "to") =>
      conduit[key].flatMap((text, j) => {
        if (parseRange(text) !== undefined) return [text];
        const addresses = own.filter(({ name }) => name === text).flatMap((asset) => asset.addresses);
        if (addresses.length > 0) return addresses;
        throw new AnamnesisError(
          "config.invalid",
          `${file}: ${prefix}conduits.${i}.${key}.${j}: ${JSON.stringify(text.slice(0, 60))} is no address and no asset that has one`,
        );
      });
    const { name, protocol, functions, comment: said, seen: last } = conduit;
    return {
      name,
      from: side("from"),
      to: side("to"),
      protocol,
      functions,
      ...(said && { comment: said }),
      ...(last !== undefined && { seenMs: Date.parse(last) }),
    };
  });
  const lists = loadWarninglists(read.warninglists, file, `${prefix}warninglists`);
  return {
    confirmedAtMs: Date.parse(read.confirmedAt),
    assets: own,
    domains: [...new Set([...plain(read.domains), ...own.flatMap(({ domains = [] }) => domains)])],
    roles: {
      otNetwork: plain(roles.otNetwork),
      // Whom a conduit lets write is a writer in every rule; rules per pair of machines do not exist yet.
      writers: [
        ...new Set([...plain(roles.writers), ...conduits.filter(mayWrite).flatMap(({ from }) => from)]),
      ],
      controllers: plain(roles.controllers),
      ...some("engineeringStations", plain(roles.engineeringStations)),
      ...some("safetySystems", plain(roles.safetySystems)),
    },
    services: services.map((service) => ({
      name: service.name,
      addresses: plain(service.addresses, service.comment),
      domains: plain(service.domains, service.comment),
    })),
    files: [...new Set([...plain(read.files), ...own.flatMap(({ files = [] }) => files)])],
    ...some("conduits", conduits),
    ...(Object.keys(comments).length > 0 && { comments }),
    ...(Object.keys(seenMs).length > 0 && { seenMs }),
    ...some("warninglists", lists),
  };
}

/** The setting when there is something in it. */
function some<Key extends string, T>(key: Key, list: readonly T[]): { readonly [K in Key]?: readonly T[] } {
  return (list.length > 0 ? { [key]: list } : {}) as { readonly [K in Key]?: readonly T[] };
}

/** Whether a conduit is for more than reading. */
function mayWrite({ functions }: Conduit): boolean {
  const writes = Object.values(MODBUS_WRITES).flat();
  return functions.length === 0 || functions.some((code) => writes.includes(code));
}
