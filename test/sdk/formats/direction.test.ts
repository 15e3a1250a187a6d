/** Attacker and victim are not source and destination: the same cases for every format. */
import { deriveCandidates } from "@anamnesis/sdk/core/candidates";
import type { Detection, Endpoint, Self } from "@anamnesis/sdk/core/types";
import { cef } from "@anamnesis/sdk/formats/cef";
import { crowdsec } from "@anamnesis/sdk/formats/crowdsec";
import { ecs } from "@anamnesis/sdk/formats/ecs";
import { eve } from "@anamnesis/sdk/formats/eve";
import { falco } from "@anamnesis/sdk/formats/falco";
import { fastlog } from "@anamnesis/sdk/formats/fastlog";
import type { Format } from "@anamnesis/sdk/formats/format";
import { FORMATS } from "@anamnesis/sdk/formats/formats";
import { leef } from "@anamnesis/sdk/formats/leef";
import { mapping } from "@anamnesis/sdk/formats/mapping";
import { own } from "@anamnesis/sdk/formats/own";
import { ownLine } from "@anamnesis/sdk/formats/own-line";
import { snort3 } from "@anamnesis/sdk/formats/snort3";
import { syslog } from "@anamnesis/sdk/formats/syslog";
import { wazuh } from "@anamnesis/sdk/formats/wazuh";
import { zeekJson } from "@anamnesis/sdk/formats/zeek-json";
import { zeekTsv } from "@anamnesis/sdk/formats/zeek-tsv";
import { describe, expect, it } from "vitest";
import { alertLine } from "../eve-support.ts";
import { alertsOf, type ReadOptions } from "./support.ts";

const PLC = { address: "10.20.0.10", port: 502 };
const PLC_2 = { address: "10.20.0.11", port: 50_001 };
const OUTSIDE = { address: "203.0.113.66", port: 41_822 };
const OTHER = { address: "198.51.100.7", port: 50_002 };
const WEB = { address: "198.51.100.7", port: 443 };

const SELF: Self = {
  assets: [{ name: "cell", addresses: ["10.20.0.10", "10.20.0.11", "198.18.5.1"] }],
  domains: [],
  roles: { otNetwork: [], writers: [], controllers: ["10.20.0.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};
/** A plant that has not said what is its own yet. */
const NOTHING: Self = { ...SELF, assets: [], roles: { otNetwork: [], writers: [], controllers: [] } };

interface Sensor {
  readonly format: Format;
  /** The stream of one alert about a packet. */
  readonly lines: (from: Endpoint, to: Endpoint) => readonly string[];
  readonly options?: ReadOptions;
  /** Its records are of connections, whose first end began it; else of packets. */
  readonly connections?: true;
  /** Ports say who serves. */
  readonly ports?: false;
}

const ap = ({ address, port }: Endpoint): string => `${address}:${port}`;
const ZEEK = ["ts", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "note"];
const zeekValues = (from: Endpoint, to: Endpoint) => [
  "1772359200.5",
  from.address,
  from.port,
  to.address,
  to.port,
  "Site::Odd",
];

/** Sensors of packets and connections. Those of hosts (fail2ban, CrowdSec, Intel) say themselves who it was. */
const SENSORS: readonly Sensor[] = [
  {
    format: eve,
    lines: (from, to) => [
      alertLine(
        {
          src_ip: from.address,
          src_port: from.port,
          dest_ip: to.address,
          dest_port: to.port,
          app_proto: "x",
        },
        { signature_id: 1_000_001 },
      ),
    ],
  },
  {
    format: fastlog,
    lines: (from, to) => [
      `03/01/2026-10:00:00.000001  [**] [1:1000001:1] Odd [**] [Classification: x] [Priority: 1] {TCP} ${ap(from)} -> ${ap(to)}`,
    ],
  },
  {
    format: snort3,
    lines: (from, to) => [
      JSON.stringify({
        seconds: 1_772_359_200,
        rule: "1:1000001:1",
        msg: "Odd",
        priority: 1,
        proto: "TCP",
        src_ap: ap(from),
        dst_ap: ap(to),
      }),
    ],
    ports: false,
  },
  {
    format: zeekTsv,
    lines: (from, to) => [
      "#separator \\x09",
      "#path\tnotice",
      `#fields\t${ZEEK.join("\t")}`,
      zeekValues(from, to).join("\t"),
    ],
    connections: true,
    ports: false,
  },
  {
    format: zeekJson,
    lines: (from, to) => [
      JSON.stringify(Object.fromEntries(ZEEK.map((key, i) => [key, zeekValues(from, to)[i]]))),
    ],
    options: { path: "notice.log" },
    connections: true,
    ports: false,
  },
  {
    format: cef,
    lines: (from, to) => [
      `CEF:0|V|P|1|7|Odd|5|src=${from.address} spt=${from.port} dst=${to.address} dpt=${to.port}`,
    ],
  },
  {
    format: leef,
    lines: (from, to) => [
      `LEEF:1.0|V|P|1|7|src=${from.address}\tsrcPort=${from.port}\tdst=${to.address}\tdstPort=${to.port}\tsev=5`,
    ],
  },
  {
    format: syslog,
    lines: (from, to) => [
      `Mar  1 10:00:00 gw kernel: [1.0] DROP IN=eth0 OUT= SRC=${from.address} DST=${to.address} PROTO=UDP SPT=${from.port} DPT=${to.port}`,
    ],
  },
  {
    format: wazuh,
    lines: (from, to) => [
      JSON.stringify({
        timestamp: "2026-03-01T10:00:00.123+0000",
        rule: { id: "86601", level: 10, description: "Odd" },
        agent: { id: "1", name: "sensor", ip: "10.20.0.200" },
        data: {
          src_ip: from.address,
          src_port: String(from.port),
          dest_ip: to.address,
          dest_port: String(to.port),
        },
      }),
    ],
  },
  {
    format: ecs,
    lines: (from, to) => [
      JSON.stringify({
        "@timestamp": "2026-03-01T10:00:00Z",
        event: { kind: "alert" },
        rule: { id: "7" },
        source: { ip: from.address, port: from.port },
        destination: { ip: to.address, port: to.port },
      }),
    ],
  },
  {
    format: falco,
    lines: (from, to) => [
      JSON.stringify({
        time: "2026-03-01T10:00:00.1Z",
        rule: "Odd",
        priority: "Warning",
        output: "odd",
        output_fields: { "fd.name": `${ap(from)}->${ap(to)}` },
      }),
    ],
    connections: true,
    ports: false,
  },
  { format: own, lines: (source, destination) => [ownLine({ rule: { id: 7 }, source, destination })] },
  {
    format: mapping,
    lines: (from, to) => [JSON.stringify({ from, to })],
    options: {
      mapping: {
        rule: { const: "odd" },
        source: { address: "/from/address", port: "/from/port" },
        destination: { address: "/to/address", port: "/to/port" },
      },
    },
  },
];

describe.each(SENSORS)("$format.name", ({ format, lines, options, connections, ports }) => {
  const alert = (from: Endpoint, to: Endpoint, self = SELF): Detection => {
    const found = alertsOf(format, lines(from, to), { ...options, self });
    expect(found).toHaveLength(1);
    return found[0] as Detection;
  };
  const accused = (from: Endpoint, to: Endpoint, self = SELF) => alert(from, to, self).attacker?.address;

  it("a stranger's request accuses the stranger, its victim is the controller", () => {
    expect(alert(OUTSIDE, PLC)).toMatchObject({
      attacker: { address: OUTSIDE.address },
      victim: { address: PLC.address },
    });
  });

  it("the controller's answer, or the mirror of the request, accuses the stranger as well", () => {
    const answer = alert(PLC, OUTSIDE);
    expect(answer).toMatchObject({
      attacker: { address: OUTSIDE.address },
      victim: { address: PLC.address },
    });
    expect(answer.observables.map(({ value }) => value)).toEqual([OUTSIDE.address]);
  });

  it("does not depend on Self for a private end", () => {
    expect(accused(OUTSIDE, PLC, NOTHING)).toBe(OUTSIDE.address);
    expect(accused(PLC, OUTSIDE, NOTHING)).toBe(OUTSIDE.address);
  });

  it("two strangers of whom nothing tells who began: nobody, and nothing can be blocked from it", () => {
    const unknown = alert(OUTSIDE, OTHER);
    expect(unknown.attacker).toBeUndefined();
    expect(unknown.victim).toBeUndefined();
    expect(unknown.observables).toEqual([]);
    const lab = { self: SELF, labPublic: ["203.0.113.0/24", "198.51.100.0/24"] };
    const { candidates, stopped } = deriveCandidates(unknown, lab);
    expect(candidates).toEqual([]);
    expect(stopped[0]?.code).toBe("candidate.direction");
  });

  it("two of the plant's own of whom nothing tells who began: nobody", () => {
    expect(accused({ ...PLC, port: 50_000 }, PLC_2)).toBeUndefined();
    expect(accused(PLC_2, { ...PLC, port: 50_000 })).toBeUndefined();
  });

  it("a public address of the plant's own is not accused, whichever end it is", () => {
    const server = { address: "198.18.5.1", port: 443 };
    expect(accused(server, OUTSIDE)).toBe(OUTSIDE.address);
    expect(accused(OUTSIDE, server)).toBe(OUTSIDE.address);
  });

  it(
    ports === false
      ? "ports alone tell nothing"
      : "of two strangers the one at a server's port is the victim, in both directions",
    () => {
      if (connections === true || ports === false) return expect(accused(OUTSIDE, WEB)).toBeUndefined();
      expect(accused(OUTSIDE, WEB)).toBe(OUTSIDE.address);
      expect(accused(WEB, OUTSIDE)).toBe(OUTSIDE.address);
    },
  );
});

it("every format of alerts has its cases", () => {
  const elsewhere = [crowdsec.name, "tshark"];
  expect([...SENSORS.map(({ format }) => format.name), ...elsewhere].sort()).toEqual(
    FORMATS.map(({ name }) => name).sort(),
  );
});

describe("address translation", () => {
  it("LEEF: who it was before, and whom it reached", () => {
    const line = (more: string) =>
      `LEEF:1.0|V|P|1|7|src=10.20.0.254\tdst=198.18.5.1\tdstPort=502\tsrcPreNAT=203.0.113.66\tdstPostNAT=10.20.0.10\t${more}`;
    expect(alertsOf(leef, [line("sev=5")], { self: SELF })[0]).toMatchObject({
      attacker: { address: "203.0.113.66" },
      victim: { address: "10.20.0.10" },
    });
    const none = "LEEF:1.0|V|P|1|7|src=203.0.113.9\tdst=10.20.0.10\tsrcPreNAT=0.0.0.0\tdstPostNAT=0.0.0.0";
    expect(alertsOf(leef, [none], { self: SELF })[0]?.attacker?.address).toBe("203.0.113.9");
  });

  it("CEF: a gateway that reports its own address as the source is nobody", () => {
    const line = "CEF:0|V|P|1|7|Odd|5|dvc=203.0.113.1 src=203.0.113.1 spt=4000 dst=10.20.0.10 dpt=502";
    expect(alertsOf(cef, [line], { self: SELF })[0]?.attacker).toBeUndefined();
  });

  it("ECS: the end itself counts, not what it was translated to", () => {
    const line = JSON.stringify({
      event: { kind: "alert" },
      rule: { id: "7" },
      source: { ip: "203.0.113.66", port: 41_822, nat: { ip: "10.20.0.254" } },
      destination: { ip: "10.20.0.10", port: 502 },
    });
    expect(alertsOf(ecs, [line], { self: SELF })[0]?.attacker?.address).toBe("203.0.113.66");
  });
});
