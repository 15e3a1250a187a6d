import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import type { Result } from "../program.ts";
import {
  type ChainIdentity,
  identityOf,
  keyText,
  makeChainKey,
  readRequest,
  signRequest,
} from "./chain-key.ts";
import { planFiles } from "./files.ts";
import { type ConsortiumPlan, readPlan } from "./plan.ts";

/** Options of `consortium init`. */
export interface ConsortiumInitOptions {
  readonly config: string;
  readonly out: string;
}

/**
 * Writes what the companies of a plan need before the first block. Keys have mode 0600.
 *
 * @throws AnamnesisError `config.invalid`; a directory that holds anything is never touched
 */
export function initConsortium({ config, out }: ConsortiumInitOptions, nowMs: number): Result {
  const plan = readPlan(config);
  const directory = resolve(out);
  requireEmpty(directory, "--out");
  const keys = new Map<string, Uint8Array>();
  const identities = new Map<string, ChainIdentity>();
  for (const node of plan.companies.flatMap((company) => company.nodes)) {
    if (node.request !== undefined) {
      identities.set(node.name, readRequest(node.request, plan.name, node.name));
      continue;
    }
    const key = makeChainKey();
    keys.set(node.name, key);
    identities.set(node.name, identityOf(key));
  }
  requireDistinct(identities);
  const files = planFiles(plan, {
    keys,
    identities,
    deployerKey: makeChainKey(),
    blindingKey: new Uint8Array(randomBytes(32)),
    timestampSeconds: Math.floor(nowMs / 1000),
  });
  for (const { path, text, secret } of files) writeNew(join(directory, path), text, secret === true);
  return told(plan, directory, files, keys);
}

/** Options of `consortium request`. */
export interface ChainRequestOptions {
  readonly consortium: string;
  readonly node: string;
  readonly out: string;
}

/**
 * Makes a chain node's key, which stays, and the request for its listing, which is sent.
 *
 * @throws AnamnesisError `config.invalid`; an existing key or request is never touched
 */
export function requestChainNode({ consortium, node, out }: ChainRequestOptions): Result {
  for (const [option, value] of [
    ["--consortium", consortium],
    ["--node", node],
  ] as const) {
    if (!/^[a-z0-9][a-z0-9-]{0,31}$/.test(value))
      throw new AnamnesisError(
        "config.invalid",
        `${option} ${value}: expected a short name of a-z, 0-9 and -`,
      );
  }
  const directory = resolve(out);
  const keyFile = join(directory, "key");
  const requestFile = join(directory, `${node}.request.json`);
  for (const file of [keyFile, requestFile]) {
    if (existsSync(file))
      throw new AnamnesisError("config.invalid", `--out: ${file} exists and is left as it is`);
  }
  const key = makeChainKey();
  const request = signRequest(consortium, node, key);
  writeNew(keyFile, keyText(key), true);
  writeNew(requestFile, `${JSON.stringify(request, null, 2)}\n`, false);
  const { address } = identityOf(key);
  return {
    json: { node, address, key: keyFile, request: requestFile },
    raw: [requestFile],
    human: () =>
      `${keyFile} stays here (node ${node}, address ${address}).\nSend ${requestFile} to whoever writes consortium.yaml.`,
  };
}

/** Never over something that is there, and secrets never readable by others, not even for a moment. */
function writeNew(path: string, text: string, secret: boolean): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(path, text, { flag: "wx", mode: secret ? 0o600 : 0o644 });
}

function requireEmpty(directory: string, option: string): void {
  let held: readonly string[];
  try {
    held = existsSync(directory) ? readdirSync(directory) : [];
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${option} ${directory} is no directory`, { cause });
  }
  if (held.length > 0)
    throw new AnamnesisError(
      "config.invalid",
      `${option} ${directory} holds ${held[0]} and is left as it is; give a new directory`,
    );
}

function requireDistinct(identities: ReadonlyMap<string, ChainIdentity>): void {
  const owners = new Map<string, string>();
  for (const [node, { address }] of identities) {
    const other = owners.get(address);
    if (other !== undefined)
      throw new AnamnesisError(
        "config.invalid",
        `nodes ${other} and ${node} have one key; every node has its own`,
      );
    owners.set(address, node);
  }
}

function told(
  plan: ConsortiumPlan,
  directory: string,
  files: readonly { path: string }[],
  keys: ReadonlyMap<string, Uint8Array>,
): Result {
  const nodes = plan.companies.flatMap((company) => company.nodes);
  const validators = nodes.filter(({ validator }) => validator).length;
  return {
    json: {
      consortium: plan.name,
      directory,
      files: files.map(({ path }) => path),
      generatedKeys: [...keys.keys()],
    },
    raw: files.map(({ path }) => path),
    human: () =>
      [
        `${files.length} files in ${directory}: ${plan.companies.length} companies, ${nodes.length} chain nodes, ${validators} validators.`,
        ...(keys.size > 0
          ? [
              `Keys were made here for ${[...keys.keys()].join(", ")}: give each to its company over a channel you trust, then delete it.`,
            ]
          : []),
        "Give each company its folder. foundation/ stays with whoever founds the consortium.",
      ].join("\n"),
  };
}
