import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHex } from "@anamnesis/sdk/core/bytes";
import { Wallet } from "ethers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openAccounts } from "../../../scripts/consortium/accounts.ts";

describe("openAccounts", () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), "anamnesis-accounts-"));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it("creates them once and opens the same ones again, more when asked for more", async () => {
    const first = await openAccounts(dir, 2);
    const again = await openAccounts(dir, 3);
    expect(again.members.slice(0, 2)).toEqual(first.members);
    expect(again.deployer).toEqual(first.deployer);
    const everybody = [again.deployer, ...again.members].map((account) => account.address);
    expect(new Set(everybody).size).toBe(4);
  });

  it("keeps keys encrypted and away from others, in a format that other tools read", async () => {
    const { deployer } = await openAccounts(dir, 1);
    for (const name of await readdir(dir)) expect((await stat(join(dir, name))).mode & 0o777).toBe(0o600);
    const json = await readFile(join(dir, "deployer.json"), "utf8");
    expect(json).not.toContain(toHex(deployer.key).slice(2));
    const password = (await readFile(join(dir, "password"), "utf8")).trim();
    expect((await Wallet.fromEncryptedJson(json, password)).privateKey).toBe(toHex(deployer.key));
  });

  it("names the keystore that a wrong password or a broken file leaves shut", async () => {
    await openAccounts(dir, 1);
    await writeFile(join(dir, "password"), "wrong\n");
    await expect(openAccounts(dir, 1)).rejects.toMatchObject({ code: "keystore.password" });
    await expect(openAccounts(dir, 1)).rejects.toThrow(/\.json: the password file/);
    await writeFile(join(dir, "deployer.json"), "{}");
    await expect(openAccounts(dir, 1)).rejects.toThrow(/\.json/);
  });
});
