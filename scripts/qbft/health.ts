/** How a network of validators is, as one who would stop one of them has to know. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createRpc } from "../../node/src/adapters/chain/rpc.ts";
import { headerOf, readBlocks } from "../../node/src/cli/consortium/look.ts";
import { callRpc } from "../consortium/rpc.ts";
import type { Validator } from "./network.ts";

const ANSWER_MS = 5_000;

/**
 * Whether every validator runs, is linked to every other and proposed one of the last blocks when it was
 * its turn; otherwise what is missing, in words.
 *
 * A validator that was started again answers long before it takes part: with few peers the engine looks every
 * ten seconds whether it is behind, dials again after 35, and learns the others' round when theirs ends.
 * Stop another one before that, and fewer than ceil(2n/3) are left.
 */
export async function isWhole(validators: readonly Validator[]): Promise<true | string> {
  const states = await Promise.all(validators.map(stateOf));
  const others = validators.length - 1;
  const heights = states.map((state) => state?.height ?? 0);
  const lagging = states.findIndex(
    (state) => state === undefined || state.links < others || state.height < Math.max(...heights) - 1,
  );
  if (lagging >= 0) return `validator ${lagging + 1} of ${told(states)}`;
  const head = Math.max(...heights);
  const from = head - others;
  if (from < 1) return `only ${head} blocks`;
  const rpc = createRpc([validators[heights.indexOf(head)]?.url as string], ANSWER_MS);
  const headers = await readBlocks(rpc, from, head).finally(() => rpc.close());
  const rounds = headers.map((block) => headerOf(block).qbft);
  const proposers = new Set(rounds.map((qbft) => qbft?.proposer));
  const isOrderly = proposers.size === validators.length && rounds.every((qbft) => qbft?.round === 0);
  return (
    isOrderly || `blocks ${from} to ${head} are of rounds ${rounds.map((qbft) => qbft?.round).join(", ")}`
  );
}

/** Heights, links and, as its log has it, the round of each validator: for a report of what went wrong. */
export async function tellHealth(validators: readonly Validator[]): Promise<string> {
  const [states, rounds] = await Promise.all([
    Promise.all(validators.map(stateOf)),
    Promise.all(validators.map(roundOf)),
  ]);
  return `${told(states)}; ${rounds.map((round, i) => `${i + 1}: ${round}`).join(", ")}`;
}

interface State {
  readonly height: number;
  readonly links: number;
}

/** Undefined while it does not answer. */
async function stateOf({ url, pid }: Validator): Promise<State | undefined> {
  if (pid() === undefined) return undefined;
  const asked = ["eth_blockNumber", "net_peerCount"].map((method) => callRpc(url, method, [], ANSWER_MS));
  const answers = await Promise.all(asked).catch(() => undefined);
  if (answers === undefined) return undefined;
  const [height, links] = answers.map(Number) as [number, number];
  return { height, links };
}

function told(states: readonly (State | undefined)[]): string {
  return states
    .map((state, i) => `${i + 1}: ${state ? `block ${state.height}, ${state.links} links` : "no answer"}`)
    .join(", ");
}

async function roundOf({ directory }: Validator): Promise<string> {
  const log = await readFile(join(directory, "geth.log"), "utf8").catch(() => "");
  const last = [...log.matchAll(/next\.round=(\d+) next\.seq=(\d+)/g)].at(-1);
  return last ? `round ${last[1]} of block ${last[2]}` : "no round yet";
}
