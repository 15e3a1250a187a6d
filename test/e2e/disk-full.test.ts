import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeConsortium, PATIENCE_MS, type TestConsortium, until } from "./support.ts";

/** Whether this user may mount: a disk can only be filled when it is small. */
function canMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), "anamnesis-mount-"));
  try {
    mount(directory, "64k");
    execFileSync("umount", [directory], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(directory);
  }
}

function mount(directory: string, size: string): void {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", directory], { stdio: "ignore" });
}

/** Puts a small file system in place of a directory, with what was in it. */
function onSmallDisk(directory: string, size: string): void {
  const kept = mkdtempSync(join(tmpdir(), "anamnesis-kept-"));
  cpSync(directory, kept, { recursive: true });
  mount(directory, size);
  mounted.push(directory);
  cpSync(kept, directory, { recursive: true });
  rmSync(kept, { recursive: true });
}

/** Takes every byte that is left, and the file that gives them back. */
function fill(directory: string): string {
  const filler = join(directory, "filler");
  for (const bytes of [65_536, 4096, 1]) {
    try {
      for (;;) writeFileSync(filler, Buffer.alloc(bytes), { flag: "a" });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
  return filler;
}

const mounted: string[] = [];
const isAble = canMount();
if (!isAble)
  console.warn("SKIPPED: test/e2e/disk-full.test.ts fills small disks, and only root may mount them");

describe.skipIf(!isAble)("a disk that is full", { timeout: 3 * PATIENCE_MS }, () => {
  let c: TestConsortium;
  let close: () => Promise<void> = async () => {};

  beforeAll(async () => {
    [c, close] = await makeConsortium();
    await c.start(0, 1, 2, 3);
    const attacks = await c.attack(2);
    await until("everybody is immune", () => c.isImmune(attacks));
  }, 2 * PATIENCE_MS);
  afterAll(async () => {
    await c?.local.stop();
    for (const directory of mounted) execFileSync("umount", [directory]);
    await close();
  }, PATIENCE_MS);

  it("under the rules: the old ones stay whole, the plant says so, and goes on when there is room", async () => {
    const controls = join(c.plants[2]!.directory, "controls");
    await c.end(2, "stop");
    onSmallDisk(controls, "256k");
    await c.start(2);
    const filler = fill(controls);
    const old = await c.controls(2);
    const attacks = await c.attack(1);
    await until("doctor names the control and the cause", async () => {
      const { controls: states, health } = await c.ask(2).doctor();
      const said = states.some(({ ok, detail }) => !ok && detail.includes("the disk is full"));
      return said && health.alarms.some(({ code }) => code === "control.io");
    });
    await until("the others do not wait for it", () => c.isImmune(attacks, [0, 1, 3]));
    expect(await c.controls(2)).toBe(old);
    rmSync(filler);
    await until("it goes on by itself", () => c.isImmune(attacks, [2]));
    await until("the alarm ends", async () => (await c.ask(2).health()).alarms.length === 0);
  });

  it("under the store: the node says so, loses nothing, and goes on when there is room", async () => {
    const { directory } = c.plants[1]!;
    const store = join(directory, "store");
    await c.end(1, "stop");
    onSmallDisk(store, "24m");
    await c.start(1);
    const filler = fill(store);
    const attacks = await c.attack(3);
    await until("the others do not wait for it", () => c.isImmune(attacks, [0, 2, 3]));
    await until("its log names the disk", async () =>
      (await readFile(join(directory, "node.log"), "utf8")).includes("store.failed"),
    );
    rmSync(filler);
    await until("it goes on by itself", () => c.isImmune(attacks));
    await until("all hold the same", () => c.isAlike());
    expect((await c.ask(1).audit()).duplicateAttestations).toBe(0);
  });
});
