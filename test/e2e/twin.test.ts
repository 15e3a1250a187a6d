import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { readConfig } from "../../node/src/config.ts";
import { LOCAL_PARAMETERS, openConsortium } from "../../scripts/consortium/consortium.ts";
import { requireFitting } from "../../scripts/start/history.ts";
import { paintFor } from "../../scripts/start/paint.ts";
import { complaintsOfRefutation, refuteAll } from "../../scripts/start/refutation.ts";
import { runAttack } from "../../scripts/start/run.ts";
import { createScreen } from "../../scripts/start/screen.ts";
import { startTwin } from "../../scripts/start/twin.ts";
import { type PlantWatch, until, watchPlant } from "../../scripts/start/watch.ts";
import { placeCell } from "../../scripts/twin/cell.ts";
import { complaintsOf } from "../../scripts/twin/scenario.ts";
import { PATIENCE_MS } from "./support.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
/** The other plants are attacked once they had all the time they need: how fast they are is the minute's question. */
const SHORT = { firstS: 0, othersS: 0, attackS: 4, endS: 5 };

it("what plant A's gateway saw stops the same attack elsewhere, until it is refuted", {
  timeout: 2 * PATIENCE_MS,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-twin-"));
  const cells = await Promise.all([0, 1, 2].map((index) => placeCell(index + 20, index > 0)));
  const { signal } = new AbortController();
  const stream = { isTTY: false, write: () => true } as unknown as NodeJS.WriteStream;
  const local = await openConsortium({
    directory,
    plants: 3,
    log: SILENT,
    cells,
    ports: { chain: 0, http: 0, peer: 0 },
    blockMs: 200,
  });
  const config = readConfig(join(local.plants[0]?.directory ?? "", "plant.yaml"));
  const voice = { screen: createScreen(stream), paint: paintFor(stream) };
  const twin = await startTwin(cells, local, config, voice, SHORT);
  try {
    await Promise.all(local.plants.map((_, index) => local.startPlant(index)));
    const watches = local.plants.map(watchPlant);
    const isReady = async () =>
      (await Promise.all(watches.map((watch) => watch.health()))).every(({ alarms }) => alarms.length === 0);
    expect(await until(isReady, PATIENCE_MS, signal)).toBe(true);

    const result = await runAttack({
      watches,
      attack: twin.attack,
      timeoutMs: PATIENCE_MS,
      signal,
      onChange: () => undefined,
      onReturn: () => undefined,
    });
    expect(result).toMatchObject({
      complaints: [],
      figures: { immune: 3, records: 2, lost: 0, duplicated: 0 },
    });
    expect(twin.records()[0]).toMatchObject({ attackWritesReceived: 12, attackWritesRefused: 0 });
    expect(twin.records()[0]?.maxM).toBeGreaterThan(1.2);

    await expect(requireFitting(watches[0] as PlantWatch, [], false)).rejects.toThrow(
      /--no-share: 2 records were shared/,
    );
    const again = await twin.again(signal);
    expect(again.flatMap(complaintsOf)).toEqual([]);
    for (const record of again)
      expect(record).toMatchObject({ attackWritesReceived: 0, attackWritesRefused: 12, timeInBand: 1 });

    const refuted = await refuteAll(twin, watches, LOCAL_PARAMETERS.refutes, PATIENCE_MS, signal);
    expect(refuted.applied).toBeGreaterThan(0);
    expect(complaintsOfRefutation(refuted)).toEqual([]);
    for (const record of refuted.twin) expect(record.attackWritesReceived).toBe(12);
    await expect(requireFitting(watches[0] as PlantWatch, twin.attack.records, true)).rejects.toThrow(
      /was refuted in this history; begin a new one with --fresh/,
    );
  } finally {
    await twin.stop();
    await local.stop();
    await rm(directory, { recursive: true, force: true });
  }
});
