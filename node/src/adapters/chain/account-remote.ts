/**
 * A member account behind a signer that speaks web3signer's eth1 JSON-RPC: `eth_accounts`,
 * `eth_signTransaction`, `eth_signTypedData`. What comes back is decoded and compared with what was asked
 * before anything is done with it: a signer is trusted with a key, not with what it is used for.
 */
import { parseAddress, parseSignature, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import { CONFIGURATION_TYPE, createHasher, type Domain } from "@anamnesis/sdk/core/typed-data";
import type { Address, Bytes32, Hex } from "@anamnesis/sdk/core/types";
import { Transaction } from "ethers";
import type { AccountSigner, AccountTransaction } from "./account-signer.ts";
import { createTransport } from "./transport.ts";

export interface RemoteSignerOptions {
  /** Where it listens; a user and password in it are for HTTP and are not told to anybody. */
  readonly url: string;
  readonly account: Address;
  readonly domain: Domain;
  /** Ms for one request: somebody may have to approve it. Default 60,000. */
  readonly timeoutMs?: number;
}

/** A signed transaction of ours is a few kilobytes. */
const MAX_ANSWER = 1 << 20;

/**
 * Connects to a signer and makes sure that it holds the account.
 *
 * @throws AnamnesisError `signer.unreachable` | `signer.mismatch`
 */
export async function connectRemoteSigner(options: RemoteSignerOptions): Promise<AccountSigner> {
  const { account, domain } = options;
  const { name, call } = createClient(options);
  const accounts = await call("eth_accounts", []);
  const held = Array.isArray(accounts) ? accounts.map((each) => String(each).toLowerCase()) : [];
  if (!held.includes(account)) {
    const others = held.length === 0 ? "none" : held.slice(0, 5).join(", ");
    throw new AnamnesisError(
      "signer.mismatch",
      `the signer at ${name} does not hold account ${account} (it holds ${others}); load its key there or name another account`,
    );
  }

  return {
    address: account,
    async signTransaction(tx) {
      const result = await call("eth_signTransaction", [toRequest(account, tx)]);
      return requireAsked(name, account, tx, result);
    },
    async signConfiguration(digest) {
      // web3signer takes the structure as a text.
      const signed = await call("eth_signTypedData", [
        account,
        JSON.stringify(configurationData(domain, digest)),
      ]);
      const expected = createHasher(domain).configuration(digest);
      try {
        const signature = parseSignature(signed);
        if (recoverSigner(expected, signature) === account) return signature;
      } catch {
        // told below
      }
      throw mismatch(name, "a signature that is not this account's over the configuration");
    },
  };
}

function createClient({ url, timeoutMs = 60_000 }: RemoteSignerOptions) {
  const place = new URL(url);
  const name = `${place.protocol}//${place.host}${place.pathname === "/" ? "" : place.pathname}`;
  const call = async (method: string, params: readonly unknown[]): Promise<unknown> => {
    const transport = createTransport(timeoutMs);
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const fail = (why: string, cause?: unknown) =>
      new AnamnesisError("signer.unreachable", `the signer at ${name} did not answer ${method}: ${why}`, {
        cause,
      });
    try {
      const { status, text } = await transport.post(url, body).catch((cause: unknown) => {
        throw fail(cause instanceof Error ? cause.message : String(cause), cause);
      });
      const answer = text.length > MAX_ANSWER ? undefined : parseAnswer(text);
      if (answer?.error !== undefined) throw fail(`it says "${answer.error}"`);
      if (status !== 200) throw fail(`HTTP ${status}`);
      if (answer === undefined || answer.result === undefined)
        throw fail("what it sent is no JSON-RPC answer");
      return answer.result;
    } finally {
      transport.close();
    }
  };
  return { name, call };
}

/** The result of a JSON-RPC answer, or the words of its error. */
function parseAnswer(text: string): { result?: unknown; error?: string } | undefined {
  try {
    const value = JSON.parse(text) as { result?: unknown; error?: { message?: unknown } | null } | null;
    if (value === null || typeof value !== "object") return undefined;
    if (value.error === undefined || value.error === null) return { result: value.result };
    return { error: String(value.error.message).slice(0, 200) };
  } catch {
    return undefined;
  }
}

function toRequest(from: Address, tx: AccountTransaction): Record<string, string> {
  return {
    from,
    to: tx.to,
    gas: quantity(tx.gasLimit),
    gasPrice: quantity(tx.gasPrice),
    nonce: quantity(tx.nonce),
    value: "0x0",
    data: toHex(tx.data),
  };
}

/** The bytes to send, if they are exactly what was asked for. Some signers wrap them: `{ raw }`. */
function requireAsked(
  name: string,
  account: Address,
  tx: AccountTransaction,
  result: unknown,
): { raw: Hex; hash: Bytes32 } {
  const raw = typeof result === "string" ? result : (result as { raw?: unknown } | null)?.raw;
  let signed: Transaction;
  try {
    signed = Transaction.from(String(raw));
  } catch (cause) {
    throw mismatch(name, "what is no transaction", cause);
  }
  const fields: readonly (readonly [what: string, found: unknown, asked: unknown])[] = [
    ["type", signed.type, 0],
    ["chain id", signed.chainId, BigInt(tx.chainId)],
    ["destination", signed.to?.toLowerCase() ?? null, tx.to],
    ["data", signed.data, toHex(tx.data)],
    ["value", signed.value, 0n],
    ["nonce", signed.nonce, tx.nonce],
    ["gas limit", signed.gasLimit, BigInt(tx.gasLimit)],
    ["gas price", signed.gasPrice, BigInt(tx.gasPrice)],
    ["signer", signed.from === null ? null : parseAddress(signed.from), account],
  ];
  for (const [what, found, asked] of fields) {
    if (found === asked) continue;
    throw mismatch(name, `a transaction with the ${what} ${shorten(found)} instead of ${shorten(asked)}`);
  }
  return { raw: signed.serialized as Hex, hash: signed.hash as Bytes32 };
}

function mismatch(name: string, what: string, cause?: unknown): AnamnesisError {
  return new AnamnesisError(
    "signer.mismatch",
    `the signer at ${name} gave ${what}; nothing was sent; check the signer before you use it again`,
    { cause },
  );
}

/** What a member account signs over a plant's configuration, as wallets take it (EIP-712). */
export function configurationData({ chainId, verifyingContract }: Domain, digest: Bytes32) {
  const [, type = "", name = ""] = /\((\w+) (\w+)\)/.exec(CONFIGURATION_TYPE) ?? [];
  return {
    types: {
      EIP712Domain: [
        { name: "name", type: "string" },
        { name: "version", type: "string" },
        { name: "chainId", type: "uint256" },
        { name: "verifyingContract", type: "address" },
      ],
      Configuration: [{ name, type }],
    },
    primaryType: "Configuration",
    domain: { name: "Anamnesis", version: "1", chainId, verifyingContract },
    message: { [name]: digest },
  };
}

function quantity(value: number): string {
  return `0x${value.toString(16)}`;
}

function shorten(value: unknown): string {
  const text = String(value);
  return text.length <= 80 ? text : `${text.slice(0, 40)}… (${text.length} characters)`;
}
