import { createReadStream, statSync } from "node:fs";
import type { Readable } from "node:stream";
import { createClient } from "@anamnesis/sdk/client/client";
import { AnamnesisError } from "@anamnesis/sdk/core/errors";
import { createLineSplitter, type Line } from "../../adapters/detectors/lines.ts";
import { locate, locateDetector, type Where } from "../locate.ts";
import type { Result } from "../program.ts";

/**
 * Publishes the lines of a file or of standard input with the plant's detector token, as the program that
 * the token names; its format is the one that the configuration gives that program. No line is read before
 * the batch before it is durable.
 * @throws AnamnesisError `input.invalid`, `input.tooLarge` for a line that no node takes, or the node's code
 */
export async function publishFile(
  file: string,
  where: Where,
  options: { readonly key?: string },
): Promise<Result> {
  if (file !== "-" && statSync(file, { throwIfNoEntry: false })?.isFile() !== true)
    throw new AnamnesisError("input.invalid", `${file} is no file that can be read`);
  const { url, token } = locateDetector(locate(where), where);
  const client = createClient({ url, token });
  const input = file === "-" ? process.stdin : createReadStream(file);
  const result = await client.publish(linesOf(input), {
    ...(options.key !== undefined && { idempotencyKey: options.key }),
  });
  const { accepted, batches, duplicates } = result;
  const again = duplicates > 0 ? `, of which the node had ${duplicates} already` : "";
  return {
    json: result,
    raw: [String(accepted)],
    human: () => `${accepted} lines are durable, in ${batches} batches${again}`,
  };
}

async function* linesOf(input: Readable): AsyncGenerator<string> {
  const splitter = createLineSplitter(0);
  const text = ({ bytes, tooLong, offset }: Line): string => {
    if (!tooLong) return bytes.toString().replace(/\r$/, "");
    throw new AnamnesisError("input.tooLarge", `the line at byte ${offset} is more than a node takes`);
  };
  for await (const chunk of input as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(splitter.room(), 0, at);
      splitter.added(copied);
      at += copied;
      for (let line = splitter.next(); line !== undefined; line = splitter.next()) yield text(line);
    }
  }
  const rest = splitter.rest();
  if (rest !== undefined) yield text(rest);
}
