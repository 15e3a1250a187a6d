/** A detection as a program publishes it, and its line; only what it knows has to be there. */

/** One end of what was seen. */
export interface PublishedEnd {
  readonly address: string;
  readonly port?: number;
}

/** A detection of a program. On the wire it is a JSON object that begins with `"anamnesis": "detection/1"`. */
export interface PublishedDetection {
  /** ISO 8601 with an offset, or epoch seconds or milliseconds. Absent: when the node reads it. */
  readonly time?: string | number;
  readonly rule: { readonly id: string | number; readonly name?: string; readonly category?: string };
  /** 0–100, 100 worst. */
  readonly severity?: number;
  readonly action?: "allowed" | "blocked";
  /** Who attacks and who is attacked, when the program knows. */
  readonly attacker?: PublishedEnd;
  readonly victim?: PublishedEnd;
  /** The ends of a packet or flow, when it does not: the plant's own rules tell them apart, or nobody is accused. */
  readonly source?: PublishedEnd;
  readonly destination?: PublishedEnd;
  readonly transport?: string;
  readonly appProtocol?: string;
  readonly flowId?: string;
  readonly communityId?: string;
  /** Of the attacker's side only. `file`: a SHA-256. */
  readonly observables?: readonly {
    readonly kind: "domain-name" | "file" | "ja3" | "ja4";
    readonly value: string;
  }[];
  /** The function code of the Modbus request that was seen, 1–127. */
  readonly modbusFunction?: number;
  readonly attackIds?: readonly string[];
}

/** What every record begins with. */
export const OWN_MARK = "detection/1";

/** A published detection as its line. */
export function ownLine(detection: PublishedDetection): string {
  return JSON.stringify({ anamnesis: OWN_MARK, ...detection });
}
