import type { EveContext } from "@anamnesis/sdk/core/eve";
import type { Self } from "@anamnesis/sdk/core/types";

/** A plant whose controllers are the ones in the recorded and the sample alerts. */
export const SELF: Self = {
  assets: [
    { name: "plc", addresses: ["10.1.2.10", "10.20.0.10"] },
    { name: "workstation", addresses: ["10.1.5.50"] },
  ],
  domains: ["plant.example"],
  roles: { otNetwork: ["10.1.2.0/24"], writers: ["10.1.2.20"], controllers: ["10.1.2.10", "10.20.0.10"] },
  services: [],
  files: [],
  confirmedAtMs: 0,
};

export const CONTEXT: EveContext = { detector: "eve", readAtMs: 7, stream: "1:abc", offset: 0, self: SELF };

/** An alert with parts replaced; undefined removes a member. */
export function alertLine(parts: Record<string, unknown> = {}, alert: Record<string, unknown> = {}): string {
  return JSON.stringify({
    timestamp: "2026-03-01T10:00:00.123456+0000",
    flow_id: 1398609176796675,
    event_type: "alert",
    src_ip: "203.0.113.66",
    src_port: 41822,
    dest_ip: "10.20.0.10",
    dest_port: 502,
    proto: "TCP",
    alert: {
      action: "allowed",
      gid: 1,
      signature_id: 2250009,
      rev: 2,
      signature: "SURICATA Modbus invalid Function code",
      category: "Generic Protocol Command Decode",
      severity: 1,
      ...alert,
    },
    app_proto: "modbus",
    ...parts,
  });
}
