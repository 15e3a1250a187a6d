import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  type FileSystem,
  nodeFileSystem,
  replaceFile,
} from "../../../../node/src/adapters/controls/atomic-file.ts";
import { createEdl } from "../../../../node/src/adapters/controls/edl.ts";
import { createNftables } from "../../../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../../../node/src/adapters/controls/suricata.ts";
import type { Control } from "../../../../node/src/ports.ts";
import { observable, START_MS } from "../../support/plant.ts";
import { applicationOf } from "./suite.ts";

/** The system calls of one write, each of which can fail. */
const CALLS = ["open", "write", "close", "rename"] as const;
type Call = (typeof CALLS)[number] | "sync";

function failing(errno: string): Error {
  return Object.assign(new Error(`${errno}: simulated`), { code: errno });
}

/** The real file system with one call of the temporary file broken; heals when `broken` is unset. */
function breakable(): FileSystem & { broken: Call | undefined; errno: string; readonly done: string[] } {
  const files = {
    ...nodeFileSystem,
    broken: undefined as Call | undefined,
    errno: "ENOSPC",
    done: [] as string[],
    async open(...args: Parameters<FileSystem["open"]>) {
      const isSync = args[1] === "r";
      if (!isSync && files.broken === "open") throw failing(files.errno);
      const handle = await nodeFileSystem.open(...args);
      const wrap = <Name extends "sync" | "close">(name: Name) => {
        const original = handle[name].bind(handle);
        return async () => {
          await original();
          files.done.push(isSync ? `${name} ${basename(args[0])}` : name);
          if (isSync ? files.broken === "sync" : files.broken === name) throw failing(files.errno);
        };
      };
      const write = handle.writeFile.bind(handle);
      return Object.assign(handle, {
        sync: wrap("sync"),
        close: wrap("close"),
        writeFile: async (text: string) => {
          files.done.push("write");
          if (files.broken !== "write") return write(text);
          await write(text.slice(0, 5)); // the disk fills in the middle
          throw failing(files.errno);
        },
      });
    },
    async rename(...args: Parameters<FileSystem["rename"]>) {
      if (files.broken === "rename") throw failing(files.errno);
      files.done.push("rename");
      await nodeFileSystem.rename(...args);
    },
  };
  return files as unknown as ReturnType<typeof breakable>;
}

describe("atomic files", () => {
  const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "anamnesis-file-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("go write and rename, and are synced with their directory behind them", async () => {
    const files = breakable();
    const control = createEdl({ name: "list", level: 4, path: join(directory, "a") }, { clock, files });
    await control.apply([applicationOf(control, observable("203.0.113.7"))]);
    expect(files.done.slice(0, 6)).toEqual(["write", "close", "rename", "write", "close", "rename"]);
    const synced = ["a", "a.domains", basename(directory)].flatMap((name) => [
      `sync ${name}`,
      `close ${name}`,
    ]);
    await vi.waitFor(() => expect(files.done.slice(6)).toEqual(synced));
    expect(await readdir(directory)).toEqual(["a", "a.domains"]);
  });

  it("say at the next apply that they could not be synced, and write again", async () => {
    const files = breakable();
    const path = join(directory, "rules");
    const control = createEdl({ name: "list", level: 4, path }, { clock, files });
    files.broken = "sync";
    await control.apply([]);
    await vi.waitFor(() => expect(files.done).toContain("close rules"));
    await expect(control.apply([])).rejects.toMatchObject({ code: "control.io", details: { path } });
    files.broken = undefined;
    files.done.length = 0;
    await control.apply([]);
    expect(files.done).toContain("rename");
  });

  it("take over a temporary file that a killed process left", async () => {
    await writeFile(join(directory, ".a.new"), "half of something much longer than the text");
    await replaceFile(join(directory, "a"), "text", nodeFileSystem);
    expect(await readFile(join(directory, "a"), "utf8")).toBe("text");
    expect(await readdir(directory)).toEqual(["a"]);
  });

  const kinds: readonly [string, (path: string, files: FileSystem) => Control][] = [
    ["edl", (path, files) => createEdl({ name: "c", level: 4, path }, { clock, files })],
    ["nftables", (path, files) => createNftables({ name: "c", level: 4, path }, { clock, files })],
    ["suricata", (path, files) => createSuricata({ name: "c", level: 4, path }, { clock, files })],
  ];
  describe.each(kinds)("under %s", (_, create) => {
    it.each(["ENOSPC", "EIO"])("keep the old file at %s in every call, say so, and resume", async (errno) => {
      const files = breakable();
      files.errno = errno;
      const path = join(directory, "rules");
      const control = create(path, files);
      const before = [applicationOf(control, observable("203.0.113.7"))];
      const after = [...before, applicationOf(control, observable("203.0.113.8"))];
      await control.apply(before);
      const old = await readFile(path, "utf8");
      const names = await readdir(directory);
      for (const call of CALLS) {
        files.broken = call;
        await expect(control.apply(after), call).rejects.toMatchObject({
          code: "control.io",
          details: { path, errno },
          cause: { code: errno },
        });
        expect(await readFile(path, "utf8"), call).toBe(old);
        expect(await readdir(directory)).toEqual(names);
        files.broken = undefined;
        expect(await control.verify(before)).toMatchObject({ missing: [], extra: [] });
        expect((await control.verify(after)).missing).toEqual([after[1]?.indicator]);
      }
      await control.apply(after);
      expect(await control.verify(after)).toMatchObject({ missing: [], extra: [] });
    });
  });

  it("say which directory is missing before anything is applied", async () => {
    const path = join(directory, "none", "rules");
    const control = createEdl({ name: "list", level: 4, path }, { clock });
    await expect(control.preflight()).rejects.toMatchObject({ code: "control.preflight", details: { path } });
    await expect(control.apply([])).rejects.toMatchObject({
      code: "control.io",
      details: { errno: "ENOENT" },
    });
  });
});
