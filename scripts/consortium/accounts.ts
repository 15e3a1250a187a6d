/** The accounts of a local consortium as encrypted keystores (Web3 Secret Storage, version 3). */
import { scrypt as nodeScrypt, randomBytes } from "node:crypto";
import { chmod, mkdir, open as openFile, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, parseAddress, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import { decryptKeystoreJson, encryptKeystoreJson, scrypt } from "ethers";

/** An account that can sign transactions. */
export interface Account {
  readonly address: Address;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** Who does what in a local consortium. */
export interface ConsortiumAccounts {
  /** Deploys and has no power afterwards. */
  readonly deployer: Account;
  /** In the order of their member numbers, from 1. Together they are all the power there is. */
  readonly members: readonly Account[];
}

/** The password is 32 random bytes, so stretching adds nothing: a cheap work factor keeps the start fast. */
const SCRYPT_N = 2 ** 13;

let registered = false;

/**
 * Opens the accounts under `dir`, creating those that are missing.
 *
 * @throws AnamnesisError `keystore.password` | `keystore.missing`
 */
export async function openAccounts(dir: string, members: number): Promise<ConsortiumAccounts> {
  const names = Array.from({ length: members }, (_, i) => `member-${i + 1}`);
  const password = await openPassword(dir);
  const open = (name: string) => openAccount(dir, name, password);
  const [deployer, ...rest] = await Promise.all(["deployer", ...names].map(open));
  return { deployer: deployer as Account, members: rest };
}

/** Opens one keystore `name`.json under `dir`, or creates it with a new key. Throws `keystore.password`. */
export async function openAccount(dir: string, name: string, password: string): Promise<Account> {
  useNodeScrypt();
  const path = join(dir, `${name}.json`);
  const json = await readFile(path, "utf8").catch(() => undefined);
  if (json !== undefined) return decrypt(path, json, password);
  const key = new Uint8Array(randomBytes(32));
  const account = { address: addressOfPrivateKey(key), privateKey: toHex(key) };
  await writeSecret(path, await encryptKeystoreJson(account, password, { scrypt: { N: SCRYPT_N } }));
  return { address: account.address, key };
}

/** The password of the keystores under `dir`: a file of mode 0600, created with the first account. */
export async function openPassword(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const path = join(dir, "password");
  const held = await readFile(path, "utf8").catch(() => undefined);
  if (held !== undefined && held.trim() !== "") return held.trim();
  const password = randomBytes(32).toString("base64url");
  await writeSecret(path, `${password}\n`);
  return password;
}

async function decrypt(path: string, json: string, password: string): Promise<Account> {
  try {
    const { address, privateKey } = await decryptKeystoreJson(json, password);
    return { address: parseAddress(address), key: fromHex(privateKey) };
  } catch (cause) {
    const code = /password/i.test(String(cause)) ? "keystore.password" : "keystore.missing";
    const what = code === "keystore.password" ? "the password file does not open it" : "it is no keystore";
    throw new AnamnesisError(code, `keystore ${path}: ${what}; restore both from one backup`, { cause });
  }
}

/** Never readable by others, not even for a moment, and whole or absent. */
async function writeSecret(path: string, text: string): Promise<void> {
  const file = await openFile(`${path}.tmp`, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(`${path}.tmp`, 0o600);
  await rename(`${path}.tmp`, path);
}

/** ethers' own scrypt is JavaScript and takes seconds. */
function useNodeScrypt(): void {
  if (registered) return;
  registered = true;
  scrypt.register(async (password, salt, N, r, p, length) => {
    const key = await new Promise<Buffer>((resolve, reject) => {
      const options = { N, r, p, maxmem: 256 * N * r };
      nodeScrypt(password, salt, length, options, (error, bytes) =>
        error === null ? resolve(bytes) : reject(error),
      );
    });
    return toHex(key);
  });
}
