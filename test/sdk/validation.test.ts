import { compileBehaviour, matchesBehaviour } from "@anamnesis/sdk/core/compile";
import { type BenignRecord, buildBenignIndex, validate } from "@anamnesis/sdk/core/validation";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BEHAVIOUR, conduct, observable, SELF, START_MS } from "../node/support/plant.ts";

const LIMITS = { minimumEvents: 100, minimumHours: 24 };

/** Polls of the HMI, one write by a writer in ten, names and files beside. */
function benign(count = 200): BenignRecord[] {
  return Array.from({ length: count }, (_, i): BenignRecord => {
    const atMs = START_MS + i * 1000;
    if (i % 10 === 9) {
      const name = i % 20 === 9 ? "time.vendor.example" : "files.mirror.example";
      return { atMs, source: "10.2.5.50", destination: "192.0.2.53", port: 53, protocol: "dns", name };
    }
    const code = i % 10 === 8 ? 6 : 3;
    return {
      atMs,
      source: "10.2.2.20",
      destination: "10.2.2.10",
      port: 502,
      protocol: "modbus",
      function: code,
    };
  });
}

const index = buildBenignIndex(benign());
const run = (form = conduct, self = SELF) => validate(form, self, index, LIMITS);

describe("validate", () => {
  it("passes a behaviour that no benign request shows, and gives the figures", () => {
    expect(run()).toEqual({
      ok: true,
      result: { events: 180, hours: 0.07, hits: 0, dataset: index.dataset },
    });
  });

  it("counts every benign request the compiled predicate would hit", () => {
    const self = { ...SELF, roles: { ...SELF.roles, writers: ["10.2.2.30"] } };
    expect(run(conduct, self)).toMatchObject({ ok: false, code: "validation.hit", result: { hits: 20 } });
  });

  it("agrees with the predicate applied to each record", () => {
    const address = fc.integer({ min: 1, max: 40 }).map((last) => `10.2.2.${last}`);
    const record = fc.record({
      atMs: fc.constant(START_MS),
      source: address,
      destination: address,
      port: fc.constantFrom(502, 503),
      protocol: fc.constant("modbus"),
      function: fc.constantFrom(3, 5, 6, 16),
    });
    fc.assert(
      fc.property(fc.array(record, { minLength: 100, maxLength: 150 }), (records) => {
        const predicate = compileBehaviour(BEHAVIOUR, SELF);
        if ("refused" in predicate) throw new Error(predicate.reason);
        const hits = records.filter((one) => matchesBehaviour(predicate, one)).length;
        const outcome = validate(conduct, SELF, buildBenignIndex(records), LIMITS);
        expect(outcome).toMatchObject({ ok: hits === 0, result: { hits, events: records.length } });
      }),
    );
  });

  it("never claims 0 hits on too few events or on none of that protocol", () => {
    const insufficient = { ok: false, code: "validation.insufficient" };
    expect(validate(conduct, SELF, buildBenignIndex(benign(50)), LIMITS)).toMatchObject(insufficient);
    const nothing = buildBenignIndex([]);
    expect(validate(conduct, SELF, nothing, { minimumEvents: 0, minimumHours: 0 })).toMatchObject(
      insufficient,
    );
    const noModbus = benign().filter(({ protocol }) => protocol !== "modbus");
    expect(validate(conduct, SELF, buildBenignIndex(noModbus), LIMITS)).toMatchObject({
      ...insufficient,
      result: { events: 0 },
    });
    expect(run(observable("cd".repeat(32), "file"))).toMatchObject(insufficient);
    expect(run(observable("http://c2.example/x", "url"))).toMatchObject(insufficient);
  });

  it("takes hours instead of events only when they are real", () => {
    const slow = benign(100).map((record, i) => ({ ...record, atMs: START_MS + i * 60_000 }));
    const limits = { minimumEvents: 1000, minimumHours: 1 };
    expect(validate(conduct, SELF, buildBenignIndex(slow), limits)).toMatchObject({
      ok: true,
      result: { hours: 1.67 },
    });
    expect(validate(conduct, SELF, buildBenignIndex(slow, { realTime: false }), limits)).toMatchObject({
      ok: false,
      result: { hours: 0 },
    });
  });

  it("claims no hours for a gap", () => {
    const late = benign().map((record) => ({ ...record, atMs: record.atMs + 100 * 3_600_000 }));
    expect(buildBenignIndex([...benign(), ...late]).hours).toBeLessThan(0.2);
  });

  it("matches addresses exactly and by range", () => {
    expect(run(observable("203.0.113.7"))).toMatchObject({ ok: true, result: { hits: 0 } });
    expect(run(observable("192.0.2.53"))).toMatchObject({ code: "validation.hit", result: { hits: 20 } });
    expect(run(observable("192.0.2.0/24"))).toMatchObject({ code: "validation.hit", result: { hits: 20 } });
    expect(run(observable("192.0.3.0/24"))).toMatchObject({ ok: true });
    expect(run(observable("not an address"))).toMatchObject({ ok: false });
  });

  it("matches names by suffix", () => {
    const names = validate(observable("mirror.example", "domain-name"), SELF, index, {
      ...LIMITS,
      minimumEvents: 10,
    });
    expect(names).toMatchObject({ code: "validation.hit", result: { events: 20, hits: 10 } });
    const other = validate(observable("irror.example", "domain-name"), SELF, index, {
      ...LIMITS,
      minimumEvents: 10,
    });
    expect(other).toMatchObject({ ok: true });
  });

  it("counts Self as a hit even when it was silent", () => {
    expect(run(observable("198.51.100.10"))).toMatchObject({ code: "validation.hit", result: { hits: 1 } });
    expect(run(observable("hmi.plant.example", "domain-name"))).toMatchObject({ code: "validation.hit" });
    expect(run(observable("ab".repeat(32), "file"))).toMatchObject({ code: "validation.hit" });
  });

  it("refuses with self.incomplete when a set is empty, every address, or unreadable", () => {
    const broken = [
      { otNetwork: [] },
      { writers: [] },
      { controllers: [] },
      { otNetwork: ["0.0.0.0/0"] },
      { otNetwork: ["any"] },
      { controllers: ["::/0"] },
      { writers: ["10.2.2.0/24"] },
      { writers: ["10.2.2.20/24"] },
    ];
    for (const roles of broken) {
      const self = { ...SELF, roles: { ...SELF.roles, ...roles } };
      expect(run(conduct, self), JSON.stringify(roles)).toMatchObject({ ok: false, code: "self.incomplete" });
    }
  });

  it("names its data set: equal for equal records in any order, different for one more", () => {
    const records = benign();
    expect(buildBenignIndex([...records].reverse()).dataset).toBe(index.dataset);
    expect(buildBenignIndex([...records, records[0] as BenignRecord]).dataset).not.toBe(index.dataset);
  });
});
