import { appendFile, mkdtemp, readFile, rm, stat, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IndicatorId } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FileSystem, nodeFileSystem } from "../../../../node/src/adapters/controls/atomic-file.ts";
import { createEdl } from "../../../../node/src/adapters/controls/edl.ts";
import { PATCH_FROM } from "../../../../node/src/adapters/controls/file-patch.ts";
import { createNftables } from "../../../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../../../node/src/adapters/controls/suricata.ts";
import { createZeekIntel } from "../../../../node/src/adapters/controls/zeek-intel.ts";
import type { Application, Clock, Control } from "../../../../node/src/ports.ts";
import { HOUR_MS, observable, START_MS } from "../../support/plant.ts";
import { applicationOf } from "./suite.ts";

let directory: string;
let path: string;
let nowMs: number;
/** Called before each write in place, with what is to be written; may write less, or throw. */
let onWrite: ((bytes: Uint8Array, at: number) => Promise<Uint8Array>) | undefined;
let renames: number;
let written: number;

const files: FileSystem = {
  ...nodeFileSystem,
  async rename(from, to) {
    renames += 1;
    await nodeFileSystem.rename(from, to);
  },
  async edit(name) {
    const file = await nodeFileSystem.edit(name);
    return {
      ...file,
      async write(bytes, at) {
        const part = onWrite === undefined ? bytes : await onWrite(bytes, at);
        written += part.length;
        await file.write(part, at);
      },
    };
  },
};
const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-patch-"));
  path = join(directory, "control");
  nowMs = START_MS;
  onWrite = undefined;
  renames = 0;
  written = 0;
});
afterEach(() => rm(directory, { recursive: true }));

const KINDS: readonly [string, () => Control][] = [
  ["edl", () => createEdl({ name: "c", level: 4, path }, { clock, files })],
  ["zeek-intel", () => createZeekIntel({ name: "c", level: 3, path }, { clock, files })],
  ["nftables", () => createNftables({ name: "c", level: 4, path }, { clock, files })],
  ["suricata", () => createSuricata({ name: "c", level: 2, path }, { clock, files })],
];

const many = (control: Control, count: number, from = 0): Application[] =>
  Array.from({ length: count }, (_, i) => {
    const host = from + i;
    return applicationOf(control, observable(`203.0.${100 + (host >> 8)}.${host & 255}`));
  });

async function linesInForce(): Promise<readonly string[]> {
  return (await readFile(path, "utf8")).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

describe.each(KINDS)("%s, a long file", (_, create) => {
  let control: Control;
  let list: Application[];
  const change = async (put: readonly Application[], gone: readonly IndicatorId[] = []) => {
    const out = new Set([...gone, ...put.map(({ indicator }) => indicator)]);
    list = [...list.filter(({ indicator }) => !out.has(indicator)), ...put];
    const all = list;
    return control.change?.({ put, gone, all: () => all });
  };
  beforeEach(async () => {
    control = create();
    list = many(control, 1800);
    await control.apply(list);
    renames = 0;
  });

  it("is changed in place, and then holds what a control written whole would hold", async () => {
    const before = await stat(path);
    let seed = 7;
    const draw = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    let host = 5000;
    for (let step = 0; step < 40; step++) {
      const put = many(control, 1 + draw(3), host);
      host += put.length;
      const gone = Array.from({ length: draw(3) }, () => list[draw(list.length)]?.indicator as IndicatorId);
      expect(await change(put, gone)).toEqual({ proof: "staged", missing: [], extra: [] });
      expect(await control.verify([...list])).toEqual({ proof: "staged", missing: [], extra: [] });
    }
    expect(renames, "never written whole").toBe(0);
    expect((await stat(path)).ino).toBe(before.ino);
    expect(written, "in proportion to the change").toBeLessThan(before.size / 3);

    const inPlace = [...(await linesInForce())].sort();
    await create().apply(list);
    expect([...(await linesInForce())].sort()).toEqual(inPlace);
  });

  it("shows every reader lines that are whole, whenever it looks and wherever writing was cut", async () => {
    const old = new Set(await linesInForce());
    const looks: string[][] = [];
    onWrite = async (bytes, at) => {
      if (bytes.length === 1) {
        looks.push([...(await linesInForce())]);
        return bytes;
      }
      for (const length of [1, bytes.length >> 2, bytes.length >> 1, bytes.length - 1]) {
        const file = await nodeFileSystem.edit(path);
        await file.write(bytes.subarray(0, length), at);
        await file.close();
        looks.push([...(await linesInForce())]);
      }
      return bytes;
    };
    await change(many(control, 3, 6000), [list[10]?.indicator as IndicatorId]);
    const now = new Set(await linesInForce());
    expect(looks.length).toBeGreaterThan(7);
    for (const look of looks) {
      expect(look.filter((line) => !old.has(line) && !now.has(line))).toEqual([]);
      expect([...old].filter((line) => now.has(line) && !look.includes(line))).toEqual([]);
    }
  });

  it.each(["ENOSPC", "EIO"])("keeps what was in force at %s, says so, and goes on", async (errno) => {
    const held = await linesInForce();
    onWrite = async () => {
      throw Object.assign(new Error("no"), { code: errno });
    };
    const before = [...list];
    await expect(change(many(control, 1, 6000))).rejects.toMatchObject({
      code: "control.io",
      details: { path, errno },
    });
    expect(await linesInForce()).toEqual(held);
    expect(await control.verify(before)).toMatchObject({ missing: [], extra: [] });
    onWrite = undefined;
    await control.apply(list);
    expect(await control.verify(list)).toMatchObject({ missing: [], extra: [] });
    expect(await change(many(control, 1, 6001))).toMatchObject({ missing: [], extra: [] });
    expect(await control.verify(list)).toMatchObject({ missing: [], extra: [] });
  });

  it("is found changed by somebody else, and put right with the next change", async () => {
    await change(many(control, 1, 6000));
    const line = (await linesInForce()).find((each) => each.includes("203.0.100.1")) as string;
    const mine = line.replaceAll("203.0.100.1", "192.0.2.1");
    await appendFile(path, `${mine}\n`);
    expect((await control.verify([...list])).extra).toHaveLength(1);
    await change(many(control, 1, 6001));
    expect(await linesInForce()).not.toContain(mine);
    expect(renames).toBeGreaterThan(0);
    await change(many(control, 1, 6002));
    await unlink(path);
    expect((await control.verify([...list])).missing).toHaveLength(list.length);
    await change([]);
    expect(await control.verify([...list])).toMatchObject({ missing: [], extra: [] });
  });

  it("is written whole when most of it is past", async () => {
    for (let from = 0; from < 1700 && renames === 0; from += 100)
      await change(
        many(control, 100, 7000 + from),
        list.slice(0, 100).map(({ indicator }) => indicator),
      );
    for (let at = 0; renames === 0 && at < 200; at++)
      await change(
        many(control, 100, 9000 + at * 100),
        list.slice(0, 100).map(({ indicator }) => indicator),
      );
    expect(renames).toBeGreaterThan(0);
    expect(await control.verify([...list])).toMatchObject({ missing: [], extra: [] });
    expect((await stat(path)).size).toBeGreaterThan(PATCH_FROM);
  });

  it("has no line of what has expired, be it new", async () => {
    const soon = { ...(many(control, 1, 6000)[0] as Application), expiresAtMs: START_MS + 1000 };
    nowMs = START_MS + 1000;
    await change([soon]);
    expect((await readFile(path, "utf8")).includes("203.0.123.112")).toBe(false);
    expect(await control.verify([...list])).toMatchObject({ missing: [], extra: [] });
  });

  it("keeps a line that another indicator stands for as well", async () => {
    const [first] = list as [Application];
    const other = { ...first, indicator: `0x${"ab".repeat(32)}` as IndicatorId };
    await change([other]);
    await change([], [first.indicator]);
    expect(
      (await linesInForce()).some((line) => line.includes(first.statement.match(/203[\d.]+/)?.[0] as string)),
    ).toBe(true);
    await change([], [other.indicator]);
    expect(await control.verify([...list])).toMatchObject({ missing: [], extra: [] });
  });
});

describe("a long nftables script", () => {
  it("is written anew when its timeouts are a minute old", async () => {
    const control = createNftables({ name: "c", level: 4, path }, { clock, files });
    const list = many(control, 300);
    await control.apply(list);
    renames = 0;
    const more = many(control, 1, 1000);
    await control.change?.({ put: more, gone: [], all: () => [...list, ...more] });
    expect(renames).toBe(0);
    nowMs += 60_000;
    const last = many(control, 1, 1001);
    await control.change?.({ put: last, gone: [], all: () => [...list, ...more, ...last] });
    expect(renames).toBe(1);
    const seconds = (await linesInForce()).flatMap((line) => / timeout (\d+)s/.exec(line)?.[1] ?? []);
    expect(new Set(seconds)).toEqual(new Set([String((24 * HOUR_MS) / 1000 - 60)]));
  });
});

describe("long Suricata rules", () => {
  it("are written whole when two indicators want one block of sids", async () => {
    const control = createSuricata({ name: "c", level: 2, path }, { clock, files });
    const list = many(control, 300);
    await control.apply(list);
    renames = 0;
    const [first, next] = many(control, 2, 1000) as [Application, Application];
    // Equal in what the block is drawn from, different after it.
    const rival = { ...next, indicator: `${first.indicator.slice(0, 30)}${"0".repeat(36)}` as IndicatorId };
    await control.change?.({ put: [first], gone: [], all: () => [...list, first] });
    expect(renames).toBe(0);
    await control.change?.({ put: [rival], gone: [], all: () => [...list, first, rival] });
    expect(renames).toBe(1);
    const left = [...list, rival];
    await control.change?.({ put: [], gone: [first.indicator], all: () => left });
    expect(renames).toBe(2);
    expect(await control.verify(left)).toMatchObject({ missing: [], extra: [] });
    const sids = (await linesInForce()).flatMap((line) => / sid:(\d+);/.exec(line)?.[1] ?? []);
    expect(new Set(sids).size).toBe(sids.length);
  });
});
