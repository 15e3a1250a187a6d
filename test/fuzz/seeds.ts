/** Lines of every format to begin fuzzing with: as detectors write them, and the less usual forms. */
import type { Mapping } from "@anamnesis/sdk/formats/mapping-types";
import { FORMAT_LINES } from "../bench/format-lines.ts";

/** A format with what its streams begin with and lines of it. */
export interface Seed {
  readonly name: string;
  /** Stands before everything else. */
  readonly head: readonly string[];
  /** Line number n; every one another alert. */
  readonly line: (n: number) => string;
  readonly others: readonly string[];
  readonly path?: string;
  readonly mapping?: Mapping;
}

/** Forms beside the one that the bench writes. */
const OTHERS: { readonly [name: string]: readonly string[] } = {
  eve: [
    '{"timestamp":"2026-03-01T10:00:00.1-0400","event_type":"flow","src_ip":"10.20.0.1","src_port":1,"dest_ip":"10.20.0.10","dest_port":502,"proto":"TCP","flow":{"state":"new","pkts_toclient":0}}',
    '{"event":{"timestamp":"2026-03-01T10:00:00.1Z","flow_id":9007199254740993,"event_type":"alert","src_ip":"::ffff:45.60.0.1","dest_ip":"fe80::1%eth0","alert":{"signature_id":2250009,"signature":"x","severity":255,"source":{"ip":"45.60.0.1"},"metadata":{"mitre_technique_id":["T0855"],"signature_severity":["Critical"]}},"http":{"hostname":"a.example:8080","url":"/x?y"},"tls":{"sni":"b.example","ja3":{}},"dns":{"queries":[{"rrname":"c.example"}]},"files":[{"sha256":"0","state":"CLOSED"}],"modbus":{"request":{"function_code":"WrSingleCoil"}}}}',
  ],
  fastlog: [
    "03/01-10:00:00.000001  [Drop] [**] [1:1:1] x [**] [Priority: 0] {UDP} [2001:db8::1]:53 -> 2001:db8::2:53",
  ],
  "zeek-tsv": [
    "#fields\tts\tuid\tseen.indicator\tseen.indicator_type\tseen.where\tsources",
    "#separator \\x2c",
    "1772359200.000000\tC1\t-\t-\t-\t-\t(empty)\tIntel::X\t\\x28empty)\t\\xff\t-\t-\t-\t-",
  ],
  "zeek-json": [
    '{"ts":1772359200.5,"uid":"C1","id":{"orig_h":"45.60.0.1","orig_p":1,"resp_h":"10.20.0.10","resp_p":502},"seen.indicator":"evil.example","seen.indicator_type":"Intel::DOMAIN","seen.where":"HTTP::IN_HOST_HEADER","matched":["Intel::DOMAIN"],"sources":["x"],"_path":"intel"}',
    '{"ts":"2026-03-01T10:00:00Z","uid":"C1","id.orig_h":"10.20.0.1","id.orig_p":1,"id.resp_h":"10.20.0.10","id.resp_p":502,"func":"WRITE_SINGLE_COIL","pdu_type":"REQ","_path":"modbus"}',
  ],
  cef: [
    "<134>Mar  1 10:00:00 box CEF: 0|V\\|x|P|1|7|a\\\\b|10|rt=Mar 01 2026 10:00:00.5 UTC act=blocked src=fe80::1 pt=502 dst=10.20.0.10 msg=a\\=b c=d src=10.20.0.10",
    '<134>1  2026-03-01T10:00:00Z box app - - [a b="\\]"] CEF:0|V|P|1|7|n|Very-High|flexString1Label=mitre_attack_techniques flexString1=T0836 dvc=192.0.2.1',
  ],
  leef: [
    "LEEF:2.0|V|P|1|7|x5E|devTime=Mar 01 2026 10:00:00 +0200^src=45.60.0.1^srcPreNAT=45.60.0.2^dstPostNAT=0.0.0.0^sev=11",
  ],
  syslog: [
    "2026-03-01 10:00:00,123 fail2ban.actions [77]: NOTICE [sshd] Ban 45.60.0.1",
    "Mar  1 10:00:00 gw last message repeated 3 times",
    "<13>1 2026-03-01T10:00:00.5+01:00 gw app 1 ID - message repeated 2 times: [ kernel: DROP SRC=45.60.0.1 DST=10.20.0.10 PROTO=TCP ]",
    "<4>Mar  1 10:00:00 gw a: x#012<4>Mar  1 10:00:01 gw kernel: DROP IN=e OUT= SRC=45.60.0.1 DST=10.20.0.10",
    "Mar  1 10:00:00 fw filterlog[1]: 4,,,1000,em0,match,block,in,4,0x0,,64,1,0,DF,6,tcp,60,45.60.0.1,10.20.0.10,1,502,0,S,1,,64240",
    '<13>Mar  1 10:00:00 h suricata[1]: {"timestamp":"2026-03-01T10:00:00Z","event_type":"alert","alert":{"signature_id":1}}',
    "type=AVC msg=audit(1:1): x",
  ],
  wazuh: [
    '{"rule":{"sidid":5712,"level":"16","comment":"x"},"TimeStamp":1772359200000,"srcip":"-","data":{"src_ip":"45.60.0.1","dest_ip":"10.20.0.10","src_port":"1.000000","flow_id":"1398609176796675.000000","alert":{"action":"blocked"},"win":{"eventdata":{"ipAddress":"::1"}}}}',
  ],
  crowdsec: [
    '{"new":[{"id":1,"type":"ban","scope":"Ip","value":"45.60.0.1","duration":"3h59m52.19s","origin":"CAPI","scenario":"s"},{"type":"ban","scope":"Range","value":"45.0.0.0/8","duration":"-1h","scenario":"s"}],"deleted":null}',
    '[{"scenario":"a/b","start_at":"2026-03-01T10:00:00Z","source":{"scope":"AS","value":"1"},"labels":[{"classification":["attack.T1110"]}],"events":[{"meta":[{"key":"service","value":"modbus"},{"key":"modbus_fc","value":"5"}]}],"decisions":[{"type":"ban","scope":"Ip","duration":"4h"}]}]',
  ],
  falco: [
    '{"output":"x","priority":"Debug","rule":"r","time":"2026-03-01T10:00:00.123456789Z","output_fields":{"fd.sip":"10.20.0.10","fd.sport":502,"fd.cip":"45.60.0.1","fd.cport":1,"evt.time":1772359200123456789}}',
  ],
  ecs: [
    '{"@timestamp":1772359200000,"event.kind":"signal","event.type":["denied"],"rule.name":"n","threat.technique.id":["T0855"],"client":{"ip":"45.60.0.1"},"source.ip":"45.60.0.1","destination.ip":"10.20.0.10"}',
  ],
  detection: [
    '{"anamnesis":"detection/1","rule":{"id":7},"source":{"address":"45.60.0.1"},"destination":{"address":"10.20.0.10","port":"502"},"observables":[{"kind":"domain-name","value":"xn--a.example"},{"kind":"ja3","value":"0"}]}',
  ],
  mapping: ['{"at":"2026-03-01 10:00:00.5 +0000 UTC","rule":{"id":7},"level":"low"}'],
  tshark: [
    '{"index":{"_index":"packets-2026"}}',
    '{"_source":{"layers":{"frame":{"frame.time_epoch":"1772359200.5"},"ip":{"ip.src":"45.60.0.1","ip.dst":"10.20.0.10"},"tcp":{"tcp.srcport":"1","tcp.dstport":"502"},"mbtcp":{},"modbus":{"modbus.func_code":"5"}}}}',
    '{"ts":"1772359200.5","src":"45.60.0.1","dst":"10.20.0.10","fc":"5"}',
  ],
};

const PACKET: Seed = {
  name: "tshark",
  head: [],
  line: (n) =>
    `{"timestamp":"1772359200000","layers":{"frame":{"frame_frame_number":"${n}"},"ip":{"ip_ip_src":"45.60.0.1","ip_ip_dst":"10.20.0.10"},"tcp":{"tcp_tcp_dstport":"502"},"modbus":{"modbus_modbus_func_code":"5"}}}`,
  others: OTHERS.tshark ?? [],
};

/** Every format. */
export const SEEDS: readonly Seed[] = [
  ...FORMAT_LINES.map(({ head = [], ...rest }) => ({ ...rest, head, others: OTHERS[rest.name] ?? [] })),
  PACKET,
];
