import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { countFixtures, readFixture } from "../../scripts/record/facts/fixture-facts.ts";

const FIXTURES = fileURLToPath(new URL("../../fixtures", import.meta.url));
const { suricata: _version, ...facts } = JSON.parse(readFileSync(`${FIXTURES}/facts.json`, "utf8"));

test("facts.json says exactly what the recordings hold", () => {
  expect(countFixtures(FIXTURES)).toEqual(facts);
});

test("all.eve.json is the two attacks at plant A one after the other", () => {
  const parts = ["modbus-write", "internet-exploit"].map((name) =>
    readFixture(`${FIXTURES}/attacks/${name}.eve.json`),
  );
  expect(readFixture(`${FIXTURES}/attacks/all.eve.json`).equals(Buffer.concat(parts))).toBe(true);
});

test("no rule fires in a benign recording, and every benign recording has Modbus traffic", () => {
  const benign = Object.keys(facts.eve).filter((name) => name.startsWith("benign/"));
  expect(benign).toHaveLength(5);
  for (const name of benign) {
    expect(facts.eve[name].alerts, name).toEqual({});
    expect(facts.eve[name].events.modbus, name).toBeGreaterThan(500);
  }
});

test("the alert for the downloaded file names the SHA-256 of the file that was served", () => {
  const lines = readFixture(`${FIXTURES}/attacks/internet-exploit.eve.json`)
    .toString("utf8")
    .trimEnd()
    .split("\n");
  const alert = lines.map((line) => JSON.parse(line)).find((event) => event.alert?.signature_id === 9000104);
  expect(alert.files[0]).toMatchObject({
    sha256: facts.maliciousFile.sha256,
    size: facts.maliciousFile.bytes,
  });
});

test("no recording names a hardware address", () => {
  for (const name of Object.keys(facts.eve)) {
    expect(readFixture(`${FIXTURES}/${name}`).toString("utf8"), name).not.toMatch(/"ether"|src_mac/);
  }
});
