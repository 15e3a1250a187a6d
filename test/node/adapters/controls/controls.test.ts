import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEdl } from "../../../../node/src/adapters/controls/edl.ts";
import { createGateway } from "../../../../node/src/adapters/controls/gateway.ts";
import { createNftables } from "../../../../node/src/adapters/controls/nftables.ts";
import { createSuricata } from "../../../../node/src/adapters/controls/suricata.ts";
import { startGateway } from "../../../../node/src/adapters/gateway/gateway.ts";
import type { Clock, Control } from "../../../../node/src/ports.ts";
import { createFakeControl } from "../../support/fake-control.ts";
import { START_MS } from "../../support/plant.ts";
import { silent } from "../../support/vaccination.ts";
import { ruleOf, rulesText } from "../gateway/support.ts";
import { type Bench, describeControl } from "./suite.ts";

async function openFiles(create: (path: string, clock: Clock) => Control, extra: string) {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-control-"));
  const path = join(directory, "control.rules");
  let nowMs = START_MS;
  const control = create(path, { nowMs: () => nowMs, monotonicMs: () => nowMs });
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
    close: () => rm(directory, { recursive: true }),
  } satisfies Bench & { path: string; nowMs: () => number };
}

describeControl("edl", () =>
  openFiles((path, clock) => createEdl({ name: "edge-list", level: 4, path }, { clock }), "192.0.2.1"),
);

describeControl("nftables", () =>
  openFiles(
    (path, clock) => createNftables({ name: "edge-nft", level: 4, path }, { clock }),
    "add element inet anamnesis block4 { 192.0.2.1 timeout 60s }",
  ),
);

describeControl("suricata", () =>
  openFiles(
    (path, clock) => createSuricata({ name: "edge-ips", level: 4, path }, { clock }),
    'drop ip any any -> any any (msg:"no"; sid:1; rev:1;)',
  ),
);

describeControl("gateway", async () => {
  const bench = await openFiles(
    (path, clock) => createGateway({ name: "cell-gateway", level: 2, path }, { clock }),
    rulesText([ruleOf()]).trimEnd(),
  );
  const gateway = await startGateway(
    { conduits: [], path: bench.path },
    { clock: { nowMs: () => bench.nowMs(), monotonicMs: () => 0 }, log: silent },
  );
  return {
    ...bench,
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
    close: async () => undefined,
  };
});
