import { AnamnesisError } from "../core/errors.ts";
import type { PublishTools } from "./publish.ts";
import type { Connection, Fetch } from "./request.ts";
import { DEFAULT_RETRY, type RetryPolicy, strongRandom, wait } from "./retry.ts";

/** Where the node is and what may be put in place of the platform's parts. */
export interface ClientOptions {
  /** The node's address, as `http://127.0.0.1:8801`. */
  readonly url: string;
  /** A bearer token; commands and publishing always need one. */
  readonly token?: string;
  readonly fetch?: Fetch;
  /** The most one answer may take, ms. */
  readonly timeoutMs?: number;
  readonly retry?: Partial<RetryPolicy>;
  /** A number in [0, 1) for jitter. */
  readonly random?: () => number;
  readonly wait?: typeof wait;
}

/** The connection that the options mean; opens nothing. @throws AnamnesisError `input.invalid` */
export function connectionOf(options: ClientOptions): Connection {
  return {
    url: parseUrl(options.url),
    token: options.token,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    timeoutMs: options.timeoutMs ?? 30_000,
  };
}

/** What retries need. */
export function toolsOf(options: ClientOptions): PublishTools {
  return {
    retry: { ...DEFAULT_RETRY, ...options.retry },
    random: options.random ?? strongRandom,
    wait: options.wait ?? wait,
  };
}

function parseUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new AnamnesisError(
      "input.invalid",
      `url is ${text}; give the node's address as http://127.0.0.1:8801`,
    );
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}
