/** Settings of a chain that will hurt a consortium, each with what to do. */
import type { Address } from "@anamnesis/sdk/core/types";
import type { Header } from "@anamnesis/sdk/evidence/header";
import type { Rpc } from "../../adapters/chain/rpc.ts";
import { ask, askText, type RpcBlock } from "./look.ts";

/** What one check found. `warning` is what will hurt some day, `failed` what does today. */
export interface Finding {
  readonly check: string;
  readonly result: "passed" | "warning" | "failed";
  readonly detail: string;
}

/** What the checks of settings look at. */
export interface Looked {
  readonly rpc: Rpc;
  /** Consecutive, the newest last; two at least. */
  readonly blocks: readonly RpcBlock[];
  readonly headers: readonly Header[];
  /** Who sealed each header; empty lists where nobody does. */
  readonly sealedBy: readonly (readonly Address[])[];
  readonly contract?: Address;
}

/** Blocks of a page of events that the indexer asks for. */
const PAGE_BLOCKS = 2_000;
/** A batch of 100 stances at their dearest. */
const LEAST_GAS_LIMIT = 10_000_000;
/** A round that ends in a block within one period is the rule; more of them than this say that something is slow. */
const MANY_ROUNDS = 0.2;
const OLDEST_BESU = [26, 7, 1] as const;

/** Looks at everything that is not simply right or wrong. */
export async function checkSettings(looked: Looked): Promise<Finding[]> {
  const fromChain = await Promise.all([
    checkEngine(looked),
    checkPeers(looked),
    checkFees(looked),
    checkTimeout(looked),
    checkPages(looked),
    checkHistory(looked),
  ]);
  return [...fromChain, checkPeriod(looked), checkGasLimit(looked), ...checkValidators(looked)];
}

async function checkEngine({ rpc }: Looked): Promise<Finding> {
  const version = (await askText(rpc, "web3_clientVersion")) ?? "it does not tell its version";
  const found = /^besu\/v?(\d+)\.(\d+)\.(\d+)/i.exec(version);
  if (found === null)
    return warning(
      "engine",
      `${version}; Besu ${OLDEST_BESU.join(".")} or newer is what a consortium runs on, others are for tests`,
    );
  const isOld = compare(found.slice(1).map(Number), OLDEST_BESU) < 0;
  return isOld
    ? warning("engine", `${version} is older than ${OLDEST_BESU.join(".")}: upgrade`)
    : passed("engine", version);
}

async function checkPeers({ rpc }: Looked): Promise<Finding> {
  const count = Number((await ask(rpc, "net_peerCount")) ?? Number.NaN);
  if (Number.isNaN(count)) return warning("peers", "net_peerCount is not answered: enable the NET API");
  return count === 0
    ? warning("peers", "no peer: look at static-nodes.json, permissions.toml and the firewall")
    : passed("peers", `${count} connected`);
}

async function checkFees({ rpc, blocks }: Looked): Promise<Finding> {
  const base = Number(blocks.at(-1)?.baseFeePerGas ?? 0);
  const price = Number((await ask(rpc, "eth_gasPrice")) ?? 0);
  if (base > 0)
    return warning(
      "fees",
      `the base fee is ${base} wei: set zeroBaseFee in the genesis, or every relay account has to be kept in money`,
    );
  if (price > 0)
    return warning(
      "fees",
      `the gas price is ${price} wei: set min-gas-price=0, or every relay account has to be kept in money`,
    );
  return passed("fees", "gas costs nothing");
}

async function checkTimeout({ rpc, blocks }: Looked): Promise<Finding> {
  const answer = await ask(rpc, "qbft_getRequestTimeoutSeconds");
  const timeout = typeof answer === "string" || typeof answer === "number" ? Number(answer) : Number.NaN;
  if (Number.isNaN(timeout))
    return warning(
      "request timeout",
      "this engine does not tell it; see that requesttimeoutseconds in the genesis is at least twice the period",
    );
  const period = periodOf(blocks);
  return timeout < 2 * period
    ? warning(
        "request timeout",
        `${timeout} s with a block every ${period} s: rounds may never end after an outage; set at least ${2 * period}`,
      )
    : passed("request timeout", `${timeout} s with a block every ${period} s`);
}

async function checkPages({ rpc, blocks, contract }: Looked): Promise<Finding> {
  const to = Number(blocks.at(-1)?.number ?? 0);
  const from = Math.max(0, to - PAGE_BLOCKS + 1);
  const filter = {
    address: contract ?? `0x${"0".repeat(39)}1`,
    fromBlock: `0x${from.toString(16)}`,
    toBlock: `0x${to.toString(16)}`,
  };
  const logs = await ask(rpc, "eth_getLogs", [filter]);
  return Array.isArray(logs)
    ? passed("log range", `${to - from + 1} blocks in one page`)
    : warning(
        "log range",
        `${to - from + 1} blocks in one page are refused: set rpc-max-logs-range to ${PAGE_BLOCKS} or more`,
      );
}

async function checkHistory({ rpc, blocks, contract }: Looked): Promise<Finding> {
  const head = Number(blocks.at(-1)?.number ?? 0);
  const old = Math.max(1, head - 1_000);
  const account = contract ?? `0x${"0".repeat(39)}1`;
  const proof = await ask(rpc, "eth_getProof", [account, [], `0x${old.toString(16)}`]);
  if (proof !== undefined && proof !== null)
    return passed("history", `proofs at block ${old}, ${head - old} blocks ago`);
  return warning(
    "history",
    `no proof at block ${old}, ${head - old} blocks ago: nodes archive their own; keep FOREST on two nodes`,
  );
}

function checkPeriod({ blocks }: Looked): Finding {
  const period = periodOf(blocks);
  if (period > 10)
    return warning(
      "period",
      `a block every ${period} s: stances are recorded late; 2 s with emptyblockperiodseconds 60 is usual`,
    );
  return passed("period", `a block every ${period} s`);
}

function checkGasLimit({ blocks }: Looked): Finding {
  const limit = Number(blocks.at(-1)?.gasLimit ?? 0);
  return limit < LEAST_GAS_LIMIT
    ? warning(
        "gas limit",
        `${limit}: a batch of 100 stances may not fit into a block; set at least ${LEAST_GAS_LIMIT}`,
      )
    : passed("gas limit", String(limit));
}

function checkValidators({ headers, sealedBy }: Looked): Finding[] {
  const validators = headers.at(-1)?.qbft?.validators ?? [];
  if (validators.length === 0) return [];
  const mayFail = Math.floor((validators.length - 1) / 3);
  const rounds = headers.filter(({ qbft }) => (qbft?.round ?? 0) > 0).length;
  const silent = validators.filter((address) => !sealedBy.some((signers) => signers.includes(address)));
  return [
    mayFail === 0 || validators.length !== 3 * mayFail + 1
      ? warning(
          "validators",
          `${validators.length}: ${mayFail} may fail; 4, 7 or 10 are the sizes that use each one`,
        )
      : passed("validators", `${validators.length}, of which ${mayFail} may fail`),
    silent.length === 0
      ? passed("attendance", `all sealed among the last ${headers.length} blocks`)
      : warning(
          "attendance",
          `${silent.join(", ")} sealed none of the last ${headers.length} blocks: ${mayFail - silent.length < 0 ? "the chain is about to stop" : `${mayFail - silent.length} more may fail`}`,
        ),
    rounds > MANY_ROUNDS * headers.length
      ? warning(
          "rounds",
          `${rounds} of the last ${headers.length} blocks took more than one round: a validator is down or slow, or the timeout is too short`,
        )
      : passed("rounds", `${rounds} of the last ${headers.length} blocks took more than one`),
  ];
}

/** Median seconds between two blocks. */
export function periodOf(blocks: readonly RpcBlock[]): number {
  const times = blocks.map(({ timestamp }) => Number(timestamp));
  const gaps = times
    .slice(1)
    .map((time, i) => time - (times[i] as number))
    .sort((a, b) => a - b);
  return gaps[Math.floor(gaps.length / 2)] ?? 0;
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = b.findIndex((value, i) => value !== a[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] as number);
}

/** A check that is content. */
export function passed(check: string, detail: string): Finding {
  return { check, result: "passed", detail };
}

/** A check that found what will hurt. */
export function warning(check: string, detail: string): Finding {
  return { check, result: "warning", detail };
}

/** A check that found what is wrong. */
export function failed(check: string, detail: string): Finding {
  return { check, result: "failed", detail };
}
