/** Keystores and passwords: read by this user only, from a file or the environment, and told by nobody. */
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { isAnamnesisError } from "@anamnesis/sdk/core/errors";
import { addressOfPrivateKey } from "@anamnesis/sdk/core/signature";
import { Wallet } from "ethers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  readKeystore,
  readKeystoreAddress,
  readSecretFile,
  writeKeystore,
} from "../../../../node/src/adapters/keys/keystore.ts";
import { makePrivateKey } from "../../../../node/src/adapters/keys/make-key.ts";
import { readPassword } from "../../../../node/src/adapters/keys/password.ts";
import { writeSecret } from "../../../../node/src/adapters/keys/private-file.ts";

const VARIABLE = "ANAMNESIS_TEST_PASSWORD";
const SETTING = "keystore.passwordFile";
const WORDS = "correct horse battery staple";

let directory: string;
const at = (name: string) => join(directory, name);
const inFile = (name: string) => ({ file: at(name), variable: VARIABLE, setting: SETTING });
const inEnvironment = { file: undefined, variable: VARIABLE, setting: SETTING };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "anamnesis-keys-"));
});
afterEach(() => {
  delete process.env[VARIABLE];
  rmSync(directory, { recursive: true });
});

async function refusal(work: () => unknown) {
  try {
    await work();
  } catch (error) {
    if (isAnamnesisError(error)) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("a keystore", () => {
  it("is Web3 Secret Storage that other tools open, for this user only, and tells its address unopened", async () => {
    const key = makePrivateKey();
    writeKeystore(at("node.json"), key, WORDS, { N: 1024 });
    writeSecret(at("password"), `${WORDS}\n`);
    expect(toHex(await readKeystore(at("node.json"), inFile("password")))).toBe(toHex(key));
    const text = readFileSync(at("node.json"), "utf8");
    expect((await Wallet.fromEncryptedJson(text, WORDS)).privateKey).toBe(toHex(key));
    expect(text).not.toContain(toHex(key).slice(2));
    expect(readKeystoreAddress(at("node.json"))).toBe(addressOfPrivateKey(key));
    expect(statSync(at("node.json")).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory).sort()).toEqual(["node.json", "password"]);
  });

  it("opens with the password of the environment, which is then gone from it", async () => {
    const key = makePrivateKey();
    writeKeystore(at("node.json"), key, WORDS, { N: 1024 });
    process.env[VARIABLE] = `${WORDS}\n`;
    expect(toHex(await readKeystore(at("node.json"), inEnvironment))).toBe(toHex(key));
    expect(process.env[VARIABLE]).toBeUndefined();
    const missing = await refusal(() => readKeystore(at("node.json"), inEnvironment));
    expect(missing).toMatchObject({ code: "keystore.missing" });
    expect(missing.message).toBe(
      `${SETTING} is not given and ${VARIABLE} is not set; give the keystore's password by one of them`,
    );
  });

  it.each([
    ["a group", 0o640],
    ["everybody", 0o604],
    ["others by writing only", 0o602],
  ])("is refused when %s may reach it, and says what to run", async (_name, mode) => {
    writeKeystore(at("node.json"), makePrivateKey(), WORDS, { N: 1024 });
    writeSecret(at("password"), WORDS);
    for (const [name, setting] of [
      ["node.json", "keystore.path"],
      ["password", SETTING],
    ] as const) {
      chmodSync(at(name), mode);
      const { code, message } = await refusal(() => readKeystore(at("node.json"), inFile("password")));
      expect(code).toBe("config.invalid");
      expect(message).toBe(
        `${setting}: ${at(name)} is open to other users (mode 0${mode.toString(8)}); run: chmod 600 ${at(name)}`,
      );
      chmodSync(at(name), 0o400);
      if (name === "password") await readKeystore(at("node.json"), inFile("password"));
    }
    writeFileSync(at("relay.key"), toHex(makePrivateKey()));
    chmodSync(at("relay.key"), mode);
    const relay = await refusal(() => readSecretFile(at("relay.key"), "chain.relayKey"));
    expect(relay.message).toMatch(/^chain\.relayKey: .*chmod 600/);
  });

  it("never has its password, or another one, in what goes wrong", async () => {
    writeKeystore(at("node.json"), makePrivateKey(), WORDS, { N: 1024 });
    process.env[VARIABLE] = "quite another one";
    const wrong = await refusal(() => readKeystore(at("node.json"), inEnvironment));
    expect(wrong).toMatchObject({ code: "keystore.password" });
    expect(wrong.message).toBe(`${VARIABLE} does not open ${at("node.json")}`);
    writeSecret(at("password"), "quite another one");
    const inside = await refusal(() => readKeystore(at("node.json"), inFile("password")));
    for (const { message, cause, details } of [wrong, inside])
      expect(`${message} ${String(cause)} ${JSON.stringify(details)}`).not.toMatch(/another|correct horse/);
  });
});

describe("writeSecret", () => {
  it("does not take over the mode of a file that an interrupted write left", () => {
    writeFileSync(at("secret.tmp"), "old", { mode: 0o644 });
    writeSecret(at("secret"), "new");
    expect(statSync(at("secret")).mode & 0o777).toBe(0o600);
    expect(readFileSync(at("secret"), "utf8")).toBe("new");
  });
});

describe("readPassword", () => {
  it("prefers the file, and leaves the environment alone then", () => {
    process.env[VARIABLE] = "from the environment";
    writeSecret(at("password"), "from the file\n");
    expect(readPassword(inFile("password"))).toBe("from the file");
    expect(process.env[VARIABLE]).toBe("from the environment");
    expect(readPassword(inEnvironment)).toBe("from the environment");
  });
});
