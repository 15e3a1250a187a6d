import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import { writeKeystore, writeSecret } from "../../adapters/keys/keystore.ts";
import { plantDirectory, type Where } from "../locate.ts";
import { pairs } from "../output.ts";
import type { Result } from "../program.ts";
import { plantTemplate } from "./plant-template.ts";

/** Options of `node init`. */
export interface InitOptions {
  readonly passwordFile?: string;
  readonly consortium?: string;
  readonly chain: string;
  readonly httpPort: number;
  readonly peersPort: number;
}

/**
 * Creates a plant's directory: plant.yaml with comments, the node key in an encrypted keystore, the
 * key that pays for transactions, and an operator's and a detector's token.
 * @throws AnamnesisError `config.invalid` naming the option; an existing plant is never touched
 */
export function initPlant(where: Where, options: InitOptions, env: NodeJS.ProcessEnv): Result {
  const directory = plantDirectory(where);
  const file = join(directory, "plant.yaml");
  if (existsSync(file))
    throw new AnamnesisError("config.invalid", `--plant ${where.plant}: ${file} exists and is left as it is`);
  const givenPassword = options.passwordFile ?? env.ANAMNESIS_PASSWORD_FILE;
  const password =
    givenPassword === undefined ? randomBytes(32).toString("hex") : readPassword(givenPassword);
  const consortium = options.consortium === undefined ? undefined : resolve(options.consortium);
  if (consortium !== undefined && !existsSync(consortium))
    throw new AnamnesisError("config.invalid", `--consortium ${consortium} does not exist`);

  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const nodeKey = makeKey();
  const relayKey = makeKey();
  writeKeystore(join(directory, "node.keystore.json"), nodeKey, password);
  if (givenPassword === undefined) writeSecret(join(directory, "keystore.password"), `${password}\n`);
  writeSecret(join(directory, "relay.key"), `${toHex(relayKey)}\n`);
  const tokens = (["operator", "detector"] as const).map((role) => {
    const token = randomBytes(32).toString("base64url");
    writeSecret(join(directory, `${role}.token`), `${token}\n`);
    return { role, sha256: createHash("sha256").update(token).digest("hex") };
  });
  writeSecret(join(directory, "tokens.json"), `${JSON.stringify(tokens, null, 2)}\n`);
  if (consortium !== undefined) copyFileSync(consortium, join(directory, "consortium.json"));
  // Last: a directory with a plant.yaml is a complete plant.
  writeFileSync(
    file,
    plantTemplate({
      plant: where.plant as string,
      chain: options.chain,
      httpPort: options.httpPort,
      peersPort: options.peersPort,
      passwordFile: givenPassword === undefined ? "keystore.password" : resolve(givenPassword),
      confirmedAt: `${new Date().toISOString().slice(0, 19)}Z`,
    }),
  );

  const key = addressOfPrivateKey(nodeKey);
  const relay = addressOfPrivateKey(relayKey);
  return {
    json: { plant: where.plant, directory, key, relay },
    raw: [key],
    human: (style) =>
      [
        pairs(
          [
            ["plant", file],
            ["key to enrol", key],
            ["relay account", `${relay} (pays for transactions, has no authority)`],
          ],
          style,
        ),
        "",
        "Next: describe the plant in plant.yaml (self, detectors, controls)," +
          (consortium === undefined ? " put consortium.json beside it," : "") +
          " let the member account add the key,",
        `sign the configuration, then: anamnesis node start --plant ${where.plant}`,
      ].join("\n"),
  };
}

function readPassword(path: string): string {
  let password = "";
  try {
    password = readFileSync(path, "utf8").trim();
  } catch {
    // told below, together with an empty file
  }
  if (password === "")
    throw new AnamnesisError("config.invalid", `--password-file ${path} cannot be read or is empty`);
  return password;
}

/** 32 random bytes that are a secp256k1 key (all but about 2^-128 of them are). */
function makeKey(): Uint8Array {
  for (;;) {
    const key = new Uint8Array(randomBytes(32));
    if (key.some((byte) => byte !== 0) && key.some((byte) => byte !== 0xff)) return key;
  }
}
