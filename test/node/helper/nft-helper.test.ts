import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { nftLine, nftScript } from "@anamnesis/sdk/core/nft-table";
import type { Self } from "@anamnesis/sdk/core/types";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { nftByHelper } from "../../../node/src/adapters/controls/nft-client.ts";
import { type NftHelper, startNftHelper } from "../../../node/src/helper/nft-helper.ts";
import { SELF } from "../support/plant.ts";
import { silent } from "../support/vaccination.ts";
import { createFakeKernel } from "./support.ts";

const OURS = `0x${"ab".repeat(32)}`;
const line = (value: string, set: "block4" | "block4r" | "block6" | "watch4" = "block4") =>
  nftLine({ set, value, seconds: 60, comment: OURS });

let directory: string;
let socket: string;
let file: string;
let self: () => Self;
let kernel: ReturnType<typeof createFakeKernel>;
let helper: NftHelper;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "anamnesis-helper-"));
  socket = join(directory, "nft.sock");
  file = join(directory, "edge.nft");
  self = () => SELF;
  kernel = createFakeKernel();
  helper = await startNftHelper({ socket, self: () => self(), log: silent, nft: kernel.nft });
});
afterEach(async () => {
  await helper.stop();
  await rm(directory, { recursive: true });
});

async function load(script: string): Promise<void> {
  await writeFile(file, script);
  await nftByHelper(socket)(["-f", file]);
}

/** What the helper answers to bytes; undefined when it hangs up. */
function say(bytes: string): Promise<{ ok: boolean; code?: string } | undefined> {
  return new Promise((resolve) => {
    const asker = connect(socket, () => asker.write(bytes));
    let text = "";
    asker.on("data", (part) => {
      text += String(part);
    });
    asker.on("error", () => undefined);
    asker.once("close", () =>
      resolve(text === "" ? undefined : (JSON.parse(text) as { ok: boolean; code?: string })),
    );
  });
}

describe("the helper", () => {
  test("loads our table and lists it", async () => {
    const nft = nftByHelper(socket);
    expect(JSON.parse(await nft(["-j", "list", "table", "inet", "anamnesis"]))).toEqual({ nftables: [] });
    const script = nftScript(2, line("203.0.113.7") + line("203.0.112.0/24", "block4r"));
    await load(script);
    expect(kernel.script).toBe(script);
    expect(JSON.parse(await nft(["-j", "list", "table", "inet", "anamnesis"]))).toEqual({
      nftables: [
        { set: { name: "block4", elem: ["203.0.113.7"] } },
        { set: { name: "block4r", elem: ["203.0.112.0/24"] } },
      ],
    });
  });

  test.each([
    ["a controller", line("10.2.2.10")],
    ["a machine of the OT network", line("10.2.2.99")],
    ["a range around a service", line("198.51.0.0/16", "block4r")],
    ["a service, spelt in IPv6", line("::ffff:c633:640a", "block6")],
    ["everything", line("0.0.0.0/0", "block4r")],
  ])("does not block %s, whoever asks, and keeps what was loaded", async (_what, element) => {
    const before = nftScript(1, line("203.0.113.7"));
    await load(before);
    await expect(load(nftScript(2, line("203.0.113.7") + element))).rejects.toMatchObject({
      code: "plan.self",
    });
    expect(kernel.script).toBe(before);
  });

  test("lets what only watches name anything", async () => {
    await load(nftScript(1, line("10.2.2.10", "watch4")));
    expect(kernel.script).toContain("watch4 { 10.2.2.10 ");
  });

  const whole = nftScript(1, line("203.0.113.7"));
  test.each([
    ["nothing", ""],
    ["a script of somebody else", "flush ruleset\n"],
    ["a line more", `${whole}flush ruleset\n`],
    ["a second command in a line", whole.replace("203.0.113.7 ", "203.0.113.7 } ; flush ruleset ; { ")],
    ["an include", `${whole}include "/etc/shadow"\n`],
    ["a chain that drops by itself", whole.replace("policy accept", "policy drop")],
    ["another table", whole.replaceAll("inet anamnesis", "inet filter")],
    ["a set of another table", whole.replace("element inet anamnesis block4", "element inet filter block4")],
    ["a comment that ends itself", whole.replace(OURS, `${OURS}" } ; flush ruleset #`)],
    ["no end in time", whole.replace("timeout 60s", "timeout 99999999s")],
    ["no end", whole.replace("timeout 60s ", "")],
    ["an address in a set of ranges", whole.replace("anamnesis block4 { 2", "anamnesis block4r { 2")],
    ["an address of the other family", whole.replace("anamnesis block4 { 2", "anamnesis block6 { 2")],
    ["host bits", whole.replace("block4 { 203.0.113.7", "block4r { 203.0.113.7/24")],
    ["a line that is cut", whole.slice(0, -1)],
    ["carriage returns", whole.replaceAll("\n", "\r\n")],
  ])("refuses %s", async (_what, script) => {
    await expect(load(script)).rejects.toMatchObject({ code: "input.invalid" });
    expect(kernel.script).toBe("");
  });

  test.each(["\n", "{}\n", "[]\n", "null\n", "load\n", '{"do":"load"}\n', '{"do":"exec","script":"x"}\n'])(
    "answers a question that is none: %j",
    async (question) => {
      expect(await say(question)).toMatchObject({ ok: false, code: "input.invalid" });
    },
  );

  test("hangs up on who does not end", async () => {
    expect(await say("x".repeat(33 << 20))).toBeUndefined();
    await load(nftScript(1, line("203.0.113.7")));
  });

  test("loads nothing while Self cannot be read, and goes on when it can", async () => {
    self = () => {
      throw new AnamnesisError("config.invalid", "plant.yaml: self: is missing");
    };
    await expect(load(whole)).rejects.toMatchObject({ code: "config.invalid" });
    expect(kernel.script).toBe("");
    self = () => SELF;
    await load(whole);
    expect(kernel.script).toBe(whole);
  });

  test("follows Self as it is now", async () => {
    await load(whole);
    self = () => ({ ...SELF, assets: [{ name: "lab", addresses: ["203.0.113.7"] }] });
    await expect(load(whole)).rejects.toMatchObject({ code: "plan.self" });
  });

  test("passes on what nft said", async () => {
    kernel.fault = new AnamnesisError("control.io", "nft -f -: Operation not permitted");
    await expect(load(whole)).rejects.toThrow(/Operation not permitted/);
  });

  test("is for its owner and group only", async () => {
    expect((await stat(socket)).mode & 0o777).toBe(0o660);
  });

  test("takes the place of a dead one and not of a living one", async () => {
    const again = () => startNftHelper({ socket, self, log: silent, nft: kernel.nft });
    await expect(again()).rejects.toMatchObject({ code: "port.taken" });
    await load(whole);
    await helper.stop();
    await writeFile(socket, ""); // what a killed one may leave
    helper = await again();
    await load(whole);
  });
});

test("without a helper the control says how to start one", async () => {
  await helper.stop();
  await expect(nftByHelper(socket)(["-j", "list", "tables"])).rejects.toThrow(
    /start it with: anamnesis nft-helper/,
  );
  helper = await startNftHelper({ socket, self, log: silent, nft: kernel.nft });
});
