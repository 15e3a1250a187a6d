import { createHash } from "node:crypto";

/** What a packet capture holds. */
export interface CaptureFacts {
  bytes: number;
  /** SHA-256 of the uncompressed capture, hex. */
  sha256: string;
  packets: number;
  spanSeconds: number;
}

const LITTLE_ENDIAN_MICROSECONDS = 0xa1b2c3d4;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** Counts the packets of a classic little-endian pcap file. */
export function countCapture(content: Buffer): CaptureFacts {
  if (content.readUInt32LE(0) !== LITTLE_ENDIAN_MICROSECONDS)
    throw new Error("not a little-endian pcap file");
  let packets = 0;
  let first = 0;
  let last = 0;
  let at = FILE_HEADER_BYTES;
  while (at + RECORD_HEADER_BYTES <= content.length) {
    last = content.readUInt32LE(at) + content.readUInt32LE(at + 4) / 1e6;
    if (packets === 0) first = last;
    packets += 1;
    at += RECORD_HEADER_BYTES + content.readUInt32LE(at + 8);
  }
  return {
    bytes: content.length,
    sha256: createHash("sha256").update(content).digest("hex"),
    packets,
    spanSeconds: Math.round(last - first),
  };
}
