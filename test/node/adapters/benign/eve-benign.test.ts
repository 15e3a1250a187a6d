import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { validate } from "@anamnesis/sdk/core/validation";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadBenign, toBenignRecord } from "../../../../node/src/adapters/benign/eve-benign.ts";
import { conduct, observable, SELF } from "../../support/plant.ts";

const FIXTURE = fileURLToPath(new URL("../../../../fixtures/benign/excerpt-a.eve.json.gz", import.meta.url));
const SELF_A = {
  ...SELF,
  roles: { otNetwork: ["10.1.2.0/24"], writers: ["10.1.2.20", "10.1.2.30"], controllers: ["10.1.2.10"] },
};
const LIMITS = { minimumEvents: 100, minimumHours: 24 };

describe("loadBenign", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "anamnesis-benign-"));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("reads the recorded traffic of plant A: no stranger writes, its own writers do", async () => {
    const { index, lines, skipped } = await loadBenign([FIXTURE]);
    expect({ lines, skipped }).toEqual({ lines: 616, skipped: 0 });
    expect(index.events.modbus).toBe(562);
    expect(validate(conduct, SELF_A, index, LIMITS)).toMatchObject({
      ok: true,
      result: { events: 562, hits: 0 },
    });
    const nobody = { ...SELF_A, roles: { ...SELF_A.roles, writers: ["10.1.2.99"] } };
    const hit = validate(conduct, nobody, index, LIMITS);
    expect(hit).toMatchObject({ ok: false, code: "validation.hit" });
    expect(hit.ok === false && (hit.result?.hits ?? 0) > 0).toBe(true);
    expect(validate(observable("203.0.113.7"), SELF_A, index, LIMITS)).toMatchObject({ ok: true });
    const vendor = { ...SELF_A, services: [] };
    expect(validate(observable("198.51.100.10"), vendor, index, LIMITS)).toMatchObject({
      code: "validation.hit",
    });
    const few = { minimumEvents: 10, minimumHours: 24 };
    expect(validate(observable("vendor.example", "domain-name"), vendor, index, few)).toMatchObject({
      code: "validation.hit",
    });
  });

  it("counts what it cannot use and goes on, in plain and compressed files", async () => {
    const good = JSON.stringify({
      timestamp: "2026-03-01T00:00:00.000000+0000",
      event_type: "modbus",
      src_ip: "10.1.2.20",
      dest_ip: "10.1.2.10",
      dest_port: 502,
      modbus: { request: { function_raw: 6 } },
    });
    const alert = good.replace("modbus", "alert");
    const long = `{"x":"${"y".repeat(3 << 20)}"}`;
    const body = [good, "", "{", "null", '"text"', alert, long, good, good].join("\n");
    const plain = join(directory, "a.eve.json");
    const packed = join(directory, "b.eve.json.gz");
    await writeFile(plain, body);
    await writeFile(packed, gzipSync(body));
    const { index, lines, skipped } = await loadBenign([plain, packed]);
    expect({ lines, skipped, modbus: index.events.modbus }).toEqual({ lines: 18, skipped: 12, modbus: 6 });
  });

  it("names a file that is missing or damaged", async () => {
    const missing = join(directory, "none.json");
    await expect(loadBenign([missing])).rejects.toMatchObject({
      code: "detector.io",
      details: { path: missing },
    });
    const damaged = join(directory, "half.json.gz");
    await writeFile(damaged, gzipSync("x".repeat(100_000)).subarray(0, 60));
    await expect(loadBenign([damaged])).rejects.toMatchObject({ code: "detector.io" });
  });

  it("spells IPv6 canonically and names in lower case", () => {
    const line = JSON.stringify({
      timestamp: "2026-03-01T00:00:00Z",
      event_type: "dns",
      src_ip: "2001:0db8:0000:0000:0000:0000:0000:0001",
      dest_ip: "192.0.2.53",
      dest_port: 53,
      dns: { version: 3, queries: [{ rrname: "Time.Example" }] },
    });
    expect(toBenignRecord(line)).toMatchObject({ source: "2001:db8::1", name: "time.example" });
  });
});
