import { createHash } from "node:crypto";

/** Bytes that stand for a malicious firmware image: 4,096 bytes of text, always the same, that do nothing. */
export function harmlessImage(): Buffer {
  const notice = "Harmless test file of the Anamnesis recordings. Nothing runs it.\n";
  const lines = [notice];
  for (let line = 0; line < 64; line += 1) {
    lines.push(`${createHash("sha256").update(`${notice}${line}`).digest("hex")}\n`);
  }
  return Buffer.from(lines.join("")).subarray(0, 4096);
}
