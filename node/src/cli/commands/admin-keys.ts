import { parseSignature } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { isKeyActiveAt } from "@anamnesis/sdk/core/key-activity";
import { recoverSigner } from "@anamnesis/sdk/core/signature";
import { createHasher } from "@anamnesis/sdk/core/typed-data";
import type { Address, Hex, Signature } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import { REGISTRY } from "../../adapters/chain/abi.ts";
import type { Governance, KeyFacts, MemberFacts } from "../../adapters/chain/governance.ts";
import { readKeystoreAddress } from "../../adapters/keys/keystore.ts";
import { table } from "../output.ts";
import type { Result } from "../program.ts";
import { parseChecked } from "./admin-actions.ts";
import { memberWith, numberOf } from "./admin-members.ts";
import { type AdminPlace, openSpeaker, perform, type Speaker } from "./admin-place.ts";
import { signPossession } from "./node-key.ts";

/** Every node key ever added, or one member's. */
export async function listKeys({ governance }: AdminPlace, member: number | undefined): Promise<Result> {
  const [members, all] = await Promise.all([governance.members(), governance.keys()]);
  if (member !== undefined && !members.some(({ number }) => number === member))
    throw new AnamnesisError(
      "api.notFound",
      `there is no member ${member}; members are 1 to ${members.length}`,
    );
  const keys = all.filter((key) => member === undefined || key.member === member);
  const stateOf = (key: KeyFacts): string => {
    if (key.revokedAtBlock !== undefined) return "revoked";
    const holder = members.find(({ number }) => number === key.member);
    return holder?.state === "active" ? "open" : `open, its member ${holder?.state ?? "unknown"}`;
  };
  return {
    json: { keys: keys.map((key) => ({ ...key, state: stateOf(key) })) },
    raw: keys.map(
      ({ key, member: number, revokedAtBlock }) => `${key} ${number} ${revokedAtBlock ?? "open"}`,
    ),
    human: (style) =>
      keys.length === 0
        ? "No node key was ever added."
        : table(
            ["KEY", "MEMBER", "STATE", "ADDED", "REVOKED", "ANCHORED"],
            keys.map((key) => [
              getAddress(key.key),
              String(key.member),
              stateOf(key),
              `block ${key.addedAtBlock}`,
              key.revokedAtBlock === undefined ? "" : `block ${key.revokedAtBlock}`,
              `${key.anchoredSize} entries`,
            ]),
            style,
          ),
  };
}

/** Was this key active at a block? 1 when it was not. Without a block: now. */
export async function showActive(
  { governance }: AdminPlace,
  text: string,
  asked: number | undefined,
): Promise<Result> {
  const address = parseChecked(text, "the key");
  const { number: head } = await governance.head();
  const block = asked ?? head;
  if (block > head)
    throw new AnamnesisError("config.invalid", `--block is ${block} and the chain is at ${head}; ask later`);
  const [key, said] = await Promise.all([governance.key(address), governance.isKeyActive(address, block)]);
  const active = isKeyActiveAt(key, block);
  if (active !== said)
    throw new AnamnesisError(
      "chain.mismatch",
      `the registry contradicts itself about key ${address} at ${block}`,
    );
  return {
    json: { key: address, block, active, member: null, addedAtBlock: null, revokedAtBlock: null, ...key },
    raw: [active ? "yes" : "no"],
    exit: active ? 0 : 1,
    human: (style) => {
      const answer = active ? style.good("Yes") : style.bad("No");
      if (key === undefined) return `${answer}: ${getAddress(address)} was never added.`;
      const end =
        key.revokedAtBlock === undefined ? "and is open" : `and revoked at block ${key.revokedAtBlock}`;
      return [
        `${answer}: ${getAddress(address)} ${active ? "was" : "was not"} active at block ${block}.`,
        `It was added for member ${key.member} at block ${key.addedAtBlock} ${end}.`,
        style.soft(
          "Whether the member counted then is another question: a suspended member's key stays open.",
        ),
      ].join("\n");
    },
  };
}

/** What proves that the key's holder wants it added, and by whom. */
export interface AddOptions {
  /** As `node proof` prints it. Without it the plant's own keystore signs. */
  readonly proof?: string;
}

/** Lets a node key speak for the member, at once. Without a key: the plant's own. */
export async function addKey(
  place: AdminPlace,
  text: string | undefined,
  { proof }: AddOptions,
): Promise<Result> {
  const { governance, config } = place;
  const own = config === undefined ? undefined : readKeystoreAddress(config.keystore.path);
  const key = text === undefined ? own : parseChecked(text, "the key");
  if (key === undefined)
    throw new AnamnesisError(
      "config.invalid",
      "no key is given; name it, or the plant that has it by --plant",
    );
  const [members, held, speaker] = await Promise.all([
    governance.members(),
    governance.key(key),
    openSpeaker(place),
  ]);
  if (held !== undefined) throw taken(held);
  const account = requireAddress(speaker);
  const member = numberOf(members, account);
  const possession = await possessionOf(place, key, account, own, proof);
  return perform(
    place,
    speaker,
    {
      to: governance.registry,
      data: REGISTRY.encodeFunctionData("addNodeKey", [key, possession]) as Hex,
      words: `add node key ${getAddress(key)} for member ${member}`,
    },
    (block) => ({
      json: { key, member, addedAtBlock: block },
      raw: [key],
      human: () => `From block ${block} on it speaks for member ${member}. The node may be started.`,
    }),
  );
}

/** Closes a node key of the member, at once and for ever. */
export async function revokeKey(place: AdminPlace, text: string): Promise<Result> {
  const { governance } = place;
  const key = parseChecked(text, "the key");
  const [members, held, speaker] = await Promise.all([
    governance.members(),
    governance.key(key),
    openSpeaker(place),
  ]);
  if (held === undefined)
    throw new AnamnesisError("api.notFound", `key ${key} was never added; see anamnesis admin keys list`);
  if (held.revokedAtBlock !== undefined)
    throw new AnamnesisError("api.conflict", `key ${key} is closed since block ${held.revokedAtBlock}`);
  requireHolder(members, held, speaker);
  return perform(
    place,
    speaker,
    {
      to: governance.registry,
      data: REGISTRY.encodeFunctionData("revokeNodeKey", [key]) as Hex,
      words: `revoke node key ${getAddress(key)} of member ${held.member}`,
    },
    (block) => revoked(governance, key, block),
  );
}

async function revoked(governance: Governance, key: Address, block: number): Promise<Partial<Result>> {
  const anchoredSize = (await governance.key(key))?.anchoredSize ?? 0;
  return {
    json: { key, revokedAtBlock: block, anchoredSize },
    raw: [String(block)],
    human: () =>
      `From block ${block} on nothing it signs counts. Its feed counts up to entry ${anchoredSize}, where it was anchored last.`,
  };
}

function taken({ key, member, revokedAtBlock }: KeyFacts): AnamnesisError {
  const why =
    revokedAtBlock === undefined
      ? `speaks for member ${member} already`
      : `was revoked at block ${revokedAtBlock}, and a revoked key never returns; make another: anamnesis node rekey`;
  return new AnamnesisError("api.conflict", `key ${key} ${why}`);
}

/** Even a removed member closes its own keys. */
function requireHolder(members: readonly MemberFacts[], { key, member }: KeyFacts, speaker: Speaker): void {
  const { address } = speaker;
  const holder = members.find(({ number }) => number === member);
  if (address === undefined || holder?.account === address) return;
  const own = memberWith(members, address);
  throw new AnamnesisError(
    "config.invalid",
    `key ${key} is of member ${member}, whose account is ${holder?.account}; ${address} is ${
      own === undefined ? "no member" : `member ${own.number}`
    }`,
  );
}

function requireAddress({ address }: Speaker): Address {
  if (address !== undefined) return address;
  throw new AnamnesisError(
    "config.invalid",
    "--account is missing; the proof of possession is made for one member account",
  );
}

async function possessionOf(
  { config, domain }: AdminPlace,
  key: Address,
  account: Address,
  own: Address | undefined,
  proof: string | undefined,
): Promise<Signature> {
  if (proof === undefined) {
    if (config !== undefined && own === key) return signPossession(config, domain, account);
    throw new AnamnesisError(
      "config.invalid",
      `--proof is missing; let key ${key} sign at its node: anamnesis node proof --account ${account}`,
    );
  }
  const signature = parseProof(proof);
  const signer = recoverSigner(createHasher(domain).possession(account), signature);
  if (signer === key) return signature;
  throw new AnamnesisError(
    "config.invalid",
    `--proof was not signed by key ${key} for account ${account}; make it again: anamnesis node proof --account ${account}`,
  );
}

function parseProof(text: string): Signature {
  try {
    return parseSignature(text);
  } catch (cause) {
    throw new AnamnesisError(
      "config.invalid",
      "--proof is no signature of 65 bytes as anamnesis node proof prints",
      {
        cause,
      },
    );
  }
}
