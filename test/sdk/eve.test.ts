import { readFileSync } from "node:fs";
import { join } from "node:path";
import { lineExample, parseEveLine } from "@anamnesis/sdk/core/eve";
import { parseEveTime } from "@anamnesis/sdk/core/eve-fields";
import type { Detection, LineOutcome } from "@anamnesis/sdk/core/types";
import { describe, expect, it } from "vitest";
import { alertLine, CONTEXT } from "./eve-support.ts";

function detection(line: string | Uint8Array): Detection {
  const outcome = parseEveLine(line, CONTEXT);
  if (outcome.kind !== "detection") throw new Error(`not a detection: ${JSON.stringify(outcome)}`);
  return outcome.detection;
}

function reason(line: string | Uint8Array): string {
  const outcome = parseEveLine(line, CONTEXT);
  return outcome.kind === "rejected" ? outcome.reason : outcome.kind;
}

describe("time", () => {
  it.each([
    ["2026-03-01T10:00:00.123456+0000", "2026-03-01T10:00:00.123Z"],
    ["2026-03-01T05:00:00.123456-0500", "2026-03-01T10:00:00.123Z"],
    ["2026-03-01T10:00:00.9+00:00", "2026-03-01T10:00:00.900Z"],
    ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.000Z"],
    ["2026-03-01T10:00:00.123456789-0000", "2026-03-01T10:00:00.123Z"],
    ["2024-02-29T23:59:60+0530", "2024-02-29T18:30:00.000Z"],
    ["0099-01-01T00:00:00Z", "0099-01-01T00:00:00.000Z"],
  ])("%s is %s", (text, iso) => expect(parseEveTime(text)).toBe(Date.parse(iso)));

  it.each([
    ..."2026-03-01T10:00:00.123456,2026-03-01T10:00:00,2026-02-30T10:00:00Z,2026-13-01T10:00:00Z".split(","),
    ..."2026-03-01T24:00:00Z,2026-03-01T10:60:00Z,2026-03-01T10:00:00.Z,2026-03-01T10:00:00+2400".split(","),
    ..."2026-03-01T10:00:00+00:0,2026-03-01T10:00:00Z ,2026/03/01T10:00:00Z,2026-03-01,,now".split(","),
    "2026-03-01T10.00:00Z",
    "2025-02-29T10:00:00Z",
  ])("%j says no instant", (text) => {
    expect(parseEveTime(text)).toBeUndefined();
    expect(reason(alertLine({ timestamp: text }))).toBe("line.timestamp");
  });

  it("needs a text", () => expect(reason(alertLine({ timestamp: 1_772_359_200 }))).toBe("line.timestamp"));
});

describe("severity counts from 100 down", () => {
  it.each([
    [{ severity: 1 }, 90],
    [{ severity: 2 }, 60],
    [{ severity: 3 }, 30],
    [{ severity: 4 }, 10],
    [{ severity: 255 }, null],
    [{ severity: 0 }, null],
    [{ severity: "1" }, null],
    [{ severity: undefined }, null],
    [{ severity: 3, metadata: { signature_severity: ["Critical"] } }, 90],
    [{ severity: 1, metadata: { signature_severity: ["Informational"] } }, 10],
    [{ severity: 1, metadata: { signature_severity: ["Unheard"] } }, 90],
    [{ severity: 1, metadata: { signature_severity: ["constructor"] } }, 90],
  ])("%j is %s", (alert, severity) => expect(detection(alertLine({}, alert)).severity).toBe(severity));
});

it("takes ATT&CK ids that are ids, once each", () => {
  const metadata = {
    mitre_technique_id: ["T0855", "t1059.001", "T0855", "TA0106", "T99999", 7, "T0855; rm"],
  };
  expect(detection(alertLine({}, { metadata })).attackIds).toEqual(["T0855", "T1059.001"]);
});

describe("what is read", () => {
  it("a rule, an action, a flow", () => {
    expect(detection(alertLine({ community_id: "1:x" }, { action: "blocked" }))).toEqual({
      id: expect.stringMatching(/^0x[0-9a-f]{64}$/),
      atMs: Date.parse("2026-03-01T10:00:00.123Z"),
      readAtMs: 7,
      detector: "eve",
      rule: {
        engine: "suricata",
        gid: 1,
        id: 2250009,
        rev: 2,
        name: "SURICATA Modbus invalid Function code",
        category: "Generic Protocol Command Decode",
      },
      severity: 90,
      action: "blocked",
      attacker: { address: "203.0.113.66", port: 41822 },
      victim: { address: "10.20.0.10", port: 502 },
      transport: "tcp",
      appProtocol: "modbus",
      flowId: "1398609176796675",
      communityId: "1:x",
      observables: [{ kind: "ipv4-addr", value: "203.0.113.66" }],
      attackIds: [],
    });
  });

  it("no payload, whatever its field", () => {
    const secret = "c2VjcmV0";
    const line = alertLine({
      payload: secret,
      packet: secret,
      http: { http_request_body: secret },
      extra: { secret },
    });
    expect(JSON.stringify(parseEveLine(line, CONTEXT))).not.toContain(secret);
  });

  it("control characters of a rule's name never", () => {
    expect(detection(alertLine({}, { signature: "a\u001b[2J\nb" })).rule.name).toBe("a [2J b");
    expect(detection(alertLine({}, { signature: "x".repeat(9_000) })).rule.name).toHaveLength(512);
  });

  it("rules of one id and different text apart", () => {
    for (const signature of ["one", "two", "one"]) {
      expect(detection(alertLine({}, { signature })).rule.name).toBe(signature);
    }
    expect(detection(alertLine({}, { signature: "one", rev: 3 })).rule.rev).toBe(3);
  });

  it("the digits of a flow id above 2^53 (T19)", () => {
    const line = alertLine().replace("1398609176796675", "9007199254740993");
    for (const form of [line, Buffer.from(line), line.replace("{", "{ ")]) {
      expect(detection(form).flowId).toBe("9007199254740993");
    }
    expect(detection(line.replace("9007199254740993", '"0042"')).flowId).toBe("0042");
    expect(detection(line.replace("9007199254740993", "1.5")).flowId).toBeUndefined();
  });

  it.each([
    [
      { function_raw: 6, function_code: "WrSingleReg", access_type: "WRITE | HOLDING" },
      [6, "write", "holding"],
    ],
    [{ function_raw: 5, function_code: "WrSingleCoil", access_type: "" }, [5, "write", "coil"]],
    [{ function_code: "WrMultRegs" }, [16, "write", "holding"]],
    [{ function_raw: 23 }, [23, "write", "holding"]],
    [{ function_raw: 3 }, [3, "read", "holding"]],
    [{ function_raw: 8 }, [8, "other", "none"]],
  ])("the Modbus request %j", (request, [code, access, table]) => {
    const { ics } = detection(alertLine({ modbus: { id: 1, request } }));
    expect(ics).toEqual({ protocol: "modbus", function: code, access, table });
  });

  it.each([
    [{ function_raw: 134 }],
    [{ function_raw: 0 }],
    [{ function_raw: "6" }],
    [{ function_code: "toString" }],
    [null],
  ])("no Modbus function from %j", (request) =>
    expect(detection(alertLine({ modbus: { request } })).ics).toBeUndefined(),
  );
});

describe("who attacks", () => {
  const ends = (parts: Record<string, unknown>, alert: Record<string, unknown> = { signature_id: 5 }) => {
    const { attacker, victim } = detection(alertLine({ app_proto: undefined, ...parts }, alert));
    return [attacker?.address, victim?.address];
  };
  const flow = (src_ip: unknown, src_port: unknown, dest_ip: unknown, dest_port: unknown) => ({
    src_ip,
    src_port,
    dest_ip,
    dest_port,
  });

  it("the rule says it before everything else (T06)", () => {
    const alert = {
      signature_id: 5,
      source: { ip: "203.0.113.66", port: 41822 },
      target: { ip: "10.20.0.10", port: 502 },
    };
    expect(
      ends({ ...flow("10.20.0.10", 502, "203.0.113.66", 41822), direction: "to_client" }, alert),
    ).toEqual(["203.0.113.66", "10.20.0.10"]);
    const target = { signature_id: 5, target: { ip: "45.1.1.1", port: 80 } };
    expect(ends(flow("10.20.0.10", 5000, "45.1.1.1", 80), target)).toEqual(["10.20.0.10", "45.1.1.1"]);
  });

  it("else the end that is not the plant's", () => {
    expect(ends({ ...flow("10.20.0.10", 502, "45.1.1.1", 4000), direction: "to_server" })).toEqual([
      "45.1.1.1",
      "10.20.0.10",
    ]);
    expect(ends(flow("10.99.0.1", 4000, "10.20.0.10", 502))).toEqual(["10.99.0.1", "10.20.0.10"]);
  });

  it("else the public one", () => {
    expect(ends(flow("192.168.7.7", 4000, "45.1.1.1", 80))).toEqual(["45.1.1.1", "192.168.7.7"]);
  });

  it("else the client: by direction, by the flow, by ports", () => {
    const strangers = flow("45.1.1.1", 4000, "45.2.2.2", 5000);
    expect(ends({ ...strangers, direction: "to_server" })).toEqual(["45.1.1.1", "45.2.2.2"]);
    expect(ends({ ...strangers, direction: "to_client" })).toEqual(["45.2.2.2", "45.1.1.1"]);
    expect(ends({ ...strangers, flow: { src_ip: "45.2.2.2", src_port: 5000 } })).toEqual([
      "45.2.2.2",
      "45.1.1.1",
    ]);
    expect(ends(flow("45.1.1.1", 443, "45.2.2.2", 5000))).toEqual(["45.2.2.2", "45.1.1.1"]);
    expect(ends(flow("10.20.0.10", 4000, "10.1.2.10", 20_000))).toEqual(["10.20.0.10", "10.1.2.10"]);
  });

  it("else nobody, and nothing may be blocked", () => {
    expect(ends(flow("45.1.1.1", 4000, "45.2.2.2", 5000))).toEqual([undefined, undefined]);
    expect(ends(flow(null, undefined, "10.20.0.10", 502))).toEqual([undefined, undefined]);
    expect(ends(flow("host", 1, "10.20.0.10", 502))).toEqual([undefined, undefined]);
  });

  it("a group address never", () => {
    expect(ends(flow("fe80::1%eth0", 1, "ff02::1", 502))).toEqual(["fe80::1", "ff02::1"]);
    expect(ends(flow("10.20.0.10", 5353, "224.0.0.251", 5353))).toEqual([undefined, undefined]);
  });

  it("Suricata's own events accuse the client or nobody", () => {
    const alert = { signature_id: 2_210_054 };
    expect(ends(flow("10.20.0.10", 49_285, "52.85.83.187", 443), alert)).toEqual([undefined, undefined]);
    expect(ends(flow("45.1.1.1", 4000, "10.20.0.10", 502), alert)).toEqual(["45.1.1.1", "10.20.0.10"]);
  });
});

describe("observables are the attacker's alone", () => {
  const values = (parts: Record<string, unknown>, alert: Record<string, unknown> = {}) =>
    detection(alertLine({ app_proto: undefined, ...parts }, { signature_id: 5, ...alert }))
      .observables.slice(1)
      .map(({ kind, value }) => `${kind} ${value}`);
  const outbound = {
    src_ip: "10.1.5.50",
    src_port: 4000,
    dest_ip: "45.1.1.1",
    dest_port: 80,
    direction: "to_server",
  };
  const inbound = {
    src_ip: "45.1.1.1",
    src_port: 4000,
    dest_ip: "10.1.5.50",
    dest_port: 80,
    direction: "to_server",
  };
  const sha256 = "487597eb72fa4f61de61bbaef0a70015f15107a77f26da51414ba4e39c81881b";

  it("a victim that asks: names and URLs", () => {
    const http = { hostname: "Evil.Example.", url: "/a%20b/c.php?session=secret#x" };
    expect(values({ ...outbound, http })).toEqual([
      "domain-name evil.example",
      "url http://evil.example/a%20b/c.php",
    ]);
    expect(values({ ...outbound, tls: { sni: "c2.example" } })).toEqual(["domain-name c2.example"]);
    for (const dns of [
      { query: [{ rrname: "c2.example" }] },
      { queries: [{ rrname: "c2.example" }, { rrname: "C2.example" }] },
      { type: "query", rrname: "c2.example" },
      { query: { rrname: "c2.example" } },
      { answer: { rrname: "c2.example" } },
    ]) {
      expect(values({ ...outbound, dns })).toEqual(["domain-name c2.example"]);
    }
  });

  it("never the victim's own names when the attacker asks", () => {
    const http = { hostname: "portal.elsewhere.example", url: "/login" };
    expect(
      values({ ...inbound, http, dns: { query: [{ rrname: "x.example" }] }, tls: { sni: "x.example" } }),
    ).toEqual([]);
  });

  it("an attacking client's fingerprints, not the victim's and not the server's", () => {
    const tls = {
      ja3: { hash: "34af37fcfae76cfdc49fae5c5e384d00" },
      ja4: "t13d1516h2_8daaf6152771_e5627efa2ab1",
      ja3s: { hash: "abade5a4a7f42baf54766e5d108283b6" },
    };
    expect(values({ ...inbound, tls })).toEqual([`ja3 ${tls.ja3.hash}`, `ja4 ${tls.ja4}`]);
    expect(values({ ...outbound, tls })).toEqual([]);
    expect(values({ ...inbound, tls: { ja3: {}, ja4: "nonsense" } })).toEqual([]);
  });

  it("files that the attacker sent, whole ones", () => {
    const files = [{ sha256, state: "CLOSED" }];
    expect(values({ ...inbound, files })).toEqual([`file ${sha256}`]);
    expect(values({ ...outbound, files })).toEqual([]); // the victim's own upload
    const download = {
      src_ip: "45.1.1.1",
      src_port: 80,
      dest_ip: "10.1.5.50",
      dest_port: 4000,
      direction: "to_client",
    };
    expect(values({ ...download, files })).toEqual([`file ${sha256}`]);
    expect(values({ ...download, fileinfo: files[0] })).toEqual([`file ${sha256}`]);
    expect(
      values({ ...download, files: [{ sha256, state: "TRUNCATED" }, { sha256: "short" }, null] }),
    ).toEqual([]);
  });

  it.each([
    [{ hostname: "45.1.1.1:8080", url: "/x" }, ["url http://45.1.1.1:8080/x"]],
    [{ hostname: "[2a00::1]", url: "/x" }, ["url http://[2a00::1]/x"]],
    [
      { hostname: "e.example", http_port: 8080, url: "/x" },
      ["domain-name e.example", "url http://e.example:8080/x"],
    ],
    [
      { hostname: "e.example", url: "http://e.example/x" },
      ["domain-name e.example", "url http://e.example/x"],
    ],
    [{ hostname: "e.example", url: "/" }, ["domain-name e.example"]],
    [
      { hostname: "e.example", url: "/it's\\n\"x\ud800" },
      ["domain-name e.example", "url http://e.example/it%27s%5Cn%22x%EF%BF%BD"],
    ],
    [{ hostname: "münchen.example", url: "/" }, ["domain-name xn--mnchen-3ya.example"]],
    [{ hostname: "a b.example", url: "/x" }, []],
    [{ hostname: "-x.example", url: "/x" }, []],
    [{ hostname: "x.999", url: "/x" }, []],
    [{ hostname: "user@e.example", url: "/x" }, []],
    [{ hostname: `${"a".repeat(64)}.example`, url: "/x" }, []],
    [{ hostname: 7, url: "/x" }, []],
  ])("HTTP %j", (http, expected) => expect(values({ ...outbound, http })).toEqual(expected));
});

describe("lines that are no alerts", () => {
  it.each(["flow", "dns", "modbus", "stats", "bittorrent_dht", "netflow"])("%s is context", (event_type) => {
    expect(parseEveLine(JSON.stringify({ event_type }), CONTEXT)).toEqual({
      kind: "context",
      eventType: event_type,
    });
  });

  it.each([
    ["not json", "line.notJson"],
    ["", "line.notJson"],
    ['{"event_type":"alert","score":NaN}', "line.notJson"],
    ['{"a":-Infinity}', "line.notJson"],
    ["{", "line.notJson"],
    [`[${alertLine()}]`, "line.notObject"],
    ["null", "line.notObject"],
    ['"text"', "line.notObject"],
    ["{}", "line.fields"],
    ['{"event_type":7}', "line.fields"],
    ['{"event_type":"martian"}', "line.unknownType"],
    [Buffer.from(alertLine(), "utf16le").toString("latin1"), "line.encoding"],
    [alertLine({ alert: undefined }), "line.fields"],
    [alertLine({ alert: [] }), "line.fields"],
    [alertLine({}, { signature_id: "7" }), "line.fields"],
    [alertLine({}, { signature_id: 1.5 }), "line.fields"],
    [alertLine({ src_ip: 7 }), "line.fields"],
    [alertLine({ dest_port: "502" }), "line.fields"],
    [alertLine({ src_port: 65_536 }), "line.fields"],
  ])("%j is %s", (line, expected) => {
    expect(reason(line)).toBe(expected);
    expect(reason(Buffer.from(line))).toBe(expected);
  });

  it("shows 200 characters of it, without payload and control characters", () => {
    const outcome = parseEveLine(
      '{"payload":"AAAA\\"BB","packet" : "CCCC","x":"\u001b[31m\u202e',
      CONTEXT,
    ) as LineOutcome & { example: string };
    expect(outcome.example).toBe('{"payload":"…","packet" : "…","x":"·[31m·');
    expect(lineExample("y".repeat(9_999))).toHaveLength(200);
    expect(lineExample(`{"payload":"${"z".repeat(9_999)}`)).toBe('{"payload":"…"');
  });
});

describe("what does not change an outcome", () => {
  it("byte order mark and carriage return (T16)", () => {
    const line = alertLine();
    for (const form of [`\ufeff${line}`, `${line}\r`, `\ufeff${line}\r`]) {
      expect(detection(form)).toEqual(detection(line));
      expect(detection(Buffer.from(form))).toEqual(detection(line));
    }
  });

  it("invalid UTF-8 does not hide an alert: it is replaced (T15)", () => {
    const [before, after] = alertLine({}, { signature: "caf%" }).split("%") as [string, string];
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xe9, 0xff]), Buffer.from(after)]);
    expect(detection(bytes).rule.name).toBe("caf\ufffd\ufffd");
  });

  it("nesting under `event` (T09)", () => {
    const inner = detection(alertLine());
    const outer = detection(`{"firewall_name":"f","event":${alertLine()}}`);
    expect({ ...outer, id: inner.id }).toEqual(inner);
  });

  it("of equal keys the last counts (T07)", () => {
    const line = alertLine().replace('"src_port":41822', '"src_port":1,"src_port":41822');
    for (const form of [line, Buffer.from(line)]) expect(detection(form).attacker?.port).toBe(41822);
  });
});

it("an id is one line's at one place of one stream of one detector", () => {
  const id = (line: string, context = {}) => {
    const outcome = parseEveLine(Buffer.from(line), { ...CONTEXT, ...context });
    return outcome.kind === "detection" ? outcome.detection.id : "";
  };
  const line = alertLine();
  expect(id(line, { readAtMs: 99 })).toBe(id(line));
  const others = [
    id(line, { offset: 1 }),
    id(line, { stream: "2:abc" }),
    id(line, { detector: "other" }),
    id(line.replace("41822", "41823")),
  ];
  expect(new Set([id(line), ...others]).size).toBe(5);
});

describe("the recorded attacks", () => {
  const alerts = readFileSync(join(import.meta.dirname, "../../fixtures/attacks/all.eve.json"), "utf8")
    .split("\n")
    .filter((line) => line.includes('"event_type":"alert"'))
    .map((line) => detection(Buffer.from(line)));
  const of = (id: number) => alerts.filter(({ rule }) => rule.id === id);

  it("Modbus writes: attacker, function, technique", () => {
    expect(of(9_000_001).length).toBeGreaterThan(0);
    for (const one of of(9_000_001)) {
      expect(one).toMatchObject({ severity: 60, appProtocol: "modbus", attackIds: ["T0855"] });
      expect(one.attacker?.address).toMatch(/\.66$/);
      expect(one.victim).toMatchObject({ port: 502 });
      expect(one.ics?.access).toBe("write");
    }
  });

  it("the Internet side: what the attacker showed of itself", () => {
    const values = (id: number) => [
      ...new Set(of(id).flatMap((one) => one.observables.map(({ value }) => value))),
    ];
    expect(values(9_000_101)).toEqual(["203.0.113.7"]);
    expect(values(9_000_103)).toContain("update.turbine-fw.example");
    expect(values(9_000_104)).toEqual([
      "203.0.113.7",
      "update.turbine-fw.example",
      "http://update.turbine-fw.example/fw/turbine-4.2.bin",
      "487597eb72fa4f61de61bbaef0a70015f15107a77f26da51414ba4e39c81881b",
    ]);
  });
});

it("the body of an attacker's form is no file that could be met again", () => {
  const lines = readFileSync(join(import.meta.dirname, "../../fixtures/attacks/all.eve.json"), "utf8").split(
    "\n",
  );
  const filesOf = (sid: number): readonly string[] => {
    const line = lines.find((each) => each.includes(`"signature_id":${sid}`)) ?? "";
    const outcome = parseEveLine(line, CONTEXT);
    if (outcome.kind !== "detection") throw new Error(`alert ${sid} is not in the recording`);
    return outcome.detection.observables.flatMap(({ kind, value }) => (kind === "file" ? [value] : []));
  };
  expect(filesOf(9000102)).toEqual([]);
  expect(filesOf(9000104)).toEqual(["487597eb72fa4f61de61bbaef0a70015f15107a77f26da51414ba4e39c81881b"]);
});
