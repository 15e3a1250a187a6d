/** `consortium.yaml`: what the companies agreed on before there is a chain. */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import { parseAddress } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressSchema } from "@anamnesis/sdk/core/schema";
import { parse as parseYaml } from "yaml";
import { z } from "zod";

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, "expected a short name of a-z, 0-9 and -");
const port = z.int().min(1, "expected a port from 1 to 65535").max(65_535, "expected a port from 1 to 65535");
const ip = z
  .string()
  .refine(
    (text) => isIP(text) !== 0,
    "expected an IP address: engines know names in enodes only as an experiment",
  );
const account = addressSchema.transform((text) => parseAddress(text));
const seconds = (least: number, most: number) =>
  z
    .int(`expected whole seconds`)
    .min(least, `expected at least ${least} s`)
    .max(most, `expected at most ${most} s`);

const nodeSchema = z.strictObject({
  name,
  ip,
  port: port.default(30_303),
  /** Where the company's plants reach its JSON-RPC. */
  rpc: z.strictObject({ ip: ip.default("127.0.0.1"), port: port.default(8545) }).prefault({}),
  validator: z.boolean().default(false),
  /** Keeps every state (Besu's FOREST), so that proofs of old blocks can be had. */
  archive: z.boolean().default(false),
  /** The file that `anamnesis consortium request` made; without it a key is generated here. */
  request: z.string().optional(),
});

const plantSchema = z.strictObject({
  name,
  /** Where the other plants reach its node. */
  peer: z.strictObject({ ip, port: port.default(9801) }),
  /** The account that `anamnesis node init` printed as relay account, or several. */
  relay: z.union([account, z.array(account).min(1)]).transform((one) => (Array.isArray(one) ? one : [one])),
});

const companySchema = z.strictObject({
  name,
  /** The member account: it votes and adds node keys. */
  account,
  nodes: z.array(nodeSchema).min(1, "expected at least one chain node: plants ask their own company's"),
  plants: z.array(plantSchema).min(1, "expected at least one plant"),
});

const planSchema = z.strictObject({
  name,
  chainId: z
    .int()
    .min(2, "expected a chain id of your own, above 1")
    .max(4_294_967_295, "expected a chain id below 2^32"),
  chain: z
    .strictObject({
      blockPeriodSeconds: seconds(1, 60).default(2),
      emptyBlockPeriodSeconds: seconds(1, 3600).default(60),
      requestTimeoutSeconds: seconds(2, 600).default(4),
      epochBlocks: z.int().min(100, "expected at least 100 blocks").default(30_000),
      gasLimit: z
        .int()
        .min(10_000_000, "expected at least 10000000: a batch of 100 stances needs 6000000")
        .default(30_000_000),
    })
    .prefault({}),
  /** Members that must support, witnesses among them, refutes that turn a record down, items in a transaction. */
  parameters: z
    .strictObject({
      members: z.int().min(1).default(3),
      witnesses: z.int().min(1).default(2),
      refutes: z.int().min(1).default(2),
      maxBatch: z.int().min(1).max(1000).default(100),
    })
    .prefault({}),
  votingPeriodHours: z.number().min(1, "expected at least one hour").max(8760).default(168),
  companies: z.array(companySchema).min(3, "expected at least 3 companies: three have to agree"),
});

/** A plan, parsed; paths of requests are absolute. */
export type ConsortiumPlan = z.infer<typeof planSchema>;
export type PlannedCompany = ConsortiumPlan["companies"][number];
export type PlannedNode = PlannedCompany["nodes"][number];
export type PlannedPlant = PlannedCompany["plants"][number];

/**
 * Reads a plan.
 *
 * @throws AnamnesisError `config.invalid` with one line that names the setting and what is expected
 */
export function readPlan(path: string): ConsortiumPlan {
  const file = resolve(path);
  let text: unknown;
  try {
    text = parseYaml(readFileSync(file, "utf8"));
  } catch (cause) {
    const why = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "";
    throw new AnamnesisError("config.invalid", `--config ${file} cannot be read: ${why}`, { cause });
  }
  const parsed = planSchema.safeParse(text);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refuse(file, issue?.path.join(".") || "the file", issue?.message ?? "invalid");
  }
  const fault = findFault(parsed.data);
  if (fault !== undefined) throw refuse(file, ...fault);
  const directory = dirname(file);
  return {
    ...parsed.data,
    companies: parsed.data.companies.map((company) => ({
      ...company,
      nodes: company.nodes.map((node) => ({
        ...node,
        ...(node.request !== undefined && { request: resolve(directory, node.request) }),
      })),
    })),
  };
}

/** What a schema cannot say: the first setting at fault and what is expected of it. */
function findFault(plan: ConsortiumPlan): [setting: string, expected: string] | undefined {
  const { chain, companies, parameters } = plan;
  const nodes = companies.flatMap((company) => company.nodes);
  const validators = nodes.filter(({ validator }) => validator).length;
  const mayFail = Math.floor((validators - 1) / 3);
  if (chain.requestTimeoutSeconds < 2 * chain.blockPeriodSeconds)
    return [
      "chain.requestTimeoutSeconds",
      `expected at least twice blockPeriodSeconds (${2 * chain.blockPeriodSeconds}): shorter rounds never end after an outage`,
    ];
  if (chain.emptyBlockPeriodSeconds < chain.blockPeriodSeconds)
    return ["chain.emptyBlockPeriodSeconds", "expected at least blockPeriodSeconds"];
  for (const [place, values] of uniques(plan)) {
    const twice = values.find((value, i) => values.indexOf(value) !== i);
    if (twice !== undefined) return [place, `expected each once, and ${twice} is there twice`];
  }
  if (parameters.members > companies.length)
    return ["parameters.members", `expected at most the ${companies.length} companies there are`];
  if (parameters.witnesses > parameters.members)
    return ["parameters.witnesses", `expected at most parameters.members (${parameters.members})`];
  if (parameters.refutes > companies.length)
    return ["parameters.refutes", `expected at most the ${companies.length} companies there are`];
  if (validators < 4 || validators % 3 !== 1)
    return [
      "companies",
      `expected 4, 7, 10 … validators (3f + 1, of which f may fail), and there are ${validators}`,
    ];
  for (const [index, company] of companies.entries()) {
    const own = company.nodes.filter(({ validator }) => validator).length;
    if (own > mayFail)
      return [
        `companies.${index}.nodes`,
        `expected at most ${mayFail} of ${validators} validators at one company: ${company.name} alone could stop the chain with ${own}`,
      ];
  }
  if (nodes.filter(({ archive }) => archive).length < 2)
    return [
      "companies",
      "expected archive: true on at least two nodes: proofs of old blocks come from there",
    ];
  return undefined;
}

/** What must not be there twice, by the name of its place. */
function uniques({ companies }: ConsortiumPlan): [place: string, values: readonly string[]][] {
  const nodes = companies.flatMap((company) => company.nodes);
  const plants = companies.flatMap((company) => company.plants);
  return [
    ["companies.*.name", companies.map((company) => company.name)],
    ["companies.*.account", companies.map((company) => company.account)],
    ["companies.*.nodes.*.name", nodes.map((node) => node.name)],
    ["companies.*.nodes.*.ip", nodes.map((node) => `${node.ip}:${node.port}`)],
    ["companies.*.nodes.*.request", nodes.flatMap((node) => node.request ?? [])],
    ["companies.*.plants.*.name", plants.map((plant) => plant.name)],
    ["companies.*.plants.*.peer", plants.map(({ peer }) => `${peer.ip}:${peer.port}`)],
    ["companies.*.plants.*.relay", plants.flatMap((plant) => plant.relay)],
  ];
}

function refuse(file: string, setting: string, expected: string): AnamnesisError {
  return new AnamnesisError("config.invalid", `${file}: ${setting}: ${expected}`);
}
