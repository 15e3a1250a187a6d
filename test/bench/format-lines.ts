/** Lines as detectors write them, every one another alert, for the benches. */
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";

/** The lines of a format: number n of them. */
export interface FormatLines {
  readonly name: string;
  readonly line: (n: number) => string;
  /** Stands before the first. */
  readonly head?: readonly string[];
  readonly path?: string;
  readonly mapping?: Mapping;
}

const MAPPING: Mapping = {
  time: "/at",
  rule: "/rule/id",
  name: "/rule/text",
  severity: { value: { path: "/level", values: { high: 80 } } },
  attacker: { address: "/who/ip", port: "/who/port" },
  victim: { address: "/whom" },
};

/** A thousand attackers. */
const address = (n: number): string => `45.60.${(n >> 8) & 3}.${n & 255}`;
const micros = (n: number): string => String(n % 1_000_000).padStart(6, "0");
const json = (value: unknown): string => JSON.stringify(value);

/** Every format that gives detections. */
export const FORMAT_LINES: readonly FormatLines[] = [
  {
    name: "eve",
    line: (n) =>
      json({
        timestamp: `2026-03-01T10:00:00.${micros(n)}+0000`,
        flow_id: 1_000_000_000_000 + n,
        in_iface: "eth1",
        event_type: "alert",
        src_ip: address(n),
        src_port: 1024 + (n % 60_000),
        dest_ip: "10.20.0.10",
        dest_port: 502,
        proto: "TCP",
        alert: {
          action: "allowed",
          gid: 1,
          signature_id: 9_000_101,
          rev: 2,
          signature: "Modbus write by a stranger",
          category: "Misc",
          severity: 1,
        },
        app_proto: "modbus",
        flow: {
          pkts_toserver: 4,
          pkts_toclient: 3,
          bytes_toserver: 300,
          bytes_toclient: 220,
          start: "2026-03-01T10:00:00.000001+0000",
        },
      }),
  },
  {
    name: "fastlog",
    line: (n) =>
      `03/01/2026-10:00:00.${micros(n)}  [**] [1:9000101:2] Modbus write by a stranger [**] [Classification: Misc Attack] [Priority: 1] {TCP} ${address(n)}:41822 -> 10.20.0.10:502`,
  },
  {
    name: "snort3",
    line: (n) =>
      json({
        seconds: 1_772_359_200 + n,
        action: "allow",
        class: "none",
        dir: "C2S",
        src_ap: `${address(n)}:41822`,
        dst_ap: "10.20.0.10:502",
        gid: 1,
        msg: "Modbus write by a stranger",
        priority: 1,
        proto: "TCP",
        rev: 1,
        rule: "1:9000101:2",
        service: "modbus",
        sid: 9_000_101,
        pkt_num: n,
      }),
  },
  {
    name: "zeek-tsv",
    head: [
      "#separator \\x09",
      "#set_separator\t,",
      "#empty_field\t(empty)",
      "#unset_field\t-",
      "#path\tnotice",
      "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tnote\tmsg\tsub\tsrc\tdst\tp\tactions",
    ],
    line: (n) =>
      `${1_772_359_200 + n}.${micros(n)}\tC${n}\t${address(n)}\t41822\t10.20.0.10\t502\ttcp\tScan::Port_Scan\t${address(n)} scanned at least 15 unique ports\tremote\t${address(n)}\t10.20.0.10\t502\tNotice::ACTION_LOG`,
  },
  {
    name: "zeek-json",
    path: "notice.log",
    line: (n) =>
      json({
        ts: 1_772_359_200.5 + n,
        uid: `C${n}`,
        "id.orig_h": address(n),
        "id.orig_p": 41_822,
        "id.resp_h": "10.20.0.10",
        "id.resp_p": 502,
        proto: "tcp",
        note: "Scan::Port_Scan",
        msg: "scanned at least 15 unique ports",
        sub: "remote",
        src: address(n),
        dst: "10.20.0.10",
        p: 502,
        actions: ["Notice::ACTION_LOG"],
      }),
  },
  {
    name: "cef",
    line: (n) =>
      `CEF:0|Vendor|OT-IDS|2.1|101|Write to a controller|High|rt=${1_772_359_200_000 + n} src=${address(n)} spt=41822 dst=10.20.0.10 dpt=502 proto=TCP app=modbus cs1Label=MitreIcsTechnique cs1=T0855 msg=Write single coil by a machine that is no writer`,
  },
  {
    name: "leef",
    line: (n) =>
      `LEEF:1.0|Vendor|OT-IDS|2.1|101|devTime=${1_772_359_200_000 + n}\tsrc=${address(n)}\tsrcPort=41822\tdst=10.20.0.10\tdstPort=502\tproto=TCP\tsev=8\tcat=Write\teventName=Write to a controller by a stranger`,
  },
  {
    name: "syslog",
    line: (n) =>
      `<4>Mar  1 10:${String(Math.floor(n / 60) % 60).padStart(2, "0")}:${String(n % 60).padStart(2, "0")} gw kernel: [${n}.${micros(n)}] DROP-IN IN=eth0 OUT= MAC=00:11:22:33:44:55:66:77:88:99:aa:bb:08:00 SRC=${address(n)} DST=10.20.0.10 LEN=60 TOS=0x00 PREC=0x00 TTL=47 ID=${n % 65_536} DF PROTO=TCP SPT=41822 DPT=502 WINDOW=64240 RES=0x00 SYN URGP=0`,
  },
  {
    name: "wazuh",
    line: (n) =>
      json({
        timestamp: "2026-03-01T10:00:00.123+0000",
        rule: {
          level: 10,
          description: "sshd: brute force",
          id: "5712",
          mitre: { id: ["T1110"], tactic: ["Credential Access"], technique: ["Brute Force"] },
          groups: ["syslog", "sshd"],
        },
        agent: { id: "001", name: "srv", ip: "10.20.0.30" },
        manager: { name: "m" },
        id: `1772359200.${n}`,
        full_log: `Mar  1 10:00:00 srv sshd[1]: Failed password for invalid user a from ${address(n)}`,
        data: { srcip: address(n), srcport: "41822", srcuser: "a" },
        location: "/var/log/auth.log",
      }),
  },
  {
    name: "crowdsec",
    line: (n) =>
      json({
        id: n,
        uuid: `u${n}`,
        created_at: "2026-03-01T10:00:00Z",
        start_at: "2026-03-01 10:00:00.123456789 +0000 UTC",
        stop_at: "2026-03-01 10:00:09.123456789 +0000 UTC",
        scenario: "local/modbus-unauth-write",
        scenario_version: "",
        events_count: 6,
        capacity: 5,
        simulated: false,
        source: { scope: "Ip", value: address(n), ip: address(n) },
        events: [
          {
            timestamp: "2026-03-01T10:00:00Z",
            meta: [
              { key: "dest_ip", value: "10.20.0.10" },
              { key: "dest_port", value: "502" },
            ],
          },
        ],
        decisions: [],
      }),
  },
  {
    name: "falco",
    line: (n) =>
      json({
        hostname: "h",
        output: "10:00:00 Warning Unexpected connection",
        priority: "Warning",
        rule: "Unexpected connection",
        source: "syscall",
        tags: ["network", "mitre_command_and_control", "T1071"],
        time: `2026-03-01T10:00:00.${micros(n)}000Z`,
        output_fields: {
          "evt.time": 1_772_359_200_000 + n,
          "fd.name": `${address(n)}:41822->10.20.0.10:502`,
          "fd.l4proto": "tcp",
          "proc.name": "x",
        },
      }),
  },
  {
    name: "ecs",
    line: (n) =>
      json({
        "@timestamp": `2026-03-01T10:00:00.${micros(n)}Z`,
        event: { kind: "alert", category: ["intrusion_detection"], severity: 73, module: "x" },
        rule: { id: "101", name: "Write to a controller" },
        source: { ip: address(n), port: 41_822 },
        destination: { ip: "10.20.0.10", port: 502 },
        network: { transport: "tcp", protocol: "modbus", direction: "inbound" },
        threat: { technique: { id: ["T0855"] } },
      }),
  },
  {
    name: "detection",
    line: (n) =>
      json({
        anamnesis: "detection/1",
        time: 1_772_359_200.5 + n,
        rule: { id: "coil-write", name: "Write to a coil by a stranger" },
        severity: 80,
        attacker: { address: address(n), port: 41_822 },
        victim: { address: "10.20.0.10", port: 502 },
        modbusFunction: 5,
        attackIds: ["T0855"],
      }),
  },
  {
    name: "mapping",
    mapping: MAPPING,
    line: (n) =>
      json({
        at: 1_772_359_200.5 + n,
        rule: { id: "0042", text: "Write to a controller" },
        level: "high",
        who: { ip: address(n), port: "41822", name: "unknown" },
        whom: "10.20.0.10",
        note: "a machine that is no writer wrote a coil",
      }),
  },
];
