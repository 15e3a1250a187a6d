import { icsRequest } from "@anamnesis/sdk/core/ics";
import type { Traffic } from "@anamnesis/sdk/core/traffic";
import type { Detection, Self } from "@anamnesis/sdk/core/types";
import { formatNamed } from "@anamnesis/sdk/formats/formats";
import { findDrift } from "@anamnesis/sdk/learn/drift";
import { createFolder, type TrafficFold } from "@anamnesis/sdk/learn/fold";
import { proposeSelf } from "@anamnesis/sdk/learn/propose";
import { describe, expect, test } from "vitest";

const START = Date.UTC(2026, 2, 1, 5);
const NOW = START + 7_200_000;
const MINUTE = 60_000;

const SELF: Self = {
  assets: [{ name: "plc", addresses: ["10.2.2.10"] }],
  domains: [],
  roles: { otNetwork: ["10.2.2.0/24"], writers: ["10.2.2.20"], controllers: ["10.2.2.10"] },
  conduits: [{ name: "hmi", from: ["10.2.2.20"], to: ["10.2.2.10"], protocol: "modbus", functions: [3, 6] }],
  services: [],
  files: [],
  confirmedAtMs: START,
};

/** One record every minute for an hour, each shaped by the given parts. */
function hourOf(...parts: Partial<Traffic>[]): TrafficFold {
  const folder = createFolder(NOW);
  for (let minute = 0; minute < 60; minute++)
    for (const part of parts)
      folder.add(
        {
          atMs: START + minute * MINUTE,
          client: "10.2.2.20",
          server: "10.2.2.10",
          port: 502,
          protocol: "modbus",
          ...part,
        },
        { file: "log", line: minute + 1 },
      );
  return folder.fold();
}

const modbus = (code: number) => ({ request: icsRequest("modbus", code)! });

describe("proposals", () => {
  test("a scan teaches nothing, and closed doors are no machines", () => {
    const scan = Array.from({ length: 6 }, (_, i) => ({
      client: "10.2.2.99",
      server: `10.2.2.${100 + i}`,
      protocol: "flow",
      answered: false,
    }));
    const { entries, heldBack } = proposeSelf(hourOf(...scan, modbus(3)));
    expect(entries.map(({ value }) => value)).not.toContain("10.2.2.99");
    expect(JSON.stringify(entries)).not.toContain("10.2.2.100");
    expect(heldBack).toContainEqual(expect.objectContaining({ value: "10.2.2.99", reason: "scan" }));
  });

  test("who looks around is no asset", () => {
    const folder = createFolder(NOW);
    for (let i = 0; i < 30; i++)
      folder.add(
        {
          atMs: START + i * MINUTE,
          client: "10.2.2.77",
          server: `10.2.2.${100 + i}`,
          port: 22,
          protocol: "flow",
        },
        { file: "log", line: i },
      );
    const { entries, heldBack } = proposeSelf(folder.fold());
    expect(entries).toEqual([]);
    expect(heldBack).toContainEqual(
      expect.objectContaining({ value: "10.2.2.77", text: "speaks to 30 machines, hardly a word each" }),
    );
  });

  test("the machine that is attacked stays the plant's own", () => {
    const folder = createFolder(NOW);
    const attacker = { address: "10.2.2.66" };
    folder.alert(
      {
        attacker,
        victim: { address: "10.2.2.10" },
        atMs: START,
        rule: { engine: "suricata", id: 1, name: "a write" },
      } as Detection,
      { file: "log", line: 1 },
    );
    for (let minute = 0; minute < 60; minute++)
      for (const client of ["10.2.2.20", attacker.address])
        folder.add(
          {
            atMs: START + minute * MINUTE,
            client,
            server: "10.2.2.10",
            port: 502,
            protocol: "modbus",
            ...modbus(6),
          },
          { file: "log", line: minute + 2 },
        );
    expect(proposeSelf(folder.fold()).entries.map(({ part, value }) => `${part} ${value}`)).toEqual([
      "asset 10.2.2.20",
      "asset 10.2.2.10",
      "controllers 10.2.2.10",
      "otNetwork 10.2.2.0/24",
      "writers 10.2.2.20",
    ]);
  });

  test("groups and this machine itself are no machines", () => {
    expect(
      proposeSelf(
        hourOf(
          { client: "127.0.0.1", server: "127.0.0.1" },
          { client: "0.0.0.0", server: "255.255.255.255", protocol: "flow" },
          { client: "::", server: "ff02::1", protocol: "flow" },
        ),
      ).entries,
    ).toEqual([]);
  });

  test("who writes from the Internet is never a writer, however regularly", () => {
    const { entries, conduits, heldBack } = proposeSelf(hourOf({ client: "203.0.113.9", ...modbus(6) }));
    expect(entries.some(({ value }) => value === "203.0.113.9")).toBe(false);
    expect(conduits).toEqual([]);
    expect(heldBack).toContainEqual(expect.objectContaining({ value: "203.0.113.9", reason: "outside" }));
  });

  test("public ranges are the plant's own when they are named", () => {
    const fold = hourOf({ client: "192.0.2.20", server: "192.0.2.10", ...modbus(6) });
    expect(proposeSelf(fold).entries).toEqual([]);
    expect(proposeSelf(fold, ["192.0.2.0/24"]).entries.map(({ part, value }) => `${part} ${value}`)).toEqual([
      "asset 192.0.2.20",
      "asset 192.0.2.10",
      "controllers 192.0.2.10",
      "otNetwork 192.0.2.0/24",
      "writers 192.0.2.20",
    ]);
  });

  test("who programs is an engineering station, who answers TriStation a safety system; IPv6 has a /64", () => {
    const { entries } = proposeSelf(
      hourOf(
        {
          client: "fd00::20",
          server: "fd00::10",
          port: 102,
          protocol: "s7comm",
          request: icsRequest("s7comm", 0x1b)!,
        },
        {
          client: "10.2.3.8",
          server: "10.2.3.9",
          port: 1502,
          protocol: "tristation",
          request: icsRequest("tristation", 0x37)!,
        },
      ),
    );
    const of = (part: string) => entries.filter((one) => one.part === part).map(({ value }) => value);
    expect(of("engineeringStations")).toEqual(["fd00::20", "10.2.3.8"]);
    expect(of("safetySystems")).toEqual(["10.2.3.9"]);
    expect(of("otNetwork")).toEqual(["fd00::/64", "10.2.3.0/24"]);
    expect(of("writers")).toEqual([]);
  });

  test("an address with two MAC addresses has none", () => {
    const one = hourOf({ mac: "00:1b:1b:00:00:01" }, { client: "10.2.2.21", mac: "00:1b:1b:00:00:02" });
    expect(one.macs.get("10.2.2.20")).toBe("00:1b:1b:00:00:01");
    const two = hourOf({ mac: "00:1b:1b:00:00:01" }, { mac: "00:1b:1b:00:00:02" });
    expect(two.macs.size).toBe(0);
  });

  test("memory is bounded: what is too much is counted", () => {
    const folder = createFolder(NOW);
    for (let i = 0; i < 100_100; i++)
      folder.add(
        {
          atMs: START,
          client: "10.2.2.20",
          server: `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
          protocol: "flow",
        },
        { file: "log", line: i },
      );
    const { conversations, overflow } = folder.fold();
    expect(conversations.length).toBe(100_000);
    expect(overflow).toBeGreaterThan(0);
  });
});

describe("drift", () => {
  const drift = (fold: TrafficFold) =>
    findDrift(SELF, fold, { days: 30, nowMs: NOW }).outside.map(({ what, value, count }) => [
      what,
      value,
      count,
    ]);

  test("what Self knows is no drift", () => {
    expect(drift(hourOf(modbus(3), modbus(6)))).toEqual([]);
  });

  test("a function outside the conduit, a writer that is none, a host in the OT network without an entry", () => {
    expect(drift(hourOf(modbus(16)))).toEqual([["conduit", "10.2.2.20", 60]]);
    expect(drift(hourOf({ client: "10.2.2.77", ...modbus(6) }))).toEqual([
      ["host", "10.2.2.77", 60],
      ["writer", "10.2.2.77", 60],
    ]);
    expect(drift(hourOf({ server: "10.2.2.11", ...modbus(3) }))).toEqual([
      ["host", "10.2.2.11", 60],
      ["controller", "10.2.2.11", 60],
    ]);
  });
});

describe("traffic of other sensors", () => {
  function trafficOf(format: string, path: string, lines: readonly string[]): Traffic[] {
    const traffic: Traffic[] = [];
    const reader = formatNamed(format).createReader({
      detector: "d",
      path,
      onTraffic: (one) => traffic.push(one),
    });
    for (const [offset, line] of lines.entries())
      reader.push(Buffer.from(line), { offset, stream: "s", readAtMs: NOW, self: SELF });
    return traffic;
  }
  const seconds = String(START / 1000);

  test("Zeek's modbus log: requests, no responses and no exceptions, in TSV and in JSON alike", () => {
    const tsv = trafficOf("zeek-tsv", "modbus.log", [
      "#separator \\x09",
      "#path\tmodbus",
      "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tfunc\tpdu_type\texception",
      `${seconds}\tC1\t10.2.2.20\t4000\t10.2.2.10\t502\tWRITE_SINGLE_REGISTER\tREQ\t-`,
      `${seconds}\tC1\t10.2.2.20\t4000\t10.2.2.10\t502\tWRITE_SINGLE_REGISTER\tRESP\t-`,
      `${seconds}\tC1\t10.2.2.20\t4000\t10.2.2.10\t502\tREAD_COILS_EXCEPTION\t-\tILLEGAL_FUNCTION`,
    ]);
    const json = trafficOf("zeek-json", "modbus.log", [
      JSON.stringify({
        ts: START / 1000,
        uid: "C1",
        "id.orig_h": "10.2.2.20",
        "id.orig_p": 4000,
        "id.resp_h": "10.2.2.10",
        "id.resp_p": 502,
        func: "WRITE_SINGLE_REGISTER",
      }),
    ]);
    expect(tsv).toEqual([
      {
        atMs: START,
        client: "10.2.2.20",
        server: "10.2.2.10",
        port: 502,
        transport: "tcp",
        protocol: "modbus",
        request: { protocol: "modbus", function: 6, access: "write", table: "holding" },
      },
    ]);
    expect(json).toEqual(tsv);
  });

  test("Zeek's s7comm log: functions of jobs, not the same numbers in user data", () => {
    const row = (more: object) =>
      JSON.stringify({
        ts: START / 1000,
        uid: "C",
        "id.orig_h": "10.2.2.31",
        "id.orig_p": 1,
        "id.resp_h": "10.2.2.10",
        "id.resp_p": 102,
        is_orig: true,
        ...more,
      });
    const traffic = trafficOf("zeek-json", "s7comm.log", [
      row({ rosctr_code: 1, function_code: "0x29" }),
      row({ rosctr_code: 7, function_code: "0x29" }),
      row({ rosctr_code: 3, function_code: "0x29", is_orig: false }),
    ]);
    expect(traffic.map(({ request }) => [request?.function, request?.access])).toEqual([[0x29, "program"]]);
  });

  test("Zeek's conn log says who answered", () => {
    const row = (state: string) =>
      JSON.stringify({
        ts: START / 1000,
        uid: "C",
        "id.orig_h": "10.2.2.31",
        "id.orig_p": 1,
        "id.resp_h": "10.2.2.10",
        "id.resp_p": 80,
        proto: "tcp",
        conn_state: state,
      });
    const traffic = trafficOf("zeek-json", "conn.log", [row("SF"), row("S0"), row("REJ")]);
    expect(traffic.map(({ answered }) => answered)).toEqual([true, false, false]);
  });

  test("tshark's packets, as JSON and in Elasticsearch's form; a response is no request", () => {
    const json = (src: string, dst: string) =>
      JSON.stringify({
        _source: {
          layers: {
            frame: { "frame.time_epoch": seconds },
            eth: { "eth.src": "00:1b:1b:00:00:01" },
            ip: { "ip.src": src, "ip.dst": dst },
            tcp: { "tcp.dstport": dst === "10.2.2.10" ? "502" : "4000" },
            modbus: { "modbus.func_code": "5" },
          },
        },
      });
    const ek = JSON.stringify({
      timestamp: String(START),
      layers: {
        ip: { ip_ip_src: "10.2.2.20", ip_ip_dst: "10.2.2.10" },
        tcp: { tcp_tcp_dstport: "502" },
        modbus: { modbus_modbus_func_code: "5" },
      },
    });
    const traffic = trafficOf("tshark", "packets.json", [
      json("10.2.2.20", "10.2.2.10"),
      json("10.2.2.10", "10.2.2.20"),
      ek,
    ]);
    expect(traffic.map(({ client, request, atMs }) => [client, request?.function, atMs])).toEqual([
      ["10.2.2.20", 5, START],
      ["10.2.2.20", 5, START],
    ]);
    expect(traffic[0]?.mac).toBe("00:1b:1b:00:00:01");
  });
});
