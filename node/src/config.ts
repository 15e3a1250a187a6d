import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { BEHAVIOUR_CLASSES } from "@anamnesis/sdk/core/behaviours";
import { concat, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { sha256 } from "@anamnesis/sdk/core/hash";
import { actionSchema, addressSchema } from "@anamnesis/sdk/core/schema";
import type { Bytes32, Self } from "@anamnesis/sdk/core/types";
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import { z } from "zod";
import { invalidSetting, parseYamlText, readBytes } from "./config-file.ts";
import { controlAt, controlSetting } from "./control-setting.ts";
import { type DetectorSetting, detectorSetting } from "./detector-setting.ts";
import { loadMapping } from "./mapping-file.ts";
import { cidr, loadSelf, selfSetting } from "./self-file.ts";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "expected a short name of a-z, 0-9 and -");
const port = z.int().min(1, "expected a port from 1 to 65535").max(65_535, "expected a port from 1 to 65535");
const releaseClass = z.enum(["observable", ...BEHAVIOUR_CLASSES]);

/** What is kept by name must not be mixed up: positions of detectors, applications of controls. */
const haveOwnNames = (list: readonly { readonly name: string }[]) =>
  new Set(list.map((each) => each.name)).size === list.length;

const configSchema = z.strictObject({
  /** The plant's name. */
  plant: z.string().min(1).max(32),
  /** `lab` may declare documentation addresses public; `production` refuses that. */
  environment: z.enum(["production", "lab"]).default("production"),
  data: z.string().default("store"),
  http: z.strictObject({ host: z.string().default("127.0.0.1"), port }),
  peers: z.strictObject({
    listen: z
      .string()
      .regex(/^[^:]+:\d+$/, "expected host:port")
      .refine((text) => Number(text.split(":")[1]) <= 65_535, "expected host:port, the port up to 65535"),
    dial: z.array(z.string()).default([]),
  }),
  chain: z.strictObject({
    urls: z.array(z.url({ error: "expected a JSON-RPC URL" })).min(1),
    consortium: z.string(),
    /** Key file of the account that pays gas, or several; they have no authority. */
    relayKey: z
      .union([z.string(), z.array(z.string()).min(1)])
      .transform((files) => (typeof files === "string" ? [files] : files)),
    /** Seconds between two blocks while transactions wait, and while none do: three of them without a block are an alarm. */
    blockPeriodSeconds: z.number().positive().default(2),
    emptyBlockPeriodSeconds: z.number().positive().default(60),
    /** Hold headers, logs and receipts against each other. */
    check: z.boolean().default(true),
  }),
  /** Without a file the password is in ANAMNESIS_KEYSTORE_PASSWORD. */
  keystore: z.strictObject({ path: z.string(), passwordFile: z.string().optional() }),
  /** Where `anamnesis admin` finds the member account; the node itself never opens it. */
  member: z
    .strictObject({
      account: addressSchema.optional(),
      keystore: z.string().optional(),
      passwordFile: z.string().optional(),
      signer: z.url({ error: "expected the URL of a signer" }).optional(),
    })
    .refine((member) => member.signer === undefined || member.account !== undefined, {
      error: "expected the account that the signer holds",
      path: ["account"],
    })
    .refine((member) => member.signer === undefined || member.keystore === undefined, {
      error: "expected a signer or a keystore, not both",
      path: ["signer"],
    })
    .optional(),
  /** File of the consortium's blinding key; fetched from peers when it does not exist. */
  blindingKey: z.string().default("blinding.key"),
  detectors: z
    .array(detectorSetting)
    .refine(haveOwnNames, "expected a name of its own for each detector")
    .default([]),
  release: z
    .strictObject({
      automatic: z
        .array(z.strictObject({ class: releaseClass, minSeverity: z.int().min(0).max(100).default(0) }))
        .default([]),
      tlp: z.enum(["clear", "green", "amber", "amber+strict"]).default("amber"),
      validityDays: z.number().positive().max(3650).default(30),
    })
    .prefault({}),
  validation: z
    .strictObject({
      benign: z.array(z.string()).default([]),
      minEvents: z.int().min(1).default(1000),
      minHours: z.number().positive().default(24),
    })
    .prefault({}),
  controls: z
    .array(controlSetting)
    .refine(haveOwnNames, "expected a name of its own for each control")
    .default([]),
  standing: z
    .array(
      z.strictObject({
        name: z.string(),
        class: releaseClass,
        controls: z.array(name).min(1),
        action: actionSchema,
        maxHours: z.number().positive(),
        until: z.iso.datetime(),
      }),
    )
    .default([]),
  budget: z
    .strictObject({
      blocksPerHour: z.int().min(0).default(10),
      expiryHours: z.number().positive().default(24),
    })
    .prefault({}),
  /** How many people approve a response below level 4. */
  approvals: z.strictObject({ persons: z.int().min(1).max(2).default(2) }).prefault({}),
  requireRecorded: z.boolean().default(false),
  lab: z.strictObject({ public: z.array(cidr).default([]) }).prefault({}),
  self: selfSetting,
});

/** A plant's configuration, parsed; paths are absolute. */
export type Config = Omit<z.infer<typeof configSchema>, "self" | "detectors"> & {
  readonly detectors: readonly ConfiguredDetector[];
  readonly self: Self;
  readonly directory: string;
  /** What the member signs: SHA-256 of the file's bytes, or of it and those of the files it names, in order: self.file, mappings. */
  readonly digest: Bytes32;
  readonly signature?: ConfigSignature;
};

/** A detector with absolute paths and its mapping read. */
export type ConfiguredDetector = Omit<DetectorSetting, "mapping"> & { readonly mapping?: Mapping };

/** plant.yaml.sig: the member account's signature over the configuration. */
export interface ConfigSignature {
  readonly signer: string;
  readonly signature: string;
}

const signatureSchema = z.strictObject({ signer: addressSchema, signature: z.string().max(8_194) });

/**
 * Reads a plant's configuration and the signature beside it.
 *
 * Throws `config.invalid` with one line that names the setting and what is expected.
 */
export function readConfig(path: string): Config {
  const file = resolve(path);
  const directory = dirname(file);
  const bytes = readBytes(file, "the configuration", "give the path of a plant.yaml");
  const parsed = configSchema.safeParse(parseYamlText(bytes, file));
  if (!parsed.success) throw invalidSetting(file, parsed.error);
  const { self: setting, ...rest } = parsed.data;
  if (rest.environment === "production" && rest.lab.public.length > 0) {
    throw new AnamnesisError(
      "config.invalid",
      `${file}: lab.public: a production configuration may not declare addresses public; remove it or set environment: lab`,
    );
  }
  const at = (relative: string) => resolve(directory, relative);
  const { self, bytes: selfBytes } = loadSelf(setting, file);
  const detectors = rest.detectors.map((detector) => placeDetector(detector, at));
  const named = [selfBytes, ...detectors.map(({ bytes }) => bytes)].filter((each) => each !== undefined);
  return {
    ...rest,
    data: at(rest.data),
    chain: { ...rest.chain, consortium: at(rest.chain.consortium), relayKey: rest.chain.relayKey.map(at) },
    keystore: filesAt(rest.keystore, at, ["path", "passwordFile"]),
    ...(rest.member !== undefined && { member: filesAt(rest.member, at, ["keystore", "passwordFile"]) }),
    blindingKey: at(rest.blindingKey),
    detectors: detectors.map(({ detector }) => detector),
    controls: rest.controls.map((control) => controlAt(control, at)),
    validation: { ...rest.validation, benign: rest.validation.benign.map(at) },
    self,
    directory,
    digest: digestOf(bytes, named),
    ...readSignature(`${file}.sig`),
  };
}

/** Files that the configuration names are signed with it: none can be changed or exchanged alone. */
function digestOf(config: Uint8Array, named: readonly Uint8Array[]): Bytes32 {
  const own = sha256(config);
  const all = named.length === 0 ? own : sha256(concat(own, ...named.map((bytes) => sha256(bytes))));
  return toHex(all) as Bytes32;
}

function placeDetector(
  setting: DetectorSetting,
  at: (relative: string) => string,
): { readonly detector: ConfiguredDetector; readonly bytes: Uint8Array | undefined } {
  const { mapping: file, path, directory, tls, mqtt, ...rest } = setting;
  const read = file === undefined ? undefined : loadMapping(at(file));
  const detector: ConfiguredDetector = {
    ...rest,
    ...(read !== undefined && { mapping: read.mapping }),
    ...(path !== undefined && { path: at(path) }),
    ...(directory !== undefined && { directory: at(directory) }),
    ...(tls !== undefined && { tls: filesAt(tls, at, ["certificate", "key", "clients"]) }),
    ...(mqtt !== undefined && {
      mqtt: filesAt(mqtt, at, ["passwordFile", "authorities", "certificate", "key"]),
    }),
  };
  return { detector, bytes: read?.bytes };
}

/** The same with absolute paths where there are paths. */
function filesAt<T extends object>(
  settings: T,
  at: (relative: string) => string,
  names: readonly (keyof T)[],
): T {
  const absolute = { ...settings };
  for (const each of names) {
    const file = settings[each];
    if (typeof file === "string") Object.assign(absolute, { [each]: at(file) });
  }
  return absolute;
}

function readSignature(file: string): { signature?: ConfigSignature } {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return {}; // unsigned: nothing above alert will be done on it
  }
  const parsed = signatureSchema.safeParse(parseYamlText(Buffer.from(text), file));
  if (!parsed.success)
    throw new AnamnesisError(
      "config.invalid",
      `${file}: expected a signer and a signature; sign the configuration again`,
    );
  return { signature: parsed.data };
}
