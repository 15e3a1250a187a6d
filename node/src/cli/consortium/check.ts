import { readFileSync } from "node:fs";
import { fromHex, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError, isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { keccak256 } from "@anamnesis/sdk/core/hash";
import { addressSchema } from "@anamnesis/sdk/core/schema";
import type { Address, Bytes32 } from "@anamnesis/sdk/core/types";
import type { Header } from "@anamnesis/sdk/evidence/header";
import { followSeals } from "@anamnesis/sdk/evidence/seals";
import { parseTrust } from "@anamnesis/sdk/evidence/trust";
import type { Trust } from "@anamnesis/sdk/evidence/types";
import { z } from "zod";
import { createRpc, type Rpc } from "../../adapters/chain/rpc.ts";
import { CONTRACTS } from "../../adapters/chain/verify.ts";
import { sendCanary } from "./canary.ts";
import { askText, headerOf, type RpcBlock, readBlocks } from "./look.ts";
import { checkSettings, type Finding, failed, passed } from "./settings.ts";

/** Options of `consortium check`. */
export interface CheckOptions {
  readonly urls: readonly string[];
  /** What consortium.json says, when it is given. */
  readonly consortium?: ExpectedConsortium;
  /** When it is given, the seals have to be by its validators. */
  readonly trust?: Trust;
  /** 32 bytes: the account that sends the canary. */
  readonly key: Uint8Array;
  /** How long it may take to be mined, ms. */
  readonly waitMs: number;
  /** Newest blocks that are looked at; 20 by default, 2 at least. */
  readonly blocks?: number;
}

/** What one address was found to be. */
export interface Report {
  readonly url: string;
  readonly findings: readonly Finding[];
}

const BLOCKS = 20;
const TIMEOUT_MS = 10_000;

const bytes32 = z.string().regex(/^0x[0-9a-f]{64}$/, "expected 32 bytes of hexadecimal");
const consortiumSchema = z.object({
  chainId: z.int(),
  genesisHash: bytes32,
  registry: addressSchema,
  memory: addressSchema,
  governor: addressSchema,
  codeHashes: z.object({ registry: bytes32, memory: bytes32, governor: bytes32 }),
});

/** The part of consortium.json that a chain is held against. */
export type ExpectedConsortium = z.infer<typeof consortiumSchema>;

/** Reads consortium.json. Throws `config.invalid`. */
export function readExpected(file: string): ExpectedConsortium {
  const parsed = consortiumSchema.safeParse(readJson(file, "--consortium"));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new AnamnesisError(
    "config.invalid",
    `--consortium ${file}: ${issue?.path.join(".") || "the file"}: ${issue?.message}`,
  );
}

/** Reads trust.json. Throws `config.invalid` | `evidence.trust`. */
export function readTrust(file: string): Trust {
  return parseTrust(JSON.stringify(readJson(file, "--trust")));
}

function readJson(file: string, option: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new AnamnesisError("config.invalid", `${option} ${file} cannot be read as JSON`, { cause });
  }
}

/** Checks every address on its own, and that they are one chain. */
export async function checkChain(options: CheckOptions): Promise<readonly Report[]> {
  const reports: Report[] = [];
  let genesis = options.consortium?.genesisHash ?? options.trust?.genesisHash;
  for (const url of options.urls) {
    const rpc = createRpc([url], TIMEOUT_MS);
    try {
      const own = String(((await readBlocks(rpc, 0, 0))[0] as { hash: string }).hash);
      genesis ??= own as Bytes32;
      reports.push({ url, findings: await checkOne(rpc, options, own, genesis) });
    } catch (error) {
      if (!isAnamnesisError(error)) throw error;
      reports.push({ url, findings: [failed("answers", error.message)] });
    } finally {
      rpc.close();
    }
  }
  return reports;
}

async function checkOne(
  rpc: Rpc,
  options: CheckOptions,
  genesis: string,
  expected: string,
): Promise<Finding[]> {
  const chainId = Number(await rpc.call("eth_chainId", []));
  const wanted = options.consortium?.chainId ?? options.trust?.chainId;
  const findings: Finding[] = [];
  if (wanted !== undefined && chainId !== wanted)
    return [failed("chain", `chain id ${chainId}, and the consortium's is ${wanted}`)];
  if (genesis !== expected)
    return [failed("chain", `genesis ${genesis}, and the consortium's is ${expected}`)];
  findings.push(passed("chain", `chain id ${chainId}, genesis ${genesis}`));
  findings.push(await checkCanary(rpc, options));
  const head = Number(await rpc.call("eth_blockNumber", []));
  if (head < 2)
    return [...findings, failed("seals", `the chain has ${head} blocks: it has not begun to seal`)];
  const blocks = await readBlocks(rpc, Math.max(1, head - (options.blocks ?? BLOCKS) + 1), head);
  const seals = checkSeals(blocks, options.trust);
  findings.push(seals.finding);
  if (options.consortium !== undefined) findings.push(...(await checkCode(rpc, options.consortium)));
  const contract = options.consortium?.registry as Address | undefined;
  const looked = { rpc, blocks, headers: seals.headers, sealedBy: seals.sealedBy };
  findings.push(...(await checkSettings(contract === undefined ? looked : { ...looked, contract })));
  return findings;
}

async function checkCanary(rpc: Rpc, { key, waitMs }: CheckOptions): Promise<Finding> {
  try {
    const { block, tookMs } = await sendCanary(rpc, key, waitMs);
    return passed("canary", `a transaction was in block ${block} after ${tookMs} ms`);
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    return failed("canary", error.message);
  }
}

interface Seals {
  readonly finding: Finding;
  readonly headers: readonly Header[];
  readonly sealedBy: readonly (readonly Address[])[];
}

/** Every header follows the one before, and ceil(2n/3) of the validators sealed each. */
function checkSeals(blocks: readonly RpcBlock[], trust: Trust | undefined): Seals {
  let headers: readonly Header[] = [];
  try {
    headers = blocks.map(headerOf);
    const named = headers[0]?.qbft?.validators;
    if (named === undefined)
      return {
        finding: failed(
          "seals",
          `block ${headers[0]?.number} is unsealed: a development chain, of which an auditor can verify nothing`,
        ),
        headers,
        sealedBy: headers.map(() => []),
      };
    const believed = trust ?? { validators: [{ block: 0, addresses: named }] };
    const facts = followSeals(
      headers,
      { ...believed, allowUnsealed: false },
      (i) => `block ${headers[i]?.number}`,
    );
    const least = Math.min(...facts.map(({ sealedBy }) => sealedBy.length));
    const who =
      trust === undefined ? "those the chain names: give --trust to hold them against yours" : "trusted ones";
    const detail = `blocks ${facts[0]?.number} to ${facts.at(-1)?.number} follow each other, each sealed by at least ${least} of ${named.length} validators, ${who}`;
    return { finding: passed("seals", detail), headers, sealedBy: facts.map(({ sealedBy }) => sealedBy) };
  } catch (error) {
    if (!isAnamnesisError(error)) throw error;
    return { finding: failed("seals", error.message), headers, sealedBy: headers.map(() => []) };
  }
}

async function checkCode(rpc: Rpc, expected: ExpectedConsortium): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const name of CONTRACTS) {
    const [address, hash] = [expected[name], expected.codeHashes[name]];
    const code = fromHex((await askText(rpc, "eth_getCode", [address, "latest"])) ?? "0x");
    const found = toHex(keccak256(code));
    if (code.length === 0) findings.push(failed(`${name} code`, `no contract at ${address}`));
    else if (found !== hash)
      findings.push(
        failed(`${name} code`, `code at ${address} has hash ${found}, and consortium.json says ${hash}`),
      );
    else findings.push(passed(`${name} code`, `${code.length} bytes at ${address}, as in consortium.json`));
  }
  return findings;
}
