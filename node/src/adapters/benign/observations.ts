/** Lines of Suricata's EVE and of Zeek's logs (TSV, JSON) as observations to learn from. */

import type { BenignRecord } from "@anamnesis/sdk/core/validation";
import type { Observation } from "@anamnesis/sdk/learn/traffic";
import { toBenignRecord } from "./eve-benign.ts";

type Members = Readonly<Record<string, unknown>>;

/** Zeek's names of Modbus functions that are told apart here (base/protocols/modbus/consts.zeek). */
const MODBUS_FUNCTIONS: Readonly<Record<string, number>> = {
  READ_COILS: 1,
  READ_DISCRETE_INPUTS: 2,
  READ_HOLDING_REGISTERS: 3,
  READ_INPUT_REGISTERS: 4,
  WRITE_SINGLE_COIL: 5,
  WRITE_SINGLE_REGISTER: 6,
  WRITE_MULTIPLE_COILS: 15,
  WRITE_MULTIPLE_REGISTERS: 16,
  MASK_WRITE_REGISTER: 22,
  READ_WRITE_MULTIPLE_REGISTERS: 23,
};

/** Reads the lines of one file in order: a TSV's header is remembered. Undefined for what teaches nothing. */
export function createObserver(file: string): (line: string, number: number) => Observation | undefined {
  let log = /(?:^|[/\\])([a-z0-9_]+)\.(?:[0-9:.-]+\.)?log\b/.exec(file.toLowerCase())?.[1] ?? "";
  let fields: readonly string[] = [];

  return (line, number) => {
    const place = `${file}:${number}`;
    if (line.startsWith("#")) {
      if (line.startsWith("#path\t")) log = line.slice("#path\t".length).trim();
      if (line.startsWith("#fields\t")) fields = line.split("\t").slice(1);
      return undefined;
    }
    if (!line.startsWith("{")) {
      const values = line.split("\t");
      if (fields.length === 0 || values.length !== fields.length) return undefined;
      return fromZeek(log, Object.fromEntries(fields.map((name, i) => [name, values[i]])), place);
    }
    const record = toBenignRecord(line);
    if (record !== undefined) return { record, place };
    const members = parsed(line);
    if (members === undefined) return undefined;
    if (members.event_type === "alert") return fromAlert(members, place);
    return fromZeek(typeof members._path === "string" ? members._path : log, members, place);
  };
}

function fromAlert({ alert, src_ip, dest_ip }: Members, place: string): Observation {
  const name =
    typeof alert === "object" && alert !== null && "signature" in alert ? String(alert.signature) : "alert";
  return { alert: { name, ends: [src_ip, dest_ip].filter((end) => typeof end === "string") }, place };
}

function fromZeek(log: string, members: Members, place: string): Observation | undefined {
  const text = (name: string) => {
    const value = members[name];
    if (typeof value === "number") return String(value);
    return typeof value === "string" && value !== "-" && value !== "" ? value : undefined;
  };
  const [source, destination] = [text("id.orig_h"), text("id.resp_h")];
  if (log === "notice") {
    const ends = [text("src"), text("dst"), source, destination].filter((end) => end !== undefined);
    return { alert: { name: text("note") ?? "notice", ends }, place };
  }
  const ts = Number(text("ts"));
  const atMs = Number.isNaN(ts) ? Date.parse(text("ts") ?? "") : ts * 1000;
  if (source === undefined || destination === undefined || Number.isNaN(atMs)) return undefined;
  const name = text("query") ?? text("host") ?? text("server_name");
  const code = MODBUS_FUNCTIONS[(text("func") ?? "").replace(/_EXCEPTION$/, "")];
  const record: BenignRecord = {
    atMs,
    source,
    destination,
    port: Number(text("id.resp_p") ?? 0),
    protocol: log === "conn" ? "flow" : log.replace(/^modbus_.*/, "modbus"),
    ...(log.startsWith("modbus") && code !== undefined && { function: code }),
    ...(name !== undefined && { name: name.toLowerCase() }),
  };
  return { record, place };
}

function parsed(line: string): Members | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}
