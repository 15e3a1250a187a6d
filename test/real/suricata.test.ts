import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { countEve, type EveFacts } from "../../scripts/record/facts/eve-facts.ts";
import { type FixtureFacts, readFixture } from "../../scripts/record/facts/fixture-facts.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures", import.meta.url));
const REPLAY = fileURLToPath(new URL("../../scripts/record/replay.sh", import.meta.url));
const facts: FixtureFacts = JSON.parse(readFileSync(`${FIXTURES}/facts.json`, "utf8"));

/** Says why Suricata 7 cannot be run here, or nothing when it can. */
function reasonToSkip(): string | undefined {
  const { status, stdout } = spawnSync(REPLAY, ["--version"], { encoding: "utf8" });
  const version = stdout?.trim() ?? "";
  const hint = "set SURICATA_ROOT after scripts/ci/install-suricata.sh DIR";
  if (status !== 0 || version === "") return `no suricata on PATH and no chroot in SURICATA_ROOT; ${hint}`;
  if (Number.parseInt(version, 10) < 7) return `suricata ${version} is too old, 7 is needed; ${hint}`;
  return undefined;
}

const reason = reasonToSkip();
if (reason !== undefined) console.warn(`SKIPPED test/real/suricata: ${reason}`);
const directory = mkdtempSync(join(tmpdir(), "anamnesis-suricata-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Replays a capture of the fixtures as the sensor of a plant and counts what Suricata says. */
function replay(capture: string, plant: string): EveFacts {
  const file = join(directory, basename(capture).replace(/\.gz$/, ""));
  writeFileSync(file, readFixture(join(FIXTURES, capture)));
  execFileSync(REPLAY, [file, directory, plant], { stdio: ["ignore", "ignore", "inherit"] });
  return countEve(readFileSync(join(directory, "eve.json")));
}

/** The plant a recording was made at: the letter at its name's end, else A. */
function plantOf(capture: string): string {
  return /-([a-d])\.pcap/.exec(capture)?.[1]?.toUpperCase() ?? "A";
}

const title = reason === undefined ? "Suricata" : `Suricata (skipped: ${reason})`;
describe.skipIf(reason !== undefined)(title, () => {
  test.each(Object.keys(facts.captures))(
    "gives for %s the alerts and Modbus transactions of facts.json",
    (capture) => {
      const recorded = facts.eve[capture.replace(".pcap", ".eve.json")];
      const replayed = replay(capture, plantOf(capture));
      expect(replayed.alerts).toEqual(recorded?.alerts);
      expect(replayed.modbus).toEqual(recorded?.modbus);
    },
    60_000,
  );

  test("gives no alert for the ordinary traffic of plant A", () => {
    expect(replay("benign/excerpt-a.pcap.gz", "A").alerts).toEqual({});
  }, 60_000);

  test("does not fire a plant's own rule on another plant's addresses", () => {
    expect(replay("attacks/modbus-write.pcap", "B").alerts).toEqual({});
  }, 60_000);
});
