import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey, signDigest } from "@anamnesis/sdk/core/signature";
import { createHasher, type Domain } from "@anamnesis/sdk/core/typed-data";
import type { Address, Signature } from "@anamnesis/sdk/core/types";
import { getAddress } from "ethers";
import { readKeystore, readKeystoreAddress, writeKeystore } from "../../adapters/keys/keystore.ts";
import { makePrivateKey } from "../../adapters/keys/make-key.ts";
import { NODE_PASSWORD, type PasswordSource, readPassword } from "../../adapters/keys/password.ts";
import { type Config, readConfig } from "../../config.ts";
import { readConsortium } from "../../plant.ts";
import { locate, type Where } from "../locate.ts";
import { pairs } from "../output.ts";
import type { Result } from "../program.ts";
import { parseChecked } from "./admin-actions.ts";

/**
 * Gives the plant's node a new key under the same password. The old keystore is kept beside it, under its
 * address: what it signed is in the feeds for ever, and nothing else needs it.
 *
 * @throws AnamnesisError `config.invalid` | `keystore.*` | `api.conflict` while the node runs
 */
export async function rekeyNode(where: Where): Promise<Result> {
  const config = configOf(where);
  requireStopped(config);
  const { path } = config.keystore;
  const password = readPassword(passwordOf(config));
  const old = existsSync(path) ? readKeystoreAddress(path) : undefined;
  const kept = old === undefined ? undefined : `${path}.${old.slice(0, 10)}.old`;
  if (kept !== undefined && existsSync(kept))
    throw new AnamnesisError("api.conflict", `${kept} exists already; move it away first`);
  const key = makePrivateKey();
  // The new one is on the disk before the old one moves.
  writeKeystore(`${path}.new`, key, password);
  if (kept !== undefined) renameSync(path, kept);
  renameSync(`${path}.new`, path);
  const address = addressOfPrivateKey(key);
  return {
    json: { key: address, keystore: path, old: old ?? null, kept: kept ?? null },
    raw: [address],
    human: (style) =>
      [
        pairs(
          [
            ["new key", getAddress(address)],
            ["old key", old === undefined ? "none" : `${getAddress(old)}, kept in ${kept}`],
          ],
          style,
        ),
        "",
        "Next: let the member account add it: anamnesis admin keys add; then start the node.",
      ].join("\n"),
  };
}

/** The node key's word that a member account may add it: for `admin keys add --proof`. */
export async function showProof(where: Where, account: string): Promise<Result> {
  const config = configOf(where);
  const { chainId, registry } = readConsortium(config.chain.consortium);
  const member = parseChecked(account, "--account");
  const proof = await signPossession(config, { chainId, verifyingContract: registry }, member);
  const key = readKeystoreAddress(config.keystore.path);
  return {
    json: { key, account: member, proof },
    raw: [proof],
    human: (style) =>
      [
        pairs(
          [
            ["key", getAddress(key)],
            ["account", getAddress(member)],
            ["proof", proof],
          ],
          style,
        ),
        "",
        "It is good for this account only, and no secret. Where the member account is:",
        style.soft(`  anamnesis admin keys add ${getAddress(key)} --proof ${proof}`),
      ].join("\n"),
  };
}

/** Signs with the plant's node key that a member account may add it. */
export async function signPossession(config: Config, domain: Domain, account: Address): Promise<Signature> {
  const privateKey = await readKeystore(config.keystore.path, passwordOf(config));
  return signDigest(createHasher(domain).possession(account), privateKey);
}

function configOf(where: Where): Config {
  const { directory } = locate({ ...where, url: undefined });
  return readConfig(join(directory as string, "plant.yaml"));
}

function passwordOf(config: Config): PasswordSource {
  return { file: config.keystore.passwordFile, variable: NODE_PASSWORD, setting: "keystore.passwordFile" };
}

/** A running node signs with the key it opened. */
function requireStopped({ directory }: Config): void {
  const file = join(directory, "run.json");
  if (!existsSync(file)) return;
  let pid: number | undefined;
  try {
    ({ pid } = JSON.parse(readFileSync(file, "utf8")) as { pid?: number });
    if (pid !== undefined) process.kill(pid, 0);
  } catch {
    return; // left behind by a node that was killed
  }
  throw new AnamnesisError(
    "api.conflict",
    `the node of ${directory} is running (process ${pid}); stop it first`,
  );
}
