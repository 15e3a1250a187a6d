import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNftables, type RunNft } from "../../../../node/src/adapters/controls/nftables.ts";
import type { Application } from "../../../../node/src/ports.ts";
import { HOUR_MS, observable, START_MS } from "../../support/plant.ts";
import { applicationOf } from "./suite.ts";

describe("nftables", () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "anamnesis-nft-"));
    path = join(directory, "anamnesis.nft");
  });
  afterEach(() => rm(directory, { recursive: true }));

  const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
  const open = (nft?: RunNft) =>
    createNftables(
      { name: "edge", level: 4, path, apply: nft === undefined ? "file" : "exec" },
      { clock, ...(nft === undefined ? {} : { nft }) },
    );
  const elements = async (): Promise<string[]> =>
    (await readFile(path, "utf8")).split("\n").filter((line) => line.startsWith("add element"));

  it("flushes and refills its own table in one script, and accepts by policy", async () => {
    const control = open();
    await control.apply([applicationOf(control, observable("203.0.113.7"))]);
    const text = await readFile(path, "utf8");
    expect(text).not.toContain("flush ruleset");
    expect(text).not.toContain("policy drop");
    expect(text.indexOf("flush set inet anamnesis block4")).toBeLessThan(text.indexOf("add element"));
    expect(text).toContain("add rule inet anamnesis forward ip saddr @block4 counter drop");
    expect(text).toContain("add rule inet anamnesis input ip saddr @block4 counter drop");
  });

  it("gives each element the time that is left", async () => {
    const control = open();
    const one = applicationOf(control, observable("203.0.113.7"), "block", START_MS + HOUR_MS);
    await control.apply([one]);
    expect(await elements()).toEqual([
      `add element inet anamnesis block4 { 203.0.113.7 timeout 3600s comment "${one.indicator}" }`,
    ]);
  });

  it("watches in sets of its own, which drop nothing", async () => {
    const control = open();
    await control.apply([applicationOf(control, observable("2001:db8::7", "ipv6-addr"), "alert")]);
    expect((await elements())[0]).toContain("watch6 { 2001:db8::7 ");
    const rules = (await readFile(path, "utf8")).split("\n").filter((line) => line.includes("@watch"));
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter((line) => line.includes("drop"))).toEqual([]);
  });

  it("merges ranges, so that an overlap cannot sink the batch", async () => {
    const control = open();
    const ranges = ["203.0.112.0/24", "203.0.113.0/24", "203.0.113.128/25", "192.0.2.0/25"];
    const list = ranges.map((range) => applicationOf(control, observable(range)));
    await control.apply([...list, applicationOf(control, observable("203.0.113.7"))]);
    expect((await elements()).map((line) => /(\w+) \{ (\S+)/.exec(line)?.slice(1).join(" "))).toEqual([
      "block4 203.0.113.7",
      "block4r 192.0.2.0/25",
      "block4r 203.0.112.0/23",
    ]);
    await control.apply(list.slice(0, 1));
    expect((await elements())[0]).toContain("block4r { 203.0.112.0/24 ");
  });

  it("lists an address once when two indicators name it", async () => {
    const control = open();
    const one = applicationOf(control, observable("203.0.113.7"));
    const other: Application = { ...one, indicator: `0x${"11".repeat(32)}` as Application["indicator"] };
    await control.apply([one, other]);
    expect(await elements()).toHaveLength(1);
  });

  describe("loaded by nft", () => {
    it("is enforced when the kernel lists exactly what was written", async () => {
      const calls: string[] = [];
      const kernel = { elements: ["203.0.113.7"] as unknown[] };
      const control = open(async (args) => {
        calls.push(args.join(" "));
        return JSON.stringify({
          nftables: [{ metainfo: {} }, { set: { name: "block4", elem: kernel.elements } }],
        });
      });
      const list = [applicationOf(control, observable("203.0.113.7"))];
      kernel.elements = [{ elem: { val: "203.0.113.7", timeout: 86400, comment: list[0]?.indicator } }];
      await control.apply(list);
      expect(calls).toEqual([`-f ${path}`]);
      expect(await control.verify(list)).toEqual({ proof: "enforced", missing: [], extra: [] });
      kernel.elements = ["192.0.2.1"];
      expect(await control.verify(list)).toEqual({
        proof: "enforced",
        missing: [list[0]?.indicator],
        extra: ["block4 192.0.2.1"],
      });
    });

    it("names what is missing when somebody deleted the table", async () => {
      const control = open(async () => {
        throw new AnamnesisError("control.io", "nft -j list failed: Error: No such file or directory");
      });
      const list = [applicationOf(control, observable("203.0.113.7"))];
      expect(await control.verify([])).toEqual({ proof: "enforced", missing: [], extra: [] });
      expect((await control.verify(list)).missing).toEqual([list[0]?.indicator]);
    });

    it("passes on what nft said", async () => {
      const control = open(async () => {
        throw new AnamnesisError("control.io", "nft -f failed: Operation not permitted");
      });
      await expect(control.apply([])).rejects.toMatchObject({ code: "control.io" });
    });
  });
});
