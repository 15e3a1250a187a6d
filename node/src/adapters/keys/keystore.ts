import { scrypt, scryptSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { fromHex, parseAddress, toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import type { Address } from "@anamnesis/sdk/core/types";
import {
  decryptKeystoreJson,
  encryptKeystoreJsonSync,
  scrypt as ethersScrypt,
  scryptSync as ethersScryptSync,
} from "ethers";
import { z } from "zod";
import { nameOf, type PasswordSource, readPassword } from "./password.ts";
import { readPrivateFile, writeSecret } from "./private-file.ts";

const MAX_MEMORY = 512 * 1024 * 1024;

// The reference implementation derives keys in JavaScript; OpenSSL's is some twenty times faster.
ethersScryptSync.register((password, salt, N, r, p, length) =>
  toHex(scryptSync(password, salt, length, { N, r, p, maxmem: MAX_MEMORY })),
);
ethersScrypt.register(
  (password, salt, N, r, p, length) =>
    new Promise((resolve, reject) => {
      scrypt(password, salt, length, { N, r, p, maxmem: MAX_MEMORY }, (error, key) =>
        error ? reject(error) : resolve(toHex(key)),
      );
    }),
);

/** Writes a private key of 32 bytes encrypted under a password (Web3 Secret Storage v3), mode 0600, atomically. */
export function writeKeystore(
  path: string,
  privateKey: Uint8Array,
  password: string,
  options: { N?: number } = {},
): void {
  const account = { address: addressOfPrivateKey(privateKey), privateKey: toHex(privateKey) };
  writeSecret(path, encryptKeystoreJsonSync(account, password, { scrypt: { N: options.N ?? 131_072 } }));
}

/** How people call a keystore, and what makes one. */
const NODE_KEYSTORE = { setting: "keystore.path", advice: "create one with `anamnesis node init`" };

/**
 * Reads the private key of a keystore, 32 bytes.
 *
 * @throws AnamnesisError `keystore.missing` | `keystore.password` | `config.invalid` for a file that is none
 * or that other users may read
 */
export async function readKeystore(
  path: string,
  password: PasswordSource,
  { setting, advice } = NODE_KEYSTORE,
): Promise<Uint8Array> {
  const json = readKeystoreText(path, setting, advice);
  const words = readPassword(password);
  try {
    const account = await decryptKeystoreJson(json, words);
    return fromHex(account.privateKey);
  } catch (cause) {
    if (cause instanceof Error && /incorrect password/.test(cause.message)) {
      throw new AnamnesisError("keystore.password", `${nameOf(password)} does not open ${path}`, { cause });
    }
    throw new AnamnesisError("config.invalid", `${setting}: ${path} is not a Web3 Secret Storage file`, {
      cause,
    });
  }
}

/**
 * The address of a keystore's key, which Web3 Secret Storage has in clear: nothing is opened.
 *
 * @throws AnamnesisError `keystore.missing`
 */
export function readKeystoreAddress(path: string, setting = NODE_KEYSTORE.setting): Address {
  try {
    const { address } = JSON.parse(readFileSync(path, "utf8")) as { address?: string };
    return parseAddress(address?.startsWith("0x") ? address : `0x${address}`);
  } catch (cause) {
    throw new AnamnesisError("keystore.missing", `${setting}: ${path} does not tell the address of its key`, {
      cause,
    });
  }
}

/** Reads 32 secret bytes written as hexadecimal, or undefined when the file does not exist. Throws `config.invalid`. */
export function readSecretFile(path: string, setting: string): Uint8Array | undefined {
  let text: string;
  try {
    text = readPrivateFile(path, setting).trim();
  } catch (cause) {
    if (cause instanceof AnamnesisError) throw cause;
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new AnamnesisError("config.invalid", `${setting}: ${path} cannot be read`, { cause });
  }
  if (!/^0x[0-9a-f]{64}$/i.test(text)) {
    throw new AnamnesisError(
      "config.invalid",
      `${setting}: ${path} does not hold 32 bytes as hexadecimal with 0x`,
    );
  }
  return fromHex(text);
}

const tokensSchema = z.array(
  z.strictObject({
    role: z.enum(["detector", "reader", "operator", "auditor"]),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    name: z.string().optional(),
  }),
);

/** Reads the API's tokens (their hashes), none when the file does not exist. Throws `config.invalid`. */
export function readTokens(
  path: string,
): { role: "detector" | "reader" | "operator" | "auditor"; sha256: string; name?: string }[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return [];
  }
  const parsed = tokensSchema.safeParse(parseJson(text));
  if (parsed.success)
    return parsed.data.map(({ name, ...token }) => ({ ...token, ...(name !== undefined && { name }) }));
  throw new AnamnesisError(
    "config.invalid",
    `${path}: expected a list of {role, sha256}; create tokens with \`anamnesis node init\``,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function readKeystoreText(path: string, setting: string, advice: string): string {
  try {
    return readPrivateFile(path, setting);
  } catch (cause) {
    if (cause instanceof AnamnesisError) throw cause;
    throw new AnamnesisError("keystore.missing", `${setting}: ${path} cannot be read; ${advice}`, { cause });
  }
}
