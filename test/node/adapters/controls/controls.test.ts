import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { type FileSystem, nodeFileSystem } from "../../../../node/src/adapters/controls/atomic-file.ts";
import { createEdl } from "../../../../node/src/adapters/controls/edl.ts";
import { createGateway } from "../../../../node/src/adapters/controls/gateway.ts";
import { nftByHelper } from "../../../../node/src/adapters/controls/nft-client.ts";
import { createNftables, type RunNft } from "../../../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../../../node/src/adapters/controls/suricata.ts";
import { createZeekIntel } from "../../../../node/src/adapters/controls/zeek-intel.ts";
import { startGateway } from "../../../../node/src/adapters/gateway/gateway.ts";
import { type NftHelper, startNftHelper } from "../../../../node/src/helper/nft-helper.ts";
import type { Clock, Control } from "../../../../node/src/ports.ts";
import { createFakeKernel } from "../../helper/support.ts";
import { createFakeControl, diskFull } from "../../support/fake-control.ts";
import { SELF, START_MS } from "../../support/plant.ts";
import { silent } from "../../support/vaccination.ts";
import { ruleOf, rulesText } from "../gateway/support.ts";
import { type Bench, describeControl } from "./suite.ts";

async function openFiles(
  create: (path: string, ports: { clock: Clock; files: FileSystem }) => Control,
  extra: string,
) {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-control-"));
  const path = join(directory, "control.rules");
  let nowMs = START_MS;
  let isBroken = false;
  const files: FileSystem = {
    ...nodeFileSystem,
    async rename(from, to) {
      if (isBroken) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      await nodeFileSystem.rename(from, to);
    },
  };
  const clock = { nowMs: () => nowMs, monotonicMs: () => nowMs };
  const control = create(path, { clock, files });
  const readAll = async () => {
    const names = (await readdir(directory)).filter((name) => !name.endsWith(".sock")).sort();
    const texts = await Promise.all(names.map((name) => readFile(join(directory, name), "utf8")));
    return texts.join("\n");
  };
  return {
    control,
    path,
    nowMs: () => nowMs,
    read: readAll,
    tamper: async () => writeFile(path, `${await readFile(path, "utf8")}${extra}\n`),
    wipe: () => writeFile(path, ""),
    setNowMs: (next: number) => {
      nowMs = next;
    },
    breakWrites: (next: boolean) => {
      isBroken = next;
    },
    close: () => rm(directory, { recursive: true }),
  } satisfies Bench & { path: string; nowMs: () => number };
}

describeControl("edl", () =>
  openFiles((path, ports) => createEdl({ name: "edge-list", level: 4, path }, ports), "192.0.2.1"),
);

describeControl("nftables", () =>
  openFiles(
    (path, ports) => createNftables({ name: "edge-nft", level: 4, path }, ports),
    "add element inet anamnesis block4 { 192.0.2.1 timeout 60s }",
  ),
);

describeControl("suricata", () =>
  openFiles(
    (path, ports) => createSuricata({ name: "edge-ips", level: 4, path }, ports),
    'drop ip any any -> any any (msg:"no"; sid:1; rev:1;)',
  ),
);

describeControl("zeek-intel", () =>
  openFiles(
    (path, ports) => createZeekIntel({ name: "core-zeek", level: 3, path }, ports),
    "192.0.2.1\tIntel::ADDR\tsomebody\t-\tT",
  ),
);

describeControl("gateway", async () => {
  const bench = await openFiles(
    (path, ports) => createGateway({ name: "cell-gateway", level: 2, path }, ports),
    rulesText([ruleOf()]).trimEnd(),
  );
  const gateway = await startGateway(
    { conduits: [], path: bench.path },
    { clock: { nowMs: () => bench.nowMs(), monotonicMs: () => 0 }, log: silent },
  );
  return {
    ...bench,
    silence: () => gateway.stop(),
    close: async () => {
      await gateway.stop();
      await bench.close();
    },
  };
});

describeControl("fake", async () => {
  let nowMs = START_MS;
  const control = createFakeControl({ nowMs: () => nowMs });
  return {
    control,
    read: async () => [...control.inForce.values()].map(({ statement }) => statement).join("\n"),
    tamper: async () => control.tamper("block 192.0.2.1"),
    wipe: async () => control.loseAll(),
    setNowMs: (next) => {
      nowMs = next;
    },
    breakWrites: (isBroken) => {
      control.fault = isBroken ? diskFull() : undefined;
    },
    close: async () => undefined,
  };
});

describeControl("nftables in the kernel", async () => {
  /** What the kernel holds: a script is taken whole or not at all. */
  let kernel = "";
  let isAway = false;
  const nft: RunNft = async (args) => {
    if (isAway) throw new AnamnesisError("control.io", "nft failed: Operation not permitted");
    if (args[0] === "-f") kernel = await readFile(args[1] as string, "utf8");
    const elem = [...kernel.matchAll(/^add element inet anamnesis (\w+) \{ ([0-9a-f.:/]+)/gm)];
    const sets = new Map<string, string[]>();
    for (const [, set = "", value = ""] of elem) sets.set(set, [...(sets.get(set) ?? []), value]);
    return JSON.stringify({ nftables: [...sets].map(([name, values]) => ({ set: { name, elem: values } })) });
  };
  const bench = await openFiles(
    (path, ports) => createNftables({ name: "edge-nft", level: 4, path, apply: "exec" }, { ...ports, nft }),
    "",
  );
  return {
    ...bench,
    read: async () => kernel,
    tamper: async () => {
      kernel += "add element inet anamnesis block4 { 192.0.2.1 timeout 60s }\n";
    },
    wipe: async () => {
      kernel = "";
    },
    silence: async () => {
      isAway = true;
    },
  };
});

describeControl("nftables by the helper", async () => {
  const kernel = createFakeKernel();
  let helper: NftHelper | undefined;
  const bench = await openFiles((path, ports) => {
    const nft = nftByHelper(`${path}.sock`);
    return createNftables({ name: "edge-nft", level: 4, path, apply: "exec" }, { ...ports, nft });
  }, "");
  helper = await startNftHelper({
    socket: `${bench.path}.sock`,
    self: () => SELF,
    log: silent,
    nft: kernel.nft,
  });
  return {
    ...bench,
    read: async () => kernel.script,
    tamper: async () => {
      kernel.script += "add element inet anamnesis block4 { 192.0.2.1 timeout 60s }\n";
    },
    wipe: async () => {
      kernel.script = "";
    },
    silence: async () => {
      await helper?.stop();
      helper = undefined;
    },
    close: async () => {
      await helper?.stop();
      await bench.close();
    },
  };
});
