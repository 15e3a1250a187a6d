/** Where the consortium is and who speaks: from the plant's configuration, or by options without a plant. */
import { join, resolve } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createHasher, type Domain } from "@anamnesis/sdk/core/typed-data";
import type { Address, Hex } from "@anamnesis/sdk/core/types";
import { createMemberAccount } from "../../adapters/chain/account.ts";
import { connectRemoteSigner } from "../../adapters/chain/account-remote.ts";
import { type AccountSigner, createKeySigner } from "../../adapters/chain/account-signer.ts";
import { createGovernance, type Governance } from "../../adapters/chain/governance.ts";
import { createRpc, type Rpc } from "../../adapters/chain/rpc.ts";
import { verifyChain } from "../../adapters/chain/verify.ts";
import { readKeystore } from "../../adapters/keys/keystore.ts";
import { ACCOUNT_PASSWORD } from "../../adapters/keys/password.ts";
import { type Config, readConfig } from "../../config.ts";
import { readConsortium } from "../../plant.ts";
import { locate } from "../locate.ts";
import { pairs } from "../output.ts";
import type { Globals, Result } from "../program.ts";
import { parseChecked } from "./admin-actions.ts";

/** The options that every command below `admin` takes. */
export interface AdminOptions extends Globals {
  readonly chain?: string;
  readonly consortium?: string;
  readonly registry?: string;
  readonly keystore?: string;
  readonly passwordFile?: string;
  readonly signer?: string;
  readonly account?: string;
  readonly print?: true;
}

/** A consortium's chain, read and checked. */
export interface AdminPlace {
  readonly governance: Governance;
  readonly domain: Domain;
  readonly rpc: Rpc;
  /** The plant's, when a plant is meant. */
  readonly config: Config | undefined;
  readonly options: AdminOptions;
}

const CALL_TIMEOUT_MS = 10_000;

/** Opens the chain, runs, closes. Throws `config.invalid` naming the option, `chain.unreachable`, `chain.mismatch`. */
export async function withPlace<T>(
  options: AdminOptions,
  run: (place: AdminPlace) => Promise<T>,
): Promise<T> {
  const config = plantOf(options);
  const file = options.consortium === undefined ? config?.chain.consortium : resolve(options.consortium);
  // A registry by its address alone is taken at the chain's word.
  const consortium = options.registry === undefined && file !== undefined ? readConsortium(file) : undefined;
  const urls =
    options.chain === undefined ? (config?.chain.urls ?? []) : [parseUrl(options.chain, "--chain")];
  const registry = consortium?.registry ?? parseChecked(options.registry ?? "", "--registry");
  const rpc = createRpc(
    urls,
    CALL_TIMEOUT_MS,
    consortium === undefined ? {} : { verify: (ask) => verifyChain(ask, consortium, false) },
  );
  try {
    const chainId = consortium?.chainId ?? Number(await rpc.call("eth_chainId", []));
    const governance = createGovernance(rpc, registry);
    return await run({
      governance,
      domain: { chainId, verifyingContract: registry },
      rpc,
      config,
      options,
    });
  } finally {
    rpc.close();
  }
}

/** The plant's configuration; none is needed when the options say where everything is. */
function plantOf(options: AdminOptions): Config | undefined {
  const isComplete = options.chain !== undefined && (options.consortium ?? options.registry) !== undefined;
  if (isComplete && options.plant === undefined) return undefined;
  const { directory } = locate({ ...options, url: undefined });
  return readConfig(join(directory as string, "plant.yaml"));
}

/** Who speaks for the member: something that signs, or a contract whose calls are printed. */
export type Speaker =
  | { readonly how: "send"; readonly address: Address; readonly signer: AccountSigner }
  | { readonly how: "print"; readonly address: Address | undefined };

/**
 * The member account that the options name, or the plant's configuration.
 *
 * @throws AnamnesisError `config.invalid` | `keystore.*` | `signer.*`
 */
export async function openSpeaker({ options, config, domain }: AdminPlace): Promise<Speaker> {
  const isGiven = (options.keystore ?? options.signer ?? options.account) !== undefined;
  const {
    keystore,
    signer: url,
    account: named,
  } = isGiven ? options : { keystore: undefined, signer: undefined, account: undefined, ...config?.member };
  const account = named === undefined ? undefined : parseChecked(named, "--account");
  if (options.print === true || (keystore === undefined && url === undefined && account !== undefined))
    return { how: "print", address: account };
  if (keystore !== undefined && url !== undefined)
    throw new AnamnesisError("config.invalid", "--keystore and --signer are given; give one of them");
  if (url !== undefined) {
    if (account === undefined)
      throw new AnamnesisError(
        "config.invalid",
        "--account is missing; name the account that the signer holds",
      );
    const signer = await connectRemoteSigner({ url: parseUrl(url, "--signer"), account, domain });
    return { how: "send", address: account, signer };
  }
  if (keystore === undefined)
    throw new AnamnesisError(
      "config.invalid",
      "no member account is given; add --keystore FILE, or --signer URL --account ADDRESS, or --print for a multisig",
    );
  const password = {
    file: options.passwordFile ?? (isGiven ? undefined : config?.member?.passwordFile),
    variable: ACCOUNT_PASSWORD,
    setting: "--password-file",
  };
  const words = { setting: "--keystore", advice: "give the member account's keystore" };
  const signer = createKeySigner(
    await readKeystore(resolve(keystore), password, words),
    createHasher(domain),
  );
  if (account !== undefined && account !== signer.address)
    throw new AnamnesisError(
      "config.invalid",
      `--account is ${account} and the keystore ${keystore} holds ${signer.address}; leave --account out`,
    );
  return { how: "send", address: signer.address, signer };
}

/** A call of the member account, in words. */
export interface Deed {
  readonly to: Address;
  readonly data: Hex;
  /** What it does: `vote for proposal 3: suspend member 2`. */
  readonly words: string;
}

/**
 * Sends a call, or prints it for a contract. A contract's call is tried out first when its address is known.
 *
 * @param after what else to say once it is done
 */
export async function perform(
  { rpc, domain }: AdminPlace,
  speaker: Speaker,
  { to, data, words }: Deed,
  after: (block: number) => Promise<Partial<Result>> | Partial<Result> = () => ({}),
): Promise<Result> {
  if (speaker.how === "print") return printCall(rpc, speaker.address, { to, data, words });
  const account = createMemberAccount(rpc, speaker.signer, { chainId: domain.chainId });
  const { block, hash } = await account.send(to, data);
  const more = await after(block);
  return {
    json: { done: words, block, transaction: hash, ...(more.json as object | undefined) },
    raw: more.raw ?? [hash],
    human: (style) =>
      [`${style.good("Done")} in block ${block}: ${words}.`, more.human?.(style) ?? ""].join("\n").trimEnd(),
  };
}

async function printCall(rpc: Rpc, from: Address | undefined, { to, data, words }: Deed): Promise<Result> {
  if (from !== undefined) await rpc.call("eth_call", [{ from, to, data }, "latest"]);
  const call = { ...(from !== undefined && { from }), to, value: "0", data };
  return {
    json: { does: words, call },
    raw: [to, data],
    human: (style) =>
      [
        `Nothing was sent. Submit this call through ${from ?? "the member account"}:`,
        "",
        pairs(
          [
            ["does", words],
            ["to", to],
            ["value", "0"],
            ["data", data],
          ],
          style,
        ),
      ].join("\n"),
  };
}

function parseUrl(text: string, option: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new AnamnesisError("config.invalid", `${option} "${text}" is no URL; write it as http://host:port`);
}
