/** Bytes of a line to its text. */
import { cleanBytes } from "../core/eve.ts";

/** Text without byte order mark and carriage return; bytes that are no UTF-8 become U+FFFD. */
export function lineText(line: Uint8Array): string {
  const bytes = cleanBytes(line);
  const buffer = Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString();
}

/** The lines of a sample, without empty ones; the last may be half. */
export function sampleLines(head: string): readonly string[] {
  return head
    .replace(/^\ufeff/, "")
    .split("\n")
    .map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line))
    .filter((line) => line.trim() !== "");
}
