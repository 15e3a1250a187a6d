import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StandingChange } from "@anamnesis/sdk/core/policy";
import { describe, expect, it } from "vitest";
import { createSuricata } from "../../../node/src/adapters/controls/suricata.ts";
import { createFakeControl } from "../support/fake-control.ts";
import { conduct, DAY_MS, observable, recordOf, START_MS, statusOf } from "../support/plant.ts";
import { attacker, inForce, makePlant } from "../support/vaccination.ts";

describe("vaccinate answers", () => {
  it("why: names the record that stops an address, and says no for others", async () => {
    const { consider, flow } = await makePlant();
    await consider(recordOf(observable("203.0.113.0/24")));
    expect(flow.why("203.0.113.77")).toMatchObject({
      us: true,
      matches: [{ place: "source", action: "block" }],
    });
    expect(flow.why("10.2.2.20")).toEqual({ value: "10.2.2.20", us: false, matches: [] });
  });

  it("why: the stranger in the OT network is stopped by us, the HMI is not", async () => {
    const directory = await mkdtemp(join(tmpdir(), "anamnesis-vaccinate-"));
    try {
      const clock = { nowMs: () => START_MS, monotonicMs: () => 0 };
      const ips = createSuricata({ name: "conduit", level: 2, path: join(directory, "x.rules") }, { clock });
      const standing: StandingChange = {
        name: "writes of strangers",
        classes: ["modbus-write-by-non-writer"],
        controls: ["conduit"],
        levels: [],
        action: "block",
        maxDurationMs: DAY_MS,
      };
      const { consider, flow, receipts } = await makePlant({ controls: [ips], standing: [standing] });
      await consider(recordOf(conduct));
      expect(receipts).toMatchObject([
        { state: "verified", action: "block", control: "conduit", kind: "suricata" },
      ]);
      expect(await readFile(join(directory, "x.rules"), "utf8")).toContain(
        "drop modbus [10.2.2.0/24,!10.2.2.20",
      );
      expect(flow.why("10.2.2.66")).toMatchObject({ us: true, matches: [{ place: "source" }] });
      expect(flow.why("10.2.2.20")).toMatchObject({ us: false, matches: [] });
      expect(flow.why(recordOf(conduct).indicator).matches).toHaveLength(1);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it("ableTo: follows levels, phases and standing changes", async () => {
    const atLevel = (level: 3 | 4) => [createFakeControl({ level })];
    const standing: StandingChange = {
      name: "conduits",
      classes: ["observable"],
      controls: ["fake"],
      levels: [],
      action: "block",
      maxDurationMs: DAY_MS,
    };
    const able = async (options: Parameters<typeof makePlant>[0]) =>
      (await makePlant(options)).flow.ableTo(attacker, "observable");
    expect(await able({ controls: atLevel(4) })).toBe("block");
    expect(await able({ controls: atLevel(3) })).toBe("alert");
    expect(await able({ controls: atLevel(3), standing: [standing] })).toBe("block");
    expect(await able({ controls: atLevel(4), phase: "shadow" })).toBe("alert");
    expect(await able({ controls: atLevel(4), phase: "learning" })).toBe("observe");
  });

  it("watched is the word where the ceiling is alert", async () => {
    const { consider, flow } = await makePlant({ controls: [createFakeControl({ level: 3 })] });
    const record = recordOf(attacker);
    await consider(record);
    expect(flow.stateOf(record.indicator)).toMatchObject({
      word: "watched",
      controls: [{ ceiling: "alert", action: "alert" }],
    });
  });

  it("an unattested response is no licence", async () => {
    const { consider, control } = await makePlant();
    await consider(recordOf(attacker, { responseStatus: statusOf("proposed") }));
    expect(inForce(control)).toEqual(["watch 203.0.113.7"]);
  });
});
