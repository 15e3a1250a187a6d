import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createCrowdsec } from "../../../../node/src/adapters/controls/crowdsec.ts";
import { HOUR_MS, observable, START_MS } from "../../support/plant.ts";
import { startCrowdsec } from "./stand-in-crowdsec.ts";
import { applicationOf, describeControl } from "./suite.ts";

async function open() {
  const directory = await mkdtemp(join(tmpdir(), "anamnesis-crowdsec-"));
  const files = { passwordFile: join(directory, "password"), keyFile: join(directory, "key") };
  await writeFile(files.passwordFile, "secret\n");
  await writeFile(files.keyFile, "key\n");
  const lapi = await startCrowdsec();
  const time = { nowMs: START_MS };
  const control = createCrowdsec(
    { name: "edge-crowdsec", level: 4, url: lapi.url, machine: "plant", ...files },
    { clock: { nowMs: () => time.nowMs, monotonicMs: () => 0 } },
  );
  return {
    lapi,
    control,
    files,
    time,
    async close() {
      await lapi.close();
      await rm(directory, { recursive: true });
    },
  };
}

describeControl("crowdsec", async () => {
  const { lapi, control, time, close } = await open();
  return {
    control,
    read: async () => JSON.stringify([...lapi.state.decisions.values()]),
    tamper: async () =>
      lapi.put({
        origin: "anamnesis",
        type: "ban",
        scope: "Ip",
        value: "192.0.2.1",
        duration: "1h",
        scenario: "x",
      }),
    wipe: async () => lapi.state.decisions.clear(),
    setNowMs: (nowMs) => {
      time.nowMs = nowMs;
    },
    breakWrites: (isBroken) => {
      lapi.state.isBroken = isBroken;
    },
    silence: () => lapi.close(),
    close,
  };
});

describe("crowdsec", () => {
  let opened: Awaited<ReturnType<typeof open>>;
  beforeEach(async () => {
    opened = await open();
  });
  afterEach(() => opened.close());

  test("decides with its origin, the time that is left and the record, and leaves others' decisions alone", async () => {
    const { control, lapi } = opened;
    lapi.put({
      origin: "crowdsec",
      type: "ban",
      scope: "Ip",
      value: "192.0.2.9",
      duration: "1h",
      scenario: "ssh",
    });
    const list = ["203.0.113.7", "203.0.113.0/24"].map((value) =>
      applicationOf(control, observable(value), "block", START_MS + HOUR_MS),
    );
    await control.apply(list);
    expect([...lapi.state.decisions.values()]).toMatchObject([
      { origin: "crowdsec" },
      {
        origin: "anamnesis",
        type: "ban",
        scope: "Ip",
        value: "203.0.113.7",
        duration: "3600s",
        scenario: `anamnesis/${list[0]?.indicator}`,
      },
      { scope: "Range", value: "203.0.113.0/24" },
    ]);
    expect(lapi.state.alerts).toBe(1);
    await control.apply([]);
    expect([...lapi.state.decisions.values()].map(({ origin }) => origin)).toEqual(["crowdsec"]);
  });

  test("writes a later end anew, and nothing when nothing changed", async () => {
    const { control, lapi } = opened;
    const of = (hours: number) => [
      applicationOf(control, observable("203.0.113.7"), "block", START_MS + hours * HOUR_MS),
    ];
    await control.apply(of(1));
    await control.apply(of(1));
    expect(lapi.state.alerts).toBe(1);
    await control.apply(of(24));
    expect([...lapi.state.decisions.values()]).toMatchObject([{ duration: "86400s" }]);
  });

  test("logs in again when its token has run out, and says who is refused", async () => {
    const { control, lapi, files } = opened;
    await control.apply([applicationOf(control, observable("203.0.113.7"))]);
    lapi.state.token = "t2";
    await control.apply([applicationOf(control, observable("203.0.113.8"))]);
    expect(lapi.state.logins).toBe(2);
    lapi.state.token = "t3";
    await writeFile(files.passwordFile, "wrong");
    await expect(control.apply([])).rejects.toThrow(/refuses the machine plant \(403\)/);
    await writeFile(files.keyFile, "wrong");
    await expect(control.preflight()).rejects.toThrow(/edge-crowdsec: .*refuses the bouncer's key \(403\)/);
  });
});
