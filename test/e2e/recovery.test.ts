/** The drills of docs/keys.md, line by line, on real processes: stolen key, lost node, lost account, rotation. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Address } from "@anamnesis/sdk/core/types";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openAccount, openPassword } from "../../scripts/consortium/accounts.ts";
import { ROOT } from "../../scripts/consortium/consortium.ts";
import {
  type Attack,
  type Ended,
  makeConsortium,
  PATIENCE_MS,
  run,
  type TestConsortium,
  until,
} from "./support.ts";

let c: TestConsortium;
let close: () => Promise<void> = async () => {};
let accounts: string;
/** The keystore that speaks for a plant's member. */
const speaks = new Map<string, string>();
const attacks: Attack[] = [];

beforeAll(async () => {
  [c, close] = await makeConsortium();
  accounts = join(c.local.directory, "accounts");
  for (const [i, { letter }] of c.plants.entries())
    speaks.set(letter.toLowerCase(), join(accounts, `member-${i + 1}.json`));
  await c.start(0, 1, 2, 3);
  attacks.push(...(await c.attack(2)));
  await until("everybody is immune", () => c.isImmune(attacks));
}, 2 * PATIENCE_MS);
afterAll(() => close(), PATIENCE_MS);

const indexOf = (letter: string) => c.plants.findIndex((plant) => plant.letter.toLowerCase() === letter);
const keyOf = async (index: number): Promise<string> => (await c.ask(index).health()).key;

/** The commands of a drill, as they stand in the documentation. */
async function drill(name: string): Promise<string[]> {
  const text = await readFile(join(ROOT, "docs/keys.md"), "utf8");
  const block = new RegExp(`<!-- drill: ${name} -->\\n\`\`\`sh\\n([\\s\\S]*?)\`\`\``).exec(text)?.[1];
  if (block === undefined) throw new Error(`docs/keys.md has no drill ${name}`);
  return block.trim().split("\n");
}

/** Runs a drill. Only where the data and the member's keystore are is added to what is written. */
async function follow(name: string, variables: Record<string, string>): Promise<string> {
  let out = "";
  for (const line of await drill(name)) {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
    const [program, ...args] = words.map((word) =>
      word.replace(/^\$(\w+)$/, (_, key) => variables[key] ?? ""),
    );
    if (program === "systemctl") {
      const index = indexOf(args[1]!.split("@")[1]!);
      if (args[0] === "stop") await c.end(index, "stop");
      else await c.start(index);
      continue;
    }
    const plant = args[args.indexOf("--plant") + 1]!;
    const account = ["--keystore", speaks.get(plant)!, "--password-file", join(accounts, "password")];
    const more = args[0] === "admin" ? account : [];
    const ended = await finish([...args, "--data", c.local.directory, ...more]);
    expect(ended, line).toMatchObject({ code: 0, stderr: "" });
    out += ended.stdout;
  }
  return out;
}

/** A local chain rests while nobody sends anything; a vote waits for its next second. */
async function finish(args: readonly string[]): Promise<Ended> {
  const command = run("node/bin/anamnesis.mjs", args);
  let ended: Ended | undefined;
  void command.ended.then((result) => {
    ended = result;
  });
  await until(`the end of ${args.join(" ")}`, async () => {
    await c.local.chain().mine();
    return ended !== undefined;
  });
  return ended as unknown as Ended;
}

/** A new attack that everybody who runs, and only they, has to make harmless. */
async function expectWorks(): Promise<void> {
  attacks.push(...(await c.attack(1)));
  await until("everybody is immune again", () => c.isImmune(attacks));
  await until("everybody holds the same", () => c.isAlike());
}

describe("docs/keys.md", { timeout: 4 * PATIENCE_MS }, () => {
  it("a node key was stolen", async () => {
    const key = await keyOf(1);
    const told = await follow("stolen", { KEY: key });
    expect(told).toMatch(/revoke node key 0x\w+ of member 2\.\nFrom block \d+ on nothing it signs counts/);
    expect(await keyOf(1)).not.toBe(key);
    expect(told).toMatch(/ 2 +revoked +block \d+ +block \d+/);
    await expectWorks();
    expect((await c.ask(1).health()).member).toBe(2);
    const doctor = await c.ask(1).doctor();
    expect(doctor.configSignedBy).toBe(c.local.accounts.members[1]!.address);
  });

  it("a node was lost", async () => {
    const key = await keyOf(2);
    const { directory } = c.plants[2]!;
    await c.end(2, "kill");
    for (const name of ["store", "node.json", "blinding.key", "run.json", "controls"])
      await rm(join(directory, name), { recursive: true, force: true });
    await mkdir(join(directory, "controls"));
    await follow("lost-node", { KEY: key });
    expect(await keyOf(2)).not.toBe(key);
    expect((await c.ask(2).health()).member).toBe(3);
    await expectWorks();
  });

  it("a member account was lost", async () => {
    const password = await openPassword(accounts);
    const account = await openAccount(accounts, "member-4-new", password);
    const told = await follow("lost-account", { ACCOUNT: account.address });
    expect(told).toMatch(/propose to admit 0x\w+ and remove member 4/);
    expect(told).toMatch(/Next: anybody may carry it out/);
    expect(told).toMatch(/4 +0x\w+ +removed +key\n5 +0x\w+ +active/);
    await until("the removed member's node is cut", async () => {
      const { peers } = await c.ask(0).health();
      return peers.filter(({ connected }) => connected).length === 2;
    });
    speaks.set("d", join(accounts, "member-4-new.json"));
    await follow("new-account", {});
    await until("it is armed", async () => (await c.ask(3).health()).armed);
    expect((await c.ask(3).health()).member).toBe(5);
    expect((await c.ask(3).doctor()).configSignedBy).toBe(account.address satisfies Address);
    await expectWorks();
    // What the old number said counts no more, and the new one says it again.
    await until("the new number stands behind the old record", async () => {
      const { stances } = (await c.view(0, attacks[0]!.id))!;
      const counts = stances.map(({ member, counts: does }) => `${member} ${does}`);
      return (counts.includes("4 false") && counts.includes("5 true")) || counts.join(", ");
    });
  });

  it("a key was rotated", async () => {
    const key = await keyOf(0);
    await follow("rotation", { KEY: key });
    expect(await keyOf(0)).not.toBe(key);
    await expectWorks();
  });

  it("secrets are in no log and no process's title", async () => {
    const password = await openPassword(accounts);
    for (const { directory } of c.plants) {
      const log = await readFile(join(directory, "node.log"), "utf8");
      const node = (await readFile(join(directory, "password"), "utf8")).trim();
      expect(log).not.toContain(node);
      expect(log).not.toContain(password);
      const { pid } = JSON.parse(await readFile(join(directory, "run.json"), "utf8")) as { pid: number };
      const title = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      expect(title).not.toContain(node);
    }
  });
});
