import { createHash, randomBytes } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import { writeKeystore } from "../../adapters/keys/keystore.ts";
import { makePrivateKey } from "../../adapters/keys/make-key.ts";
import { NODE_PASSWORD, readPassword } from "../../adapters/keys/password.ts";
import { writeSecret } from "../../adapters/keys/private-file.ts";
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
  const givenFile = options.passwordFile ?? env.ANAMNESIS_PASSWORD_FILE;
  const isGiven = givenFile !== undefined || env[NODE_PASSWORD] !== undefined;
  const password = isGiven
    ? readPassword({ file: givenFile, variable: NODE_PASSWORD, setting: "--password-file" })
    : randomBytes(32).toString("hex");
  if (password === "")
    throw new AnamnesisError(
      "config.invalid",
      `--password-file ${givenFile} is empty; write a password into it`,
    );
  const consortium = options.consortium === undefined ? undefined : resolve(options.consortium);
  if (consortium !== undefined && !existsSync(consortium))
    throw new AnamnesisError("config.invalid", `--consortium ${consortium} does not exist`);

  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const nodeKey = makePrivateKey();
  const relayKey = makePrivateKey();
  writeKeystore(join(directory, "node.keystore.json"), nodeKey, password);
  if (!isGiven) writeSecret(join(directory, "keystore.password"), `${password}\n`);
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
      passwordFile: isGiven ? givenFile && resolve(givenFile) : "keystore.password",
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
