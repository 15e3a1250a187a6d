import type { IncomingMessage } from "node:http";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";

/** The most bytes a request may carry. */
export const MAX_BODY_BYTES = 1_048_576;
/** The most lines one request may publish. */
export const MAX_LINES = 10_000;
const MAX_DEPTH = 32;

/**
 * The bytes of a request. It stops at the limit and does not wait for the rest, which may never end.
 * @throws AnamnesisError `input.tooLarge` | `input.invalid`
 */
export async function readBody(request: IncomingMessage): Promise<Uint8Array> {
  const { "content-encoding": encoding = "identity", "content-length": length = "0" } = request.headers;
  if (encoding !== "identity")
    throw new AnamnesisError("input.invalid", "Content-Encoding is not accepted; send the body as it is");
  const tooLarge = () =>
    new AnamnesisError(
      "input.tooLarge",
      `the body exceeds ${MAX_BODY_BYTES} bytes; send it in several requests`,
    );
  if (Number(length) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    // The request has to outlive the loop, or there would be nobody left to answer.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      size += (chunk as Uint8Array).length;
      if (size > MAX_BODY_BYTES) break;
      chunks.push(chunk as Uint8Array);
    }
  } catch (cause) {
    throw new AnamnesisError("input.invalid", "the body was cut off", { cause });
  }
  if (size > MAX_BODY_BYTES) throw tooLarge();
  return Buffer.concat(chunks);
}

/**
 * Text of a body.
 * @throws AnamnesisError `input.invalid` when it is not UTF-8
 */
export function decodeBody(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new AnamnesisError("input.invalid", "the body is not UTF-8", { cause });
  }
}

/** How deep brackets nest outside of strings; never recurses, so that depth costs nothing. */
export function jsonDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (quoted) {
      if (char === 0x5c) at++;
      else if (char === 0x22) quoted = false;
    } else if (char === 0x22) quoted = true;
    else if (char === 0x5b || char === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x5d || char === 0x7d) depth--;
  }
  return deepest;
}

/**
 * A JSON body, nested at most 32 deep.
 * @throws AnamnesisError `input.invalid`
 */
export function parseJsonBody(body: Uint8Array): unknown {
  const text = decodeBody(body);
  if (text.trim() === "") throw new AnamnesisError("input.invalid", "the body is empty; send JSON");
  if (jsonDepth(text) > MAX_DEPTH)
    throw new AnamnesisError("input.invalid", `the body nests deeper than ${MAX_DEPTH} levels`);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AnamnesisError("input.invalid", "the body is not JSON", { cause });
  }
}

/** The lines of a newline-delimited body; empty lines are left out. */
export function splitLines(body: Uint8Array): { readonly line: string }[] {
  const lines: { line: string }[] = [];
  for (const raw of decodeBody(body).split("\n")) {
    const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
    if (line.trim() !== "") lines.push({ line });
  }
  return lines;
}
